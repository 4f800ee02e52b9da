package vitrine.core.work.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.prune.Heterogeneity;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.LossGradients;

/// How unevenly weights count: the measure by its worked numbers, and what is measured by gradients of single texts.
class ParameterImpactTest {

    private static final Path MODEL = Path.of("src/test/resources/reference/llama-gqa").toAbsolutePath().normalize();
    private static final String TENSOR = "model.layers.1.self_attn.k_proj.weight";

    @TempDir
    Path folder;

    @Test
    void theMeasureOfSomeNumbers() {
        double[] few = new double[1000];
        Arrays.fill(few, 1e-6);
        Arrays.fill(few, 300, 310, 1);
        assertEquals(1e6, Heterogeneity.of(few), 1e-3);
        assertEquals(1, Heterogeneity.of(new double[] {3, 3, 3, 3}), 0);
        assertTrue(Double.isNaN(Heterogeneity.of(new double[1000])));
        // Three cherries of 768: of the three equal ones the first two.
        double[] large = new double[768];
        large[700] = 3;
        large[5] = 2;
        large[9] = 2;
        large[600] = 2;
        assertEquals("{5, 9, 700}", Heterogeneity.cherries(large).toString());
        double[] other = large.clone();
        other[5] = 0;
        assertEquals(0.5, Heterogeneity.overlap(Heterogeneity.cherries(large), Heterogeneity.cherries(other)), 1e-12);
    }

    /// The mean of squared gradients, not the square of the mean: gradients of each text by itself say so.
    @Test
    void impactIsTheMeanOfSquaredGradients() throws IOException {
        Path data = Files.writeString(folder.resolve("two.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11]}\n{\"input_ids\": [1, 90, 3, 44, 5, 60]}\n");
        ObjectNode task = Json.object().put("kind", "eval").put("model", MODEL.toString()).put("data", data.toString());
        task.putObject("heterogeneity").put("against", data.toString());
        JsonNode matrices = TaskRunner.run(Task.fromJson(task), folder.resolve("eval"), Progress.NONE, w -> { }).manifest().summary().at("/heterogeneity/matrices");
        assertEquals(21, matrices.size());
        JsonNode row = null;
        for (JsonNode m : matrices) {
            assertEquals(1, m.get("cherry_overlap").asDouble(), 0, "a text against itself");
            row = m.get("name").asText().equals(TENSOR) ? m : row;
        }
        double[] squares = new double[16 * 64];
        double[] sums = new double[16 * 64];
        double[] weights = new double[16 * 64];
        try (LoadedModel model = LoadedModel.open(MODEL.toString()); LossGradients gradients = new LossGradients(model, Set.of(TENSOR))) {
            for (String line : Files.readAllLines(data)) {
                Path one = Files.writeString(folder.resolve("one.jsonl"), line + "\n");
                gradients.each(DataInput.read(one.toString(), null, model, Progress.NONE), Progress.NONE, tensors -> {
                    float[] g = tensors.getFirst().gradientToArray();
                    for (int i = 0; i < g.length; i++) {
                        squares[i] += (double) g[i] * g[i];
                        sums[i] += g[i];
                    }
                });
            }
            float[] w = gradients.tensors().getFirst().toArray();
            Arrays.setAll(weights, i -> Math.abs(w[i]));
        }
        assertEquals(score(squares), row.get("impact").asDouble(), 1e-6 * score(squares));
        assertEquals(score(weights), row.get("magnitude").asDouble(), 1e-9);
        Arrays.setAll(sums, i -> sums[i] * sums[i]);
        assertTrue(Math.abs(score(sums) - score(squares)) > 1e-3 * score(squares), "else the test could not tell");
    }

    private static double score(double[] values) {
        List<Double> descending = Arrays.stream(values).boxed().sorted(java.util.Comparator.reverseOrder()).toList();
        int top = values.length / 100;
        return descending.subList(0, top).stream().mapToDouble(v -> v).average().orElseThrow() / descending.get(top);
    }
}
