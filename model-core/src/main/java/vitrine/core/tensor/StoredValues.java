package vitrine.core.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Single values as they are stored: little-endian, in any place. For whole tensors see [vitrine.core.tensor.kernel.Widen].
public final class StoredValues {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final float[] E4M3 = table(4, 3, true);
    private static final float[] E5M2 = table(5, 2, false);

    private StoredValues() {}

    /// One stored value, exactly, as a double (64-bit integers beyond 2^53 round).
    public static double at(DType dtype, MemorySegment s, long index) {
        return switch (dtype) {
            case F64 -> s.get(DOUBLE, 8 * index);
            case F32 -> s.get(FLOAT, 4 * index);
            case F16 -> Float.float16ToFloat(s.get(SHORT, 2 * index));
            case BF16 -> Float.intBitsToFloat(s.get(SHORT, 2 * index) << 16);
            case F8_E4M3 -> E4M3[s.get(JAVA_BYTE, index) & 0xff];
            case F8_E5M2 -> E5M2[s.get(JAVA_BYTE, index) & 0xff];
            case F8_E8M0 -> {
                int e = s.get(JAVA_BYTE, index) & 0xff;
                yield e == 255 ? Double.NaN : Math.scalb(1.0, e - 127);
            }
            case I64 -> s.get(LONG, 8 * index);
            case U64 -> {
                long v = s.get(LONG, 8 * index);
                yield v >= 0 ? v : (v >>> 1) * 2.0 + (v & 1);
            }
            case I32 -> s.get(INT, 4 * index);
            case U32 -> s.get(INT, 4 * index) & 0xffffffffL;
            case I16 -> s.get(SHORT, 2 * index);
            case U16 -> s.get(SHORT, 2 * index) & 0xffff;
            case I8 -> s.get(JAVA_BYTE, index);
            case U8, BOOL -> s.get(JAVA_BYTE, index) & 0xff;
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4 -> {
                float[] one = new float[1];
                BlockValues.read(dtype, s, index, 1, one, 0);
                yield one[0];
            }
            default -> throw new IllegalArgumentException(dtype + " values cannot be widened");
        };
    }

    /// Values in a stored type, rounded to nearest, ties to even.
    ///
    /// @throws IllegalArgumentException for a type that is no float of 16 bits or more
    public static MemorySegment of(double[] values, DType dtype) {
        MemorySegment out = MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, dtype.bits() / 8)]);
        for (int i = 0; i < values.length; i++) {
            switch (dtype) {
                case F64 -> out.set(DOUBLE, 8L * i, values[i]);
                case F32 -> out.set(FLOAT, 4L * i, (float) values[i]);
                case F16 -> out.set(SHORT, 2L * i, Float.floatToFloat16((float) values[i]));
                case BF16 -> out.set(SHORT, 2L * i, bfloat((float) values[i]));
                default -> throw new IllegalArgumentException(dtype + " cannot be stored");
            }
        }
        return out;
    }

    private static short bfloat(float v) {
        int bits = Float.floatToRawIntBits(v);
        if (Float.isNaN(v)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /// The nearest bfloat16 value; of two as near the even one.
    public static float bfloat16(float v) {
        return Float.intBitsToFloat(bfloat(v) << 16);
    }

    /// All 256 values of an 8-bit float. E4M3 ("fn") has no infinity and one NaN per sign; E5M2 has both, as IEEE types do.
    private static float[] table(int exponentBits, int mantissaBits, boolean finite) {
        float[] values = new float[256];
        int bias = (1 << (exponentBits - 1)) - 1;
        int top = (1 << exponentBits) - 1;
        for (int b = 0; b < 256; b++) {
            int e = (b >> mantissaBits) & top;
            int m = b & ((1 << mantissaBits) - 1);
            double magnitude;
            if (!finite && e == top) {
                magnitude = m == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
            } else if (finite && (b & 0x7f) == 0x7f) {
                magnitude = Double.NaN;
            } else {
                double fraction = m / (double) (1 << mantissaBits);
                magnitude = e == 0 ? Math.scalb(fraction, 1 - bias) : Math.scalb(1 + fraction, e - bias);
            }
            values[b] = (float) ((b & 0x80) != 0 ? -magnitude : magnitude);
        }
        return values;
    }
}
