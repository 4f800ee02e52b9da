package vitrine.core.prune;

import java.lang.foreign.Arena;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;

/// How far a matrix's outputs have moved: `||X (W - W')^T||_F` against `||X W^T||_F`, over some rows of X.
///
/// @param squaredError the first, squared
/// @param squaredNorm the second, squared
public record OutputError(double squaredError, double squaredNorm, int rows) {

    /// Measures it, in float32 products summed in float64.
    ///
    /// @param x `[rows, in]`
    /// @param before and `after`: `[out, in]`
    public static OutputError of(Matrix x, Matrix before, Matrix after, Products products) {
        if (x.rows() == 0) {
            return new OutputError(0, 0, 0);
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix difference = Matrix.allocate(arena, before.rows(), before.columns());
            for (int r = 0; r < before.rows(); r++) {
                float[] a = before.row(r);
                float[] b = after.row(r);
                for (int j = 0; j < a.length; j++) {
                    difference.set(r, j, a[j] - b[j]);
                }
            }
            Matrix y = Matrix.allocate(arena, x.rows(), before.rows());
            products.multiply(Operand.of(x), Operand.of(difference).transposed(), Operand.of(y));
            double error = squares(y);
            products.multiply(Operand.of(x), Operand.of(before).transposed(), Operand.of(y));
            return new OutputError(error, squares(y), x.rows());
        }
    }

    private static double squares(Matrix y) {
        double sum = 0;
        for (int r = 0; r < y.rows(); r++) {
            for (float v : y.row(r)) {
                sum += (double) v * v;
            }
        }
        return sum;
    }

    /// The two norms' ratio; 0 where both are 0.
    public double relative() {
        return squaredError == 0 ? 0 : Math.sqrt(squaredError / squaredNorm);
    }
}
