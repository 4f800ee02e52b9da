package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;
import vitrine.core.tensor.Matrix;

/// Small matrices for tests.
final class Rows {

    private Rows() {}

    /// The fixture of the method's page: `sin(0.7 i + 1.3 j + 0.1 i j)`, 6 x 4.
    static double[][] m64() {
        return of(6, 4, (i, j) -> Math.sin(0.7 * i + 1.3 * j + 0.1 * i * j));
    }

    interface Entry {
        double at(int i, int j);
    }

    static double[][] of(int rows, int columns, Entry entry) {
        double[][] m = new double[rows][columns];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                m[i][j] = entry.at(i, j);
            }
        }
        return m;
    }

    static MemorySegment segment(Arena arena, double[][] m) {
        MemorySegment s = arena.allocate(8L * m.length * m[0].length, 64);
        for (int i = 0; i < m.length; i++) {
            MemorySegment.copy(m[i], 0, s, JAVA_DOUBLE, 8L * i * m[0].length, m[0].length);
        }
        return s;
    }

    static Matrix matrix(Arena arena, double[][] m) {
        Matrix out = Matrix.allocate(arena, m.length, m[0].length);
        for (int i = 0; i < m.length; i++) {
            for (int j = 0; j < m[0].length; j++) {
                out.set(i, j, (float) m[i][j]);
            }
        }
        return out;
    }

    /// Puts rows into an accumulator in batches whose sizes a function gives.
    static StreamingCovariance streamed(double[][] m, IntUnaryOperator batch) {
        StreamingCovariance c = new StreamingCovariance(m[0].length);
        for (int from = 0, b = 0; from < m.length; b++) {
            int count = Math.min(batch.applyAsInt(b), m.length - from);
            double[][] part = java.util.Arrays.copyOfRange(m, from, from + count);
            try (Arena arena = Arena.ofConfined()) {
                c.add(segment(arena, part), count);
            }
            from += count;
        }
        return c;
    }

    static double[][] times(double[][] a, double[][] b) {
        return of(a.length, b[0].length, (i, j) -> {
            double sum = 0;
            for (int k = 0; k < b.length; k++) {
                sum += a[i][k] * b[k][j];
            }
            return sum;
        });
    }

    static double[][] transposed(double[][] a) {
        return of(a[0].length, a.length, (i, j) -> a[j][i]);
    }

    static double norm(double[][] a) {
        double sum = 0;
        for (double[] row : a) {
            for (double v : row) {
                sum += v * v;
            }
        }
        return Math.sqrt(sum);
    }

    static double[][] minus(double[][] a, double[][] b) {
        return of(a.length, a[0].length, (i, j) -> a[i][j] - b[i][j]);
    }
}
