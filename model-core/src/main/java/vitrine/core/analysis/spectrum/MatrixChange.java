package vitrine.core.analysis.spectrum;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// How far a weight matrix of A, W, is from that of B, W'; sums in float64 over values widened block by block.
///
/// @param norm Frobenius norm of W, `other` that of W', and `delta` that of W' - W
/// @param changed values that are not equal
/// @param nonFinite values of either that are NaN or infinite: the norms mean nothing then
public record MatrixChange(double norm, double other, double delta, long changed, long nonFinite) {

    private static final long BLOCK_VALUES = 1 << 20;

    /// The norm of the difference in units of that of W; NaN where W is all zeros or values are not finite.
    public double relative() {
        return nonFinite > 0 ? Double.NaN : changed == 0 ? 0 : delta / norm;
    }

    /// Compares two matrices of the same shape.
    public static MatrixChange of(MatrixValues a, MatrixValues b, SpectrumSolver.Work work) {
        int rows = a.rows();
        int columns = a.columns();
        int most = (int) Math.clamp(BLOCK_VALUES / Math.max(1, columns), 1, Math.max(1, rows));
        double squaresA = 0;
        double squaresB = 0;
        double squaresDelta = 0;
        long changed = 0;
        long nonFinite = 0;
        double[] p = new double[columns];
        double[] q = new double[columns];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment left = arena.allocate(8L * most * columns, 64);
            MemorySegment right = arena.allocate(8L * most * columns, 64);
            for (int from = 0; from < rows; from += most) {
                int count = Math.min(most, rows - from);
                a.read(from, count, 0, columns, left, columns);
                b.read(from, count, 0, columns, right, columns);
                for (int r = 0; r < count; r++) {
                    MemorySegment.copy(left, JAVA_DOUBLE, 8L * r * columns, p, 0, columns);
                    MemorySegment.copy(right, JAVA_DOUBLE, 8L * r * columns, q, 0, columns);
                    for (int c = 0; c < columns; c++) {
                        double d = q[c] - p[c];
                        squaresA += p[c] * p[c];
                        squaresB += q[c] * q[c];
                        squaresDelta += d * d;
                        changed += p[c] == q[c] ? 0 : 1;
                        nonFinite += Double.isFinite(p[c]) && Double.isFinite(q[c]) ? 0 : 1;
                    }
                }
                a.release(from, count);
                b.release(from, count);
                work.done(count * (double) columns);
            }
        }
        return new MatrixChange(Math.sqrt(squaresA), Math.sqrt(squaresB), Math.sqrt(squaresDelta), changed, nonFinite);
    }
}
