package vitrine.core.analysis.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import vitrine.core.tensor.Matrix;

class TailTruncationTest {

    private static final double[][] DOWN = Rows.of(4, 6, (i, j) -> Math.sin(0.7 * i + 1.3 * j + 0.1 * i * j));
    private static final double[][] A = {{1, -0.5, 0.02, 0.3, 0, 0.8}, {0.1, 0.9, -0.7, 0.05, 0.4, -0.02}};
    private static final double[] NORMS = Rows.of(1, 6, (i, j) -> {
        double squares = 0;
        for (double[] row : DOWN) {
            squares += row[j] * row[j];
        }
        return Math.sqrt(squares);
    })[0];

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    private static void down(Matrix a, Matrix out) {
        for (int t = 0; t < a.rows(); t++) {
            for (int o = 0; o < DOWN.length; o++) {
                double sum = 0;
                for (int i = 0; i < a.columns(); i++) {
                    sum += a.get(t, i) * DOWN[o][i];
                }
                out.set(t, o, (float) sum);
            }
        }
    }

    private TailTruncation example() {
        return new TailTruncation(Rows.matrix(arena, A), NORMS, TailTruncationTest::down, 4);
    }

    @Test
    void contributionsOfTheExample() {
        double[][] q = {{1.459883, 0.709144, 0.028192, 0.414892, 0, 1.032120}, {0.145988, 1.276459, 0.986728, 0.069149, 0.596796, 0.025803}};
        for (int t = 0; t < 2; t++) {
            for (int i = 0; i < 6; i++) {
                assertEquals(q[t][i], Math.abs(A[t][i]) * NORMS[i], 5e-7);
            }
        }
    }

    @Test
    void errorsAndSparsitiesOfTheExample() {
        double[] eps = {0.05, 0.1, 0.3, 0.6, 1, 2};
        double[] errors = {0.015997, 0.035324, 0.051543, 0.335784, 0.825238, 1};
        double[] sparsities = {0.25, 0.333333, 0.416667, 0.583333, 0.75, 1};
        for (int i = 0; i < eps.length; i++) {
            assertEquals(errors[i], example().error(eps[i]), 1e-6);
            assertEquals(sparsities[i], example().sparsity(eps[i]), 1e-6);
        }
    }

    @Test
    void theThresholdIsTheLargestThatKeepsTheError() {
        TailTruncation t = example();
        double eps = t.threshold(0.1);
        assertTrue(t.error(eps) <= 0.1);
        // The next contribution above is 0.414892; dropping it goes too far.
        assertTrue(eps < 0.4149 && eps > 0.4148, () -> "eps " + eps);
        assertTrue(t.error(0.4149) > 0.1);
    }

    @Test
    void theCurveIsReadBetweenItsPoints() {
        // At the contributions themselves; dropping more can hurt less where vectors cancel.
        TailTruncation.Curve c = example().curve();
        assertArrayEquals(new double[] {0.007343, 0.015997, 0.035324, 0.051543, 0.335784, 0.550291, 0.825238, 0.648311, 0.664630, 1, 1}, c.error(), 1e-6);
        assertArrayEquals(new double[] {2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 12}, java.util.Arrays.stream(c.sparsity()).map(v -> 12 * v).toArray(), 1e-9);
        TailTruncation.Curve line = new TailTruncation.Curve(new double[] {1, 2}, new double[] {0.5, 0.9}, new double[] {0.1, 0.5});
        assertEquals(0.5, line.thresholdFor(0.05), 1e-12);
        assertEquals(1.25, line.thresholdFor(0.2), 1e-12);
        assertEquals(2, line.thresholdFor(0.9), 1e-12);
    }
}
