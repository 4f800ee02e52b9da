package vitrine.core.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// Values of the types that GGUF files store in blocks, widened to float32 in the order of the reference implementation's arithmetic, so that
/// results agree to the bit.
///
/// A block of 32 values has one scale (and, in the `_1` types, one minimum). A block of 256 ("K") has scales of its sixteenths or eighths, which
/// are themselves small integers under one half-precision scale. `IQ4` types look their values up in a table. MXFP4 is the Open Compute Project's
/// four-bit float with a power of two for each block.
///
/// Source: ggml, *GGUF* (docs/gguf.md) and the block structures of `ggml-common.h`; the formulas are repeated beside each type.
public final class BlockValues {

    private static final int[] IQ4 = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    /// E2M1 values, doubled, so that they are whole.
    private static final int[] E2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    private BlockValues() {}

    /// Writes `count` values, from value `first` on, to `out` from `at` on.
    ///
    /// @param s the tensor's bytes, from its first block on
    /// @throws IllegalArgumentException for a type that is not [DType#readable] or not in blocks
    public static void read(DType type, MemorySegment s, long first, int count, float[] out, int at) {
        int size = type.blockValues();
        byte[] block = new byte[type.blockBytes()];
        float[] part = null;
        int done = 0;
        while (done < count) {
            long index = (first + done) / size;
            int skip = (int) ((first + done) % size);
            int n = Math.min(count - done, size - skip);
            MemorySegment.copy(s, JAVA_BYTE, index * block.length, block, 0, block.length);
            if (n == size) {
                block(type, block, out, at + done);
            } else {
                part = part == null ? new float[size] : part;
                block(type, block, part, 0);
                System.arraycopy(part, skip, out, at + done, n);
            }
            done += n;
        }
    }

    private static void block(DType type, byte[] b, float[] y, int o) {
        switch (type) {
            case Q4_0 -> fours(b, 2, half(b, 0), -8, 0f, y, o);
            case Q4_1 -> fours(b, 4, half(b, 0), 0, half(b, 2), y, o);
            case Q5_0 -> fives(b, 2, half(b, 0), -16, 0f, y, o);
            case Q5_1 -> fives(b, 4, half(b, 0), 0, half(b, 2), y, o);
            case Q8_0 -> {
                float d = half(b, 0);
                for (int i = 0; i < 32; i++) {
                    y[o + i] = b[2 + i] * d;
                }
            }
            case Q2_K -> q2k(b, y, o);
            case Q3_K -> q3k(b, y, o);
            case Q4_K -> q45k(b, 16, 0, y, o);
            case Q5_K -> q45k(b, 48, 16, y, o);
            case Q6_K -> q6k(b, y, o);
            case IQ4_NL -> looked(b, 2, half(b, 0), IQ4, y, o);
            case IQ4_XS -> iq4xs(b, y, o);
            // The scale is halved because the table is doubled; 2^-128 is denormal and exact.
            case MXFP4 -> looked(b, 1, (float) Math.scalb(1.0, (b[0] & 0xff) - 128), E2M1, y, o);
            default -> throw new IllegalArgumentException(type + " values cannot be widened");
        }
    }

    /// `d (q + bias) + m`, two values a byte: the lower halves are the first sixteen values.
    private static void fours(byte[] b, int q, float d, int bias, float m, float[] y, int o) {
        for (int i = 0; i < 16; i++) {
            int both = b[q + i] & 0xff;
            y[o + i] = ((both & 15) + bias) * d + m;
            y[o + 16 + i] = ((both >> 4) + bias) * d + m;
        }
    }

    /// As [#fours], with a fifth bit of each value in the four bytes before them.
    private static void fives(byte[] b, int high, float d, int bias, float m, float[] y, int o) {
        int h = word(b, high);
        for (int i = 0; i < 16; i++) {
            int both = b[high + 4 + i] & 0xff;
            y[o + i] = ((both & 15 | h >>> i << 4 & 16) + bias) * d + m;
            y[o + 16 + i] = ((both >> 4 | h >>> i + 12 & 16) + bias) * d + m;
        }
    }

    private static void looked(byte[] b, int q, float d, int[] table, float[] y, int o) {
        for (int i = 0; i < 16; i++) {
            int both = b[q + i] & 0xff;
            y[o + i] = d * table[both & 15];
            y[o + 16 + i] = d * table[both >> 4];
        }
    }

    /// 16 bytes of scale and minimum (four bits each), 64 of two-bit values, then the scales of scales and minima. `d s q - d' m`.
    private static void q2k(byte[] b, float[] y, int o) {
        float d = half(b, 80);
        float min = half(b, 82);
        int at = o;
        int group = 0;
        for (int part = 0; part < 2; part++) {
            for (int shift = 0; shift < 8; shift += 2) {
                for (int run = 0; run < 32; run += 16) {
                    int scale = b[group++] & 0xff;
                    float dl = d * (scale & 15);
                    float ml = min * (scale >> 4);
                    for (int i = 0; i < 16; i++) {
                        y[at++] = dl * (b[16 + 32 * part + run + i] >> shift & 3) - ml;
                    }
                }
            }
        }
    }

    /// 32 bytes of third bits, 64 of two-bit values, 12 of six-bit scales, then their scale. `d (s - 32) (q - (third bit ? 0 : 4))`.
    private static void q3k(byte[] b, float[] y, int o) {
        float d = half(b, 108);
        int at = o;
        int group = 0;
        for (int part = 0; part < 2; part++) {
            for (int j = 0; j < 4; j++) {
                int bit = 1 << 4 * part + j;
                for (int run = 0; run < 32; run += 16) {
                    float dl = d * (scale3(b, group++) - 32);
                    for (int i = 0; i < 16; i++) {
                        int q = b[32 + 32 * part + run + i] >> 2 * j & 3;
                        y[at++] = dl * (q - ((b[run + i] & bit) != 0 ? 0 : 4));
                    }
                }
            }
        }
    }

    /// Scale `i` of sixteen: its lower four bits lie in the first eight bytes, its upper two in the last four.
    private static int scale3(byte[] b, int i) {
        int low = i < 8 ? b[96 + i] & 15 : b[96 + i - 8] >> 4 & 15;
        int high = b[104 + i % 4] >> 2 * (i / 4) & 3;
        return low | high << 4;
    }

    /// Scales of scales and minima, 12 bytes of six-bit scales and minima, (32 of fifth bits,) 128 of four-bit values. `d s q - d' m`.
    ///
    /// @param fifth where the fifth bits lie, or 0
    private static void q45k(byte[] b, int values, int fifth, float[] y, int o) {
        float d = half(b, 0);
        float min = half(b, 2);
        for (int j = 0; j < 4; j++) {
            for (int upper = 0; upper < 2; upper++) {
                int group = 2 * j + upper;
                float dl = d * scale(b, group);
                float ml = min * minimum(b, group);
                int at = o + 32 * group;
                for (int i = 0; i < 32; i++) {
                    int q = b[values + 32 * j + i] >> 4 * upper & 15;
                    if (fifth != 0) {
                        q |= (b[fifth + i] >> group & 1) << 4;
                    }
                    y[at + i] = dl * q - ml;
                }
            }
        }
    }

    private static int scale(byte[] b, int j) {
        return j < 4 ? b[4 + j] & 63 : b[4 + j + 4] & 15 | (b[4 + j - 4] >> 6 & 3) << 4;
    }

    private static int minimum(byte[] b, int j) {
        return j < 4 ? b[4 + j + 4] & 63 : b[4 + j + 4] >> 4 & 15 | (b[4 + j] >> 6 & 3) << 4;
    }

    /// 128 bytes of lower halves, 64 of upper two bits, 16 scales, then their scale. `d s (q - 32)`.
    private static void q6k(byte[] b, float[] y, int o) {
        float d = half(b, 208);
        for (int part = 0; part < 2; part++) {
            int low = 64 * part;
            int high = 128 + 32 * part;
            int scales = 192 + 8 * part;
            for (int quarter = 0; quarter < 4; quarter++) {
                int from = low + 32 * (quarter & 1);
                int at = o + 128 * part + 32 * quarter;
                for (int i = 0; i < 32; i++) {
                    int q = b[from + i] >> (quarter < 2 ? 0 : 4) & 15 | (b[high + i] >> 2 * quarter & 3) << 4;
                    y[at + i] = d * b[scales + 2 * quarter + i / 16] * (q - 32);
                }
            }
        }
    }

    /// The scale of scales, 16 bits of their upper parts, four bytes of their lower ones, 128 bytes of four-bit places in the table.
    private static void iq4xs(byte[] b, float[] y, int o) {
        float d = half(b, 0);
        int high = b[2] & 0xff | (b[3] & 0xff) << 8;
        for (int group = 0; group < 8; group++) {
            int scale = b[4 + group / 2] >> 4 * (group % 2) & 15 | (high >> 2 * group & 3) << 4;
            looked(b, 8 + 16 * group, d * (scale - 32), IQ4, y, o + 32 * group);
        }
    }

    private static float half(byte[] b, int at) {
        return Float.float16ToFloat((short) (b[at] & 0xff | b[at + 1] << 8));
    }

    private static int word(byte[] b, int at) {
        return b[at] & 0xff | (b[at + 1] & 0xff) << 8 | (b[at + 2] & 0xff) << 16 | b[at + 3] << 24;
    }
}
