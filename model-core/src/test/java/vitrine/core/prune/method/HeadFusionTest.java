package vitrine.core.prune.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Which heads become one, against definitions that are computed from the heads themselves.
class HeadFusionTest {

    /// What heads give over some tokens, a row each.
    private static double[][] heads(int count, int values, int seed) {
        Random random = new Random(seed);
        return IntStream.range(0, count).mapToObj(h -> random.doubles(values, -1, 1).map(v -> v * (1 + h % 3)).toArray()).toArray(double[][]::new);
    }

    private static HeadFusion of(double[][] k) {
        double[][] inner = new double[k.length][k.length];
        for (int a = 0; a < k.length; a++) {
            for (int b = 0; b < k.length; b++) {
                for (int i = 0; i < k[a].length; i++) {
                    inner[a][b] += k[a][i] * k[b][i];
                }
            }
        }
        return new HeadFusion(inner);
    }

    private static double square(double[] v) {
        return Arrays.stream(v).map(x -> x * x).sum();
    }

    /// The loss by its words: how far each head is from the mean, of the energy of all.
    private static double loss(double[][] k, int... group) {
        double energy = Arrays.stream(group).mapToDouble(h -> square(k[h])).sum();
        double[] mean = new double[k[0].length];
        for (int h : group) {
            for (int i = 0; i < mean.length; i++) {
                mean[i] += square(k[h]) / energy * k[h][i];
            }
        }
        double off = 0;
        for (int h : group) {
            off += square(IntStream.range(0, mean.length).mapToDouble(i -> k[h][i] - mean[i]).toArray());
        }
        return off / Arrays.stream(k).mapToDouble(HeadFusionTest::square).sum();
    }

    @Test
    void cosinesOfHeads() {
        double[][] c = of(new double[][] {{3, 4}, {-4, 3}, {-6, -8}, {0, 0}, {1, 0}}).cosines();
        assertEquals(0, c[0][1], 1e-15);
        assertEquals(-1, c[0][2], 1e-15);
        assertEquals(0, c[0][3]);
        assertEquals(0.6, c[4][0], 1e-15);
        assertEquals(1, c[1][1], 1e-15);
    }

    @Test
    void theLossIsTheDistanceFromTheMeanByEnergy() {
        double[][] k = heads(5, 12, 3);
        for (int[] group : new int[][] {{0, 1}, {1, 2, 4}, {0, 1, 2, 3, 4}, {3}}) {
            assertEquals(loss(k, group), of(k).loss(group), 1e-12, Arrays.toString(group));
        }
        assertEquals(1, Arrays.stream(of(k).weights(new int[] {1, 2, 4})).sum(), 1e-12);
        assertArrayEquals(new double[] {0.5, 0.5}, of(new double[2][3]).weights(new int[] {0, 1}));
    }

    /// Three heads that are phase shifts of one sine: what their plain mean misses of the first two.
    @Test
    void thePlainMeanOfTwoHeads() {
        double[][] w = new double[2][];
        for (int m = 0; m < 2; m++) {
            double phase = new double[] {0, 0.3}[m];
            w[m] = IntStream.range(0, 12).mapToDouble(i -> Math.sin(0.7 * (i / 3) + 1.3 * (i % 3) + 0.1 * (i / 3) * (i % 3) + phase)).toArray();
        }
        assertEquals(0.021485, of(w).loss(new int[] {0, 1}, new double[] {0.5, 0.5}), 1e-6);
    }

    @Test
    void headsThatAreAlikeAreFoundWhereverTheyStand() {
        double[][] four = heads(4, 30, 8);
        int[] from = {2, 0, 3, 1, 1, 3, 0, 2, 3, 2, 1, 0};
        double[][] k = Arrays.stream(from).mapToObj(i -> four[i]).toArray(double[][]::new);
        int[][] expected = {{0, 7, 9}, {1, 6, 11}, {2, 5, 8}, {3, 4, 10}};
        assertArrayEquals(expected, HeadFusion.balanced(List.of(of(k), of(k)), 3));
        assertArrayEquals(expected, HeadFusion.shared(Map.of(0, of(k)), 4).get(0));
        assertEquals(0, of(k).loss(expected), 1e-12);
    }

    /// Exchanging heads ends where no exchange helps, and no worse than neighbours; of the few partitions that six heads have it finds the best for these.
    @ParameterizedTest
    @CsvSource({"2,1", "2,2", "2,3", "3,1", "3,2", "3,3"})
    void groupsOfOneSizeAreTheBestThatThereAre(int size, int seed) {
        double[][] k = heads(6, 9, seed);
        double[][] v = heads(6, 9, seed + 50);
        int[][] found = HeadFusion.balanced(List.of(of(k), of(v)), size);
        double least = Double.MAX_VALUE;
        // Every assignment of heads to groups of this size.
        int groups = 6 / size;
        for (int code = 0; code < Math.pow(groups, 6); code++) {
            int[] of = new int[6];
            for (int h = 0, c = code; h < 6; h++, c /= groups) {
                of[h] = c % groups;
            }
            double sum = 0;
            boolean whole = true;
            for (int g = 0; g < groups; g++) {
                int own = g;
                int[] members = IntStream.range(0, 6).filter(h -> of[h] == own).toArray();
                whole &= members.length == size;
                sum += members.length == size ? loss(k, members) + loss(v, members) : 0;
            }
            least = whole ? Math.min(least, sum) : least;
        }
        assertEquals(least, of(k).loss(found) + of(v).loss(found), 1e-9);
    }

    /// Of two layers the one whose heads are alike gives them up.
    @Test
    void layersShareTheNumberOut() {
        double[][] alike = heads(1, 20, 4);
        double[][] same = {alike[0], alike[0].clone(), Arrays.stream(alike[0]).map(x -> 1.01 * x).toArray(), alike[0].clone()};
        Map<Integer, int[][]> groups = HeadFusion.shared(Map.of(0, of(heads(4, 20, 5)), 1, of(same)), 5);
        assertEquals(4, groups.get(0).length);
        assertArrayEquals(new int[][] {{0, 1, 2, 3}}, groups.get(1));
        // Each layer keeps one, however few are asked for.
        assertEquals(2, HeadFusion.shared(Map.of(0, of(heads(4, 20, 5)), 1, of(same)), 0).values().stream().mapToInt(g -> g.length).sum());
    }

    @Test
    void whatAConfigCanSay() {
        int[][] cells = HeadFusion.cells(new int[][] {{0, 1, 2, 3}, {4, 5, 6, 7}}, new int[][] {{0, 2, 4, 6}, {1, 3, 5, 7}});
        assertArrayEquals(new int[][] {{0, 2}, {1, 3}, {4, 6}, {5, 7}}, cells);
        assertArrayEquals(new int[][] {{0, 1}, {4, 6}, {2, 3}}, HeadFusion.pieces(new int[][] {{0, 1, 4, 6}, {2, 3}}, 2));
        assertEquals(List.of(8, 8, 4, 2, 1, 3), List.of(HeadFusion.staying(8, 0), HeadFusion.staying(8, 0.2), HeadFusion.staying(8, 0.5), HeadFusion.staying(8, 0.8), HeadFusion.staying(8, 0.95), HeadFusion.staying(3, 0.3)));
    }
}
