package vitrine.core.analysis.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.forward.Weights;
import vitrine.core.probe.Place;
import vitrine.core.probe.Site;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Attend;
import vitrine.core.tensor.onednn.OneDnn;
import vitrine.core.testing.Reference;

/// Measures of attention against worked examples, and against the reference cases.
class AttentionMeasuresTest {

    private final Arena arena = Arena.ofAuto();

    /// The fixture of the method page: five positions, two query heads of width 4 that share one key head,
    /// `G(s)[i][j] = sin(0.7 i + 1.3 j + 0.1 i j + s)`, scale 1/2.
    private Matrix fixture(int head, int window) {
        Matrix scores = Matrix.allocate(arena, 5, 5);
        for (int i = 0; i < 5; i++) {
            for (int j = 0; j < 5; j++) {
                double dot = 0;
                for (int d = 0; d < 4; d++) {
                    dot += Math.sin(0.7 * i + 1.3 * d + 0.1 * i * d + head) * Math.sin(0.7 * j + 1.3 * d + 0.1 * j * d + 2);
                }
                scores.set(i, j, (float) dot);
            }
        }
        Attend.softmax(scores, new Attend.Rule(0.5f, 0f, true, window, Float.NaN), 0);
        return scores;
    }

    private Matrix map(double[][] values) {
        Matrix m = Matrix.allocate(arena, values.length, values.length);
        for (int i = 0; i < values.length; i++) {
            for (int j = 0; j < values.length; j++) {
                m.set(i, j, (float) values[i][j]);
            }
        }
        return m;
    }

    private static double[][] uniform(int n) {
        double[][] a = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                a[i][j] = 1.0 / (i + 1);
            }
        }
        return a;
    }

    private static ModelSpec spec(int layers, int heads, int window) {
        AttentionSpec a = new AttentionSpec(heads, 1, 4, 0.5f, 0f, true, window, null, null, null, null);
        List<LayerSpec> specs = new java.util.ArrayList<>();
        for (int l = 0; l < layers; l++) {
            specs.add(LayerSpec.preNorm(l, null, a, null, null));
        }
        return new ModelSpec("test", "Test", false, 4, 100, 100, false, Embedding.of("e", 4), specs, null, null, List.of());
    }

    private static HeadMetrics measured(int window, int[] ids, Matrix... heads) {
        HeadMetrics metrics = new HeadMetrics(spec(1, heads.length, window));
        metrics.begin(Batch.of(ids));
        for (int h = 0; h < heads.length; h++) {
            metrics.at(new Place(0, Site.PATTERN, 0, h, 0), heads[h]);
        }
        return metrics;
    }

    private static void assertMetric(double want, HeadMetrics metrics, HeadMetric metric, int head) {
        assertEquals(want, metrics.mean(metric)[0][head], 2e-6, metric + " of head " + head);
    }

    @Test
    void theWorkedMapComesOut() {
        Matrix a = fixture(0, 0);
        double[][] want = {{1}, {0.722854, 0.277146}, {0.566712, 0.301345, 0.131942}, {0.317427, 0.358797, 0.223859, 0.099918},
            {0.138959, 0.281460, 0.324318, 0.180775, 0.074488}};
        for (int i = 0; i < 5; i++) {
            for (int j = 0; j < 5; j++) {
                assertEquals(j < want[i].length ? want[i][j] : 0, a.get(i, j), 1e-6);
            }
        }
        assertEquals(0.708191, fixture(0, 2).get(4, 3), 1e-6);
    }

    @Test
    void aSequenceTooShortForAMetricDoesNotCountInItsMean() {
        HeadMetrics m = new HeadMetrics(spec(1, 1, 0));
        m.begin(Batch.of(new int[] {1, 2, 3, 4, 5, 6}, new int[] {1}));
        m.at(new Place(0, Site.PATTERN, 0, 0, 0), map(uniform(6)));
        m.at(new Place(0, Site.PATTERN, 1, 0, 0), map(uniform(1)));
        // Queries 4 and 5 see the first four keys with 4/5 and 4/6 of their weight.
        assertMetric((4 / 5.0 + 4 / 6.0) / 2, m, HeadMetric.SINK_MASS, 0);
        assertMetric(1, m, HeadMetric.NORMALISED_ENTROPY, 0);
        assertMetric((1 / 2.0 + 1 / 3.0 + 1 / 4.0 + 1 / 5.0 + 1 / 6.0) / 5, m, HeadMetric.FIRST_TOKEN_MASS, 0);
        assertTrue(Double.isNaN(m.standardError(HeadMetric.SINK_MASS)[0][0]), "one sequence has no standard error");
        assertTrue(m.standardError(HeadMetric.ENTROPY)[0][0] > 0);
    }

    @Test
    void aMetricThatNothingDefinesIsNoNumber() {
        HeadMetrics m = measured(0, new int[] {1}, map(uniform(1)));
        for (HeadMetric undefined : List.of(HeadMetric.NORMALISED_ENTROPY, HeadMetric.FIRST_TOKEN_MASS, HeadMetric.PREVIOUS_TOKEN, HeadMetric.SINK_MASS)) {
            assertTrue(Double.isNaN(m.mean(undefined)[0][0]), undefined.toString());
        }
        assertMetric(0, m, HeadMetric.ENTROPY, 0);
        assertMetric(1, m, HeadMetric.SELF_ATTENTION, 0);
    }

    @Test
    void weightsThatAreNoNumbersMakeNoFigure() {
        double[][] broken = uniform(6);
        broken[5] = new double[] {Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN};
        HeadMetrics m = measured(0, new int[] {1, 2, 1, 2, 1, 2}, map(broken));
        for (HeadMetric metric : HeadMetric.values()) {
            assertTrue(Double.isNaN(m.mean(metric)[0][0]), metric.toString());
        }
        TokenMeasures beside = new TokenMeasures(spec(1, 1, 0), 6);
        beside.at(new Place(0, Site.PATTERN, 0, 0, 0), map(broken));
        assertTrue(Float.isNaN(beside.queryEntropy()[5]) && !Float.isNaN(beside.queryEntropy()[4]));
        AttentionRank rank = new AttentionRank(spec(1, 1, 0), 6);
        rank.at(new Place(0, Site.PATTERN, 0, 0, 0), map(broken));
        assertTrue(Double.isNaN(rank.ranks()[0][0]));
        try (MeanMaps maps = new MeanMaps(spec(2, 1, 0), 6)) {
            maps.at(new Place(0, Site.PATTERN, 0, 0, 0), map(uniform(6)));
            maps.at(new Place(1, Site.PATTERN, 0, 0, 0), map(broken));
            assertEquals(0, maps.divergences(Progress.NONE)[0][0]);
            assertTrue(Double.isNaN(maps.divergences(Progress.NONE)[0][1]) && Double.isNaN(maps.divergences(Progress.NONE)[1][1]));
            assertTrue(Double.isNaN(maps.cosines()[1][1]));
        }
    }

    @Test
    void headsThatDoNotVaryAreLikeNone() {
        double[][] cka = HeadSimilarity.cka(map(new double[][] {{1, 5, 2, 3}, {1, 5, 4, 1}, {1, 5, 0, 1}, {1, 5, 3, 3}}), 2, 2);
        assertTrue(Double.isNaN(cka[0][0]) && Double.isNaN(cka[0][1]) && Double.isNaN(cka[1][0]));
        assertEquals(1, cka[1][1]);
    }

    @Test
    void headMetricsOfTheWorkedMaps() {
        HeadMetrics m = measured(0, new int[] {1, 2, 3, 4, 5}, fixture(0, 0), fixture(1, 0));
        assertMetric(0.867387, m, HeadMetric.ENTROPY, 0);
        assertMetric(0.895960, m, HeadMetric.NORMALISED_ENTROPY, 0);
        assertMetric(1.256197, m, HeadMetric.DISTANCE, 0);
        assertMetric(0.436488, m, HeadMetric.FIRST_TOKEN_MASS, 0);
        assertMetric(0.357208, m, HeadMetric.PREVIOUS_TOKEN, 0);
        assertMetric(0.910607, m, HeadMetric.ENTROPY, 1);
        assertMetric(0.953041, m, HeadMetric.NORMALISED_ENTROPY, 1);
        assertMetric(0.898379, m, HeadMetric.DISTANCE, 1);
        assertMetric(0.286957, m, HeadMetric.FIRST_TOKEN_MASS, 1);
        assertMetric(0.433084, m, HeadMetric.PREVIOUS_TOKEN, 1);
        HeadMetrics w = measured(2, new int[] {1, 2, 3, 4, 5}, fixture(0, 2));
        assertMetric(0.485324, w, HeadMetric.ENTROPY, 0);
        assertMetric(0.875218, w, HeadMetric.NORMALISED_ENTROPY, 0);
        assertMetric(0.563586, w, HeadMetric.DISTANCE, 0);
        assertMetric(0.704482, w, HeadMetric.PREVIOUS_TOKEN, 0);
    }

    @Test
    void uniformAndIdentityMaps() {
        HeadMetrics u = measured(0, new int[] {1, 2, 3, 4}, map(uniform(4)));
        assertMetric(0.794513, u, HeadMetric.ENTROPY, 0);
        assertMetric(1, u, HeadMetric.NORMALISED_ENTROPY, 0);
        assertMetric(0.75, u, HeadMetric.DISTANCE, 0);
        assertMetric(0.361111, u, HeadMetric.FIRST_TOKEN_MASS, 0);
        assertMetric(0.361111, u, HeadMetric.PREVIOUS_TOKEN, 0);
        assertMetric(0.270833, u, HeadMetric.PREVIOUS_TOKEN_SHARE, 0);
        HeadMetrics i = measured(0, new int[] {1, 2, 3}, map(new double[][] {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}));
        assertMetric(0, i, HeadMetric.ENTROPY, 0);
        assertMetric(0, i, HeadMetric.DISTANCE, 0);
        assertMetric(1, i, HeadMetric.SELF_ATTENTION, 0);
    }

    @Test
    void duplicateAndInductionShares() {
        int[] ids = {5, 6, 7, 5, 6, 7};
        HeadMetrics u = measured(0, ids, map(uniform(6)));
        assertMetric(0.102778, u, HeadMetric.DUPLICATE_TOKEN_SHARE, 0);
        assertMetric(0.102778, u, HeadMetric.INDUCTION_SHARE, 0);
        double[][] perfect = new double[6][6];
        for (int i = 0; i < 6; i++) {
            perfect[i][i < 3 ? 0 : i - 2] = 1;
        }
        assertMetric(0.5, measured(0, ids, map(perfect)), HeadMetric.INDUCTION_SHARE, 0);
    }

    @Test
    void aMapInBlocksOfRowsMeasuresAsAWhole() {
        HeadMetrics whole = measured(0, new int[] {1, 2, 1, 4, 2}, fixture(0, 0));
        HeadMetrics parts = new HeadMetrics(spec(1, 1, 0));
        parts.begin(Batch.of(new int[] {1, 2, 1, 4, 2}));
        parts.at(new Place(0, Site.PATTERN, 0, 0, 0), fixture(0, 0).rows(0, 2));
        parts.at(new Place(0, Site.PATTERN, 0, 0, 2), fixture(0, 0).rows(2, 3));
        for (HeadMetric m : HeadMetric.values()) {
            assertEquals(whole.mean(m)[0][0], parts.mean(m)[0][0], 1e-12, m.toString());
        }
    }

    @Test
    void stripesOfRepeatedTokens() {
        RepeatedTokens r = RepeatedTokens.ofOrNull(spec(1, 2, 0), -1, id -> true);
        int n = r.batch().sequences().getFirst().length();
        assertEquals(2 * RepeatedTokens.SEGMENT, n);
        double[][] induction = new double[n][n];
        for (int i = 0; i < n; i++) {
            induction[i][i < RepeatedTokens.SEGMENT ? 0 : i - RepeatedTokens.SEGMENT + 1] = 1;
        }
        for (int s = 0; s < RepeatedTokens.SEQUENCES; s++) {
            int[] ids = r.batch().sequences().get(s).ids();
            assertEquals(ids[3], ids[3 + RepeatedTokens.SEGMENT]);
            r.at(new Place(0, Site.PATTERN, s, 0, 0), map(induction));
            r.at(new Place(0, Site.PATTERN, s, 1, 0), map(uniform(n)));
        }
        assertEquals(1, r.induction()[0][0], 1e-6);
        assertEquals(0, r.duplicate()[0][0], 1e-6);
        double chance = 0;
        for (int i = RepeatedTokens.SEGMENT; i < n; i++) {
            chance += 1.0 / (i + 1) / RepeatedTokens.SEGMENT;
        }
        assertEquals(chance, r.induction()[0][1], 1e-6);
    }

    @Test
    void ranksBelowTheDiagonal() {
        double[][] previous = new double[5][5];
        double[][] sink = new double[5][5];
        double[][] identity = new double[5][5];
        for (int i = 0; i < 5; i++) {
            previous[i][Math.max(0, i - 1)] = 1;
            sink[i][0] = 1;
            identity[i][i] = 1;
        }
        AttentionRank rank = new AttentionRank(spec(1, 5, 0), 5);
        Matrix[] maps = {map(uniform(5)), map(sink), map(identity), map(previous), fixture(0, 0)};
        for (int h = 0; h < 5; h++) {
            rank.at(new Place(0, Site.PATTERN, 0, h, 0), maps[h]);
        }
        assertEquals(4, rank.ranks()[0][0]);
        assertEquals(1, rank.ranks()[0][1]);
        assertEquals(0, rank.ranks()[0][2]);
        assertEquals(4, rank.ranks()[0][3]);
        assertEquals(4, rank.ranks()[0][4]);
    }

    @Test
    void divergenceBetweenLayers() {
        try (MeanMaps maps = new MeanMaps(spec(2, 1, 0), 5)) {
            maps.at(new Place(0, Site.PATTERN, 0, 0, 0), fixture(0, 0));
            maps.at(new Place(1, Site.PATTERN, 0, 0, 0), fixture(1, 0));
            double[][] js = maps.divergences(Progress.NONE);
            assertEquals(0.026823, js[0][1], 1e-6);
            assertEquals(js[0][1], js[1][0]);
            assertEquals(0, js[0][0]);
            double[][] cosines = maps.cosines();
            assertEquals(1, cosines[0][0]);
            assertTrue(cosines[0][1] > 0.9 && cosines[0][1] < 1);
        }
    }

    @Test
    void rolloutOfTheWorkedMaps() {
        try (MeanMaps maps = new MeanMaps(spec(2, 1, 0), 3)) {
            maps.at(new Place(0, Site.PATTERN, 0, 0, 0), map(new double[][] {{1, 0, 0}, {.4, .6, 0}, {.2, .3, .5}}));
            maps.at(new Place(1, Site.PATTERN, 0, 0, 0), map(new double[][] {{1, 0, 0}, {.7, .3, 0}, {.1, .6, .3}}));
            double[][] want = {{1, 0, 0}, {0.48, 0.52, 0}, {0.175, 0.3375, 0.4875}};
            maps.rollout(OneDnn.openOrNull(), (layer, r) -> {
                for (int i = 0; i < 3 && layer == 1; i++) {
                    for (int j = 0; j < 3; j++) {
                        assertEquals(want[i][j], r.get(i, j), 1e-6);
                    }
                }
            });
        }
    }

    @Test
    void headsThatSpanTheSameSpaceAreAlike() {
        // The method page's W1, W2, W3: three phases of one sine, rows = samples, columns = features.
        Matrix x = Matrix.allocate(arena, 4, 9);
        double[] phase = {0, 0.3, 2.0};
        for (int i = 0; i < 4; i++) {
            for (int h = 0; h < 3; h++) {
                for (int j = 0; j < 3; j++) {
                    x.set(i, h * 3 + j, (float) Math.sin(0.7 * i + 1.3 * j + 0.1 * i * j + phase[h]));
                }
            }
        }
        double[][] cka = HeadSimilarity.cka(x, 3, 3);
        assertEquals(0.997254, cka[0][1], 1e-5);
        assertEquals(0.962386, cka[0][2], 1e-5);
    }

    @Test
    void thumbnailsKeepTheLargestWeight() {
        Thumbnails t = new Thumbnails(spec(1, 1, 0), 200);
        double[][] stripe = new double[200][200];
        stripe[150][77] = 0.9;
        t.at(new Place(0, Site.PATTERN, 0, 0, 0), map(stripe));
        assertEquals(64, t.side());
        float max = 0;
        for (float v : t.values()) {
            max = Math.max(max, v);
        }
        assertEquals(0.9f, max);
        assertEquals(0.9f, t.values()[150 * 64 / 200 * 64 + 77 * 64 / 200]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"an-attention-llama", "an-attention-gemma2", "an-attention-gpt-oss"})
    void agreesWithTheReferenceCases(String name) {
        Reference analysis = Reference.of(name);
        Reference base = Reference.of(analysis.golden().get("base_case").asText());
        Checkpoint checkpoint = Checkpoints.open(base.checkpoint());
        ModelSpec spec = Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet());
        try (Weights weights = new Weights(checkpoint, OneDnn.openOrNull()); SafetensorsFile expected = analysis.expected()) {
            for (String prompt : List.of("p0.", "p1.")) {
                HeadMetrics metrics = new HeadMetrics(spec);
                Batch batch = Batch.of(expected.ints(prompt + "input_ids"));
                metrics.begin(batch);
                TokenMeasures measures = new TokenMeasures(spec, batch.tokens());
                new ForwardPass(spec, weights).run(batch, Probe.all(List.of(metrics, measures)), Progress.NONE);
                analysis.compare(expected, prompt + "entropy", measures.queryEntropy());
                HeadMetric[] columns = {HeadMetric.ENTROPY, HeadMetric.NORMALISED_ENTROPY, HeadMetric.DISTANCE, HeadMetric.FIRST_TOKEN_MASS,
                    HeadMetric.PREVIOUS_TOKEN, HeadMetric.SELF_ATTENTION, HeadMetric.MAX_WEIGHT, HeadMetric.EFFECTIVE_CONTEXT};
                List<String> names = new java.util.ArrayList<>();
                analysis.golden().get("columns").fieldNames().forEachRemaining(names::add);
                int layers = spec.layers().size();
                int heads = spec.maxHeads();
                float[] all = new float[layers * heads * columns.length];
                for (int c = 0; c < columns.length; c++) {
                    assertEquals(names.get(c), columns[c].tensor());
                    double[][] m = metrics.mean(columns[c]);
                    for (int l = 0; l < layers; l++) {
                        for (int h = 0; h < heads; h++) {
                            all[(l * heads + h) * columns.length + c] = (float) m[l][h];
                        }
                    }
                }
                analysis.compare(expected, prompt + "head_metrics", all);
            }
        }
    }
}
