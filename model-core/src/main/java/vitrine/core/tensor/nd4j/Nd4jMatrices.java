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
        try (INDArray a = Nd4j.create(values, new long[] {columns, rows}, 'f').dup('f'); INDArray s = Nd4j.create(DataType.DOUBLE, n)) {
            Nd4j.getBlasWrapper().lapack().gesvd(a, s, null, null);
            return s.toDoubleVector();
        }
    }

    /// A pointer to memory that JavaCPP does not own.
    private static final class AddressPointer extends Pointer {
        AddressPointer(long address) {
            this.address = address;
        }
    }
}
