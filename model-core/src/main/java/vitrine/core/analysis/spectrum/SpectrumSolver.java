package vitrine.core.analysis.spectrum;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.openblas.OpenBlas;

/// Finds singular values. For one thread; several solvers may work at once while OpenBLAS is held to one thread.
///
/// | | how | relative error of the effective rank |
/// |---|---|---|
/// | exact | Gram matrix of the smaller side in float64, its eigenvalues; where small values matter, a singular value decomposition of the matrix or of its triangular factor | 1e-6 |
/// | fast | the same in float32 with a float64 diagonal; where [ErrorBound] says that it would not do, exact | 1e-3 |
/// | estimate | [SpectralEstimate]; where it does not pay or cannot be relied on, exact | its own interval |
///
/// The values are widened in blocks, so memory is r^2 numbers and one block. The diagonal of a float32 Gram matrix is where its error is: a sum of squares
/// of equal sign grows while its terms do not. Taken in float64, at the price of one more pass over values already in the cache, the effective rank comes
/// out ten to a thousand times closer.
///
/// Source: effective-rank methods, sections 12 and 15; Golub and Van Loan, *Matrix Computations*, for the errors of a Gram matrix.
public final class SpectrumSolver implements AutoCloseable {

    /// Estimates are made of matrices whose smaller side has at least this many rows or columns.
    public static final int ESTIMATE_FROM = 8192;

    /// Told how much of the work is done, in units of [#cost]; may throw to give up.
    @FunctionalInterface
    public interface Work {
        /// Nobody watches.
        Work UNWATCHED = done -> {};

        void done(double units);
    }

    private static final long BLOCK_BYTES = 16L << 20;
    /// Relative errors of eigenvalues by rounding, in units of the largest.
    private static final double DOUBLE_ERROR = Math.ulp(1.0);
    private static final double FLOAT_ERROR = Math.ulp(1f);
    /// Half the promised errors: the bounds were seen to hold with a factor of 2 to spare.
    private static final double EXACT_BOUND = 5e-7;
    private static final double FAST_BOUND = 1e-3;
    private static final double ESTIMATE_FLOOR_SHARE = 5e-3;
    /// In float64, smaller values than this have too few digits for a condition number or a numerical rank.
    private static final double SMALLEST_BY_GRAM = 1e-6;
    private static final double TRACE_ERROR = 1e-10;
    private static final double DECOMPOSITION_FLOOR = Math.ulp(1.0);
    /// Sums of squares between these need no scaling: nothing in them has overflowed or vanished.
    private static final double SMALLEST_TRACE = 1e-200;
    private static final double SMALLEST_FLOAT_TRACE = 1e-24;
    private static final double LARGEST_FLOAT_TRACE = 1e36;

    private final OpenBlas blas = OpenBlas.open();
    private final Products halves;
    private final Products products;
    private final Scratch block = new Scratch();
    private final Scratch square = new Scratch();

    /// @param halves products that are faster on bfloat16 values than OpenBLAS on float32 ones, or null: used by fast
    /// @param products any products, or null: used by estimate, which is not done without
    public SpectrumSolver(Products halves, Products products) {
        this.halves = halves;
        this.products = products;
    }

    /// The work in a matrix, in units of about a million multiplications and additions of a Gram matrix.
    public static double cost(long rows, long columns, Accuracy accuracy) {
        double n = Math.min(rows, columns);
        double m = Math.max(rows, columns);
        if (accuracy == Accuracy.estimate && n >= ESTIMATE_FROM) {
            return m * n * 3e-3;
        }
        // Eigenvalues take about twice as long for each operation as the Gram matrix.
        return (m * n * n + 2.7 * n * n * n) * 1e-6 + 1;
    }

    /// Solves a matrix.
    public Solved solve(MatrixValues matrix, Accuracy accuracy, Work work) {
        if (matrix.rows() == 0 || matrix.columns() == 0) {
            return new Solved.Absent("it has no values", 0);
        }
        int n = Math.min(matrix.rows(), matrix.columns());
        return switch (accuracy) {
            case exact -> exact(matrix, null, work);
            case fast -> matrix.dtype() == DType.F64 ? exact(matrix, "the values are float64, which fast would round", work) : fast(matrix, work);
            case estimate -> {
                if (n < ESTIMATE_FROM) {
                    yield exact(matrix, "an estimate does not pay below " + String.format(java.util.Locale.ROOT, "%,d", ESTIMATE_FROM) + " rows and columns", work);
                }
                yield estimate(matrix, work);
            }
        };
    }

    // --- exact

    private Solved exact(MatrixValues m, String note, Work work) {
        int n = Math.min(m.rows(), m.columns());
        MemorySegment gram = square.atLeast(8L * n * n);
        gram(m, 1, gram, work);
        double trace = trace(gram, n);
        double scale = 1;
        if (!(trace >= SMALLEST_TRACE && trace < Double.POSITIVE_INFINITY)) {
            Extent extent = Extent.of(m, work);
            if (extent.nonFinite() > 0) {
                return absent(extent);
            }
            if (extent.largest() == 0) {
                return new Solved.Values(new double[n], Accuracy.exact, "all values are 0", note, DECOMPOSITION_FLOOR);
            }
            scale = Math.scalb(1.0, -Math.getExponent(extent.largest()));
            gram(m, scale, gram, work);
        }
        double squares = trace(gram, n);
        double[] eigenvalues = eigenvalues(gram, n);
        double[] s = roots(eigenvalues, scale);
        double bound = Math.max(ErrorBound.oneSign(s, DOUBLE_ERROR), ErrorBound.randomSigns(s, DOUBLE_ERROR));
        double smallest = smallestAboveZero(s);
        // The sum of eigenvalues is the trace: an eigen-solver that had gone wrong would be seen here.
        boolean sums = Math.abs(Arrays.stream(eigenvalues).sum() - squares) <= TRACE_ERROR * squares;
        if (sums && bound <= EXACT_BOUND && smallest >= SMALLEST_BY_GRAM * s[0]) {
            return new Solved.Values(s, Accuracy.exact, "float64 Gram matrix", note, Math.sqrt(DOUBLE_ERROR));
        }
        return new Solved.Values(decompose(m, scale, work), Accuracy.exact, "float64 singular value decomposition", note, DECOMPOSITION_FLOOR);
    }

    private static Solved.Absent absent(Extent extent) {
        return new Solved.Absent(String.format(java.util.Locale.ROOT, "%,d of its values %s not finite", extent.nonFinite(), extent.nonFinite() == 1 ? "is" : "are"), extent.nonFinite());
    }

    /// Rows and columns of zeros make zeros in the diagonal, and their singular values are known to be 0 without a computation.
    private double[] eigenvalues(MemorySegment gram, int n) {
        int kept = 0;
        int[] index = new int[n];
        for (int i = 0; i < n; i++) {
            if (gram.getAtIndex(JAVA_DOUBLE, (long) i * n + i) != 0) {
                index[kept++] = i;
            }
        }
        if (kept == n) {
            return blas.eigenvalues(gram, n);
        }
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment rest = scratch.allocate(Math.max(1L, 8L * kept * kept), 64);
            for (int i = 0; i < kept; i++) {
                for (int j = 0; j <= i; j++) {
                    rest.setAtIndex(JAVA_DOUBLE, (long) i * kept + j, gram.getAtIndex(JAVA_DOUBLE, (long) index[i] * n + index[j]));
                }
            }
            double[] out = new double[n];
            System.arraycopy(blas.eigenvalues(rest, kept), 0, out, n - kept, kept);
            // Rounding may make the smallest ones negative; zeros of empty rows and columns belong between.
            Arrays.sort(out);
            return out;
        }
    }

    private static double smallestAboveZero(double[] s) {
        for (int i = s.length - 1; i >= 0; i--) {
            if (s[i] != 0) {
                return s[i];
            }
        }
        return 0;
    }

    private void gram(MatrixValues m, double scale, MemorySegment gram, Work work) {
        boolean tall = m.rows() >= m.columns();
        int n = Math.min(m.rows(), m.columns());
        int length = Math.max(m.rows(), m.columns());
        int most = (int) Math.clamp(BLOCK_BYTES / 8 / n, 1, length);
        MemorySegment b = block.atLeast(8L * n * most);
        double share = cost(m.rows(), m.columns(), Accuracy.exact) * length / (length + 2.7 * n);
        for (int from = 0; from < length; from += most) {
            int count = Math.min(most, length - from);
            readBlock(m, tall, from, count, b, tall ? n : count);
            scale(b, (long) n * count, scale);
            if (tall) {
                blas.addInner(b, count, n, n, from == 0 ? 0 : 1, gram);
                m.release(from, count);
            } else {
                blas.addOuter(b, n, count, count, from == 0 ? 0 : 1, gram);
            }
            work.done(share * count / length);
        }
        m.release(0, m.rows());
    }

    /// Rows `[from, from + count)` of a tall matrix, columns of a wide one.
    private static void readBlock(MatrixValues m, boolean tall, int from, int count, MemorySegment target, long stride) {
        if (tall) {
            m.read(from, count, 0, m.columns(), target, stride);
        } else {
            m.read(0, m.rows(), from, count, target, stride);
        }
    }

    private static void scale(MemorySegment values, long count, double factor) {
        if (factor != 1) {
            for (long i = 0; i < count; i++) {
                values.setAtIndex(JAVA_DOUBLE, i, values.getAtIndex(JAVA_DOUBLE, i) * factor);
            }
        }
    }

    private static double trace(MemorySegment gram, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += gram.getAtIndex(JAVA_DOUBLE, (long) i * n + i);
        }
        return sum;
    }

    /// Roots of ascending eigenvalues, largest first; those that rounding made negative are 0.
    private static double[] roots(double[] ascending, double scale) {
        double[] s = new double[ascending.length];
        for (int i = 0; i < s.length; i++) {
            s[i] = Math.sqrt(Math.max(0, ascending[s.length - 1 - i])) / scale;
        }
        return s;
    }

    /// A singular value decomposition of the matrix itself where it is small or nearly square, else of its triangular factor, which is
    /// built up block by block.
    private double[] decompose(MatrixValues m, double scale, Work work) {
        boolean tall = m.rows() >= m.columns();
        int n = Math.min(m.rows(), m.columns());
        int length = Math.max(m.rows(), m.columns());
        int step = Math.max(64, n / 2);
        boolean whole = length <= n + step || 8L * n * length <= 2 * BLOCK_BYTES;
        int held = whole ? length : n + step;
        MemorySegment a = block.atLeast(8L * n * held);
        long stride = tall ? n : held;
        try (Arena scratch = Arena.ofConfined()) {
            if (whole) {
                readBlock(m, tall, 0, length, a, stride);
                scale(a, (long) n * length, scale);
            } else {
                MemorySegment reflectors = scratch.allocate(8L * n, 64);
                a.asSlice(0, 8L * n * held).fill((byte) 0);
                for (int from = 0; from < length; from += step) {
                    int count = Math.min(step, length - from);
                    MemorySegment free = a.asSlice(8L * (tall ? (long) n * n : n));
                    if (count < step) {
                        clearAfter(a, tall, n, held, n + count);
                    }
                    readBlock(m, tall, from, count, free, stride);
                    scaleBlock(free, tall, n, count, stride, scale);
                    if (tall) {
                        blas.triangleOfRows(a, held, n, reflectors);
                    } else {
                        blas.triangleOfColumns(a, n, held, held, reflectors);
                    }
                    clearOffTriangle(a, tall, n, stride);
                    work.done(0);
                }
                m.release(0, m.rows());
            }
            int size = whole ? length : n;
            double[] s = tall ? blas.singularValues(a, size, n, (int) stride) : blas.singularValues(a, n, size, (int) stride);
            for (int i = 0; i < s.length; i++) {
                s[i] /= scale;
            }
            return s;
        }
    }

    private static void scaleBlock(MemorySegment free, boolean tall, int n, int count, long stride, double scale) {
        int rows = tall ? count : n;
        int columns = tall ? n : count;
        for (int r = 0; r < rows && scale != 1; r++) {
            scale(free.asSlice(8 * r * stride), columns, scale);
        }
    }

    /// Zeros in what the last, shorter block does not fill.
    private static void clearAfter(MemorySegment a, boolean tall, int n, int held, int from) {
        if (tall) {
            a.asSlice(8L * from * n, 8L * (held - from) * n).fill((byte) 0);
            return;
        }
        for (int r = 0; r < n; r++) {
            a.asSlice(8L * ((long) r * held + from), 8L * (held - from)).fill((byte) 0);
        }
    }

    private static void clearOffTriangle(MemorySegment a, boolean tall, int n, long stride) {
        for (int r = 0; r < n; r++) {
            // The triangle of rows lies on and right of the diagonal, that of columns on and left of it.
            if (tall && r > 0) {
                a.asSlice(8 * r * stride, 8L * r).fill((byte) 0);
            } else if (!tall && r < n - 1) {
                a.asSlice(8 * (r * stride + r + 1), 8L * (n - 1 - r)).fill((byte) 0);
            }
        }
    }

    // --- fast

    private Solved fast(MatrixValues m, Work work) {
        int n = Math.min(m.rows(), m.columns());
        MemorySegment gram = square.atLeast(4L * n * n);
        double[] diagonal = new double[n];
        gramFloat(m, gram, diagonal, work);
        double trace = Arrays.stream(diagonal).sum();
        if (!(trace > SMALLEST_FLOAT_TRACE && trace < LARGEST_FLOAT_TRACE)) {
            return exact(m, "values so small or so large are beyond float32", work);
        }
        for (int i = 0; i < n; i++) {
            gram.setAtIndex(JAVA_FLOAT, (long) i * n + i, (float) diagonal[i]);
        }
        double[] s = roots(blas.eigenvaluesFloat(gram, n), 1);
        if (ErrorBound.randomSigns(s, FLOAT_ERROR) <= FAST_BOUND) {
            return new Solved.Values(s, Accuracy.fast, "float32 Gram matrix, float64 diagonal", null, Math.sqrt(FLOAT_ERROR));
        }
        return exact(m, "fast would not hold 1e-3 here: too much of the spectrum lies in small values", work);
    }

    private void gramFloat(MatrixValues m, MemorySegment gram, double[] diagonal, Work work) {
        boolean tall = m.rows() >= m.columns();
        int n = Math.min(m.rows(), m.columns());
        int length = Math.max(m.rows(), m.columns());
        int most = (int) Math.clamp(BLOCK_BYTES / 4 / n, 1, length);
        Optional<Operand> stored = halves == null || m.dtype() != DType.BF16 ? Optional.empty() : m.stored();
        MemorySegment b = block.atLeast(4L * n * most + (stored.isPresent() ? 4L * n * n : 0));
        double share = cost(m.rows(), m.columns(), Accuracy.fast) * length / (length + 2.7 * n);
        for (int from = 0; from < length; from += most) {
            int count = Math.min(most, length - from);
            if (tall) {
                m.readFloat(from, count, 0, n, b, n);
            } else {
                m.readFloat(0, n, from, count, b, count);
            }
            addSquares(b, tall, n, count, diagonal);
            if (stored.isPresent()) {
                addHalves(stored.get(), tall, n, from, count, from == 0, gram, b.asSlice(4L * n * most));
            } else if (tall) {
                blas.addInnerFloat(b, count, n, n, from == 0 ? 0 : 1, gram);
            } else {
                blas.addOuterFloat(b, n, count, count, from == 0 ? 0 : 1, gram);
            }
            if (tall) {
                m.release(from, count);
            }
            work.done(share * count / length);
        }
        m.release(0, m.rows());
    }

    /// Adds the squares of a block to the diagonal, in float64.
    private static void addSquares(MemorySegment b, boolean tall, int n, int count, double[] diagonal) {
        float[] row = new float[tall ? n : count];
        int rows = tall ? count : n;
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(b, JAVA_FLOAT, 4L * r * row.length, row, 0, row.length);
            if (tall) {
                for (int c = 0; c < n; c++) {
                    diagonal[c] += (double) row[c] * row[c];
                }
            } else {
                diagonal[r] += sumOfSquares(row);
            }
        }
    }

    private static double sumOfSquares(float[] row) {
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        int i = 0;
        for (; i < row.length - 3; i += 4) {
            a += (double) row[i] * row[i];
            b += (double) row[i + 1] * row[i + 1];
            c += (double) row[i + 2] * row[i + 2];
            d += (double) row[i + 3] * row[i + 3];
        }
        for (; i < row.length; i++) {
            a += (double) row[i] * row[i];
        }
        return a + b + (c + d);
    }

    /// Adds the Gram matrix of a block of stored bfloat16 values, panel by panel, so that little more than one triangle is computed.
    private void addHalves(Operand stored, boolean tall, int n, int from, int count, boolean first, MemorySegment gram, MemorySegment part) {
        long stride = stored.strides()[0];
        Operand all = tall ? Operand.matrix(stored.data().asSlice(2 * from * stride), Operand.Element.BF16, count, n, stride)
                : Operand.matrix(stored.data().asSlice(2L * from), Operand.Element.BF16, n, count, stride);
        int panels = Math.clamp(n / 256, 1, 8);
        for (int p = 0; p < panels; p++) {
            int begin = (int) ((long) n * p / panels);
            int end = (int) ((long) n * (p + 1) / panels);
            // Rows [begin, end) of the Gram matrix, columns up to the diagonal: the triangle that the eigen-solver reads.
            Operand left = tall ? slice(all, 0, count, begin, end - begin).transposed() : slice(all, begin, end - begin, 0, count);
            Operand right = tall ? slice(all, 0, count, 0, end) : slice(all, 0, end, 0, count).transposed();
            MemorySegment target = first ? gram.asSlice(4L * begin * n) : part;
            halves.multiply(left, right, Operand.of(new Matrix(target, end - begin, end, n)));
            if (!first) {
                add(part, end - begin, end, n, gram.asSlice(4L * begin * n));
            }
        }
    }

    private static Operand slice(Operand o, int row, int rows, int column, int columns) {
        return Operand.matrix(o.data().asSlice(2 * (row * o.strides()[0] + column)), o.element(), rows, columns, o.strides()[0]);
    }

    private static void add(MemorySegment part, int rows, int columns, int stride, MemorySegment sum) {
        float[] a = new float[columns];
        float[] b = new float[columns];
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(part, JAVA_FLOAT, 4L * r * stride, a, 0, columns);
            MemorySegment.copy(sum, JAVA_FLOAT, 4L * r * stride, b, 0, columns);
            for (int c = 0; c < columns; c++) {
                b[c] += a[c];
            }
            MemorySegment.copy(b, 0, sum, JAVA_FLOAT, 4L * r * stride, columns);
        }
    }

    // --- estimate

    private Solved estimate(MatrixValues m, Work work) {
        if (products == null) {
            return exact(m, "this platform has no products that estimates need", work);
        }
        Extent extent = Extent.of(m, work);
        if (extent.nonFinite() > 0) {
            return absent(extent);
        }
        if (!(extent.squares() > SMALLEST_FLOAT_TRACE && extent.squares() < LARGEST_FLOAT_TRACE)) {
            return exact(m, "values so small or so large are beyond float32", work);
        }
        SpectralEstimate estimate = StreamedGram.estimate(m, products, extent.squares(), work);
        if (estimate.floorShare() > ESTIMATE_FLOOR_SHARE) {
            return exact(m, "an estimate would not be reliable: too much of the spectrum lies in small values", work);
        }
        return new Solved.Estimated(estimate);
    }

    @Override
    public void close() {
        block.close();
        square.close();
    }
}
