package vitrine.core.tensor;

/// Matrix products on this machine. Closing lets go of what was prepared for the shapes that were multiplied.
public interface Products extends AutoCloseable {

    /// `c = a b`, with float32 arithmetic and a float32 result. Axes before the last two are batches; one of size 1 in `b`
    /// is shared by all of `a`'s.
    void multiply(Operand a, Operand b, Operand c);

    /// Whether `b` may be of this stored type, so that it need not be widened first.
    boolean reads(Operand.Element element);

    /// A name for diagnostics, such as `oneDNN` or `ND4J, OpenBLAS`.
    String name();

    @Override
    default void close() {}
}
