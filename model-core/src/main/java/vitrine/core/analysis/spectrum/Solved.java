package vitrine.core.analysis.spectrum;

/// What came of solving a matrix.
public sealed interface Solved {

    /// All singular values.
    ///
    /// @param values `[r]`, largest first
    /// @param accuracy what was done, which may be more than was asked for
    /// @param method in a few words
    /// @param note why it is not what was asked for, one sentence, or null
    /// @param floor values below this, in units of the largest, are within the noise of the arithmetic
    record Values(double[] values, Accuracy accuracy, String method, String note, double floor) implements Solved {

        /// The share of the nuclear norm in values below ten times the floor.
        public double floorShare() {
            double sum = 0;
            double below = 0;
            for (double v : values) {
                sum += v;
                below += v < 10 * floor * values[0] ? v : 0;
            }
            return sum > 0 ? below / sum : 0;
        }

        /// Whether the smallest value is far enough above the floor for its digits (and so the condition number and the numerical rank) to be
        /// right to about 1e-3.
        public boolean smallestIsResolved() {
            return values[values.length - 1] >= 22 * floor * values[0];
        }
    }

    /// Estimated figures with half the widths of their 95 % intervals.
    record Estimated(SpectralEstimate estimate) implements Solved {}

    /// There is no spectrum.
    ///
    /// @param reason one sentence without a full stop
    /// @param nonFinite how many values are NaN or infinite
    record Absent(String reason, long nonFinite) implements Solved {}
}
