package vitrine.core.train.method;

/// A square matrix of two block-diagonal factors with a transposition between them: n = b m; `M[(i, j), (k, l)] = second_j[i, k] first_k[j, l]` for rows
/// (i, j) and columns (k, l), i and k blocks of b, j and l places of m. It holds b m^2 + m b^2 values for n^2.
///
/// Source: Dao et al., *Monarch*, 2022, as APEX uses it (arXiv 2505.24241): b is the divisor of n nearest to its root.
///
/// @param blocks b
/// @param size m
record Monarch(int blocks, int size) {

    static Monarch of(int n) {
        int best = 1;
        for (int b = 1; b <= n; b++) {
            if (n % b == 0 && Math.abs(b - Math.sqrt(n)) < Math.abs(best - Math.sqrt(n))) {
                best = b;
            }
        }
        return new Monarch(best, n / best);
    }

    int side() {
        return blocks * size;
    }

    /// Values of the first factor, `[b, m, m]`.
    int first() {
        return blocks * size * size;
    }

    /// Values of the second factor, `[m, b, b]`.
    int second() {
        return size * blocks * blocks;
    }

    /// The matrix itself, `[n, n]`.
    double[] dense(float[] first, float[] second) {
        int n = side();
        double[] out = new double[n * n];
        for (int i = 0; i < blocks; i++) {
            for (int j = 0; j < size; j++) {
                for (int k = 0; k < blocks; k++) {
                    double f = second[(j * blocks + i) * blocks + k];
                    for (int l = 0; f != 0 && l < size; l++) {
                        out[(i * size + j) * n + k * size + l] = f * first[(k * size + j) * size + l];
                    }
                }
            }
        }
        return out;
    }

    /// The gradients of the factors from that of the matrix.
    void gradients(double[] dense, float[] first, float[] second, double[] dFirst, double[] dSecond) {
        int n = side();
        for (int i = 0; i < blocks; i++) {
            for (int j = 0; j < size; j++) {
                for (int k = 0; k < blocks; k++) {
                    int at = (j * blocks + i) * blocks + k;
                    double sum = 0;
                    for (int l = 0; l < size; l++) {
                        double d = dense[(i * size + j) * n + k * size + l];
                        sum += d * first[(k * size + j) * size + l];
                        dFirst[(k * size + j) * size + l] += d * second[at];
                    }
                    dSecond[at] += sum;
                }
            }
        }
    }
}
