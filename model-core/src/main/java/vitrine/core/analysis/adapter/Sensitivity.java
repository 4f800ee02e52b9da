package vitrine.core.analysis.adapter;

/// AdaLoRA's importance of one parameter over the steps of a run: smoothed |theta gradient| times its smoothed deviation.
///
/// It needs gradients: whoever has a backward pass tells each step by [#step]. A component's score is [#triplet]. [Sensitivities] are those of whole tensors.
///
/// Source: Zhang et al., *AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning*, ICLR 2023.
public final class Sensitivity {

    private static final double BETA = 0.85;

    private double mean;
    private double uncertainty;

    /// One backward pass.
    public void step(double parameter, double gradient) {
        double now = Math.abs(parameter * gradient);
        mean = smoothed(mean, now);
        // The mean that has just been updated, as in the authors' code.
        uncertainty = smoothed(uncertainty, Math.abs(now - mean));
    }

    static double smoothed(double before, double now) {
        return BETA * before + (1 - BETA) * now;
    }

    public double mean() {
        return mean;
    }

    public double uncertainty() {
        return uncertainty;
    }

    public double score() {
        return mean * uncertainty;
    }

    /// A component's score: that of its lambda (0 for plain LoRA) and the means over its column of B and its row of A.
    public static double triplet(double lambda, double[] column, double[] row) {
        return lambda + java.util.Arrays.stream(column).average().orElse(0) + java.util.Arrays.stream(row).average().orElse(0);
    }

    /// How many components are kept at step t: `first` until `from`, `last` for the final `until` of `steps` steps, a cubic in between.
    public static double budget(double first, double last, long t, long from, long until, long steps) {
        if (t < from) {
            return first;
        }
        if (t >= steps - until) {
            return last;
        }
        double left = 1 - (double) (t - from) / (steps - from - until);
        return last + (first - last) * left * left * left;
    }
}
