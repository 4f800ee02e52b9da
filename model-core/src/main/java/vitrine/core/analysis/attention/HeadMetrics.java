package vitrine.core.analysis.attention;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.forward.Batch;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// Measures every head of every layer while a batch passes, and adds up over batches.
///
/// Means are over queries within a sequence, then over sequences; the standard error is over sequences. Sums are float64.
/// A sequence too short for a metric (one token has no previous token) does not count in its mean: a metric that no sequence
/// defines is NaN, never 0. Weights that are not numbers make every metric of their head NaN.
///
/// Source: Olsson et al., *In-context Learning and Induction Heads*, 2022, and TransformerLens's head detector for the three shares.
public final class HeadMetrics implements Probe {

    private static final int SINKS = 4;
    private static final HeadMetric[] METRICS = HeadMetric.values();

    private final ModelSpec spec;
    private final int heads;
    private final double[][][] sums;
    private final double[][][] squares;
    private final long[][][] counts;
    private long sequences;
    private Batch batch;
    private Map<Integer, Patterns> patterns = new HashMap<>();
    private final Map<Long, double[]> open = new HashMap<>();

    public HeadMetrics(ModelSpec spec) {
        this.spec = spec;
        heads = spec.maxHeads();
        sums = new double[METRICS.length][spec.layers().size()][heads];
        squares = new double[METRICS.length][spec.layers().size()][heads];
        counts = new long[METRICS.length][spec.layers().size()][heads];
    }

    /// Says which tokens pass next; the shares on earlier copies need them.
    public void begin(Batch next) {
        batch = next;
        sequences += next.sequences().size();
        patterns = new HashMap<>();
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.PATTERN;
    }

    /// Sums over the queries of one head's map that have passed so far.
    private static final int ENTROPY = 0;
    private static final int NORMALISED = 1;
    private static final int DISTANCE = 2;
    private static final int FIRST = 3;
    private static final int SINK = 4;
    private static final int PREVIOUS = 5;
    private static final int SELF = 6;
    private static final int MAX = 7;
    private static final int CONTEXT = 8;
    private static final int TOTAL = 9;
    private static final int DUPLICATE = 10;
    private static final int INDUCTION = 11;
    private static final int SUMS = 12;

    @Override
    public void at(Place place, Matrix pattern) {
        AttentionSpec attention = spec.layers().get(place.layer()).attention();
        Patterns marked = patterns.computeIfAbsent(place.sequence(), s -> new Patterns(batch.sequences().get(s).ids()));
        int parts = Math.max(1, Math.min(Parallel.threads(), pattern.rows() / 16));
        double[][] partial = new double[parts][SUMS];
        Parallel.over(parts, 1, (from, to) -> {
            for (int p = from; p < to; p++) {
                int begin = (int) ((long) pattern.rows() * p / parts);
                int end = (int) ((long) pattern.rows() * (p + 1) / parts);
                for (int r = begin; r < end; r++) {
                    addQuery(pattern.row(r), place.firstPosition() + r, attention, marked, partial[p]);
                }
            }
        });
        long key = ((long) place.layer() * heads + place.head()) * batch.sequences().size() + place.sequence();
        double[] all = open.computeIfAbsent(key, k -> new double[SUMS]);
        for (double[] p : partial) {
            for (int i = 0; i < SUMS; i++) {
                all[i] += p[i];
            }
        }
        int length = batch.sequences().get(place.sequence()).length();
        if (place.firstPosition() + pattern.rows() == length) {
            open.remove(key);
            finish(place.layer(), place.head(), all, length, attention);
        }
    }

    private static void addQuery(float[] a, int i, AttentionSpec attention, Patterns marked, double[] s) {
        int end = attention.causal() ? Math.min(a.length, i + 1) : a.length;
        int first = attention.firstKey(i);
        double entropy = 0;
        double distance = 0;
        double total = 0;
        float max = 0;
        for (int j = first; j < end; j++) {
            float w = a[j];
            // Not w > 0: a weight that is not a number must not vanish from the sum.
            if (!(w <= 0)) {
                entropy -= w * Math.log(w);
            }
            distance += w * (double) Math.abs(i - j);
            total += w;
            max = Math.max(max, w);
        }
        if (attention.sinks() != null) {
            // A sink takes a part of every row; the entropy is that of what the keys share.
            entropy = entropy / total + Math.log(total);
        }
        int visible = end - first;
        s[ENTROPY] += entropy;
        s[NORMALISED] += visible > 1 ? entropy / Math.log(visible) : 0;
        s[DISTANCE] += distance;
        s[TOTAL] += total;
        s[MAX] += max;
        s[CONTEXT] += Math.exp(entropy);
        s[SELF] += a[i];
        if (i >= 1) {
            s[FIRST] += a[0];
            s[PREVIOUS] += a[i - 1];
        }
        for (int j = 0; j < SINKS && i >= SINKS; j++) {
            s[SINK] += a[j];
        }
        for (int j : marked.copies(i)) {
            s[DUPLICATE] += a[j];
            if (j + 1 <= i && j + 1 < a.length) {
                s[INDUCTION] += a[j + 1];
            }
        }
    }

    /// Queries that see more than their own key.
    private static int queriesWithChoice(AttentionSpec attention, int n) {
        int count = 0;
        for (int i = 0; i < n; i++) {
            count += attention.firstKey(i) < i ? 1 : 0;
        }
        return count;
    }

    private void finish(int layer, int head, double[] s, int n, AttentionSpec attention) {
        int withChoice = attention.causal() ? queriesWithChoice(attention, n) : (n > 1 ? n : 0);
        for (HeadMetric m : METRICS) {
            boolean defined = switch (m) {
                case NORMALISED_ENTROPY -> withChoice > 0;
                case FIRST_TOKEN_MASS, PREVIOUS_TOKEN -> n > 1;
                case SINK_MASS -> n > SINKS;
                default -> true;
            };
            if (!defined) {
                continue;
            }
            double v = switch (m) {
                case ENTROPY -> s[ENTROPY] / n;
                case NORMALISED_ENTROPY -> s[NORMALISED] / withChoice;
                case DISTANCE -> s[DISTANCE] / n;
                case FIRST_TOKEN_MASS -> s[FIRST] / (n - 1);
                case SINK_MASS -> s[SINK] / (n - SINKS);
                case PREVIOUS_TOKEN -> s[PREVIOUS] / (n - 1);
                case SELF_ATTENTION -> s[SELF] / n;
                case MAX_WEIGHT -> s[MAX] / n;
                case EFFECTIVE_CONTEXT -> s[CONTEXT] / n;
                case PREVIOUS_TOKEN_SHARE -> s[PREVIOUS] / s[TOTAL];
                case DUPLICATE_TOKEN_SHARE -> s[DUPLICATE] / s[TOTAL];
                case INDUCTION_SHARE -> s[INDUCTION] / s[TOTAL];
            };
            sums[m.ordinal()][layer][head] += v;
            squares[m.ordinal()][layer][head] += v * v;
            counts[m.ordinal()][layer][head]++;
        }
    }

    /// Sequences measured so far.
    public long sequences() {
        return sequences;
    }

    /// The mean of a metric, float64 `[layers, heads]`; NaN for heads that a narrower layer does not have, and where no sequence
    /// was long enough.
    public double[][] mean(HeadMetric metric) {
        return map((l, h) -> sums[metric.ordinal()][l][h] / counts[metric.ordinal()][l][h]);
    }

    /// The standard error of the mean over sequences, `[layers, heads]`; NaN for fewer than two sequences that define the metric.
    public double[][] standardError(HeadMetric metric) {
        return map((l, h) -> {
            long n = counts[metric.ordinal()][l][h];
            if (n < 2) {
                return Double.NaN;
            }
            double mean = sums[metric.ordinal()][l][h] / n;
            double variance = Math.max(0, squares[metric.ordinal()][l][h] / n - mean * mean) * n / (n - 1);
            return Math.sqrt(variance / n);
        });
    }

    private interface PerHead {
        double of(int layer, int head);
    }

    private double[][] map(PerHead value) {
        List<?> layers = spec.layers();
        double[][] out = new double[layers.size()][heads];
        for (int l = 0; l < out.length; l++) {
            for (int h = 0; h < heads; h++) {
                out[l][h] = h < spec.layers().get(l).attention().heads() ? value.of(l, h) : Double.NaN;
            }
        }
        return out;
    }

    /// Where each token stood before.
    private static final class Patterns {
        private final int[][] earlier;

        Patterns(int[] ids) {
            earlier = new int[ids.length][];
            Map<Integer, int[]> seen = new HashMap<>();
            for (int i = 0; i < ids.length; i++) {
                int[] before = seen.getOrDefault(ids[i], new int[0]);
                earlier[i] = before;
                int[] now = java.util.Arrays.copyOf(before, before.length + 1);
                now[before.length] = i;
                seen.put(ids[i], now);
            }
        }

        /// Positions j < i with the same token as i.
        int[] copies(int i) {
            return earlier[i];
        }
    }
}
