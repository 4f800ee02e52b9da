package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import vitrine.core.tensor.openblas.OpenBlas;

/// The closed form of the error against the error itself.
class OutputSpectraTest {

    private static final double[][] X = Rows.of(10, 4, (i, j) -> Math.sin(0.5 * i + 0.9 * j + 0.2 * i * j));
    /// `[in, out]`, as the method's page writes it.
    private static final double[][] W = Rows.of(4, 3, (i, j) -> Math.cos(0.4 * i + 0.8 * j + 0.3 * i * j));

    /// The k leading eigenvectors of `a^T a`, `[columns, k]`.
    private static double[][] leading(double[][] a, int k) {
        int n = a[0].length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment g = Rows.segment(arena, Rows.times(Rows.transposed(a), a));
            OpenBlas.open().eigenvectors(g, n);
            return Rows.of(n, k, (i, j) -> g.getAtIndex(JAVA_DOUBLE, (long) (n - 1 - j) * n + i));
        }
    }

    private static double measured(double[][] v) {
        double[][] y = Rows.times(X, W);
        return Rows.norm(Rows.minus(y, Rows.times(Rows.times(y, v), Rows.transposed(v))));
    }

    @Test
    void theLossIsTheTailOfTheOutputsSpectrum() {
        double[][] y = Rows.times(X, W);
        try (StreamingCovariance c = Rows.streamed(y, b -> 3)) {
            double[] s = c.singularValues(false, c.allColumns()).orElseThrow();
            assertArrayEquals(new double[] {3.148664, 3.006854, 1.419208}, s, 5e-7);
            assertEquals(3.324954, Math.hypot(s[1], s[2]), 5e-7);
            for (int k = 1; k <= 2; k++) {
                double predicted = 0;
                for (int i = k; i < 3; i++) {
                    predicted += s[i] * s[i];
                }
                assertEquals(Math.sqrt(predicted), measured(leading(y, k)), 1e-12);
                double plain = measured(leading(W, k));
                assertEquals(k == 1 ? 3.410269 : 1.533907, plain, 5e-7, "cutting W itself is worse");
                assertTrue(plain > Math.sqrt(predicted));
            }
        }
    }

    @Test
    void theOutputsSpectrumComesFromTheInputsMomentsToo() {
        double[][] wide = Rows.of(7, 4, (o, i) -> Math.sin(1 + 0.3 * o - 0.7 * i + 0.11 * o * i * i));
        double[][] y = Rows.times(X, Rows.transposed(wide));
        try (StreamingCovariance outputs = Rows.streamed(y, b -> 10); StreamingCovariance inputs = Rows.streamed(X, b -> 10); Arena arena = Arena.ofShared()) {
            double[] direct = outputs.singularValues(false, outputs.allColumns()).orElseThrow();
            double[] through = OutputSpectra.throughWeight(inputs.square(false, arena).orElseThrow(), Rows.segment(arena, wide), 7, 4, arena);
            assertEquals(4, through.length);
            for (int i = 0; i < 4; i++) {
                assertEquals(direct[i], through[i], 1e-7 * direct[0]);
            }
            for (int i = 4; i < 7; i++) {
                assertEquals(0, direct[i], 1e-7 * direct[0]);
            }
        }
    }
}
