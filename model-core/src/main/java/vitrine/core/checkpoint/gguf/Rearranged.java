package vitrine.core.checkpoint.gguf;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.LongUnaryOperator;
import vitrine.core.checkpoint.Assembly;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.BlockValues;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.StoredValues;

/// What converters to GGUF did to a tensor, undone.
final class Rearranged {

    private static final ValueLayout.OfFloat FLOAT = JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Rearranged() {}

    /// A tensor whose rows lie in another order. Rows are whole blocks, so their bytes are moved as they are.
    ///
    /// @param stored for each row of the tensor, which row of the file it is
    record Rows(TensorEntry in, LongUnaryOperator stored) implements Assembly {
        @Override
        public void write(Files files, MemorySegment target) {
            MemorySegment source = files.of(in.file()).asSlice(in.offset(), in.bytes());
            long rows = in.shape().size(0);
            long bytes = in.bytes() / Math.max(1, rows);
            for (long r = 0; r < rows; r++) {
                MemorySegment.copy(source, stored.applyAsLong(r) * bytes, target, r * bytes, bytes);
            }
        }
    }

    /// A float32 vector whose values were stored with one added.
    record LessOne(TensorEntry in) implements Assembly {
        @Override
        public void write(Files files, MemorySegment target) {
            MemorySegment source = files.of(in.file()).asSlice(in.offset(), in.bytes());
            for (long i = 0; i < in.elements(); i++) {
                target.set(FLOAT, 4 * i, (float) StoredValues.at(in.dtype(), source, i) - 1);
            }
        }
    }

    /// A matrix that was stored as its transpose, widened to float32.
    ///
    /// @param in as stored, `[rows, columns]`
    record Transposed(TensorEntry in) implements Assembly {
        @Override
        public void write(Files files, MemorySegment target) {
            MemorySegment source = files.of(in.file()).asSlice(in.offset(), in.bytes());
            int rows = Math.toIntExact(in.shape().size(0));
            int columns = Math.toIntExact(in.shape().size(1));
            float[] row = new float[columns];
            for (int r = 0; r < rows; r++) {
                widen(in.dtype(), source, (long) r * columns, row);
                for (int c = 0; c < columns; c++) {
                    target.set(FLOAT, 4 * ((long) c * rows + r), row[c]);
                }
            }
        }

        @Override
        public String storedAs() {
            return in.dtype().name();
        }
    }

    /// The keys' and the values' part of a latent attention's expansion, which newer files hold apart, in one float32 matrix: for each head its rows
    /// for keys, then those for values.
    ///
    /// @param keys `[heads, width, plain]`, each head's part transposed
    /// @param values `[heads, value width, width]`
    record Expansion(TensorEntry keys, TensorEntry values) implements Assembly {
        @Override
        public void write(Files files, MemorySegment target) {
            MemorySegment k = files.of(keys.file()).asSlice(keys.offset(), keys.bytes());
            MemorySegment v = files.of(values.file()).asSlice(values.offset(), values.bytes());
            int heads = Math.toIntExact(keys.shape().size(0));
            int width = Math.toIntExact(keys.shape().size(1));
            int plain = Math.toIntExact(keys.shape().size(2));
            int value = Math.toIntExact(values.shape().size(1));
            float[] row = new float[plain];
            float[] line = new float[width];
            for (int h = 0; h < heads; h++) {
                long first = (long) h * (plain + value);
                for (int w = 0; w < width; w++) {
                    widen(keys.dtype(), k, ((long) h * width + w) * plain, row);
                    for (int p = 0; p < plain; p++) {
                        target.set(FLOAT, 4 * ((first + p) * width + w), row[p]);
                    }
                }
                for (int r = 0; r < value; r++) {
                    widen(values.dtype(), v, ((long) h * value + r) * width, line);
                    MemorySegment.copy(line, 0, target, FLOAT, 4 * (first + plain + r) * width, width);
                }
            }
        }

        @Override
        public String storedAs() {
            return keys.dtype().name();
        }
    }

    static void widen(DType type, MemorySegment source, long first, float[] out) {
        if (type.blocked()) {
            BlockValues.read(type, source, first, out.length, out, 0);
            return;
        }
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) StoredValues.at(type, source, first + i);
        }
    }
}
