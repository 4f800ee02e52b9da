package vitrine.core.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AllocationTest {

    private static final long[] EQUAL = {10, 10, 10, 10};

    @Test
    void theExamplesOfOwlAndDlp() {
        assertArrayEquals(new double[] {0.61, 0.69, 0.73, 0.77}, Allocation.share(new double[] {5, 3, 2, 1}, EQUAL, 0.08, 0.7), 1e-12);
        assertArrayEquals(new double[] {0.55, 0.65, 0.75, 0.85}, Allocation.share(Allocation.ofMedians(new double[] {.1, .2, .3, .4}), EQUAL, 0.15, 0.7), 1e-12);
    }

    @Test
    void equalLayersGetEqualShares() {
        assertArrayEquals(new double[] {0.7, 0.7, 0.7, 0.7}, Allocation.share(new double[] {2, 2, 2, 2}, EQUAL, 0.08, 0.7));
    }

    @Test
    void theModelLosesWhatWasAskedWhateverTheLayersSizes() {
        Random random = new Random(3);
        for (int i = 0; i < 50; i++) {
            double[] x = random.doubles(6).toArray();
            long[] weights = random.longs(6, 1, 1000).toArray();
            double p = random.nextDouble(0.01, 0.95);
            double[] shares = Allocation.share(x, weights, 0.3, p);
            double gone = 0;
            for (int l = 0; l < 6; l++) {
                gone += shares[l] * weights[l];
                assertEquals(Math.clamp(shares[l], 0, 0.99), shares[l]);
            }
            assertEquals(p, gone / Arrays.stream(weights).sum(), 1e-9);
        }
    }

    @Test
    void medianAndOutliersWithoutKeepingScores() {
        double[][] rows = {{1, 2, 3}, {10, 0.5, 4, 7}, {0}};
        ScoreStatistics.Result r = ScoreStatistics.of(to -> Arrays.stream(rows).forEach(to::row), 2);
        assertEquals(27.5 / 8, r.mean(), 1e-12);
        assertEquals(2, r.median(), "the lower of 2 and 3");
        assertEquals(2 / 8.0, r.outliers(), "7 and 10 are above 6.875");
    }

    /// The curve of 32 layers has the mean 0.735395, so the last layer's share is the first's and (p - p_0) / 0.735395.
    @Test
    void incrementalSharesFollowTheLogarithm() {
        double[] p = Allocation.incremental(32, (0.25 - 0.1) / 0.735395, 0.25);
        assertEquals(0.1, p[0], 1e-6);
        assertEquals(0.1 + 0.15 / 0.735395, p[31], 1e-6);
        assertEquals(0.1 + 0.15 / 0.735395 * Math.log(8) / Math.log(32), p[7], 1e-6);
        assertEquals(0.25, java.util.Arrays.stream(p).average().orElseThrow(), 1e-12);
        assertEquals(0.3, Allocation.incremental(1, 0.2, 0.3)[0], 1e-12);
    }
}
