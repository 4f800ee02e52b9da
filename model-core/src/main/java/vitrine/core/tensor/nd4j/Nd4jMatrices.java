package vitrine.core.tensor.nd4j;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import vitrine.core.tensor.Matrix;

/// Native memory seen as ND4J arrays, and the linear algebra that ND4J's LAPACK does.
public final class Nd4jMatrices {

    private Nd4jMatrices() {}

    /// A matrix as an ND4J array over the same bytes; it must not be used after the matrix's arena is closed.
    public static INDArray view(Matrix m) {
        long span = m.rows() == 0 ? 0 : (m.rows() - 1) * m.rowStride() + m.columns();
        Pointer raw = new AddressPointer(m.data().address());
        var buffer = Nd4j.createBuffer(new FloatPointer(raw).capacity(span), span, DataType.FLOAT);
        return Nd4j.create(buffer, new long[] {m.rows(), m.columns()}, new long[] {m.rowStride(), 1}, 0, 'c', DataType.FLOAT);
    }

    /// The singular values of a row-major matrix, largest first, in float64.
    ///
    /// @param values `[rows * columns]`, not changed
    public static double[] singularValues(double[] values, int rows, int columns) {
        int n = Math.min(rows, columns);
        if (n == 0) {
            return new double[0];
        }
        // LAPACK reads columns first: the row-major matrix is the transpose of a column-major one, with the same singular values.
        // LAPACK overwrites it, so it works on a copy.
        try (INDArray given = Nd4j.create(values, new long[] {columns, rows}, 'f'); INDArray a = given.dup('f'); INDArray s = Nd4j.create(DataType.DOUBLE, n)) {
            Nd4j.getBlasWrapper().lapack().gesvd(a, s, null, null);
            return s.toDoubleVector();
        }
    }

    /// `|X_a^T X_b|^2`, Frobenius, for every pair of equally wide column blocks of a row-major matrix whose column means are removed
    /// first; float64.
    ///
    /// @param values `[rows, blocks * width]`, not changed
    /// @return `[blocks, blocks]`, symmetric
    public static double[][] centredBlockProducts(double[] values, int rows, int blocks, int width) {
        long columns = (long) blocks * width;
        try (INDArray all = Nd4j.create(values, new long[] {rows, columns}, 'c');
             INDArray means = all.mean(0);
             INDArray centred = all.subRowVector(means);
             INDArray products = Nd4j.create(DataType.DOUBLE, new long[] {columns, columns}, 'f')) {
            // The products of all pairs at once: blocks of one Gram matrix.
            Nd4j.gemm(centred, centred, products, true, false, 1.0, 0.0);
            double[][] norms = new double[blocks][blocks];
            for (int a = 0; a < blocks; a++) {
                for (int b = a; b < blocks; b++) {
                    norms[a][b] = norms[b][a] = blockNormSquared(products, a, b, width);
                }
            }
            return norms;
        }
    }

    private static double blockNormSquared(INDArray products, int a, int b, int width) {
        double sum = 0;
        for (int i = 0; i < width; i++) {
            for (int j = 0; j < width; j++) {
                double v = products.getDouble(a * width + i, b * width + j);
                sum += v * v;
            }
        }
        return sum;
    }

    /// A pointer to memory that JavaCPP does not own.
    private static final class AddressPointer extends Pointer {
        AddressPointer(long address) {
            this.address = address;
        }
    }
}
