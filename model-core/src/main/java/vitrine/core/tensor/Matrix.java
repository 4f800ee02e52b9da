package vitrine.core.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Float32 values `[rows, columns]` in native memory; row `r` begins `r * rowStride` values after the start.
///
/// A matrix does not own its memory: it is valid as long as the arena that it was allocated from.
public record Matrix(MemorySegment data, int rows, int columns, long rowStride) {

    /// Alignment of fresh matrices in bytes, one cache line.
    private static final long ALIGNMENT = 64;

    /// A matrix of zeros.
    public static Matrix allocate(Arena arena, int rows, int columns) {
        return new Matrix(arena.allocate(Math.max(ALIGNMENT, 4L * rows * columns), ALIGNMENT), rows, columns, columns);
    }

    /// A dense matrix over existing memory.
    public static Matrix over(MemorySegment data, int rows, int columns) {
        return new Matrix(data, rows, columns, columns);
    }

    /// Rows `[from, from + count)`, the same memory.
    public Matrix rows(int from, int count) {
        long start = 4L * from * rowStride;
        return new Matrix(data.asSlice(start), count, columns, rowStride);
    }

    /// Columns `[from, from + count)`, the same memory.
    public Matrix columns(int from, int count) {
        return new Matrix(data.asSlice(4L * from), rows, count, rowStride);
    }

    /// Whether rows follow each other without a gap.
    public boolean dense() {
        return rowStride == columns;
    }

    /// The byte at which a row starts.
    public long rowOffset(int row) {
        return 4L * row * rowStride;
    }

    /// The number of values.
    public long size() {
        return (long) rows * columns;
    }

    public float get(int row, int column) {
        return data.get(JAVA_FLOAT, 4L * (row * rowStride + column));
    }

    public void set(int row, int column, float value) {
        data.set(JAVA_FLOAT, 4L * (row * rowStride + column), value);
    }

    /// A row's values, copied out.
    public float[] row(int row) {
        float[] out = new float[columns];
        MemorySegment.copy(data, JAVA_FLOAT, rowOffset(row), out, 0, columns);
        return out;
    }

    /// All values, copied out row by row.
    public float[] toArray() {
        float[] out = new float[Math.toIntExact(size())];
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(data, JAVA_FLOAT, rowOffset(r), out, r * columns, columns);
        }
        return out;
    }

    /// Copies all values from a matrix of the same size.
    public void copyFrom(Matrix other) {
        if (dense() && other.dense()) {
            MemorySegment.copy(other.data, 0, data, 0, 4L * size());
            return;
        }
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(other.data, other.rowOffset(r), data, rowOffset(r), 4L * columns);
        }
    }
}
