package vitrine.core.prune;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// How far what a matrix gives would be from what it gave, for several amounts that may go, told before anything is changed: by the importance of what goes, or
/// by the tail of a spectrum.
///
/// Legend: W `[out, in]` the matrix, q_j = sum of x_j^2 over the calibration tokens; output i gives y_i = W_i x. All errors are squared and relative: E d_i^2 / E y_i^2.
///
/// For masks the inputs count as uncorrelated, so the energy of an output is the sum of W_ij^2 q_j over its row, and its error the sum over the weights that go: exact where X^T X
/// is diagonal, else an estimate. What SparseGPT makes good afterwards is not seen. For matrices of a lower rank the error is the energy of the spectrum's tail, which is exact over the calibration tokens where
/// the spectrum is that of the outputs.
///
/// @param outputs per amount and output; one value for all outputs where no more is known; `[amounts][out or 1]`
/// @param whole per amount, of all outputs together
public record ExpectedError(double[][] outputs, double[] whole) {

    /// Of masks that take the smallest magnitudes of the whole matrix.
    ///
    /// @param squares q, `[in]`, not negative
    /// @param shares of the weights that go, each from 0 to 1
    public static ExpectedError byMagnitude(Matrix w, double[] squares, double[] shares) {
        double[][] gone = new double[w.rows()][shares.length];
        double[] totals = totals(w, squares);
        for (int i = 0; i < shares.length; i++) {
            int amount = i;
            byte[] kept = Selection.withoutSmallestMagnitudes(w, (long) (shares[i] * w.size()));
            Parallel.over(w.rows(), 8, (from, to) -> {
                for (int r = from; r < to; r++) {
                    float[] row = w.row(r);
                    for (int j = 0; j < row.length; j++) {
                        gone[r][amount] += kept[r * row.length + j] != 0 ? 0 : (double) row[j] * row[j] * squares[j];
                    }
                }
            });
        }
        return of(gone, totals, shares.length);
    }

    /// Of masks that take from every row the weights that count least.
    ///
    /// @param squares q, `[in]`
    /// @param byInputs whether a weight counts by W_ij^2 q_j (Wanda) rather than by its magnitude alone
    /// @param shares of every row that goes
    public static ExpectedError byRow(Matrix w, double[] squares, boolean byInputs, double[] shares) {
        double[][] gone = new double[w.rows()][shares.length];
        int[] ascending = IntStream.range(0, shares.length).boxed().sorted(Comparator.comparingDouble(i -> shares[i])).mapToInt(Integer::intValue).toArray();
        Parallel.over(w.rows(), 8, (from, to) -> {
            long[] order = new long[w.columns()];
            for (int r = from; r < to; r++) {
                float[] row = w.row(r);
                for (int j = 0; j < row.length; j++) {
                    double score = byInputs ? Math.abs(row[j]) * Math.sqrt(squares[j]) : Math.abs(row[j]);
                    // Floats that are not negative are ordered as their bits are; the place stands in the lower half.
                    order[j] = (long) Float.floatToRawIntBits((float) score) << 32 | j;
                }
                Arrays.sort(order);
                double sum = 0;
                int at = 0;
                for (int i : ascending) {
                    for (int count = (int) (shares[i] * row.length); at < count; at++) {
                        int j = (int) order[at];
                        sum += (double) row[j] * row[j] * squares[j];
                    }
                    gone[r][i] = sum;
                }
            }
        });
        return of(gone, totals(w, squares), shares.length);
    }

    /// Of the best matrix of a lower rank.
    ///
    /// @param spectrum singular values, largest first
    /// @param ranks that stay
    public static ExpectedError byRank(double[] spectrum, int[] ranks) {
        double[] tails = new double[spectrum.length + 1];
        for (int i = spectrum.length - 1; i >= 0; i--) {
            tails[i] = tails[i + 1] + spectrum[i] * spectrum[i];
        }
        return evenly(Arrays.stream(ranks).mapToDouble(k -> relative(tails[Math.min(k, spectrum.length)], tails[0])).toArray());
    }

    /// The same error for every output.
    public static ExpectedError evenly(double[] whole) {
        return new ExpectedError(Arrays.stream(whole).mapToObj(e -> new double[] {e}).toArray(double[][]::new), whole);
    }

    private static double[] totals(Matrix w, double[] squares) {
        double[] out = new double[w.rows()];
        Parallel.over(w.rows(), 8, (from, to) -> {
            for (int r = from; r < to; r++) {
                float[] row = w.row(r);
                for (int j = 0; j < row.length; j++) {
                    out[r] += (double) row[j] * row[j] * squares[j];
                }
            }
        });
        return out;
    }

    private static ExpectedError of(double[][] gone, double[] totals, int amounts) {
        double total = Arrays.stream(totals).sum();
        double[][] outputs = new double[amounts][totals.length];
        double[] whole = new double[amounts];
        for (int i = 0; i < amounts; i++) {
            double sum = 0;
            for (int r = 0; r < totals.length; r++) {
                outputs[i][r] = relative(gone[r][i], totals[r]);
                sum += gone[r][i];
            }
            whole[i] = relative(sum, total);
        }
        return new ExpectedError(outputs, whole);
    }

    private static double relative(double gone, double total) {
        return total > 0 ? Math.clamp(gone / total, 0, 1) : 0;
    }
}
