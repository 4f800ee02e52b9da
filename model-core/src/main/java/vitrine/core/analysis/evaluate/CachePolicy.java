package vitrine.core.analysis.evaluate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/// Which keys of a prompt stay in the cache, once, after the prompt: n of them, a budget b from 0 to 1.
///
/// Source of nacl: Chen et al., *NACL: A General and Effective KV Cache Eviction Framework*, ACL 2024, by its code: of every budget 5 % are the first (at most 256) and the last tokens, 60 % those of the
/// largest attention of the last hundredth of the prompt (the proxies), 35 % drawn without replacement by the softmax of what the others received. Its code's defaults leave no last tokens below 25,600;
/// here the first are at most 2.5 % of the budget, and one last token stays.
public enum CachePolicy {
    /// First and last tokens, those that the proxies attend to most, and some drawn at random.
    nacl,
    /// Half the budget for the last tokens, half for those that received the most attention of all queries (Zhang et al., *H2O*, 2023, arXiv 2306.14048); evicted once rather than at every step.
    h2o,
    /// Four first tokens and the last ones (Xiao et al., *StreamingLLM*, 2023, arXiv 2309.17453).
    window,
    /// The last token, and others drawn at random.
    random;

    private static final int SINKS = 4;

    /// How many of the last queries are proxies.
    public static int proxies(int n) {
        return Math.max(1, (int) (0.01 * n));
    }

    /// The keys that stay.
    ///
    /// @param byProxies attention that each key received from the proxies, `[n]`
    /// @param byAll attention that each key received from all queries, `[n]`
    /// @param keep the budget, above 0 to 1
    /// @param random draws
    public BitSet kept(double[] byProxies, double[] byAll, double keep, SplittableRandom random) {
        int n = byAll.length;
        BitSet out = new BitSet(n);
        if (keep >= 1) {
            out.set(0, n);
            return out;
        }
        switch (this) {
            case nacl -> {
                int first = Math.min(256, (int) (0.025 * keep * n));
                int last = Math.max(1, (int) (0.05 * keep * n) - first);
                out.set(0, first);
                out.set(n - last, n);
                largest(byProxies, (int) (0.6 * keep * n), out);
                // The largest of score + Gumbel noise are a draw without replacement by the softmax of the scores.
                double[] noisy = new double[n];
                for (int j = 0; j < n; j++) {
                    noisy[j] = byProxies[j] - Math.log(-Math.log(1 - random.nextDouble()));
                }
                largest(noisy, (int) (0.35 * keep * n), out);
            }
            case h2o -> {
                int budget = budget(n, keep);
                int last = Math.max(1, budget / 2);
                out.set(n - last, n);
                largest(byAll, budget - last, out);
            }
            case window -> {
                int budget = budget(n, keep);
                int first = Math.min(SINKS, budget - 1);
                out.set(0, first);
                out.set(n - (budget - first), n);
            }
            case random -> {
                out.set(n - 1);
                double[] drawn = IntStream.range(0, n).mapToDouble(j -> random.nextDouble()).toArray();
                largest(drawn, budget(n, keep) - 1, out);
            }
        }
        return out;
    }

    private static int budget(int n, double keep) {
        return Math.clamp((int) (keep * n), 1, n);
    }

    /// Adds the `count` largest of those that are not in it; of equal ones the earlier.
    private static void largest(double[] score, int count, BitSet to) {
        Integer[] order = IntStream.range(0, score.length).filter(j -> !to.get(j)).boxed().toArray(Integer[]::new);
        Arrays.sort(order, (a, b) -> Double.compare(score[b], score[a]));
        for (int i = 0; i < Math.min(count, order.length); i++) {
            to.set(order[i]);
        }
    }
}
