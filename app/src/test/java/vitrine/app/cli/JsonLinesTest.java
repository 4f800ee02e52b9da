package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.app.schema.Schemas;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.SpectrumArtifact;
import vitrine.core.json.Json;

/// What the command line prints with `--json` keeps to the schema, whatever the command and however it ends.
@Timeout(180)
class JsonLinesTest {

    private static final Path RESOURCES = Path.of("../model-core/src/test/resources").toAbsolutePath().normalize();
    private static final Path MODELS = RESOURCES.resolve("reference");
    private static final Path CORPUS = RESOURCES.resolve("badinputs");

    @TempDir
    Path folder;

    /// Runs a command with `--json`, holds every line against the schema, and gives the lines.
    private List<JsonNode> lines(int exit, Object... arguments) throws JsonProcessingException {
        List<String> args = new ArrayList<>(Stream.of(arguments).map(String::valueOf).toList());
        args.add("--json");
        Invocation run = Invocation.of(folder, args);
        assertEquals(exit, run.exit(), run.toString());
        List<JsonNode> lines = new ArrayList<>();
        for (String line : run.out().lines().toList()) {
            Schemas.COMMAND_LINE_EVENT.accepts(line);
            lines.add(Json.mapper().readTree(line));
        }
        assertFalse(lines.isEmpty(), run.toString());
        assertEquals(exit == 0 ? "result" : "error", lines.getLast().get("event").asText(), "the last line tells the end");
        assertEquals(1, lines.stream().filter(l -> Set.of("result", "error").contains(l.get("event").asText())).count(), "and no other does");
        return lines;
    }

    private Path text() throws IOException {
        Files.writeString(folder.resolve("texts.jsonl"), """
                {"text": "The lantern over the wall went out.", "label": "prose"}
                {"text": "for i in range(12): if", "label": "code"}
                {"prompt": "The lantern", "completion": " over the wall", "label": "prose"}
                """);
        return folder.resolve("texts.jsonl");
    }

    static Stream<Path> opened() throws IOException {
        List<Path> out = new ArrayList<>();
        try (Stream<Path> all = Files.list(MODELS)) {
            all.filter(p -> Files.exists(p.resolve("config.json"))).sorted().forEach(out::add);
        }
        assertTrue(out.size() > 40, "the reference cases have shrunk: " + out.size());
        // An adapter, a family that is not known, a damaged config, odd values, sharded, a hub cache.
        out.addAll(List.of(CORPUS.resolve("adapter/valid"), CORPUS.resolve("config/unknown_family"), CORPUS.resolve("config/hidden_mismatch"),
                CORPUS.resolve("safetensors/nan_inf.safetensors"), CORPUS.resolve("safetensors/zero_size.safetensors"), CORPUS.resolve("sharded/valid"),
                CORPUS.resolve("sharded/total_size_wrong"), CORPUS.resolve("hf_cache/valid/models--acme--tiny"), MODELS.resolve("fmt-gguf-q8_0/model.gguf"),
                MODELS.resolve("gguf-gpt2/model.gguf"), CORPUS.resolve("gguf/valid.gguf"), CORPUS.resolve("pickle/valid_views.pt")));
        return out.stream();
    }

    @ParameterizedTest
    @MethodSource("opened")
    void open(Path path) throws JsonProcessingException {
        JsonNode result = lines(0, "open", path).getLast();
        assertEquals(path.toString(), result.get("path").asText());
    }

    @Test
    void engines() throws JsonProcessingException {
        lines(0, "engines");
    }

    @Test
    void captureWithEverythingThatItCanKeep() throws IOException {
        Path out = folder.resolve("capture.safetensors");
        List<JsonNode> lines = lines(0, "capture", MODELS.resolve("llama-gqa"), "--prompt", "The lantern over the wall", "--out", out,
                "--what", "attentions,hidden_states,logits,kv,loss,blocks,metrics,thumbnails,similarity,arank,rollout,head_similarity");
        assertTrue(lines.stream().anyMatch(l -> l.get("event").asText().equals("progress")), "a run shows progress");
        JsonNode result = lines.getLast();
        assertFalse(result.get("cached").asBoolean());
        assertTrue(result.get("loss").isNumber() && result.get("tensors").size() > 12, result.toString());
        assertTrue(lines(0, "capture", MODELS.resolve("llama-gqa"), "--prompt", "The lantern over the wall", "--out", out,
                "--what", "attentions,hidden_states,logits,kv,loss,blocks,metrics,thumbnails,similarity,arank,rollout,head_similarity").getLast().get("cached").asBoolean(),
                "asked twice, computed once");
        manifestsAreValid(1);
    }

    @Test
    void headsAndEval() throws IOException {
        JsonNode heads = lines(0, "heads", MODELS.resolve("llama-gqa"), "--data", text(), "--sequence-length", 32, "--out", folder.resolve("heads")).getLast();
        assertEquals(heads.get("layers").asInt(), heads.at("/metrics/entropy").size());
        JsonNode eval = lines(0, "eval", MODELS.resolve("llama-gqa"), "--data", text()).getLast();
        assertEquals(Set.of("prose", "code"), names(eval.get("labels")));
        List<JsonNode> encoder = lines(0, "heads", MODELS.resolve("bert"), "--data", text(), "--sequence-length", 16);
        assertTrue(encoder.stream().anyMatch(l -> l.get("event").asText().equals("warning")), "an encoder has no induction score, and that is said");
        manifestsAreValid(3);
    }

    @Test
    void routing() throws IOException {
        Path model = MODELS.resolve("qwen2-moe");
        List<JsonNode> lines = lines(0, "routing", model, "--data", "first=" + text(), "--data", "second=" + text(), "--experts-per-token", "1,2", "--sequence-length", 16,
                "--out", folder.resolve("routing.json"));
        assertTrue(lines.stream().anyMatch(l -> l.get("event").asText().equals("progress") && l.get("unit").asText().equals("tokens")), "tokens are counted");
        JsonNode result = lines.getLast();
        assertEquals(2, result.get("domains").size());
        assertEquals("[1,2]", result.get("moe_layers").toString(), "its first layer is dense");
        assertEquals(3, result.at("/sweep/rows").size(), "the two that were asked for, and the trained one");
        assertEquals(names(result), with(names(Json.mapper().readTree(folder.resolve("routing.json").toFile())), "event"));
        assertEquals(12, lines(0, "routing", model, "--data", text(), "--max-tokens", 12).getLast().get("tokens").asInt());
        assertEquals("family-unsupported", category("routing", MODELS.resolve("llama-gqa"), "--data", text()));
        JsonNode more = lines(0, "routing", model, "--data", text(), "--sequence-length", 16, "--max-tokens", 40, "--similarity", "--against", model, "--experts-per-token-at", "1=1", "--mask", "1:2,2:0",
                "--force", "2:3=1,2", "--swap", "2:1,3", "--silence", "1:0").getLast();
        assertEquals("[\"layer 1: 1 expert per token\",\"layer 1: expert 2 masked\",\"layer 2: expert 0 masked\",\"layer 1: expert 0 silent\",\"layer 2: token 3 to experts 1, 2\",\"layer 2: experts 1 and 3 swapped\"]",
                more.at("/what_if/changes").toString());
        assertEquals("[1.0,1.0]", more.at("/against/0/saturation").toString());
        assertTrue(more.at("/what_if/kl").asDouble() > 0 && more.at("/similarity/tokens").asInt() > 0 && more.at("/paths/steps").size() == 1);
        for (String[] wrong : new String[][] {{"--mask", "2"}, {"--mask", "0:1"}, {"--force", "2:3"}, {"--silence", "2"}, {"--swap", "2:1"}, {"--experts-per-token-at", "2:1"}, {"--mask", "99999999999:1"}}) {
            assertEquals("task-invalid", category("routing", model, "--data", text(), wrong[0], wrong[1]), wrong[0] + " " + wrong[1]);
        }
        assertEquals("task-invalid", category("routing", model, "--data", text(), "--experts-per-token", 9));
        assertEquals("task-invalid", category("routing", model, "--data", "a=" + text(), "--data", "a=" + text()));
        assertEquals("task-invalid", category("routing", model));
    }

    @Test
    void adapters() throws IOException {
        Path base = MODELS.resolve("llama-gqa");
        Path adapter = MODELS.resolve("lora-llama");
        List<JsonNode> lines = lines(0, "adapter", adapter, "--model", base, "--data", "prose=" + text(), "--sequence-length", 16, "--ranks", "0,2", "--without", "modules",
                "--modules", "*layers.0*q_proj", "--out", folder.resolve("lora.json"));
        assertTrue(lines.stream().anyMatch(l -> l.get("event").asText().equals("progress") && l.get("unit").asText().equals("modules")), "modules are counted");
        JsonNode result = lines.getLast();
        assertEquals(2, result.at("/curve/points").size());
        assertEquals(1, result.get("rows").valueStream().filter(r -> r.has("loss_without")).count());
        assertEquals(names(result), with(names(Json.mapper().readTree(folder.resolve("lora.json").toFile())), "event"));
        assertTrue(Files.exists(folder.resolve("lora.safetensors")));
        lines(0, "adapter", "compare", adapter, MODELS.resolve("lora-patterns"));
        Path cut = folder.resolve("cut");
        assertEquals(cut.toString(), lines(0, "adapter", "cut", adapter, "--energy", 0.9, "--out", cut).getLast().get("out").asText());
        Path merged = folder.resolve("merged");
        lines(0, "adapter", "merge", adapter + "=0.5", "--model", base, "--out", merged);
        lines(0, "adapter", "extract", base, merged, "--rank", 8, "--out", folder.resolve("extracted"));
        JsonNode eval = lines(0, "eval", base, "--adapter", cut, "--adapter", adapter + "=-1", "--data", text(), "--sequence-length", 16).getLast();
        assertEquals(2, eval.get("adapters").size());
        assertEquals(-1, eval.at("/adapters/1/weight").asDouble());
        manifestsAreValid(6);
        assertEquals("task-invalid", category("adapter"));
        assertEquals("task-invalid", category("adapter", "cut", adapter, "--rank", 2));
        assertEquals("task-invalid", category("adapter", "cut", adapter, "--rank", 2, "--out", cut));
        assertEquals("task-invalid", category("adapter", "cut", adapter, "--rank", 2, "--energy", 0.5, "--out", folder.resolve("x")));
        assertEquals("task-invalid", category("adapter", adapter, "--order", "size"));
        assertEquals("task-invalid", category("eval", base, "--adapter", adapter + "=much", "--data", text()));
        assertEquals("adapter-mismatch", category("eval", MODELS.resolve("gpt2"), "--adapter", adapter, "--data", text()));
        assertEquals("adapter-invalid", category("adapter", base));
        assertEquals("not-found", category("adapter", "/no/such"));
    }

    @Test
    void compare() throws IOException {
        Path base = MODELS.resolve("llama-gqa");
        Path adapter = MODELS.resolve("lora-llama");
        List<JsonNode> lines = lines(0, "compare", base, base, "--adapter-b", adapter + "=0.5", "--data", "prose=" + text(), "--sequence-length", 16, "--prompt", "The lantern over", "--out",
                folder.resolve("c.json"));
        assertTrue(lines.stream().anyMatch(l -> l.get("event").asText().equals("progress") && l.get("unit").asText().equals("MFLOP")), "operations are counted");
        JsonNode result = lines.getLast();
        assertTrue(result.at("/tensors/changed").asInt() > 0);
        assertTrue(result.at("/prompt/js").asDouble() > 0);
        assertEquals(names(result), with(names(Json.mapper().readTree(folder.resolve("c.json").toFile())), "event"));
        assertTrue(Files.exists(folder.resolve("c.safetensors")));
        JsonNode few = lines(0, "compare", base, MODELS.resolve("qwen2"), "--spectra", "none").getLast();
        assertTrue(few.get("prompt").isNull());
        assertTrue(few.at("/same/tokenizer_note").asText().length() > 5);
        manifestsAreValid(2);
        assertEquals("task-invalid", category("compare", base));
        assertEquals("task-invalid", category("compare", base, base, "--spectra", "rough"));
        assertEquals("task-invalid", category("compare", base, base, "--sequence-length", 16));
        assertEquals("task-invalid", category("compare", base, base, "--prompt", "a", "--ids", "b.json"));
        assertEquals("not-found", category("compare", base, "/no/such"));
        assertEquals("not-found", category("compare", base, "999999"));
        assertEquals("not-found", category("compare", base, base, "--data", "/no/such.txt"));
    }

    @Test
    void rank() throws IOException {
        Path model = MODELS.resolve("llama-gqa");
        List<JsonNode> lines = lines(0, "rank", model, "--data", text(), "--of", "kv", "--growth", "--centred", "--sequence-length", 16, "--out", folder.resolve("kv.json"));
        assertTrue(lines.stream().anyMatch(l -> l.get("event").asText().equals("progress") && l.get("unit").asText().equals("tokens")), "tokens are counted");
        assertEquals(8, lines.getLast().get("sites").size());
        assertTrue(lines.getLast().get("centred").asBoolean() && lines.getLast().get("growth").isObject());
        assertEquals(names(lines.getLast()), with(names(Json.mapper().readTree(folder.resolve("kv.json").toFile())), "event"));
        JsonNode hidden = lines(0, "rank", model, "--data", text(), "--of", "hidden", "--exclude-massive", "--max-tokens", 12).getLast();
        assertEquals(12, hidden.get("tokens").asInt());
        JsonNode activations = lines(0, "rank", model, "--data", text(), "--of", "activations", "--ratio", 0.5, "--alpha", 0.3, "--tail-error", 0.1, "--perplexity-rise", 1,
                "--rank-aware", 0.5).getLast();
        assertEquals(0.3, activations.at("/allocation/alpha").asDouble());
        // An encoder has hidden states, keys and values; a model without rotary embedding says that its keys are not rotated.
        assertFalse(lines(0, "rank", MODELS.resolve("bert"), "--data", text(), "--of", "kv", "--sequence-length", 16).getLast().get("rotary").asBoolean());
        lines(0, "rank", MODELS.resolve("gpt-neox"), "--data", text(), "--of", "activations");
        manifestsAreValid(5);
    }

    private static Set<String> with(Set<String> names, String more) {
        names.add(more);
        return names;
    }

    @Test
    void whatHasNoRankIsRefused() throws IOException {
        Path model = MODELS.resolve("llama-gqa");
        Path one = Files.writeString(folder.resolve("one.jsonl"), "{\"input_ids\":[7]}\n");
        Path none = Files.writeString(folder.resolve("none.jsonl"), "");
        assertEquals("dataset-invalid", category("rank", model, "--data", one, "--of", "kv"));
        assertEquals("dataset-invalid", category("rank", model, "--data", none, "--of", "kv"));
        assertEquals("not-found", category("rank", model, "--data", "/no/such", "--of", "kv"));
        assertEquals("task-invalid", category("rank", model, "--data", text()));
        assertEquals("task-invalid", category("rank", model, "--data", text(), "--of", "weights"));
        assertEquals("task-invalid", category("rank", model, "--data", text(), "--of", "kv", "--max-tokens", 1));
        assertEquals("task-invalid", category("rank", model, "--data", text(), "--of", "kv", "--ratio", 0.5));
        assertEquals("task-invalid", category("rank", model, "--data", text(), "--of", "activations", "--centred"));
        assertEquals("task-invalid", category("rank", model, "--data", text(), "--of", "activations", "--ratio", 1.5));
        assertEquals("task-invalid", category("rank", model, "--data", text(), "--of", "activations", "--alpha", 0.5));
        assertEquals("family-unsupported", category("rank", MODELS.resolve("bert"), "--data", text(), "--of", "activations", "--perplexity-rise", 1, "--sequence-length", 16));
    }

    @Test
    void snapshot() throws JsonProcessingException {
        Path out = folder.resolve("view.png");
        JsonNode result = lines(0, "snapshot", "anatomy", MODELS.resolve("llama-gqa"), "--size", "900x700", "--scale", 1, "--out", out).getLast();
        assertEquals(out.toString(), result.get("out").asText());
    }

    @Test
    void snapshotOfRanks() throws IOException {
        Path out = folder.resolve("rank.svg");
        JsonNode result = lines(0, "snapshot", "rank", MODELS.resolve("llama-gqa"), "--size", "1000x760", "--out", out).getLast();
        assertEquals("rank", result.get("view").asText());
        String svg = Files.readString(out);
        assertTrue(svg.contains("<svg") && svg.length() > 20_000, "a picture of four figures");
        assertEquals("task-invalid", category("snapshot", "rank", CORPUS.resolve("adapter/valid"), "--out", out));
        assertEquals("artifact-invalid", category("snapshot", "rank", text(), "--out", out));
    }

    /// What `--out` wrote holds all that its artifact's folder holds.
    @Test
    void snapshotOfWhatACommandWrote() throws IOException {
        Path spectra = folder.resolve("spectra.safetensors");
        JsonNode told = lines(0, "spectrum", MODELS.resolve("llama-gqa"), "--out", spectra).getLast();
        lines(0, "spectrum", MODELS.resolve("llama-gqa"), MODELS.resolve("llama-gqa"), "--tensors", "*q_proj*", "--heads");
        lines(0, "spectrum", MODELS.resolve("llama-gqa"), "--against", MODELS.resolve("llama-gqa"), "--tensors", "*q_proj*", "--accuracy", "fast");
        Path cache = folder.resolve("cache.safetensors");
        lines(0, "rank", MODELS.resolve("llama-gqa"), "--data", text(), "--of", "kv", "--sequence-length", 16, "--out", cache);
        for (Path made : List.of(spectra, cache)) {
            Path out = folder.resolve(made.getFileName() + ".svg");
            lines(0, "snapshot", "rank", made, "--size", "1000x760", "--out", out);
            assertTrue(Files.size(out) > 20_000, "a picture of figures");
        }
        Artifact file = Artifact.open(spectra);
        assertEquals("exact", file.manifest().task().get("accuracy").asText());
        SpectrumArtifact rows = SpectrumArtifact.of(file);
        assertEquals(told.get("matrices").size(), rows.rows().size());
        assertEquals(told.at("/matrices/3/effective_rank").doubleValue(), rows.rows().get(3).value(Measure.EFFECTIVE_RANK).getAsDouble());
        assertEquals(rows.rows().get(3).rank(), rows.values(rows.rows().get(3)).length);
        assertEquals(file.manifest().provenance().keySet(), file.tensors().tensors().keySet());
    }

    @Test
    void snapshotOfRouting() throws IOException {
        Path out = folder.resolve("routing.svg");
        JsonNode result = lines(0, "snapshot", "routing", MODELS.resolve("mixtral"), "--data", "words=" + text(), "--size", "1000x760", "--out", out).getLast();
        assertEquals("routing", result.get("view").asText());
        String svg = Files.readString(out);
        assertTrue(svg.contains("<svg") && svg.length() > 20_000, "a picture of load, paths and pairs");
        assertEquals("task-invalid", category("snapshot", "routing", MODELS.resolve("mixtral"), "--out", out), "texts are missing");
        assertEquals("task-invalid", category("snapshot", "routing", MODELS.resolve("llama-gqa"), "--data", text(), "--out", out), "there are no experts");
        assertEquals("artifact-invalid", category("snapshot", "routing", text(), "--out", out));
    }

    @Test
    void refusalsOfEveryCommand() throws IOException {
        assertEquals("not-found", category("open", "/no/such"));
        assertEquals("truncated", category("open", CORPUS.resolve("safetensors/data_truncated.safetensors")));
        assertEquals("not-found", category("capture", "/no/such", "--prompt", "a", "--out", folder.resolve("x")));
        assertEquals("task-invalid", category("capture", MODELS.resolve("llama-gqa"), "--prompt", "a"));
        assertEquals("task-invalid", category("capture", MODELS.resolve("llama-gqa"), "--prompt", "a", "--what", "everything", "--out", folder.resolve("x")));
        assertEquals("not-found", category("heads", MODELS.resolve("llama-gqa"), "--data", "/no/such"));
        assertEquals("task-invalid", category("eval", MODELS.resolve("llama-gqa"), "--data", text(), "--sequence-length", 1));
        assertEquals("family-unsupported", category("eval", MODELS.resolve("bert"), "--data", text()));
        assertEquals("task-invalid", category("engines", "--engine", "pytorch"));
        assertEquals("task-invalid", category("snapshot", "weather", folder));
        assertEquals("task-invalid", category("open"));
        assertEquals("task-invalid", category("open", "a", "b"));
    }

    private String category(Object... arguments) throws JsonProcessingException {
        return lines(2, arguments).getLast().get("category").asText();
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    /// The manifests of everything in the store.
    private void manifestsAreValid(int expected) throws IOException {
        try (Stream<Path> artifacts = Files.list(folder.resolve("home/artifacts"))) {
            List<Path> all = artifacts.toList();
            assertEquals(expected, all.size());
            for (Path artifact : all) {
                Schemas.MANIFEST.accepts(Files.readString(artifact.resolve("manifest.json")));
            }
        }
    }
}
