package vitrine.core.analysis.attention;

import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.nd4j.Nd4jMatrices;

/// ARank: the numerical rank of each head's attention weights below the diagonal.
///
/// rank = number of singular values above sigma_max * T * 2^-23 of the map with its diagonal and everything right of it set
/// to 0; at most T - 1. Depends on the number of tokens T: compare only prompts of one length.
///
/// Source: Luo et al., *gamma-MoD: Exploring Mixture-of-Depth Adaptation for Multimodal Large Language Models*, 2024.
public final class AttentionRank implements Probe {

    /// The longest prompt that ranks are computed for: a singular value decomposition per head costs T^3.
    public static final int MAX_TOKENS = 1024;

    private static final double EPSILON = Math.ulp(1f);

    private final int tokens;
    private final double[][] ranks;
    private final float[] below;

    public AttentionRank(ModelSpec spec, int tokens) {
        if (tokens > MAX_TOKENS) {
            throw new IllegalArgumentException(tokens + " tokens");
        }
        this.tokens = tokens;
        ranks = new double[spec.layers().size()][spec.maxHeads()];
        for (double[] row : ranks) {
            java.util.Arrays.fill(row, Double.NaN);
        }
        below = new float[tokens * tokens];
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.PATTERN;
    }

    @Override
    public void at(Place place, Matrix pattern) {
        for (int r = 0; r < pattern.rows(); r++) {
            int i = place.firstPosition() + r;
            float[] row = pattern.row(r);
            java.util.Arrays.fill(row, i, tokens, 0f);
            System.arraycopy(row, 0, below, i * tokens, tokens);
        }
        if (place.firstPosition() + pattern.rows() == tokens) {
            ranks[place.layer()][place.head()] = rank(below, tokens);
        }
    }

    /// The numerical rank of a square matrix, row-major float32 `[n, n]`; NaN where it holds a value that is not finite.
    public static double rank(float[] matrix, int n) {
        for (float v : matrix) {
            if (!Float.isFinite(v)) {
                return Double.NaN;
            }
        }
        double[] sigma = Nd4jMatrices.singularValues(widened(matrix), n, n);
        double least = sigma.length == 0 ? 0 : sigma[0] * n * EPSILON;
        int rank = 0;
        for (double s : sigma) {
            rank += s > least ? 1 : 0;
        }
        return rank;
    }

    private static double[] widened(float[] x) {
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = x[i];
        }
        return out;
    }

    /// The rank of every head's map, `[layers, heads]`.
    public double[][] ranks() {
        return ranks;
    }
}
