package vitrine.core.analysis.rank;

import java.lang.foreign.Arena;
import java.util.Arrays;
import vitrine.core.tensor.Matrix;

/// What dropping the small hidden activations of an MLP does to its output.
///
/// Legend: a a token's hidden activations, after activation and gate; W the matrix that leads back; `q[t, i] = |a[t, i]| |W[:, i]|` the
/// size of what neuron i adds to the output. At a threshold eps the neurons D_t with q <= eps are dropped.
///
///     CETT(eps) = mean over t of |W a_D(t)| / |W a(t)|
///     sparsity(eps) = share of (t, i) with q <= eps
///
/// For a target c the threshold is the largest of 65,536 evenly spaced candidates, from the smallest q to its 0.99 quantile, with
/// CETT <= c, found by bisection. Tokens whose MLP says nothing have no ratio and do not count.
///
/// Source: Sparsing Law, arXiv 2411.02335, and its code.
public final class TailTruncation {

    private static final int CANDIDATES = 65_536;
    private static final double HIGHEST = 0.99;
    /// Sparsities at whose thresholds the curve is found.
    private static final double[] CURVE = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99};
    /// Quantiles of more values than this are found from evenly spaced ones.
    private static final int MOST_SORTED = 1 << 20;

    /// `out = a W^T` without bias.
    @FunctionalInterface
    public interface Down {
        void apply(Matrix a, Matrix out);
    }

    private final Matrix a;
    private final double[] norms;
    private final Down down;
    private final int hidden;
    private final double[] full;
    private final double[] sorted;

    /// @param a `[tokens, intermediate]`
    /// @param norms of W's columns, `[intermediate]`
    /// @param hidden the width of the output
    public TailTruncation(Matrix a, double[] norms, Down down, int hidden) {
        this.a = a;
        this.norms = norms;
        this.down = down;
        this.hidden = hidden;
        full = outputNorms(Double.POSITIVE_INFINITY);
        sorted = sorted();
    }

    private double[] sorted() {
        long step = Math.max(1, a.size() / MOST_SORTED);
        double[] out = new double[Math.toIntExact((a.size() + step - 1) / step)];
        int n = 0;
        for (long i = 0; i < a.size(); i += step) {
            int c = (int) (i % a.columns());
            out[n++] = Math.abs(a.get((int) (i / a.columns()), c)) * norms[c];
        }
        Arrays.sort(out);
        return out;
    }

    private double quantile(double share) {
        return sorted[(int) Math.min(sorted.length - 1L, (long) (share * sorted.length))];
    }

    /// Norms of what the dropped neurons would have added, per token.
    private double[] outputNorms(double eps) {
        try (Arena arena = Arena.ofShared()) {
            Matrix dropped = Matrix.allocate(arena, a.rows(), a.columns());
            for (int t = 0; t < a.rows(); t++) {
                float[] row = a.row(t);
                for (int i = 0; i < row.length; i++) {
                    if (drops(row[i], norms[i], eps)) {
                        dropped.set(t, i, row[i]);
                    }
                }
            }
            Matrix y = Matrix.allocate(arena, a.rows(), hidden);
            down.apply(dropped, y);
            double[] out = new double[a.rows()];
            for (int t = 0; t < out.length; t++) {
                double squares = 0;
                for (float v : y.row(t)) {
                    squares += (double) v * v;
                }
                out[t] = Math.sqrt(squares);
            }
            return out;
        }
    }

    /// Whether a neuron is dropped.
    static boolean drops(float a, double norm, double eps) {
        return Math.abs(a) * norm <= eps;
    }

    /// The mean relative size of what is dropped at a threshold.
    public double error(double eps) {
        double[] tail = outputNorms(eps);
        double sum = 0;
        int count = 0;
        for (int t = 0; t < tail.length; t++) {
            if (full[t] > 0) {
                sum += tail[t] / full[t];
                count++;
            }
        }
        return sum / count;
    }

    /// The share of activations that a threshold drops.
    public double sparsity(double eps) {
        long dropped = 0;
        for (int t = 0; t < a.rows(); t++) {
            float[] row = a.row(t);
            for (int i = 0; i < row.length; i++) {
                dropped += drops(row[i], norms[i], eps) ? 1 : 0;
            }
        }
        return (double) dropped / a.size();
    }

    /// The largest threshold whose error is at most `target`; the smallest candidate where none is.
    public double threshold(double target) {
        double least = sorted[0];
        double most = quantile(HIGHEST);
        int low = 0;
        int high = CANDIDATES - 1;
        while (low < high) {
            int mid = (low + high + 1) >>> 1;
            if (error(least + (most - least) * mid / (CANDIDATES - 1)) <= target) {
                low = mid;
            } else {
                high = mid - 1;
            }
        }
        return least + (most - least) * low / (CANDIDATES - 1);
    }

    /// Thresholds, sparsities and errors from dropping little to dropping nearly all.
    ///
    /// @param thresholds rising, at the quantiles 0.1 to 0.99 of q
    public record Curve(double[] thresholds, double[] sparsity, double[] error) {

        /// The threshold for an error, by straight lines between the curve's points; the curve's first and last beyond its ends.
        public double thresholdFor(double target) {
            double eps = 0;
            double at = 0;
            for (int i = 0; i < thresholds.length; i++) {
                if (error[i] > target) {
                    return eps + (thresholds[i] - eps) * Math.max(0, target - at) / (error[i] - at);
                }
                eps = thresholds[i];
                at = error[i];
            }
            return eps;
        }
    }

    /// Points of a curve.
    public static int curvePoints() {
        return CURVE.length;
    }

    public Curve curve() {
        double[] thresholds = Arrays.stream(CURVE).map(this::quantile).toArray();
        return new Curve(thresholds, Arrays.stream(thresholds).map(this::sparsity).toArray(), Arrays.stream(thresholds).map(this::error).toArray());
    }
}
