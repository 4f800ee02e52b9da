package vitrine.core.analysis.spectrum;

/// Rank measures and norms of one spectrum s_1 >= ... >= s_r >= 0 of a matrix `[rows, columns]`, r the smaller side.
///
/// With p = s / sum s and q = s^2 / sum s^2, both without zeros, H the Shannon entropy in nats:
///
/// | measure | formula |
/// |---|---|
/// | effectiveRank | exp(H(p)), Roy and Vetterli |
/// | effectiveRankSquared | exp(H(q)) |
/// | normalisedEffectiveRank | effectiveRank / r |
/// | participationRatio | (sum s^2)^2 / sum s^4 |
/// | participationRatioSigma | (sum s)^2 / sum s^2 |
/// | stableRank | sum s^2 / s_1^2 |
/// | nuclearRank | sum s / s_1 |
/// | energyRank(t) | the smallest k with s_1^2 + ... + s_k^2 >= t sum s^2 |
/// | numericalRank | values above max(rows, columns) * 2^-52 * s_1 |
///
/// Always stableRank <= participationRatio <= effectiveRankSquared <= effectiveRank <= r and nuclearRank <= participationRatioSigma <=
/// effectiveRank. Multiplying the matrix by a number changes none of the ranks.
///
/// Source: O. Roy, M. Vetterli, *The effective rank*, EUSIPCO 2007, for effectiveRank; the others are textbook forms.
///
/// @param entropy H(p) in nats
/// @param conditionNumber s_1 / s_r; infinite where the numerical rank is below r
public record SpectralMeasures(double effectiveRank, double effectiveRankSquared, double normalisedEffectiveRank, double entropy,
                               double participationRatio, double participationRatioSigma, double stableRank, double nuclearRank,
                               int energyRank90, int energyRank95, int energyRank99, int numericalRank,
                               double spectralNorm, double frobeniusNorm, double nuclearNorm, double conditionNumber) {

    /// Exact ties of a cumulative share with its threshold do not depend on rounding.
    private static final double TIE = 1e-12;
    private static final double EPSILON = Math.ulp(1.0);

    /// The measures of singular values, largest first.
    ///
    /// @param s `[r]`, finite, not negative, at least one of them above 0
    /// @throws IllegalArgumentException for a spectrum of zeros, which has no shares and so no effective rank
    public static SpectralMeasures of(double[] s, int rows, int columns) {
        if (s.length == 0 || !(s[0] > 0) || Double.isInfinite(s[0])) {
            throw new IllegalArgumentException("a spectrum without a finite value above 0");
        }
        double top = s[0];
        // In units of the largest value: squares of very small or very large values stay representable.
        double sum = 0;
        double squares = 0;
        double fourths = 0;
        for (double v : s) {
            double u = v / top;
            sum += u;
            squares += u * u;
            fourths += u * u * u * u;
        }
        double h1 = 0;
        double h2 = 0;
        for (double v : s) {
            double u = v / top;
            h1 -= information(u / sum);
            h2 -= information(u * u / squares);
        }
        double threshold = Math.max(rows, columns) * EPSILON * top;
        int numerical = 0;
        while (numerical < s.length && s[numerical] > threshold) {
            numerical++;
        }
        double er1 = Math.exp(h1);
        return new SpectralMeasures(er1, Math.exp(h2), er1 / s.length, h1, squares * squares / fourths, sum * sum / squares, squares, sum,
                energyRank(s, 0.90), energyRank(s, 0.95), energyRank(s, 0.99), numerical, top, top * Math.sqrt(squares), top * sum, numerical < s.length ? Double.POSITIVE_INFINITY : top / s[s.length - 1]);
    }

    private static double information(double p) {
        return p > 0 ? p * Math.log(p) : 0;
    }

    /// The smallest number of singular values that hold a share of the energy (the sum of squares).
    ///
    /// @param s largest first
    /// @param share from 0 to 1
    public static int energyRank(double[] s, double share) {
        double total = 0;
        for (double v : s) {
            total += v / s[0] * (v / s[0]);
        }
        double kept = 0;
        for (int k = 0; k < s.length; k++) {
            kept += s[k] / s[0] * (s[k] / s[0]);
            if (kept >= (share - TIE) * total) {
                return k + 1;
            }
        }
        return s.length;
    }

    /// The Renyi effective rank `(sum p^q)^(1/(1-q))`, falling in q: effectiveRank at 1, participationRatioSigma at 2, nuclearRank at infinity.
    ///
    /// @param s singular values (or their squares, for the ranks of energy), at least one above 0
    /// @param q above 0
    public static double renyi(double[] s, double q) {
        double sum = 0;
        double largest = 0;
        for (double v : s) {
            sum += v;
            largest = Math.max(largest, v);
        }
        if (Double.isInfinite(q)) {
            return sum / largest;
        }
        double total = 0;
        for (double v : s) {
            double p = v / sum;
            total += q == 1 ? -information(p) : p > 0 ? Math.pow(p, q) : 0;
        }
        return q == 1 ? Math.exp(total) : Math.pow(total, 1 / (1 - q));
    }

    /// The relative error of the best approximation of each rank: `sqrt(sum_{i>k} s_i^2) / sqrt(sum s_i^2)`, k = 0 to r. It is exact
    /// (Eckart and Young), and 1 minus its square is the share of the energy that is kept.
    ///
    /// @param s largest first
    /// @return `[r + 1]`, from 1 down to 0; all 0 for a spectrum of zeros
    public static double[] truncationErrors(double[] s) {
        double[] errors = new double[s.length + 1];
        if (s.length == 0 || s[0] == 0) {
            return errors;
        }
        // From the smallest up, so that small tails are not lost in the large head.
        double tail = 0;
        for (int k = s.length - 1; k >= 0; k--) {
            tail += s[k] / s[0] * (s[k] / s[0]);
            errors[k] = tail;
        }
        for (int k = 0; k < s.length; k++) {
            errors[k] = Math.sqrt(errors[k] / tail);
        }
        return errors;
    }
}
