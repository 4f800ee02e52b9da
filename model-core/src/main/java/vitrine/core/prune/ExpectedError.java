package vitrine.core.prune;

import java.lang.foreign.Arena;
import java.util.Arrays;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;

/// How far what a matrix gives would be from what it gave, for several amounts that may go, before anything is changed: by the weights that count least, or by the tail of a
/// spectrum.
///
/// Legend: W `[out, in]` the matrix, X its inputs, output i gives y_i = X W_i. All errors are squared and relative: ||X dW_i||^2 / ||X W_i||^2.
///
/// For masks it is measured on the rows of X that were kept, with what is left of a copy of the matrix: what SparseGPT makes good afterwards is not seen. For matrices of a lower rank the error is
/// the energy of the spectrum's tail, which is exact over the calibration tokens where the spectrum is that of the outputs.
///
/// @param outputs per amount and output; one value for all outputs where no more is known; `[amounts][out or 1]`
/// @param whole per amount, of all outputs together
public record ExpectedError(double[][] outputs, double[] whole) {

    /// Of masks.
    ///
    /// @param w not changed
    /// @param inputs with rows that were kept
    /// @param method one that sets weights to 0 and changes no other
    /// @param shares of the weights that go, each from 0 to 1
    public static ExpectedError byMasks(Matrix w, InputStatistics inputs, MatrixMethod method, double[] shares, Products products) {
        Matrix x = inputs.sample();
        double[][] outputs = new double[shares.length][w.rows()];
        double[] whole = new double[shares.length];
        if (x.rows() == 0) {
            return new ExpectedError(outputs, whole);
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix left = Matrix.allocate(arena, w.rows(), w.columns());
            Matrix y = Matrix.allocate(arena, x.rows(), w.rows());
            double[] totals = energies(x, w, y, products);
            for (int i = 0; i < shares.length; i++) {
                left.copyFrom(w);
                method.prune(left, inputs, shares[i]);
                for (int r = 0; r < w.rows(); r++) {
                    float[] a = w.row(r);
                    float[] b = left.row(r);
                    for (int j = 0; j < a.length; j++) {
                        left.set(r, j, a[j] - b[j]);
                    }
                }
                double[] gone = energies(x, left, y, products);
                for (int r = 0; r < gone.length; r++) {
                    outputs[i][r] = relative(gone[r], totals[r]);
                }
                whole[i] = relative(Arrays.stream(gone).sum(), Arrays.stream(totals).sum());
            }
        }
        return new ExpectedError(outputs, whole);
    }

    /// `||X W_i||^2` of every output.
    private static double[] energies(Matrix x, Matrix w, Matrix y, Products products) {
        products.multiply(Operand.of(x), Operand.of(w).transposed(), Operand.of(y));
        double[] out = new double[w.rows()];
        for (int t = 0; t < y.rows(); t++) {
            float[] row = y.row(t);
            for (int i = 0; i < row.length; i++) {
                out[i] += (double) row[i] * row[i];
            }
        }
        return out;
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

    /// What is lost can be more than there was, where parts had stood against each other: more than all of it is not left out.
    private static double relative(double gone, double total) {
        return total > 0 ? Math.clamp(gone / total, 0, 1) : 0;
    }
}
