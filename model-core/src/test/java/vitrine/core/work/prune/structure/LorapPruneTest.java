package vitrine.core.work.prune.structure;

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
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.openblas.OpenBlas;
import vitrine.core.work.prune.PruneForecast;
import vitrine.core.work.prune.PruneTrials;

/// LoRAP on a small model: what the first query matrix became is as close as its rank allows, by the embedding and the norm before it in float64; channels go from files and config.
class LorapPruneTest {

    @TempDir
    Path folder;

    private ObjectNode task(String model, String settings) throws IOException {
        return PruneTrials.task(model, "lorap", PruneTrials.texts(folder, IDS), settings);
    }

    private Path run(String model, String settings) throws IOException {
        return PruneTrials.run(task(model, settings), folder, w -> { });
    }

    @Test
    void attentionLosesRankAndBlocksLoseChannels() throws IOException {
        Path result = run("llama-gqa", "{\"sparsity\": 0.3}");
        JsonNode report = report(result);
        assertEquals(112, Json.mapper().readTree(result.resolve("config.json").toFile()).get("intermediate_size").asInt());
        assertEquals("{\"query\":12,\"key\":5,\"value\":16,\"output\":64}", report.at("/layers/0/ranks").toString());
        assertTrue(report.at("/load_back/passed").asBoolean());
        PruneForecast foreseen = PruneForecast.of((Task.Prune) Task.fromJson(task("llama-gqa", "{\"sparsity\": 0.3}")));
        assertEquals(report.at("/sparsity/parameters").asLong(), foreseen.parameters());
        assertEquals(report.at("/sparsity/factorised_parameters").asLong(), foreseen.factorised());
        // 3 layers: 48 channels of 3 x 64 weights, a query of rank 12 and a key of rank 5.
        assertEquals(3 * (48 * 3 * 64 + 64 * 64 - 12 * 128 + 16 * 64 - 5 * 80), report.at("/sparsity/parameters_before").asLong() - foreseen.factorised());
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            asCloseAsItsRankAllows(before, after.floats("model.layers.0.self_attn.q_proj.weight"));
            assertArrayEquals(before.floats("model.layers.0.self_attn.o_proj.weight"), after.floats("model.layers.0.self_attn.o_proj.weight"));
            double[] norms = IntStream.range(0, 160).mapToDouble(c -> report.at("/layers/0/channel_norms").get(c).asDouble()).toArray();
            double[] sorted = norms.clone();
            Arrays.sort(sorted);
            float[] up = before.floats("model.layers.0.mlp.up_proj.weight");
            float[] left = after.floats("model.layers.0.mlp.up_proj.weight");
            int at = 0;
            for (int c = 0; c < 160; c++) {
                if (norms[c] == sorted[0] || norms[c] >= sorted[49]) {
                    assertArrayEquals(Arrays.copyOfRange(up, 64 * c, 64 * c + 64), Arrays.copyOfRange(left, 64 * at, 64 * at + 64));
                    at++;
                }
            }
            assertEquals(112, at);
        }
    }

    /// By Eckart and Young: the squared norm of (W - W') D is what the smallest singular values of W D have.
    private static void asCloseAsItsRankAllows(SafetensorsFile before, float[] now) {
        float[] w = before.floats("model.layers.0.self_attn.q_proj.weight");
        float[] embedding = before.floats("model.embed_tokens.weight");
        float[] scale = before.floats("model.layers.0.input_layernorm.weight");
        double[] d = new double[64];
        for (int id : IDS) {
            double squares = IntStream.range(0, 64).mapToDouble(j -> (double) embedding[id * 64 + j] * embedding[id * 64 + j]).sum();
            for (int j = 0; j < 64; j++) {
                d[j] += Math.pow(embedding[id * 64 + j] / Math.sqrt(squares / 64 + 1e-5) * scale[j], 2) / IDS.length;
            }
        }
        try (Arena arena = Arena.ofShared()) {
            MemorySegment scaled = arena.allocate(8L * w.length, 64);
            MemorySegment thin = arena.allocate(8L * w.length, 64);
            double off = 0;
            for (int i = 0; i < w.length; i++) {
                double by = Math.sqrt(d[i % 64]);
                scaled.setAtIndex(ValueLayout.JAVA_DOUBLE, i, w[i] * by);
                thin.setAtIndex(ValueLayout.JAVA_DOUBLE, i, now[i] * by);
                off += Math.pow((w[i] - now[i]) * by, 2);
            }
            double[] s = OpenBlas.open().singularValues(scaled, 64, 64, 64);
            assertEquals(Arrays.stream(s).skip(12).map(v -> v * v).sum(), off, 1e-5 * off);
            double[] left = OpenBlas.open().singularValues(thin, 64, 64, 64);
            assertTrue(left[11] > 1e-3 * left[0] && left[12] < 1e-6 * left[0], Arrays.toString(left));
        }
    }

    @Test
    void partsAloneAndFusedProjections() throws IOException {
        JsonNode report = report(run("llama-gqa", "{\"sparsity\": 0.5, \"parts\": \"heads\"}"));
        assertEquals("same shapes, factors multiplied back", report.get("output").asText());
        assertEquals(report.at("/sparsity/parameters_before"), report.at("/sparsity/parameters"));
        assertTrue(report.at("/layers/2/relative_output_error").asDouble() > 0);
        assertEquals(80, Json.mapper().readTree(run("llama-gqa", "{\"sparsity\": 0.5, \"parts\": \"channels\", \"lowestKept\": 0}").resolve("config.json").toFile()).get("intermediate_size").asInt());
        assertTrue(assertThrows(Refusal.class, () -> run("gpt2", "{\"sparsity\": 0.5}")).getMessage().contains("no query, key and value matrices of their own"));
    }

    @Test
    void nothingThatGoesChangesNothing() throws IOException {
        assertEquals(0, report(run("llama-gqa", "{\"sparsity\": 0}")).at("/evaluations/0/kl").asDouble(), 1e-9);
    }
}
