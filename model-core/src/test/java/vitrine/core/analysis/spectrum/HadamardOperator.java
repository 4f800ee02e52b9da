package vitrine.core.analysis.spectrum;

import java.util.Random;

/// `Q diag(s^2) Q^T` with Q a product of random signs, permutations and Hadamard transforms: eigenvalues known exactly, eigenvectors
/// that no coordinate knows, products in n log n.
final class HadamardOperator implements GramOperator {

    private final double[] eigenvalues;
    private final double[] signs;
    private final double[] moreSigns;

    /// @param s singular values, a power of two of them
    HadamardOperator(double[] s, long seed) {
        if (Integer.bitCount(s.length) != 1) {
            throw new IllegalArgumentException("a power of two");
        }
        Random random = new Random(seed);
        eigenvalues = new double[s.length];
        signs = new double[s.length];
        moreSigns = new double[s.length];
        for (int i = 0; i < s.length; i++) {
            eigenvalues[i] = s[i] * s[i];
            signs[i] = random.nextBoolean() ? 1 : -1;
            moreSigns[i] = random.nextBoolean() ? 1 : -1;
        }
        for (int i = s.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            double swap = eigenvalues[i];
            eigenvalues[i] = eigenvalues[j];
            eigenvalues[j] = swap;
        }
    }

    @Override
    public int size() {
        return eigenvalues.length;
    }

    @Override
    public void apply(double[][] x, double[][] y) {
        for (int l = 0; l < x.length; l++) {
            double[] v = y[l];
            for (int i = 0; i < v.length; i++) {
                v[i] = x[l][i] * signs[i];
            }
            transform(v);
            multiply(v, moreSigns);
            transform(v);
            multiply(v, eigenvalues);
            transform(v);
            multiply(v, moreSigns);
            transform(v);
            multiply(v, signs);
        }
    }

    private static void multiply(double[] v, double[] by) {
        for (int i = 0; i < v.length; i++) {
            v[i] *= by[i];
        }
    }

    /// The orthonormal Hadamard transform, its own inverse.
    private static void transform(double[] v) {
        for (int h = 1; h < v.length; h *= 2) {
            for (int i = 0; i < v.length; i += 2 * h) {
                for (int j = i; j < i + h; j++) {
                    double a = v[j];
                    double b = v[j + h];
                    v[j] = a + b;
                    v[j + h] = a - b;
                }
            }
        }
        Vectors.scale(1 / Math.sqrt(v.length), v);
    }
}
