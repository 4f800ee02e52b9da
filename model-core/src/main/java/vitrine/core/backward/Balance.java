package vitrine.core.backward;

import java.util.HashMap;
import java.util.Map;
import vitrine.core.architecture.Router;
import vitrine.core.tensor.Matrix;

/// The auxiliary loss that keeps the loads of experts even: `E * sum over experts of f_e P_e`, f_e the choices of expert e per token and P_e its
/// mean probability, over the tokens of all layers together.
///
/// f has no gradient, so the loss can be differentiated once all layers have chosen. Probabilities are the softmax of the logits, or for sigmoid
/// routers the scores divided by their sum.
///
/// Source: Fedus, Zoph and Shazeer, *Switch Transformers*, 2021; pooled over layers as in `load_balancing_loss_func` of transformers 5.18.
final class Balance {

    private final float coefficient;
    private final Map<Integer, double[]> choices = new HashMap<>();
    private final Map<Integer, double[]> probabilities = new HashMap<>();
    private final Map<Integer, Integer> tokens = new HashMap<>();

    Balance(float coefficient) {
        this.coefficient = coefficient;
    }

    /// Takes in what a layer's tokens chose; a layer that is computed again is counted again from nothing.
    void count(int layer, Router router, Matrix logits, int[][] ids) {
        double[] f = new double[router.experts()];
        double[] p = new double[router.experts()];
        for (int t = 0; t < ids.length; t++) {
            for (int e : ids[t]) {
                f[e]++;
            }
            double[] row = probabilities(router, logits.row(t));
            for (int e = 0; e < p.length; e++) {
                p[e] += row[e];
            }
        }
        choices.put(layer, f);
        probabilities.put(layer, p);
        tokens.put(layer, ids.length);
    }

    private int allTokens() {
        return tokens.values().stream().mapToInt(Integer::intValue).sum();
    }

    private static double[] sums(Map<Integer, double[]> of) {
        double[] out = null;
        for (int layer : of.keySet().stream().sorted().toList()) {
            double[] v = of.get(layer);
            out = out == null ? new double[v.length] : out;
            for (int e = 0; e < v.length; e++) {
                out[e] += v[e];
            }
        }
        return out;
    }

    /// The loss without its coefficient; 0 where no layer has experts.
    double loss() {
        if (tokens.isEmpty()) {
            return 0;
        }
        double[] f = sums(choices);
        double[] p = sums(probabilities);
        double n = allTokens();
        double total = 0;
        for (int e = 0; e < f.length; e++) {
            total += f[e] / n * (p[e] / n);
        }
        return total * f.length;
    }

    /// Adds the gradient with respect to a layer's logits.
    void addGradient(int layer, Router router, Matrix logits, Matrix to) {
        double[] f = sums(choices);
        double n = allTokens();
        double factor = coefficient * f.length / (n * n);
        for (int t = 0; t < logits.rows(); t++) {
            float[] l = logits.row(t);
            double[] p = probabilities(router, l);
            double along = 0;
            for (int e = 0; e < p.length; e++) {
                along += p[e] * f[e];
            }
            for (int e = 0; e < p.length; e++) {
                double slope = router.score() == Router.Score.SIGMOID || router.score() == Router.Score.CHOSEN_SIGMOID ? 1 - 1 / (1 + Math.exp(-l[e])) : 1;
                to.set(t, e, (float) (to.get(t, e) + factor * p[e] * (f[e] - along) * slope));
            }
        }
    }

    private static double[] probabilities(Router router, float[] l) {
        boolean sigmoid = router.score() == Router.Score.SIGMOID || router.score() == Router.Score.CHOSEN_SIGMOID;
        double max = 0;
        for (float v : l) {
            max = sigmoid ? 0 : Math.max(max, v);
        }
        double[] p = new double[l.length];
        double total = 0;
        for (int e = 0; e < p.length; e++) {
            p[e] = sigmoid ? 1 / (1 + Math.exp(-l[e])) : Math.exp(l[e] - max);
            total += p[e];
        }
        for (int e = 0; e < p.length; e++) {
            p[e] /= total;
        }
        return p;
    }
}
