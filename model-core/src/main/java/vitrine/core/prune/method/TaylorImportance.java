package vitrine.core.prune.method;

import java.util.List;

/// How much the loss would change if a weight became 0, by its expansion around the weight.
///
///     first order    |g w|
///     second order   |g w - 1/2 sum_j (g_j w)^2|, g = sum_j g_j over samples j, the diagonal of the empirical Fisher matrix for the Hessian
///
/// Source: Ma et al., *LLM-Pruner*, 2023, arXiv 2305.11627.
public final class TaylorImportance {

    private final double[] sum;
    private final double[] squares;

    /// @param weights how many
    /// @param secondOrder whether the Fisher term is kept
    public TaylorImportance(int weights, boolean secondOrder) {
        sum = new double[weights];
        squares = secondOrder ? new double[weights] : null;
    }

    /// Takes in one sample's gradient.
    public void add(float[] gradient) {
        for (int i = 0; i < sum.length; i++) {
            sum[i] += gradient[i];
            if (squares != null) {
                squares[i] += (double) gradient[i] * gradient[i];
            }
        }
    }

    /// What is added up: changed from outside, it goes on from there.
    public List<double[]> sums() {
        return squares == null ? List.of(sum) : List.of(sum, squares);
    }

    /// The importance of weight `i`, whose value is `w`.
    public double of(int i, double w) {
        return Math.abs(sum[i] * w - (squares == null ? 0 : 0.5 * squares[i] * w * w));
    }
}
