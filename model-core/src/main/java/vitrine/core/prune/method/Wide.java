package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// Matrices in float64.
final class Wide {

    private Wide() {}

    /// `[rows, columns]`, rows behind each other.
    static MemorySegment of(Matrix w, Arena arena) {
        MemorySegment out = arena.allocate(8L * w.size(), 64);
        int n = w.columns();
        Parallel.over(w.rows(), 32, (from, to) -> {
            double[] wide = new double[n];
            for (int r = from; r < to; r++) {
                float[] row = w.row(r);
                for (int j = 0; j < n; j++) {
                    wide[j] = row[j];
                }
                MemorySegment.copy(wide, 0, out, JAVA_DOUBLE, 8L * r * n, n);
            }
        });
        return out;
    }

    static void narrow(MemorySegment values, Matrix to) {
        int n = to.columns();
        Parallel.over(to.rows(), 32, (from, end) -> {
            double[] wide = new double[n];
            float[] row = new float[n];
            for (int r = from; r < end; r++) {
                MemorySegment.copy(values, JAVA_DOUBLE, 8L * r * n, wide, 0, n);
                for (int j = 0; j < n; j++) {
                    row[j] = (float) wide[j];
                }
                MemorySegment.copy(row, 0, to.data(), JAVA_FLOAT, to.rowOffset(r), n);
            }
        });
    }
}
