package vitrine.core.analysis.spectrum;

/// What a large matrix of independent entries of the same shape reaches: each measure as a share of the smaller side r.
///
/// With c = smaller / larger side the eigenvalues follow the Marchenko-Pastur law: effectiveRankSquared `exp(-c/2)`, participationRatio
/// `1/(1+c)`, stableRank `1/(1+sqrt c)^2`; effectiveRank and participationRatioSigma are integrals over the law. These are limits for
/// r to infinity; a Gaussian 512 x 128 matrix is within 1e-3 of them.
///
/// @param effectiveRank also the baseline of the normalised effective rank
public record RandomBaseline(double effectiveRank, double effectiveRankSquared, double participationRatio, double participationRatioSigma, double stableRank) {

    private static final int NODES = 4096;

    /// The baseline of a shape.
    public static RandomBaseline of(int rows, int columns) {
        double c = (double) Math.min(rows, columns) / Math.max(rows, columns);
        double meanS = 0;
        double meanSLogS = 0;
        double root = Math.sqrt(c);
        // With x = 1 + c + 2 sqrt(c) cos(phi) the law becomes 2 sin(phi)^2 / (pi x) on (0, pi): smooth and periodic, so the midpoint rule converges fast.
        for (int i = 0; i < NODES; i++) {
            double phi = Math.PI * (i + 0.5) / NODES;
            double x = 1 + c + 2 * root * Math.cos(phi);
            double weight = 2 * Math.sin(phi) * Math.sin(phi) / (Math.PI * x) * (Math.PI / NODES);
            double s = Math.sqrt(x);
            meanS += weight * s;
            meanSLogS += weight * s * Math.log(s);
        }
        return new RandomBaseline(meanS * Math.exp(-meanSLogS / meanS), Math.exp(-c / 2), 1 / (1 + c), meanS * meanS, 1 / ((1 + root) * (1 + root)));
    }
}
