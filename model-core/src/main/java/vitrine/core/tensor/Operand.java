package vitrine.core.tensor;

import java.lang.foreign.MemorySegment;

/// One side of a matrix product: a strided view of native memory with two to four axes, the last two being the matrix.
/// Sizes and strides are in elements.
public record Operand(MemorySegment data, Element element, long[] sizes, long[] strides) {

    /// Stored types that a product may read without widening first.
    public enum Element {
        F16, BF16, F32;

        /// The element type of a stored type, or null where products cannot read it.
        public static Element ofOrNull(DType dtype) {
            return switch (dtype) {
                case F16 -> F16;
                case BF16 -> BF16;
                case F32 -> F32;
                default -> null;
            };
        }
    }

    /// A float32 matrix.
    public static Operand of(Matrix m) {
        return matrix(m.data(), Element.F32, m.rows(), m.columns(), m.rowStride());
    }

    /// A row-major matrix `[rows, columns]` whose rows lie `rowStride` elements apart.
    public static Operand matrix(MemorySegment data, Element element, long rows, long columns, long rowStride) {
        return new Operand(data, element, new long[] {rows, columns}, new long[] {rowStride, 1});
    }

    /// The same memory read as its transpose: the last two axes change places.
    public Operand transposed() {
        long[] s = sizes.clone();
        long[] t = strides.clone();
        int n = s.length;
        s[n - 1] = sizes[n - 2];
        s[n - 2] = sizes[n - 1];
        t[n - 1] = strides[n - 2];
        t[n - 2] = strides[n - 1];
        return new Operand(data, element, s, t);
    }
}
