package vitrine.core.work.prune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.testing.SharedReference;
import vitrine.core.work.TaskRunner;

/// What a preview says is held against runs that were really made, on the same text.
class PrunePreviewTest {

    @TempDir
    Path folder;

    private Path data;

    @BeforeEach
    void write() throws IOException {
        data = Files.writeString(folder.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13]}\n{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63]}\n");
    }

    private ObjectNode asked(String kind, String model, String method, String settings) throws IOException {
        ObjectNode n = Json.object().put("kind", kind).put("model", CASES.resolve(model).toString()).put("method", method).put("data", data.toString());
        n.set("settings", Json.mapper().readTree(settings.replace('\'', '"')));
        return n;
    }

    private JsonNode preview(String model, String method, String settings) throws IOException {
        return TaskRunner.run(Task.fromJson(asked("preview", model, method, settings)), folder.resolve("preview" + model + method + settings.hashCode()), Progress.NONE, w -> { }).manifest().summary();
    }

    private static JsonNode point(JsonNode preview, double amount) {
        for (JsonNode p : preview.get("points")) {
            if (Math.abs(p.get("amount").asDouble() - amount) < 1e-9) {
                return p;
            }
        }
        throw new AssertionError("no point at " + amount + " in " + preview);
    }

    /// Sizes are those of the run's report; and where whole parts go that are chosen once, so is the loss, since the pass without them is the same.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-gqa | shortgpt  | layers   | 1    | {'layers': 1}                      | true",
        "llama-gqa | taylor    | sparsity | 0.5  | {'sparsity': 0.5}                  | true",
        "qwen2     | heads     | sparsity | 0.5  | {'sparsity': 0.5}                  | false",
        "qwen2     | slimgpt   | sparsity | 0.5  | {'sparsity': 0.5}                  | true",
        "mixtral   | submoe    | experts  | 5    | {'experts': 5}                     | true",
        "llama-gqa | lorap     | sparsity | 0.5  | {'sparsity': 0.5}                  | true",
        "mixtral   | experts   | experts  | 3    | {'experts': 3}                     | true",
        "llama-gqa | magnitude | sparsity | 0.3  | {'sparsity': 0.3}                  | false",
        "llama-gqa | wanda     | pattern  | 0.5  | {'pattern': '2:4'}                 | false",
        "llama-gqa | svd       | rank     | 5    | {'rank': 5, 'factorised': true}    | false"})
    void sizesAreThoseOfTheRun(String model, String method, String amount, double value, String settings, boolean sameLoss) throws IOException {
        JsonNode preview = preview(model, method, settings);
        assertEquals(amount, preview.get("amount").asText());
        JsonNode point = point(preview, value);
        Path result = TaskRunner.run(Task.fromJson(asked("prune", model, method, settings)), folder.resolve("run").resolve("result"), Progress.NONE, w -> { }).folder();
        JsonNode report = Json.mapper().readTree(result.resolve("pruning_report.json").toFile());
        assertEquals(report.at("/sparsity/parameters").asLong(), point.get("parameters").asLong());
        assertEquals(report.at("/sparsity/zeros").asLong() + report.at("/sparsity/removed_parameters").asLong(), point.get("gone").asLong());
        // Headers differ by what is padded and by lines of tensors that are gone.
        assertEquals(report.at("/sparsity/bytes").asDouble(), point.get("bytes").asDouble(), 8192);
        if (report.at("/sparsity/factorised_parameters").isNumber()) {
            assertEquals(report.at("/sparsity/factorised_parameters").asLong(), point.get("factorised_parameters").asLong());
        }
        if (settings.contains("factorised")) {
            assertEquals(Files.size(result.resolve("factors.safetensors")), point.get("beside_bytes").asDouble(), 8192);
        }
        if (Files.exists(result.resolve("masks.safetensors"))) {
            assertEquals(Files.size(result.resolve("masks.safetensors")), point.get("beside_bytes").asDouble(), 8192);
        }
        double dense = report.at("/evaluations/0/dense/loss").asDouble();
        assertEquals(dense, preview.get("loss").asDouble(), 1e-6 * dense);
        if (sameLoss) {
            double pruned = report.at("/evaluations/0/pruned/loss").asDouble();
            assertEquals(pruned, point.get("loss").asDouble(), 1e-5 * pruned);
        }
        assertTrue(point.has("loss"));
        // Experts that are not visited take no time.
        assertEquals(!method.equals("experts") && !method.equals("submoe") && point.get("parameters").asLong() < report.at("/sparsity/parameters_before").asLong(), point.get("tokens_per_second").asDouble() > preview.get("tokens_per_second").asDouble());
    }

    /// Channels of which nothing is left cost nothing: SlimGPT and LoRAP take those sixteen of 160, and what goes after them costs something.
    @ParameterizedTest
    @CsvSource({"slimgpt", "lorap"})
    void channelsOfZerosCostNothing(String method) throws IOException {
        Path model = Files.createDirectories(folder.resolve("zeros"));
        Files.copy(CASES.resolve("llama-gqa/config.json"), model.resolve("config.json"));
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, float[]> values = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors"))) {
            file.tensors().values().forEach(t -> {
                declared.put(t.name(), new Declared(DType.F32, t.shape()));
                values.put(t.name(), file.floats(t.name()));
            });
        }
        values.forEach((name, w) -> {
            for (int i = 0; name.contains(".mlp.") && i < w.length; i++) {
                int channel = name.contains("down_proj") ? i % 160 : i / 64;
                w[i] = channel % 10 == 3 ? 0 : w[i];
            }
        });
        try (SafetensorsWriter out = new SafetensorsWriter(model.resolve("model.safetensors"), declared, Map.of())) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                out.write(e.getKey(), 0, e.getValue());
            }
        }
        JsonNode p = preview(model.toString(), method, method.equals("lorap") ? "{'parts': 'channels', 'lowestKept': 0}" : "{'parts': 'channels'}");
        assertEquals(p.get("loss").asDouble(), point(p, 0.1).get("loss").asDouble(), 2e-6);
        assertTrue(Math.abs(p.get("loss").asDouble() - point(p, 0.2).get("loss").asDouble()) > 1e-4);
    }

    /// What SlimGPT errs by grows with what goes; and so does, of a model that was trained, the loss.
    @Test
    void moreThatGoesCostsMore() throws IOException {
        Path text = SharedReference.require("text").resolve("tinystories-val.txt");
        data = Files.writeString(folder.resolve("story.txt"), Files.readString(text).substring(0, 400));
        JsonNode p = preview(SharedReference.require("stories260k").toString(), "slimgpt", "{'parts': 'channels'}");
        double error = 0;
        for (JsonNode point : p.get("points")) {
            assertTrue(point.get("relative_output_error").asDouble() > error);
            error = point.get("relative_output_error").asDouble();
        }
        double[] losses = {p.get("loss").asDouble(), point(p, 0.3).get("loss").asDouble(), point(p, 0.6).get("loss").asDouble(), point(p, 0.9).get("loss").asDouble()};
        for (int i = 1; i < 4; i++) {
            assertTrue(losses[i] > losses[i - 1] + 0.03, java.util.Arrays.toString(losses));
        }
    }

    /// The search for sub-layers to skip is the run's own, broken off earlier; of so few sets it is the same.
    @Test
    void skippedSubLayersAreThoseOfTheRun() throws IOException {
        JsonNode preview = preview("llama-gqa", "swift_skip", "{'sparsity': 0.5}");
        Path result = TaskRunner.run(Task.fromJson(asked("prune", "llama-gqa", "swift_skip", "{'sparsity': 0.5}")), folder.resolve("run").resolve("result"), Progress.NONE, w -> { }).folder();
        double pruned = Json.mapper().readTree(result.resolve("pruning_report.json").toFile()).at("/evaluations/0/pruned/loss").asDouble();
        assertEquals(pruned, point(preview, 0.5).get("loss").asDouble(), 1e-5 * pruned);
        assertEquals(preview.get("loss").asDouble(), point(preview, 0.1).get("loss").asDouble(), "none of two may be skipped yet");
    }

    @Test
    void amountsThatARunRefusesAreTold() throws IOException {
        JsonNode p = preview("llama-gqa", "slimgpt", "{'allocation': 'incremental', 'allocationSpread': 0.4, 'parts': 'channels'}");
        assertTrue(point(p, 0.1).get("refused").asText().contains("allocationSpread") || point(p, 0.1).get("refused").asText().contains("spread of 0.4"), p.toString());
        assertTrue(!point(p, 0.1).has("loss") && point(p, 0.5).has("loss") && !point(p, 0.5).has("refused"), p.toString());
        JsonNode experts = preview("mixtral", "experts", "{'sparsity': 0.5}").get("points");
        assertEquals(0.8, experts.get(experts.size() - 1).get("amount").asDouble(), "a token visits two of eight experts");
        assertThrows(Refusal.class, () -> preview("mixtral", "lorap", "{'sparsity': 0.5}"));
    }

    @Test
    void nothingThatGoesCostsNothing() throws IOException {
        JsonNode p = preview("llama-gqa", "wanda", "{'sparsity': 0}");
        assertEquals(p.get("loss").asDouble(), point(p, 0).get("loss").asDouble());
        assertEquals(0, point(p, 0).get("relative_output_error").asDouble());
        double before = 0;
        for (JsonNode point : p.get("points")) {
            assertTrue(point.get("relative_output_error").asDouble() >= before);
            before = point.get("relative_output_error").asDouble();
        }
        assertTrue(before > 0.3 && before < 1, "at 90 % " + before);
        JsonNode again = preview("llama-gqa", "wanda", "{'sparsity': 0, 'seed': 0}");
        again.get("points").forEach(point -> assertEquals(point(p, point.get("amount").asDouble()).get("loss"), point.get("loss")));
    }

    @Test
    void wholeRanksCostNothing() throws IOException {
        JsonNode p = preview("llama-gqa", "swift_svd", "{'rank': 1}");
        JsonNode last = p.get("points").get(p.get("points").size() - 1);
        assertEquals(0, last.get("relative_output_error").asDouble(), 1e-6);
        assertEquals(p.get("loss").asDouble(), last.get("loss").asDouble(), 1e-6);
    }

    @Test
    void settingsThatAMethodDoesNotHaveAreRefused() throws IOException {
        assertThrows(Refusal.class, () -> Task.fromJson(asked("preview", "llama-gqa", "wanda", "{'rank': 3}")));
        ObjectNode training = asked("preview", "llama-gqa", "wanda", "{}");
        training.remove("method");
        assertThrows(Refusal.class, () -> Task.fromJson(training));
        Task.fromJson(asked("preview", "llama-gqa", "wanda", "{}"));
    }
}
