package vitrine.core.prune.method;

import java.util.stream.IntStream;
import vitrine.core.tensor.Matrix;

/// LoRAP's shares: of attention ranks, three parts for value and output to one for query and key; of feed-forward blocks channels of small norm, but for the very smallest.
///
/// Source: Li et al., *LoRAP*, ICML 2024, arXiv 2404.09695.
public final class Lorap {

    /// The share of the channels of least norm that stay.
    public static final double LOWEST_KEPT = 0.01;
    /// Of [#ranks]: the matrix stays as it is.
    public static final int WHOLE = -1;

    private Lorap() {}

    /// A matrix's shape.
    public record Shape(int out, int in) {
        long size() {
            return (long) out * in;
        }
    }

    /// The ranks of query, key, value and output, in this order; [#WHOLE] for one that stays as it is.
    ///
    /// Where all are squares of one size they are the source's, roundings included. Elsewhere (grouped keys and values) value and output share three quarters of what attention keeps by
    /// their sizes, and query and key have the rest.
    ///
    /// @param sparsity the share of the parameters that goes
    public static int[] ranks(Shape query, Shape key, Shape value, Shape output, double sparsity) {
        double stays = 1 - sparsity;
        int h = query.in;
        if (IntStream.of(query.out, key.out, key.in, value.out, value.in, output.out, output.in).allMatch(n -> n == h) && sparsity > 0) {
            int k = (int) (stays * h / 2);
            int mostly = k * 2 * 3 / 4;
            int less = k * 2 / 4;
            if (mostly >= h / 2) {
                mostly = WHOLE;
                less = (int) (stays * h) - h / 2;
            }
            int both = Math.max(1, less);
            return new int[] {both, both, mostly == WHOLE ? WHOLE : Math.max(1, mostly), mostly == WHOLE ? WHOLE : Math.max(1, mostly)};
        }
        long mostly = value.size() + output.size();
        long less = query.size() + key.size();
        double budget = stays * (mostly + less);
        double keepMostly = Math.min(1, 0.75 * budget / mostly);
        double keepLess = (budget - keepMostly * mostly) / less;
        return new int[] {rank(query, keepLess), rank(key, keepLess), rank(value, keepMostly), rank(output, keepMostly)};
    }

    private static int rank(Shape s, double keep) {
        return keep >= 1 - 1e-12 ? WHOLE : Math.max(1, LowRank.rankFor(s.out, s.in, keep));
    }

    /// Adds to every channel's score the norm of its row: the root over inputs of `(W_cj a_j)^2`.
    ///
    /// @param w `[channels, in]`
    /// @param activations `[in]`, root mean squares
    /// @param scores `[channels]`
    public static void addRows(Matrix w, double[] activations, double[] scores) {
        for (int c = 0; c < scores.length; c++) {
            float[] row = w.row(c);
            double sum = 0;
            for (int j = 0; j < row.length; j++) {
                double v = row[j] * activations[j];
                sum += v * v;
            }
            scores[c] += Math.sqrt(sum);
        }
    }

    /// Adds to every channel's score the norm of its column times what the channel holds.
    ///
    /// @param w `[out, channels]`
    /// @param activations `[channels]`, root mean squares
    public static void addColumns(Matrix w, double[] activations, double[] scores) {
        double[] sums = new double[scores.length];
        for (int o = 0; o < w.rows(); o++) {
            float[] row = w.row(o);
            for (int c = 0; c < row.length; c++) {
                sums[c] += (double) row[c] * row[c];
            }
        }
        for (int c = 0; c < scores.length; c++) {
            scores[c] += Math.sqrt(sums[c]) * activations[c];
        }
    }

    /// How many of `count` channels go.
    public static int gone(int count, double sparsity, double lowestKept) {
        return Math.min(count, (int) ((sparsity + lowestKept) * count)) - (int) (lowestKept * count);
    }

    /// The channels that stay, ascending: those of least score, and those above what goes. Of equal scores the smaller number goes first.
    public static int[] kept(double[] scores, double sparsity, double lowestKept) {
        int low = (int) (lowestKept * scores.length);
        int gone = gone(scores.length, sparsity, lowestKept);
        int[] order = IntStream.range(0, scores.length).boxed().sorted(java.util.Comparator.comparingDouble(c -> scores[c])).mapToInt(Integer::intValue).toArray();
        return IntStream.range(0, order.length).filter(i -> i < low || i >= low + gone).map(i -> order[i]).sorted().toArray();
    }
}
