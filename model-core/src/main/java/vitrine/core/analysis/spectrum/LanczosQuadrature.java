package vitrine.core.analysis.spectrum;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import java.util.random.RandomGenerator;
import vitrine.core.tensor.kernel.Parallel;

/// Stochastic Lanczos quadrature: for random probes z the spectrum of A as z sees it, so that `z^T f(A) z` is a sum over a few nodes and
/// its mean over probes the trace of f(A).
///
/// Probes have entries +1 and -1. Each is run through Lanczos steps with full, double orthogonalisation; all advance together, so
/// that one pass over the matrix serves all.
///
/// Source: Ubaru, Chen, Saad, *Fast estimation of tr(f(A)) via stochastic Lanczos quadrature*, SIAM J. Matrix Anal. Appl. 38, 2017.
///
/// @param rules one per probe, of all steps
/// @param halves one per probe, of half the steps: how much the nodes still move
/// @param lengths squared lengths of the probes, by which their rules are multiplied
record LanczosQuadrature(Tridiagonal[] rules, Tridiagonal[] halves, double[] lengths) {

    private static final double ENDED = 1e-12;

    /// Runs `probes` probes for `steps` steps in the space orthogonal to some vectors.
    ///
    /// @param outside orthonormal vectors that A is projected away from, none for all of A
    static LanczosQuadrature of(GramOperator a, int probes, int steps, double[][] outside, RandomGenerator random) {
        int n = a.size();
        int m = Math.min(steps, n - outside.length);
        double[][][] basis = new double[probes][m][];
        double[][] alpha = new double[probes][m];
        double[][] beta = new double[probes][m];
        int[] done = new int[probes];
        double[] lengths = new double[probes];
        double[][] v = new double[probes][n];
        double[][] w = new double[probes][n];
        for (int l = 0; l < probes; l++) {
            for (int i = 0; i < n; i++) {
                v[l][i] = random.nextBoolean() ? 1 : -1;
            }
            Vectors.project(v[l], outside, outside.length);
            lengths[l] = Vectors.dot(v[l], v[l]);
            Vectors.scale(1 / Math.sqrt(lengths[l]), v[l]);
        }
        for (int j = 0; j < m; j++) {
            int step = j;
            a.apply(v, w);
            Parallel.over(probes, 1, (from, to) -> {
                for (int l = from; l < to; l++) {
                    if (done[l] == step) {
                        advance(step, basis[l], alpha[l], beta[l], v[l], w[l], outside);
                        done[l] += beta[l][step] > ENDED * Math.abs(alpha[l][0]) && step < basis[l].length - 1 ? 1 : 0;
                    }
                }
            });
        }
        Tridiagonal[] rules = new Tridiagonal[probes];
        Tridiagonal[] halves = new Tridiagonal[probes];
        for (int l = 0; l < probes; l++) {
            rules[l] = Tridiagonal.of(alpha[l], beta[l], done[l] + 1);
            // A probe that ended early has seen all there is: its rule is exact.
            halves[l] = done[l] < m - 1 ? rules[l] : Tridiagonal.of(alpha[l], beta[l], Math.max(1, m / 2));
        }
        return new LanczosQuadrature(rules, halves, lengths);
    }

    /// One Lanczos step: `w = A v` becomes the next vector and goes to `v`.
    private static void advance(int j, double[][] basis, double[] alpha, double[] beta, double[] v, double[] w, double[][] outside) {
        basis[j] = v.clone();
        alpha[j] = Vectors.dot(v, w);
        Vectors.project(w, outside, outside.length);
        Vectors.project(w, basis, j + 1);
        beta[j] = Vectors.norm(w);
        if (beta[j] > 0) {
            System.arraycopy(w, 0, v, 0, v.length);
            Vectors.scale(1 / beta[j], v);
        }
    }

    /// The same without one probe.
    LanczosQuadrature without(int probe) {
        int n = rules.length;
        Tridiagonal[] r = new Tridiagonal[n - 1];
        Tridiagonal[] h = new Tridiagonal[n - 1];
        double[] lens = new double[n - 1];
        for (int from = 0, to = 0; from < n; from++) {
            if (from != probe) {
                r[to] = rules[from];
                h[to] = halves[from];
                lens[to++] = lengths[from];
            }
        }
        return new LanczosQuadrature(r, h, lens);
    }

    /// `z^T f(A) z` for each probe.
    ///
    /// @param f with f(0) = 0; nodes below 1e-14 of the largest count as 0
    double[] traces(DoubleUnaryOperator f) {
        return traces(rules, f);
    }

    /// [#traces] with half the steps.
    double[] tracesOfHalf(DoubleUnaryOperator f) {
        return traces(halves, f);
    }

    private double[] traces(Tridiagonal[] of, DoubleUnaryOperator f) {
        double[] out = new double[of.length];
        for (int l = 0; l < of.length; l++) {
            double[] nodes = of[l].nodes();
            double top = nodes[nodes.length - 1];
            for (int k = 0; k < nodes.length; k++) {
                out[l] += nodes[k] > 1e-14 * top ? of[l].weights()[k] * f.applyAsDouble(nodes[k]) : 0;
            }
            out[l] *= lengths[l];
        }
        return out;
    }

    /// The largest node of any probe.
    double largest() {
        return Arrays.stream(rules).mapToDouble(r -> r.nodes()[r.nodes().length - 1]).max().orElse(0);
    }

    /// The largest node of any probe with half the steps.
    double largestOfHalf() {
        return Arrays.stream(halves).mapToDouble(r -> r.nodes()[r.nodes().length - 1]).max().orElse(0);
    }
}
