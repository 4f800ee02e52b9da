package vitrine.core.work.prune.structure;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;
import static vitrine.core.work.prune.PruneTrials.IDS;
import static vitrine.core.work.prune.PruneTrials.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.openblas.OpenBlas;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.prune.PruneForecast;
import vitrine.core.work.prune.PruneTrials;

/// Matrices that layers share, as checkpoints: what was written is what the decomposition of the stacked matrices gives.
class SharedMatricesTest {

    @TempDir
    Path folder;

    private ObjectNode task(String model, String settings) throws IOException {
        return PruneTrials.task(model, "masa", PruneTrials.texts(folder, IDS), settings);
    }

    private Path run(String model, String settings) throws IOException {
        return PruneTrials.run(task(model, settings), folder, w -> { });
    }

    /// The best stack of rank 2 by the singular vectors of the stack itself, of which each layer's row had norm 1.
    @Test
    void everyMatrixIsASumOfShared() throws IOException {
        Path result = run("llama-gqa", "{\"rank\": 2, \"factorised\": true}");
        JsonNode report = report(result);
        assertEquals("same shapes, sums of shared matrices", report.get("output").asText());
        assertTrue(report.at("/load_back/passed").asBoolean());
        long spared = 0;
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"));
                SafetensorsFile factors = SafetensorsFile.open(result.resolve("factors.safetensors")); Arena arena = Arena.ofConfined()) {
            for (String kind : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
                String name = "model.layers.%s.self_attn." + kind + ".weight";
                int n = before.floats(String.format(name, 0)).length;
                MemorySegment stack = arena.allocate(8L * 3 * n, 64);
                double[] norms = new double[3];
                for (int l = 0; l < 3; l++) {
                    float[] w = before.floats(String.format(name, l));
                    for (float v : w) {
                        norms[l] += (double) v * v;
                    }
                    norms[l] = Math.sqrt(norms[l]);
                    for (int i = 0; i < n; i++) {
                        stack.setAtIndex(JAVA_DOUBLE, (long) l * n + i, w[i] / norms[l]);
                    }
                }
                MemorySegment left = arena.allocate(8L * 9, 64);
                MemorySegment right = arena.allocate(8L * 3 * n, 64);
                double[] s = OpenBlas.open().decompose(stack, 3, n, n, left, right);
                float[] atoms = factors.floats(String.format(name, "*") + ".atoms");
                double[] coefficients = factors.doubles(String.format(name, "*") + ".coefficients");
                for (int l = 0; l < 3; l++) {
                    float[] now = after.floats(String.format(name, l));
                    double off = 0;
                    for (int i = 0; i < n; i++) {
                        double best = norms[l] * (left.getAtIndex(JAVA_DOUBLE, 3L * l) * s[0] * right.getAtIndex(JAVA_DOUBLE, i) + left.getAtIndex(JAVA_DOUBLE, 3L * l + 1) * s[1] * right.getAtIndex(JAVA_DOUBLE, (long) n + i));
                        assertEquals(best, now[i], 2e-6);
                        assertEquals(now[i], coefficients[2 * l] * atoms[i] + coefficients[2 * l + 1] * atoms[n + i], 2e-6);
                        off += Math.pow(before.floats(String.format(name, l))[i] - now[i], 2);
                    }
                    JsonNode told = report.at("/layers/" + l + "/matrices");
                    for (JsonNode m : told) {
                        if (m.get("name").asText().equals(String.format(name, l))) {
                            assertEquals(Math.sqrt(off) / norms[l], m.get("relative_error").asDouble(), 1e-5);
                        }
                    }
                }
                spared += n - 6;
            }
            assertArrayEquals(before.floats("model.layers.1.mlp.up_proj.weight"), after.floats("model.layers.1.mlp.up_proj.weight"));
        }
        assertEquals(report.at("/sparsity/parameters_before").asLong() - spared, report.at("/sparsity/factorised_parameters").asLong());
        PruneForecast foreseen = PruneForecast.of((Task.Prune) Task.fromJson(task("llama-gqa", "{\"rank\": 2, \"factorised\": true}")));
        assertEquals(report.at("/sparsity/factorised_parameters").asLong(), foreseen.factorised());
        assertEquals(Math.sqrt(1 / 3.0), report.at("/allocation/dictionaries/0/relative_error_of_unlike_layers").asDouble(), 1e-12);
    }

    /// Fused projections, stored inputs first; a share in the place of a number; as many atoms as layers change nothing.
    @Test
    void namedMatricesOfOtherFamilies() throws IOException {
        JsonNode report = report(run("gpt2", "{\"sparsity\": 0.4, \"targetModules\": [\"c_attn\", \"mlp.c_fc\"]}"));
        assertEquals(2, report.at("/allocation/dictionaries").size());
        int layers = report.at("/allocation/dictionaries/0/layers").asInt();
        assertEquals(layers - Math.round(0.4 * layers), report.at("/allocation/dictionaries/0/atoms").asInt());
        Path same = run("gpt2", "{\"rank\": 12}");
        assertEquals(0, report(same).at("/evaluations/0/kl").asDouble(), 1e-9);
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("gpt2/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(same.resolve("model.safetensors"))) {
            for (String name : before.tensors().keySet()) {
                assertArrayEquals(before.floats(name), after.floats(name), name);
            }
        }
        assertTrue(assertThrows(Refusal.class, () -> run("gpt2", "{\"rank\": 1, \"targetModules\": [\"nothing\"]}")).getMessage().contains("that could be shared by the names nothing"));
        assertThrows(Refusal.class, () -> run("gpt2", "{\"rank\": 1, \"sparsity\": 0.5}"));
    }

    @Test
    void theForetoldLossIsTheLossOfTheRun() throws IOException {
        JsonNode points = TaskRunner.run(Task.fromJson(task("llama-gqa", "{\"rank\": 1}").put("kind", "preview")), folder.resolve("preview"), Progress.NONE, m -> { }).manifest().summary().get("points");
        assertEquals(3, points.size());
        JsonNode report = report(run("llama-gqa", "{\"rank\": 1}"));
        assertEquals(report.at("/evaluations/0/pruned/loss").asDouble(), points.get(0).get("loss").asDouble(), 1e-6);
        assertEquals(report.at("/evaluations/0/dense/loss").asDouble(), points.get(2).get("loss").asDouble(), 1e-6);
    }
}
