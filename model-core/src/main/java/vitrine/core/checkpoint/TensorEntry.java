package vitrine.core.checkpoint;

import java.nio.file.Path;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// A tensor's place: `bytes` bytes at `offset` (from the start of the file) of `file`, little-endian, row-major.
public record TensorEntry(String name, DType dtype, Shape shape, Path file, long offset, long bytes) {

    /// The number of values.
    public long elements() {
        return shape.elements();
    }
}
