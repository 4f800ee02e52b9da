package vitrine.core.work.compare;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import vitrine.core.analysis.spectrum.MatrixValues;
import vitrine.core.analysis.spectrum.StoredMatrix;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.WeightMatrix;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.MatrixView;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.WeightSource;

/// One of two models that are compared: its weights with its adapters on them, one merged tensor in memory at a time, and the model itself where
/// this program can run it.
final class CompareSide implements AutoCloseable {

    private final WeightSource source;
    private final LoadedModel model;
    private final String cannotRun;
    private final List<Task.AdapterUse> uses;
    private final MappedWeights map;
    private final Set<String> changed;
    private Arena merging;
    private String mergedName;
    private MemorySegment merged;

    private CompareSide(WeightSource source, LoadedModel model, String cannotRun, List<Task.AdapterUse> uses) {
        this.source = source;
        this.model = model;
        this.cannotRun = cannotRun;
        this.uses = uses == null ? List.of() : uses;
        map = new MappedWeights(source.checkpoint());
        changed = model == null || model.adapters() == null ? Set.of() : model.adapters().changed();
    }

    /// Opens a model. One of a family that has no forward pass here still has weights to compare.
    ///
    /// @throws Refusal for all else that stands in the way, and where adapters are on a model that cannot be run
    static CompareSide open(String path, List<Task.AdapterUse> uses) {
        Checkpoint checkpoint = Checkpoints.open(Path.of(path));
        if (checkpoint.kind() == Checkpoint.Kind.ADAPTER) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "this is an adapter; what is compared are models")
                    .help("Name its base, and the adapter beside it (--adapter-a or --adapter-b).");
        }
        WeightSource source = WeightSource.open(path, false);
        try {
            return new CompareSide(source, LoadedModel.openWithLoops(path, uses), null, uses);
        } catch (Refusal r) {
            if (r.category() == Category.FAMILY_UNSUPPORTED && (uses == null || uses.isEmpty())) {
                return new CompareSide(source, null, r.getMessage(), uses);
            }
            source.close();
            throw r;
        }
    }

    WeightSource source() {
        return source;
    }

    /// The model to run.
    LoadedModel model() {
        return model;
    }

    /// Null where it cannot be run: then [#cannotRun] says why.
    ModelSpec specOrNull() {
        return model == null ? null : model.spec();
    }

    String cannotRun() {
        return cannotRun;
    }

    /// The checkpoint's name, with those of its adapters; an adapter's without that of its base, which stands beside it.
    String name() {
        return uses.isEmpty() ? source.name() : source.name() + " + " + uses.stream().map(u -> Path.of(u.path()).getFileName().toString())
                .map(n -> n.startsWith(source.name() + "-") ? n.substring(source.name().length() + 1) : n).collect(Collectors.joining(" + "));
    }

    /// All tensors as the adapters leave them, by name.
    Map<String, TensorEntry> tensors() {
        Map<String, TensorEntry> out = new TreeMap<>(source.checkpoint().tensors());
        for (String name : changed) {
            if (!out.containsKey(name)) {
                out.put(name, model.adapters().replacementOrNull(name));
            }
        }
        return out;
    }

    /// Whether adapters change a tensor.
    boolean changes(String tensor) {
        return changed.contains(tensor);
    }

    /// The stored bytes of a tensor that no adapter changes.
    MemorySegment bytes(TensorEntry tensor) {
        return map.data(tensor);
    }

    /// A tensor's values as the matrix of its last dimension, adapters on it; without scales.
    MatrixValues values(TensorEntry t) {
        int columns = t.shape().rank() == 0 ? 1 : (int) t.shape().size(t.shape().rank() - 1);
        int rows = columns == 0 ? 0 : Math.toIntExact(t.elements() / columns);
        MatrixView view = MatrixView.of(rows, columns);
        return changes(t.name()) ? new StoredMatrix(DType.F64, merged(t.name()), view, false) : new StoredMatrix(t.dtype(), map.data(t), view, true);
    }

    /// A weight matrix's values, adapters on it, dequantised where it has scales.
    MatrixValues values(WeightMatrix m) {
        return changes(m.tensor().name()) ? new StoredMatrix(DType.F64, merged(m.tensor().name()), m.view(), false) : source.values(m);
    }

    private MemorySegment merged(String name) {
        if (!name.equals(mergedName)) {
            drop();
            merging = Arena.ofShared();
            merged = model.adapters().merged(name, merging);
            mergedName = name;
        }
        return merged;
    }

    private void drop() {
        if (merging != null) {
            merging.close();
            merging = null;
            mergedName = null;
        }
    }

    @Override
    public void close() {
        drop();
        map.close();
        source.close();
        if (model != null) {
            model.close();
        }
    }
}
