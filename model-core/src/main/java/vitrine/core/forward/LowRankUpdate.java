package vitrine.core.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Elementwise;

/// What one adapter adds to one linear layer: `y += (rows of x) A^T diag(gates) B^T + own * (x W^T) + bias`.
///
/// B holds the scaling. `own` is there for DoRA, whose output is `(m / c) (x W^T + x A^T B^T)`: B then holds m / c too, and own is
/// m / c - 1.
///
/// @param a `[rank, in]`
/// @param b `[out, rank]`
/// @param own `[out]`, or null
/// @param bias `[out]`, or null
/// @param gates what each component is multiplied with, `[rank]`; null for 1
/// @param watch is told the values between A and B, before gates, or null
public record LowRankUpdate(Matrix a, Matrix b, float[] own, MemorySegment bias, float[] gates, Watch watch) {

    /// Sees what passes between A and B.
    @FunctionalInterface
    public interface Watch {
        /// @param h `[tokens, rank]`, to be read only
        void between(Matrix h);
    }

    public int rank() {
        return a.rows();
    }

    /// The same update with other gates.
    public LowRankUpdate gated(float[] with) {
        return new LowRankUpdate(a, b, own, bias, with, watch);
    }

    /// The same update, watched.
    public LowRankUpdate watched(Watch by) {
        return new LowRankUpdate(a, b, own, bias, gates, by);
    }

    /// The first `count` components only.
    public LowRankUpdate first(int count) {
        return new LowRankUpdate(a.rows(0, count), b.columns(0, count), own, bias, gates == null ? null : java.util.Arrays.copyOf(gates, count), watch);
    }

    /// Adds what comes of x `[tokens, in]` to y `[tokens, out]`; `own` is the caller's.
    void add(Matrix x, Matrix y, Products products, Scratch scratch) {
        if (rank() > 0) {
            try (Scratch.Frame ignored = scratch.frame()) {
                Matrix h = scratch.matrix(x.rows(), rank());
                products.multiply(Operand.of(x), Operand.of(a).transposed(), Operand.of(h));
                fromBetween(h, y, products, scratch);
            }
        }
        if (bias != null) {
            Elementwise.addBias(y, bias);
        }
    }

    /// Adds rows `ids` of the table's delta to `y` `[ids, out]`.
    void addRows(int[] ids, Matrix y, Products products, Scratch scratch) {
        if (rank() == 0) {
            return;
        }
        try (Scratch.Frame ignored = scratch.frame()) {
            Matrix h = scratch.matrix(ids.length, rank());
            for (int t = 0; t < ids.length; t++) {
                for (int i = 0; i < rank(); i++) {
                    h.set(t, i, a.get(i, ids[t]));
                }
            }
            fromBetween(h, y, products, scratch);
        }
    }

    private void fromBetween(Matrix h, Matrix y, Products products, Scratch scratch) {
        if (watch != null) {
            watch.between(h);
        }
        if (gates != null) {
            Elementwise.scaleColumns(h, gates);
        }
        Matrix up = scratch.matrix(h.rows(), y.columns());
        products.multiply(Operand.of(h), Operand.of(b).transposed(), Operand.of(up));
        Elementwise.add(y, up, 1f);
    }

    /// Adds row `output` of the delta to `row` `[1, in]`.
    void addDeltaRow(int output, Matrix row, Products products, Scratch scratch) {
        if (rank() == 0) {
            return;
        }
        try (Scratch.Frame ignored = scratch.frame()) {
            Matrix h = scratch.matrix(1, rank());
            for (int i = 0; i < rank(); i++) {
                h.data().setAtIndex(JAVA_FLOAT, i, b.get(output, i) * (gates == null ? 1f : gates[i]));
            }
            Matrix delta = scratch.matrix(1, row.columns());
            products.multiply(Operand.of(h), Operand.of(a), Operand.of(delta));
            Elementwise.add(row, delta, 1f);
        }
    }
}
