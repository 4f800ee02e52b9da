package vitrine.core.task;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.Subspaces;
import vitrine.core.architecture.Head;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.StoredValues;

/// An adapter merged into its base, streamed: a changed weight is widened, the delta added in float64, and rounded once to the type that it is stored
/// in; everything else is copied bit for bit.
///
/// Where embedding and head share a table and only one of them is adapted, they are parted: `lm_head.weight` joins the file and
/// `tie_word_embeddings` becomes false, since a merge into the shared table would change the other as well.
final class AdapterMergeRun {

    private static final String HEAD = "lm_head.weight";
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final LoadedModel model;
    private final Checkpoint base;
    private final AdapterWeights adapters;
    private final Adapter adapter;
    private final double weight;
    private final MappedWeights baseMap;
    private final MappedWeights map;
    private final Map<String, AdapterFit.Site> sites = new LinkedHashMap<>();
    private final Map<String, AdapterFit.Site> biased = new LinkedHashMap<>();
    private AdapterFit.Site head;

    private AdapterMergeRun(LoadedModel model, double weight, MappedWeights baseMap, MappedWeights map) {
        this.model = model;
        this.weight = weight;
        this.baseMap = baseMap;
        this.map = map;
        base = model.checkpoint();
        adapters = model.adapters();
        adapter = adapters.fit().adapter();
    }

    static Outcome run(Task.AdapterMerge task, Path staging, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.open(task.model(), task.adapters());
             MappedWeights baseMap = new MappedWeights(model.checkpoint());
             MappedWeights map = new MappedWeights(model.adapters().fit().adapter().checkpoint())) {
            Double weight = task.adapters().getFirst().weight();
            return new AdapterMergeRun(model, weight == null ? 1 : weight, baseMap, map).run(staging, progress, warn);
        }
    }

    private Outcome run(Path staging, Progress progress, Consumer<String> warn) throws IOException {
        adapter.notes().forEach(warn);
        for (AdapterFit.Site site : adapters.fit().sites()) {
            place(site);
        }
        ObjectNode config = base.config();
        boolean tied = tied();
        boolean untied = tied && (head != null || sites.containsKey(table()) || adapters.fit().replaced().containsKey(table()) || adapters.fit().replaced().containsKey(HEAD));
        Map<String, Declared> declared = new LinkedHashMap<>();
        base.tensors().values().forEach(t -> declared.put(t.name(), new Declared(t.dtype(), t.shape())));
        if (untied) {
            TensorEntry own = base.tensor(table()).orElseThrow();
            declared.put(HEAD, new Declared(own.dtype(), own.shape()));
            config.put("tie_word_embeddings", false);
            warn.accept("The embedding and the head shared one table; they are parted, as the adapter changes only one of them: " + HEAD + " is written and tie_word_embeddings is false.");
        }
        int[] done = {0};
        CheckpointFolderWriter.write(staging, config, declared, (name, out) -> {
            progress.checkCancelled();
            progress.step(done[0]++, declared.size(), "tensors");
            tensor(name, declared.get(name), out, progress);
        }, base);
        progress.step(declared.size(), declared.size(), "tensors");
        ObjectNode summary = Json.object().put("model", base.name()).put("adapter", adapter.name()).put("weight", weight).put("merged", adapters.fit().sites().size())
                .put("replaced", adapters.fit().replaced().size()).put("tensors", declared.size()).put("untied", untied);
        String card = String.format(Locale.ROOT, "# %s with %s%n%nMerged by Vitrine: %,d weights changed, %,d replaced%s. Each was widened, the delta added, and rounded once to the type that it is stored in.%n%s",
                Visible.escape(base.name()), Visible.escape(adapter.name()), adapters.fit().sites().size(), adapters.fit().replaced().size(), weight == 1 ? "" : ", with a weight of " + weight,
                untied ? "\nThe embedding and the head, which shared one table in the base, are two tensors here.\n" : "");
        Files.write(staging.resolve("README.md"), card.getBytes(StandardCharsets.UTF_8));
        return new Outcome(summary, Map.of("merged", Provenance.derived(base.name() + " and " + adapter.name(), "F64", "W + s B A, rounded once to the stored type")));
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

    private void place(AdapterFit.Site site) {
        TensorEntry t = base.tensor(site.weight()).orElseThrow();
        if (site.linear() != null && site.linear().scales() != null || !storable(t.dtype())) {
            throw Refusal.of(Category.DTYPE_UNKNOWN, base.path(), "it is stored as %s%s, and a merged weight cannot be stored so", t.dtype(), site.linear() != null && site.linear().scales() != null
                    ? " with scales" : "").where("tensor " + t.name()).help("Merge into the checkpoint that it was quantised from.");
        }
        if (site.role() == AdapterFit.Role.HEAD && tied()) {
            head = site;
        } else {
            sites.put(site.weight(), site);
        }
        if (site.module().bias() != null) {
            String bias = site.linear() == null ? null : site.linear().bias();
            if (bias == null) {
                throw Refusal.of(Category.ADAPTER_MISMATCH, adapter.checkpoint().path(), "it has a bias for %s, and the base has none to merge it into", site.module().path())
                        .where("tensor " + site.module().bias().name());
            }
            biased.put(bias, site);
        }
    }

    private static boolean storable(DType t) {
        return t == DType.F64 || t == DType.F32 || t == DType.F16 || t == DType.BF16;
    }

    private void tensor(String name, Declared as, SafetensorsWriter out, Progress progress) throws IOException {
        if (name.equals(HEAD) && base.tensor(HEAD).isEmpty()) {
            TensorEntry saved = adapters.fit().replaced().get(HEAD);
            if (head != null) {
                merged(HEAD, head, as.dtype(), out, progress);
            } else if (saved != null) {
                converted(HEAD, saved, map, as.dtype(), out);
            } else {
                out.write(HEAD, 0, baseMap.data(base.tensor(table()).orElseThrow()));
            }
            return;
        }
        TensorEntry own = base.tensor(name).orElseThrow();
        TensorEntry saved = adapters.fit().replaced().get(name);
        if (sites.containsKey(name)) {
            merged(name, sites.get(name), as.dtype(), out, progress);
        } else if (biased.containsKey(name)) {
            bias(name, biased.get(name), saved, out);
        } else if (saved != null) {
            converted(name, saved, map, as.dtype(), out);
        } else {
            out.write(name, 0, baseMap.data(own));
        }
        baseMap.release(own);
    }

    private void bias(String name, AdapterFit.Site site, TensorEntry saved, SafetensorsWriter out) throws IOException {
        TensorEntry own = saved != null ? saved : base.tensor(name).orElseThrow();
        TensorEntry more = site.module().bias();
        double[] sum = new double[(int) own.elements()];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = StoredValues.at(own.dtype(), (saved != null ? map : baseMap).data(own), i) + weight * site.module().scaling() * StoredValues.at(more.dtype(), map.data(more), i);
        }
        out.write(name, 0, stored(sum, base.tensor(name).orElseThrow().dtype()));
    }

    private void converted(String name, TensorEntry from, MappedWeights of, DType to, SafetensorsWriter out) throws IOException {
        if (from.dtype() == to) {
            out.write(name, 0, of.data(from));
            return;
        }
        int most = 1 << 20;
        for (long at = 0; at < from.elements(); at += most) {
            double[] part = new double[(int) Math.min(most, from.elements() - at)];
            for (int i = 0; i < part.length; i++) {
                part[i] = StoredValues.at(from.dtype(), of.data(from), at + i);
            }
            out.write(name, at, stored(part, to));
        }
    }

    private void merged(String name, AdapterFit.Site site, DType dtype, SafetensorsWriter out, Progress progress) throws IOException {
        SiteWeight w = adapters.weight(site);
        try (Arena arena = Arena.ofShared()) {
            Factors f = adapters.factors(site, arena);
            if (site.linear() != null && site.linear().inputMajor()) {
                // Stored the other way round: such layers are small enough to be turned in memory.
                Dense whole = w.whole(arena);
                adapters.merge(site, f, 0, whole, arena);
                out.write(name, 0, stored(Subspaces.transposed(whole, arena).toArray(), dtype));
            } else {
                w.eachBlock((first, rows) -> {
                    progress.checkCancelled();
                    try (Arena scratch = Arena.ofShared()) {
                        adapters.merge(site, f, first, rows, scratch);
                        out.write(name, (long) first * rows.columns(), stored(rows.toArray(), dtype));
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

    /// Values in a stored type, rounded to nearest, ties to even.
    static MemorySegment stored(double[] values, DType dtype) {
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
}
