package vitrine.core.work.adapter;


import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.Subspaces;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.family.Families;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.StoredValues;
import vitrine.core.work.input.AdapterWeights;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.SiteWeight;
import vitrine.core.work.output.CheckpointFolderWriter;
import vitrine.core.work.output.Outcome;

/// Adapters merged into their base, streamed: a changed weight is widened, the delta added in float64, and rounded once to the type that it is stored
/// in; everything else is copied bit for bit.
///
/// Where embedding and head share a table and only one of them is adapted, they are parted: `lm_head.weight` joins the file and
/// `tie_word_embeddings` becomes false, since a merge into the shared table would change the other as well.
public final class AdapterMergeRun {

    /// What adapters call a tied head that they save whole.
    private static final String SAVED_HEAD = "lm_head.weight";

    private final LoadedModel model;
    private final Checkpoint base;
    private final AdapterWeights adapters;
    private final MappedWeights baseMap;
    private final Map<String, List<AdapterWeights.Placed>> sites = new LinkedHashMap<>();
    private final Map<String, List<AdapterWeights.Placed>> biased = new LinkedHashMap<>();
    private final List<AdapterWeights.Placed> head = new ArrayList<>();
    /// The head's own matrix, and the second name of its bias that an untied encoder reads; null where there is none.
    private final String headName;
    private String headBiasOrNull;

    private AdapterMergeRun(LoadedModel model, MappedWeights baseMap) {
        this.model = model;
        this.baseMap = baseMap;
        base = model.checkpoint();
        adapters = model.adapters();
        headName = Families.headWeight(model.spec().modelType());
    }

    public static Outcome run(Task.AdapterMerge task, Path staging, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.open(task.model(), task.adapters());
             MappedWeights baseMap = new MappedWeights(model.checkpoint())) {
            return new AdapterMergeRun(model, baseMap).run(staging, progress, warn);
        }
    }

    private Outcome run(Path staging, Progress progress, Consumer<String> warn) throws IOException {
        adapters.fits().forEach(f -> f.adapter().notes().forEach(warn));
        adapters.placed().forEach(this::place);
        ObjectNode config = base.config();
        boolean tied = tied();
        boolean untied = tied && (!head.isEmpty() || sites.containsKey(table()) || !model.spec().head().tied());
        Map<String, Declared> declared = new LinkedHashMap<>();
        base.tensors().values().forEach(t -> declared.put(t.name(), new Declared(t.dtype(), t.shape())));
        if (untied) {
            TensorEntry own = base.tensor(table()).orElseThrow();
            declared.put(headName, new Declared(own.dtype(), own.shape()));
            Head h = model.spec().head();
            if (h.transform() != null && h.bias() != null) {
                headBiasOrNull = headName.replace(".weight", ".bias");
                declared.put(headBiasOrNull, declared.get(h.bias()));
            }
            config.put("tie_word_embeddings", false);
            warn.accept("The embedding and the head shared one table; they are parted, as only one of them changes: " + headName + " is written and tie_word_embeddings is false.");
        }
        int[] done = {0};
        CheckpointFolderWriter.write(staging, config, declared, (name, out) -> {
            progress.checkCancelled();
            progress.step(done[0]++, declared.size(), "tensors");
            tensor(name, declared.get(name), out, progress);
        }, base);
        progress.step(declared.size(), declared.size(), "tensors");
        int merged = sites.size() + (head.isEmpty() ? 0 : 1);
        int replaced = (int) adapters.fits().stream().mapToLong(f -> f.replaced().size() + f.rows().size()).sum();
        String names = adapters.fits().stream().map(f -> f.adapter().name()).collect(Collectors.joining(" and "));
        ObjectNode summary = Json.object().put("model", base.name()).put("adapter", names).put("weight", adapters.weightOf(0)).put("merged", merged).put("replaced", replaced)
                .put("tensors", declared.size()).put("untied", untied);
        StringBuilder weights = new StringBuilder();
        for (int k = 0; k < adapters.fits().size(); k++) {
            weights.append(adapters.weightOf(k) == 1 ? "" : ", " + Visible.escape(adapters.fits().get(k).adapter().name()) + " with a weight of " + adapters.weightOf(k));
        }
        String card = String.format(Locale.ROOT, "# %s with %s%n%nMerged by Vitrine: %,d weights changed, %,d replaced%s. Each was widened, the delta added, and rounded once to the type that it is stored in.%n%s",
                Visible.escape(base.name()), Visible.escape(names), merged, replaced, weights,
                untied ? "\nThe embedding and the head, which shared one table in the base, are two tensors here.\n" : "");
        Files.write(staging.resolve("README.md"), card.getBytes(StandardCharsets.UTF_8));
        return new Outcome(summary, Map.of("merged", Provenance.derived(base.name() + " and " + names, "F64", adapters.fits().size() == 1 ? "W + s B A, rounded once to the stored type" : "W + the weighted sum of s B A, rounded once to the stored type")));
    }

    /// The table that embedding and head share in a tied base.
    private String table() {
        return model.spec().embedding().tokens();
    }

    private boolean tied() {
        Head h = model.spec().head();
        // The spec that an adapter has untied has a head of another name that the base does not hold.
        return h != null && (h.tied() || base.tensor(h.weight()).isEmpty());
    }

    private void place(AdapterWeights.Placed placed) {
        AdapterFit.Site site = placed.site();
        TensorEntry t = base.tensor(site.weight()).orElseThrow();
        if (site.linear() != null && site.linear().scales() != null || !storable(t.dtype())) {
            throw Refusal.of(Category.DTYPE_UNKNOWN, base.path(), "it is stored as %s%s, and a merged weight cannot be stored so", t.dtype(), site.linear() != null && site.linear().scales() != null
                    ? " with scales" : "").where("tensor " + t.name()).help("Merge into the checkpoint that it was quantised from.");
        }
        if (site.role() == AdapterFit.Role.HEAD && tied()) {
            head.add(placed);
        } else {
            sites.computeIfAbsent(site.weight(), w -> new ArrayList<>()).add(placed);
        }
        if (site.module().bias() != null) {
            String bias = site.linear() == null ? null : site.linear().bias();
            if (bias == null) {
                throw Refusal.of(Category.ADAPTER_MISMATCH, site.module().bias().file(), "it has a bias for %s, and the base has none to merge it into", site.module().path())
                        .where("tensor " + site.module().bias().name());
            }
            biased.computeIfAbsent(bias, b -> new ArrayList<>()).add(placed);
        }
    }

    private static boolean storable(DType t) {
        return t == DType.F64 || t == DType.F32 || t == DType.F16 || t == DType.BF16;
    }

    private void tensor(String name, Declared as, SafetensorsWriter out, Progress progress) throws IOException {
        if (name.equals(headName) && base.tensor(headName).isEmpty()) {
            TensorEntry saved = adapters.saved(SAVED_HEAD);
            if (!head.isEmpty()) {
                merged(headName, head, as.dtype(), out, progress);
            } else if (saved != null) {
                converted(headName, saved, as.dtype(), out);
            } else {
                out.write(headName, 0, baseMap.data(base.tensor(table()).orElseThrow()));
            }
            return;
        }
        if (name.equals(headBiasOrNull) && base.tensor(name).isEmpty()) {
            // What ties matrices in these families ties biases too.
            tensor(model.spec().head().bias(), as, name, out, progress);
            return;
        }
        tensor(name, as, name, out, progress);
    }

    /// Writes a tensor of the base with what adapters do to it, under a name.
    private void tensor(String name, Declared as, String to, SafetensorsWriter out, Progress progress) throws IOException {
        TensorEntry own = base.tensor(name).orElseThrow();
        TensorEntry saved = adapters.saved(name);
        if (sites.containsKey(name)) {
            merged(name, sites.get(name), as.dtype(), out, progress);
        } else if (biased.containsKey(name)) {
            bias(name, to, biased.get(name), saved, out);
        } else if (saved != null) {
            converted(to, saved, as.dtype(), out);
        } else if (adapters.patchedOrNull(name) != null) {
            converted(to, adapters.patchedOrNull(name).tensor(), adapters.patchedOrNull(name).data(), as.dtype(), out);
        } else {
            out.write(to, 0, baseMap.data(own));
        }
        baseMap.release(own);
    }

    private void bias(String name, String to, List<AdapterWeights.Placed> placed, TensorEntry saved, SafetensorsWriter out) throws IOException {
        TensorEntry own = saved != null ? saved : base.tensor(name).orElseThrow();
        MemorySegment data = saved != null ? adapters.data(saved) : baseMap.data(own);
        double[] sum = new double[(int) own.elements()];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = StoredValues.at(own.dtype(), data, i);
        }
        for (AdapterWeights.Placed p : placed) {
            TensorEntry more = p.site().module().bias();
            for (int i = 0; i < sum.length; i++) {
                sum[i] += adapters.weightOf(p.adapter()) * p.site().module().scaling() * StoredValues.at(more.dtype(), adapters.data(more), i);
            }
        }
        out.write(to, 0, StoredValues.of(sum, base.tensor(name).orElseThrow().dtype()));
    }

    private void converted(String name, TensorEntry from, DType to, SafetensorsWriter out) throws IOException {
        converted(name, from, adapters.data(from), to, out);
    }

    private static void converted(String name, TensorEntry from, MemorySegment data, DType to, SafetensorsWriter out) throws IOException {
        if (from.dtype() == to) {
            out.write(name, 0, data);
            return;
        }
        int most = 1 << 20;
        for (long at = 0; at < from.elements(); at += most) {
            double[] part = new double[(int) Math.min(most, from.elements() - at)];
            for (int i = 0; i < part.length; i++) {
                part[i] = StoredValues.at(from.dtype(), data, at + i);
            }
            out.write(name, at, StoredValues.of(part, to));
        }
    }

    private void merged(String name, List<AdapterWeights.Placed> placed, DType dtype, SafetensorsWriter out, Progress progress) throws IOException {
        AdapterFit.Site site = placed.getFirst().site();
        if (site.stacked() != null) {
            int size = site.stacked().matrices().out() * site.stacked().matrices().in();
            for (int e = 0; e < site.stacked().matrices().count(); e++) {
                progress.checkCancelled();
                out.write(name, (long) e * size, StoredValues.of(adapters.merged(placed, e), dtype));
            }
            return;
        }
        SiteWeight w = adapters.weight(site);
        try (Arena arena = Arena.ofShared()) {
            List<Factors> factors = placed.stream().map(p -> adapters.factors(p, arena)).toList();
            if (site.linear() != null && site.linear().inputMajor()) {
                // Stored the other way round: such layers are small enough to be turned in memory.
                Dense whole = w.whole(arena);
                adapters.merge(placed, factors, 0, whole, arena);
                out.write(name, 0, StoredValues.of(Subspaces.transposed(whole, arena).toArray(), dtype));
            } else {
                w.eachBlock((first, rows) -> {
                    progress.checkCancelled();
                    try (Arena scratch = Arena.ofShared()) {
                        adapters.merge(placed, factors, first, rows, scratch);
                        out.write(name, (long) first * rows.columns(), StoredValues.of(rows.toArray(), dtype));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        w.release();
    }
}
