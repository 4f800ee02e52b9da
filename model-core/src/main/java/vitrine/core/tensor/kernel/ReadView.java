package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import vitrine.core.tensor.BlockValues;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.MatrixView;
import vitrine.core.tensor.StoredValues;

/// Reads blocks of a stored matrix, widened to float64 or float32, on the calling thread.
public final class ReadView {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /// Values that are widened at a time, which stay in the nearest cache.
    private static final int BLOCK = 1024;

    private ReadView() {}

    /// Writes rows `[row, row + rows)` and columns `[column, column + columns)` of a stored matrix to `target` as float64. Nothing is lost.
    ///
    /// @param targetStride values from the start of a row to that of the next
    public static void toDouble(DType dtype, MemorySegment data, MatrixView view, int row, int rows, int column, int columns, MemorySegment target, long targetStride) {
        double[] wide = new double[BLOCK];
        short[] half = new short[BLOCK];
        float[] single = new float[BLOCK];
        for (int r = 0; r < rows; r++) {
            long at = view.rowOffset(row + r) + column * view.columnStride();
            for (int c = 0; c < columns; c += BLOCK) {
                int n = Math.min(BLOCK, columns - c);
                long from = at + c * view.columnStride();
                if (view.columnStride() != 1) {
                    for (int i = 0; i < n; i++) {
                        wide[i] = StoredValues.at(dtype, data, from + i * view.columnStride());
                    }
                } else {
                    run(dtype, data, from, n, wide, single, half);
                }
                MemorySegment.copy(wide, 0, target, JAVA_DOUBLE, 8 * (r * targetStride + c), n);
            }
        }
    }

    private static void run(DType dtype, MemorySegment data, long from, int n, double[] wide, float[] single, short[] half) {
        switch (dtype) {
            case F64 -> MemorySegment.copy(data, DOUBLE, 8 * from, wide, 0, n);
            case F32 -> {
                MemorySegment.copy(data, FLOAT, 4 * from, single, 0, n);
                for (int i = 0; i < n; i++) {
                    wide[i] = single[i];
                }
            }
            case BF16 -> {
                MemorySegment.copy(data, SHORT, 2 * from, half, 0, n);
                for (int i = 0; i < n; i++) {
                    wide[i] = Float.intBitsToFloat(half[i] << 16);
                }
            }
            case F16 -> {
                MemorySegment.copy(data, SHORT, 2 * from, half, 0, n);
                for (int i = 0; i < n; i++) {
                    wide[i] = Float.float16ToFloat(half[i]);
                }
            }
            default -> {
                if (dtype.blocked()) {
                    BlockValues.read(dtype, data, from, n, single, 0);
                    for (int i = 0; i < n; i++) {
                        wide[i] = single[i];
                    }
                    return;
                }
                for (int i = 0; i < n; i++) {
                    wide[i] = StoredValues.at(dtype, data, from + i);
                }
            }
        }
    }

    /// [#toDouble] in float32: float64 values round, others stay as they are.
    public static void toFloat(DType dtype, MemorySegment data, MatrixView view, int row, int rows, int column, int columns, MemorySegment target, long targetStride) {
        float[] wide = new float[BLOCK];
        short[] half = new short[BLOCK];
        for (int r = 0; r < rows; r++) {
            long at = view.rowOffset(row + r) + column * view.columnStride();
            if (dtype == DType.F32 && view.columnStride() == 1) {
                MemorySegment.copy(data, 4 * at, target, 4 * r * targetStride, 4L * columns);
                continue;
            }
            for (int c = 0; c < columns; c += BLOCK) {
                int n = Math.min(BLOCK, columns - c);
                long from = at + c * view.columnStride();
                boolean halves = view.columnStride() == 1 && (dtype == DType.BF16 || dtype == DType.F16);
                if (halves) {
                    MemorySegment.copy(data, SHORT, 2 * from, half, 0, n);
                }
                if (halves && dtype == DType.BF16) {
                    for (int i = 0; i < n; i++) {
                        wide[i] = Float.intBitsToFloat(half[i] << 16);
                    }
                } else if (halves) {
                    for (int i = 0; i < n; i++) {
                        wide[i] = Float.float16ToFloat(half[i]);
                    }
                } else if (view.columnStride() == 1 && dtype.blocked()) {
                    BlockValues.read(dtype, data, from, n, wide, 0);
                } else {
                    for (int i = 0; i < n; i++) {
                        wide[i] = (float) StoredValues.at(dtype, data, from + i * view.columnStride());
                    }
                }
                MemorySegment.copy(wide, 0, target, JAVA_FLOAT, 4 * (r * targetStride + c), n);
            }
        }
    }
}
