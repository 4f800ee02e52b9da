package vitrine.core.checkpoint.packed;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import vitrine.core.checkpoint.Assembly;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.StoredValues;

/// A matrix, float32, made from packed values and their scales.
sealed interface Unpacking extends Assembly {

    ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static MemorySegment bytes(Files files, TensorEntry t) {
        return files.of(t.file()).asSlice(t.offset(), t.bytes());
    }

    private static float[] floats(Files files, TensorEntry t) {
        MemorySegment s = bytes(files, t);
        float[] out = new float[Math.toIntExact(t.elements())];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) StoredValues.at(t.dtype(), s, i);
        }
        return out;
    }

    /// @param order the group of each input, or null
    /// @param laterZeros whether zeros are stored as they are
    record Gptq(TensorEntry values, TensorEntry zeros, TensorEntry scales, TensorEntry order, int bits, boolean laterZeros) implements Unpacking {
        @Override
        public void write(Files files, MemorySegment target) {
            int each = 32 / bits;
            int mask = (1 << bits) - 1;
            int outputs = Math.toIntExact(scales.shape().size(1));
            int groups = Math.toIntExact(scales.shape().size(0));
            int words = Math.toIntExact(values.shape().size(0));
            int inputs = words * each;
            MemorySegment q = bytes(files, values);
            MemorySegment z = bytes(files, zeros);
            MemorySegment g = order == null ? null : bytes(files, order);
            float[] scale = floats(files, scales);
            int[] zero = new int[groups * outputs];
            for (int i = 0; i < groups; i++) {
                for (int o = 0; o < outputs; o++) {
                    int stored = z.get(INT, 4 * ((long) i * (outputs / each) + o / each)) >>> bits * (o % each) & mask;
                    zero[i * outputs + o] = laterZeros ? stored : stored + 1 & mask;
                }
            }
            int size = Math.ceilDiv(inputs, groups);
            int[] group = new int[inputs];
            for (int i = 0; i < inputs; i++) {
                group[i] = g == null ? i / size : g.get(INT, 4L * i);
                if (group[i] < 0 || group[i] >= groups) {
                    throw Refusal.of(Category.OFFSETS_INVALID, order.file(), "input %,d belongs to group %,d, and there are %,d groups", i, group[i], groups).where("tensor " + order.name());
                }
            }
            for (int w = 0; w < words; w++) {
                for (int o = 0; o < outputs; o++) {
                    int word = q.get(INT, 4 * ((long) w * outputs + o));
                    for (int k = 0; k < each; k++) {
                        int i = w * each + k;
                        int at = group[i] * outputs + o;
                        target.set(FLOAT, 4 * ((long) o * inputs + i), scale[at] * ((word >>> bits * k & mask) - zero[at]));
                    }
                }
            }
        }

        @Override
        public String storedAs() {
            return "GPTQ-" + bits;
        }
    }

    record Awq(TensorEntry values, TensorEntry zeros, TensorEntry scales) implements Unpacking {
        /// Which four bits of a word hold each of eight outputs.
        private static final int[] PLACE = {0, 4, 1, 5, 2, 6, 3, 7};

        @Override
        public void write(Files files, MemorySegment target) {
            int inputs = Math.toIntExact(values.shape().size(0));
            int outputs = Math.toIntExact(scales.shape().size(1));
            int groups = Math.toIntExact(scales.shape().size(0));
            int size = Math.ceilDiv(inputs, groups);
            MemorySegment q = bytes(files, values);
            MemorySegment z = bytes(files, zeros);
            float[] scale = floats(files, scales);
            for (int i = 0; i < inputs; i++) {
                int g = i / size;
                for (int w = 0; w < outputs / 8; w++) {
                    int word = q.get(INT, 4 * ((long) i * (outputs / 8) + w));
                    int zero = z.get(INT, 4 * ((long) g * (outputs / 8) + w));
                    for (int k = 0; k < 8; k++) {
                        int o = 8 * w + k;
                        int shift = 4 * PLACE[k];
                        target.set(FLOAT, 4 * ((long) o * inputs + i), scale[g * outputs + o] * ((word >>> shift & 15) - (zero >>> shift & 15)));
                    }
                }
            }
        }

        @Override
        public String storedAs() {
            return "AWQ-4";
        }
    }

    /// @param nested the scales of scales that are quantised themselves, or null
    record Blocks(TensorEntry values, TensorEntry absmax, TensorEntry map, TensorEntry nested, TensorEntry nestedMap, String kind, long block, long nestedBlock,
                  double nestedOffset) implements Unpacking {
        @Override
        public void write(Files files, MemorySegment target) {
            MemorySegment q = bytes(files, values);
            float[] table = floats(files, map);
            float[] scale = floats(files, absmax);
            if (nested != null) {
                float[] outer = floats(files, nested);
                float[] outerTable = floats(files, nestedMap);
                for (int i = 0; i < scale.length; i++) {
                    scale[i] = outerTable[(int) scale[i]] * outer[(int) (i / nestedBlock)] + (float) nestedOffset;
                }
            }
            long n = target.byteSize() / 4;
            for (long i = 0; i < n; i++) {
                int both = q.get(JAVA_BYTE, i / 2) & 0xff;
                target.set(FLOAT, 4 * i, table[i % 2 == 0 ? both >> 4 : both & 15] * scale[(int) (i / block)]);
            }
        }

        @Override
        public String storedAs() {
            return kind.toUpperCase(java.util.Locale.ROOT);
        }
    }

    record ByRow(TensorEntry values, TensorEntry scales) implements Unpacking {
        @Override
        public void write(Files files, MemorySegment target) {
            MemorySegment q = bytes(files, values);
            float[] scale = floats(files, scales);
            long inputs = values.shape().size(1);
            for (int o = 0; o < scale.length; o++) {
                for (long i = 0; i < inputs; i++) {
                    target.set(FLOAT, 4 * (o * inputs + i), q.get(JAVA_BYTE, o * inputs + i) * scale[o] / 127);
                }
            }
        }

        @Override
        public String storedAs() {
            return "INT8";
        }
    }
}
