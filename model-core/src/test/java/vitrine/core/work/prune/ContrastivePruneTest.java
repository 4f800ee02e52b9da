package vitrine.core.work.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;

/// Two sets of texts in, a mask out: the first layer's mask is found again from the embedding and the norm before it, in float64.
class ContrastivePruneTest {

    private static final Path MODEL = Path.of("src/test/resources/reference/llama-gqa").toAbsolutePath().normalize();
    private static final int[][] HERE = {{5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13}, {1, 2, 3, 4, 5, 6, 7}, {9, 9, 14, 2, 51}};
    private static final int[][] THERE = {{60, 61, 62, 63, 64, 65}, {33, 34, 80, 81, 82, 83, 84, 85, 86}};

    @TempDir
    Path folder;
    private Path here;
    private Path there;

    @BeforeEach
    void write() throws IOException {
        here = texts("here", HERE);
        there = texts("there", THERE);
    }

    private Path texts(String name, int[][] ids) throws IOException {
        StringBuilder t = new StringBuilder();
        for (int[] text : ids) {
            t.append("{\"input_ids\": ").append(java.util.Arrays.toString(text)).append("}\n");
        }
        return Files.writeString(folder.resolve(name + ".jsonl"), t);
    }

    private static ObjectNode task(String kind, Path data, Path against) {
        ObjectNode n = Json.object().put("kind", kind).put("model", MODEL.toString()).put("method", "contrastive").put("data", data.toString());
        ObjectNode s = n.putObject("settings").put("sparsity", 0.4);
        if (against != null) {
            s.put("against", against.toString());
        }
        return n;
    }

    private Path run(ObjectNode task, String name) throws IOException {
        return TaskRunner.run(Task.fromJson(task), folder.resolve(name).resolve("result"), Progress.NONE, m -> { }).folder();
    }

    private static double[][] norms(SafetensorsFile model, int[][] texts, double eps) {
        float[] embedding = model.floats("model.embed_tokens.weight");
        float[] scale = model.floats("model.layers.0.input_layernorm.weight");
        int d = scale.length;
        double[][] out = new double[texts.length][d];
        for (int t = 0; t < texts.length; t++) {
            for (int id : texts[t]) {
                double squares = IntStream.range(0, d).mapToDouble(j -> (double) embedding[id * d + j] * embedding[id * d + j]).sum();
                for (int j = 0; j < d; j++) {
                    out[t][j] += Math.pow(embedding[id * d + j] / Math.sqrt(squares / d + eps) * scale[j], 2);
                }
            }
            for (int j = 0; j < d; j++) {
                out[t][j] = Math.sqrt(out[t][j]);
            }
        }
        return out;
    }

    private static double mean(double[][] x, int j) {
        return java.util.Arrays.stream(x).mapToDouble(t -> t[j]).average().orElseThrow();
    }

    private static double variance(double[][] x, int j) {
        double m = mean(x, j);
        return java.util.Arrays.stream(x).mapToDouble(t -> (t[j] - m) * (t[j] - m)).average().orElseThrow();
    }

    @Test
    void theFirstLayersMaskIsThatOfTheTextsAndBothLossesAreMeasured() throws IOException {
        Path result = run(task("prune", here, there), "one");
        Path turned = run(task("prune", there, here), "turned");
        JsonNode report = Json.mapper().readTree(result.resolve("pruning_report.json").toFile());
        try (SafetensorsFile model = SafetensorsFile.open(MODEL.resolve("model.safetensors")); SafetensorsFile masks = SafetensorsFile.open(result.resolve("masks.safetensors"));
             SafetensorsFile others = SafetensorsFile.open(turned.resolve("masks.safetensors"))) {
            double eps = Json.mapper().readTree(MODEL.resolve("config.json").toFile()).get("rms_norm_eps").asDouble();
            double[][] a = norms(model, HERE, eps);
            double[][] b = norms(model, THERE, eps);
            String name = "model.layers.0.self_attn.q_proj.weight";
            float[] w = model.floats(name);
            int d = a[0].length;
            double[] z = IntStream.range(0, d).mapToDouble(j -> (mean(a, j) - mean(b, j)) / Math.sqrt(variance(a, j) + variance(b, j) + 1e-8)).toArray();
            float[] wanted = mask(w, z);
            float[] wantedTurned = mask(w, java.util.Arrays.stream(z).map(v -> -v).toArray());
            assertArrayEquals(wanted, masks.floats(name));
            assertArrayEquals(wantedTurned, others.floats(name));
            long both = IntStream.range(0, w.length).filter(i -> wanted[i] == 1 && wantedTurned[i] == 1).count();
            long either = IntStream.range(0, w.length).filter(i -> wanted[i] == 1 || wantedTurned[i] == 1).count();
            assertEquals((double) both / either, report.at("/layers/0/matrices/0/mask_overlap").asDouble(), 1e-12);
        }
        assertEquals(List.of("calibration", "against"), names(report));
        double rise = report.at("/evaluations/0/pruned/loss").asDouble() - report.at("/evaluations/0/dense/loss").asDouble();
        double other = report.at("/evaluations/1/pruned/loss").asDouble() - report.at("/evaluations/1/dense/loss").asDouble();
        assertEquals(rise, report.at("/behaviour/loss_rise").asDouble(), 1e-12);
        assertEquals(other - rise, report.at("/behaviour/difference").asDouble(), 1e-12);
        JsonNode back = Json.mapper().readTree(turned.resolve("pruning_report.json").toFile());
        // The same texts, measured as they stand on the other side.
        assertEquals(report.at("/evaluations/1/dense/loss").asDouble(), back.at("/evaluations/0/dense/loss").asDouble(), 1e-12);
        assertTrue(report.at("/load_back/passed").asBoolean());
    }

    private static List<String> names(JsonNode report) {
        List<String> out = new ArrayList<>();
        report.get("evaluations").forEach(e -> out.add(e.get("name").asText()));
        return out;
    }

    private static float[] mask(float[] w, double[] z) {
        int d = z.length;
        float[] out = new float[w.length];
        for (int r = 0; r < w.length / d; r++) {
            int at = r * d;
            Comparator<Integer> order = Comparator.<Integer>comparingDouble(j -> Math.abs(w[at + j]) * Math.max(0, z[j])).thenComparingDouble(j -> Math.abs(w[at + j])).reversed();
            IntStream.range(0, d).boxed().sorted(order).limit((int) (0.6 * d)).forEach(j -> out[at + j] = 1);
        }
        return out;
    }

    @Test
    void previewsKnowIt() throws IOException {
        var points = TaskRunner.run(Task.fromJson(task("preview", here, there)), folder.resolve("preview"), Progress.NONE, m -> { }).manifest().summary().get("points");
        assertEquals(9, points.size());
        points.forEach(p -> assertTrue(p.get("loss").asDouble() > 0 && p.get("gone").asLong() > 0, p::toString));
    }

    @Test
    void withoutOtherTextsNothingIsHeldAgainstAnything() {
        Refusal r = assertThrows(Refusal.class, () -> Task.fromJson(task("prune", here, null)));
        assertTrue(r.getMessage().contains("against is missing"), r.getMessage());
        ObjectNode other = task("prune", here, there).put("method", "wanda");
        assertTrue(assertThrows(Refusal.class, () -> Task.fromJson(other)).getMessage().contains("against does not go with the method wanda"));
    }
}
