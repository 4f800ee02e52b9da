package vitrine.core.work.prune;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.tensor.DType;

/// Weights of a pruned checkpoint that are 0 because they were pruned: by its masks, or, where parts were set to 0 in their place, those that were something else before.
///
/// @param byTensor per tensor the places, in the order in which values are stored
record KeptZeros(Map<String, BitSet> byTensor) {

    private static final String MASKS = "masks.safetensors";

    static KeptZeros of(String base, Path pruned) throws IOException {
        Path masks = pruned.resolve(MASKS);
        return Files.exists(masks) ? ofMasks(masks) : ofValues(Checkpoints.open(Path.of(base)), Checkpoints.open(pruned));
    }

    private static KeptZeros ofMasks(Path file) throws IOException {
        Map<String, BitSet> out = new LinkedHashMap<>();
        try (SafetensorsFile masks = SafetensorsFile.open(file)) {
            for (Map.Entry<String, TensorEntry> e : masks.tensors().entrySet()) {
                int[] kept = masks.ints(e.getKey());
                BitSet zeros = new BitSet(kept.length);
                for (int i = 0; i < kept.length; i++) {
                    zeros.set(i, kept[i] == 0);
                }
                put(out, e.getKey(), zeros);
            }
        }
        return new KeptZeros(out);
    }

    /// Of tensors of the same shape that have changed, the values that are 0 now.
    private static KeptZeros ofValues(Checkpoint base, Checkpoint pruned) {
        Map<String, BitSet> out = new LinkedHashMap<>();
        try (MappedWeights before = new MappedWeights(base); MappedWeights after = new MappedWeights(pruned)) {
            for (TensorEntry t : pruned.tensors().values()) {
                TensorEntry was = base.tensor(t.name()).orElse(null);
                if (was != null && t.shape().rank() > 1 && t.dtype().floating() && was.dtype() == t.dtype() && was.shape().equals(t.shape()) && t.elements() <= Integer.MAX_VALUE
                        && before.data(was).mismatch(after.data(t)) >= 0) {
                    BitSet now = bits(after.data(t), t, size(t.dtype()));
                    now.andNot(bits(before.data(was), was, size(t.dtype())));
                    put(out, t.name(), now);
                }
            }
        }
        return new KeptZeros(out);
    }

    private static int size(DType t) {
        return Math.max(1, t.bits() / 8);
    }

    private static void put(Map<String, BitSet> out, String name, BitSet bits) {
        if (!bits.isEmpty()) {
            out.put(name, bits);
        }
    }

    /// Values whose bytes are all 0.
    private static BitSet bits(MemorySegment bytes, TensorEntry t, int size) {
        BitSet out = new BitSet((int) t.elements());
        for (int i = 0; i < t.elements(); i++) {
            boolean zero = true;
            for (int b = 0; b < size && zero; b++) {
                zero = bytes.get(java.lang.foreign.ValueLayout.JAVA_BYTE, (long) i * size + b) == 0;
            }
            if (zero) {
                out.set(i);
            }
        }
        return out;
    }

    /// Sets them to 0 in a checkpoint that nobody reads yet.
    void apply(Path folder) throws IOException {
        Checkpoint at = Checkpoints.open(folder);
        for (Map.Entry<String, BitSet> e : byTensor.entrySet()) {
            TensorEntry t = at.tensor(e.getKey()).orElseThrow();
            int size = size(t.dtype());
            try (FileChannel file = FileChannel.open(t.file(), StandardOpenOption.READ, StandardOpenOption.WRITE); Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = file.map(FileChannel.MapMode.READ_WRITE, t.offset(), t.bytes(), arena);
                e.getValue().stream().forEach(i -> bytes.asSlice((long) i * size, size).fill((byte) 0));
                bytes.force();
            }
        }
    }

    /// Checks a finished checkpoint: what was pruned must be 0 in it.
    void requireIn(Path folder) {
        Checkpoint at = Checkpoints.open(folder);
        try (MappedWeights map = new MappedWeights(at)) {
            byTensor.forEach((name, places) -> {
                TensorEntry t = at.tensor(name).orElseThrow();
                BitSet missing = (BitSet) places.clone();
                missing.andNot(bits(map.data(t), t, size(t.dtype())));
                if (!missing.isEmpty()) {
                    throw new IllegalStateException(name + " holds " + missing.cardinality() + " values other than 0 where it was pruned");
                }
            });
        }
    }
}
