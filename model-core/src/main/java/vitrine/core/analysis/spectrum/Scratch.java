package vitrine.core.analysis.spectrum;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Native memory that is used again for one matrix after the other; what it held before means nothing. For one thread.
final class Scratch implements AutoCloseable {

    private Arena arena;
    private MemorySegment memory = MemorySegment.NULL;

    /// At least `bytes` bytes, aligned to cache lines; what was given out before must not be used any more.
    MemorySegment atLeast(long bytes) {
        if (memory.byteSize() < bytes) {
            close();
            arena = Arena.ofShared();
            memory = arena.allocate(Math.max(64, bytes), 64);
        }
        return memory;
    }

    @Override
    public void close() {
        if (arena != null) {
            arena.close();
            arena = null;
            memory = MemorySegment.NULL;
        }
    }
}
