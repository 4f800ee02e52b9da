package vitrine.core.analysis.compare;

/// The next-token distributions of two models after the same tokens, P of A and Q of B.
///
/// @param klAb KL(P || Q) = sum P ln(P / Q), nats
/// @param klBa KL(Q || P), nats
/// @param js the Jensen-Shannon divergence, half KL(P || M) and half KL(Q || M) with M = (P + Q) / 2; nats, at most ln 2
/// @param topA the most likely token of A, the lowest of equal ones, and `topB` that of B
/// @param probabilityA P(topA), and `probabilityB` Q(topB)
public record NextToken(double klAb, double klBa, double js, int topA, int topB, double probabilityA, double probabilityB) {

    /// Compares two rows of logits of one vocabulary; figures are NaN where a logit is.
    public static NextToken of(float[] a, float[] b) {
        int topA = likeliest(a);
        int topB = likeliest(b);
        double zA = logPartition(a, a[topA]);
        double zB = logPartition(b, b[topB]);
        double ab = 0;
        double ba = 0;
        double js = 0;
        for (int v = 0; v < a.length; v++) {
            double la = a[v] - zA;
            double lb = b[v] - zB;
            double p = Math.exp(la);
            double q = Math.exp(lb);
            // A share of 0 adds nothing, whatever the other's: 0 ln 0 = 0.
            ab += p == 0 ? 0 : p * (la - lb);
            ba += q == 0 ? 0 : q * (lb - la);
            double m = Math.log((p + q) / 2);
            js += (p == 0 ? 0 : p * (la - m) / 2) + (q == 0 ? 0 : q * (lb - m) / 2);
        }
        return new NextToken(atLeastZero(ab), atLeastZero(ba), atLeastZero(js), topA, topB, Math.exp(a[topA] - zA), Math.exp(b[topB] - zB));
    }

    /// Rounding may leave equal distributions a hair below 0; NaN stays NaN.
    static double atLeastZero(double v) {
        return v < 0 ? 0 : v;
    }

    /// The column of the largest value; of equal ones the lowest. As in the reference implementations, a NaN wins.
    static int likeliest(float[] x) {
        int best = 0;
        for (int v = 1; v < x.length; v++) {
            if (x[v] > x[best] || Float.isNaN(x[v]) && !Float.isNaN(x[best])) {
                best = v;
            }
        }
        return best;
    }

    /// ln sum exp(x), in float64.
    static double logPartition(float[] x, float top) {
        double sum = 0;
        for (float v : x) {
            sum += Math.exp((double) v - top);
        }
        return top + Math.log(sum);
    }
}
