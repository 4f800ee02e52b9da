package vitrine.core.work.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.artifact.Artifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;

/// Adapters of embedding, head and experts as a run writes them: the forward pass finds them in the file, a merge puts them into the weights, a further run goes on with
/// them. Everything is read from the written folder, so that names and layouts are those of peft's files (which the app's conformance test tries on peft itself).
class AdaptedExpertsTest {

    @TempDir
    Path folder;

    private Path data() throws IOException {
        List<String> lines = IntStream.range(0, 6).mapToObj(i -> "{\"input_ids\": " + Arrays.toString(IntStream.range(0, 12).map(t -> 3 + (i * 97 + t * t * 31) % 260).toArray()) + "}").toList();
        return Files.write(folder.resolve("data.jsonl"), lines);
    }

    private Artifact train(String base, String modules, int steps, Path start, String run) throws IOException {
        ObjectNode task = Json.object().put("kind", "finetune").put("model", Reference.of(base).checkpoint().toAbsolutePath().toString()).put("data", data().toString()).put("method", "lora")
                .put("evalData", data().toString());
        ObjectNode s = task.putObject("settings").put("steps", steps).put("batchSize", 3).put("lr", 0.05).put("warmupSteps", 0).put("schedule", "constant");
        if (start != null) {
            task.put("initAdapter", start.toString());
        } else {
            s.put("r", 2);
            if (!modules.isEmpty()) {
                List.of(modules.split(" ")).forEach(s.putArray("targetModules")::add);
            }
            s.putArray("targetParameters").add("all-experts");
        }
        return TaskRunner.run(Task.fromJson(task), Files.createDirectories(folder.resolve(run)).resolve("result"), Progress.NONE, w -> { });
    }

    private double loss(String model, Path adapter) throws IOException {
        JsonNode eval = TaskRunner.run(new Task.Evaluate(model, data().toString(), null, adapter == null ? null : List.of(Task.AdapterUse.of(adapter.toString()))),
                folder.resolve("eval" + System.nanoTime()), Progress.NONE, w -> { }).manifest().summary();
        return eval.get("loss").asDouble();
    }

    @ParameterizedTest
    @CsvSource({"qwen3-moe, q_proj embed_tokens lm_head, 2e-5", "mixtral, lm_head, 2e-5", "granitemoe, embed_tokens, 2e-5", "gpt-oss, v_proj, 2e-5", "llama4-text, '', 2e-5"})
    void whatIsWrittenIsWhatWasTrained(String base, String modules, double tolerance) throws IOException {
        Artifact trained = train(base, modules, 4, null, "run");
        JsonNode summary = trained.manifest().summary();
        String model = Reference.of(base).checkpoint().toAbsolutePath().toString();
        double before = summary.get("validation_loss_before").asDouble();
        double after = summary.get("validation_loss").asDouble();
        assertTrue(after < before - 0.05, before + " to " + after);
        assertEquals(before, loss(model, null), tolerance * before);
        assertEquals(after, loss(model, trained.folder()), tolerance * after);
        if (!base.equals("granitemoe")) {
            // A tied embedding that is merged alone parts from the head, which AdapterRunTest looks at.
            Artifact merged = TaskRunner.run(new Task.AdapterMerge(model, List.of(Task.AdapterUse.of(trained.folder().toString()))), folder.resolve("merged"), Progress.NONE, w -> { });
            assertEquals(after, loss(merged.folder().toString(), null), tolerance * after);
        }
        JsonNode more = train(base, modules, 2, trained.folder(), "on").manifest().summary();
        assertEquals(after, more.get("validation_loss_before").asDouble(), tolerance * after);
        assertTrue(more.get("validation_loss").asDouble() < after);
    }

    /// Four bits at rest, adapters beside them.
    @Test
    void expertsOfFourBitsAreAdapted() throws IOException {
        Artifact trained = train("gpt-oss-mxfp4", "", 3, null, "run");
        double after = trained.manifest().summary().get("validation_loss").asDouble();
        assertTrue(after < trained.manifest().summary().get("validation_loss_before").asDouble());
        assertEquals(after, loss(Reference.of("gpt-oss-mxfp4").checkpoint().toAbsolutePath().toString(), trained.folder()), 2e-5 * after);
        try (SafetensorsFile f = SafetensorsFile.open(trained.folder().resolve("adapter_model.safetensors"))) {
            assertTrue(f.tensors().keySet().contains("base_model.model.model.layers.0.mlp.experts.base_layer.lora_A.weight"), f.tensors().keySet().toString());
        }
    }
}
