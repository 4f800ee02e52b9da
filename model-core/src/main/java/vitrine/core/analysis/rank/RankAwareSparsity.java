package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import vitrine.core.tensor.openblas.OpenBlas;

/// A linear layer whose large inputs pass exactly and whose small ones pass through a matrix of low rank:
///
///     y = W (x o m) + W_r (x o (1 - m)),   m_j = 1 where |x_j| g_j > tau,   g_j = |W[:, j]|
///
/// Legend: W `[out, in]`, W_r its best approximation of rank r, sp the sparsity to reach, alpha how the budget is split: channels
/// int(in (1 - sp) alpha), rank int((in out (1 - sp) - channels out) / (in + out)), each at least 1; tau is the quantile
/// 1 - (1 - sp) alpha of |x_j| g_j over the sample (of |x_j| where alpha is 1; all inputs take the low rank where it is 0).
///
/// The error |Y - Y'|_F / |Y|_F needs no W_r: with s, U, V of W it is `sum_{i>r} (s_i v_i . x')^2`, x' = x o (1 - m), summed over tokens.
///
/// Source: R-Sparse (Zhang et al., ICLR 2025) and its code, whose evolutionary search for alpha is a grid here; sizes are those of the
/// matrix itself, where the code counts hidden x hidden for keys and values too.
public final class RankAwareSparsity {

    /// The splits that are tried, and low rank alone for comparison.
    private static final double[] ALPHAS = {0, 0.5, 0.6, 0.7, 0.8, 0.9, 1};

    /// The splits.
    public static double[] alphas() {
        return ALPHAS.clone();
    }

    /// What a split comes to.
    ///
    /// @param error relative error of the outputs over the sample
    public record Split(double alpha, int channels, int rank, double quantile, double threshold, double error) {}

    private final int in;
    private final int out;
    private final MemorySegment weight;
    private final double[] norms;
    /// Eigenvectors in rows, those of the largest singular values last: of W^T W where `in` is the smaller side, else of W W^T.
    private final MemorySegment directions;
    private final double[] energies;

    /// @param weight W, float64 `[out, in]`
    /// @param arena holds W and what is made here
    public RankAwareSparsity(MemorySegment weight, int out, int in, Arena arena) {
        this.weight = weight;
        this.in = in;
        this.out = out;
        norms = LinearSite.columnNorms(weight, out, in);
        int n = Math.min(in, out);
        directions = arena.allocate(8L * n * n, 64);
        if (in <= out) {
            OpenBlas.open().multiply(true, false, in, in, out, weight, in, weight, in, 0, directions, in);
        } else {
            OpenBlas.open().multiply(false, true, out, out, in, weight, in, weight, in, 0, directions, out);
        }
        energies = OpenBlas.open().eigenvectors(directions, n);
    }

    /// Channels of a split.
    static int channels(int in, double sparsity, double alpha) {
        return Math.max(1, (int) (in * (1 - sparsity) * alpha));
    }

    /// The rank of a split.
    static int rank(int in, int out, double sparsity, int channels) {
        return Math.max(1, (int) (((double) in * out * (1 - sparsity) - (double) channels * out) / (in + out)));
    }

    /// All splits for a sparsity, in the order of [#alphas].
    ///
    /// @param x `[tokens, in]`, row by row
    public Split[] splits(float[] x, double sparsity) {
        double whole = error(x, Double.POSITIVE_INFINITY, true, 0);
        Split[] found = new Split[ALPHAS.length];
        for (int i = 0; i < found.length; i++) {
            double alpha = ALPHAS[i];
            int channels = alpha == 0 ? 0 : channels(in, sparsity, alpha);
            int rank = Math.min(Math.min(in, out), rank(in, out, sparsity, channels));
            double quantile = 1 - (1 - sparsity) * alpha;
            boolean scaled = alpha != 1;
            double tau = alpha == 0 ? Double.POSITIVE_INFINITY : threshold(x, quantile, scaled);
            found[i] = new Split(alpha, channels, rank, quantile, tau, whole > 0 ? Math.sqrt(error(x, tau, scaled, rank) / whole) : 0);
        }
        return found;
    }

    /// The best split: least error, low rank alone left out.
    public static Split best(Split[] splits) {
        return Arrays.stream(splits).filter(s -> s.alpha() > 0).min(java.util.Comparator.comparingDouble(Split::error)).orElseThrow();
    }

    private double threshold(float[] x, double quantile, boolean scaled) {
        float[] sizes = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            sizes[i] = (float) size(x[i], i % in, scaled);
        }
        Arrays.sort(sizes);
        return sizes[(int) Math.min(sizes.length - 1L, (long) (quantile * sizes.length))];
    }

    private double size(float x, int channel, boolean scaled) {
        return scaled ? Math.abs(x) * norms[channel] : Math.abs(x);
    }

    /// The squared error of the outputs: what inputs up to a threshold lose at a rank.
    double error(float[] x, double tau, boolean scaled, int rank) {
        int tokens = x.length / in;
        OpenBlas blas = OpenBlas.open();
        try (Arena scratch = Arena.ofShared()) {
            MemorySegment small = scratch.allocate(8L * Math.max(1, x.length), 64);
            for (int i = 0; i < x.length; i++) {
                small.setAtIndex(JAVA_DOUBLE, i, size(x[i], i % in, scaled) > tau ? 0 : x[i]);
            }
            int n = Math.min(in, out);
            MemorySegment along = scratch.allocate(8L * Math.max(1, tokens * (long) n), 64);
            if (in <= out) {
                blas.multiply(false, true, tokens, in, in, small, in, directions, in, 0, along, in);
            } else {
                MemorySegment y = scratch.allocate(8L * Math.max(1, tokens * (long) out), 64);
                blas.multiply(false, true, tokens, out, in, small, in, weight, in, 0, y, out);
                blas.multiply(false, true, tokens, out, out, y, out, directions, out, 0, along, out);
            }
            double sum = 0;
            for (int i = 0; i < n - rank; i++) {
                double scale = in <= out ? Math.max(0, energies[i]) : 1;
                for (int t = 0; t < tokens; t++) {
                    double v = along.getAtIndex(JAVA_DOUBLE, (long) t * n + i);
                    sum += scale * v * v;
                }
            }
            return sum;
        }
    }
}
