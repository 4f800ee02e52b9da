package vitrine.core.analysis.routing;

import java.util.Arrays;

/// How evenly experts are used, from how many tokens visited each.
///
/// @param counts c_e `[experts]`; they sum to T k
public record Load(long[] counts) {

    public long sum() {
        return Arrays.stream(counts).sum();
    }

    /// c_e / (T k) `[experts]`, summing to 1; NaN where no token passed.
    public double[] shares() {
        double all = sum();
        return Arrays.stream(counts).mapToDouble(c -> c / all).toArray();
    }

    private double mean() {
        return (double) sum() / counts.length;
    }

    /// Population standard deviation / mean.
    public double coefficientOfVariation() {
        double mean = mean();
        double squares = 0;
        for (long c : counts) {
            squares += (c - mean) * (c - mean);
        }
        return Math.sqrt(squares / counts.length) / mean;
    }

    /// The coefficient of variation that chance alone gives under even routing, about.
    ///
    /// @param perToken k, and `tokens` T
    public static double chanceOfVariation(int experts, int perToken, long tokens) {
        return Math.sqrt((1 - (double) perToken / experts) * experts / ((double) tokens * perToken));
    }

    /// max / mean - 1.
    public double maxViolation() {
        return Arrays.stream(counts).max().orElse(0) / mean() - 1;
    }

    /// 1 - min / mean.
    public double minViolation() {
        return 1 - Arrays.stream(counts).min().orElse(0) / mean();
    }

    /// 0 where all are equal, towards 1 where one has all.
    public double gini() {
        long[] sorted = counts.clone();
        Arrays.sort(sorted);
        double weighted = 0;
        for (int i = 0; i < sorted.length; i++) {
            weighted += (i + 1.0) * sorted[i];
        }
        int n = sorted.length;
        return 2 * weighted / (n * (double) sum()) - (n + 1.0) / n;
    }

    /// Entropy of the shares, nats.
    public double entropy() {
        return Confidence.entropy(shares());
    }

    /// Entropy / ln N.
    public double normalisedEntropy() {
        return entropy() / Math.log(counts.length);
    }

    /// Experts that no token visited.
    public int dead() {
        return (int) Arrays.stream(counts).filter(c -> c == 0).count();
    }

    /// The Switch balance loss N sum f_e P_e; 1 where both are even.
    ///
    /// @param meanProbability P_e, the mean over tokens of p_e
    public double switchLoss(double[] meanProbability) {
        double[] f = shares();
        double sum = 0;
        for (int e = 0; e < f.length; e++) {
            sum += f[e] * meanProbability[e];
        }
        return f.length * sum;
    }

    /// The share of choices that the `count` busiest experts serve.
    public double coverage(int count) {
        long[] sorted = counts.clone();
        Arrays.sort(sorted);
        long served = 0;
        for (int i = 0; i < Math.min(count, sorted.length); i++) {
            served += sorted[sorted.length - 1 - i];
        }
        return (double) served / sum();
    }

    /// The fewest experts that serve so much of all choices.
    ///
    /// @param share above 0, at most 1
    public int fewestFor(double share) {
        long[] sorted = counts.clone();
        Arrays.sort(sorted);
        long all = sum();
        long served = 0;
        int experts = 0;
        while (experts < sorted.length && served < share * all) {
            served += sorted[sorted.length - 1 - experts];
            experts++;
        }
        return experts;
    }
}
