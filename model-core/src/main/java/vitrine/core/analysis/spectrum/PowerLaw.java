package vitrine.core.analysis.spectrum;

/// A power law `density ~ x^-alpha` fitted to the upper tail of eigenvalues x = s^2 of W^T W, as WeightWatcher does it.
///
/// For each start x_i (ascending) the exponent by maximum likelihood, `alpha_i = 1 + n / sum_{j>=i} ln(x_j / x_i)` with the n values from
/// x_i on, and the distance `D_i = max_k |1 - (x_{i+k} / x_i)^(1 - alpha_i) - k/n|` of the fitted from the empirical distribution; the start
/// with the smallest distance is taken. Where there are more than 3,000 values, every ceil(N / 3,000)th start is tried.
///
/// Source: Martin, Peng, Mahoney, Nature Communications 12, 2021, and the fast fit of the WeightWatcher package.
///
/// @param alpha the exponent
/// @param xMin where the tail begins, an eigenvalue
/// @param distance Kolmogorov-Smirnov distance D of the tail
/// @param sigma standard error of alpha, `(alpha - 1) / sqrt(tail)`
/// @param tail how many values the fit rests on
/// @param count how many positive values there are
/// @param alphaHat `alpha * log10(largest)`: comparable only within one family of models, since it depends on scale
/// @param logAlphaNorm `log10(sum x^alpha)`
public record PowerLaw(double alpha, double xMin, double distance, double sigma, int tail, int count, double alphaHat, double logAlphaNorm) {

    /// Fewer values make no fit.
    public static final int FEWEST = 10;
    /// Fits over fewer values than this are not to be relied on.
    public static final int FEW = 50;

    private static final int MOST_STARTS = 3000;
    private static final int SHORTEST_TAIL = 20;
    private static final double LARGEST_DISTANCE = 0.1;

    /// Whether the tail is long and close enough to a power law, and the matrix large enough, for alpha to mean something.
    public boolean reliable() {
        return count >= FEW && tail >= SHORTEST_TAIL && distance <= LARGEST_DISTANCE;
    }

    /// Fits the squares of singular values, or returns null where there are fewer than [#FEWEST] or all are equal. Values that rounding
    /// alone makes, below `r * 2^-52` of the largest, count as zeros and are left out.
    ///
    /// @param s largest first
    public static PowerLaw ofSingularValuesOrNull(double[] s) {
        double[] x = new double[s.length];
        int n = 0;
        for (int i = s.length - 1; i >= 0; i--) {
            if (s[i] > s.length * Math.ulp(1.0) * s[0] && s[i] * s[i] > 0) {
                x[n++] = s[i] * s[i];
            }
        }
        return ofOrNull(java.util.Arrays.copyOf(x, n));
    }

    /// Fits positive values, smallest first, or returns null where there are fewer than [#FEWEST] or all are equal.
    public static PowerLaw ofOrNull(double[] x) {
        int n = x.length;
        if (n < FEWEST || x[0] == x[n - 1]) {
            return null;
        }
        double[] ln = new double[n];
        double[] sumFrom = new double[n + 1];
        for (int i = n - 1; i >= 0; i--) {
            ln[i] = Math.log(x[i]);
            sumFrom[i] = sumFrom[i + 1] + ln[i];
        }
        int step = (n + MOST_STARTS - 1) / MOST_STARTS;
        double best = Double.POSITIVE_INFINITY;
        int start = -1;
        for (int i = 0; i < n - 1; i += step) {
            double d = distance(ln, i, exponent(ln, sumFrom, i), best);
            if (d < best) {
                best = d;
                start = i;
            }
        }
        if (start < 0) {
            return null;
        }
        double alpha = exponent(ln, sumFrom, start);
        int tail = n - start;
        double powers = 0;
        for (double l : ln) {
            powers += Math.exp(alpha * (l - ln[n - 1]));
        }
        double log10Largest = ln[n - 1] / Math.log(10);
        return new PowerLaw(alpha, x[start], best, (alpha - 1) / Math.sqrt(tail), tail, n, alpha * log10Largest, Math.log10(powers) + alpha * log10Largest);
    }

    private static double exponent(double[] ln, double[] sumFrom, int i) {
        int n = ln.length - i;
        return 1 + n / (sumFrom[i] - n * ln[i]);
    }

    /// The distance of the tail from `i` on, or anything not below `best` where it is not below that.
    private static double distance(double[] ln, int i, double alpha, double best) {
        if (!(alpha > 1) || Double.isInfinite(alpha)) {
            return alpha > 1 ? Double.POSITIVE_INFINITY : 1;
        }
        int n = ln.length - i;
        double worst = 0;
        for (int k = 0; k < n; k++) {
            double d = Math.abs(1 - Math.exp((1 - alpha) * (ln[i + k] - ln[i])) - (double) k / n);
            if (d > worst) {
                worst = d;
                if (worst >= best) {
                    return worst;
                }
            }
        }
        return worst;
    }
}
