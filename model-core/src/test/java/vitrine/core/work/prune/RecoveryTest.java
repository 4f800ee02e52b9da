package vitrine.core.work.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;

/// Training after pruning, in one run.
class RecoveryTest {

    private static final Path BASE = Path.of("src/test/resources/reference/llama-gqa").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    private ObjectNode task(String method, String settings, String recovery) throws IOException {
        Path data = Files.writeString(folder.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13]}\n{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63]}\n");
        ObjectNode n = Json.object().put("kind", "prune").put("model", BASE.toString()).put("method", method).put("data", data.toString());
        n.set("settings", Json.mapper().readTree(settings));
        if (recovery != null) {
            n.set("recovery", Json.mapper().readTree(recovery));
        }
        return n;
    }

    private Path run(String name, String method, String settings, String recovery, Progress progress) throws IOException {
        return TaskRunner.run(Task.fromJson(task(method, settings, recovery)), folder.resolve(name + "/result"), progress, w -> {}).folder();
    }

    private static JsonNode report(Path result) throws IOException {
        return Json.mapper().readTree(result.resolve("pruning_report.json").toFile());
    }

    private static final String STEPS = "\"settings\": {\"steps\": 4, \"batchSize\": 2, \"lr\": 0.005}";

    /// The checkpoint is that of a run without recovery, bit for bit, and the adapter on it is worth what the report says.
    @Test
    void anAdapterLiesBesideThePrunedCheckpoint() throws IOException {
        Path alone = run("alone", "wanda", "{\"sparsity\": 0.6}", null, Progress.NONE);
        Path result = run("lora", "wanda", "{\"sparsity\": 0.6}", "{\"method\": \"lora\", " + STEPS + "}", Progress.NONE);
        for (String file : new String[] {"model.safetensors", "masks.safetensors"}) {
            assertArrayEquals(Files.readAllBytes(alone.resolve(file)), Files.readAllBytes(result.resolve(file)), file);
        }
        JsonNode text = report(result).at("/evaluations/0");
        assertEquals(report(alone).at("/evaluations/0/pruned/loss").asDouble(), text.at("/pruned/loss").asDouble());
        assertTrue(text.at("/recovered/loss").asDouble() < text.at("/pruned/loss").asDouble(), text.toString());
        ObjectNode eval = Json.object().put("kind", "eval").put("model", result.toString()).put("data", folder.resolve("few.jsonl").toString());
        eval.putArray("adapters").addObject().put("path", result.resolve("adapter").toString());
        double measured = TaskRunner.run(Task.fromJson(eval), folder.resolve("eval"), Progress.NONE, w -> {}).manifest().summary().get("loss").asDouble();
        assertEquals(text.at("/recovered/loss").asDouble(), measured, 1e-9);
        assertEquals(result.toString(), Json.mapper().readTree(result.resolve("adapter/adapter_config.json").toFile()).get("base_model_name_or_path").asText());
    }

    /// Merged or trained in full: every pruned weight is 0 in the result, and weights that stayed have moved.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"wanda|{\"sparsity\": 0.5}|{\"method\": \"lora\", \"merge\": true, ", "magnitude|{\"pattern\": \"2:4\"}|{\"method\": \"full\", "})
    void masksSurvive(String method, String settings, String how) throws IOException {
        Path result = run("masked", method, settings, how + STEPS + "}", Progress.NONE);
        int moved = 0;
        long zeros = 0;
        try (SafetensorsFile masks = SafetensorsFile.open(result.resolve("masks.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"));
             SafetensorsFile before = SafetensorsFile.open(BASE.resolve("model.safetensors"))) {
            for (String name : masks.tensors().keySet()) {
                int[] kept = masks.ints(name);
                float[] w = after.floats(name);
                float[] was = before.floats(name);
                for (int i = 0; i < w.length; i++) {
                    assertEquals(kept[i] == 0 ? 0 : w[i], w[i], 0, name);
                    zeros += kept[i] == 0 ? 1 : 0;
                    moved += kept[i] == 1 && w[i] != was[i] ? 1 : 0;
                }
            }
        }
        JsonNode report = report(result);
        assertEquals(report.at("/sparsity/zeros").asLong(), zeros);
        assertTrue(moved > 5_000, moved + " weights moved");
        JsonNode text = report.at("/evaluations/0");
        assertTrue(text.at("/recovered/loss").asDouble() < text.at("/pruned/loss").asDouble(), text.toString());
        assertEquals(how.contains("merge"), text.has("with_adapter"));
        assertFalse(Files.exists(result.resolve("adapter")));
    }

    /// A structured run's zeros (heads that a config cannot leave out) survive training in full as well; a smaller model is trained as it is.
    @Test
    void silencedHeadsStaySilent() throws IOException {
        Path result = run("heads", "explicit", "{\"drop\": {\"layers\": [2], \"heads\": [\"0.3\"]}}", "{\"method\": \"full\", " + STEPS + "}", Progress.NONE);
        try (SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            float[] o = after.floats("model.layers.0.self_attn.o_proj.weight");
            for (int i = 0; i < o.length; i++) {
                assertEquals(i % 64 / 8 == 3, o[i] == 0, "value " + i);
            }
            assertFalse(after.has("model.layers.2.self_attn.o_proj.weight"));
        }
    }

    /// Stopped wherever it may be, in pruning or in training, a run comes to the same bits and tells each step's figures once.
    @Test
    void goesOnToTheSameBits() throws IOException {
        String recovery = "{\"method\": \"lora\", \"settings\": {\"steps\": 3, \"batchSize\": 2, \"lr\": 0.005, \"saveEvery\": 1}}";
        Map<Long, Map<String, Double>> whole = new TreeMap<>();
        Path one = run("one", "sparsegpt", "{\"sparsity\": 0.5}", recovery, new Telling(whole, Integer.MAX_VALUE));
        Path two = null;
        int stops = 0;
        for (int after = 1; two == null; after++) {
            Map<Long, Map<String, Double>> told = new TreeMap<>();
            try {
                two = run("two", "sparsegpt", "{\"sparsity\": 0.5}", recovery, new Telling(told, 3 * after));
                assertEquals(whole.keySet(), told.keySet());
                for (long step : whole.keySet()) {
                    for (String name : new String[] {"loss", "layer", "sparsity", "gradient_norm", "validation_loss"}) {
                        assertEquals(whole.get(step).get(name), told.get(step).get(name), name + " of step " + step);
                    }
                }
            } catch (Progress.CancelledException e) {
                stops++;
                assertFalse(Files.exists(folder.resolve("two/result")), "whole or absent");
            }
        }
        assertTrue(stops >= 2, stops + " stops");
        for (String file : new String[] {"model.safetensors", "masks.safetensors", "adapter/adapter_model.safetensors"}) {
            assertArrayEquals(Files.readAllBytes(one.resolve(file)), Files.readAllBytes(two.resolve(file)), file);
        }
        assertEquals(report(one).get("recovery"), report(two).get("recovery"));
        assertNotEquals(0, report(one).at("/recovery/steps").asInt());
    }

    /// Keeps figures, and cancels after some of them.
    private static final class Telling implements Progress {
        private final Map<Long, Map<String, Double>> told;
        private int left;

        Telling(Map<Long, Map<String, Double>> told, int left) {
            this.told = told;
            this.left = left;
        }

        @Override
        public void step(long done, long total, String unit) {}

        @Override
        public void checkCancelled() {
            if (left <= 0) {
                throw new CancelledException();
            }
        }

        @Override
        public void figures(long step, Map<String, Double> values) {
            told.computeIfAbsent(step, s -> new TreeMap<>()).putAll(values);
            left--;
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "svd|{\"sparsity\": 0.5}|{\"method\": \"full\"}|recovery by full would give matrices their full rank again",
        "svd|{\"sparsity\": 0.5}|{\"method\": \"lora\", \"merge\": true}|recovery by a merged adapter would give matrices their full rank again",
        "wanda|{\"sparsity\": 0.5}|{\"method\": \"hft\"}|recovery does not go with hft",
        "wanda|{\"sparsity\": 0.5}|{\"method\": \"full\", \"merge\": true}|merge goes with adapters, not with full",
    })
    void refusesWhatWouldUndoPruning(String method, String settings, String recovery, String message) {
        Refusal refusal = assertThrows(Refusal.class, () -> run("no", method, settings, recovery, Progress.NONE));
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
    }
}
