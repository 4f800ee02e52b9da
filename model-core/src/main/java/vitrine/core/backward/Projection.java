package vitrine.core.backward;

import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.Operand;

/// A linear layer's matrix within its tensor, with its bias and whatever adapter it has.
///
/// @param weight the tensor; the matrix begins at value `first`, `[out, in]`, or `[in, out]` where `inputMajor`
/// @param bias or null; the layer's part begins at value `biasFirst`
/// @param adapter or null
record Projection(Parameter weight, long first, int out, int in, boolean inputMajor, Parameter bias, long biasFirst, LowRank adapter) {

    /// The matrix as the second factor of `y = x M`: `[in, out]`.
    Operand forward() {
        return inputMajor ? stored(in, out) : stored(out, in).transposed();
    }

    /// The matrix as the second factor of `dx = dy M`: `[out, in]`.
    Operand backward() {
        return inputMajor ? stored(in, out).transposed() : stored(out, in);
    }

    private Operand stored(int rows, int columns) {
        int bytes = weight.element() == Operand.Element.F32 ? 4 : 2;
        return Operand.matrix(weight.data().asSlice(bytes * first, (long) bytes * out * in), weight.element(), rows, columns, columns);
    }

    MemorySegment biasValues() {
        return bias.data().asSlice(4 * biasFirst, 4L * out);
    }

    /// Whether anything of it is trained.
    boolean trained() {
        return weight.trained() || bias != null && bias.trained() || adapter != null;
    }
}
