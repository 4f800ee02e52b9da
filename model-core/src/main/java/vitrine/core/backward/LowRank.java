package vitrine.core.backward;

/// A low-rank addition to a linear layer: `y = W x + b + scale B (w .* (A dropout(x)))`, or with a magnitude per output (DoRA)
/// `y = (m / c) (W x + scale B A dropout(x)) + b`, c the norms of the rows of `W + scale B A`, taken as constants.
///
/// @param a `[r, in]`
/// @param b `[out, r]`
/// @param scale what the product is multiplied with
/// @param dropout the share of inputs that A does not see while training
/// @param gate one logit per rank, or null: w = r softmax(gate / temperature) (BeamLoRA), else 1
/// @param magnitude one value per output, or null
/// @param number tells this layer's random numbers from those of others
public record LowRank(Parameter a, Parameter b, float scale, float dropout, Parameter gate, float temperature, Parameter magnitude, int number) {

    /// Plain LoRA.
    public static LowRank of(Parameter a, Parameter b, float scale, float dropout, int number) {
        return new LowRank(a, b, scale, dropout, null, 0f, null, number);
    }

    public int rank() {
        return (int) a.shape().size(0);
    }

    /// w = r softmax(g / temperature), whose mean is 1; null where there is no gate.
    public float[] weights() {
        if (gate == null) {
            return null;
        }
        float[] g = gate.toArray();
        double max = Double.NEGATIVE_INFINITY;
        for (float v : g) {
            max = Math.max(max, v);
        }
        double total = 0;
        double[] e = new double[g.length];
        for (int i = 0; i < g.length; i++) {
            e[i] = Math.exp((g[i] - max) / temperature);
            total += e[i];
        }
        float[] w = new float[g.length];
        for (int i = 0; i < g.length; i++) {
            w[i] = (float) (g.length * e[i] / total);
        }
        return w;
    }
}
