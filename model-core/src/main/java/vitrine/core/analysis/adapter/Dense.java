package vitrine.core.analysis.adapter;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.openblas.OpenBlas;

/// Float64 values `[rows, columns]` in native memory, row by row. It does not own its memory.
public record Dense(MemorySegment data, int rows, int columns) {

    /// Zeros.
    public static Dense allocate(Arena arena, int rows, int columns) {
        return new Dense(arena.allocate(Math.max(8, 8L * rows * columns), 64), rows, columns);
    }

    /// A copy of values given row by row.
    public static Dense of(Arena arena, double[] values, int rows, int columns) {
        if (values.length != (long) rows * columns) {
            throw new IllegalArgumentException(values.length + " values for " + rows + " x " + columns);
        }
        Dense d = allocate(arena, rows, columns);
        MemorySegment.copy(values, 0, d.data, JAVA_DOUBLE, 0, values.length);
        return d;
    }

    public double get(int row, int column) {
        return data.getAtIndex(JAVA_DOUBLE, (long) row * columns + column);
    }

    public void set(int row, int column, double value) {
        data.setAtIndex(JAVA_DOUBLE, (long) row * columns + column, value);
    }

    /// Rows `[from, from + count)`, the same memory.
    public Dense rows(int from, int count) {
        return new Dense(data.asSlice(8L * from * columns, 8L * count * columns), count, columns);
    }

    public Dense copy(Arena arena) {
        Dense d = allocate(arena, rows, columns);
        MemorySegment.copy(data, 0, d.data, 0, 8L * rows * columns);
        return d;
    }

    /// The first `count` columns, copied.
    public Dense firstColumns(Arena arena, int count) {
        Dense d = allocate(arena, rows, count);
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(data, 8L * r * columns, d.data, 8L * r * count, 8L * count);
        }
        return d;
    }

    /// `op(this) op(other)`, where `op` transposes where asked.
    public Dense times(Arena arena, boolean transposed, Dense other, boolean otherTransposed) {
        int m = transposed ? columns : rows;
        int k = transposed ? rows : columns;
        int n = otherTransposed ? other.rows : other.columns;
        if (k != (otherTransposed ? other.columns : other.rows)) {
            throw new IllegalArgumentException("a product of " + m + " x " + k + " with a matrix of another height");
        }
        Dense out = allocate(arena, m, n);
        if (m > 0 && n > 0 && k > 0) {
            OpenBlas.open().multiply(transposed, otherTransposed, m, n, k, data, columns, other.data, other.columns, 0, out.data, n);
        }
        return out;
    }

    public Dense times(Arena arena, Dense other) {
        return times(arena, false, other, false);
    }

    /// `this * factor`, in place.
    public Dense scale(double factor) {
        for (long i = 0; i < (long) rows * columns; i++) {
            data.setAtIndex(JAVA_DOUBLE, i, data.getAtIndex(JAVA_DOUBLE, i) * factor);
        }
        return this;
    }

    /// `this + factor * other`, in place.
    public Dense add(Dense other, double factor) {
        for (long i = 0; i < (long) rows * columns; i++) {
            data.setAtIndex(JAVA_DOUBLE, i, data.getAtIndex(JAVA_DOUBLE, i) + factor * other.data.getAtIndex(JAVA_DOUBLE, i));
        }
        return this;
    }

    /// The sum of squares.
    public double squares() {
        double sum = 0;
        for (long i = 0; i < (long) rows * columns; i++) {
            double v = data.getAtIndex(JAVA_DOUBLE, i);
            sum += v * v;
        }
        return sum;
    }

    public double[] toArray() {
        double[] out = new double[Math.toIntExact((long) rows * columns)];
        MemorySegment.copy(data, JAVA_DOUBLE, 0, out, 0, out.length);
        return out;
    }

    public double[] row(int r) {
        double[] out = new double[columns];
        MemorySegment.copy(data, JAVA_DOUBLE, 8L * r * columns, out, 0, columns);
        return out;
    }

    /// Singular values and vectors, `A = U diag(s) V^T`.
    ///
    /// @param left U, `[rows, k]`
    /// @param right V^T, `[k, columns]`
    public record Decomposed(double[] values, Dense left, Dense right) {}

    /// Decomposes the matrix; its own values are destroyed.
    public Decomposed decompose(Arena arena) {
        int k = Math.min(rows, columns);
        Dense left = allocate(arena, rows, k);
        Dense right = allocate(arena, k, columns);
        double[] s = k == 0 ? new double[0] : OpenBlas.open().decompose(data, rows, columns, columns, left.data, right.data);
        return new Decomposed(s, left, right);
    }
}
