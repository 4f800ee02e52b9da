package vitrine.core.backward;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.tensor.Matrix;

/// Memory for values, their gradients and what is needed for a moment, taken and given back like brackets.
///
/// Fresh matrices hold whatever was there before. One thread.
final class Pool implements AutoCloseable {

    private static final long BLOCK_BYTES = 16L << 20;
    private static final long ALIGNMENT = 64;

    private final Arena arena = Arena.ofShared();
    private final List<MemorySegment> blocks = new ArrayList<>();
    private int block;
    private long used;

    /// What is allocated from here on goes with the mark.
    final class Mark implements AutoCloseable {
        private final int toBlock = block;
        private final long toUsed = used;

        @Override
        public void close() {
            block = toBlock;
            used = toUsed;
        }
    }

    Mark mark() {
        return new Mark();
    }

    /// A dense matrix of unspecified values.
    Matrix matrix(int rows, int columns) {
        long bytes = (Math.max(ALIGNMENT, 4L * rows * columns) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        while (block < blocks.size() && used + bytes > blocks.get(block).byteSize()) {
            block++;
            used = 0;
        }
        if (block == blocks.size()) {
            blocks.add(arena.allocate(Math.max(BLOCK_BYTES, bytes), ALIGNMENT));
        }
        Matrix m = Matrix.over(blocks.get(block).asSlice(used, bytes), rows, columns);
        used += bytes;
        assert poison(m);
        return m;
    }

    private static boolean poison(Matrix m) {
        m.data().fill((byte) 0xff);
        return true;
    }

    /// A dense matrix of zeros.
    Matrix zeros(int rows, int columns) {
        Matrix m = matrix(rows, columns);
        m.data().fill((byte) 0);
        return m;
    }

    /// Bytes taken from the system so far.
    long bytes() {
        return blocks.stream().mapToLong(MemorySegment::byteSize).sum();
    }

    @Override
    public void close() {
        arena.close();
    }
}
