package vitrine.core.analysis.spectrum;

/// How much of a spectrum a matrix of independent entries would have too: the Marchenko-Pastur law fitted to the bulk.
///
/// For a matrix N x M, N >= M, Q = N/M, of independent entries with variance sigma^2, the eigenvalues x of W^T W / N lie between
/// `sigma^2 (1 - 1/sqrt Q)^2` and `sigma^2 (1 + 1/sqrt Q)^2`, and their mean is sigma^2. The variance of the bulk is found from the values
/// themselves: begin with the mean of all, keep those below the upper edge that follows, take their mean, and so on until it stands still.
///
/// Source: Marchenko and Pastur 1967; the width of the edge after Tracy and Widom as Johnstone 2001 scales it.
///
/// @param sigma standard deviation of the bulk's entries
/// @param lower lower edge of the bulk, as a singular value of W: sigma (sqrt N - sqrt M)
/// @param upper upper edge of the bulk, as a singular value of W: sigma (sqrt N + sqrt M)
/// @param cutoff the upper edge widened by twice the Tracy-Widom scale: singular values above it are spikes
/// @param spikes singular values above the cutoff
/// @param kept values that the bulk's variance was taken from
/// @param rounds rounds until it stood still
/// @param softRank upper edge by largest eigenvalue: 1 for pure noise, small where few values stand far out
public record NoiseEdge(double sigma, double lower, double upper, double cutoff, int spikes, int kept, int rounds, double softRank) {

    private static final int MOST_ROUNDS = 20;
    private static final double STILL = 1e-6;

    /// The edge of the noise in a spectrum, or null where all values are 0.
    ///
    /// @param s singular values, largest first
    public static NoiseEdge ofOrNull(double[] s, int rows, int columns) {
        double n = Math.max(rows, columns);
        double q = n / Math.min(rows, columns);
        if (s.length == 0 || !(s[0] > 0)) {
            return null;
        }
        double stretch = (1 + 1 / Math.sqrt(q)) * (1 + 1 / Math.sqrt(q));
        double edge = Double.POSITIVE_INFINITY;
        double variance = 0;
        int kept = 0;
        int rounds = 0;
        boolean still = false;
        while (!still && rounds <= MOST_ROUNDS) {
            double sum = 0;
            kept = 0;
            for (int i = s.length - 1; i >= 0; i--) {
                // Eigenvalues in units of the largest, so that nothing overflows.
                double x = s[i] / s[0] * (s[i] / s[0]);
                if (x <= edge) {
                    sum += x;
                    kept++;
                }
            }
            // The smallest value is never above the edge of a bulk that holds it, so something is always kept.
            double next = sum / kept;
            still = rounds > 0 && Math.abs(next - variance) <= STILL * variance;
            variance = next;
            edge = variance * stretch;
            rounds++;
        }
        // Twice the Tracy-Widom scale of the largest eigenvalue of noise.
        double cutoff = edge + 2 * variance * Math.pow(n, -2.0 / 3) * Math.pow(1 + 1 / Math.sqrt(q), 4.0 / 3) * Math.pow(q, 1.0 / 6);
        int spikes = 0;
        while (spikes < s.length && s[spikes] / s[0] * (s[spikes] / s[0]) > cutoff) {
            spikes++;
        }
        double sigma = s[0] * Math.sqrt(variance / n);
        double m = n / q;
        return new NoiseEdge(sigma, sigma * (Math.sqrt(n) - Math.sqrt(m)), sigma * (Math.sqrt(n) + Math.sqrt(m)), s[0] * Math.sqrt(cutoff), spikes, kept, rounds - 1, edge);
    }

    /// The strength that a rank-1 signal needs to stand out of noise, as a singular value of `W / (sigma sqrt N)`: `Q^(-1/4)`.
    public static double detectionThreshold(int rows, int columns) {
        double q = (double) Math.max(rows, columns) / Math.min(rows, columns);
        return Math.pow(q, -0.25);
    }
}
