package vitrine.core.backward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Elementwise;

/// A tensor of the model or of an adapter: its values and, where it is trained, the gradient.
///
/// Trained tensors are float32 in memory of their own (the master copy); others may be as stored.
public final class Parameter {

    private final String name;
    private final Shape shape;
    private final MemorySegment data;
    private final Operand.Element element;
    /// Where the gradient's memory comes from once it is wanted; null for tensors that are not trained.
    private final Arena gradients;
    private MemorySegment gradient;
    private boolean fresh = true;
    private boolean resting;

    Parameter(String name, Shape shape, MemorySegment data, Operand.Element element, Arena gradients) {
        this.name = name;
        this.shape = shape;
        this.data = data;
        this.element = element;
        this.gradients = gradients;
    }

    /// A trained tensor of zeros.
    public static Parameter zeros(String name, Shape shape, Arena arena) {
        long bytes = Math.max(64, 4 * shape.elements());
        return new Parameter(name, shape, arena.allocate(bytes, 64), Operand.Element.F32, arena);
    }

    public String name() {
        return name;
    }

    public Shape shape() {
        return shape;
    }

    public long elements() {
        return shape.elements();
    }

    /// The values: float32 where [#trained], else of [#element].
    public MemorySegment data() {
        return data;
    }

    Operand.Element element() {
        return element;
    }

    /// Whether it gets a gradient.
    public boolean trained() {
        return gradients != null && !resting;
    }

    /// Lets a trained tensor rest: no gradient is computed for it until it is called back.
    public void rest(boolean now) {
        resting = now;
    }

    /// The gradient's values, zeros where nothing was added since [#clear].
    public MemorySegment gradient() {
        if (fresh) {
            memory().fill((byte) 0);
            fresh = false;
        }
        return gradient;
    }

    /// Taken when it is first wanted: a run without gradients never takes it.
    private MemorySegment memory() {
        gradient = gradient == null ? gradients.allocate(Math.max(64, 4 * shape.elements()), 64) : gradient;
        return gradient;
    }

    /// Forgets the gradient.
    public void clear() {
        fresh = true;
    }

    /// Whether anything was added since [#clear].
    public boolean touched() {
        return gradients != null && !fresh;
    }

    /// Adds what `write` writes to rows of the gradient read as `[rows, columns]` from value `first` on. The first addition after [#clear] to a
    /// whole tensor is written in place.
    void add(long first, int rows, int columns, Scratch pool, Consumer<Matrix> write) {
        boolean whole = first == 0 && (long) rows * columns == shape.elements();
        if (fresh && whole) {
            fresh = false;
            write.accept(Matrix.over(memory(), rows, columns));
            return;
        }
        Matrix sum = Matrix.over(gradient().asSlice(4 * first), rows, columns);
        try (Scratch.Frame ignored = pool.frame()) {
            Matrix part = pool.matrix(rows, columns);
            write.accept(part);
            Elementwise.add(sum, part, 1f);
        }
    }

    /// The values of a float32 tensor, copied out.
    public float[] toArray() {
        float[] out = new float[Math.toIntExact(elements())];
        MemorySegment.copy(data, JAVA_FLOAT, 0, out, 0, out.length);
        return out;
    }

    /// The gradient, copied out.
    public float[] gradientToArray() {
        float[] out = new float[Math.toIntExact(elements())];
        MemorySegment.copy(gradient(), JAVA_FLOAT, 0, out, 0, out.length);
        return out;
    }

    /// Sets the values of a float32 tensor.
    public void set(float[] values) {
        if (values.length != elements()) {
            throw new IllegalArgumentException(name + " has " + elements() + " values, not " + values.length);
        }
        MemorySegment.copy(values, 0, data, JAVA_FLOAT, 0, values.length);
    }

    @Override
    public String toString() {
        return name + shape;
    }
}
