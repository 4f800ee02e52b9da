package vitrine.core.analysis.routing;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import vitrine.core.forward.ForwardPass;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// How far a changed model's next-token distributions move from those of the model as it is.
///
/// The logits of a whole text are too many to keep. What is kept of the first pass are the states that its head read ([FinalStates]); the head is
/// run again, block by block, while the second pass makes its logits.
public final class NextTokenShift implements Probe {

    /// Tokens after which the distribution moves most that are listed.
    public static final int LISTED = 8;
    private static final int LIKELY = 5;

    private final ForwardPass original;
    private final double[] sums;
    private final long[] counts;
    private final double[] ofToken;
    private long topChanged;
    private final PriorityQueue<Moved> most = new PriorityQueue<>(Comparator.comparingDouble(Moved::kl).thenComparing(Comparator.comparingLong(Moved::token).reversed()));

    private FinalStates states;
    private int[][] ids;
    private int[] groupOf;
    private long[] firstTokens;

    /// A next token and its probability.
    public record Likely(int id, double probability) {}

    /// The distribution after one token, before and after the change.
    ///
    /// @param token its number among all tokens, and `id`
    /// @param lossChange of the true next token, NaN where the sequence ends
    public record Moved(long token, int id, double kl, double lossChange, List<Likely> before, List<Likely> after) {}

    /// @param original the model as it is
    /// @param groups of tokens (domains)
    /// @param kept of so many of the first tokens the divergence is kept
    public NextTokenShift(ForwardPass original, int groups, int kept) {
        this.original = original;
        sums = new double[groups];
        counts = new long[groups];
        ofToken = new double[kept];
    }

    /// The batch that passes next, as [RoutingStatistics#begin], and what the original's head read of it.
    public void begin(int[][] ofBatch, int[] groupOfSequence, long firstToken, FinalStates before) {
        ids = ofBatch;
        groupOf = groupOfSequence;
        states = before;
        firstTokens = new long[ids.length];
        long at = firstToken;
        for (int s = 0; s < ids.length; s++) {
            firstTokens[s] = at;
            at += ids[s].length;
        }
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.LOGITS;
    }

    @Override
    public void at(Place place, Matrix after) {
        try (Arena arena = Arena.ofShared()) {
            Matrix before = Matrix.allocate(arena, after.rows(), after.columns());
            original.head(states.of(place.sequence()).rows(place.firstPosition(), after.rows()), before);
            int[] sequence = ids[place.sequence()];
            double[] kl = new double[after.rows()];
            double[] change = new double[after.rows()];
            int[] first = new int[after.rows()];
            int[] firstAfter = new int[after.rows()];
            Parallel.over(after.rows(), 1, (from, to) -> {
                for (int r = from; r < to; r++) {
                    int next = place.firstPosition() + r + 1;
                    compare(before.row(r), after.row(r), next < sequence.length ? sequence[next] : -1, r, kl, change);
                    first[r] = likeliest(before, r);
                    firstAfter[r] = likeliest(after, r);
                }
            });
            for (int r = 0; r < kl.length; r++) {
                int position = place.firstPosition() + r;
                long token = firstTokens[place.sequence()] + position;
                sums[groupOf[place.sequence()]] += kl[r];
                counts[groupOf[place.sequence()]]++;
                topChanged += first[r] == firstAfter[r] ? 0 : 1;
                if (token < ofToken.length) {
                    ofToken[(int) token] = kl[r];
                }
                if (kl[r] > 0 && (most.size() < LISTED || kl[r] > most.peek().kl)) {
                    most.add(new Moved(token, sequence[position], kl[r], change[r], likely(before.row(r)), likely(after.row(r))));
                    if (most.size() > LISTED) {
                        most.remove();
                    }
                }
            }
        }
    }

    /// KL(b || a) = sum p_b (b - a) + ln Z_a - ln Z_b, and how the loss of `next` changes.
    private static void compare(float[] b, float[] a, int next, int row, double[] kl, double[] change) {
        float topB = Float.NEGATIVE_INFINITY;
        float topA = Float.NEGATIVE_INFINITY;
        for (int v = 0; v < b.length; v++) {
            topB = Math.max(topB, b[v]);
            topA = Math.max(topA, a[v]);
        }
        double sumB = 0;
        double sumA = 0;
        double moved = 0;
        for (int v = 0; v < b.length; v++) {
            double e = Math.exp((double) b[v] - topB);
            sumB += e;
            sumA += Math.exp((double) a[v] - topA);
            moved += e * ((double) b[v] - a[v]);
        }
        double zB = topB + Math.log(sumB);
        double zA = topA + Math.log(sumA);
        kl[row] = Math.max(0, moved / sumB + zA - zB);
        change[row] = next < 0 ? Double.NaN : zA - a[next] - (zB - b[next]);
    }

    /// The column of the largest value of a row; of equal ones the lowest. Like argmax in the reference implementations, a NaN wins.
    static int likeliest(Matrix logits, int row) {
        float[] x = logits.row(row);
        int best = 0;
        for (int v = 1; v < x.length; v++) {
            if (x[v] > x[best] || Float.isNaN(x[v]) && !Float.isNaN(x[best])) {
                best = v;
            }
        }
        return best;
    }

    private static List<Likely> likely(float[] logits) {
        double z = Confidence.logPartition(logits);
        float[] left = logits.clone();
        List<Likely> out = new ArrayList<>();
        for (int i = 0; i < Math.min(LIKELY, left.length); i++) {
            int best = 0;
            for (int v = 1; v < left.length; v++) {
                best = left[v] > left[best] ? v : best;
            }
            out.add(new Likely(best, Math.exp(logits[best] - z)));
            left[best] = Float.NEGATIVE_INFINITY;
        }
        return out;
    }

    /// Mean divergence over all positions, nats.
    public double mean() {
        double sum = 0;
        long count = 0;
        for (int g = 0; g < sums.length; g++) {
            sum += sums[g];
            count += counts[g];
        }
        return sum / count;
    }

    /// Mean divergence over a group's positions, nats.
    public double mean(int group) {
        return sums[group] / counts[group];
    }

    /// Share of positions whose most likely next token is another.
    public double topChanged() {
        long count = 0;
        for (long c : counts) {
            count += c;
        }
        return (double) topChanged / count;
    }

    /// Divergence after each of the first tokens.
    public double[] ofToken() {
        return ofToken.clone();
    }

    /// Where the distribution moves most, furthest first.
    public List<Moved> most() {
        return most.stream().sorted(Comparator.comparingDouble(Moved::kl).reversed().thenComparingLong(Moved::token)).toList();
    }
}
