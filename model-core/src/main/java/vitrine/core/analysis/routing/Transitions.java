package vitrine.core.analysis.routing;

import java.util.Arrays;

/// From the expert of one layer to that of another: how much the first tells of the second.
///
/// Source: Miller, *Note on the bias of information estimates*, 1955, for the correction.
///
/// @param counts tokens with the row's expert in the one layer and the column's in the other
public record Transitions(long[][] counts) {

    private long[] ofRows() {
        return Arrays.stream(counts).mapToLong(r -> Arrays.stream(r).sum()).toArray();
    }

    private long[] ofColumns() {
        long[] sums = new long[counts[0].length];
        for (long[] row : counts) {
            for (int b = 0; b < sums.length; b++) {
                sums[b] += row[b];
            }
        }
        return sums;
    }

    private static double entropy(long[] bins) {
        return new Load(bins).entropy();
    }

    private static long used(long[] bins) {
        return Arrays.stream(bins).filter(c -> c > 0).count();
    }

    /// Entropy with the bias of few tokens taken away: H + (bins in use - 1) / (2 T).
    private static double correctedEntropy(long[] bins) {
        return entropy(bins) + (used(bins) - 1) / (2.0 * Arrays.stream(bins).sum());
    }

    /// sum P(a, b) ln (P(a, b) / (P(a) P(b))), nats; never below 0, and above it for independent layers too where tokens are few.
    public double information() {
        return Specialisation.mutualInformation(counts);
    }

    /// The same less its bias, about (N - 1)^2 / (2 T) where every pair occurs; for independent layers 0 on average, so it may be just below.
    public double corrected() {
        long[] all = Arrays.stream(counts).flatMapToLong(Arrays::stream).toArray();
        return correctedEntropy(ofRows()) + correctedEntropy(ofColumns()) - correctedEntropy(all);
    }

    /// The corrected information divided by the smaller of the two (corrected) entropies: 1 where one expert tells the other. NaN where a layer uses one only.
    public double normalised() {
        double most = Math.min(correctedEntropy(ofRows()), correctedEntropy(ofColumns()));
        return most == 0 ? Double.NaN : corrected() / most;
    }

    /// Share of tokens that stay with the expert of the same number.
    public double stickiness() {
        long stay = 0;
        long all = 0;
        for (int a = 0; a < counts.length; a++) {
            for (int b = 0; b < counts[a].length; b++) {
                all += counts[a][b];
                stay += a == b ? counts[a][b] : 0;
            }
        }
        return (double) stay / all;
    }
}
