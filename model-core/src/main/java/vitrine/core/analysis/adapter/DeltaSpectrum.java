package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;
import vitrine.core.tensor.openblas.OpenBlas;

/// The singular values and vectors of dW = s B A, by the factors alone.
///
///     B = Q_B R_B,  A^T = Q_A R_A,  M = s R_B R_A^T = U_M diag(sigma) V_M^T,  U = Q_B U_M,  V = Q_A V_M
///
/// M is r x r whatever the layer's size, and nothing is lost on the way: QR keeps what a Gram matrix would round away below 1e-8 of the
/// largest value. Each left vector is given the sign that makes its largest entry positive, so that the same delta has the same vectors.
///
/// @param values largest first, `[k]`, k the smallest of r, out and in
/// @param left U, `[out, k]`
/// @param right V^T, `[k, in]`
public record DeltaSpectrum(double[] values, Dense left, Dense right) {

    private static final double EPSILON = Math.ulp(1.0);

    /// Factors of so few ranks are decomposed by one thread: several would wait for each other more than they work, and on a busy machine
    /// eight times as long.
    private static final int ONE_THREAD_UP_TO = 256;

    /// Decomposes a delta; its factors stay as they are.
    public static DeltaSpectrum of(Factors f, Arena arena) {
        return f.rank() <= ONE_THREAD_UP_TO ? OpenBlas.open().inThreads(1, () -> throughCore(f, arena)) : throughCore(f, arena);
    }

    private static DeltaSpectrum throughCore(Factors f, Arena arena) {
        OpenBlas blas = OpenBlas.open();
        int r = f.rank();
        int kb = Math.min(r, f.out());
        int ka = Math.min(r, f.in());
        Dense qb = f.b().copy(arena);
        Dense rb = Dense.allocate(arena, kb, r);
        blas.orthonormalColumns(qb.data(), f.out(), r, rb.data());
        Dense qa = f.a().copy(arena);
        Dense ra = Dense.allocate(arena, ka, r);
        blas.orthonormalRows(qa.data(), r, f.in(), ra.data());
        Dense core = rb.times(arena, false, ra, true).scale(f.scaling());
        Dense.Decomposed m = core.decompose(arena);
        Dense left = (kb == r ? qb : qb.firstColumns(arena, kb)).times(arena, m.left());
        Dense right = m.right().times(arena, qa.rows(0, ka));
        fixSigns(left, right);
        return new DeltaSpectrum(m.values(), left, right);
    }

    /// Decomposes a matrix that is there as a whole; it is destroyed.
    public static DeltaSpectrum ofDense(Dense matrix, Arena arena) {
        Dense.Decomposed d = matrix.decompose(arena);
        fixSigns(d.left(), d.right());
        return new DeltaSpectrum(d.values(), d.left(), d.right());
    }

    static void fixSigns(Dense left, Dense right) {
        for (int k = 0; k < left.columns(); k++) {
            double largest = 0;
            for (int o = 0; o < left.rows(); o++) {
                double v = left.get(o, k);
                // Entries of the same size to rounding must not decide by rounding: the first of them does.
                largest = Math.abs(v) > Math.abs(largest) * (1 + 1e-9) ? v : largest;
            }
            if (largest < 0) {
                for (int o = 0; o < left.rows(); o++) {
                    left.set(o, k, -left.get(o, k));
                }
                right.rows(k, 1).scale(-1);
            }
        }
    }

    /// Values above `max(out, in) 2^-52 sigma_1`.
    public int numericalRank() {
        double floor = Math.max(left.rows(), right.columns()) * EPSILON * (values.length == 0 ? 0 : values[0]);
        int n = 0;
        while (n < values.length && values[n] > floor) {
            n++;
        }
        return n;
    }

    /// Figures of the values.
    public Measures measures() {
        return Measures.of(values);
    }

    /// Ranks and norms of one spectrum, with p = sigma / sum sigma and e = sigma^2 / sum sigma^2, zeros left out. Of a delta of zeros all are 0.
    ///
    /// @param effectiveRank exp(-sum p ln p)
    /// @param energyEffectiveRank exp(-sum e ln e)
    /// @param stableRank sum sigma^2 / sigma_1^2
    /// @param participationRatio (sum sigma^2)^2 / sum sigma^4
    /// @param rank90 the fewest values with at least 90 % of sum sigma^2
    /// @param knee the rank at which the curve of cumulative energy lies farthest above the straight line from its beginning to its end
    public record Measures(double frobenius, double spectral, double nuclear, double effectiveRank, double energyEffectiveRank, double stableRank,
                           double participationRatio, int rank90, int rank95, int rank99, int knee) {

        private static final double TIE = 1e-12;

        /// @param s largest first
        public static Measures of(double[] s) {
            if (s.length == 0 || !(s[0] > 0)) {
                return new Measures(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
            }
            double sum = 0;
            double squares = 0;
            double fourths = 0;
            // In units of the largest value, so that squares neither overflow nor vanish.
            for (double v : s) {
                double u = v / s[0];
                sum += u;
                squares += u * u;
                fourths += u * u * u * u;
            }
            double h1 = 0;
            double h2 = 0;
            for (double v : s) {
                h1 -= information(v / s[0] / sum);
                h2 -= information(v / s[0] * (v / s[0]) / squares);
            }
            return new Measures(s[0] * Math.sqrt(squares), s[0], s[0] * sum, Math.exp(h1), Math.exp(h2), squares, squares * squares / fourths, rank(s, 0.9), rank(s, 0.95), rank(s, 0.99),
                    knee(s));
        }

        private static double information(double p) {
            return p > 0 ? p * Math.log(p) : 0;
        }

        /// The fewest values with at least a share of the energy; 0 for a delta of zeros.
        public static int rank(double[] s, double share) {
            double[] energy = energy(s);
            for (int k = 0; k < energy.length; k++) {
                if (energy[k] >= share - TIE) {
                    return k;
                }
            }
            return s.length;
        }

        /// The share of sum sigma^2 that the first k values hold, `[values + 1]`; all 1 for a delta of zeros, which loses nothing.
        public static double[] energy(double[] s) {
            double[] out = new double[s.length + 1];
            double total = 0;
            for (int k = 0; k < s.length; k++) {
                double u = s[0] > 0 ? s[k] / s[0] : 0;
                total += u * u;
                out[k + 1] = total;
            }
            for (int k = 0; k <= s.length; k++) {
                out[k] = total == 0 ? 1 : out[k] / total;
            }
            return out;
        }

        private static int knee(double[] s) {
            double[] energy = energy(s);
            int best = 0;
            double most = -1;
            for (int k = 0; k < energy.length; k++) {
                double above = energy[k] - (double) k / s.length;
                if (above > most + TIE) {
                    most = above;
                    best = k;
                }
            }
            return best;
        }
    }
}
