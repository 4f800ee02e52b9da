package vitrine.core.analysis.spectrum;

import java.util.Arrays;
import java.util.Comparator;

/// The quadrature rule of a symmetric tridiagonal matrix: its eigenvalues as nodes, the squares of the first components of its
/// eigenvectors as weights. The weights sum to 1.
///
/// Source: Golub and Welsch, *Calculation of Gauss quadrature rules*, Mathematics of Computation 23, 1969; implicit QL steps.
record Tridiagonal(double[] nodes, double[] weights) {

    private static final int MOST_STEPS = 60;

    /// The rule of the leading `m` rows and columns.
    ///
    /// @param diagonal at least `m` values
    /// @param beside values beside the diagonal, at least `m - 1`
    static Tridiagonal of(double[] diagonal, double[] beside, int m) {
        double[] d = Arrays.copyOf(diagonal, m);
        double[] e = Arrays.copyOf(beside, m);
        double[] z = new double[m];
        z[0] = 1;
        e[m - 1] = 0;
        for (int l = 0; l < m; l++) {
            for (int step = 0; ; step++) {
                int end = l;
                while (end < m - 1 && Math.abs(e[end]) > Math.ulp(1.0) * (Math.abs(d[end]) + Math.abs(d[end + 1]))) {
                    end++;
                }
                if (end == l) {
                    break;
                }
                if (step == MOST_STEPS) {
                    throw new IllegalStateException("the eigenvalues of a tridiagonal matrix did not converge");
                }
                chase(d, e, z, l, end);
            }
        }
        return sorted(d, z);
    }

    /// One implicit QL step on rows `l` to `end`, its rotations applied to the first components.
    private static void chase(double[] d, double[] e, double[] z, int l, int end) {
        double g = (d[l + 1] - d[l]) / (2 * e[l]);
        double r = Math.hypot(g, 1);
        g = d[end] - d[l] + e[l] / (g + Math.copySign(r, g));
        double s = 1;
        double c = 1;
        double p = 0;
        for (int i = end - 1; i >= l; i--) {
            double f = s * e[i];
            double b = c * e[i];
            r = Math.hypot(f, g);
            e[i + 1] = r;
            if (r == 0) {
                // The rest has come apart by itself.
                d[i + 1] -= p;
                e[end] = 0;
                return;
            }
            s = f / r;
            c = g / r;
            g = d[i + 1] - p;
            r = (d[i] - g) * s + 2 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
            f = z[i + 1];
            z[i + 1] = s * z[i] + c * f;
            z[i] = c * z[i] - s * f;
        }
        d[l] -= p;
        e[l] = g;
        e[end] = 0;
    }

    private static Tridiagonal sorted(double[] d, double[] z) {
        Integer[] order = new Integer[d.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(i -> d[i]));
        double[] nodes = new double[d.length];
        double[] weights = new double[d.length];
        for (int i = 0; i < order.length; i++) {
            nodes[i] = d[order[i]];
            weights[i] = z[order[i]] * z[order[i]];
        }
        return new Tridiagonal(nodes, weights);
    }
}
