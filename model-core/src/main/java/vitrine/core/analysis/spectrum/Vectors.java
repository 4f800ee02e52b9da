package vitrine.core.analysis.spectrum;

/// Arithmetic on vectors, with several sums at a time so that the processor need not wait for each.
final class Vectors {

    private Vectors() {}

    static double dot(double[] a, double[] b) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i < a.length - 3; i += 4) {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
        }
        for (; i < a.length; i++) {
            s0 += a[i] * b[i];
        }
        return s0 + s1 + (s2 + s3);
    }

    static double norm(double[] a) {
        return Math.sqrt(dot(a, a));
    }

    /// `y += factor * x`.
    static void add(double factor, double[] x, double[] y) {
        for (int i = 0; i < y.length; i++) {
            y[i] += factor * x[i];
        }
    }

    static void scale(double factor, double[] x) {
        for (int i = 0; i < x.length; i++) {
            x[i] *= factor;
        }
    }

    /// Takes the parts along the first `count` of some orthonormal vectors out of x, twice, so that rounding leaves none.
    static void project(double[] x, double[][] basis, int count) {
        for (int round = 0; round < 2; round++) {
            for (int k = 0; k < count; k++) {
                add(-dot(basis[k], x), basis[k], x);
            }
        }
    }

    /// Makes vectors orthonormal, in order; one that depends on those before it becomes zero.
    static void orthonormalise(double[][] x) {
        for (int k = 0; k < x.length; k++) {
            double before = norm(x[k]);
            project(x[k], x, k);
            double after = norm(x[k]);
            scale(after > 1e-13 * before ? 1 / after : 0, x[k]);
        }
    }
}
