package vitrine.core.backward;

import vitrine.core.architecture.Router;
import vitrine.core.tensor.Matrix;

/// From gradients of the chosen experts' weights to those of the router's logits, one token at a time, in float64.
///
/// The choice and the correction that only steers it have no gradient, as in the reference implementations. SparseMixer is differentiated as it is
/// evaluated: as a softmax over the logits close to the chosen one.
final class RoutingGradient {

    private final Router router;

    RoutingGradient(Router router) {
        this.router = router;
    }

    /// @param l the logits of the token, `ids` the chosen experts, `dw` the gradients of their weights in the same order
    /// @param to takes the gradient, added to row `t`
    void add(float[] l, int[] ids, float[] dw, Matrix to, int t) {
        double[] dl = new double[l.length];
        if (router.score() == Router.Score.SPARSE_MIXER) {
            sparseMixer(l, ids, dw, dl);
        } else {
            double[] s = scores(l, ids);
            throughScores(l, ids, s, throughWeighting(s, dw), dl);
        }
        for (int e = 0; e < dl.length; e++) {
            to.set(t, e, (float) (to.get(t, e) + dl[e]));
        }
    }

    /// The chosen experts' scores before they are weighted.
    private double[] scores(float[] l, int[] ids) {
        double[] s = new double[ids.length];
        switch (router.score()) {
            case SOFTMAX -> {
                double[] p = softmax(l, null);
                for (int i = 0; i < s.length; i++) {
                    s[i] = p[ids[i]];
                }
            }
            case CHOSEN_SOFTMAX -> {
                double[] p = softmax(l, ids);
                System.arraycopy(p, 0, s, 0, s.length);
            }
            default -> {
                for (int i = 0; i < s.length; i++) {
                    s[i] = 1 / (1 + Math.exp(-l[ids[i]]));
                }
            }
        }
        return s;
    }

    /// Softmax of all logits, or of those named.
    private static double[] softmax(float[] l, int[] of) {
        int n = of == null ? l.length : of.length;
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, l[of == null ? i : of[i]]);
        }
        double[] p = new double[n];
        double total = 0;
        for (int i = 0; i < n; i++) {
            p[i] = Math.exp(l[of == null ? i : of[i]] - max);
            total += p[i];
        }
        for (int i = 0; i < n; i++) {
            p[i] /= total;
        }
        return p;
    }

    /// w = factor s / (max(|s|_q, least) + added): from dw to ds.
    private double[] throughWeighting(double[] s, float[] dw) {
        Router.Weighting rule = router.weighting();
        double[] ds = new double[s.length];
        if (rule.norm() == 0) {
            for (int i = 0; i < ds.length; i++) {
                ds[i] = rule.factor() * dw[i];
            }
            return ds;
        }
        double q = rule.norm();
        double sum = 0;
        for (double v : s) {
            sum += Math.pow(Math.abs(v), q);
        }
        double norm = Math.pow(sum, 1 / q);
        double divisor = Math.max(norm, rule.least()) + rule.added();
        double along = 0;
        for (int i = 0; i < s.length; i++) {
            along += dw[i] * s[i];
        }
        for (int i = 0; i < s.length; i++) {
            double slope = norm > rule.least() ? Math.pow(Math.abs(s[i]) / norm, q - 1) * Math.signum(s[i]) : 0;
            ds[i] = rule.factor() * (dw[i] / divisor - along * slope / (divisor * divisor));
        }
        return ds;
    }

    private void throughScores(float[] l, int[] ids, double[] s, double[] ds, double[] dl) {
        switch (router.score()) {
            case SOFTMAX -> {
                double[] p = softmax(l, null);
                double along = 0;
                for (int i = 0; i < s.length; i++) {
                    along += ds[i] * s[i];
                    dl[ids[i]] += ds[i] * s[i];
                }
                for (int e = 0; e < dl.length; e++) {
                    dl[e] -= p[e] * along;
                }
            }
            case CHOSEN_SOFTMAX -> {
                double along = 0;
                for (int i = 0; i < s.length; i++) {
                    along += ds[i] * s[i];
                }
                for (int i = 0; i < s.length; i++) {
                    dl[ids[i]] += s[i] * (ds[i] - along);
                }
            }
            default -> {
                for (int i = 0; i < s.length; i++) {
                    dl[ids[i]] += ds[i] * s[i] * (1 - s[i]);
                }
            }
        }
    }

    /// As the forward pass chooses: the best, then the best of the others, each among the logits close to it.
    private void sparseMixer(float[] l, int[] ids, float[] dw, double[] dl) {
        boolean[] taken = new boolean[l.length];
        Integer[] order = new Integer[ids.length];
        java.util.Arrays.setAll(order, i -> i);
        java.util.Arrays.sort(order, (a, b) -> Float.compare(l[ids[b]], l[ids[a]]));
        for (int i : order) {
            int best = ids[i];
            double[] p = new double[l.length];
            double total = 0;
            for (int e = 0; e < l.length; e++) {
                float size = Math.max(Math.abs(l[e]), l[best]);
                boolean close = !taken[e] && !((l[best] - l[e]) / size > (float) router.weighting().closeness());
                p[e] = close ? Math.exp(l[e] - l[best]) : 0;
                total += p[e];
            }
            double w = p[best] / total;
            for (int e = 0; e < l.length; e++) {
                dl[e] += dw[i] * w * ((e == best ? 1 : 0) - p[e] / total);
            }
            taken[best] = true;
        }
    }
}
