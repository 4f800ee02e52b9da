package vitrine.core.forward;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.architecture.ExpertParameter;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Linear;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.Scratch;
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
    private final Scratch scratch = new Scratch();
    private Adaptation adaptation = Adaptation.NONE;
    private Inputs inputs;
    private Set<String> unread = Set.of();

    /// Told of what every linear layer reads, before it is multiplied.
    public interface Inputs {

        /// @param weight the layer's stored weight
        /// @param expert which of a stack's matrices, -1 where the tensor is one matrix
        /// @param x `[rows, in]`, valid during the call, not to be changed
        void at(String weight, int expert, Matrix x);
    }

    public Weights(Checkpoint checkpoint, Products products) {
        this.checkpoint = checkpoint;
        this.products = products;
        map = new MappedWeights(checkpoint);
    }

    /// Uses the weights with these changes from now on; nothing that is stored changes.
    public void adapt(Adaptation changes) {
        if (!changes.replaced().equals(adaptation.replaced())) {
            // Kept vectors of what is or was replaced are those no longer.
            vectors.keySet().removeAll(adaptation.replaced().keySet());
            vectors.keySet().removeAll(changes.replaced().keySet());
        }
        adaptation = changes;
    }

    /// Tells `listener` of every linear layer's input from now on; nobody for null.
    public void observe(Inputs listener) {
        inputs = listener;
    }

    /// Leaves out the products with these stored weights from now on: their inputs are told of, and what they would give is not read.
    void leaveOut(Set<String> weights) {
        unread = weights;
    }

    /// What changes the weights at present.
    public Adaptation adaptation() {
        return adaptation;
    }

    /// The products that these weights are multiplied with.
    public Products products() {
        return products;
    }

    private TensorEntry entry(String name) {
        Adaptation.Replacement r = adaptation.replacement(name);
        if (r != null) {
            return r.tensor();
        }
        return checkpoint.tensor(name).orElseThrow(() -> new IllegalStateException("the spec was not checked against the checkpoint: no " + name));
    }

    private MemorySegment data(String name) {
        Adaptation.Replacement r = adaptation.replacement(name);
        return r != null ? r.data() : map.data(entry(name));
    }

    /// `y = x W^T + b`, with what adapters change about it.
    ///
    /// @param x `[rows, in]`
    /// @param y `[rows, out]`
    public void multiply(Matrix x, Linear linear, Matrix y) {
        if (inputs != null) {
            inputs.at(linear.weight(), -1, x);
        }
        if (unread.contains(linear.weight())) {
            return;
        }
        multiplyOwn(x, linear, y);
        adaptation.apply(linear.weight(), x, y, products, scratch);
        if (linear.bias() != null) {
            Elementwise.addBias(y, vector(linear.bias()));
        }
    }

    /// `y = x W^T` with the weight as it is stored.
    private void multiplyOwn(Matrix x, Linear linear, Matrix y) {
        if (linear.scales() == null) {
            multiplyOwn(x, linear.weight(), linear.out(), linear.in(), linear.inputMajor(), y);
        } else {
            TensorEntry tensor = entry(linear.weight());
            MemorySegment data = data(linear.weight());
            touched.add(linear.weight());
            inTiles(x, linear.out(), linear.in(), y, (from, count, tile) -> widen(tensor, data, linear, from, count, tile));
        }
    }

    /// `y = x W^T + b` with the matrix of one expert.
    ///
    /// @param x `[rows, in]`
    /// @param y `[rows, out]`
    public void multiply(Matrix x, Experts.Matrices matrices, int expert, Matrix y) {
        String bias = switch (matrices) {
            case Experts.Each each -> {
                multiply(x, each.linears().get(expert), y);
                yield null;
            }
            case Experts.Stack s -> {
                if (inputs != null) {
                    inputs.at(s.weight(), expert, x);
                }
                if (unread.contains(s.weight())) {
                    yield null;
                }
                multiply(x, s, expert, y);
                adapt(s.weight(), expert, x, y);
                yield s.bias();
            }
            case Experts.Blocks b -> {
                multiply(x, b, expert, y);
                adapt(b.blocks(), expert, x, y);
                yield b.bias();
            }
        };
        if (bias != null) {
            Elementwise.addBias(y, vector(bias).asSlice(4L * expert * matrices.out(), 4L * matrices.out()));
        }
    }

    /// Whether products read the experts' matrices as they are stored, without widening them first.
    boolean readAsStored(Experts.Matrices matrices) {
        String stored = switch (matrices) {
            case Experts.Each each -> each.linears().getFirst().scales() == null ? each.linears().getFirst().weight() : null;
            case Experts.Stack s -> s.weight();
            case Experts.Blocks b -> null;
        };
        Operand.Element element = stored == null ? null : Operand.Element.ofOrNull(entry(stored).dtype());
        return element != null && products.reads(element);
    }

    private void adapt(String stored, int expert, Matrix x, Matrix y) {
        if (!adaptation.linears().isEmpty()) {
            adaptation.apply(ExpertParameter.place(stored, expert), x, y, products, scratch);
        }
    }

    private void multiply(Matrix x, Experts.Stack s, int expert, Matrix y) {
        TensorEntry tensor = entry(s.weight());
        touched.add(s.weight());
        long first = (long) expert * s.out() * s.in();
        MemorySegment data = data(s.weight()).asSlice(tensor.dtype().bytes(first), tensor.dtype().bytes((long) s.out() * s.in()));
        Operand.Element element = Operand.Element.ofOrNull(tensor.dtype());
        if (element != null && products.reads(element)) {
            Operand w = s.inputMajor() ? Operand.matrix(data, element, s.in(), s.out(), s.out()) : Operand.matrix(data, element, s.out(), s.in(), s.in()).transposed();
            products.multiply(Operand.of(x), w, Operand.of(y));
        } else if (s.inputMajor()) {
            // One expert's matrix is small enough to be widened whole.
            try (Arena scratch = Arena.ofShared()) {
                MemorySegment wide = scratch.allocate(4L * s.in() * s.out(), 64);
                Widen.toFloat(tensor.dtype(), data, 0, (long) s.in() * s.out(), wide);
                products.multiply(Operand.of(x), Operand.matrix(wide, Operand.Element.F32, s.in(), s.out(), s.out()), Operand.of(y));
            }
        } else {
            inTiles(x, s.out(), s.in(), y, (from, count, tile) -> Widen.toFloat(tensor.dtype(), data, (long) from * s.in(), (long) count * s.in(), tile));
        }
    }

    private void multiply(Matrix x, Experts.Blocks b, int expert, Matrix y) {
        MemorySegment blocks = map.data(entry(b.blocks()));
        MemorySegment scales = map.data(entry(b.scales()));
        touched.add(b.blocks());
        touched.add(b.scales());
        inTiles(x, b.out(), b.in(), y, (from, count, tile) ->
                Widen.mxfp4(blocks, scales, ((long) expert * b.out() + from) * b.in(), (long) count * b.in(), tile));
    }

    /// The matrix of one expert, widened.
    ///
    /// @param out `[out, in]`, filled; dense
    public void widen(Experts.Matrices matrices, int expert, Matrix out) {
        int n = matrices.out();
        int in = matrices.in();
        switch (matrices) {
            case Experts.Each each -> {
                Linear l = each.linears().get(expert);
                TensorEntry tensor = entry(l.weight());
                touched.add(l.weight());
                if (l.scales() != null) {
                    widen(tensor, map.data(tensor), l, 0, n, out.data());
                } else if (l.inputMajor()) {
                    transposed(tensor, 0, in, out);
                } else {
                    Widen.toFloat(tensor.dtype(), map.data(tensor), 0, (long) n * in, out.data());
                }
            }
            case Experts.Stack s -> {
                TensorEntry tensor = entry(s.weight());
                touched.add(s.weight());
                long first = (long) expert * n * in;
                if (s.inputMajor()) {
                    transposed(tensor, first, in, out);
                } else {
                    Widen.toFloat(tensor.dtype(), map.data(tensor), first, (long) n * in, out.data());
                }
            }
            case Experts.Blocks b -> {
                touched.add(b.blocks());
                touched.add(b.scales());
                Widen.mxfp4(map.data(entry(b.blocks())), map.data(entry(b.scales())), (long) expert * n * in, (long) n * in, out.data());
            }
        }
    }

    /// Values stored `[in, out]` from value `first` on, as `[out, in]`.
    private void transposed(TensorEntry tensor, long first, int in, Matrix out) {
        try (Arena scratch = Arena.ofShared()) {
            Matrix stored = Matrix.over(scratch.allocate(4L * in * out.rows(), 64), in, out.rows());
            Widen.toFloat(tensor.dtype(), map.data(tensor), first, (long) in * out.rows(), stored.data());
            for (int i = 0; i < in; i++) {
                float[] row = stored.row(i);
                for (int o = 0; o < row.length; o++) {
                    out.set(o, i, row[o]);
                }
            }
        }
    }

    /// Rows `[from, from + count)` of a weight as float32, to the start of `tile`.
    private interface Tile {
        void widen(int from, int count, MemorySegment tile);
    }

    private void widen(TensorEntry tensor, MemorySegment data, Linear l, int from, int count, MemorySegment tile) {
        Widen.toFloat(tensor.dtype(), data, (long) from * l.in(), (long) count * l.in(), tile);
        Linear.Scales s = l.scales();
        MemorySegment scales = vector(s.tensor());
        Matrix rows = Matrix.over(tile, count, l.in());
        int across = Math.ceilDiv(l.in(), s.columns());
        for (int b = 0; b < across; b++) {
            Matrix block = rows.columns(b * s.columns(), Math.min(s.columns(), l.in() - b * s.columns()));
            float[] factors = new float[count];
            for (int r = 0; r < count; r++) {
                factors[r] = scales.getAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, (long) ((from + r) / s.rows()) * across + b);
            }
            Elementwise.scaleRows(block, factors);
        }
    }

    /// `y = x W^T` for a weight stored `[out, in]`, or `[in, out]` where `inputMajor`, with what adapters change about it.
    public void multiply(Matrix x, String weight, int out, int in, boolean inputMajor, Matrix y) {
        multiplyOwn(x, weight, out, in, inputMajor, y);
        adaptation.apply(weight, x, y, products, scratch);
    }

    private void multiplyOwn(Matrix x, String weight, int out, int in, boolean inputMajor, Matrix y) {
        TensorEntry tensor = entry(weight);
        MemorySegment data = data(weight);
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
        inTiles(x, out, in, y, (from, count, tile) -> Widen.toFloat(tensor.dtype(), data, (long) from * in, (long) count * in, tile));
    }

    private void inTiles(Matrix x, int out, int in, Matrix y, Tile widening) {
        int rows = (int) Math.clamp(TILE_BYTES / (4L * in), 1, out);
        try (Arena scratch = Arena.ofShared()) {
            MemorySegment tile = scratch.allocate(4L * rows * in, 64);
            for (int from = 0; from < out; from += rows) {
                int count = Math.min(rows, out - from);
                widening.widen(from, count, tile);
                products.multiply(Operand.of(x), Operand.matrix(tile, Operand.Element.F32, count, in, in).transposed(), Operand.of(y.columns(from, count)));
            }
        }
    }

    /// Rows `ids` of a table `[rows, width]`, widened into `out` `[ids, width]`.
    public void lookUp(String table, int[] ids, Matrix out) {
        ownRows(table, ids, out);
        adaptation.applyToRows(table, ids, out, products, scratch);
    }

    private void ownRows(String table, int[] ids, Matrix out) {
        TensorEntry tensor = entry(table);
        MemorySegment data = data(table);
        touched.add(table);
        for (int i = 0; i < ids.length; i++) {
            Widen.toFloat(tensor.dtype(), data, (long) ids[i] * out.columns(), out.columns(), out.data().asSlice(out.rowOffset(i)));
        }
    }

    /// One output's row of a layer stored `[out, in]`, with its scales and what adapters change about it, into `out` `[1, in]`.
    public void row(Linear linear, int output, Matrix out) {
        ownRow(linear, output, out);
        adaptation.applyToRow(linear.weight(), output, out, products, scratch);
    }

    /// One output's row of a layer stored `[out, in]`, with its scales, without adapters, into `out` `[1, in]`.
    public void ownRow(Linear linear, int output, Matrix out) {
        if (linear.scales() == null) {
            ownRows(linear.weight(), new int[] {output}, out);
            return;
        }
        TensorEntry tensor = entry(linear.weight());
        touched.add(linear.weight());
        widen(tensor, data(linear.weight()), linear, output, 1, out.data());
    }

    /// A small tensor, widened to float32 and kept; null for null.
    public MemorySegment vector(String name) {
        if (name == null) {
            return null;
        }
        return vectors.computeIfAbsent(name, n -> {
            TensorEntry tensor = entry(n);
            MemorySegment out = vectorArena.allocate(Math.max(4, 4 * tensor.elements()), 64);
            Widen.toFloat(tensor.dtype(), data(n), 0, tensor.elements(), out);
            return out;
        });
    }

    /// Lets go of the pages of all matrices used since the last call: they will be read again from the file's cache.
    public void release() {
        List<String> names = new ArrayList<>(touched);
        touched.clear();
        for (String name : names) {
            Adaptation.Replacement replacement = adaptation.replacement(name);
            if (replacement == null) {
                map.release(entry(name));
            } else {
                replacement.release();
            }
        }
    }

    @Override
    public void close() {
        scratch.close();
        vectorArena.close();
        map.close();
    }
}
