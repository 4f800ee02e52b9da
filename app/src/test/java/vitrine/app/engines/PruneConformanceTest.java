package vitrine.app.engines;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.app.schema.Schemas;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.engine.Ending;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.WorkerEngine;
import vitrine.core.json.Json;
import vitrine.core.task.Task;

/// Pruning on both engines: the same masks, the same weights, the same report; and transformers loads what the embedded engine writes. It runs where a Python with
/// torch is found, and says loudly where none is.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(240)
class PruneConformanceTest {

    private static final Path CASES = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();

    private static final Set<String> EXPERTS = Set.of("mixtral", "qwen2-moe", "qwen3-moe-stacked", "olmoe");

    private static final List<String> INSIDE = List.of("effective_rank", "attention", "routing");
    /// Figures below it are compared as if they were this large.
    private static final double LEAST = 1e-2;
    /// Relative. The largest difference was 1.7e-6, of a head's mass on the first token; of effective ranks 6e-15.
    private static final double TOLERANCE = 2e-5;

    private Path folder;
    private BothEngines engines;
    private WorkerEngine pytorch;
    private WorkerEngine embedded;
    private Path data;
    /// Texts enough for most experts, and not for all.
    private Path many;
    private int runs;

    @BeforeAll
    void open(@TempDir Path temporary) throws IOException {
        folder = temporary;
        engines = BothEngines.open(folder, "PRUNING ON THE PYTORCH ENGINE");
        pytorch = engines.pytorch();
        embedded = engines.embedded();
        Random random = new Random(3);
        List<String> lines = new ArrayList<>();
        for (int length : new int[] {24, 48, 40, 48, 24, 31, 48, 48, 48, 17}) {
            lines.add("{\"input_ids\": " + random.ints(length, 0, 96).boxed().toList() + "}");
        }
        data = Files.write(folder.resolve("data.jsonl"), lines);
        for (int i = 0; i < 20; i++) {
            lines.add("{\"input_ids\": " + random.ints(30 + i, 0, 96).boxed().toList() + "}");
        }
        many = Files.write(folder.resolve("many.jsonl"), lines);
    }

    @AfterAll
    void close() {
        if (engines != null) {
            engines.close();
        }
    }

    private Task task(String model, String method, String settings) throws IOException {
        return task(model, method, settings, data);
    }

    private static Task task(String model, String method, String settings, Path data) throws IOException {
        ObjectNode task = Json.object().put("kind", "prune").put("model", CASES.resolve(model).toString()).put("data", data.toString()).put("method", method);
        task.set("settings", Json.mapper().readTree(settings.replace('\'', '"')));
        return Task.fromJson(task);
    }

    private Artifact run(WorkerEngine engine, Task task, Path at) {
        return assertInstanceOf(Ending.Finished.class, engine.submitTo(task, at.resolve("result"), e -> {}).ending().join(), () -> engine.name() + " on " + task).artifact();
    }

    private Path next() throws IOException {
        return Files.createDirectories(folder.resolve("run-" + runs++));
    }

    /// Seven of the ten texts are picked by the seed, so that the picking is compared as well.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-gqa|magnitude|{'sparsity': 0.3}",
        "gpt2|wanda|{'sparsity': 0.5, 'calibrationSequences': 7, 'seed': 4}",
        "gemma2|wanda|{'pattern': '2:4', 'propagation': 'sequential'}",
        "gpt-neox|sparsegpt|{'sparsity': 0.5, 'propagation': 'sequential', 'calibrationSequences': 7}",
        "llama-gqa|sparsegpt|{'pattern': '2:4'}",
        "phi3|whitened_svd|{'sparsity': 0.4, 'factorised': true}",
        "llama-gqa|svd|{'rank': 8, 'targetModules': ['q_proj', '*.mlp.*']}",
        "gpt2-hub-names|shortgpt|{'layers': 1}",
        "mixtral|wanda|{'sparsity': 0.3, 'calibrationSequences': 14, 'seed': 1}",
        "qwen2-moe|sparsegpt|{'pattern': '2:4', 'propagation': 'sequential'}",
        "qwen3-moe-stacked|magnitude|{'sparsity': 0.5, 'targetModules': ['*.experts.*']}",
        "olmoe|whitened_svd|{'sparsity': 0.4, 'factorised': true}",
        "qwen2-moe-sparse|shortgpt|{'layers': 1}",
        "dbrx|shortgpt|{'layers': 1}",
        "gpt-oss|shortgpt|{'layers': 1}",
        "granitemoe|shortgpt|{'layers': 1}",
        "llama-gqa|shortgpt|{'layers': 1}",
        "llama-rope-dynamic|magnitude|{'sparsity': 0.4}"})
    void bothEnginesAgree(String model, String method, String settings) throws IOException {
        Task task = task(model, method, settings, EXPERTS.contains(model) ? many : data);
        Artifact a = run(embedded, task, next());
        Artifact b = run(pytorch, task, next());
        Schemas.MANIFEST.accepts(Files.readString(b.folder().resolve(Manifest.FILE)));
        assertEquals(a.manifest().inputs(), b.manifest().inputs());
        for (String file : List.of("model.safetensors", "masks.safetensors")) {
            assertEquals(Files.exists(a.folder().resolve(file)), Files.exists(b.folder().resolve(file)), file);
            if (Files.exists(a.folder().resolve(file))) {
                same(a.folder().resolve(file), b.folder().resolve(file));
            }
        }
        JsonNode x = report(a);
        JsonNode y = report(b);
        assertEquals(x.get("calibration"), y.get("calibration"));
        assertEquals(untouched(x), untouched(y), "experts that too few tokens reach");
        if (model.equals("mixtral")) {
            assertTrue(untouched(x).size() > 0 && untouched(x).size() < 48, untouched(x).toString());
        }
        assertEquals(names(x.get("skipped")), names(y.get("skipped")));
        for (String figure : List.of("/sparsity/of_prunable", "/sparsity/parameters", "/sparsity/factorised_of_prunable", "/evaluations/0/dense/loss", "/evaluations/0/pruned/loss", "/evaluations/0/kl",
                "/evaluations/0/top1_agreement", "/layers/0/relative_output_error", "/layers/1/block_influence", "/layers/1/matrices/2/relative_output_error", "/layers/0/matrices/0/predicted_output_error")) {
            assertEquals(x.at(figure).asDouble(), y.at(figure).asDouble(), 1e-4 * Math.max(1e-2, Math.abs(x.at(figure).asDouble())), figure);
            assertEquals(x.at(figure).isMissingNode(), y.at(figure).isMissingNode(), figure);
        }
        inside(a, b);
    }

    /// What happens inside models that are stored otherwise than transformers keeps them.
    @ParameterizedTest
    @CsvSource({"deepseek-v2", "deepseek-v3", "ernie4_5-moe", "phimoe"})
    void bothEnginesSayWhatHappensInside(String model) throws IOException {
        Task task = task(model, "shortgpt", "{'layers': 1}");
        inside(run(embedded, task, next()), run(pytorch, task, next()));
    }

    /// The first layer of a mixture does little, so that it goes: every figure of a layer that is left has another number before and after.
    @Test
    void bothEnginesKnowLayersByTheirNumbersBefore() throws IOException {
        Path model = Files.createDirectory(folder.resolve("faint"));
        try (Stream<Path> files = Files.list(CASES.resolve("mixtral"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Path weights = model.resolve("model.safetensors");
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(weights)).order(ByteOrder.LITTLE_ENDIAN);
        int length = Math.toIntExact(bytes.getLong(0));
        int scaled = 0;
        for (Map.Entry<String, JsonNode> t : Json.mapper().readTree(new String(bytes.array(), 8, length, StandardCharsets.UTF_8)).properties()) {
            if (t.getKey().matches("model\\.layers\\.0\\..*(o_proj|w2)\\.weight")) {
                assertEquals("F32", t.getValue().get("dtype").asText());
                for (int i = 8 + length + t.getValue().at("/data_offsets/0").asInt(); i < 8 + length + t.getValue().at("/data_offsets/1").asInt(); i += 4) {
                    bytes.putFloat(i, bytes.getFloat(i) / 4);
                }
                scaled++;
            }
        }
        assertTrue(scaled > 2, scaled + " tensors were made smaller");
        Files.write(weights, bytes.array());
        Task task = task(model.toString(), "shortgpt", "{'layers': 1}");
        Artifact result = run(embedded, task, next());
        assertEquals("false true", report(result).at("/layers/0/kept").asText() + " " + report(result).at("/layers/1/kept").asText());
        inside(result, run(pytorch, task, next()));
    }

    /// What reports say of ranks, heads, routes and the residual stream: every key, every null, every figure.
    private static void inside(Artifact a, Artifact b) throws IOException {
        JsonNode x = report(a);
        JsonNode y = report(b);
        assertTrue(x.at("/effective_rank/matrices").size() > 0 && x.at("/attention/layers").size() > 0, "the embedded engine says nothing");
        for (String part : INSIDE) {
            agree(part, x.path(part), y.path(part));
            agree("summary/" + part, a.manifest().summary().path(part), b.manifest().summary().path(part));
        }
        assertEquals(x.get("layers").size(), y.get("layers").size());
        boolean moved = false;
        for (int i = 0; i < x.get("layers").size(); i++) {
            JsonNode error = x.get("layers").get(i).path("hidden_state_error");
            agree("layers/" + i + "/hidden_state_error", error, y.get("layers").get(i).path("hidden_state_error"));
            moved |= error.asDouble() > 0;
        }
        // Before the last layer nothing moves where it is the one that goes.
        assertTrue(moved || x.get("layers").get(x.get("layers").size() - 1).path("kept").asText().equals("false"), "no layer's states have moved");
    }

    /// The same JSON, to a tolerance where numbers are not whole.
    private static void agree(String at, JsonNode x, JsonNode y) {
        assertEquals(x.getNodeType(), y.getNodeType(), at);
        if (x.isObject()) {
            assertEquals(keys(x), keys(y), at);
            x.properties().forEach(e -> agree(at + "/" + e.getKey(), e.getValue(), y.get(e.getKey())));
        } else if (x.isArray()) {
            assertEquals(x.size(), y.size(), at);
            for (int i = 0; i < x.size(); i++) {
                agree(at + "/" + i, x.get(i), y.get(i));
            }
        } else if (x.isFloatingPointNumber() || y.isFloatingPointNumber()) {
            assertEquals(x.asDouble(), y.asDouble(), TOLERANCE * Math.max(LEAST, Math.abs(x.asDouble())), at);
        } else {
            assertEquals(x, y, at);
        }
    }

    private static List<String> keys(JsonNode node) {
        List<String> keys = new ArrayList<>();
        node.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    private static void same(Path x, Path y) throws IOException {
        try (SafetensorsFile p = SafetensorsFile.open(x); SafetensorsFile q = SafetensorsFile.open(y)) {
            assertEquals(p.tensors().keySet(), q.tensors().keySet());
            for (String tensor : p.tensors().keySet()) {
                assertEquals(p.tensors().get(tensor).dtype(), q.tensors().get(tensor).dtype(), tensor);
                if (x.endsWith("masks.safetensors")) {
                    assertArrayEquals(p.ints(tensor), q.ints(tensor), tensor);
                } else {
                    float[] want = p.floats(tensor);
                    float[] got = q.floats(tensor);
                    for (int i = 0; i < want.length; i++) {
                        assertEquals(want[i], got[i], 2e-6 * Math.max(1, Math.abs(want[i])), tensor);
                    }
                }
            }
        }
    }

    private static JsonNode report(Artifact artifact) throws IOException {
        return Json.mapper().readTree(artifact.folder().resolve("pruning_report.json").toFile());
    }

    private static List<String> untouched(JsonNode report) {
        List<String> names = new ArrayList<>();
        report.get("layers").forEach(l -> l.path("matrices").forEach(m -> {
            if (m.path("untouched").asBoolean()) {
                names.add(m.get("name").asText() + " " + m.get("tokens") + " " + m.get("note"));
            }
        }));
        return names;
    }

    private static List<String> names(JsonNode skipped) {
        List<String> names = new ArrayList<>();
        skipped.forEach(s -> names.add(s.get("tensor").asText()));
        return names.stream().sorted().toList();
    }

    /// Asked to stop after its first layer, it goes on to the same bits.
    @Test
    void aStoppedRunGoesOn() throws IOException {
        Task task = task("mixtral", "sparsegpt", "{'sparsity': 0.5, 'propagation': 'sequential'}", many);
        Artifact whole = run(pytorch, task, next());
        Path at = next();
        Files.writeString(at.resolve("stop"), "keep");
        List<EngineEvent> events = new ArrayList<>();
        assertInstanceOf(Ending.Cancelled.class, pytorch.submitTo(task, at.resolve("result"), events::add).ending().join());
        assertTrue(Files.exists(at.resolve("steps/00000001/layer.json")) && !Files.exists(at.resolve("steps/00000002")) && !Files.exists(at.resolve("result")));
        Files.delete(at.resolve("stop"));
        Artifact resumed = run(pytorch, task, at);
        for (String file : List.of("model.safetensors", "masks.safetensors")) {
            assertEquals(-1, Files.mismatch(whole.folder().resolve(file), resumed.folder().resolve(file)), file);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "granitemoe|wanda|{'sparsity': 0.3}|granitemoe: the experts of layer 0 are in a form that the pytorch engine does not prune. The embedded engine does.",
        "llama-gqa|slimgpt|{'sparsity': 0.3}|the pytorch engine has no pruning method slimgpt. It has magnitude, wanda, sparsegpt, svd, whitened_svd, shortgpt; the embedded engine has the others.",
        "llama-gqa|wanda|{'sparsity': 0.3, 'allocation': 'owl'}|the pytorch engine shares a sparsity out evenly only. The embedded engine has owl, dlp and dynamic."})
    void refusesInOneSentence(String model, String method, String settings, String message) throws IOException {
        assertEquals(message, assertInstanceOf(Ending.Refused.class, pytorch.submitTo(task(model, method, settings), next().resolve("result"), e -> {}).ending().join()).message());
    }

    /// Whatever the embedded engine writes, stock transformers loads, and finds the loss that the report gives.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "qwen3|heads|{'sparsity': 0.5}",
        "llama-gqa|taylor|{'sparsity': 0.5, 'parts': 'channels'}",
        "gemma2|slimgpt|{'sparsity': 0.3, 'parts': 'channels'}",
        "gpt2|taylor|{'sparsity': 0.3}",
        "qwen3-moe|experts|{'experts': 4}",
        "mixtral|experts|{'experts': 3, 'expertsPerToken': 1}",
        "mixtral|wanda|{'sparsity': 0.5}",
        "gemma2|shortgpt|{'layers': 1}",
        "qwen2|swift_svd|{'sparsity': 0.3, 'allocation': 'dynamic'}"})
    void transformersLoadsTheResult(String model, String method, String settings) throws IOException {
        Artifact result = run(embedded, task(model, method, settings), next());
        JsonNode measured = report(result).at("/evaluations/0");
        // The calibration texts are what was measured on, as no other is named.
        Task eval = Task.fromJson(Json.object().put("kind", "eval").put("model", result.folder().toString()).put("data", data.toString()).put("maxLength", measured.get("sequence_length").asInt()));
        JsonNode theirs = assertInstanceOf(Ending.Finished.class, pytorch.submit(eval, e -> {}).ending().join()).artifact().manifest().summary();
        assertEquals(measured.get("predicted_tokens").asInt(), theirs.get("predicted_tokens").asInt());
        assertEquals(measured.at("/pruned/loss").asDouble(), theirs.get("loss").asDouble(), 2e-4);
    }

    /// The logits of stock transformers on a result are those of the embedded engine: heads put in another order, heads repeated, experts merged, blocks silenced, matrices put together.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-gqa|lorap|{'sparsity': 0.3}",
        "llama-gqa|swift_skip|{'sparsity': 0.5}",
        "mixtral|submoe|{'experts': 3}",
        "qwen2|contrastive|{'sparsity': 0.5, 'against': 'AGAINST'}",
        "qwen3|slimgpt|{'sparsity': 0.5}",
        "qwen3|dha|{'sparsity': 0.5}",
        "olmoe|dha|{'sparsity': 0.5, 'even': false}",
        "gpt2|masa|{'rank': 1}"})
    void transformersGivesTheSameLogits(String model, String method, String settings) throws IOException {
        Path few = folder.resolve("few.jsonl");
        Path other = folder.resolve("other.jsonl");
        Files.writeString(few, "{\"input_ids\": [5, 45, 93, 17, 21, 3, 66, 88, 12, 30, 9, 71]}\n{\"input_ids\": [7, 8, 9, 10, 11, 60, 61, 62]}\n");
        Files.writeString(other, "{\"input_ids\": [77, 21, 90, 13, 14, 15, 16]}\n{\"input_ids\": [2, 50, 51, 52, 53, 4]}\n");
        ObjectNode task = Json.object().put("kind", "prune").put("model", CASES.resolve(model).toString()).put("data", few.toString()).put("method", method);
        task.set("settings", Json.mapper().readTree(settings.replace('\'', '"').replace("AGAINST", other.toString())));
        Artifact result = run(embedded, Task.fromJson(task), next());
        ObjectNode capture = Json.object().put("kind", "capture").put("model", result.folder().toString());
        capture.putObject("prompt").putArray("ids").add(5).add(45).add(93).add(17).add(21).add(3).add(66);
        capture.putArray("what").add("logits");
        float[][] logits = new float[2][];
        for (int i = 0; i < 2; i++) {
            try (SafetensorsFile file = assertInstanceOf(Ending.Finished.class, (i == 0 ? embedded : pytorch).submit(Task.fromJson(capture), e -> { }).ending().join()).artifact().tensors()) {
                logits[i] = file.floats("logits");
            }
        }
        double largest = 1;
        for (float v : logits[0]) {
            largest = Math.max(largest, Math.abs(v));
        }
        assertArrayEquals(logits[0], logits[1], (float) (2e-5 * largest));
        // And they are not those of the model that it was made of.
        assertTrue(report(result).at("/evaluations/0/kl").asDouble() > 1e-6, "nothing was pruned");
    }
}
