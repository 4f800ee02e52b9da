package vitrine.core.work.output;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntPredicate;
import vitrine.core.architecture.Linear;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.forward.Adaptation;
import vitrine.core.forward.Weights;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.StoredValues;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.tensor.kernel.Widen;

/// A stored tensor on its way to being another: a copy of its bytes, in which matrices are cleared or rounded to the type that it is stored in.
public final class ChangedTensor {

    private final TensorEntry entry;
    private final MemorySegment bytes;

    /// @param stored its bytes, copied
    public ChangedTensor(TensorEntry entry, MemorySegment stored, Arena arena) {
        this.entry = entry;
        bytes = arena.allocate(Math.max(1, stored.byteSize()), 64);
        MemorySegment.copy(stored, 0, bytes, 0, stored.byteSize());
    }

    public TensorEntry entry() {
        return entry;
    }

    /// The bytes as they are now.
    public MemorySegment bytes() {
        // Not the entry's bytes: of a tensor that was put together those are what is stored.
        return bytes.asSlice(0, entry.dtype().bytes(entry.elements()));
    }

    /// What stands for a model's own tensors.
    public static Adaptation adaptation(Map<String, ChangedTensor> changed) {
        Map<String, Adaptation.Replacement> replaced = new LinkedHashMap<>();
        changed.forEach((name, t) -> replaced.put(name, new Adaptation.Replacement(t.entry, t.bytes())));
        return new Adaptation(Map.of(), Map.of(), replaced);
    }

    /// Whether values of this type can be rounded to it.
    public static boolean storable(DType t) {
        return t == DType.F64 || t == DType.F32 || t == DType.F16 || t == DType.BF16;
    }

    /// A matrix of the tensor, widened: `[out, in]`.
    ///
    /// @param linear of a tensor with scales; else null
    public Matrix widened(PrunableMatrix m, Linear linear, Weights weights, Arena arena) {
        Matrix w = Matrix.allocate(arena, m.out(), m.in());
        if (m.scaled()) {
            for (int r = 0; r < m.out(); r++) {
                weights.ownRow(linear, r, w.rows(r, 1));
            }
        } else if (!m.inputMajor()) {
            Widen.toFloat(entry.dtype(), bytes, m.first(), m.size(), w.data());
        } else {
            try (Arena scratch = Arena.ofShared()) {
                Matrix stored = Matrix.allocate(scratch, m.in(), m.out());
                Widen.toFloat(entry.dtype(), bytes, m.first(), m.size(), stored.data());
                transpose(stored, w);
            }
        }
        return w;
    }

    private static void transpose(Matrix from, Matrix to) {
        Parallel.over(from.rows(), 32, (a, b) -> {
            for (int i = a; i < b; i++) {
                float[] row = from.row(i);
                for (int o = 0; o < row.length; o++) {
                    to.data().set(JAVA_FLOAT, to.rowOffset(o) + 4L * i, row[o]);
                }
            }
        });
    }

    /// Clears what a mask does not keep; what it keeps stays bit for bit.
    public void clear(PrunableMatrix m, byte[] kept) {
        int size = entry.dtype().bits() / 8;
        Parallel.over(m.out(), 64, (from, to) -> {
            for (int r = from; r < to; r++) {
                for (int j = 0; j < m.in(); j++) {
                    if (kept[r * m.in() + j] == 0) {
                        bytes.asSlice((m.first() + place(m, r, j)) * size, size).fill((byte) 0);
                    }
                }
            }
        });
    }

    /// Clears the columns of a matrix's inputs, but for those that stay.
    public void clear(PrunableMatrix m, IntPredicate stays) {
        byte[] kept = new byte[Math.toIntExact(m.size())];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = (byte) (stays.test(i % m.in()) ? 1 : 0);
        }
        clear(m, kept);
    }

    /// Where value (output, input) lies in its matrix as stored.
    public static long place(PrunableMatrix m, int output, int input) {
        return m.inputMajor() ? (long) input * m.out() + output : (long) output * m.in() + input;
    }

    /// Rounds values to the stored type.
    ///
    /// @param first the place of the first in the tensor
    /// @param values float64
    public void store(long first, MemorySegment values) {
        int size = entry.dtype().bits() / 8;
        int count = (int) (values.byteSize() / 8);
        Parallel.over(count, 1 << 14, (from, to) -> {
            MemorySegment narrow = StoredValues.of(values.asSlice(8L * from, 8L * (to - from)).toArray(JAVA_DOUBLE), entry.dtype());
            MemorySegment.copy(narrow, 0, bytes, (first + from) * size, narrow.byteSize());
        });
    }

    /// Rounds a matrix to the stored type.
    public void store(PrunableMatrix m, Matrix w) {
        int size = entry.dtype().bits() / 8;
        Matrix stored = w;
        try (Arena scratch = Arena.ofShared()) {
            if (m.inputMajor()) {
                stored = Matrix.allocate(scratch, m.in(), m.out());
                transpose(w, stored);
            }
            Matrix rows = stored;
            Parallel.over(rows.rows(), 16, (from, to) -> {
                double[] wide = new double[rows.columns()];
                for (int r = from; r < to; r++) {
                    float[] row = rows.row(r);
                    for (int j = 0; j < row.length; j++) {
                        wide[j] = row[j];
                    }
                    MemorySegment narrow = StoredValues.of(wide, entry.dtype());
                    MemorySegment.copy(narrow, 0, bytes, (m.first() + (long) r * rows.columns()) * size, narrow.byteSize());
                }
            });
        }
    }
}
