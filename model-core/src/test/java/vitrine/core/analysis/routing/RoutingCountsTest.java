package vitrine.core.analysis.routing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.testing.Reference;

/// What is counted while tokens pass, on a small example worked out by hand: 8 tokens with the experts below, ids and domains as given.
class RoutingCountsTest {

    private static final double CLOSE = 1e-6;
    private static final int[][] CHOSEN = {{0, 1}, {0, 2}, {0, 1}, {0, 3}, {0, 1}, {1, 2}, {0, 2}, {0, 1}};
    private static final int[][] LATER = {{0, 1}, {0, 3}, {1, 2}, {0, 3}, {0, 1}, {1, 2}, {2, 3}, {0, 1}};
    private static final int[] IDS = {7, 7, 7, 9, 7, 3, 9, 3};
    private static final int[][] BATCH = {Arrays.copyOf(IDS, 4), Arrays.copyOfRange(IDS, 4, 8)};
    private static final int[] DOMAIN = {0, 1};

    /// Three layers with 8 experts, two per token.
    private static ModelSpec spec() {
        Checkpoint c = Checkpoints.open(Reference.of("mixtral").folder());
        return Families.read(c.config(), c.configFile(), c.tensors().keySet());
    }

    private static void tell(Probe probe, int layer, Site site, int sequence, float[][] rows) {
        try (Arena arena = Arena.ofConfined()) {
            Matrix m = Matrix.allocate(arena, rows.length, rows[0].length);
            for (int r = 0; r < rows.length; r++) {
                for (int c = 0; c < rows[r].length; c++) {
                    m.set(r, c, rows[r][c]);
                }
            }
            if (probe.wants(layer, site)) {
                probe.at(new Place(layer, site, sequence, -1, 0), m);
            }
        }
    }

    private static float[][] floats(int[][] rows, int from) {
        float[][] out = new float[4][];
        for (int t = 0; t < 4; t++) {
            out[t] = new float[] {rows[from + t][0], rows[from + t][1]};
        }
        return out;
    }

    /// Passes the example through layer 0, and `next` through layers 1 and 2.
    private static void pass(Probe probe, int[][] first, int[][] next) {
        for (int layer = 0; layer < 3; layer++) {
            for (int s = 0; s < 2; s++) {
                tell(probe, layer, Site.ROUTER_LOGITS, s, new float[4][8]);
                tell(probe, layer, Site.ROUTER_CHOICE, s, new float[4][8]);
                tell(probe, layer, Site.EXPERT_IDS, s, floats(layer == 0 ? first : next, 4 * s));
                tell(probe, layer, Site.EXPERT_WEIGHTS, s, new float[][] {{.75f, .25f}, {.75f, .25f}, {.75f, .25f}, {.75f, .25f}});
            }
        }
    }

    private static RoutingStatistics counted() {
        RoutingStatistics stats = new RoutingStatistics(spec(), 2, null);
        stats.begin(BATCH, DOMAIN);
        pass(stats, CHOSEN, LATER);
        // Id 1 is the likeliest after the first four tokens, id 2 after the others.
        for (int s = 0; s < 2; s++) {
            float[][] logits = new float[4][8];
            for (float[] row : logits) {
                row[1 + s] = 1;
            }
            tell(stats, -1, Site.LOGITS, s, logits);
        }
        stats.end();
        return stats;
    }

    @Test
    void loadsAndDomains() {
        LayerRouting l = counted().layer(0);
        assertArrayEquals(new long[] {7, 5, 3, 1, 0, 0, 0, 0}, l.load().counts());
        assertArrayEquals(new long[] {7, 1, 0, 0, 0, 0, 0, 0}, l.firstCounts());
        assertArrayEquals(new long[] {4, 2, 1, 1, 0, 0, 0, 0}, l.ofGroup()[0]);
        assertArrayEquals(new long[] {3, 3, 2, 0, 0, 0, 0, 0}, l.ofGroup()[1]);
        assertArrayEquals(new long[] {3, 1, 0, 0, 0, 0, 0, 0}, l.firstOfGroup()[1]);
        // Of sequences (4,2,1,1): 4 / (8/8) - 1 = 3; (3,3,2,0): 2. As one batch: 7 / 2 - 1.
        assertEquals(2.5, l.maxViolationOfSequences(), CLOSE);
        assertEquals(2.5, l.maxViolationOfBatches(), CLOSE);
        assertEquals(0.811278 / 1, l.weightEntropy(), CLOSE);
        assertEquals(8, l.effectiveExperts(), 1e-9);
    }

    @Test
    void coactivation() {
        Coactivation together = counted().layer(0).coactivation();
        double[][] conditional = together.conditional();
        assertEquals(0.571429, conditional[0][1], CLOSE);
        assertEquals(0.8, conditional[1][0], CLOSE);
        assertEquals(0.666667, conditional[2][0], CLOSE);
        assertEquals(1, conditional[3][0], CLOSE);
        double[][] jaccard = together.jaccard();
        assertArrayEquals(new double[] {.5, .25, .142857, .142857}, new double[] {jaccard[0][1], jaccard[0][2], jaccard[0][3], jaccard[1][2]}, CLOSE);
        double[][] lift = together.lift();
        assertArrayEquals(new double[] {.914286, .761905, 1.142857, .533333}, new double[] {lift[0][1], lift[0][2], lift[0][3], lift[1][2]}, CLOSE);
        assertEquals(-1, together.pointwiseInformation()[1][3], CLOSE, "never together");
        assertTrue(Double.isNaN(lift[0][5]) && Double.isNaN(jaccard[5][0]) && Double.isNaN(lift[0][0]), "nobody visits expert 5");
        for (int a = 0; a < 8; a++) {
            long sum = Arrays.stream(together.together()[a]).sum() - together.together()[a][a];
            assertEquals(together.together()[a][a], sum, "the others of a token of two experts are one each");
        }
        assertEquals(1.0 / 28, together.coverage(3), CLOSE, "only 0 and 1 meet three times");
    }

    @Test
    void pointwiseInformationOfIndependentAndOfInseparableExperts() {
        double[][] independent = new Coactivation(new long[][] {{50, 25}, {25, 50}}, 100).pointwiseInformation();
        assertEquals(0, independent[0][1], CLOSE);
        double[][] inseparable = new Coactivation(new long[][] {{50, 50}, {50, 50}}, 100).pointwiseInformation();
        assertEquals(1, inseparable[0][1], CLOSE);
        assertEquals(1, new Coactivation(new long[][] {{100, 100}, {100, 100}}, 100).pointwiseInformation()[0][1], CLOSE);
    }

    @Test
    void vocabulary() {
        LayerRouting l = counted().layer(0);
        assertArrayEquals(new double[] {1, 1, .5}, new double[] {l.input().share(0, 7), l.input().share(0, 9), l.input().share(0, 3)}, CLOSE);
        assertArrayEquals(new double[] {.75, 0, 1}, new double[] {l.input().share(1, 7), l.input().share(1, 9), l.input().share(1, 3)}, CLOSE);
        // First experts: id 7 always 0, id 9 always 0, id 3 once 1 and once 0.
        assertEquals((1 + 1 + .5) / 3, l.input().specialisation(1), CLOSE);
        assertEquals(1, l.input().specialisation(4), CLOSE);
        assertTrue(Double.isNaN(l.input().specialisation(5)));
        // What follows is counted within a sequence only: 7 7 9 after the first, 3 9 3 in the second.
        assertEquals(1, l.next().share(0, 7), CLOSE);
        assertEquals(1, l.next().share(1, 9), CLOSE);
        assertEquals(1, l.next().share(2, 9) + l.next().share(2, 3), CLOSE);
        assertEquals(.5, l.predicted().share(1, 1), CLOSE);
        assertEquals(.75, l.predicted().share(1, 2), CLOSE);
        List<VocabularyCounts.Word> words = l.input().lists(8, 2, 2).get(0);
        assertEquals(List.of(new VocabularyCounts.Word(7, 1, 4), new VocabularyCounts.Word(9, 1, 2)), words, "by share, then by frequency");
    }

    @Test
    void onlyFrequentIdsAreCountedWhereAsked() {
        RoutingStatistics stats = new RoutingStatistics(spec(), 2, RoutingStatistics.frequent(List.of(BATCH), 3));
        stats.begin(BATCH, DOMAIN);
        pass(stats, CHOSEN, LATER);
        stats.end();
        assertEquals(1, stats.layer(0).input().share(0, 7), CLOSE);
        assertTrue(Double.isNaN(stats.layer(0).input().share(0, 9)), "9 occurs twice");
    }

    @Test
    void saturation() {
        RoutingStatistics before = counted();
        PassCounts later = new PassCounts(spec(), 2);
        later.begin(BATCH, DOMAIN, before);
        pass(later, LATER, LATER);
        assertEquals(0.8125, later.saturation(0), CLOSE);
        // First experts: 0 0 0 0 0 1 0 0 against 0 0 1 0 0 1 2 0.
        assertEquals(0.75, later.firstSaturation(0), CLOSE);
        assertEquals(1, later.saturation(1), CLOSE, "the same experts in the same layer");
        assertEquals(0.25, later.mass(0), CLOSE);
        assertArrayEquals(new long[] {5, 5, 3, 3, 0, 0, 0, 0}, later.load(0).counts());
    }

    @Test
    void transitionsAndPaths() {
        RoutingStatistics stats = counted();
        long[][] first = stats.transitions(0).counts();
        assertEquals(5, first[0][0]);
        assertEquals(1, first[0][1]);
        assertEquals(1, first[0][2]);
        assertEquals(1, first[1][1]);
        // Token 0, experts 0 and 1 with weights 3/4 and 1/4, goes on to 0 and 1 likewise; every token gives 1 in all.
        double[][] soft = stats.softTransitions(0);
        assertEquals(8, Arrays.stream(Coactivation.flat(soft)).sum(), 1e-9);
        // From 3 (second of token 3) to 0 (first there) and 3 (second there).
        assertEquals(.25 * .75, soft[3][0], 1e-9);
        assertEquals(.25 * .25, soft[3][3], 1e-9);
        assertEquals(1, stats.transitions(1).stickiness(), CLOSE, "layers 1 and 2 have the same experts here");
        assertEquals(6.0 / 8, stats.transitions(0).stickiness(), CLOSE);
        assertEquals(4, stats.paths().distinct());
        assertEquals(8, stats.paths().tokens());
        TokenPaths.Counted most = stats.paths().top(1).getFirst();
        assertArrayEquals(new int[] {0, 0, 0}, most.experts());
        assertEquals(5, most.tokens());
        assertEquals(-(5 / 8.0 * Math.log(5 / 8.0) + 3 * Math.log(1 / 8.0) / 8), stats.paths().entropy(), CLOSE);
    }

    @Test
    void informationBetweenLayers() {
        long[][] independent = new long[4][6];
        for (int a = 0; a < 4; a++) {
            for (int b = 0; b < 6; b++) {
                independent[a][b] = (a + 1) * (b + 1);
            }
        }
        assertEquals(0, new Transitions(independent).information(), 1e-12);
        long[][] permutation = new long[5][5];
        for (int a = 0; a < 5; a++) {
            permutation[a][(2 * a + 1) % 5] = 10 * (a + 1);
        }
        Transitions certain = new Transitions(permutation);
        assertEquals(new Load(new long[] {10, 20, 30, 40, 50}).entropy(), certain.information(), 1e-12, "as much as there is to know");
        assertEquals(1, certain.normalised(), 1e-12);
        assertTrue(Double.isNaN(new Transitions(new long[][] {{3, 4}, {0, 0}}).normalised()), "a layer that uses one expert tells nothing");
    }

    /// Few tokens make independent layers look as if they knew of each other, by about (N - 1)^2 / (2 T); the correction takes that away.
    @Test
    void theBiasOfFewTokensIsTakenAway() {
        Random random = new Random(3);
        double plain = 0;
        double corrected = 0;
        int runs = 40;
        for (int run = 0; run < runs; run++) {
            long[][] counts = new long[8][8];
            for (int t = 0; t < 1500; t++) {
                counts[random.nextInt(8)][random.nextInt(8)]++;
            }
            plain += new Transitions(counts).information() / runs;
            corrected += new Transitions(counts).corrected() / runs;
        }
        double bias = 49.0 / (2 * 1500);
        assertEquals(bias, plain, 0.1 * bias);
        assertEquals(0, corrected, 0.1 * bias);
    }

    @Test
    void pairsAreCountedAsInAMap() {
        Random random = new Random(5);
        PairCounts pairs = new PairCounts();
        Map<List<Integer>, Integer> expected = new HashMap<>();
        for (int i = 0; i < 20_000; i++) {
            int a = random.nextInt(10) == 0 ? Integer.MAX_VALUE : random.nextInt(300);
            int b = random.nextInt(64);
            pairs.add(a, b);
            expected.merge(List.of(a, b), 1, Integer::sum);
        }
        Map<List<Integer>, Integer> got = new HashMap<>();
        pairs.forEach((a, b, count) -> got.put(List.of(a, b), count));
        assertEquals(expected, got);
        assertEquals(expected.size(), pairs.size());
        assertEquals(0, pairs.get(299, 64));
        assertEquals(0, pairs.get(0, 70));
    }

    /// Counts by token id take what the pairs take that occur: not a row of experts for every id of a large vocabulary.
    @Test
    void largeVocabulariesTakeLittleMemory() {
        Random random = new Random(7);
        VocabularyCounts counts = new VocabularyCounts();
        int[] chosen = new int[8];
        for (int t = 0; t < 20_000; t++) {
            // About as uneven as words are: the square of the rank's share.
            int id = (int) (150_000 * Math.pow(random.nextDouble(), 8));
            for (int i = 0; i < 8; i++) {
                chosen[i] = (id * 31 + random.nextInt(12)) % 128;
            }
            counts.add(id, chosen, 0, 8);
        }
        assertTrue(counts.bytes() < 4 << 20, counts.bytes() + " bytes");
    }

    @Test
    void manyTokensDoNotKeepAllPathsForEver() {
        TokenPaths paths = new TokenPaths();
        for (int t = 0; t < TokenPaths.MOST_TOKENS + 10; t++) {
            paths.add(new short[] {(short) (t % 3)});
        }
        assertEquals(TokenPaths.MOST_TOKENS, paths.tokens());
        assertEquals(3, paths.distinct());
    }
}
