package vitrine.core.analysis.spectrum;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.DType;

/// A quantised matrix: each stored value times the scale of its block, in float64.
///
/// Value (r, c) of the stored tensor `[stack?, storedRows, storedColumns]` has the scale at (r / blockRows, c / blockColumns) of
/// `scales`. One scale for the tensor is one block, one per row is blocks of one row.
///
/// Source: the fp8 checkpoints of DeepSeek-V3 (`weight_scale_inv`, blocks of 128 x 128, multiplied in spite of its name).
///
/// @param quantised the values without their scales
/// @param scales `[stack * ceil(storedRows / blockRows), ceil(storedColumns / blockColumns)]`, row-major
public record ScaledMatrix(StoredMatrix quantised, double[] scales, int storedRows, int storedColumns, int blockRows, int blockColumns) implements MatrixValues {

    @Override
    public int rows() {
        return quantised.rows();
    }

    @Override
    public int columns() {
        return quantised.columns();
    }

    /// A value of 8 bits times a scale has more digits than 8 bits; it is taken for float32.
    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public void read(int row, int rows, int column, int columns, MemorySegment target, long stride) {
        quantised.read(row, rows, column, columns, target, stride);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                long at = r * stride + c;
                target.setAtIndex(JAVA_DOUBLE, at, target.getAtIndex(JAVA_DOUBLE, at) * scale(row + r, column + c));
            }
        }
    }

    @Override
    public void readFloat(int row, int rows, int column, int columns, MemorySegment target, long stride) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment wide = scratch.allocate(Math.max(8, 8L * columns), 64);
            for (int r = 0; r < rows; r++) {
                read(row + r, 1, column, columns, wide, columns);
                for (int c = 0; c < columns; c++) {
                    target.setAtIndex(JAVA_FLOAT, r * stride + c, (float) wide.getAtIndex(JAVA_DOUBLE, c));
                }
            }
        }
    }

    private double scale(int row, int column) {
        long at = quantised.view().rowOffset(row) + column * quantised.view().columnStride();
        long storedRow = at / storedColumns;
        long matrix = storedRow / storedRows;
        long blocksDown = (storedRows + blockRows - 1) / blockRows;
        int blocksAcross = (storedColumns + blockColumns - 1) / blockColumns;
        long down = matrix * blocksDown + storedRow % storedRows / blockRows;
        return scales[Math.toIntExact(down * blocksAcross + at % storedColumns / blockColumns)];
    }

    @Override
    public void release(int row, int rows) {
        quantised.release(row, rows);
    }
}
