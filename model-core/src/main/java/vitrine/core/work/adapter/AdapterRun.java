package vitrine.core.work.adapter;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.analysis.adapter.Alignment;
import vitrine.core.analysis.adapter.DeltaSpectrum;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.analysis.adapter.Intruders;
import vitrine.core.analysis.adapter.LeadingVectors;
import vitrine.core.analysis.adapter.StartFactors;
import vitrine.core.analysis.adapter.StoredComponents;
import vitrine.core.analysis.spectrum.NoiseEdge;
import vitrine.core.architecture.TensorNames;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.forward.Adaptation;
import vitrine.core.forward.LowRankUpdate;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.input.Glob;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.SiteWeight;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// What an adapter's ranks are worth: norms and spectra of every module, how they lie to the base, and the loss with fewer of them.
/// [AdapterArtifact] says what is written.
public final class AdapterRun {

    /// Curves of loss are asked for at these ranks and at the whole, unless others are named.
    private static final int[] RANKS = {0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

    private final Task.Adapter task;
    private final Adapter adapter;
    private final LoadedModel model;
    private final Progress progress;
    private final Consumer<String> warn;
    private final MappedWeights map;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Provenance> provenance = new LinkedHashMap<>();
    private final Map<String, double[]> values = new LinkedHashMap<>();
    private final Map<String, ObjectNode> rows = new LinkedHashMap<>();
    private final Map<String, double[]> spectra = new LinkedHashMap<>();
    private final Map<String, StoredComponents> components = new LinkedHashMap<>();
    private final Map<String, double[]> activations = new LinkedHashMap<>();
    private final ObjectNode summary = Json.object();

    private AdapterRun(Task.Adapter task, Adapter adapter, LoadedModel model, MappedWeights map, Progress progress, Consumer<String> warn) {
        this.task = task;
        this.adapter = adapter;
        this.model = model;
        this.map = map;
        this.progress = progress;
        this.warn = warn;
    }

    public static Outcome run(Task.Adapter task, Path staging, Progress progress, Consumer<String> warn) throws IOException {
        Adapter adapter = Adapter.open(task.adapter());
        try (MappedWeights map = new MappedWeights(adapter.checkpoint());
             LoadedModel model = task.model() == null ? null : LoadedModel.open(task.model(), List.of(Task.AdapterUse.of(task.adapter())))) {
            return new AdapterRun(task, adapter, model, map, progress, warn).run(staging);
        }
    }

    private Outcome run(Path staging) throws IOException {
        adapter.notes().forEach(warn);
        if (model == null) {
            adapter.absentBase().ifPresent(warn);
        }
        if (!adapter.rows().isEmpty()) {
            warn.accept(String.format("Rows of %s were trained by themselves; they are applied, and are no delta of low rank.", String.join(", ", adapter.rows().keySet())));
        }
        if (Boolean.TRUE.equals(task.gradients())) {
            AdapterGradients.require(model);
        }
        head();
        int done = 0;
        for (AdapterModule m : adapter.modules()) {
            progress.checkCancelled();
            progress.step(done++, adapter.modules().size(), "modules");
            module(m);
        }
        progress.step(done, adapter.modules().size(), "modules");
        ArrayNode importance = summary.putArray("importance").add("norm_product").add("share");
        if (task.data() != null && !task.data().isEmpty()) {
            losses(importance);
        }
        return write(staging);
    }

    private void head() {
        summary.put("adapter", adapter.name()).put("type", adapter.config().type().name().toLowerCase(java.util.Locale.ROOT)).put("rank", adapter.config().rank())
                .put("alpha", adapter.config().alpha()).put("rank_stabilised", adapter.config().rankStabilised()).put("dora", adapter.config().dora())
                .put("initialisation", adapter.config().initialisation()).put("declared_base", adapter.config().base()).put("modules", adapter.modules().size())
                .put("parameters", adapter.parameters()).put("bytes", adapter.checkpoint().fileBytes());
        adapter.saved().keySet().forEach(summary.putArray("saved_whole")::add);
        if (model == null) {
            summary.putNull("model");
        } else {
            summary.put("model", model.checkpoint().name()).put("family", model.spec().family()).put("base_parameters",
                    model.checkpoint().tensors().values().stream().mapToLong(vitrine.core.checkpoint.TensorEntry::elements).sum());
        }
    }

    // --- one module

    private void module(AdapterModule m) {
        AdapterFit.Site site = model == null ? null : model.adapters().fit().sites().stream().filter(s -> s.module() == m || s.module().path().equals(m.path())).findFirst().orElseThrow();
        ObjectNode row = Json.object().put("module", m.path()).put("kind", m.kind());
        int layer = site != null ? site.layer() : TensorNames.layerOf(m.path() + ".weight");
        row.put("layer", layer).put("role", m.embedding() ? "table" : site != null && site.role() == AdapterFit.Role.HEAD ? "head" : "linear");
        row.putArray("shape").add(m.embedding() ? m.in() : m.out()).add(m.embedding() ? m.out() : m.in());
        row.put("rank", m.rank()).put("alpha", m.alpha()).put("scaling", m.scaling()).put("parameters", m.parameters()).put("dora", m.magnitude() != null);
        rows.put(m.path(), row);
        try (Arena arena = Arena.ofShared()) {
            Factors read = site == null ? Factors.read(m, map, arena) : model.adapters().factors(site, arena);
            Factors f = m.embedding() ? read.ofTable(arena) : read;
            long nonFinite = f.nonFinite();
            if (nonFinite > 0) {
                row.put("absent", String.format("%,d values of its factors are not finite", nonFinite));
                warn.accept(String.format("%s has no spectrum: %,d values of its factors are not finite.", Visible.name(m.path()), nonFinite));
                return;
            }
            DeltaSpectrum d = DeltaSpectrum.of(f, arena);
            StoredComponents c = StoredComponents.of(f, arena);
            spectra.put(m.path(), d.values());
            components.put(m.path(), c);
            figures(row, m, d, c);
            if (site != null && task.alignment() != Task.Alignment.none) {
                align(row, m, site, f, d, arena);
            }
        }
        map.release(m.a());
        map.release(m.b());
    }

    private void figures(ObjectNode row, AdapterModule m, DeltaSpectrum d, StoredComponents c) {
        DeltaSpectrum.Measures s = d.measures();
        row.put("frobenius_norm", s.frobenius()).put("spectral_norm", s.spectral()).put("nuclear_norm", s.nuclear()).put("effective_rank", s.effectiveRank())
                .put("effective_rank_squared", s.energyEffectiveRank()).put("normalised_effective_rank", s.effectiveRank() / d.values().length).put("stable_rank", s.stableRank())
                .put("participation_ratio", s.participationRatio()).put("rank_90", s.rank90()).put("rank_95", s.rank95()).put("rank_99", s.rank99()).put("knee", s.knee())
                .put("numerical_rank", d.numericalRank());
        Figures.put(row, "frobenius_norm_without_scaling", s.frobenius() / Math.abs(m.scaling()));
        Figures.put(row, "interference", c.interference());
        Figures.put(row, "rank_correlation", StoredComponents.spearman(c.normProduct(), c.share()));
        put("sv." + m.path(), d.values(), "singular values of s B A by QR of the factors and the core of rank r", m.path());
        put("norm_product." + m.path(), c.normProduct(), "s |b_i| |a_i| of each stored component", m.path());
        put("share." + m.path(), c.share(), "s b_i . (dW a_i) / |dW|^2 of each stored component; they sum to 1", m.path());
    }

    private void align(ObjectNode row, AdapterModule m, AdapterFit.Site site, Factors f, DeltaSpectrum d, Arena arena) {
        SiteWeight w = model.adapters().weight(site);
        int k = d.numericalRank();
        boolean whole = Math.min(w.rows(), w.columns()) <= LeadingVectors.DENSE_UP_TO || task.alignment() == Task.Alignment.full;
        LeadingVectors leading = LeadingVectors.of(w, whole ? Math.min(w.rows(), w.columns()) : Math.max(1, Math.max(k, d.values().length)), arena);
        Alignment a = Alignment.of(d, w, leading, arena);
        row.put("base_frobenius_norm", a.baseFrobenius());
        Figures.put(row, "relative_norm", a.relative());
        Figures.put(row, "projection", a.projection());
        Figures.put(row, "amplification", a.amplification());
        Figures.put(row, "own_amplification", a.ownAmplification());
        Figures.put(row, "random_amplification", a.randomAmplification());
        if (k > 0) {
            Figures.put(row, "similarity_left", a.left()[k - 1][Math.min(k, a.left()[0].length) - 1]);
            Figures.put(row, "similarity_right", a.right()[k - 1][Math.min(k, a.right()[0].length) - 1]);
            row.put("random_similarity_left", (double) k / w.rows()).put("random_similarity_right", (double) k / w.columns());
            put("phi_left." + m.path(), a.left(), "|X_i^T Y_j|^2 / min(i, j) of the delta's left vectors and the base's", m.path());
            put("phi_right." + m.path(), a.right(), "|X_i^T Y_j|^2 / min(i, j) of the delta's right vectors and the base's", m.path());
        }
        put("base_sv." + m.path(), a.baseValues(), a.whole() ? "singular values of the base's weight" : "leading singular values of the base's weight, from a random space and 4 power steps", site.weight());
        if (a.whole()) {
            NoiseEdge edge = NoiseEdge.ofOrNull(a.baseValues(), w.rows(), w.columns());
            if (edge != null) {
                row.put("base_noise_edge", edge.upper());
            }
        }
        put("response." + m.path(), a.response(), "u_k . dW v_k in the base's singular basis", m.path());
        put("injected." + m.path(), a.injected(), "|dW v_k|^2 of the base's right singular vectors", m.path());
        put("tail." + m.path(), a.tail(), "share of |dW|^2 outside the base's first m left singular vectors", m.path());
        if (leading.whole()) {
            Dense tuned = w.whole(arena);
            Factors read = m.embedding() ? f.ofTable(arena) : f;
            model.adapters().merge(site, read, 0, tuned, arena);
            if (m.magnitude() != null) {
                Dense change = tuned.copy(arena).add(w.whole(arena), -1);
                put("full_sv." + m.path(), change.decompose(arena).values(), "singular values of W' - W with DoRA's magnitudes, by a dense decomposition", m.path());
            }
            Intruders found = Intruders.of(tuned, leading, Intruders.VECTORS, arena);
            row.put("intruders", found.count(Intruders.VECTORS, Intruders.BOUND)).put("intruder_vectors", found.best().length).put("intruder_bound", Intruders.BOUND);
            put("intruder_cosine." + m.path(), found.best(), "largest |cosine| of each leading left singular vector of W' with the base's", m.path());
            put("intruder_cosine_right." + m.path(), found.bestRight(), "largest |cosine| of each leading right singular vector of W' with the base's", m.path());
            put("tuned_sv." + m.path(), found.values(), "leading singular values of W'", m.path());
        }
        w.release();
    }

    private void put(String name, double[] of, String method, String source) {
        declared.put(name, new Declared(DType.F64, Shape.of(of.length)));
        values.put(name, of);
        provenance.put(name, Provenance.derived(source, "F64", method).of(of.length));
    }

    private void put(String name, double[][] of, String method, String source) {
        declared.put(name, new Declared(DType.F64, Shape.of(of.length, of[0].length)));
        values.put(name, Arrays.stream(of).flatMapToDouble(Arrays::stream).toArray());
        provenance.put(name, Provenance.derived(source, "F64", method).of((long) of.length * of[0].length));
    }

    // --- losses

    /// The sites that have a spectrum, in order of their layers.
    private List<AdapterFit.Site> sites() {
        return model.adapters().fit().sites().stream().filter(s -> spectra.containsKey(s.module().path())).toList();
    }

    private int firstLayer(AdapterFit.Site site) {
        return switch (site.role()) {
            case TABLE -> -1;
            case HEAD -> model.spec().layers().size();
            // Layers outside the stack: before it (a projection of embeddings) or after it (a head's).
            case LINEAR -> site.layer() >= 0 ? site.layer() : site.linear() == model.spec().embedding().projection() ? -1 : model.spec().layers().size();
        };
    }

    private void losses(ArrayNode importance) {
        AdapterLosses losses = new AdapterLosses(model, task.data(), task.maxLength(), task.maxTokens(), progress);
        List<AdapterFit.Site> sites = sites();
        Task.Order order = task.order() == null ? Task.Order.singular : task.order();
        int most = sites.stream().mapToInt(s -> spectra.get(s.module().path()).length).max().orElse(0);
        List<Integer> ranks = ranks(most);
        boolean eachModule = task.without() == Task.Without.modules;
        boolean eachComponent = task.without() == Task.Without.components;
        List<AdapterFit.Site> left = sites.stream().filter(s -> Glob.matchesAny(task.modules(), s.module().path())).toList();
        long single = eachModule ? left.size() : eachComponent ? left.stream().mapToLong(s -> order == Task.Order.singular ? spectra.get(s.module().path()).length : s.module().rank()).sum() : 0;
        losses.plan((int) Math.min(Integer.MAX_VALUE, 2 + ranks.size() + single));
        Adaptation whole = model.weights().adaptation();
        int first = sites.stream().mapToInt(this::firstLayer).min().orElse(0);
        int start = model.adapters().fit().replaced().isEmpty() ? first : -1;

        double[][] ends = watched(losses, whole);
        ArrayNode domains = summary.putArray("domains");
        for (int d = 0; d < losses.domains().size(); d++) {
            ObjectNode n = domains.addObject().put("name", losses.domains().get(d)).put("tokens", losses.tokens(d)).put("predicted_tokens", losses.predicted(d));
            Figures.putLoss(n.putObject("before"), ends[0][d], warn);
            Figures.putLoss(n.putObject("after"), ends[1][d], warn);
        }
        importance.add("activation");
        activations.forEach((path, a) -> put("activation." + path, a, "s |b_i| times the root mean square of a_i . x over the texts", path));
        if (Boolean.TRUE.equals(task.gradients())) {
            gradients(losses, importance);
        }

        curve(losses, whole, sites, ranks, order, start);
        if (eachModule || eachComponent) {
            leaveOut(losses, whole, left, order, eachComponent, ends[1]);
            importance.add("loss");
        }
        long[] passed = losses.layersPassed();
        summary.put("layer_passes", passed[0]).put("layer_passes_plainly", passed[1]);
    }

    private List<Integer> ranks(int most) {
        TreeSet<Integer> out = new TreeSet<>();
        if (task.ranks() != null && !task.ranks().isEmpty()) {
            out.addAll(task.ranks());
        } else {
            Arrays.stream(RANKS).filter(k -> k < most).forEach(out::add);
            out.add(most);
        }
        return new ArrayList<>(out);
    }

    /// The losses without and with the adapter; on the way, what passes between A and B is measured.
    private double[][] watched(AdapterLosses losses, Adaptation whole) {
        Map<String, double[]> squares = new LinkedHashMap<>();
        Map<String, List<LowRankUpdate>> linears = new LinkedHashMap<>(whole.linears());
        Map<String, List<LowRankUpdate>> tables = new LinkedHashMap<>(whole.tables());
        for (AdapterFit.Site site : sites()) {
            double[] sums = new double[site.module().rank() + 1];
            squares.put(site.module().path(), sums);
            Map<String, List<LowRankUpdate>> of = site.role() == AdapterFit.Role.TABLE ? tables : linears;
            of.put(model.adapters().key(site), List.of(of.get(model.adapters().key(site)).getFirst().watched(h -> {
                for (int t = 0; t < h.rows(); t++) {
                    float[] row = h.row(t);
                    for (int i = 0; i < row.length; i++) {
                        sums[i] += (double) row[i] * row[i];
                    }
                }
                sums[sums.length - 1] += h.rows();
            })));
        }
        Adaptation watching = new Adaptation(linears, tables, whole.replaced());
        double[][] ends = losses.losses(whole, List.of(new AdapterLosses.Variation(-1, a -> model.adapters().none()), new AdapterLosses.Variation(-1, a -> watching)));
        for (AdapterFit.Site site : sites()) {
            double[] sums = squares.get(site.module().path());
            double seen = sums[sums.length - 1];
            try (Arena arena = Arena.ofConfined()) {
                Dense b = model.adapters().factors(site, arena).b();
                double[] out = new double[site.module().rank()];
                for (int i = 0; i < out.length; i++) {
                    double norm = 0;
                    for (int o = 0; o < b.rows(); o++) {
                        norm += b.get(o, i) * b.get(o, i);
                    }
                    // A module that no token reached (an expert that was never chosen) did nothing.
                    out[i] = seen == 0 ? 0 : Math.abs(site.module().scaling()) * Math.sqrt(norm) * Math.sqrt(sums[i] / seen);
                }
                activations.put(site.module().path(), out);
            }
        }
        return ends;
    }

    private void gradients(AdapterLosses losses, ArrayNode importance) {
        try (AdapterGradients gradients = new AdapterGradients(model, sites())) {
            String nonFinite = gradients.run(losses.data(), progress);
            if (nonFinite != null) {
                warn.accept("There is no importance by gradients: " + nonFinite + ".");
                return;
            }
            for (AdapterFit.Site site : sites()) {
                String path = site.module().path();
                put("gate." + path, gradients.gates(site), "minus the derivative of the mean loss over all texts by the component's gate, at 1", path);
                put("sensitivity." + path, gradients.sensitivity(site), "AdaLoRA's sensitivity times uncertainty, a step for each sequence", path);
            }
            importance.add("gate").add("sensitivity");
            summary.put("gradient_steps", gradients.steps());
        }
    }

    /// A module's factors with the components that are kept longest first.
    private Factors ordered(AdapterFit.Site site, Task.Order order, Arena arena) {
        Factors f = model.adapters().factors(site, arena);
        String path = site.module().path();
        if (order == Task.Order.singular) {
            DeltaSpectrum d = DeltaSpectrum.of(f, arena);
            return StartFactors.truncated(d, d.values().length, 1, arena);
        }
        return f.picked(StoredComponents.order(order == Task.Order.norm_product ? components.get(path).normProduct() : activations.get(path)), arena);
    }

    private void curve(AdapterLosses losses, Adaptation whole, List<AdapterFit.Site> sites, List<Integer> ranks, Task.Order order, int start) {
        try (Arena arena = Arena.ofShared()) {
            Map<AdapterFit.Site, Factors> factors = new LinkedHashMap<>();
            Map<AdapterFit.Site, LowRankUpdate> updates = new LinkedHashMap<>();
            for (AdapterFit.Site site : sites) {
                progress.checkCancelled();
                Factors f = ordered(site, order, arena);
                factors.put(site, f);
                updates.put(site, site.module().magnitude() == null ? model.adapters().update(site, f, arena) : null);
            }
            List<AdapterLosses.Variation> points = new ArrayList<>();
            for (int k : ranks) {
                points.add(new AdapterLosses.Variation(start, own -> {
                    Adaptation at = whole;
                    Map<String, List<LowRankUpdate>> linears = new LinkedHashMap<>(at.linears());
                    Map<String, List<LowRankUpdate>> tables = new LinkedHashMap<>(at.tables());
                    for (AdapterFit.Site site : sites) {
                        int kept = Math.min(k, factors.get(site).rank());
                        LowRankUpdate u = updates.get(site) != null ? updates.get(site).first(kept) : model.adapters().update(site, factors.get(site).first(kept, own), own);
                        (site.role() == AdapterFit.Role.TABLE ? tables : linears).put(model.adapters().key(site), List.of(u));
                    }
                    return new Adaptation(linears, tables, whole.replaced());
                }));
            }
            double[][] found = losses.losses(whole, points);
            ObjectNode curve = summary.putObject("curve").put("order", order.name());
            ArrayNode list = curve.putArray("points");
            for (int i = 0; i < ranks.size(); i++) {
                int k = ranks.get(i);
                long parameters = sites.stream().mapToLong(s -> (long) Math.min(k, factors.get(s).rank()) * (s.module().in() + s.module().out())).sum();
                ObjectNode point = list.addObject().put("rank", k).put("parameters", parameters);
                Figures.put(point, "energy", energy(sites, k));
                ArrayNode at = point.putArray("losses");
                for (double loss : found[i]) {
                    Figures.putLoss(at.addObject(), loss, warn);
                }
            }
        }
    }

    /// The share of the squared norms of all deltas that the best approximations of rank k keep.
    private double energy(List<AdapterFit.Site> sites, int k) {
        double kept = 0;
        double all = 0;
        for (AdapterFit.Site site : sites) {
            double[] s = spectra.get(site.module().path());
            for (int i = 0; i < s.length; i++) {
                all += s[i] * s[i];
                kept += i < k ? s[i] * s[i] : 0;
            }
        }
        return all == 0 ? 1 : kept / all;
    }

    private void leaveOut(AdapterLosses losses, Adaptation whole, List<AdapterFit.Site> sites, Task.Order order, boolean eachComponent, double[] after) {
        List<AdapterLosses.Variation> variations = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            int[] count = new int[sites.size()];
            for (int s = 0; s < sites.size(); s++) {
                AdapterFit.Site site = sites.get(s);
                int layer = firstLayer(site);
                if (!eachComponent) {
                    count[s] = 1;
                    variations.add(new AdapterLosses.Variation(layer, own -> model.adapters().with(whole, site, List.of())));
                    continue;
                }
                // Components as they are stored, or singular ones.
                Factors f = order == Task.Order.singular ? ordered(site, order, arena) : model.adapters().factors(site, arena);
                LowRankUpdate all = site.module().magnitude() == null ? model.adapters().update(site, f, arena) : null;
                count[s] = f.rank();
                for (int i = 0; i < f.rank(); i++) {
                    int left = i;
                    variations.add(new AdapterLosses.Variation(layer, own -> {
                        LowRankUpdate u;
                        if (all != null) {
                            float[] gates = new float[f.rank()];
                            Arrays.fill(gates, 1f);
                            gates[left] = 0f;
                            u = all.gated(gates);
                        } else {
                            u = model.adapters().update(site, f.without(left, own), own);
                        }
                        return model.adapters().with(whole, site, List.of(u));
                    }));
                }
            }
            double[][] found = losses.losses(whole, variations);
            summary.put("without", eachComponent ? "components" : "modules").put("components", order == Task.Order.singular ? "singular" : "stored");
            int at = 0;
            for (int s = 0; s < sites.size(); s++) {
                String path = sites.get(s).module().path();
                if (!eachComponent) {
                    ArrayNode list = rows.get(path).putArray("loss_without");
                    for (double loss : found[at]) {
                        Figures.add(list, loss);
                    }
                    at++;
                    continue;
                }
                double[][] change = new double[losses.domains().size()][count[s]];
                for (int i = 0; i < count[s]; i++, at++) {
                    for (int d = 0; d < change.length; d++) {
                        change[d][i] = found[at][d] - after[d];
                    }
                }
                put("loss_without." + path, change, "change of the loss when this component alone is left out, nats, for each text", path);
            }
        }
    }

    // --- what is written

    private Outcome write(Path staging) throws IOException {
        ObjectNode list = Json.object().put("format", AdapterArtifact.FORMAT).put("version", AdapterArtifact.VERSION);
        ArrayNode modules = list.putArray("modules");
        rows.values().forEach(modules::add);
        Files.write(staging.resolve(AdapterArtifact.ROWS), Json.pretty(list).getBytes(StandardCharsets.UTF_8));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", AdapterArtifact.FORMAT);
        metadata.put("adapter", adapter.name());
        metadata.put("provenance", Json.line(Manifest.toJson(provenance)));
        try (SafetensorsWriter out = new SafetensorsWriter(staging.resolve(Artifact.TENSORS), declared, metadata)) {
            for (Map.Entry<String, double[]> e : values.entrySet()) {
                out.write(e.getKey(), 0, e.getValue());
            }
        }
        return new Outcome(summary, provenance);
    }
}
