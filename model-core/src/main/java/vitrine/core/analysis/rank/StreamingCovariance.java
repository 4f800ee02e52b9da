package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import vitrine.core.tensor.openblas.OpenBlas;

/// Count, sums and second moments `C = sum x x^T` of rows that pass once. Float64; memory `width^2`, whatever the number of rows.
///
/// Rows in any batches, and parts that are [#merge]d, give the same to rounding. The singular values of the matrix of all rows are the
/// roots of the eigenvalues of C, right to about 1.5e-8 of the largest; where rows are centred, those of `C - n mu mu^T`.
///
/// Source: KV-CoRE's accumulator (arXiv 2602.05929), in float64 instead of float32.
public final class StreamingCovariance implements AutoCloseable {


    private final int width;
    private final Arena arena = Arena.ofShared();
    /// One triangle of `[width, width]`; see [OpenBlas].
    private final MemorySegment products;
    private final double[] sums;
    private long count;

    /// An accumulator of no rows.
    public StreamingCovariance(int width) {
        this.width = width;
        products = arena.allocate(bytes(width), 64);
        sums = new double[width];
    }

    /// The memory that an accumulator takes.
    public static long bytes(int width) {
        return 8L * width * width;
    }

    public int width() {
        return width;
    }

    /// Rows that have passed.
    public long count() {
        return count;
    }

    /// Takes in rows.
    ///
    /// @param rows float64 `[count, width]`, one behind the other
    public void add(MemorySegment rows, int number) {
        if (number == 0) {
            return;
        }
        for (int r = 0; r < number; r++) {
            long at = (long) r * width;
            for (int i = 0; i < width; i++) {
                sums[i] += rows.getAtIndex(JAVA_DOUBLE, at + i);
            }
        }
        OpenBlas.open().addInner(rows, number, width, width, 1.0, products);
        count += number;
    }

    /// Takes in what another accumulator of the same width has.
    public void merge(StreamingCovariance other) {
        if (other.width != width) {
            throw new IllegalArgumentException("widths " + width + " and " + other.width);
        }
        for (long i = 0; i < (long) width * width; i++) {
            products.setAtIndex(JAVA_DOUBLE, i, products.getAtIndex(JAVA_DOUBLE, i) + other.products.getAtIndex(JAVA_DOUBLE, i));
        }
        for (int i = 0; i < width; i++) {
            sums[i] += other.sums[i];
        }
        count += other.count;
    }

    /// The mean of a column.
    public double mean(int i) {
        return sums[i] / count;
    }

    /// `C[i, j]`, or the same of centred rows.
    public double product(int i, int j, boolean centred) {
        double c = products.getAtIndex(JAVA_DOUBLE, (long) Math.max(i, j) * width + Math.min(i, j));
        return centred ? c - sums[i] * (sums[j] / count) : c;
    }

    /// All columns.
    public int[] allColumns() {
        return columns(0, width);
    }

    /// `count` columns from column `from` on.
    public static int[] columns(int from, int count) {
        int[] out = new int[count];
        for (int i = 0; i < count; i++) {
            out[i] = from + i;
        }
        return out;
    }

    /// The singular values of some columns of the matrix of all rows, largest first.
    ///
    /// @return `[columns]`; those beyond the number of rows (less one where they are centred) are 0 and not the noise of rounding; empty where a value was not finite or no row has passed
    public Optional<double[]> singularValues(boolean centred, int[] columns) {
        int n = columns.length;
        if (count == 0 || n == 0) {
            return Optional.empty();
        }
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment part = scratch.allocate(bytes(n), 64);
            if (!copy(centred, columns, part)) {
                return Optional.empty();
            }
            double[] s = roots(OpenBlas.open().eigenvalues(part, n));
            Arrays.fill(s, (int) Math.min(n, centred ? count - 1 : count), n, 0);
            return Optional.of(s);
        }
    }

    /// The full square of the second moments.
    ///
    /// @return `[width, width]`, or empty where a value was not finite
    Optional<MemorySegment> square(boolean centred, Arena into) {
        MemorySegment full = into.allocate(bytes(width), 64);
        return copy(centred, allColumns(), full) ? Optional.of(full) : Optional.empty();
    }

    private boolean copy(boolean centred, int[] columns, MemorySegment to) {
        int n = columns.length;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                double v = product(columns[i], columns[j], centred);
                if (!Double.isFinite(v)) {
                    return false;
                }
                to.setAtIndex(JAVA_DOUBLE, (long) i * n + j, v);
                to.setAtIndex(JAVA_DOUBLE, (long) j * n + i, v);
            }
        }
        return true;
    }

    /// Roots of eigenvalues, largest first; what rounding has made negative is 0.
    static double[] roots(double[] ascending) {
        double[] s = new double[ascending.length];
        for (int i = 0; i < s.length; i++) {
            s[i] = Math.sqrt(Math.max(0, ascending[s.length - 1 - i]));
        }
        return s;
    }

    /// `tr(A B) `, `tr A` and `tr B` of the mean second moments A of this and B of another accumulator, over some columns.
    ///
    /// @return `[3]`
    private double[] traces(StreamingCovariance other, boolean centred, int[] columns) {
        double both = 0;
        double a = 0;
        double b = 0;
        for (int i : columns) {
            a += product(i, i, centred) / count;
            b += other.product(i, i, centred) / other.count;
            for (int j : columns) {
                both += product(i, j, centred) / count * (other.product(i, j, centred) / other.count);
            }
        }
        return new double[] {both, a, b};
    }

    /// The participation ratio by two disjoint halves of the rows: `tr A tr B / tr(A B)`. Unlike that of one covariance, whose
    /// `tr S^2` is too large by its own noise, this has no bias from the number of rows in its denominator.
    ///
    /// @return NaN where a half has no rows, or nothing in common
    public static double splitParticipationRatio(StreamingCovariance a, StreamingCovariance b, boolean centred, int[] columns) {
        if (a.count == 0 || b.count == 0) {
            return Double.NaN;
        }
        double[] t = a.traces(b, centred, columns);
        return t[0] > 0 ? t[1] * t[2] / t[0] : Double.NaN;
    }

    @Override
    public void close() {
        arena.close();
    }
}
