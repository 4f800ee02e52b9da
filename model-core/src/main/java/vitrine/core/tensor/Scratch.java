package vitrine.core.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Memory for values that are needed for a moment, such as those between a layer's input and its output, used again by the next layer.
///
/// A layer of 512 tokens needs tens of megabytes for a moment; taking them from the system and giving them back, with zeros
/// written over them each time, would cost as much as all norms and rotations. Values live as long as their [Frame]: frames are
/// opened and closed like brackets, by one thread. **Fresh matrices hold whatever was there before**: whoever allocates one
/// writes all of it.
public final class Scratch implements AutoCloseable {

    /// The least that is taken from the system at first, doubled each time up to the most: fresh memory is zeroed, which a small model would wait for.
    private static final long FIRST_BYTES = 1L << 18;
    private static final int DOUBLINGS = 6;
    private static final long ALIGNMENT = 64;

    private final Arena arena = Arena.ofShared();
    private final List<MemorySegment> blocks = new ArrayList<>();
    private int block;
    private long used;

    /// Opens a frame; closing it gives back what was allocated meanwhile.
    public Frame frame() {
        return new Frame(block, used);
    }

    /// A stretch of the program in which matrices are allocated.
    public final class Frame implements AutoCloseable {
        private final int toBlock;
        private final long toUsed;

        private Frame(int toBlock, long toUsed) {
            this.toBlock = toBlock;
            this.toUsed = toUsed;
        }

        @Override
        public void close() {
            block = toBlock;
            used = toUsed;
        }
    }

    /// A dense matrix of unspecified values `[rows, columns]`, valid until the innermost open frame is closed.
    public Matrix matrix(int rows, int columns) {
        long bytes = (Math.max(ALIGNMENT, 4L * rows * columns) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        while (block < blocks.size() && used + bytes > blocks.get(block).byteSize()) {
            block++;
            used = 0;
        }
        if (block == blocks.size()) {
            blocks.add(arena.allocate(Math.max(FIRST_BYTES << Math.min(DOUBLINGS, blocks.size()), bytes), ALIGNMENT));
        }
        Matrix m = Matrix.over(blocks.get(block).asSlice(used, bytes), rows, columns);
        used += bytes;
        assert poison(m);
        return m;
    }

    /// With assertions on, as in tests, fresh values are no numbers, so that reading what was never written shows.
    private static boolean poison(Matrix m) {
        m.data().fill((byte) 0xff);
        return true;
    }

    /// A dense matrix of zeros, valid as long.
    public Matrix zeros(int rows, int columns) {
        Matrix m = matrix(rows, columns);
        m.data().fill((byte) 0);
        return m;
    }

    /// Bytes taken from the system so far.
    public long bytes() {
        return blocks.stream().mapToLong(MemorySegment::byteSize).sum();
    }

    @Override
    public void close() {
        arena.close();
    }
}
