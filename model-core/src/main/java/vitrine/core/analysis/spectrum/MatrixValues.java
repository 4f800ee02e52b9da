package vitrine.core.analysis.spectrum;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Operand;

/// The values of a matrix `[rows, columns]`, read block by block, so that it need never be in memory as a whole. Any thread may read.
public interface MatrixValues {

    int rows();

    int columns();

    /// The type that the values have or came from: what is exact in it decides which arithmetic is close enough.
    DType dtype();

    /// Writes rows `[row, row + rows)` and columns `[column, column + columns)` to `target` as float64.
    ///
    /// @param stride values from the start of a row of `target` to that of the next
    void read(int row, int rows, int column, int columns, MemorySegment target, long stride);

    /// [#read] in float32.
    void readFloat(int row, int rows, int column, int columns, MemorySegment target, long stride);

    /// The matrix where it is stored, if products can read it there.
    default Optional<Operand> stored() {
        return Optional.empty();
    }

    /// Rows `[row, row + rows)` will not be read again soon: their pages need not stay in memory.
    default void release(int row, int rows) {}
}
