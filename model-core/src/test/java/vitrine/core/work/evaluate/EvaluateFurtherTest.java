package vitrine.core.work.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.analysis.evaluate.CacheEviction;
import vitrine.core.analysis.evaluate.CachePolicy;
import vitrine.core.analysis.evaluate.LazyAttention;
import vitrine.core.forward.Batch;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;

/// Evaluations of a model with less of it: part of its cache, some of its layers and experts.
class EvaluateFurtherTest {

    private static final Path CASES = Path.of("src/test/resources/reference").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    private JsonNode run(String model, String key, String value) throws IOException {
        StringBuilder ids = new StringBuilder("{\"input_ids\": [5");
        for (int i = 1; i < 60; i++) {
            ids.append(", ").append((i * 37 + i * i) % 400 + 3);
        }
        Path data = Files.writeString(folder.resolve("ids.jsonl"), ids + "]}\n{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63, 64]}\n");
        ObjectNode n = Json.object().put("kind", "eval").put("model", CASES.resolve(model).toString()).put("data", data.toString());
        n.set(key, Json.mapper().readTree(value));
        return TaskRunner.run(Task.fromJson(n), folder.resolve("eval" + (model + value).hashCode()), Progress.NONE, w -> {}).manifest().summary();
    }

    /// With all keys the loss is that of the whole model; what is kept is what was asked for, but for the last key, which always stays (one of six of the short text).
    @Test
    void lossesWithPartOfTheCache() throws IOException {
        JsonNode c = run("llama-gqa", "cache", "{\"keep\": [1.0, 0.4]}").get("cache");
        assertEquals(59 - 30 + 11 - 6, c.get("predicted_tokens").asLong(), "targets after the prompt's next token");
        assertEquals(8, c.get("budgets").size());
        for (JsonNode b : c.get("budgets")) {
            if (b.get("keep").asDouble() == 1) {
                assertEquals(c.get("loss").asDouble(), b.get("loss").asDouble(), 1e-6, b.toString());
                assertEquals(1, b.get("kept_share").asDouble());
            } else {
                assertTrue(Math.abs(c.get("loss").asDouble() - b.get("loss").asDouble()) > 1e-6, b.toString());
                assertEquals(0.4, b.get("kept_share").asDouble(), 0.06, b.toString());
            }
        }
    }

    /// What heads make of values, by hand from the queries, keys and values of the pass: after the prompt a softmax over the keys that stay and those after the prompt, before it over all. The keys that stay
    /// are those that received most of the patterns of a pass of the prompt alone.
    @Test
    void headsReadTheKeysThatStay() {
        int n = 12;
        int[] ids = new int[20];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (i * 37 + i * i) % 400 + 3;
        }
        try (LoadedModel model = LoadedModel.open(CASES.resolve("llama-gqa").toString())) {
            CacheEviction eviction = new CacheEviction(model.spec(), model.forward(), 0.6, 0);
            BitSet[][] stays = eviction.stays(ids, n, CachePolicy.h2o, 0.5, 0, Progress.NONE);
            double[][][] received = new double[3][2][n];
            model.forward().run(Batch.of(Arrays.copyOf(ids, n)), reading(Set.of(Site.PATTERN), (place, m) -> {
                for (int q = 0; q < m.rows(); q++) {
                    for (int k = 0; k < n; k++) {
                        received[place.layer()][place.head() / 4][k] += m.get(q, k);
                    }
                }
            }), Progress.NONE);
            Map<String, float[]> seen = new HashMap<>();
            model.forward().run(Batch.of(ids), Probe.all(List.of(eviction.hiding(stays, n), reading(Set.of(Site.QUERY_ROTATED, Site.KEY_ROTATED, Site.VALUE, Site.Z),
                    (place, m) -> seen.put(place.layer() + " " + place.site(), m.toArray())))), Progress.NONE);
            for (int l = 0; l < 3; l++) {
                float[] q = seen.get(l + " QUERY_ROTATED");
                float[] k = seen.get(l + " KEY_ROTATED");
                float[] v = seen.get(l + " VALUE");
                float[] z = seen.get(l + " Z");
                for (int h = 0; h < 8; h++) {
                    BitSet kept = stays[l][h / 4];
                    assertEquals(6, kept.cardinality());
                    assertTrue(kept.nextClearBit(9) == 12, "the last three stay");
                    double least = kept.stream().filter(j -> j < 9).mapToDouble(j -> received[0][0][j]).min().orElseThrow();
                    for (int j = 0; l == 0 && h < 4 && j < 9; j++) {
                        assertTrue(kept.get(j) || received[0][0][j] <= least);
                    }
                    for (int t = 0; t < 20; t++) {
                        double[] p = new double[t + 1];
                        double sum = 0;
                        for (int j = 0; j <= t; j++) {
                            double score = 0;
                            for (int d = 0; d < 8; d++) {
                                score += (double) q[t * 64 + h * 8 + d] * k[j * 16 + h / 4 * 8 + d];
                            }
                            p[j] = t >= n && j < n && !kept.get(j) ? 0 : Math.exp(score / Math.sqrt(8));
                            sum += p[j];
                        }
                        for (int d = 0; d < 8; d++) {
                            double expected = 0;
                            for (int j = 0; j <= t; j++) {
                                expected += p[j] / sum * v[j * 16 + h / 4 * 8 + d];
                            }
                            assertEquals(expected, z[t * 64 + h * 8 + d], 1e-5, "layer " + l + ", head " + h + ", token " + t);
                        }
                    }
                }
            }
        }
    }

    /// Divergences are those of the formula, from the heads' patterns; a threshold that all keep lets the last layer take over what layer 1 attended with, and one of 0 nothing.
    @Test
    void layersThatAttendAsAnEarlierOne() throws IOException {
        JsonNode lazy = run("llama-gqa", "lazy", "{\"thresholds\": [0, 0.7]}").get("lazy");
        assertEquals("[0,1,2]", lazy.at("/thresholds/0/anchors").toString());
        assertEquals("[0,1,1]", lazy.at("/thresholds/1/anchors").toString());
        double whole = run("llama-gqa", "lazy", "{\"thresholds\": [0]}").get("loss").asDouble();
        for (String what : List.of("queries", "attention")) {
            assertEquals(whole, lazy.at("/thresholds/0/" + what + "/loss").asDouble(), 1e-7);
            assertEquals(0, lazy.at("/thresholds/0/" + what + "/kl").asDouble(), 1e-9);
            assertTrue(Math.abs(whole - lazy.at("/thresholds/1/" + what + "/loss").asDouble()) > 1e-4 && lazy.at("/thresholds/1/" + what + "/kl").asDouble() > 1e-4, lazy.toString());
        }
        assertEquals(1 / 6.0, lazy.at("/thresholds/1/spared_cache").asDouble(), 1e-12);
        JsonNode without = run("llama-gqa", "lazy", "{\"thresholds\": [0.7], \"withoutFirst\": true}").get("lazy");
        double[] js = new double[2];
        double[] rest = new double[2];
        int queries = 0;
        try (LoadedModel model = LoadedModel.open(CASES.resolve("llama-gqa").toString())) {
            int[] longer = new int[60];
            longer[0] = 5;
            for (int i = 1; i < 60; i++) {
                longer[i] = (i * 37 + i * i) % 400 + 3;
            }
            for (int[] ids : List.of(longer, new int[] {1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63, 64})) {
                double[][][] mean = new double[3][ids.length][ids.length];
                model.forward().run(Batch.of(ids), reading(Set.of(Site.PATTERN), (place, m) -> {
                    for (int q = 0; q < m.rows(); q++) {
                        for (int k = 0; k < ids.length; k++) {
                            mean[place.layer()][place.firstPosition() + q][k] += m.get(q, k) / 8.0;
                        }
                    }
                }), Progress.NONE);
                queries += ids.length;
                for (int q = 0; q < ids.length; q++) {
                    js[0] += divergence(mean[2][q], mean[1][q], 0);
                    js[1] += divergence(mean[2][q], mean[0][q], 0);
                    rest[0] += q == 0 ? 0 : divergence(mean[2][q], mean[1][q], 1);
                    rest[1] += q == 0 ? 0 : divergence(mean[2][q], mean[0][q], 1);
                }
            }
        }
        assertEquals(js[0] / queries, lazy.at("/divergence/2/1").asDouble(), 1e-6);
        assertEquals(js[1] / queries, lazy.at("/divergence/0/2").asDouble(), 1e-6);
        assertEquals(rest[0] / (queries - 2), without.at("/divergence/2/1").asDouble(), 1e-6);
        assertEquals(rest[1] / (queries - 2), without.at("/divergence/0/2").asDouble(), 1e-6);
        assertThrows(Refusal.class, () -> run("gemma2", "lazy", "{\"thresholds\": [0.1]}"));
        assertThrows(Refusal.class, () -> run("llama-gqa", "lazy", "{\"thresholds\": []}"));
    }

    private static double divergence(double[] p, double[] q, int from) {
        double a = Arrays.stream(p).skip(from).sum();
        double b = Arrays.stream(q).skip(from).sum();
        double sum = 0;
        for (int k = from; k < p.length; k++) {
            double x = p[k] / a;
            double y = q[k] / b;
            double m = (x + y) / 2;
            sum += x > 0 ? x / 2 * Math.log(x / m) : 0;
            sum += y > 0 ? y / 2 * Math.log(y / m) : 0;
        }
        return sum;
    }

    /// What heads of the last layer make of values, by hand: with the queries of layer 1 and keys of its own, or with the patterns of layer 1.
    @Test
    void whatIsTakenOver() {
        int[] ids = {5, 45, 93, 17, 210, 3, 66, 88, 12, 301};
        try (LoadedModel model = LoadedModel.open(CASES.resolve("llama-gqa").toString())) {
            for (LazyAttention.Reused what : LazyAttention.Reused.values()) {
                Map<String, float[]> seen = new HashMap<>();
                Map<String, float[]> patterns = new HashMap<>();
                BiConsumer<Place, Matrix> remember = (place, m) -> {
                    if (place.site() == Site.PATTERN) {
                        patterns.put(place.layer() + " " + place.head(), m.toArray());
                    } else {
                        seen.put(place.layer() + " " + place.site(), m.toArray());
                    }
                };
                try (LazyAttention lazy = new LazyAttention(new int[] {0, 1, 1}, what)) {
                    model.forward().run(Batch.of(ids), Probe.all(List.of(lazy, reading(Set.of(Site.QUERY_ROTATED, Site.KEY_ROTATED, Site.VALUE, Site.Z, Site.PATTERN), remember))), Progress.NONE);
                }
                float[] q = seen.get("1 QUERY_ROTATED");
                float[] k = seen.get("2 KEY_ROTATED");
                float[] v = seen.get("2 VALUE");
                float[] z = seen.get("2 Z");
                for (int h = 0; h < 8; h++) {
                    float[] earlier = patterns.get("1 " + h);
                    for (int t = 0; t < ids.length; t++) {
                        double[] p = new double[t + 1];
                        double sum = 0;
                        for (int j = 0; j <= t; j++) {
                            double score = 0;
                            for (int d = 0; d < 8; d++) {
                                score += (double) q[t * 64 + h * 8 + d] * k[j * 16 + h / 4 * 8 + d];
                            }
                            p[j] = what == LazyAttention.Reused.queries ? Math.exp(score / Math.sqrt(8)) : earlier[t * ids.length + j];
                            sum += p[j];
                        }
                        for (int d = 0; d < 8; d++) {
                            double expected = 0;
                            for (int j = 0; j <= t; j++) {
                                expected += p[j] / sum * v[j * 16 + h / 4 * 8 + d];
                            }
                            assertEquals(expected, z[t * 64 + h * 8 + d], 1e-5, what + ", head " + h + ", token " + t);
                        }
                    }
                }
            }
        }
    }

    @Test
    void groupsOfLayersThatAttendAlike() {
        double[][] d = new double[7][7];
        double[] next = {0.01, 0.01, 0.2, 0.01, 0.02, 0.03};
        for (int a = 0; a < 7; a++) {
            for (int b = a + 1; b < 7; b++) {
                d[a][b] = d[b][a] = Arrays.stream(next, a, b).sum();
            }
        }
        assertEquals("[0, 1, 1, 3, 3, 3, 3]", Arrays.toString(LazyAttention.anchors(d, 0.06, 4)));
        assertEquals("[0, 1, 1, 3, 3, 3, 6]", Arrays.toString(LazyAttention.anchors(d, 0.05, 4)));
        assertEquals("[0, 1, 1, 3, 3, 5, 5]", Arrays.toString(LazyAttention.anchors(d, 0.05, 2)));
        assertEquals("[0, 1, 2, 3, 4, 5, 6]", Arrays.toString(LazyAttention.anchors(d, 0, 4)));
    }

    private static Probe reading(Set<Site> sites, BiConsumer<Place, Matrix> to) {
        return new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return sites.contains(site);
            }

            @Override
            public void at(Place place, Matrix value) {
                to.accept(place, value);
            }
        };
    }

    /// A cell's loss and parameters are those of the checkpoint that its settings write.
    @Test
    void cellsAreTheCheckpointsThatTheyWrite() throws IOException {
        JsonNode grid = run("mixtral", "elastic", "{\"layers\": [3, 2], \"experts\": [8, 5], \"perToken\": [2, 1]}").get("elastic");
        assertEquals(8, grid.get("cells").size());
        JsonNode whole = grid.at("/cells/0");
        assertTrue(whole.get("prune").isEmpty());
        for (int cell : new int[] {5, 7}) {
            JsonNode c = grid.at("/cells/" + cell);
            ObjectNode n = Json.object().put("kind", "prune").put("model", CASES.resolve("mixtral").toString()).put("method", "explicit");
            n.set("settings", c.get("prune"));
            Path result = TaskRunner.run(Task.fromJson(n), folder.resolve("cell" + cell + "/result"), Progress.NONE, w -> {}).folder();
            JsonNode report = Json.mapper().readTree(result.resolve("pruning_report.json").toFile());
            assertEquals(report.at("/sparsity/parameters").asLong(), c.get("parameters").asLong());
            ObjectNode eval = Json.object().put("kind", "eval").put("model", result.toString()).put("data", folder.resolve("ids.jsonl").toString());
            double loss = TaskRunner.run(Task.fromJson(eval), folder.resolve("again" + cell), Progress.NONE, w -> {}).manifest().summary().get("loss").asDouble();
            assertEquals(loss, c.get("loss").asDouble(), 1e-5);
        }
        // Three matrices of 48 x 64 for each expert that a token does not visit.
        long one = 3 * 48 * 64;
        assertEquals(whole.get("parameters").asLong() - 3 * 6 * one, whole.get("active_parameters").asLong());
        assertEquals(whole.get("active_parameters").asLong() - 3 * one, grid.at("/cells/1/active_parameters").asLong());
        for (JsonNode c : grid.get("cells")) {
            boolean beaten = false;
            for (JsonNode o : grid.get("cells")) {
                boolean noMore = o.get("active_parameters").asLong() <= c.get("active_parameters").asLong() && o.get("loss").asDouble() <= c.get("loss").asDouble();
                beaten |= noMore && (o.get("active_parameters").asLong() < c.get("active_parameters").asLong() || o.get("loss").asDouble() < c.get("loss").asDouble());
            }
            assertEquals(!beaten, c.get("pareto_active").asBoolean(), c.toString());
        }
    }

    @Test
    void aDenseModelsGridHasDepthsOnly() throws IOException {
        JsonNode grid = run("llama-gqa", "elastic", "{}").get("elastic");
        assertEquals(2, grid.get("cells").size(), "three layers: all, two (three quarters and half alike)");
        assertEquals(grid.at("/cells/0/parameters"), grid.at("/cells/0/active_parameters"));
        assertThrows(Refusal.class, () -> run("llama-gqa", "elastic", "{\"experts\": [2]}"));
        assertThrows(Refusal.class, () -> run("llama-gqa", "elastic", "{\"layers\": [4]}"));
        assertThrows(Refusal.class, () -> run("llama-gqa", "cache", "{\"keep\": [0.0]}"));
    }
}
