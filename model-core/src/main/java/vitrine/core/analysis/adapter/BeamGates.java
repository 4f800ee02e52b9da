package vitrine.core.analysis.adapter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// BeamLoRA's measure of rank components: a gate per component, and which of all modules' components are weak.
///
/// `w = r softmax(g / tau)` of a module's gate logits g has mean 1; dW = s B diag(w) A.
///
/// Source: Gu et al., *BeamLoRA: Beam-Constraint Low-Rank Adaptation*, ACL 2025, and its repository.
public final class BeamGates {

    /// The temperature, unless the learning rate is below 1e-4.
    public static final double TEMPERATURE = 0.05;

    private static final double FIRST_SHARE = 0.95;
    private static final double SLACK = 1e-9;

    private BeamGates() {}

    /// A module's weights.
    public static double[] weights(double[] logits, double temperature) {
        double most = Arrays.stream(logits).max().orElse(0);
        double[] w = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < w.length; i++) {
            w[i] = Math.exp((logits[i] - most) / temperature);
            sum += w[i];
        }
        for (int i = 0; i < w.length; i++) {
            w[i] *= w.length / sum;
        }
        return w;
    }

    /// The share of the pool that is kept at step t: from 0.95 up to 1 at `end` along half a cosine.
    public static double threshold(long t, long end) {
        return t >= end ? 1 : 1 - (1 - FIRST_SHARE) * (1 + Math.cos(Math.PI * t / end)) / 2;
    }

    /// Which components are pruned when the pool of all modules' weights keeps a share `p` of its sum.
    ///
    /// The first component whose cumulative weight exceeds the share, and all after it; at most half of a module's, its weakest, so that none is
    /// both copied and replaced.
    ///
    /// @param weights one array per module
    /// @return true where pruned
    public static boolean[][] pruned(double[][] weights, double p) {
        record Component(int module, int index, double weight) {}
        List<Component> pool = new ArrayList<>();
        double total = 0;
        boolean[][] out = new boolean[weights.length][];
        for (int m = 0; m < weights.length; m++) {
            out[m] = new boolean[weights[m].length];
            for (int i = 0; i < weights[m].length; i++) {
                pool.add(new Component(m, i, weights[m][i]));
                total += weights[m][i];
            }
        }
        pool.sort((a, b) -> Double.compare(b.weight, a.weight));
        double sum = 0;
        int[] room = Arrays.stream(weights).mapToInt(w -> w.length / 2).toArray();
        int first = pool.size();
        for (int i = 0; i < pool.size() && first == pool.size(); i++) {
            sum += pool.get(i).weight;
            first = sum > p * total + SLACK * total ? i : first;
        }
        for (int i = pool.size() - 1; i >= first; i--) {
            Component c = pool.get(i);
            if (room[c.module]-- > 0) {
                out[c.module][c.index] = true;
            }
        }
        return out;
    }
}
