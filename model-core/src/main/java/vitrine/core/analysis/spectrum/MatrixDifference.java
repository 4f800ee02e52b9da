package vitrine.core.analysis.spectrum;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import vitrine.core.tensor.DType;

/// `after - before`, two matrices of the same shape, subtracted in float64 and never kept as a whole.
public record MatrixDifference(MatrixValues after, MatrixValues before) implements MatrixValues {

    /// Values of `before` that are held at a time.
    private static final int PIECE = 1 << 18;

    public MatrixDifference {
        if (after.rows() != before.rows() || after.columns() != before.columns()) {
            throw new IllegalArgumentException("matrices of different shapes have no difference");
        }
    }

    @Override
    public int rows() {
        return after.rows();
    }

    @Override
    public int columns() {
        return after.columns();
    }

    /// Differences of values with few digits have more of them: they are taken for float32, or for float64 where either side is.
    @Override
    public DType dtype() {
        return after.dtype() == DType.F64 || before.dtype() == DType.F64 ? DType.F64 : DType.F32;
    }

    @Override
    public void read(int row, int rows, int column, int columns, MemorySegment target, long stride) {
        after.read(row, rows, column, columns, target, stride);
        inPieces(rows, columns, (from, count, piece) -> {
            before.read(row + from, count, column, columns, piece, columns);
            for (int r = 0; r < count; r++) {
                for (int c = 0; c < columns; c++) {
                    long at = (from + r) * stride + c;
                    target.setAtIndex(ValueLayout.JAVA_DOUBLE, at,
                            target.getAtIndex(ValueLayout.JAVA_DOUBLE, at) - piece.getAtIndex(ValueLayout.JAVA_DOUBLE, (long) r * columns + c));
                }
            }
        });
    }

    @Override
    public void readFloat(int row, int rows, int column, int columns, MemorySegment target, long stride) {
        after.readFloat(row, rows, column, columns, target, stride);
        inPieces(rows, columns, (from, count, piece) -> {
            before.readFloat(row + from, count, column, columns, piece, columns);
            for (int r = 0; r < count; r++) {
                for (int c = 0; c < columns; c++) {
                    long at = (from + r) * stride + c;
                    target.setAtIndex(ValueLayout.JAVA_FLOAT, at,
                            target.getAtIndex(ValueLayout.JAVA_FLOAT, at) - piece.getAtIndex(ValueLayout.JAVA_FLOAT, (long) r * columns + c));
                }
            }
        });
    }

    private interface Piece {
        void subtract(int from, int count, MemorySegment values);
    }

    private static void inPieces(int rows, int columns, Piece piece) {
        int most = Math.clamp(PIECE / Math.max(1, columns), 1, rows);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment values = scratch.allocate(8L * most * columns, 64);
            for (int from = 0; from < rows; from += most) {
                piece.subtract(from, Math.min(most, rows - from), values);
            }
        }
    }

    @Override
    public void release(int row, int rows) {
        after.release(row, rows);
        before.release(row, rows);
    }
}
