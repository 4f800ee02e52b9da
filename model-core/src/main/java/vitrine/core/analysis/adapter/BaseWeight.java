package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A weight of the base `[out, in]`, read some rows at a time: it need never be in memory as a whole.
public interface BaseWeight {

    /// So much of a weight is read at a time, in bytes of float64.
    long BLOCK_BYTES = 16L << 20;

    int rows();

    int columns();

    /// Writes rows `[from, from + count)` to `target` as float64, one behind the other.
    void read(int from, int count, MemorySegment target);

    /// Told a block of rows.
    @FunctionalInterface
    interface Block {
        /// @param first the block's first row; `rows` is valid during the call only
        void at(int first, Dense rows);
    }

    /// Passes over all rows, block by block.
    default void eachBlock(Block block) {
        int most = (int) Math.clamp(BLOCK_BYTES / 8 / Math.max(1, columns()), 1, Math.max(1, rows()));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(8L * most * columns(), 64);
            for (int from = 0; from < rows(); from += most) {
                int count = Math.min(most, rows() - from);
                read(from, count, buffer);
                block.at(from, new Dense(buffer, count, columns()));
            }
        }
    }

    /// The whole weight.
    default Dense whole(Arena arena) {
        Dense d = Dense.allocate(arena, rows(), columns());
        read(0, rows(), d.data());
        return d;
    }

    /// A weight that is in memory.
    static BaseWeight of(Dense d) {
        return new BaseWeight() {
            @Override
            public int rows() {
                return d.rows();
            }

            @Override
            public int columns() {
                return d.columns();
            }

            @Override
            public void read(int from, int count, MemorySegment target) {
                MemorySegment.copy(d.data(), 8L * from * d.columns(), target, 0, 8L * count * d.columns());
            }
        };
    }
}
