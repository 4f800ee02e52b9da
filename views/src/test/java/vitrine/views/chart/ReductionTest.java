package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// Curves of any length become short ones that look the same.
class ReductionTest {

    private static final Plot PLOT = new Plot(40, 10, 500, 200, Axis.of("x").between(0, 1), Axis.of("y").between(-5, 5));

    private static LineSeries random(Random random, int count) {
        double[] xs = new double[count];
        double[] ys = new double[count];
        for (int i = 0; i < count; i++) {
            xs[i] = (double) i / count;
            ys[i] = random.nextGaussian();
        }
        return LineSeries.of("s", xs, ys, 0);
    }

    /// First, least, greatest and last of each pixel column, and nothing else, in their order.
    @Test
    void ofEachColumnFourPointsStay() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int count : new int[] {1, 2, 499, 500, 5_000, 100_000}) {
            LineSeries series = random(random, count);
            Map<Long, double[]> columns = new TreeMap<>();
            for (int i = 0; i < count; i++) {
                double y = PLOT.toY(series.ys()[i]);
                double[] c = columns.computeIfAbsent((long) Math.floor(PLOT.toX(series.xs()[i])), k -> new double[] {y, y, y, y});
                c[1] = Math.min(c[1], y);
                c[2] = Math.max(c[2], y);
                c[3] = y;
            }
            Reduction reduced = Reduction.of(series, 0, count, PLOT);
            assertTrue(reduced.count <= 4 * columns.size(), "seed " + seed);
            Map<Long, double[]> kept = new TreeMap<>();
            for (int i = 0; i < reduced.count; i++) {
                double y = reduced.ys[i];
                double[] c = kept.computeIfAbsent((long) Math.floor(reduced.xs[i]), k -> new double[] {y, y, y, y});
                c[1] = Math.min(c[1], y);
                c[2] = Math.max(c[2], y);
                c[3] = y;
                assertTrue(i == 0 || reduced.xs[i] > reduced.xs[i - 1], "seed " + seed + ": points in their order, none twice");
            }
            assertEquals(columns.keySet(), kept.keySet());
            columns.forEach((x, c) -> org.junit.jupiter.api.Assertions.assertArrayEquals(c, kept.get(x), "seed " + seed + ", column " + x));
        }
    }

    @Test
    void fewPointsStayAsTheyAre() {
        LineSeries series = LineSeries.of("s", new double[] {0, 0.25, 1}, new double[] {1, -2, 3}, 0);
        Reduction reduced = Reduction.of(series, 0, 3, PLOT);
        assertEquals(3, reduced.count);
        assertEquals(PLOT.toX(0.25), reduced.xs[1]);
        assertEquals(PLOT.toY(-2), reduced.ys[1]);
        assertFalse(reduced.dense());
    }

    @Test
    void aPieceIsReducedAlone() {
        LineSeries series = random(new Random(1), 1000);
        Reduction reduced = Reduction.of(series, 400, 410, PLOT);
        assertEquals(PLOT.toX(series.xs()[400]), reduced.xs[0]);
        assertEquals(PLOT.toX(series.xs()[409]), reduced.xs[reduced.count - 1]);
    }

    @Test
    void manyPointsPerColumnAreABand() {
        assertTrue(Reduction.of(random(new Random(1), 5000), 0, 5000, PLOT).dense());
        assertFalse(Reduction.of(random(new Random(1), 1000), 0, 1000, PLOT).dense());
    }
}
