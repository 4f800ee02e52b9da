package vitrine.core.analysis.spectrum;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// How far the values of a matrix reach.
///
/// @param nonFinite values that are NaN or infinite
/// @param largest largest absolute finite value
/// @param squares sum of the squares of the finite values
record Extent(long nonFinite, double largest, double squares) {

    private static final int PIECE = 1 << 18;

    static Extent of(MatrixValues m, SpectrumSolver.Work work) {
        int most = Math.clamp(PIECE / Math.max(1, m.columns()), 1, Math.max(1, m.rows()));
        double[] values = new double[m.columns()];
        long nonFinite = 0;
        double largest = 0;
        double squares = 0;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment piece = scratch.allocate(Math.max(8, 8L * most * m.columns()), 64);
            for (int from = 0; from < m.rows(); from += most) {
                int count = Math.min(most, m.rows() - from);
                m.read(from, count, 0, m.columns(), piece, m.columns());
                for (int r = 0; r < count; r++) {
                    MemorySegment.copy(piece, JAVA_DOUBLE, 8L * r * values.length, values, 0, values.length);
                    double sum = 0;
                    for (double v : values) {
                        double a = Math.abs(v);
                        if (a <= Double.MAX_VALUE) {
                            largest = Math.max(largest, a);
                            sum += v * v;
                        } else {
                            nonFinite++;
                        }
                    }
                    squares += sum;
                }
                m.release(from, count);
                work.done(0);
            }
        }
        return new Extent(nonFinite, largest, squares);
    }
}
