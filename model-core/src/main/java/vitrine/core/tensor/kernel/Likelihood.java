package vitrine.core.tensor.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import vitrine.core.tensor.Matrix;

/// Losses of targets from rows of logits.
public final class Likelihood {

    /// Partial sums are moved to float64 after this many vectors.
    private static final int FLUSH = 256;
    private static final Warmth WARMTH = new Warmth();

    private Likelihood() {}

    /// -ln p of one target per row, in nats.
    ///
    /// @param targets one column per row, -1 where a row has none (its loss is NaN)
    /// @return float64 `[rows]`
    public static double[] negativeLog(Matrix logits, int[] targets) {
        double[] losses = new double[logits.rows()];
        boolean vectors = WARMTH.takesVectors(logits, rows -> vectorLogSumExp(rows, 0));
        Parallel.over(logits.rows(), 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                losses[r] = targets[r] < 0 ? Double.NaN
                        : (vectors ? vectorLogSumExp(logits, r) : plainLogSumExp(logits.row(r))) - logits.get(r, targets[r]);
            }
        });
        return losses;
    }

    static double plainLogSumExp(float[] x) {
        float max = Float.NEGATIVE_INFINITY;
        for (float v : x) {
            max = Math.max(max, v);
        }
        double total = 0;
        float[] partial = new float[Lanes.N];
        for (int from = 0; from < x.length; from += FLUSH * Lanes.N) {
            java.util.Arrays.fill(partial, 0f);
            int to = Math.min(x.length, from + FLUSH * Lanes.N);
            for (int i = from; i < to; i++) {
                partial[(i - from) % Lanes.N] += Lanes.exp(x[i] - max);
            }
            total += Lanes.sum(partial);
        }
        return max + Math.log(total);
    }

    static double vectorLogSumExp(Matrix x, int row) {
        long o = x.rowOffset(row);
        int n = x.columns();
        FloatVector top = FloatVector.broadcast(Lanes.F, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            top = top.max(Lanes.load(x.data(), o + 4L * i));
        }
        float max = top.reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            max = Math.max(max, x.get(row, i));
        }
        double total = 0;
        for (int from = 0; from < n; from += FLUSH * Lanes.N) {
            total += expSum(x, o, from, Math.min(n, from + FLUSH * Lanes.N), max);
        }
        return max + Math.log(total);
    }

    private static double expSum(Matrix x, long o, int from, int to, float max) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        int i = from;
        for (; i <= to - Lanes.N; i += Lanes.N) {
            sum = sum.add(Lanes.exp(Lanes.load(x.data(), o + 4L * i).sub(max)));
        }
        if (i < to) {
            VectorMask<Float> m = Lanes.tail(i, to);
            sum = sum.add(Lanes.exp(Lanes.load(x.data(), o + 4L * i, m).sub(max)), m);
        }
        return Lanes.sum(sum);
    }
}
