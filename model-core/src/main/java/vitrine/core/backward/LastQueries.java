package vitrine.core.backward;

/// Sums of how spread out the attention of each sequence's last query is, per head.
///
///     H = -sum p ln p / ln(keys)        1 where all keys count the same, 0 where one counts alone
public final class LastQueries {

    private final double[] sums;
    private final int[] counts;

    LastQueries(int heads) {
        sums = new double[heads];
        counts = new int[heads];
    }

    void add(int head, float[] row) {
        if (row.length > 1) {
            sums[head] += entropy(row);
            counts[head]++;
        }
    }

    double[] sums() {
        return sums;
    }

    int sequences() {
        return counts[0];
    }

    /// The entropy of a row of attention, relative to that of equal weights; of at least two keys.
    public static double entropy(float[] row) {
        double sum = 0;
        for (float p : row) {
            sum -= p > 0 ? p * Math.log(p) : 0;
        }
        return sum / Math.log(row.length);
    }
}
