package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.testing.Reference;
import vitrine.core.testing.SharedReference;

/// What the commands write is what the standard implementation computes: names, shapes and values, from end to end.
@Timeout(180)
class ReferenceCommandsTest {

    private static final Path CASES = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();
    private static final String EVERYTHING = "attentions,hidden_states,logits,kv,loss,blocks";
    /// Tensors of the reference that no capture holds: what follows a prompt, and what only an encoder's own test has.
    private static final Set<String> NOT_CAPTURED = Set.of("greedy_ids", "token_type_ids", "masked_positions", "masked_nll", "padded_logits");

    @TempDir
    Path folder;

    private Invocation run(Object... arguments) {
        List<String> args = new ArrayList<>();
        for (Object a : arguments) {
            args.add(String.valueOf(a));
        }
        Invocation run = Invocation.of(folder, args);
        assertEquals(0, run.exit(), run.toString());
        return run;
    }

    private Path ids(SafetensorsFile expected, String prompt) throws IOException {
        ObjectNode json = Json.object();
        put(json.putArray("input_ids"), expected.ints(prompt + "input_ids"));
        if (expected.has(prompt + "token_type_ids")) {
            put(json.putArray("token_type_ids"), expected.ints(prompt + "token_type_ids"));
        }
        return Files.writeString(folder.resolve("ids.json"), Json.line(json.size() == 1 ? json.get("input_ids") : json));
    }

    private static void put(ArrayNode list, int[] values) {
        for (int v : values) {
            list.add(v);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "bert", "gpt2-hub-names", "fmt-hf-cache", "fmt-sharded", "fmt-bf16", "llama-f8-e4m3", "olmoe", "gpt-oss", "deepseek-v3", "glm4-moe", "falcon"})
    void captureHoldsEveryTensorOfTheReference(String name) throws IOException {
        Reference reference = Reference.at(CASES.resolve(name));
        boolean encoder = name.equals("bert");
        Path out = folder.resolve("capture.safetensors");
        try (SafetensorsFile expected = reference.expected()) {
            run("capture", reference.checkpoint(), "--ids", ids(expected, "p0."), "--what", encoder ? "attentions,hidden_states,logits,blocks" : expected.has("p0.router_logits") ? EVERYTHING + ",router" : EVERYTHING, "--out", out);
            try (SafetensorsFile got = SafetensorsFile.open(out)) {
                Set<String> missing = new TreeSet<>();
                for (String tensor : expected.tensors().keySet()) {
                    String plain = tensor.substring(3);
                    if (!tensor.startsWith("p0.") || NOT_CAPTURED.contains(plain)) {
                        continue;
                    }
                    if (!got.has(plain)) {
                        missing.add(plain);
                        continue;
                    }
                    assertEquals(expected.tensors().get(tensor).shape(), got.tensors().get(plain).shape(), plain);
                    assertEquals(expected.tensors().get(tensor).dtype(), got.tensors().get(plain).dtype(), plain);
                    double[] wide = got.doubles(plain);
                    float[] values = new float[wide.length];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) wide[i];
                    }
                    reference.compare(expected, tensor, values);
                }
                assertEquals(Set.of(), missing);
            }
        }
    }

    @Test
    void aPromptAndItsFileAndItsIdsAreTheSame() throws IOException {
        Reference reference = Reference.at(CASES.resolve("llama-gqa"));
        String text = reference.golden().at("/prompts/0/text").asText();
        Path file = Files.writeString(folder.resolve("prompt.txt"), text);
        try (SafetensorsFile expected = reference.expected()) {
            run("capture", reference.checkpoint(), "--prompt", text, "--out", folder.resolve("a"));
            run("capture", reference.checkpoint(), "--prompt-file", file, "--out", folder.resolve("b"));
            run("capture", reference.checkpoint(), "--ids", ids(expected, "p0."), "--out", folder.resolve("c"));
            try (SafetensorsFile a = SafetensorsFile.open(folder.resolve("a")); SafetensorsFile b = SafetensorsFile.open(folder.resolve("b"));
                 SafetensorsFile c = SafetensorsFile.open(folder.resolve("c"))) {
                assertArrayEquals(expected.ints("p0.input_ids"), a.ints("input_ids"));
                for (SafetensorsFile other : List.of(b, c)) {
                    assertArrayEquals(a.doubles("attentions"), other.doubles("attentions"));
                    assertArrayEquals(a.ints("input_ids"), other.ints("input_ids"));
                }
            }
        }
    }

    @Test
    void aRangeOfLayersIsThatPartOfAll() throws IOException {
        Reference reference = Reference.at(CASES.resolve("gemma2"));
        String what = "attentions,hidden_states,kv,blocks,metrics,similarity,rollout,arank";
        try (SafetensorsFile expected = reference.expected()) {
            Path ids = ids(expected, "p0.");
            run("capture", reference.checkpoint(), "--ids", ids, "--what", what, "--out", folder.resolve("all"));
            run("capture", reference.checkpoint(), "--ids", ids, "--what", what, "--layers", "1-2", "--out", folder.resolve("some"));
        }
        try (SafetensorsFile all = SafetensorsFile.open(folder.resolve("all")); SafetensorsFile some = SafetensorsFile.open(folder.resolve("some"))) {
            assertEquals(all.tensors().keySet(), some.tensors().keySet());
            for (String tensor : all.tensors().keySet()) {
                double[] a = all.doubles(tensor);
                double[] s = some.doubles(tensor);
                if (tensor.equals("layer_cosine") || tensor.equals("layer_divergence")) {
                    assertArrayEquals(new double[] {a[5], a[6], a[9], a[10]}, s, tensor);
                } else if (!tensor.equals("input_ids")) {
                    int layer = a.length / (tensor.equals("hidden_states") ? 5 : 4);
                    assertArrayEquals(java.util.Arrays.copyOfRange(a, layer, layer + s.length), s, tensor);
                    assertEquals((tensor.equals("hidden_states") ? 3 : 2) * layer, s.length, tensor);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"an-attention-llama", "an-attention-gemma2", "an-attention-gpt-oss"})
    void headsMeasuresWhatTheReferenceDoes(String name) throws IOException {
        Reference analysis = Reference.at(CASES.resolve(name));
        Reference model = Reference.at(CASES.resolve(analysis.golden().get("base_case").asText()));
        List<String> columns = new ArrayList<>();
        analysis.golden().get("columns").fieldNames().forEachRemaining(columns::add);
        try (SafetensorsFile expected = analysis.expected()) {
            ObjectNode line = Json.object();
            StringBuilder data = new StringBuilder();
            for (String p : List.of("p0.", "p1.")) {
                put(line.putArray("input_ids"), expected.ints(p + "input_ids"));
                data.append(Json.line(line)).append('\n');
            }
            Files.writeString(folder.resolve("data.jsonl"), data);
            run("heads", model.checkpoint(), "--data", folder.resolve("data.jsonl"), "--out", folder.resolve("heads.safetensors"));
            double[] first = expected.doubles("p0.head_metrics");
            double[] second = expected.doubles("p1.head_metrics");
            JsonNode json = Json.mapper().readTree(folder.resolve("heads.json").toFile());
            try (SafetensorsFile got = SafetensorsFile.open(folder.resolve("heads.safetensors"))) {
                for (int c = 0; c < columns.size(); c++) {
                    double[] mean = got.doubles(columns.get(c));
                    double[] error = got.doubles(columns.get(c) + "_standard_error");
                    for (int h = 0; h < mean.length; h++) {
                        double a = first[h * columns.size() + c];
                        double b = second[h * columns.size() + c];
                        assertEquals((a + b) / 2, mean[h], 1e-4, columns.get(c));
                        // Of two values: half their distance.
                        assertEquals(Math.abs(a - b) / 2, error[h], 1e-4, columns.get(c));
                        int heads = json.get("heads").asInt();
                        assertEquals(mean[h], json.get("metrics").get(columns.get(c)).get(h / heads).get(h % heads).asDouble(), 0.0);
                    }
                }
            }
        }
    }

    @Test
    void evalOfTheTrainedModel() throws IOException {
        Path model = SharedReference.require("stories260k");
        JsonNode golden = Json.mapper().readTree(model.resolve("golden.json").toFile()).get("perplexity");
        JsonNode story = run("eval", model, "--data", model.resolve("eval.txt"), "--json").events("result").getFirst();
        assertEquals(golden.at("/eval.txt/predicted_tokens").asLong(), story.get("predicted_tokens").asLong());
        assertEquals(golden.at("/eval.txt/nll").asDouble(), story.get("loss").asDouble(), 1e-5);
        assertEquals(golden.at("/eval.txt/perplexity").asDouble(), story.get("perplexity").asDouble(), 1e-4);
        JsonNode stories = run("eval", model, "--data", SharedReference.require("text").resolve("tinystories-sample.txt"), "--json").events("result").getFirst();
        assertEquals(5, stories.get("sequences").asLong());
        assertEquals(golden.at("/tinystories-sample/nll").asDouble(), stories.get("loss").asDouble(), 1e-5);
    }

    @Test
    void captureOfTheTrainedModel() throws IOException {
        Path model = SharedReference.require("stories260k");
        String prompt = Json.mapper().readTree(model.resolve("golden.json").toFile()).at("/prompts/0/prompt").asText();
        run("capture", model, "--prompt", prompt, "--what", "attentions,hidden_states,logits", "--out", folder.resolve("a"));
        try (SafetensorsFile got = SafetensorsFile.open(folder.resolve("a")); SafetensorsFile golden = SafetensorsFile.open(model.resolve("golden.safetensors"))) {
            assertArrayEquals(golden.ints("p0.ids"), got.ints("input_ids"));
            assertArrayEquals(golden.doubles("p0.logits"), got.doubles("logits"), 2e-4 * 20);
            int map = golden.doubles("p0.attn.0").length;
            for (int l = 0; l < 5; l++) {
                assertArrayEquals(golden.doubles("p0.attn." + l), java.util.Arrays.copyOfRange(got.doubles("attentions"), l * map, (l + 1) * map), 1e-5);
            }
        }
    }

    @Test
    void openCountsWhatTheFileHolds() {
        for (String name : List.of("llama-tied", "gpt2-hub-names", "fmt-sharded", "fmt-hf-cache")) {
            Path path = Reference.at(CASES.resolve(name)).checkpoint();
            JsonNode open = run("open", path, "--json").events("result").getFirst();
            long stored = 0;
            long idle = 0;
            for (JsonNode t : open.get("tensors")) {
                long n = 1;
                for (JsonNode size : t.get("shape")) {
                    n *= size.asLong();
                }
                assertEquals(n, t.get("parameters").asLong());
                stored += n;
                // The causal mask that the first GPT-2 files store is no weight.
                idle += t.get("name").asText().matches(".*\\battn\\.bias") && name.equals("gpt2-hub-names") ? n : 0;
            }
            assertEquals(stored - idle, open.get("parameters").asLong(), name);
            assertEquals(4 * (stored - idle), open.at("/memory/float32_bytes").asLong());
            long parts = 0;
            for (JsonNode p : open.get("parameters_by_part")) {
                parts += p.asLong();
            }
            assertEquals(open.get("parameters").asLong(), parts, name);
            assertEquals(name.equals("llama-tied") || name.startsWith("gpt2"), open.at("/config/tied").asBoolean(), name);
            assertTrue(open.get("runs").asBoolean());
            assertTrue(open.get("warnings").isEmpty(), open.get("warnings").toString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"an-kv-llama", "an-kv-qwen3"})
    void rankHoldsEveryTensorOfTheReference(String name) throws IOException {
        Reference reference = Reference.at(CASES.resolve(name));
        Path out = folder.resolve("rank.safetensors");
        try (SafetensorsFile expected = reference.expected()) {
            int[] all = expected.ints("input_ids");
            StringBuilder lines = new StringBuilder();
            for (int from = 0; from < all.length; from += 16) {
                lines.append("{\"input_ids\":").append(java.util.Arrays.toString(java.util.Arrays.copyOfRange(all, from, from + 16))).append("}\n");
            }
            Path data = Files.writeString(folder.resolve("ids.jsonl"), lines);
            run("rank", CASES.resolve(reference.golden().get("base_case").asText()), "--data", data, "--of", "kv", "--out", out);
            try (SafetensorsFile got = SafetensorsFile.open(out)) {
                for (String tensor : expected.tensors().keySet()) {
                    if (!tensor.equals("input_ids")) {
                        assertEquals(expected.tensors().get(tensor).shape(), got.tensors().get(tensor).shape(), tensor);
                        assertEquals(expected.tensors().get(tensor).dtype(), got.tensors().get(tensor).dtype(), tensor);
                        reference.compare(expected, tensor, got.floats(tensor));
                    }
                }
                assertEquals("er1,er2,participation_ratio_energy,participation_ratio_sigma,stable_rank,nuclear_rank,spectral_norm,frobenius_norm,nuclear_norm,"
                        + "rank90,rank95,rank99,condition_number", got.metadata().get("metrics"));
            }
            assertTrue(Files.isRegularFile(folder.resolve("rank.json")));
        }
    }

    @Test
    void rankPrintsATableForPeople() throws IOException {
        Path data = Files.writeString(folder.resolve("text.txt"), "The lantern over the wall went out, and she lit it again.\n".repeat(6));
        Path model = CASES.resolve("llama-gqa");
        String kv = run("rank", model, "--data", data, "--of", "kv", "--growth").out();
        assertTrue(kv.contains("k_proj_layer: outputs of the key projection (before key norm and rotary embedding) of all heads, width 16"), kv);
        assertTrue(kv.contains("effective rank as the context grows"), kv);
        String activations = run("rank", model, "--data", data, "--of", "activations", "--ratio", 0.5, "--perplexity-rise", 5).out();
        assertTrue(activations.contains("ranks shared out") && activations.lines().anyMatch(l -> l.startsWith("perplexity ")), activations);
    }
}
