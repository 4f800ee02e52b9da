package vitrine.core.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import vitrine.core.architecture.Rope;

/// Cosines and sines of one rope for consecutive positions, float32 `[positions, pairs]`.
public record RotaryTable(MemorySegment cos, MemorySegment sin, int pairs) {

    static RotaryTable of(Rope rope, int firstPosition, int count, Arena arena) {
        Rope.Frequencies f = rope.frequencies(firstPosition + count);
        int pairs = f.inverseFrequencies().length;
        MemorySegment cos = arena.allocate(4L * count * pairs, 64);
        MemorySegment sin = arena.allocate(4L * count * pairs, 64);
        float factor = (float) f.attentionFactor();
        for (int t = 0; t < count; t++) {
            for (int i = 0; i < pairs; i++) {
                float angle = (firstPosition + t) * f.inverseFrequencies()[i];
                cos.setAtIndex(JAVA_FLOAT, (long) t * pairs + i, (float) Math.cos(angle) * factor);
                sin.setAtIndex(JAVA_FLOAT, (long) t * pairs + i, (float) Math.sin(angle) * factor);
            }
        }
        return new RotaryTable(cos, sin, pairs);
    }

    /// Tables of a pass, made once for each rope and length.
    public static final class Shelf {
        private record Key(Rope rope, int first, int count) {}

        private final Map<Key, RotaryTable> tables = new HashMap<>();
        private final Arena arena;

        public Shelf(Arena arena) {
            this.arena = arena;
        }

        public RotaryTable get(Rope rope, int firstPosition, int count) {
            return tables.computeIfAbsent(new Key(rope, firstPosition, count), k -> of(rope, firstPosition, count, arena));
        }
    }
}
