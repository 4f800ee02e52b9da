package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamingCovarianceTest {

    private static double[] values(StreamingCovariance c, boolean centred) {
        return c.singularValues(centred, c.allColumns()).orElseThrow();
    }

    @Test
    void singularValuesOfTheFixtureInTwoBatches() {
        try (StreamingCovariance c = Rows.streamed(Rows.m64(), b -> 3)) {
            double[] s = values(c, false);
            assertArrayEquals(new double[] {2.610999, 2.126645, 0.523665, 0.314588}, s, 5e-7);
            assertEquals(0.610893, Math.hypot(s[2], s[3]), 5e-7, "the error of rank 2");
            assertEquals(11.713123, Arrays.stream(s).map(v -> v * v).sum(), 5e-7);
        }
    }

    @Test
    void centredRanksOfTheFixture() {
        try (StreamingCovariance c = Rows.streamed(Rows.m64(), b -> 2)) {
            double[] s = values(c, true);
            double sum = Arrays.stream(s).sum();
            double entropy = Arrays.stream(s).map(v -> -v / sum * Math.log(v / sum)).sum();
            assertEquals(2.528309, Math.exp(entropy), 5e-7);
            double squares = Arrays.stream(s).map(v -> v * v).sum();
            assertEquals(1.863558, squares * squares / Arrays.stream(s).map(v -> v * v * v * v).sum(), 5e-7);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void batchesOfAnySizeGiveTheSame(boolean centred) {
        Random random = new Random(7);
        double[][] m = Rows.of(101, 12, (i, j) -> 3 + random.nextGaussian());
        try (StreamingCovariance all = Rows.streamed(m, b -> 101); StreamingCovariance one = Rows.streamed(m, b -> 1);
             StreamingCovariance seven = Rows.streamed(m, b -> 7); StreamingCovariance mixed = Rows.streamed(m, b -> 1 + b * b)) {
            for (StreamingCovariance c : new StreamingCovariance[] {one, seven, mixed}) {
                assertEquals(101, c.count());
                assertArrayEquals(values(all, centred), values(c, centred), 1e-10);
            }
        }
    }

    @Test
    void partsThatAreMergedAreTheWhole() {
        Random random = new Random(8);
        double[][] m = Rows.of(40, 6, (i, j) -> random.nextGaussian());
        try (StreamingCovariance all = Rows.streamed(m, b -> 40); StreamingCovariance a = Rows.streamed(Arrays.copyOf(m, 13), b -> 5);
             StreamingCovariance b = Rows.streamed(Arrays.copyOfRange(m, 13, 40), x -> 4)) {
            a.merge(b);
            assertEquals(40, a.count());
            assertArrayEquals(values(all, false), values(a, false), 1e-10);
            assertArrayEquals(values(all, true), values(a, true), 1e-10);
        }
    }

    @Test
    void fewerRowsThanColumnsLeaveZeros() {
        double[][] m = Rows.of(3, 8, (i, j) -> Math.cos(i * (1 + j) + j * j));
        try (StreamingCovariance c = Rows.streamed(m, b -> 2)) {
            double[] s = values(c, false);
            assertTrue(s[2] > 1e-2, Arrays.toString(s));
            assertEquals(0, values(c, true)[2], "centred rows have one direction less");
            for (int i = 3; i < 8; i++) {
                assertEquals(0, s[i]);
            }
        }
    }

    @Test
    void theRootOfRoundingIsTheFloor() {
        // Exact values 1, 1e-2, ... 1e-5 between orthonormal cosine bases: float64 moments still see the smallest.
        double[][] left = Rows.of(8, 5, (i, k) -> (k == 0 ? Math.sqrt(1 / 8.0) : Math.sqrt(2 / 8.0)) * Math.cos(Math.PI * (i + 0.5) * k / 8));
        double[][] right = Rows.of(5, 5, (j, k) -> (k == 0 ? Math.sqrt(1 / 5.0) : Math.sqrt(2 / 5.0)) * Math.cos(Math.PI * (j + 0.5) * k / 5));
        double[] exact = {1, 1e-2, 1e-3, 1e-4, 1e-5};
        double[][] m = Rows.times(Rows.of(8, 5, (i, k) -> left[i][k] * exact[k]), Rows.transposed(right));
        try (StreamingCovariance c = Rows.streamed(m, b -> 8)) {
            double[] s = values(c, false);
            for (int i = 0; i < exact.length; i++) {
                assertEquals(exact[i], s[i], 1e-4 * exact[i]);
            }
        }
    }

    @Test
    void someColumnsAreAMatrixOfTheirOwn() {
        double[][] m = Rows.m64();
        double[][] part = Rows.of(6, 2, (i, j) -> m[i][1 + 2 * j]);
        try (StreamingCovariance c = Rows.streamed(m, b -> 6); StreamingCovariance p = Rows.streamed(part, b -> 6)) {
            assertArrayEquals(values(p, false), c.singularValues(false, new int[] {1, 3}).orElseThrow(), 1e-12);
            assertArrayEquals(values(p, true), c.singularValues(true, new int[] {1, 3}).orElseThrow(), 1e-12);
        }
    }

    @Test
    void valuesThatAreNoNumbersHaveNoSpectrum() {
        double[][] m = Rows.m64();
        m[2][1] = Double.NaN;
        try (StreamingCovariance c = Rows.streamed(m, b -> 2); StreamingCovariance none = new StreamingCovariance(4)) {
            assertTrue(c.singularValues(false, c.allColumns()).isEmpty());
            assertTrue(c.singularValues(false, new int[] {0, 2}).isPresent(), "columns without one do");
            assertTrue(none.singularValues(false, none.allColumns()).isEmpty());
        }
    }

    @Test
    void halvesGiveAParticipationRatioWithoutTheBiasOfFewRows() {
        // Isotropic rows in 20 of 30 dimensions: the truth is 20. 60 rows make it too small by one covariance.
        int trials = 200;
        double split = 0;
        double plain = 0;
        Random random = new Random(11);
        for (int t = 0; t < trials; t++) {
            double[][] m = Rows.of(60, 30, (i, j) -> j < 20 ? random.nextGaussian() : 0);
            try (StreamingCovariance a = Rows.streamed(Arrays.copyOf(m, 30), b -> 30); StreamingCovariance b = Rows.streamed(Arrays.copyOfRange(m, 30, 60), x -> 30)) {
                split += 1 / StreamingCovariance.splitParticipationRatio(a, b, false, a.allColumns());
                a.merge(b);
                double[] s = values(a, false);
                double squares = Arrays.stream(s).map(v -> v * v).sum();
                plain += squares * squares / Arrays.stream(s).map(v -> v * v * v * v).sum();
            }
        }
        assertEquals(20, trials / split, 0.3, "the mean of the inverse, in which the estimate is unbiased but for the traces");
        assertEquals(20 / (1 + 20.0 / 60), plain / trials, 0.5, "one covariance of n rows: k / (1 + k / n)");
    }

    @Test
    void anIsotropicSubspaceHasItsDimension() {
        Random random = new Random(12);
        double[][] basis = Rows.of(5, 16, (i, j) -> i == 0 ? 0.25 : (j / 4 == i - 1 ? (j % 2 == 0 ? 0.5 : -0.5) : 0));
        double[][] m = Rows.times(Rows.of(20_000, 5, (i, j) -> random.nextGaussian()), basis);
        try (StreamingCovariance c = Rows.streamed(m, b -> 512)) {
            double[] s = values(c, true);
            double squares = Arrays.stream(s).map(v -> v * v).sum();
            assertEquals(5, squares * squares / Arrays.stream(s).map(v -> v * v * v * v).sum(), 0.01);
        }
    }
}
