package vitrine.core.analysis.rank;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/// Shares ranks out among the layers' matrices of one kind, by the importance of the layer and the energy of the matrix's outputs.
///
/// Legend: rho the share of parameters to keep, r_l = min(in, out) the full rank, I_l the block influence, E_l the Frobenius norm of the
/// outputs.
///
///     I' = (I - min) / (max - min + 1e-6) + 1
///     score = I'^alpha * (ln(1 + E))^(1 - alpha)
///
/// Every layer gets int(0.25 rho r_l); the rest of the budget is shared in proportion to the scores, rounded down and capped at r_l; what is
/// left goes to the layers of the highest scores, one each.
///
/// Source: Swift-SVD, arXiv 2604.01609, and its code (which adds 1 to the energy where its comment says e).
public final class RankAllocation {

    private static final double BASE_SHARE = 0.25;
    private static final double NO_SPREAD = 1e-6;

    private RankAllocation() {}

    /// The rank at which the two factors hold a share of the parameters of a matrix `[out, in]`: int(in out rho / (in + out)).
    public static int uniform(int in, int out, double ratio) {
        return (int) ((double) in * out * ratio / (in + out));
    }

    /// Block influences in 1..2.
    static double[] normalised(double[] influences) {
        double least = Arrays.stream(influences).min().orElse(0);
        double most = Arrays.stream(influences).max().orElse(0);
        return Arrays.stream(influences).map(i -> (i - least) / (most - least + NO_SPREAD) + 1).toArray();
    }

    /// The ranks of the layers.
    ///
    /// @param influences block influence per layer
    /// @param energies Frobenius norm of the outputs per layer
    /// @param full the full rank per layer
    /// @param budget the sum of ranks, at most that of `full`
    /// @param ratio from 0 to 1
    /// @param alpha 0 for energy alone, 1 for importance alone
    public static int[] share(double[] influences, double[] energies, int[] full, int budget, double ratio, double alpha) {
        int layers = full.length;
        double[] importance = normalised(influences);
        double[] score = new double[layers];
        int[] ranks = new int[layers];
        for (int l = 0; l < layers; l++) {
            score[l] = Math.pow(importance[l], alpha) * Math.pow(Math.log(1 + energies[l]), 1 - alpha);
            ranks[l] = Math.min(full[l], (int) (BASE_SHARE * ratio * full[l]));
        }
        int rest = budget - Arrays.stream(ranks).sum();
        double total = Arrays.stream(score).sum();
        int left = rest;
        for (int l = 0; l < layers && rest > 0 && total > 0; l++) {
            int more = Math.min(full[l] - ranks[l], (int) (rest * (score[l] / total)));
            ranks[l] += more;
            left -= more;
        }
        int[] order = IntStream.range(0, layers).boxed().sorted(Comparator.comparingDouble((Integer l) -> -score[l])).mapToInt(Integer::intValue).toArray();
        while (left > 0) {
            int before = left;
            for (int l : order) {
                if (left > 0 && ranks[l] < full[l]) {
                    ranks[l]++;
                    left--;
                }
            }
            if (left == before) {
                break;
            }
        }
        return ranks;
    }
}
