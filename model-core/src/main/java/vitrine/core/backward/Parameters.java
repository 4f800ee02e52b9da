package vitrine.core.backward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Elementwise;
import vitrine.core.tensor.kernel.Widen;

/// A checkpoint's tensors for training: those that are trained as float32 copies with gradients, the others where the memory map has them or,
/// where products cannot read their stored type, widened once.
public final class Parameters implements AutoCloseable {

    private final Checkpoint checkpoint;
    private final ModelSpec spec;
    private final Products products;
    private final MappedWeights map;
    private final Arena arena = Arena.ofShared();
    private final Map<String, Parameter> tensors = new HashMap<>();
    private final List<Parameter> trained = new ArrayList<>();
    private final Map<String, LowRank> adapters = new LinkedHashMap<>();
    /// Tensors of layers and tables that have an adapter.
    private final Set<String> adapted = new HashSet<>();

    /// @param trains which tensors of the file are trained
    /// @throws Refusal `task-invalid` where one of them is quantised
    public Parameters(Checkpoint checkpoint, ModelSpec spec, Products products, Predicate<NamedTensor> trains) {
        this.checkpoint = checkpoint;
        this.spec = spec;
        this.products = products;
        map = new MappedWeights(checkpoint);
        for (NamedTensor t : NamedTensor.of(spec)) {
            if (trainable(t) && trains.test(t)) {
                trained.add(copy(t.name()));
            }
        }
    }

    /// Whether a tensor has a gradient at all: the correction of a router's choice does not, and integers do not.
    private boolean trainable(NamedTensor t) {
        return spec.layers().stream().noneMatch(l -> l.feedForward() instanceof vitrine.core.architecture.FeedForward.Mixture m && t.name().equals(m.router().correction()));
    }

    /// The memory that trained tensors of adapters belong in.
    public Arena arena() {
        return arena;
    }

    public ModelSpec spec() {
        return spec;
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    public Products products() {
        return products;
    }

    private TensorEntry entry(String name) {
        return checkpoint.tensor(name).orElseThrow(() -> new IllegalStateException("the spec was not checked against the checkpoint: no " + name));
    }

    private Parameter copy(String name) {
        TensorEntry t = entry(name);
        if (t.dtype().bits() < 16 || checkpoint.config().has("quantization_config")) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "its weights are quantised (%s), so they cannot be trained themselves", t.dtype().name())
                    .where("tensor " + name).help("Train an adapter (--method lora), or dequantise the checkpoint first.");
        }
        long bytes = Math.max(64, 4 * t.elements());
        MemorySegment data = arena.allocate(bytes, 64);
        Widen.toFloat(t.dtype(), map.data(t), 0, t.elements(), data);
        Parameter p = new Parameter(name, t.shape(), data, Operand.Element.F32, arena);
        tensors.put(name, p);
        return p;
    }

    /// A tensor by name, null for null.
    public Parameter get(String name) {
        return name == null ? null : tensors.computeIfAbsent(name, this::frozen);
    }

    private Parameter frozen(String name) {
        TensorEntry t = entry(name);
        Operand.Element element = Operand.Element.ofOrNull(t.dtype());
        boolean vector = t.shape().rank() < 2;
        if (element != null && (!vector || element == Operand.Element.F32) && (element == Operand.Element.F32 || products.reads(element))) {
            return new Parameter(name, t.shape(), map.data(t), element, null);
        }
        MemorySegment wide = arena.allocate(Math.max(64, 4 * t.elements()), 64);
        Widen.toFloat(t.dtype(), map.data(t), 0, t.elements(), wide);
        return new Parameter(name, t.shape(), wide, Operand.Element.F32, null);
    }

    /// A small tensor as float32; null for null.
    Parameter vector(String name) {
        if (name == null) {
            return null;
        }
        Parameter p = get(name);
        if (p.element() == Operand.Element.F32) {
            return p;
        }
        MemorySegment wide = arena.allocate(Math.max(64, 4 * p.elements()), 64);
        Widen.toFloat(stored(p), p.data(), 0, p.elements(), wide);
        Parameter widened = new Parameter(name, p.shape(), wide, Operand.Element.F32, null);
        tensors.put(name, widened);
        return widened;
    }

    private static DType stored(Parameter p) {
        return switch (p.element()) {
            case F32 -> DType.F32;
            case F16 -> DType.F16;
            case BF16 -> DType.BF16;
        };
    }

    /// Rows `ids` of a table, widened.
    void lookUp(String table, int[] ids, Matrix out) {
        Parameter p = get(table);
        for (int i = 0; i < ids.length; i++) {
            Widen.toFloat(stored(p), p.data(), (long) ids[i] * out.columns(), out.columns(), out.data().asSlice(out.rowOffset(i)));
        }
    }

    Projection projection(Linear l) {
        Parameter weight = l.scales() == null ? get(l.weight()) : tensors.computeIfAbsent(l.weight(), n -> scaled(l));
        return new Projection(weight, 0, l.out(), l.in(), l.inputMajor(), vector(l.bias()), 0, adapters.get(l.weight()));
    }

    private Parameter scaled(Linear l) {
        TensorEntry t = entry(l.weight());
        MemorySegment wide = arena.allocate(4 * t.elements(), 64);
        Widen.toFloat(t.dtype(), map.data(t), 0, t.elements(), wide);
        Linear.Scales s = l.scales();
        MemorySegment scales = vector(s.tensor()).data();
        int across = Math.ceilDiv(l.in(), s.columns());
        Matrix all = Matrix.over(wide, l.out(), l.in());
        for (int b = 0; b < across; b++) {
            float[] factors = new float[l.out()];
            for (int r = 0; r < factors.length; r++) {
                factors[r] = scales.getAtIndex(JAVA_FLOAT, (long) (r / s.rows()) * across + b);
            }
            Elementwise.scaleRows(all.columns(b * s.columns(), Math.min(s.columns(), l.in() - b * s.columns())), factors);
        }
        return new Parameter(l.weight(), t.shape(), wide, Operand.Element.F32, null);
    }

    Projection projection(Experts.Matrices matrices, int expert) {
        return switch (matrices) {
            case Experts.Each each -> projection(each.linears().get(expert));
            case Experts.Stack s -> new Projection(get(s.weight()), (long) expert * s.out() * s.in(), s.out(), s.in(), s.inputMajor(), vector(s.bias()),
                    (long) expert * s.out(), adapters.get(expert(s.weight(), expert)));
            case Experts.Blocks b -> new Projection(tensors.computeIfAbsent(b.blocks(), n -> widened(b)), (long) expert * b.out() * b.in(), b.out(), b.in(), false,
                    vector(b.bias()), (long) expert * b.out(), adapters.get(expert(b.blocks(), expert)));
        };
    }

    private Parameter widened(Experts.Blocks b) {
        long count = (long) b.count() * b.out() * b.in();
        MemorySegment wide = arena.allocate(4 * count, 64);
        Widen.mxfp4(map.data(entry(b.blocks())), map.data(entry(b.scales())), 0, count, wide);
        return new Parameter(b.blocks(), Shape.of(b.count(), b.out(), b.in()), wide, Operand.Element.F32, null);
    }

    /// A layer's matrix as float32, as it is stored.
    public float[] values(Linear l) {
        Parameter p = projection(l).weight();
        float[] out = new float[Math.toIntExact(p.elements())];
        try (Arena scratch = Arena.ofShared()) {
            MemorySegment wide = scratch.allocate(4 * p.elements(), 64);
            Widen.toFloat(stored(p), p.data(), 0, p.elements(), wide);
            MemorySegment.copy(wide, JAVA_FLOAT, 0, out, 0, out.length);
        }
        return out;
    }

    /// Puts other values in the place of a matrix that is not trained; the checkpoint stays as it is.
    ///
    /// @param values as the tensor is stored
    public void replace(Linear l, float[] values) {
        Parameter before = projection(l).weight();
        if (before.trained() || before.elements() != values.length) {
            throw new IllegalArgumentException(before + " cannot be replaced");
        }
        MemorySegment wide = arena.allocate(Math.max(64, 4L * values.length), 64);
        MemorySegment.copy(values, 0, wide, JAVA_FLOAT, 0, values.length);
        tensors.put(l.weight(), new Parameter(l.weight(), before.shape(), wide, Operand.Element.F32, null));
    }

    /// The place of an adapter on a table that tokens are looked up in, which may be the head's matrix as well.
    public static String table(String weight) {
        return weight + "#table";
    }

    /// The place of an adapter on the output head.
    public static String head(String weight) {
        return weight + "#head";
    }

    /// The place of an adapter on one expert's matrix in a tensor of all experts.
    public static String expert(String weight, int expert) {
        return vitrine.core.architecture.ExpertParameter.place(weight, expert);
    }

    /// Gives a place an adapter, whose tensors count as trained from now on.
    ///
    /// @param place the name of a linear layer's weight, or [#table], [#head] or [#expert]
    public void adapt(String place, LowRank adapter) {
        adaptResting(place, adapter);
        trained.add(adapter.a());
        trained.add(adapter.b());
        if (adapter.gate() != null) {
            trained.add(adapter.gate());
        }
        if (adapter.magnitude() != null) {
            trained.add(adapter.magnitude());
        }
    }

    /// Gives a place an adapter of which the optimiser changes nothing itself.
    public void adaptResting(String place, LowRank adapter) {
        adapters.put(place, adapter);
        int mark = place.indexOf('#');
        if (!place.endsWith("#head")) {
            adapted.add(mark < 0 ? place : place.substring(0, mark));
        }
    }

    /// Counts a tensor of a method's own as trained.
    public void train(Parameter own) {
        trained.add(own);
    }

    /// Adapters by their place.
    public Map<String, LowRank> adapters() {
        return adapters;
    }

    /// All trained tensors, those of the model first, in the order of the forward pass.
    public List<Parameter> trained() {
        return trained;
    }

    boolean anyTrained(Collection<NamedTensor> of) {
        return of.stream().anyMatch(t -> adapted.contains(t.name()) || tensors.containsKey(t.name()) && tensors.get(t.name()).trained());
    }

    /// Forgets all gradients.
    public void clearGradients() {
        trained.forEach(Parameter::clear);
    }

    @Override
    public void close() {
        arena.close();
        map.close();
    }
}
