package vitrine.core.prune.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import vitrine.core.tensor.Matrix;

/// The check numbers of LoRAP's definition, and its scores by brute force.
class LorapTest {

    private static int[] square(int h, double p) {
        Lorap.Shape s = new Lorap.Shape(h, h);
        return Lorap.ranks(s, s, s, s, p);
    }

    @Test
    void ranksOfSquaresAreTheSources() {
        assertArrayEquals(new int[] {1228, 1228, Lorap.WHOLE, Lorap.WHOLE}, square(4096, 0.2));
        assertArrayEquals(new int[] {819, 819, Lorap.WHOLE, Lorap.WHOLE}, square(4096, 0.3));
        assertArrayEquals(new int[] {512, 512, 1536, 1536}, square(4096, 0.5));
        assertArrayEquals(new int[] {Lorap.WHOLE, Lorap.WHOLE, Lorap.WHOLE, Lorap.WHOLE}, square(4096, 0));
    }

    @Test
    void groupedKeysAndValuesKeepTheBudget() {
        Lorap.Shape wide = new Lorap.Shape(4096, 4096);
        Lorap.Shape thin = new Lorap.Shape(1024, 4096);
        Lorap.Shape[] all = {wide, thin, thin, wide};
        long size = 2L * 4096 * 4096 + 2L * 1024 * 4096;
        for (double p : new double[] {0.1, 0.3, 0.5, 0.8}) {
            int[] ranks = Lorap.ranks(wide, thin, thin, wide, p);
            long kept = 0;
            for (int i = 0; i < 4; i++) {
                kept += ranks[i] == Lorap.WHOLE ? (long) all[i].out() * all[i].in() : (long) ranks[i] * (all[i].out() + all[i].in());
            }
            // Each rank is rounded down.
            assertTrue(kept <= (1 - p) * size && kept > (1 - p) * size - 2 * (8192 + 5120), p + ": " + kept);
            assertTrue(ranks[2] == Lorap.WHOLE || ranks[2] > ranks[1]);
        }
        // 64 x 64 and 16 x 64 by hand: of 10,240 parameters 5,120 stay, 3,840 of value and output, 1,280 of query and key.
        Lorap.Shape q = new Lorap.Shape(64, 64);
        Lorap.Shape k = new Lorap.Shape(16, 64);
        assertArrayEquals(new int[] {8, 3, 9, 24}, Lorap.ranks(q, k, k, q, 0.5));
    }

    @Test
    void theLowestHundredthStays() {
        assertEquals(2201, Lorap.gone(11008, 0.2, 0.01));
        assertEquals(5504, Lorap.gone(11008, 0.5, 0.01));
        double[] scores = new Random(6).doubles(11008).toArray();
        int[] kept = Lorap.kept(scores, 0.2, 0.01);
        assertEquals(11008 - 2201, kept.length);
        double[] sorted = scores.clone();
        Arrays.sort(sorted);
        for (int c : kept) {
            assertTrue(scores[c] <= sorted[109] || scores[c] >= sorted[2311]);
        }
        assertEquals(110, Arrays.stream(kept).filter(c -> scores[c] <= sorted[109]).count());
        assertArrayEquals(new int[] {1, 2}, Lorap.kept(new double[] {0.1, 3, 2, 0.2}, 0.5, 0), "without the rule the smallest go");
        assertArrayEquals(IntStream.range(0, 4).toArray(), Lorap.kept(new double[] {0.1, 3, 2, 0.2}, 0, 0.01));
        assertTrue(Lorap.kept(new double[200], 0.999, 0.01).length > 0);
    }

    @Test
    void scoresAreNormsOfWeightsTimesActivations() {
        try (Arena arena = Arena.ofConfined()) {
            Matrix up = Matrix.allocate(arena, 2, 3);
            Matrix down = Matrix.allocate(arena, 3, 2);
            float[][] u = {{1, -2, 3}, {0, 4, -1}};
            float[][] d = {{2, 1}, {-1, 0}, {2, -3}};
            for (int r = 0; r < 2; r++) {
                for (int c = 0; c < 3; c++) {
                    up.set(r, c, u[r][c]);
                    down.set(c, r, d[c][r]);
                }
            }
            double[] scores = new double[2];
            Lorap.addRows(up, new double[] {2, 1, 0.5}, scores);
            // Rows times (2, 1, 0.5): (2, -2, 1.5) and (0, 4, -0.5).
            assertArrayEquals(new double[] {Math.sqrt(4 + 4 + 2.25), Math.sqrt(16.25)}, scores, 1e-12);
            Lorap.addColumns(down, new double[] {3, 0.1}, scores);
            assertArrayEquals(new double[] {Math.sqrt(10.25) + 3 * 3, Math.sqrt(16.25) + 0.1 * Math.sqrt(10)}, scores, 1e-12);
        }
    }
}
