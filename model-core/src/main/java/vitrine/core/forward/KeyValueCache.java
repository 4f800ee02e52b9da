package vitrine.core.forward;

import java.lang.foreign.Arena;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.tensor.Matrix;

/// Keys and values of the positions that one sequence has already passed, so that the next ones need not pass them again.
public final class KeyValueCache implements AutoCloseable {

    private final Arena arena = Arena.ofShared();
    private final Matrix[] keys;
    private final Matrix[] values;
    private final int capacity;
    private int length;

    /// A cache for up to `capacity` positions.
    public KeyValueCache(ModelSpec spec, int capacity) {
        this.capacity = capacity;
        keys = new Matrix[spec.layers().size()];
        values = new Matrix[keys.length];
        for (int l = 0; l < keys.length; l++) {
            AttentionSpec a = spec.layers().get(l).attention();
            keys[l] = Matrix.allocate(arena, capacity, a.keyValueHeads() * a.headDim());
            values[l] = Matrix.allocate(arena, capacity, a.keyValueHeads() * a.valueDim());
        }
    }

    /// Positions held.
    public int length() {
        return length;
    }

    /// Writes the new positions of a layer behind those held.
    void append(int layer, Matrix k, Matrix v) {
        if (length + k.rows() > capacity) {
            throw new IllegalArgumentException("the cache holds " + capacity + " positions");
        }
        keys[layer].rows(length, k.rows()).copyFrom(k);
        values[layer].rows(length, k.rows()).copyFrom(v);
    }

    Matrix keys(int layer, int positions) {
        return keys[layer].rows(0, positions);
    }

    Matrix values(int layer, int positions) {
        return values[layer].rows(0, positions);
    }

    /// All layers have taken in `count` more positions.
    void advance(int count) {
        length += count;
    }

    @Override
    public void close() {
        arena.close();
    }
}
