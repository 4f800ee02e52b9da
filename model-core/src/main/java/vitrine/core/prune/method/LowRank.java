package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// A matrix of lower rank in the place of W. Four ways to choose it, with rank k:
///
///     svd            W = U s V^T;                       W' = U_k s_k V_k^T                     least ||W - W'||_F
///     whitened_svd   G = X^T X = S S^T, W S = U s V^T;  W' = U_k s_k V_k^T S^-1                least ||X (W - W')^T||_F
///     swift_svd      C = Y^T Y = W G W^T = Q l Q^T;     W' = Q_k Q_k^T W                       the same optimum by one eigendecomposition
///     scaled         D = diag(rms of X), W D = U s V^T; W' = U_k s_k V_k^T D^-1               least ||(W - W') D||_F (LoRAP)
///
/// The error that a rank leaves is known without a pass: the root of the sum of the dropped s^2 (or l). The factors are A `[out, k]` and
/// B `[k, in]`; the roots of s stand in both but for swift_svd, whose A has orthonormal columns.
///
/// Sources: Wang et al., *SVD-LLM*, 2024, arXiv 2403.07378; Qi et al., *Swift-SVD*, 2026, arXiv 2604.01609.
public final class LowRank implements MatrixMethod {

    private static final double SHIFT = 1e-6;
    private static final double DEAD = 1e-4;

    private final Way way;
    private final Integer rank;

    /// How the rank-k matrix is chosen.
    public enum Way {
        SVD, WHITENED, SWIFT, SCALED
    }

    /// @param rank of every matrix; null for as many as the share of parameters that stays allows
    public LowRank(Way way, Integer rank) {
        this.way = way;
        this.rank = rank;
    }

    @Override
    public Needs needs() {
        return way == Way.SVD ? Needs.NOTHING : way == Way.SCALED ? Needs.NORMS : Needs.MOMENTS;
    }

    /// The largest rank whose factors hold at most a share of the parameters of a matrix: int(out in keep / (out + in)).
    public static int rankFor(int out, int in, double keep) {
        return (int) ((double) out * in * keep / (out + in));
    }

    /// The rank from which two factors hold as many values as the matrix.
    public static double breakEven(int out, int in) {
        return (double) out * in / (out + in);
    }

    @Override
    public Pruned prune(Matrix w, InputStatistics inputs, double sparsity) {
        int k = rank != null ? rank : Math.max(1, rankFor(w.rows(), w.columns(), 1 - sparsity));
        return truncate(w, inputs, k);
    }

    /// Replaces w by the best matrix of rank k.
    public Pruned truncate(Matrix w, InputStatistics inputs, int k) {
        int least = Math.min(w.rows(), w.columns());
        if (k >= least) {
            return Pruned.untouched(String.format(Locale.ROOT, "rank %,d is all that it has", least));
        }
        try (Arena arena = Arena.ofShared()) {
            return switch (way) {
                case SVD -> svd(w, k, arena);
                case WHITENED -> whitened(w, inputs, k, arena);
                case SWIFT -> swift(w, inputs, k, arena);
                case SCALED -> scaled(w, inputs, k, arena);
            };
        }
    }

    /// What the singular values (or roots of eigenvalues) say of the error of every rank, largest first: those of W, of W S, or of the outputs.
    public double[] spectrum(Matrix w, InputStatistics inputs) {
        int out = w.rows();
        int in = w.columns();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment values = Wide.of(w, arena);
            if (way == Way.SVD) {
                return OpenBlas.open().singularValues(values, out, in, in);
            }
            if (way == Way.SCALED) {
                return OpenBlas.open().singularValues(times(values, scales(inputs), out), out, in, in);
            }
            if (way == Way.WHITENED) {
                MemorySegment white = arena.allocate(8L * out * in, 64);
                OpenBlas.open().multiply(false, false, out, in, in, values, in, root(inputs, arena).lower(), in, 0, white, in);
                return OpenBlas.open().singularValues(white, out, in, in);
            }
            return roots(OpenBlas.open().eigenvalues(outputMoments(values, inputs, out, in, arena), out));
        }
    }

    private static double[] roots(double[] ascending) {
        double[] s = new double[ascending.length];
        for (int i = 0; i < s.length; i++) {
            s[i] = Math.sqrt(Math.max(0, ascending[s.length - 1 - i]));
        }
        return s;
    }

    private static double tail(double[] s, int k) {
        double sum = 0;
        for (int i = s.length - 1; i >= k; i--) {
            sum += s[i] * s[i];
        }
        return Math.sqrt(sum);
    }

    private static Pruned svd(Matrix w, int k, Arena arena) {
        int out = w.rows();
        int in = w.columns();
        int least = Math.min(out, in);
        MemorySegment left = arena.allocate(8L * out * least, 64);
        MemorySegment right = arena.allocate(8L * least * in, 64);
        double[] s = OpenBlas.open().decompose(Wide.of(w, arena), out, in, in, left, right);
        scale(left, right, s, out, in, k);
        // How far the outputs go is not known without inputs.
        return product(w, left, least, right, k, Double.NaN, null, arena);
    }

    /// Root mean squares of the inputs, `[in]`; an input that is always 0 counts as [#DEAD].
    private static double[] scales(InputStatistics inputs) {
        double[] d = inputs.squares();
        for (int j = 0; j < d.length; j++) {
            d[j] = d[j] > 0 ? Math.sqrt(d[j] / inputs.tokens()) : DEAD;
        }
        return d;
    }

    /// Multiplies every column with a number of its own, in place.
    private static MemorySegment times(MemorySegment rows, double[] columns, int count) {
        for (long at = 0; at < (long) count * columns.length; at++) {
            rows.setAtIndex(JAVA_DOUBLE, at, rows.getAtIndex(JAVA_DOUBLE, at) * columns[(int) (at % columns.length)]);
        }
        return rows;
    }

    private static Pruned scaled(Matrix w, InputStatistics inputs, int k, Arena arena) {
        int out = w.rows();
        int in = w.columns();
        int least = Math.min(out, in);
        double[] d = scales(inputs);
        MemorySegment left = arena.allocate(8L * out * least, 64);
        MemorySegment right = arena.allocate(8L * least * in, 64);
        double[] s = OpenBlas.open().decompose(times(Wide.of(w, arena), d, out), out, in, in, left, right);
        scale(left, right, s, out, in, k);
        times(right, java.util.Arrays.stream(d).map(v -> 1 / v).toArray(), k);
        // Inputs hang together, which D does not see: how far outputs go is not known.
        return product(w, left, least, right, k, Double.NaN, null, arena);
    }

    private record Root(MemorySegment lower, String note) {}

    /// The lower Cholesky factor of the second moments, zeros right of its diagonal.
    private static Root root(InputStatistics inputs, Arena arena) {
        int n = inputs.width();
        MemorySegment g = inputs.moments(arena);
        String note = null;
        if (!OpenBlas.open().choleskyLower(g, n)) {
            MemorySegment again = inputs.moments(arena);
            double least = OpenBlas.open().eigenvalues(again, n)[0];
            double shift = Math.max(0, -least) + SHIFT;
            boolean done = false;
            while (!done) {
                g = inputs.moments(arena);
                for (int j = 0; j < n; j++) {
                    long at = (long) j * n + j;
                    g.setAtIndex(JAVA_DOUBLE, at, g.getAtIndex(JAVA_DOUBLE, at) + shift);
                }
                done = OpenBlas.open().choleskyLower(g, n);
                if (!done) {
                    shift *= 10;
                    if (!(shift < Double.MAX_VALUE)) {
                        throw new IllegalStateException("second moments that no shift makes positive definite: values are not finite");
                    }
                }
            }
            note = String.format(Locale.ROOT, "%.3g was added to the diagonal of the second moments of its inputs, which were not positive definite", shift);
        }
        for (int i = 0; i < n; i++) {
            g.asSlice(8 * ((long) i * n + i + 1), 8L * (n - i - 1)).fill((byte) 0);
        }
        return new Root(g, note);
    }

    private static Pruned whitened(Matrix w, InputStatistics inputs, int k, Arena arena) {
        int out = w.rows();
        int in = w.columns();
        int least = Math.min(out, in);
        Root root = root(inputs, arena);
        MemorySegment white = arena.allocate(8L * out * in, 64);
        OpenBlas.open().multiply(false, false, out, in, in, Wide.of(w, arena), in, root.lower(), in, 0, white, in);
        MemorySegment left = arena.allocate(8L * out * least, 64);
        MemorySegment right = arena.allocate(8L * least * in, 64);
        double[] s = OpenBlas.open().decompose(white, out, in, in, left, right);
        scale(left, right, s, out, in, k);
        OpenBlas.open().divideByLower(right, k, in, root.lower());
        return product(w, left, least, right, k, tail(s, k), root.note(), arena);
    }

    /// `C = W G W^T`, float64 `[out, out]`, what outputs without bias have for second moments.
    private static MemorySegment outputMoments(MemorySegment w, InputStatistics inputs, int out, int in, Arena arena) {
        MemorySegment half = arena.allocate(8L * out * in, 64);
        MemorySegment c = arena.allocate(8L * out * out, 64);
        OpenBlas.open().multiply(false, false, out, in, in, w, in, inputs.moments(arena), in, 0, half, in);
        OpenBlas.open().multiply(false, true, out, out, in, half, in, w, in, 0, c, out);
        return c;
    }

    private static Pruned swift(Matrix w, InputStatistics inputs, int k, Arena arena) {
        int out = w.rows();
        int in = w.columns();
        MemorySegment values = Wide.of(w, arena);
        MemorySegment c = outputMoments(values, inputs, out, in, arena);
        double[] s = roots(OpenBlas.open().eigenvectors(c, out));
        // Rows of c are eigenvectors, smallest eigenvalue first: the last k, turned, are Q_k.
        MemorySegment left = arena.allocate(8L * out * k, 64);
        for (int i = 0; i < k; i++) {
            for (int o = 0; o < out; o++) {
                left.setAtIndex(JAVA_DOUBLE, (long) o * k + i, c.getAtIndex(JAVA_DOUBLE, (long) (out - 1 - i) * out + o));
            }
        }
        MemorySegment right = arena.allocate(8L * k * in, 64);
        OpenBlas.open().multiply(true, false, k, in, out, left, k, values, in, 0, right, in);
        return product(w, left, k, right, k, tail(s, k), null, arena);
    }

    /// Puts the roots of the singular values into the first k columns and rows.
    private static void scale(MemorySegment left, MemorySegment right, double[] s, int out, int in, int k) {
        for (int i = 0; i < k; i++) {
            double root = Math.sqrt(s[i]);
            for (int o = 0; o < out; o++) {
                long at = (long) o * s.length + i;
                left.setAtIndex(JAVA_DOUBLE, at, left.getAtIndex(JAVA_DOUBLE, at) * root);
            }
            for (int j = 0; j < in; j++) {
                long at = (long) i * in + j;
                right.setAtIndex(JAVA_DOUBLE, at, right.getAtIndex(JAVA_DOUBLE, at) * root);
            }
        }
    }

    /// Writes `A B` into w.
    private static Pruned product(Matrix w, MemorySegment left, int stride, MemorySegment right, int k, double error, String note, Arena arena) {
        int out = w.rows();
        int in = w.columns();
        MemorySegment whole = arena.allocate(8L * out * in, 64);
        OpenBlas.open().multiply(false, false, out, in, k, left, stride, right, in, 0, whole, in);
        Wide.narrow(whole, w);
        float[] a = new float[out * k];
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < k; i++) {
                a[o * k + i] = (float) left.getAtIndex(JAVA_DOUBLE, (long) o * stride + i);
            }
        }
        float[] b = new float[k * in];
        for (int i = 0; i < b.length; i++) {
            b[i] = (float) right.getAtIndex(JAVA_DOUBLE, i);
        }
        return new Pruned(null, true, new Factors(a, b, k), error, note);
    }
}
