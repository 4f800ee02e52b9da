package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.Matrix;

/// Rows as Java arrays, for the plain forms.
final class Plain {

    private Plain() {}

    /// The first `count` values of a vector, or null for null.
    static float[] values(MemorySegment s, int count) {
        if (s == null) {
            return null;
        }
        float[] out = new float[count];
        MemorySegment.copy(s, JAVA_FLOAT, 0, out, 0, count);
        return out;
    }

    static void put(Matrix m, int row, float[] values) {
        MemorySegment.copy(values, 0, m.data(), JAVA_FLOAT, m.rowOffset(row), values.length);
    }

    /// What one row becomes.
    @FunctionalInterface
    interface RowChange {
        void apply(float[] values, int row);
    }

    /// Changes every row of a matrix.
    static void rows(Matrix x, int least, RowChange change) {
        Parallel.over(x.rows(), least, (from, to) -> {
            for (int r = from; r < to; r++) {
                float[] v = x.row(r);
                change.apply(v, r);
                put(x, r, v);
            }
        });
    }
}
