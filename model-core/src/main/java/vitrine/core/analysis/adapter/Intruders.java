package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;

/// Singular vectors of the tuned weight W' = W + dW that are like none of W's: intruder dimensions.
///
/// @param values the leading singular values of W', `[k]`
/// @param best max_i |cos(x_i, y_j)| of each left vector y_j of W' with all of W's, `[k]`
/// @param bestRight the same of right vectors
/// @param nearest which of W's left vectors that is, `[k]`
public record Intruders(double[] values, double[] best, double[] bestRight, int[] nearest) {

    /// How many vectors are looked at unless another number is asked for.
    public static final int VECTORS = 10;
    /// A vector is an intruder where its best cosine is below this, unless another bound is asked for.
    public static final double BOUND = 0.5;

    /// @param tuned W', destroyed
    /// @param base of W, all of it
    /// @param count leading vectors of W' to look at
    public static Intruders of(Dense tuned, LeadingVectors base, int count, Arena arena) {
        if (!base.whole()) {
            throw new IllegalArgumentException("intruders are found against all of the base's vectors");
        }
        DeltaSpectrum d = DeltaSpectrum.ofDense(tuned, arena);
        int k = Math.min(count, d.values().length);
        Dense left = base.left().times(arena, true, d.left().firstColumns(arena, k), false);
        Dense right = base.right().times(arena, false, d.right().rows(0, k), true);
        double[] best = new double[k];
        double[] bestRight = new double[k];
        int[] nearest = new int[k];
        for (int j = 0; j < k; j++) {
            for (int i = 0; i < left.rows(); i++) {
                double c = Math.abs(left.get(i, j));
                nearest[j] = c > best[j] ? i : nearest[j];
                best[j] = Math.max(best[j], c);
                bestRight[j] = Math.max(bestRight[j], Math.abs(right.get(i, j)));
            }
        }
        return new Intruders(java.util.Arrays.copyOf(d.values(), k), best, bestRight, nearest);
    }

    /// How many of the first `count` vectors have no cosine of at least `bound`.
    public int count(int count, double bound) {
        int n = 0;
        for (int j = 0; j < Math.min(count, best.length); j++) {
            n += best[j] < bound ? 1 : 0;
        }
        return n;
    }
}
