package vitrine.core.forward;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.architecture.Linear;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.kernel.Elementwise;
import vitrine.core.tensor.kernel.Widen;

/// A checkpoint's weights, as the forward pass uses them: products with matrices, rows of tables, vectors.
///
/// Matrices stay in the memory map where products can read their stored type; others are widened to float32, once per
/// [#release]. Vectors (norms, biases) are small and always widened.
public final class Weights implements AutoCloseable {

    /// Widened rows of a matrix that products cannot read as stored are held in pieces of at most this many bytes.
    private static final long TILE_BYTES = 64L << 20;

    private final Checkpoint checkpoint;
    private final MappedWeights map;
    private final Products products;
    private final Set<String> touched = new LinkedHashSet<>();
    private final Map<String, MemorySegment> vectors = new HashMap<>();
    private final Arena vectorArena = Arena.ofShared();

    public Weights(Checkpoint checkpoint, Products products) {
        this.checkpoint = checkpoint;
        this.products = products;
        map = new MappedWeights(checkpoint);
    }

    /// The products that these weights are multiplied with.
    public Products products() {
        return products;
    }

    private TensorEntry entry(String name) {
        return checkpoint.tensor(name).orElseThrow(() -> new IllegalStateException("the spec was not checked against the checkpoint: no " + name));
    }

    /// `y = x W^T + b`.
    ///
    /// @param x `[rows, in]`
    /// @param y `[rows, out]`
    public void multiply(Matrix x, Linear linear, Matrix y) {
        multiply(x, linear.weight(), linear.out(), linear.in(), linear.inputMajor(), y);
        if (linear.bias() != null) {
            Elementwise.addBias(y, vector(linear.bias()));
        }
    }

    /// `y = x W^T` for a weight stored `[out, in]`, or `[in, out]` where `inputMajor`.
    public void multiply(Matrix x, String weight, int out, int in, boolean inputMajor, Matrix y) {
        TensorEntry tensor = entry(weight);
        MemorySegment data = map.data(tensor);
        touched.add(weight);
        Operand.Element element = Operand.Element.ofOrNull(tensor.dtype());
        if (element != null && products.reads(element)) {
            Operand w = inputMajor ? Operand.matrix(data, element, in, out, out) : Operand.matrix(data, element, out, in, in).transposed();
            products.multiply(Operand.of(x), w, Operand.of(y));
            return;
        }
        if (inputMajor) {
            throw new IllegalStateException("weights stored [in, out] are float32, float16 or bfloat16: " + weight);
        }
        multiplyWidened(x, tensor, data, out, in, y);
    }

    private void multiplyWidened(Matrix x, TensorEntry tensor, MemorySegment data, int out, int in, Matrix y) {
        int rows = (int) Math.clamp(TILE_BYTES / (4L * in), 1, out);
        try (Arena scratch = Arena.ofShared()) {
            MemorySegment tile = scratch.allocate(4L * rows * in, 64);
            for (int from = 0; from < out; from += rows) {
                int count = Math.min(rows, out - from);
                Widen.toFloat(tensor.dtype(), data, (long) from * in, (long) count * in, tile);
                products.multiply(Operand.of(x), Operand.matrix(tile, Operand.Element.F32, count, in, in).transposed(), Operand.of(y.columns(from, count)));
            }
        }
    }

    /// Rows `ids` of a table `[rows, width]`, widened into `out` `[ids, width]`.
    public void lookUp(String table, int[] ids, Matrix out) {
        TensorEntry tensor = entry(table);
        MemorySegment data = map.data(tensor);
        touched.add(table);
        for (int i = 0; i < ids.length; i++) {
            Widen.toFloat(tensor.dtype(), data, (long) ids[i] * out.columns(), out.columns(), out.data().asSlice(out.rowOffset(i)));
        }
    }

    /// A small tensor, widened to float32 and kept; null for null.
    public MemorySegment vector(String name) {
        if (name == null) {
            return null;
        }
        return vectors.computeIfAbsent(name, n -> {
            TensorEntry tensor = entry(n);
            MemorySegment out = vectorArena.allocate(Math.max(4, 4 * tensor.elements()), 64);
            Widen.toFloat(tensor.dtype(), map.data(tensor), 0, tensor.elements(), out);
            return out;
        });
    }

    /// Lets go of the pages of all matrices used since the last call: they will be read again from the file's cache.
    public void release() {
        List<String> names = new ArrayList<>(touched);
        touched.clear();
        names.forEach(n -> map.release(entry(n)));
    }

    @Override
    public void close() {
        vectorArena.close();
        map.close();
    }
}
