package vitrine.core.prune;

import vitrine.core.tensor.Matrix;

/// Mean, median and outliers of many scores from 0 on that are gone through several times and never kept.
///
/// Scores are rounded to float32, whose bits are ordered as the values are: two histograms of half the bits each find the median.
public final class ScoreStatistics {

    private static final int HALF = 1 << 16;

    /// Whatever gives the scores, the same each time.
    @FunctionalInterface
    public interface Source {
        void each(Rows rows);
    }

    /// Takes a row of scores.
    @FunctionalInterface
    public interface Rows {
        void row(double[] scores);
    }

    /// @param mean of all
    /// @param median the lower of the middle two where their number is even, as torch has it
    /// @param outliers the share of scores above a multiple of the mean
    public record Result(double mean, double median, double outliers) {}

    private ScoreStatistics() {}

    /// @param multiple of the mean above which a score is an outlier
    public static Result of(Source source, double multiple) {
        long[] high = new long[HALF];
        double[] sum = new double[1];
        long[] count = new long[1];
        source.each(row -> {
            for (double v : row) {
                sum[0] += v;
                high[Float.floatToRawIntBits((float) v) >>> 16]++;
            }
            count[0] += row.length;
        });
        long middle = (count[0] - 1) / 2;
        int top = 0;
        long below = 0;
        while (below + high[top] <= middle) {
            below += high[top++];
        }
        int half = top;
        long[] low = new long[HALF];
        long[] above = new long[1];
        double mean = sum[0] / count[0];
        source.each(row -> {
            for (double v : row) {
                int bits = Float.floatToRawIntBits((float) v);
                if (bits >>> 16 == half) {
                    low[bits & 0xffff]++;
                }
                above[0] += v > multiple * mean ? 1 : 0;
            }
        });
        int bottom = 0;
        while (below + low[bottom] <= middle) {
            below += low[bottom++];
        }
        return new Result(mean, Float.intBitsToFloat(half << 16 | bottom), (double) above[0] / count[0]);
    }

    /// The scores `|W_ij| ||X_j||` of a matrix, row by row.
    ///
    /// @param norms `[in]`
    public static void wanda(Matrix w, double[] norms, Rows to) {
        double[] row = new double[w.columns()];
        for (int r = 0; r < w.rows(); r++) {
            float[] values = w.row(r);
            for (int j = 0; j < row.length; j++) {
                row[j] = Math.abs(values[j]) * norms[j];
            }
            to.row(row);
        }
    }
}
