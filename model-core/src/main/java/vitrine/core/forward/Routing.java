package vitrine.core.forward;

import java.util.Arrays;
import java.util.List;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.Router.Weighting;

/// A router's decision for one token, in float32 as the reference implementations make it: logits to scores, scores to chosen experts and weights.
///
/// Of equal scores the expert with the lower index is taken.
public final class Routing {

    private static final int BLOCK = 64;

    private final Router router;
    private final float[] correction;

    /// @param correction one value per expert, or null
    public Routing(Router router, float[] correction) {
        this.router = router;
        this.correction = correction;
    }

    /// Some of an expert's tokens, from one on to before another.
    public record Part(int from, int to) {}

    /// The tokens of an expert in parts that are multiplied together: whole blocks, and the rest. Another number of tokens chooses an expert every time,
    /// and a product of a shape not seen before takes longer to prepare than a small one to make.
    public static List<Part> parts(int tokens) {
        int whole = tokens - tokens % BLOCK;
        return whole == 0 || whole == tokens ? List.of(new Part(0, tokens)) : List.of(new Part(0, whole), new Part(whole, tokens));
    }

    /// The score of every expert: p, s, or the logit itself.
    public float[] scores(float[] logits) {
        return switch (router.score()) {
            case SOFTMAX -> softmax(logits);
            case SIGMOID -> sigmoid(logits);
            case CHOSEN_SOFTMAX, CHOSEN_SIGMOID, SPARSE_MIXER -> logits.clone();
        };
    }

    /// What the choice is made by: the scores with the correction, and −∞ outside the best groups. An expert whose logit is −∞ cannot be chosen.
    public float[] choice(float[] logits, float[] scores) {
        float[] choice = scores.clone();
        for (int e = 0; e < choice.length; e++) {
            choice[e] += correction == null ? 0f : correction[e];
            choice[e] = logits[e] == Float.NEGATIVE_INFINITY ? Float.NEGATIVE_INFINITY : choice[e];
        }
        if (router.groups() != null) {
            keepBestGroups(choice, router.groups());
        }
        return choice;
    }

    private static void keepBestGroups(float[] choice, Router.Groups groups) {
        int size = choice.length / groups.count();
        float[] best = new float[groups.count()];
        for (int g = 0; g < best.length; g++) {
            float[] sorted = Arrays.copyOfRange(choice, g * size, (g + 1) * size);
            Arrays.sort(sorted);
            best[g] = groups.bestTwo() ? sorted[size - 1] + sorted[size - 2] : sorted[size - 1];
        }
        boolean[] kept = new boolean[best.length];
        for (int g : top(best, groups.kept())) {
            kept[g] = true;
        }
        for (int e = 0; e < choice.length; e++) {
            if (!kept[e / size]) {
                choice[e] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    /// The chosen experts and their weights, by falling weight.
    ///
    /// @param ids `[k]`, filled; `weights` likewise
    public void pick(float[] logits, float[] scores, float[] choice, int[] ids, float[] weights) {
        if (router.score() == Router.Score.SPARSE_MIXER) {
            sparseMixer(choice, ids, weights);
            return;
        }
        int[] chosen = top(choice, ids.length);
        float[] w = new float[chosen.length];
        for (int i = 0; i < w.length; i++) {
            w[i] = scores[chosen[i]];
        }
        switch (router.score()) {
            case CHOSEN_SOFTMAX -> w = softmax(w);
            case CHOSEN_SIGMOID -> w = sigmoid(w);
            default -> { }
        }
        Weighting rule = router.weighting();
        if (rule.norm() != 0) {
            double sum = 0;
            for (float v : w) {
                sum += Math.pow(Math.abs(v), rule.norm());
            }
            float divisor = (float) (Math.max(Math.pow(sum, 1 / rule.norm()), rule.least()) + rule.added());
            for (int i = 0; i < w.length; i++) {
                w[i] /= divisor;
            }
        }
        for (int i = 0; i < w.length; i++) {
            w[i] *= (float) rule.factor();
        }
        byFallingWeight(chosen, w, ids, weights);
    }

    private static void byFallingWeight(int[] chosen, float[] w, int[] ids, float[] weights) {
        Integer[] order = new Integer[chosen.length];
        Arrays.setAll(order, i -> i);
        // Stable: of equal weights the one that was chosen first stays first.
        Arrays.sort(order, (a, b) -> Float.compare(w[b], w[a]));
        for (int i = 0; i < order.length; i++) {
            ids[i] = chosen[order[i]];
            weights[i] = w[order[i]];
        }
    }

    /// The best expert, weighted by a softmax over the logits close to it, then the best of the others, likewise.
    ///
    /// Source: Liu et al., *GRIN: GRadient-INformed MoE*, 2024, as evaluated.
    private void sparseMixer(float[] logits, int[] ids, float[] weights) {
        float[] left = logits.clone();
        int[] chosen = new int[ids.length];
        float[] w = new float[ids.length];
        for (int i = 0; i < chosen.length; i++) {
            int best = top(left, 1)[0];
            float[] close = left.clone();
            for (int e = 0; e < close.length; e++) {
                float size = Math.max(Math.abs(logits[e]), left[best]);
                // The reference measures the distance of the logit itself, also of the expert that is already taken.
                if ((left[best] - logits[e]) / size > (float) router.weighting().closeness()) {
                    close[e] = Float.NEGATIVE_INFINITY;
                }
            }
            chosen[i] = best;
            w[i] = softmax(close)[best];
            left[best] = Float.NEGATIVE_INFINITY;
        }
        byFallingWeight(chosen, w, ids, weights);
    }

    /// The indices of the `count` largest values, largest first; of equal ones the lower index first, and NaN below all.
    static int[] top(float[] values, int count) {
        int[] best = new int[count];
        boolean[] taken = new boolean[values.length];
        for (int i = 0; i < count; i++) {
            int at = -1;
            for (int e = 0; e < values.length; e++) {
                if (!taken[e] && (at < 0 || values[e] > values[at] || Float.isNaN(values[at]) && !Float.isNaN(values[e]))) {
                    at = e;
                }
            }
            taken[at] = true;
            best[i] = at;
        }
        return best;
    }

    static float[] softmax(float[] l) {
        float max = Float.NEGATIVE_INFINITY;
        for (float v : l) {
            max = Math.max(max, v);
        }
        double sum = 0;
        double[] e = new double[l.length];
        for (int i = 0; i < l.length; i++) {
            e[i] = Math.exp(l[i] - max);
            sum += e[i];
        }
        float[] p = new float[l.length];
        for (int i = 0; i < l.length; i++) {
            p[i] = (float) (e[i] / sum);
        }
        return p;
    }

    static float[] sigmoid(float[] l) {
        float[] s = new float[l.length];
        for (int i = 0; i < l.length; i++) {
            s[i] = (float) (1 / (1 + Math.exp(-l[i])));
        }
        return s;
    }
}
