package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.StoredValues;

/// Turns stored values of any readable type into float32. Nothing is lost but in float64 and 64- or 32-bit integers, which round.
public final class Widen {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final VectorSpecies<Short> HALF = VectorSpecies.of(short.class,
            jdk.incubator.vector.VectorShape.forBitSize(Math.max(64, Lanes.F.vectorBitSize() / 2)));

    private Widen() {}

    /// Writes `count` values of `source`, from value `first` on, to `target` as float32 from its start.
    ///
    /// @throws IllegalArgumentException for a type that is not [DType#readable]
    public static void toFloat(DType dtype, MemorySegment source, long first, long count, MemorySegment target) {
        int chunk = 1 << 16;
        int chunks = Math.toIntExact((count + chunk - 1) / chunk);
        Parallel.over(chunks, 4, (from, to) -> {
            long begin = (long) from * chunk;
            long end = Math.min(count, (long) to * chunk);
            part(dtype, source, first, begin, end, target);
        });
    }

    private static void part(DType dtype, MemorySegment s, long first, long begin, long end, MemorySegment t) {
        switch (dtype) {
            case F32 -> MemorySegment.copy(s, 4 * (first + begin), t, 4 * begin, 4 * (end - begin));
            case BF16 -> bf16(s, first, begin, end, t);
            default -> {
                for (long i = begin; i < end; i++) {
                    t.set(FLOAT, 4 * i, (float) StoredValues.at(dtype, s, first + i));
                }
            }
        }
    }

    private static void bf16(MemorySegment s, long first, long begin, long end, MemorySegment t) {
        long i = begin;
        long last = end - Lanes.N;
        for (; i <= last; i += Lanes.N) {
            ShortVector half = ShortVector.fromMemorySegment(HALF, s, 2 * (first + i), ByteOrder.nativeOrder());
            IntVector wide = (IntVector) half.convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.I, 0);
            FloatVector f = wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            f.intoMemorySegment(t, 4 * i, ByteOrder.nativeOrder());
        }
        for (; i < end; i++) {
            t.set(FLOAT, 4 * i, Float.intBitsToFloat(s.get(SHORT, 2 * (first + i)) << 16));
        }
    }
}
