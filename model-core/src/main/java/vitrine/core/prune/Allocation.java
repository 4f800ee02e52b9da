package vitrine.core.prune;

import java.util.Arrays;

/// Shares a sparsity out among layers by a statistic: a layer where it is large keeps more.
///
///     keep_l = (x_l - min) / (max - min) * 2 spread;   keep_l += (1 - p) - mean(keep)
///
/// The mean weighs layers by their weights, so that the whole model loses the share p. Where all are equal, so are the shares. Shares are held
/// to 0..0.99, and what that takes from one layer the others give.
///
/// Sources: Yin et al., *OWL*, 2023, arXiv 2310.05175 (x: 100 times the share of scores above a multiple of their mean; spread 0.08); Chen et al., *DLP*, 2025,
/// arXiv 2505.23807 (x: 1 - median / sum of medians; spread 0.15), both as their code has it.
public final class Allocation {

    /// The spread of OWL's code.
    public static final double OWL_SPREAD = 0.08;
    /// The spread of DLP's code.
    public static final double DLP_SPREAD = 0.15;
    private static final double MOST = 0.99;
    private static final int ROUNDS = 100;

    private Allocation() {}

    /// DLP's statistic from the median score of every layer.
    public static double[] ofMedians(double[] medians) {
        double sum = Arrays.stream(medians).sum();
        return Arrays.stream(medians).map(m -> sum == 0 ? 0 : 1 - m / sum).toArray();
    }

    /// The sparsity of every layer.
    ///
    /// @param statistic per layer
    /// @param weights of each layer that could go
    /// @param sparsity of the whole
    public static double[] share(double[] statistic, long[] weights, double spread, double sparsity) {
        double least = Arrays.stream(statistic).min().orElse(0);
        double most = Arrays.stream(statistic).max().orElse(0);
        double[] out = new double[statistic.length];
        if (!(most > least)) {
            Arrays.fill(out, sparsity);
            return out;
        }
        double mean = 0;
        double total = Arrays.stream(weights).sum();
        for (int l = 0; l < out.length; l++) {
            out[l] = (statistic[l] - least) / (most - least) * 2 * spread;
            mean += out[l] * weights[l] / total;
        }
        for (int l = 0; l < out.length; l++) {
            out[l] = 1 - (out[l] + 1 - sparsity - mean);
        }
        hold(out, weights, sparsity);
        return out;
    }

    /// Shares that grow with the logarithm of the layer's number, as what an early layer loses is felt by all that follow:
    ///
    ///     p_i = p_0 + (p_n-1 - p_0) ln(i + 1) / ln(n), i = 0..n-1, with the mean p
    ///
    /// Source: Ling et al., *SlimGPT*, 2024, arXiv 2412.18110 (incremental pruning ratio).
    ///
    /// @param spread `p_n-1 - p_0`
    /// @return of each layer; some below 0 or above 1 where the spread is too large for the mean
    public static double[] incremental(int layers, double spread, double sparsity) {
        double[] out = new double[layers];
        double mean = 0;
        for (int i = 0; i < layers; i++) {
            out[i] = layers == 1 ? 0 : spread * Math.log(i + 1.0) / Math.log(layers);
            mean += out[i] / layers;
        }
        for (int i = 0; i < layers; i++) {
            out[i] += sparsity - mean;
        }
        return out;
    }

    /// Holds shares to 0..0.99 without moving their mean, as far as that can be.
    private static void hold(double[] share, long[] weights, double sparsity) {
        double total = Arrays.stream(weights).sum();
        for (int round = 0; round < ROUNDS; round++) {
            double off = sparsity * total;
            double free = 0;
            for (int l = 0; l < share.length; l++) {
                share[l] = Math.clamp(share[l], 0, MOST);
                off -= share[l] * weights[l];
            }
            if (Math.abs(off) < 1e-12 * total) {
                return;
            }
            for (int l = 0; l < share.length; l++) {
                free += off > 0 && share[l] < MOST || off < 0 && share[l] > 0 ? weights[l] : 0;
            }
            if (free == 0) {
                return;
            }
            for (int l = 0; l < share.length; l++) {
                share[l] += off > 0 && share[l] < MOST || off < 0 && share[l] > 0 ? off / free : 0;
            }
        }
    }
}
