package vitrine.core.work.finetune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.RankTrail;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;

/// The ranks of an adapter along its run are those of the adapters that the run writes.
class RankTrailTest {

    @TempDir
    Path folder;

    private Task task(String method, int steps) throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int seed = i;
            lines.add("{\"input_ids\": " + Arrays.toString(java.util.stream.IntStream.range(0, 12).map(t -> 3 + (seed * 97 + t * t * 31) % 400).toArray()) + "}");
        }
        Path data = Files.write(folder.resolve("data.jsonl"), lines);
        String json = "{\"kind\": \"finetune\", \"model\": \"%s\", \"data\": \"%s\", \"method\": \"%s\", \"settings\": {\"steps\": %d, \"batchSize\": 2, \"lr\": 0.01, \"r\": 4, %s\"saveEvery\": 2, "
                + "\"targetModules\": [\"q_proj\", \"v_proj\"]}}";
        return Task.fromJson(Json.readObject(String.format(json, Reference.of("llama-gqa").folder().toAbsolutePath(), data.toAbsolutePath(), method, steps, method.equals("beamlora") ? "\"beamPeriod\": 2, " : "").getBytes(java.nio.charset.StandardCharsets.UTF_8),
                folder, Category.TASK_INVALID));
    }

    @Test
    void theLastStepIsTheResultAndTheFirstIsNothing() throws IOException {
        Path run = Files.createDirectories(folder.resolve("run"));
        Artifact result = TaskRunner.run(task("beamlora", 6), run.resolve("result"), Progress.NONE, w -> { });
        assertEquals(RankTrail.in(run).orElseThrow(), run.resolve(RankTrail.FILE));
        RankTrail trail = RankTrail.read(RankTrail.in(result.folder()).orElseThrow());
        assertEquals(List.of(0L, 1L, 2L, 3L, 4L, 5L, 6L), trail.steps().stream().map(RankTrail.Step::step).toList());
        AdapterArtifact written = AdapterArtifact.of(TaskRunner.run(Task.Adapter.alone(result.folder().toString()), folder.resolve("figures"), Progress.NONE, w -> { }));
        List<RankTrail.Module> last = trail.steps().getLast().modules();
        assertEquals(written.rows().size(), last.size());
        try (SafetensorsFile gates = SafetensorsFile.open(result.folder().resolve("gates.safetensors"))) {
            for (RankTrail.Module m : last) {
                AdapterArtifact.Row row = written.row(m.module()).orElseThrow(() -> new AssertionError(m.module()));
                assertEquals(row.layer(), m.layer());
                assertEquals(row.out(), m.out());
                assertArrayEquals(written.values("sv", row), m.sigma(), 1e-5 * m.sigma()[0], m.module());
                assertArrayEquals(written.values("norm_product", row), m.normProduct(), 1e-5 * m.sigma()[0], m.module());
                float[] logits = gates.floats(m.module() + ".gate");
                double sum = 0;
                for (float g : logits) {
                    sum += Math.exp(g / 0.05);
                }
                for (int i = 0; i < logits.length; i++) {
                    assertEquals(4 * Math.exp(logits[i] / 0.05) / sum, m.gate()[i], 1e-4, m.module());
                }
            }
        }
        assertTrue(trail.steps().getFirst().modules().stream().allMatch(m -> Arrays.stream(m.sigma()).allMatch(s -> s == 0)), "B begins with zeros");
    }

    /// A run that was ended between steps and goes on: no step is missing, none is there twice.
    @Test
    void aRunThatGoesOnGoesOnHere() throws IOException {
        Path run = Files.createDirectories(folder.resolve("run"));
        RunFolder at = RunFolder.of(run.resolve("result"));
        Progress stopping = new Progress() {
            @Override
            public void step(long done, long total, String unit) {}

            @Override
            public void checkCancelled() {}

            @Override
            public void figures(long step, java.util.Map<String, Double> values) {
                try {
                    if (step == 3) {
                        at.ask(RunFolder.Stop.pause);
                    }
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
        };
        assertThrows(Progress.CancelledException.class, () -> TaskRunner.run(task("lora", 6), at.result(), stopping, w -> { }));
        Path file = run.resolve(RankTrail.FILE);
        String before = Files.readString(file);
        assertEquals(List.of(0L, 1L, 2L, 3L), RankTrail.read(file).steps().stream().map(RankTrail.Step::step).toList());
        // A step beyond the saved one, and half a line, as a kill leaves them.
        Files.writeString(file, before + before.lines().toList().getLast().replace("\"step\":3", "\"step\":4") + "\n{\"step\":5,\"mod");
        assertEquals(5, RankTrail.read(file).steps().size(), "half a line is none");
        Files.deleteIfExists(at.stop());
        TaskRunner.run(task("lora", 6), at.result(), Progress.NONE, w -> { });
        String whole = Files.readString(file);
        assertTrue(whole.startsWith(before));
        assertEquals(List.of(0L, 1L, 2L, 3L, 4L, 5L, 6L), whole.lines().map(l -> Long.parseLong(l.replaceAll("^\\{\"step\":(\\d+).*", "$1"))).toList());
        assertEquals(0, RankTrail.read(file).steps().getFirst().modules().getFirst().gate().length);
        Files.writeString(file, "{\"step\":0}\n");
        assertEquals(Category.ARTIFACT_INVALID, assertThrows(Refusal.class, () -> RankTrail.read(file)).category());
    }
}
