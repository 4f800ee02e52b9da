package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.Matrix;

/// Gathers rows on their way into an accumulator: products of many rows at once are several times faster than those of one sequence
/// after the other. Rows of one accumulator come behind each other; when those of another begin, what is gathered goes in.
final class RowBuffer implements AutoCloseable {

    private static final int ROWS = 256;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment rows;
    private StreamingCovariance target;
    private int filled;

    /// @param widest the largest width of any accumulator
    RowBuffer(int widest) {
        rows = arena.allocate(8L * Math.max(1, widest) * ROWS, 64);
    }

    /// Adds the rows of matrices that stand side by side.
    ///
    /// @param less subtracted from every row, `[width]`, or null
    void add(StreamingCovariance to, float[] less, Matrix... sideBySide) {
        if (to != target) {
            flush();
            target = to;
        }
        for (int r = 0; r < sideBySide[0].rows(); r++) {
            long at = (long) filled * to.width();
            int column = 0;
            for (Matrix m : sideBySide) {
                float[] values = m.row(r);
                for (int c = 0; c < values.length; c++, column++) {
                    rows.setAtIndex(JAVA_DOUBLE, at + column, less == null ? values[c] : (double) values[c] - less[column]);
                }
            }
            if (column != to.width()) {
                throw new IllegalArgumentException(column + " values for a width of " + to.width());
            }
            if (++filled == ROWS) {
                flush();
            }
        }
    }

    /// Puts what is gathered where it belongs.
    void flush() {
        if (target != null) {
            target.add(rows, filled);
        }
        filled = 0;
    }

    @Override
    public void close() {
        arena.close();
    }
}
