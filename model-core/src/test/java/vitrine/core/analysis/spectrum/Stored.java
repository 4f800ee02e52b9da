package vitrine.core.analysis.spectrum;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.MatrixView;

/// Matrices as a checkpoint would store them, in native memory.
final class Stored {

    private Stored() {}

    /// Stores values that are exact in their type.
    static StoredMatrix of(Dense m) {
        return new StoredMatrix(m.dtype(), bytes(m.dtype(), m.values()), MatrixView.of(m.rows(), m.columns()), false);
    }

    static MemorySegment bytes(DType dtype, double[] values) {
        MemorySegment s = Arena.ofAuto().allocate(Math.max(8L, (long) values.length * dtype.bits() / 8), 64);
        for (int i = 0; i < values.length; i++) {
            switch (dtype) {
                case F64 -> s.setAtIndex(ValueLayout.JAVA_DOUBLE, i, values[i]);
                case F32 -> s.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) values[i]);
                case F16 -> s.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16((float) values[i]));
                case BF16 -> s.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits((float) values[i]) >> 16));
                default -> throw new IllegalArgumentException(dtype.name());
            }
        }
        return s;
    }
}
