package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.Matrix;

/// Rows of small matrices as Java arrays, for the plain loops.
final class Plain {

    private Plain() {}

    static float[] values(MemorySegment s, int count) {
        float[] out = new float[count];
        MemorySegment.copy(s, JAVA_FLOAT, 0, out, 0, count);
        return out;
    }

    static void put(Matrix m, int row, float[] values) {
        MemorySegment.copy(values, 0, m.data(), JAVA_FLOAT, m.rowOffset(row), values.length);
    }
}
