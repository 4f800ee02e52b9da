package vitrine.core.tensor.nd4j;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;

/// Matrix products by ND4J (OpenBLAS), for platforms without oneDNN. Reads float32 only.
public final class Nd4jProducts implements Products {

    @Override
    public boolean reads(Operand.Element element) {
        return element == Operand.Element.F32;
    }

    @Override
    public String name() {
        return "ND4J, OpenBLAS";
    }

    @Override
    public void multiply(Operand a, Operand b, Operand c) {
        if (b.element() != Operand.Element.F32) {
            throw new IllegalArgumentException("only float32 operands: " + b.element());
        }
        int batchAxes = a.sizes().length - 2;
        batch(a, b, c, new long[batchAxes], 0);
    }

    private static void batch(Operand a, Operand b, Operand c, long[] index, int axis) {
        if (axis == index.length) {
            product(slice(a, index), slice(b, index), slice(c, index));
            return;
        }
        for (index[axis] = 0; index[axis] < a.sizes()[axis]; index[axis]++) {
            batch(a, b, c, index, axis + 1);
        }
    }

    private static Operand slice(Operand o, long[] index) {
        long at = 0;
        for (int i = 0; i < index.length; i++) {
            at += o.sizes()[i] == 1 ? 0 : index[i] * o.strides()[i];
        }
        int n = index.length;
        return new Operand(o.data().asSlice(4 * at), o.element(), new long[] {o.sizes()[n], o.sizes()[n + 1]},
                new long[] {o.strides()[n], o.strides()[n + 1]});
    }

    private static void product(Operand a, Operand b, Operand c) {
        try (Arena scratch = Arena.ofConfined()) {
            Matrix left = dense(a, scratch);
            Matrix right = dense(b, scratch);
            Matrix result = Matrix.allocate(scratch, (int) c.sizes()[0], (int) c.sizes()[1]);
            INDArray x = Nd4jMatrices.view(left);
            INDArray y = Nd4jMatrices.view(right);
            // The result in column order is its transpose in row order: (x y)^T = y^T x^T, so BLAS writes rows.
            INDArray z = Nd4jMatrices.view(result).transpose();
            Nd4j.gemm(y, x, z, true, true, 1.0, 0.0);
            scatter(result, c);
        }
    }

    private static Matrix dense(Operand o, Arena scratch) {
        int rows = (int) o.sizes()[0];
        int columns = (int) o.sizes()[1];
        if (o.strides()[1] == 1 && o.strides()[0] == columns) {
            return Matrix.over(o.data(), rows, columns);
        }
        Matrix copy = Matrix.allocate(scratch, rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int k = 0; k < columns; k++) {
                copy.set(r, k, value(o, r, k));
            }
        }
        return copy;
    }

    private static float value(Operand o, int row, int column) {
        return o.data().get(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * (row * o.strides()[0] + column * o.strides()[1]));
    }

    private static void scatter(Matrix result, Operand c) {
        if (c.strides()[1] != 1) {
            throw new IllegalArgumentException("results are written in rows");
        }
        for (int r = 0; r < result.rows(); r++) {
            MemorySegment.copy(result.data(), result.rowOffset(r), c.data(), 4 * r * c.strides()[0], 4L * result.columns());
        }
    }
}
