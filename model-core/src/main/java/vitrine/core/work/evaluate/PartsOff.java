package vitrine.core.work.evaluate;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.forward.Adaptation;
import vitrine.core.forward.Mask;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.method.LowRank;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.ChangedTensor;

/// What of a model is switched off while a task runs: heads and layers by a probe, singular directions by matrices that stand for the stored ones. The checkpoint
/// is not changed.
///
/// A matrix that keeps r directions is what the pruning method `svd` writes for that rank, rounded to the type that it is stored in: the loss is the same.
public final class PartsOff implements AutoCloseable {

    private final LoadedModel model;
    private final Mask mask;
    private final Arena arena = Arena.ofShared();

    private PartsOff(LoadedModel model, Mask mask) {
        this.model = model;
        this.mask = mask;
    }

    /// Switches parts of a model off until this is closed.
    ///
    /// @param off nothing where null
    /// @throws Refusal where the model does not have one of them, or cannot do without it
    public static PartsOff of(Task.Off off, LoadedModel model, Progress progress) {
        if (off != null) {
            model.requireNoLoops();
        }
        PartsOff parts = new PartsOff(model, off == null ? new Mask(Set.of(), Set.of()) : mask(off, model));
        try {
            if (off != null && off.ranks() != null && !off.ranks().isEmpty()) {
                parts.truncate(off.ranks(), progress);
            }
            return parts;
        } catch (RuntimeException e) {
            parts.close();
            throw e;
        }
    }

    private static Mask mask(Task.Off off, LoadedModel model) {
        Mask mask = new Mask(off.heads() == null ? Set.of() : off.heads().stream().map(h -> new Mask.Head(h.layer(), h.head())).collect(Collectors.toSet()),
                off.layers() == null ? Set.of() : Set.copyOf(off.layers()));
        List<String> absent = mask.absent(model.spec());
        if (!absent.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%s is to be switched off; the model has %d layers of %s heads", absent.getFirst(), model.spec().layers().size(),
                    model.spec().layers().stream().map(l -> l.attention().heads()).distinct().map(String::valueOf).collect(Collectors.joining(" or ")));
        }
        return mask;
    }

    private void truncate(Map<String, Integer> ranks, Progress progress) {
        Map<String, PrunableMatrix> byName = new HashMap<>();
        PrunableMatrix.of(model.spec()).forEach(m -> byName.put(m.module(), m));
        Map<String, ChangedTensor> tensors = new LinkedHashMap<>();
        Adaptation before = model.weights().adaptation();
        LowRank svd = new LowRank(LowRank.Way.SVD, null);
        try (MappedWeights map = new MappedWeights(model.checkpoint())) {
            ranks.forEach((name, rank) -> {
                progress.checkCancelled();
                PrunableMatrix m = byName.get(name);
                if (m == null) {
                    throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "no linear layer of a decoder layer is called %s", Visible.name(name)).help("Names are those of vitrine spectrum, without .weight.");
                }
                TensorEntry entry = model.checkpoint().tensor(m.tensor()).orElseThrow();
                if (m.scaled() || !ChangedTensor.storable(entry.dtype())) {
                    throw Refusal.of(Category.TASK_INVALID, entry.file(), "it is stored as %s, in which a matrix of lower rank cannot be written", entry.dtype()).where("tensor " + m.tensor());
                }
                if (before.replaced().containsKey(m.tensor())) {
                    throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%s is to keep %,d directions, and an adapter puts another tensor in its place", name, rank);
                }
                if (m.size() > Integer.MAX_VALUE - 8) {
                    throw Refusal.of(Category.TASK_INVALID, entry.file(), "it is larger than 2^31 values").where("tensor " + m.tensor());
                }
                ChangedTensor t = tensors.computeIfAbsent(m.tensor(), n -> new ChangedTensor(entry, map.data(entry), arena));
                try (Arena own = Arena.ofShared()) {
                    Matrix w = t.widened(m, null, model.weights(), own);
                    requireFinite(m, entry, w);
                    if (svd.truncate(w, null, rank).changed()) {
                        t.store(m, w);
                    }
                }
                map.release(entry);
            });
        }
        Map<String, Adaptation.Replacement> replaced = new HashMap<>(before.replaced());
        tensors.forEach((name, t) -> replaced.put(name, new Adaptation.Replacement(t.entry(), t.bytes())));
        model.weights().adapt(new Adaptation(before.linears(), before.tables(), replaced));
    }

    private static void requireFinite(PrunableMatrix m, TensorEntry entry, Matrix w) {
        for (int r = 0; r < w.rows(); r++) {
            for (float v : w.row(r)) {
                if (!Float.isFinite(v)) {
                    throw Refusal.of(Category.TASK_INVALID, entry.file(), "it holds values that are NaN or infinite, so it has no singular directions").where("tensor " + m.name());
                }
            }
        }
    }

    /// Switches heads and layers off in a pass; to stand before probes that read.
    public Probe probe(Arena pass) {
        return mask.heads().isEmpty() && mask.layers().isEmpty() ? Probe.NONE : mask.probe(model.spec(), pass);
    }

    /// The model's weights must not be used any more where directions were switched off.
    @Override
    public void close() {
        arena.close();
    }
}
