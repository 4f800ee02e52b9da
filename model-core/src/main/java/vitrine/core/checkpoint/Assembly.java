package vitrine.core.checkpoint;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/// How a tensor comes out of bytes that do not hold it as it is: rows in another order, a view with strides, values packed with their scales in
/// several tensors.
///
/// The tensor is put together when it is read, in memory, and dropped after: a checkpoint's memory stays that of one tensor.
public interface Assembly {

    /// Writes the tensor, row-major in its [TensorEntry#dtype], to `target`, which has room for exactly that.
    ///
    /// @param files the checkpoint's files, mapped whole
    void write(Files files, MemorySegment target);

    /// What the file holds, where that is something else than the tensor's type, such as `GPTQ 4-bit`; or null.
    default String storedAs() {
        return null;
    }

    /// The files of a checkpoint, mapped into memory.
    interface Files {
        MemorySegment of(Path file);
    }
}
