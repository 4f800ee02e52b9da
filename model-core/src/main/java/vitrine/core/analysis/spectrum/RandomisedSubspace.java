package vitrine.core.analysis.spectrum;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import vitrine.core.tensor.openblas.OpenBlas;

/// The largest eigenvalues of a Gram matrix and their vectors, from a random block: randomised singular value decomposition.
///
/// A Gaussian block of `count + 10` vectors is multiplied with A three times (two power steps), made orthonormal in between, and A is
/// diagonalised within the space it spans. With the vectors Q of that space, `|A^(1/2) - A^(1/2) Q Q^T|_F^2` is known exactly: the trace less
/// the sum of the values found.
///
/// Source: Halko, Martinsson, Tropp, *Finding structure with randomness*, SIAM Review 53, 2011.
///
/// @param eigenvalues of A, largest first, `[count]`
/// @param vectors orthonormal, `[count][n]`
/// @param residuals `|A v - lambda v|`, `[count]`
record RandomisedSubspace(double[] eigenvalues, double[][] vectors, double[] residuals) {

    private static final int OVERSAMPLING = 10;
    private static final int POWER_STEPS = 2;

    static RandomisedSubspace of(GramOperator a, int count, RandomGenerator random) {
        int n = a.size();
        int block = Math.min(n, count + OVERSAMPLING);
        double[][] q = new double[block][n];
        double[][] y = new double[block][n];
        for (double[] v : q) {
            for (int i = 0; i < n; i++) {
                v[i] = random.nextGaussian();
            }
        }
        for (int step = 0; step <= POWER_STEPS; step++) {
            a.apply(q, y);
            double[][] swap = q;
            q = y;
            y = swap;
            Vectors.orthonormalise(q);
        }
        a.apply(q, y);
        return ritz(q, y, Math.min(count, block));
    }

    /// Diagonalises A within the space of `q`, whose products are `y = A q`.
    private static RandomisedSubspace ritz(double[][] q, double[][] y, int count) {
        int b = q.length;
        int n = q[0].length;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment t = scratch.allocate(8L * b * b, 64);
            for (int i = 0; i < b; i++) {
                for (int j = 0; j <= i; j++) {
                    t.setAtIndex(JAVA_DOUBLE, (long) i * b + j, (Vectors.dot(q[i], y[j]) + Vectors.dot(q[j], y[i])) / 2);
                }
            }
            double[] ascending = OpenBlas.open().eigenvectors(t, b);
            double[] values = new double[count];
            double[][] vectors = new double[count][n];
            double[] residuals = new double[count];
            double[] image = new double[n];
            for (int k = 0; k < count; k++) {
                int from = b - 1 - k;
                values[k] = Math.max(0, ascending[from]);
                java.util.Arrays.fill(image, 0);
                for (int i = 0; i < b; i++) {
                    double u = t.getAtIndex(JAVA_DOUBLE, (long) from * b + i);
                    Vectors.add(u, q[i], vectors[k]);
                    Vectors.add(u, y[i], image);
                }
                Vectors.add(-values[k], vectors[k], image);
                residuals[k] = Vectors.norm(image);
            }
            return new RandomisedSubspace(values, vectors, residuals);
        }
    }
}
