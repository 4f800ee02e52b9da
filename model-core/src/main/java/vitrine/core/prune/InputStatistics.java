package vitrine.core.prune;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.tensor.openblas.OpenBlas;

/// What a matrix reads over the calibration tokens, X `[tokens, in]`: sums of squares per input, the second moments `G = X^T X` where they
/// are wanted (float64, memory `in^2`), and some rows to measure errors on.
public final class InputStatistics implements AutoCloseable {

    /// Rows that are widened at a time.
    private static final int BLOCK = 512;

    private final int width;
    private final Arena arena = Arena.ofShared();
    private final double[] squares;
    private final MemorySegment gram;
    private final MemorySegment block;
    private final Matrix sample;
    private final int stride;
    private int sampled;
    private long tokens;

    /// @param withMoments whether the second moments are kept
    /// @param sampleRows how many rows are kept at most
    /// @param expected how many tokens will come, as far as is known: the rows that are kept are spread over them
    public InputStatistics(int width, boolean withMoments, int sampleRows, long expected) {
        this.width = width;
        squares = new double[width];
        gram = withMoments ? arena.allocate(8L * width * width, 64) : null;
        block = withMoments ? arena.allocate(8L * width * BLOCK, 64) : null;
        sample = Matrix.allocate(arena, sampleRows, width);
        stride = (int) Math.max(1, Math.ceilDiv(expected, Math.max(1, sampleRows)));
    }

    /// Takes in rows.
    ///
    /// @param x `[rows, in]`
    public void add(Matrix x) {
        if (x.columns() != width) {
            throw new IllegalArgumentException(x.columns() + " inputs where " + width + " were expected");
        }
        for (int r = (int) ((stride - tokens % stride) % stride); r < x.rows() && sampled < sample.rows(); r += stride) {
            MemorySegment.copy(x.data(), x.rowOffset(r), sample.data(), sample.rowOffset(sampled++), 4L * width);
        }
        if (gram == null) {
            addSquares(x);
        } else {
            for (int from = 0; from < x.rows(); from += BLOCK) {
                int rows = Math.min(BLOCK, x.rows() - from);
                Matrix part = x.rows(from, rows);
                Parallel.over(rows, 32, (a, b) -> widen(part, a, b));
                OpenBlas.open().addInner(block, rows, width, width, 1.0, gram);
            }
        }
        tokens += x.rows();
    }

    private void widen(Matrix x, int from, int to) {
        float[] row = new float[width];
        double[] wide = new double[width];
        for (int r = from; r < to; r++) {
            MemorySegment.copy(x.data(), JAVA_FLOAT, x.rowOffset(r), row, 0, width);
            for (int j = 0; j < width; j++) {
                wide[j] = row[j];
            }
            MemorySegment.copy(wide, 0, block, JAVA_DOUBLE, 8L * r * width, width);
        }
    }

    private void addSquares(Matrix x) {
        Parallel.over(width, 256, (from, to) -> {
            int n = to - from;
            float[] row = new float[n];
            double[] sum = new double[n];
            for (int r = 0; r < x.rows(); r++) {
                MemorySegment.copy(x.data(), JAVA_FLOAT, x.rowOffset(r) + 4L * from, row, 0, n);
                for (int j = 0; j < n; j++) {
                    sum[j] += (double) row[j] * row[j];
                }
            }
            for (int j = 0; j < n; j++) {
                squares[from + j] += sum[j];
            }
        });
    }

    public int width() {
        return width;
    }

    /// Rows that have passed.
    public long tokens() {
        return tokens;
    }

    /// `sum x_j^2` over all rows, `[in]`.
    public double[] squares() {
        if (gram == null) {
            return squares.clone();
        }
        double[] out = new double[width];
        each(j -> out[j] = gram.getAtIndex(JAVA_DOUBLE, (long) j * width + j));
        return out;
    }

    /// `||X_j||`, the L2 norm of every input over all rows, `[in]`.
    public double[] norms() {
        double[] out = squares();
        each(j -> out[j] = Math.sqrt(out[j]));
        return out;
    }

    private void each(IntConsumer what) {
        for (int j = 0; j < width; j++) {
            what.accept(j);
        }
    }

    /// Whether there are second moments.
    public boolean hasMoments() {
        return gram != null;
    }

    /// The second moments `X^T X` as a fresh float64 square.
    ///
    /// @return `[in, in]`, both triangles
    public MemorySegment moments(Arena into) {
        MemorySegment full = into.allocate(8L * width * width, 64);
        MemorySegment.copy(gram, 0, full, 0, full.byteSize());
        mirror(full, width);
        return full;
    }

    /// Copies the part left of the diagonal to the other side.
    public static void mirror(MemorySegment square, int n) {
        Parallel.over(n, 64, (from, to) -> {
            for (int i = from; i < to; i++) {
                for (int j = i + 1; j < n; j++) {
                    square.setAtIndex(JAVA_DOUBLE, (long) i * n + j, square.getAtIndex(JAVA_DOUBLE, (long) j * n + i));
                }
            }
        });
    }

    /// Rows of X to measure errors on, `[rows, in]`: all of them where there were few.
    public Matrix sample() {
        return sample.rows(0, sampled);
    }

    /// Whether [#sample] is all of X.
    public boolean sampleIsAll() {
        return sampled == tokens;
    }

    @Override
    public void close() {
        arena.close();
    }
}
