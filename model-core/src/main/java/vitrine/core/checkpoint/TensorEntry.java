package vitrine.core.checkpoint;

import java.nio.file.Path;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// A tensor's place: `bytes` bytes at `offset` (from the start of the file) of `file`, little-endian, row-major.
///
/// @param assembly how those bytes (and perhaps others) become the tensor, or null where they are it
/// @param storedName its name in the file, where that is another
public record TensorEntry(String name, DType dtype, Shape shape, Path file, long offset, long bytes, Assembly assembly, String storedName) {

    /// A tensor that lies in its file as it is.
    public TensorEntry(String name, DType dtype, Shape shape, Path file, long offset, long bytes) {
        this(name, dtype, shape, file, offset, bytes, null, name);
    }

    /// The same bytes under another name, of another shape, put together in another way.
    public TensorEntry as(String other, DType type, Shape form, Assembly how) {
        return new TensorEntry(other, type, form, file, offset, bytes, how, storedName);
    }

    /// The number of values.
    public long elements() {
        return shape.elements();
    }

    /// How its values are stored, in words: the type's name, or what they are made from.
    public String storedAs() {
        String other = assembly == null ? null : assembly.storedAs();
        return other == null ? dtype.name() : other;
    }
}
