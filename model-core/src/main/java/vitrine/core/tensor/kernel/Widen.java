package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import vitrine.core.tensor.BlockValues;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.StoredValues;

/// Turns stored values of any readable type into float32. Nothing is lost but in float64 and 64- or 32-bit integers, which round.
public final class Widen {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final VectorSpecies<Short> HALF = VectorSpecies.of(short.class,
            jdk.incubator.vector.VectorShape.forBitSize(Math.max(64, Lanes.F.vectorBitSize() / 2)));

    /// Values that the plain loop takes at a time: 12 kB of arrays, which stay in the nearest cache.
    private static final int BLOCK = 2048;
    private static final Warmth WARMTH = new Warmth();

    private Widen() {}

    /// Writes `count` values of `source`, from value `first` on, to `target` as float32 from its start.
    ///
    /// @throws IllegalArgumentException for a type that is not [DType#readable]
    public static void toFloat(DType dtype, MemorySegment source, long first, long count, MemorySegment target) {
        int chunk = 1 << 16;
        int chunks = Math.toIntExact((count + chunk - 1) / chunk);
        boolean vectors = dtype == DType.BF16
                && WARMTH.takesVectors(count, BLOCK, rows -> vectors(rows.data(), 0, 0, BLOCK, rows.rows(1, 1).data()));
        Parallel.over(chunks, 4, (from, to) -> {
            long begin = (long) from * chunk;
            long end = Math.min(count, (long) to * chunk);
            part(dtype, source, first, begin, end, target, vectors);
        });
    }

    /// The values of a four-bit float: sign, two bits of exponent, one of mantissa (E2M1).
    private static final float[] E2M1 = {0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f, -0f, -0.5f, -1f, -1.5f, -2f, -3f, -4f, -6f};

    /// Writes `count` MXFP4 values, from value `first` on (both multiples of 32), to `target` as float32.
    ///
    /// Source: Open Compute Project, *Microscaling Formats (MX) Specification*, version 1.0.
    ///
    /// @param blocks two values a byte, the lower half first
    /// @param scales one byte for 32 values: the exponent of two, plus 127; 255 is not a number
    public static void mxfp4(MemorySegment blocks, MemorySegment scales, long first, long count, MemorySegment target) {
        int size = 32;
        Parallel.over(Math.toIntExact(count / size), 64, (from, to) -> {
            for (int b = from; b < to; b++) {
                long block = first / size + b;
                float scale = (float) StoredValues.at(DType.F8_E8M0, scales, block);
                for (int i = 0; i < size / 2; i++) {
                    int both = blocks.get(ValueLayout.JAVA_BYTE, block * (size / 2) + i) & 0xff;
                    target.set(FLOAT, 4L * ((long) b * size + 2 * i), E2M1[both & 15] * scale);
                    target.set(FLOAT, 4L * ((long) b * size + 2 * i + 1), E2M1[both >> 4] * scale);
                }
            }
        });
    }

    private static void part(DType dtype, MemorySegment s, long first, long begin, long end, MemorySegment t, boolean vectors) {
        switch (dtype) {
            case F32 -> MemorySegment.copy(s, 4 * (first + begin), t, 4 * begin, 4 * (end - begin));
            case BF16 -> {
                if (vectors) {
                    vectors(s, first, begin, end, t);
                } else {
                    plain(s, first, begin, end, t);
                }
            }
            default -> {
                if (dtype.blocked()) {
                    blocks(dtype, s, first, begin, end, t);
                    return;
                }
                for (long i = begin; i < end; i++) {
                    t.set(FLOAT, 4 * i, (float) StoredValues.at(dtype, s, first + i));
                }
            }
        }
    }

    private static void blocks(DType dtype, MemorySegment s, long first, long begin, long end, MemorySegment t) {
        float[] wide = new float[BLOCK];
        for (long at = begin; at < end; at += BLOCK) {
            int n = (int) Math.min(BLOCK, end - at);
            BlockValues.read(dtype, s, first + at, n, wide, 0);
            MemorySegment.copy(wide, 0, t, JAVA_FLOAT, 4 * at, n);
        }
    }

    static void plain(MemorySegment s, long first, long begin, long end, MemorySegment t) {
        short[] stored = new short[BLOCK];
        float[] wide = new float[BLOCK];
        for (long at = begin; at < end; at += BLOCK) {
            int n = (int) Math.min(BLOCK, end - at);
            MemorySegment.copy(s, SHORT, 2 * (first + at), stored, 0, n);
            for (int i = 0; i < n; i++) {
                wide[i] = Float.intBitsToFloat(stored[i] << 16);
            }
            MemorySegment.copy(wide, 0, t, JAVA_FLOAT, 4 * at, n);
        }
    }

    static void vectors(MemorySegment s, long first, long begin, long end, MemorySegment t) {
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
