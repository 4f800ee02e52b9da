package vitrine.core.analysis.routing;

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
        return of(logits, logPartition(logits), softmax(logits), choice, ids);
    }

    /// The same where p and the partition are known already.
    static Confidence of(float[] logits, double logPartition, double[] p, float[] choice, int[] ids) {
        double mass = 0;
        boolean[] chosen = new boolean[logits.length];
        double least = Double.POSITIVE_INFINITY;
        for (int e : ids) {
            mass += chosen[e] ? 0 : p[e];
            chosen[e] = true;
            least = Math.min(least, choice[e]);
        }
        double best = Double.NaN;
        double first = Double.NEGATIVE_INFINITY;
        double second = Double.NEGATIVE_INFINITY;
        for (int e = 0; e < choice.length; e++) {
            if (!chosen[e] && (Double.isNaN(best) || choice[e] > best)) {
                best = choice[e];
            }
            if (p[e] > first) {
                second = first;
                first = p[e];
            } else {
                second = Math.max(second, p[e]);
            }
        }
        return new Confidence(entropy(p), entropy(normalisedSigmoids(logits)), mass, p.length > 1 ? first - second : 1, least - best, logPartition);
    }

    /// -sum p ln p, with 0 ln 0 = 0.
    public static double entropy(double[] p) {
        double h = 0;
        for (double v : p) {
            h -= v == 0 ? 0 : v * Math.log(v);
        }
        return h;
    }

    /// Entropy of the chosen experts' weights divided by their sum, as a share of ln k; NaN for one expert, or where they sum to 0.
    static double weightEntropy(float[] weights) {
        double sum = 0;
        for (float w : weights) {
            sum += w;
        }
        double[] parts = new double[weights.length];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = weights[i] / sum;
        }
        return entropy(parts) / Math.log(weights.length);
    }

    static double[] softmax(float[] l) {
        double z = logPartition(l);
        double[] p = new double[l.length];
        for (int e = 0; e < p.length; e++) {
            p[e] = Math.exp(l[e] - z);
        }
        return p;
    }

    static double logPartition(float[] l) {
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

    static double sigmoid(float l) {
        return 1 / (1 + Math.exp(-l));
    }

    private static double[] normalisedSigmoids(float[] l) {
        double[] s = new double[l.length];
        double sum = 0;
        for (int e = 0; e < s.length; e++) {
            s[e] = sigmoid(l[e]);
            sum += s[e];
        }
        for (int e = 0; e < s.length; e++) {
            s[e] /= sum;
        }
        return s;
    }
}
