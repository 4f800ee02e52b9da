package vitrine.core.analysis.routing;

import java.util.Arrays;

/// How decided a router is about one token.
///
/// @param entropy of p, nats
/// @param sigmoidEntropy of sigmoid scores divided by their sum, nats: what a sigmoid router decides by
/// @param mass sum of p over the chosen experts
/// @param topMargin largest p less the second largest
/// @param selectionMargin score of the last chosen expert less that of the best one not chosen, on the score of the choice; NaN where all are chosen
/// @param logPartition ln sum exp l; its square is the router's z-loss
public record Confidence(double entropy, double sigmoidEntropy, double mass, double topMargin, double selectionMargin, double logPartition) {

    /// @param logits `[experts]`
    /// @param choice the score of the choice `[experts]`
    /// @param ids the chosen experts
    public static Confidence of(float[] logits, float[] choice, int[] ids) {
        double[] p = softmax(logits);
        double mass = 0;
        boolean[] chosen = new boolean[logits.length];
        double least = Double.POSITIVE_INFINITY;
        for (int e : ids) {
            mass += chosen[e] ? 0 : p[e];
            chosen[e] = true;
            least = Math.min(least, choice[e]);
        }
        double best = Double.NaN;
        for (int e = 0; e < choice.length; e++) {
            if (!chosen[e] && (Double.isNaN(best) || choice[e] > best)) {
                best = choice[e];
            }
        }
        double[] sorted = p.clone();
        Arrays.sort(sorted);
        double top = sorted.length > 1 ? sorted[sorted.length - 1] - sorted[sorted.length - 2] : 1;
        return new Confidence(entropy(p), entropy(normalisedSigmoids(logits)), mass, top, least - best, logPartition(logits));
    }

    /// -sum p ln p, with 0 ln 0 = 0.
    public static double entropy(double[] p) {
        double h = 0;
        for (double v : p) {
            h -= v == 0 ? 0 : v * Math.log(v);
        }
        return h;
    }

    static double[] softmax(float[] l) {
        double z = logPartition(l);
        double[] p = new double[l.length];
        for (int e = 0; e < p.length; e++) {
            p[e] = Math.exp(l[e] - z);
        }
        return p;
    }

    private static double logPartition(float[] l) {
        double max = Double.NEGATIVE_INFINITY;
        for (float v : l) {
            max = Math.max(max, v);
        }
        double sum = 0;
        for (float v : l) {
            sum += Math.exp(v - max);
        }
        return max + Math.log(sum);
    }

    private static double[] normalisedSigmoids(float[] l) {
        double[] s = new double[l.length];
        double sum = 0;
        for (int e = 0; e < s.length; e++) {
            s[e] = 1 / (1 + Math.exp(-l[e]));
            sum += s[e];
        }
        for (int e = 0; e < s.length; e++) {
            s[e] /= sum;
        }
        return s;
    }
}
