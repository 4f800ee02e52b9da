package vitrine.core.work.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;
import static vitrine.core.work.prune.PruneTrials.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.progress.Progress;
import vitrine.core.prune.Structure;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.prune.report.Counterparts;
import vitrine.core.work.prune.report.RanksBeforeAndAfter;

/// What a report says of the inside of the two models, against figures that are taken here from the stored weights (singular values by Jacobi's rotations in float64) and from captures of both checkpoints.
class PruneReportTest {

    private static final List<Integer> IDS = List.of(5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13, 8, 9, 10);

    @TempDir
    Path folder;

    private Path run(String model, String method, String settings) throws IOException {
        Path data = PruneTrials.texts(folder, IDS.stream().mapToInt(i -> i).toArray());
        ObjectNode task = PruneTrials.task(model, method, method.equals("explicit") ? null : data, settings);
        task.putArray("evalData").addObject().put("name", "few").put("file", data.toString());
        return PruneTrials.run(task, folder, w -> { });
    }

    private SafetensorsFile capture(Path model, Task.What... what) throws IOException {
        return TaskRunner.run(new Task.Capture(model.toString(), Task.Prompt.ofIds(IDS), List.of(what), null), folder.resolve("capture" + model.getParent().getFileName() + model.getFileName()), Progress.NONE, w -> { }).tensors();
    }

    /// llama-gqa without its layer 1 and the second half of the heads of the others.
    @Test
    void ofHeadsAndLayersThatStay() throws IOException {
        Path result = run("llama-gqa", "explicit", "{\"drop\": {\"layers\": [1], \"heads\": [\"0.4\",\"0.5\",\"0.6\",\"0.7\",\"2.4\",\"2.5\",\"2.6\",\"2.7\"]}}");
        JsonNode r = report(result);
        JsonNode a = r.get("attention");
        int n = IDS.size();
        assertEquals(n, a.get("tokens").asInt());
        assertEquals("few", a.get("text").asText());
        assertEquals(8, a.get("heads_compared").asInt());
        assertEquals(16, a.get("heads_gone").asInt());
        double[] means = new double[3];
        try (SafetensorsFile before = capture(CASES.resolve("llama-gqa"), Task.What.attentions, Task.What.hidden_states, Task.What.blocks); SafetensorsFile after = capture(result, Task.What.attentions, Task.What.hidden_states, Task.What.blocks)) {
            for (int l = 0; l < 3; l++) {
                JsonNode row = a.get("layers").get(l);
                for (int h = 0; h < 8; h++) {
                    double[] p = before.doubles("attentions", (long) (l * 8 + h) * n * n, n * n);
                    assertEquals(entropy(p, n), row.get("entropy_before").get(h).asDouble(), 2e-6);
                    assertEquals(firstToken(p, n), row.get("first_token_before").get(h).asDouble(), 1e-6);
                    if (l == 1 || h > 3) {
                        assertTrue(row.get("entropy_after").get(h).isNull() && row.get("total_variation").get(h).isNull(), "it is no longer there");
                        continue;
                    }
                    double[] q = after.doubles("attentions", (long) (l / 2 * 4 + h) * n * n, n * n);
                    assertEquals(entropy(q, n), row.get("entropy_after").get(h).asDouble(), 2e-6);
                    assertEquals(moved(p, q, n), row.get("total_variation").get(h).asDouble(), 1e-6);
                    means[0] += entropy(p, n) / 8;
                    means[1] += entropy(q, n) / 8;
                    means[2] += moved(p, q, n) / 8;
                }
                JsonNode layer = r.get("layers").get(l);
                double left = l == 1 ? 0 : 64 * 32 * 2 + 64 * 8 * 2 + 3 * 64 * 160;
                assertEquals(1 - left / (64 * 64 * 2 + 64 * 16 * 2 + 3 * 64 * 160), layer.get("sparsity").asDouble(), 1e-12);
                if (l == 1) {
                    assertTrue(layer.path("hidden_state_error").isMissingNode());
                } else {
                    double[] p = before.doubles("layer_out", (long) l * n * 64, n * 64);
                    double[] q = after.doubles("layer_out", (long) l / 2 * n * 64, n * 64);
                    double norm = Math.sqrt(Arrays.stream(p).map(v -> v * v).sum());
                    assertEquals(Math.sqrt(IntStream.range(0, p.length).mapToDouble(i -> (p[i] - q[i]) * (p[i] - q[i])).sum()) / norm, layer.get("hidden_state_error").asDouble(), 1e-5);
                }
            }
        }
        assertEquals(means[0], a.get("entropy_before").asDouble(), 2e-6);
        assertEquals(means[1], a.get("entropy_after").asDouble(), 2e-6);
        assertEquals(means[2], a.get("total_variation").asDouble(), 1e-6);
        JsonNode ranks = r.get("effective_rank");
        assertEquals(21, ranks.get("matrices").size());
        assertEquals(14, ranks.get("matrices_compared").asInt());
        double before = 0;
        double after = 0;
        try (SafetensorsFile was = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors")); SafetensorsFile is = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            for (JsonNode m : ranks.get("matrices")) {
                String name = m.get("name").asText();
                double wanted = effectiveRank(was, name);
                assertEquals(wanted, m.get("before").asDouble(), 1e-5 * wanted, name);
                if (m.get("layer").asInt() == 1) {
                    assertTrue(m.get("after").isNull());
                    continue;
                }
                double now = effectiveRank(is, name.replace("layers.2.", "layers.1."));
                assertEquals(now, m.get("after").asDouble(), 1e-5 * now, name);
                before += wanted / 14;
                after += now / 14;
                if (name.contains("q_proj")) {
                    assertEquals(now / 32, m.get("normalised_after").asDouble(), 1e-6);
                    assertEquals("[32,64]", m.get("shape_after").toString());
                }
            }
        }
        assertEquals(before, ranks.get("before").asDouble(), 1e-4);
        assertEquals(after, ranks.get("after").asDouble(), 1e-4);
        assertTrue(r.path("routing").isMissingNode(), "it has no experts");
    }

    /// Of a model that is too large for the time of a report some layers are measured: the first and the last at least.
    @Test
    void ofSomeLayersOfALargeModel() {
        String path = CASES.resolve("llama-gqa").toString();
        try (LoadedModel m = LoadedModel.open(path); SafetensorsFile was = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors"))) {
            JsonNode r = RanksBeforeAndAfter.of(path, path, Counterparts.same(m.spec()), 1, Progress.NONE);
            assertEquals("fast", r.get("accuracy").asText());
            assertEquals(List.of(0, 2), r.get("layers").valueStream().map(l -> l.get("layer").asInt()).toList());
            assertEquals(3, r.get("of_layers").asInt());
            assertEquals(14, r.get("matrices").size());
            JsonNode last = r.get("matrices").get(13);
            assertEquals(effectiveRank(was, last.get("name").asText()), last.get("before").asDouble(), 1e-3 * last.get("before").asDouble());
            assertEquals(last.get("before"), last.get("after"));
        }
    }

    /// mixtral with experts merged: what a token chose before counts as what it became.
    @Test
    void ofExpertsThatWereMerged() throws IOException {
        Path result = run("mixtral", "submoe", "{\"experts\": 5}");
        JsonNode r = report(result);
        int n = IDS.size();
        boolean different = false;
        try (SafetensorsFile before = capture(CASES.resolve("mixtral"), Task.What.router); SafetensorsFile after = capture(result, Task.What.router)) {
            for (int l = 0; l < 3; l++) {
                JsonNode row = r.at("/routing/layers").get(l);
                List<Integer> into = r.at("/layers/" + l + "/merged_into").valueStream().map(JsonNode::asInt).toList();
                List<Integer> kept = into.stream().distinct().sorted().toList();
                long[] was = new long[8];
                long[] is = new long[5];
                int changed = 0;
                double same = 0;
                double decided = 0;
                for (int t = 0; t < n; t++) {
                    double[] p = before.doubles("expert_ids", (long) (l * n + t) * 2, 2);
                    double[] q = after.doubles("expert_ids", (long) (l * n + t) * 2, 2);
                    Set<Integer> became = Arrays.stream(p).mapToObj(e -> kept.indexOf(into.get((int) e))).collect(Collectors.toCollection(TreeSet::new));
                    Set<Integer> chosen = Arrays.stream(q).mapToObj(e -> (int) e).collect(Collectors.toCollection(TreeSet::new));
                    Arrays.stream(p).forEach(e -> was[(int) e]++);
                    Arrays.stream(q).forEach(e -> is[(int) e]++);
                    changed += became.equals(chosen) ? 0 : 1;
                    same += Arrays.stream(p).filter(e -> chosen.contains(kept.indexOf(into.get((int) e)))).count() / 2.0;
                    double[] logits = after.doubles("router_logits", (long) (l * n + t) * 5, 5);
                    double z = Arrays.stream(logits).map(Math::exp).sum();
                    decided -= Arrays.stream(logits).map(x -> Math.exp(x) / z * (x - Math.log(z))).sum();
                }
                assertEquals(Arrays.toString(was).replace(" ", ""), row.get("load_before").toString());
                assertEquals(Arrays.toString(is).replace(" ", ""), row.get("load_after").toString());
                assertEquals((double) changed / n, row.get("changed_sets").asDouble(), 1e-12);
                assertEquals(same / n, row.get("kept_choices").asDouble(), 1e-12);
                assertEquals(decided / n, row.get("router_entropy_after").asDouble(), 1e-5);
                assertEquals(-Arrays.stream(is).filter(c -> c > 0).mapToDouble(c -> c / (2.0 * n) * Math.log(c / (2.0 * n))).sum() / Math.log(5), row.get("load_entropy_after").asDouble(), 1e-12);
                different |= changed > 0 && changed < n;
            }
        }
        assertTrue(different, "a comparison of which all or nothing changes shows little");
        assertEquals(3 * (4 + 5 * 3), r.at("/effective_rank/matrices_compared").asInt(), "attention, and what is left of experts");
        JsonNode first = r.at("/routing");
        assertEquals(IntStream.range(0, 3).mapToDouble(l -> first.get("layers").get(l).get("changed_sets").asDouble()).average().orElseThrow(), first.get("changed_sets").asDouble(), 1e-12);
    }

    /// Heads that share a key stand beside each other in the result, two query heads to a key/value head here.
    @Test
    void headsInAnotherOrder() {
        try (LoadedModel m = LoadedModel.open(CASES.resolve("llama-tied").toString())) {
            Counterparts c = Counterparts.of(m.spec(), new Structure(List.of(1), Map.of(), Map.of(), Map.of(), Map.of(1, new int[][] {{2, 0}, {1}})), Map.of());
            assertArrayEquals(new int[] {4, 5, 0, 1, 2, 3}, c.heads().get(1));
            assertEquals(0, c.after(1));
            assertEquals(-1, c.after(0));
        }
    }

    private static double entropy(double[] p, int n) {
        return -Arrays.stream(p).filter(v -> v > 0).map(v -> v * Math.log(v)).sum() / n;
    }

    private static double firstToken(double[] p, int n) {
        return IntStream.range(1, n).mapToDouble(i -> p[i * n]).average().orElseThrow();
    }

    private static double moved(double[] p, double[] q, int n) {
        return IntStream.range(0, p.length).mapToDouble(i -> Math.abs(p[i] - q[i])).sum() / 2 / n;
    }

    /// exp of the entropy of singular values, by rotating rows until all are orthogonal.
    private static double effectiveRank(SafetensorsFile file, String name) {
        int rows = (int) file.tensors().get(name).shape().size(0);
        float[] w = file.floats(name);
        int columns = w.length / rows;
        int small = Math.min(rows, columns);
        int large = Math.max(rows, columns);
        double[][] m = new double[small][large];
        for (int i = 0; i < small; i++) {
            for (int j = 0; j < large; j++) {
                m[i][j] = rows <= columns ? w[i * columns + j] : w[j * columns + i];
            }
        }
        for (boolean turned = true; turned; ) {
            turned = false;
            for (int i = 0; i < small; i++) {
                for (int j = i + 1; j < small; j++) {
                    double a = 0;
                    double b = 0;
                    double c = 0;
                    for (int k = 0; k < large; k++) {
                        a += m[i][k] * m[i][k];
                        b += m[j][k] * m[j][k];
                        c += m[i][k] * m[j][k];
                    }
                    if (Math.abs(c) <= 1e-8 * Math.sqrt(a * b)) {
                        continue;
                    }
                    turned = true;
                    double zeta = (b - a) / (2 * c);
                    double t = Math.signum(zeta) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
                    t = zeta == 0 ? 1 : t;
                    double cos = 1 / Math.sqrt(1 + t * t);
                    double sin = cos * t;
                    for (int k = 0; k < large; k++) {
                        double x = m[i][k];
                        m[i][k] = cos * x - sin * m[j][k];
                        m[j][k] = sin * x + cos * m[j][k];
                    }
                }
            }
        }
        double[] s = Arrays.stream(m).mapToDouble(row -> Math.sqrt(Arrays.stream(row).map(v -> v * v).sum())).toArray();
        double sum = Arrays.stream(s).sum();
        return Math.exp(-Arrays.stream(s).filter(v -> v > 0).map(v -> v / sum * Math.log(v / sum)).sum());
    }
}
