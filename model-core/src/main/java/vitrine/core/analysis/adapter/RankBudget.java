package vitrine.core.analysis.adapter;

import java.util.Arrays;

/// How many ranks each module keeps.
public final class RankBudget {

    private RankBudget() {}

    /// The same rank everywhere, as far as a module has it.
    public static int[] uniform(double[][] spectra, int rank) {
        return Arrays.stream(spectra).mapToInt(s -> Math.min(rank, s.length)).toArray();
    }

    /// The fewest ranks that keep a share of each delta's energy.
    public static int[] energy(double[][] spectra, double share) {
        return Arrays.stream(spectra).mapToInt(s -> DeltaSpectrum.Measures.rank(s, share)).toArray();
    }

    /// The order in which ranks go when the one with the least energy per parameter goes first: the last of a module's spectrum before the one before
    /// it, over all modules.
    ///
    /// @param spectra largest first, one per module
    /// @param cost parameters of a rank of each module, out + in
    /// @return the modules in the order in which they lose a rank, as often as they have ranks
    public static int[] removals(double[][] spectra, long[] cost) {
        int[] left = Arrays.stream(spectra).mapToInt(s -> s.length).toArray();
        java.util.PriorityQueue<Integer> queue = new java.util.PriorityQueue<>(java.util.Comparator.comparingDouble((Integer m) -> worth(spectra, cost, left, m)).thenComparingInt(m -> m));
        for (int m = 0; m < spectra.length; m++) {
            if (left[m] > 0) {
                queue.add(m);
            }
        }
        int[] out = new int[Arrays.stream(left).sum()];
        for (int i = 0; i < out.length; i++) {
            int m = queue.remove();
            out[i] = m;
            if (--left[m] > 0) {
                queue.add(m);
            }
        }
        return out;
    }

    private static double worth(double[][] spectra, long[] cost, int[] left, int m) {
        double s = spectra[m][left[m] - 1];
        return s * s / cost[m];
    }

    /// What is left after the first `count` removals.
    public static int[] after(double[][] spectra, int[] removals, int count) {
        int[] left = Arrays.stream(spectra).mapToInt(s -> s.length).toArray();
        for (int i = 0; i < count; i++) {
            left[removals[i]]--;
        }
        return left;
    }

    /// |dW - dW_k|_F / |dW|_F over all modules together.
    public static double error(double[][] spectra, int[] kept) {
        double lost = 0;
        double total = 0;
        for (int m = 0; m < spectra.length; m++) {
            for (int k = spectra[m].length - 1; k >= 0; k--) {
                double e = spectra[m][k] * spectra[m][k];
                total += e;
                lost += k >= kept[m] ? e : 0;
            }
        }
        return total == 0 ? 0 : Math.sqrt(lost / total);
    }
}
