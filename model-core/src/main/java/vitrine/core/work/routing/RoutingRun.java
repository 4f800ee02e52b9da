package vitrine.core.work.routing;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.analysis.routing.ExpertSimilarity;
import vitrine.core.analysis.routing.FinalStates;
import vitrine.core.analysis.routing.Load;
import vitrine.core.analysis.routing.NextTokenShift;
import vitrine.core.analysis.routing.PassCounts;
import vitrine.core.analysis.routing.RouteChange;
import vitrine.core.analysis.routing.RoutingStatistics;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.ForwardPass;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Shape;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.FiniteWatch;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// Texts through a model with experts: who visits whom, how evenly, how surely, and what the loss would be with more or fewer of them, with other routes, or in another checkpoint.
///
/// The texts pass batch by batch: first through the model as it is, then through every variant of it, so that what is compared of a batch is never kept longer.
public final class RoutingRun {

    /// An id must occur so often to count in vocabulary specialisation.
    static final int LEAST_OCCURRENCES = 10;
    /// A sweep's loss may be so much above that of the trained number to count as kept, nats.
    private static final double LOSS_SLACK = 0.005;

    private final Task.Routing task;
    private final LoadedModel model;
    private final ModelSpec spec;
    private final Progress progress;
    private final Consumer<String> warn;
    private final List<Sequences.Labelled> data = new ArrayList<>();
    private final List<String> groups;
    private final ObjectNode summary = Json.object();
    private final LayerTensors tensors;
    private final long tokens;
    private final boolean losses;

    private RoutingRun(Task.Routing task, LoadedModel model, Progress progress, Consumer<String> warn) {
        this.task = task;
        this.model = model;
        this.progress = progress;
        this.warn = warn;
        spec = model.spec();
        losses = spec.head() != null && !spec.encoder();
        if (spec.expertLayers().isEmpty()) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.checkpoint().path(), "this %s model has no experts, so nothing is routed", spec.family())
                    .help("Routing is for mixtures of experts.");
        }
        tensors = new LayerTensors(spec.expertLayers());
        int most = spec.expertLayers().stream().mapToInt(l -> router(l).mostPerToken()).min().orElse(0);
        for (int k : counts()) {
            if (k > most) {
                throw invalid("%d experts per token were asked for; a token can visit at most %d here", k, most);
            }
        }
        for (Task.Domain domain : task.data()) {
            int taken = 0;
            for (Sequences.Labelled s : DataInput.read(domain.file(), task.maxLength(), model, progress)) {
                int room = task.maxTokens() == null ? Integer.MAX_VALUE : task.maxTokens() - taken;
                if (room < 1) {
                    break;
                }
                int length = Math.min(room, s.ids().length);
                data.add(new Sequences.Labelled(Arrays.copyOf(s.ids(), length), Arrays.copyOf(s.labels(), length), s.label() == null ? domain.name() : s.label()));
                taken += length;
            }
        }
        LinkedHashSet<String> names = new LinkedHashSet<>();
        data.forEach(s -> names.add(s.label()));
        groups = List.copyOf(names);
        tokens = data.stream().mapToLong(s -> s.ids().length).sum();
    }

    public static Outcome run(Task.Routing task, Path file, Progress progress, Consumer<String> warn) throws IOException {
        List<LoadedModel> open = new ArrayList<>();
        try {
            open.add(LoadedModel.open(task.model(), task.adapters()));
            for (String other : task.against() == null ? List.<String>of() : task.against()) {
                open.add(LoadedModel.open(other));
            }
            return run(task, open.getFirst(), open.subList(1, open.size()), file, progress, warn);
        } finally {
            open.forEach(LoadedModel::close);
        }
    }

    public static Outcome run(Task.Routing task, LoadedModel model, List<LoadedModel> others, Path file, Progress progress, Consumer<String> warn) throws IOException {
        return new RoutingRun(task, model, progress, warn).run(others, file);
    }

    private Router router(int layer) {
        return spec.experts(layer).router();
    }

    private Refusal invalid(String problem, Object... arguments) {
        return Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), problem, arguments);
    }

    /// The numbers of experts per token to try beside the trained one, in order.
    private List<Integer> counts() {
        return task.expertsPerToken() == null ? List.of() : List.copyOf(new TreeSet<>(task.expertsPerToken()));
    }

    // --- variants

    /// A further pass over the texts.
    ///
    /// @param shift against the model as it is; null for another checkpoint, and where there is no head
    /// @param change of routes, or null
    private record Variant(RoutingPass pass, PassCounts counts, NextTokenShift shift, RouteChange change) {}

    private Variant variant(ModelSpec with, LoadedModel of, NextTokenShift shift, RouteChange change) {
        return new Variant(new RoutingPass(new ForwardPass(with, of.weights()), losses && of.spec().head() != null, groups), new PassCounts(with, groups.size()), shift, change);
    }

    private Variant changed(ModelSpec with, RouteChange change) {
        return variant(with, model, losses ? new NextTokenShift(model.forward(), groups.size(), (int) Math.min(tokens, RoutingStatistics.KEPT_TOKENS)) : null, change);
    }

    private Outcome run(List<LoadedModel> others, Path file) throws IOException {
        boolean uniform = spec.expertLayers().stream().mapToInt(l -> router(l).perToken()).distinct().count() == 1;
        int trained = spec.expertLayers().stream().mapToInt(l -> router(l).perToken()).max().orElseThrow();
        Map<Integer, Variant> sweep = new LinkedHashMap<>();
        for (int k : counts()) {
            if (!uniform || k != trained) {
                Map<Integer, Integer> everywhere = new LinkedHashMap<>();
                spec.expertLayers().forEach(l -> everywhere.put(l, k));
                sweep.put(k, changed(spec.choosing(everywhere), null));
            }
        }
        List<String> changes = new ArrayList<>();
        Variant whatIf = task.changes() ? whatIf(changes) : null;
        List<Variant> against = new ArrayList<>();
        for (LoadedModel other : others) {
            requireComparable(other);
            against.add(variant(other.spec(), other, null, null));
        }
        List<Variant> variants = new ArrayList<>(sweep.values());
        variants.addAll(against);
        if (whatIf != null) {
            variants.add(whatIf);
        }

        RoutingStatistics stats = new RoutingStatistics(spec, groups.size(), RoutingStatistics.frequent(data.stream().map(Sequences.Labelled::ids).toList(), LEAST_OCCURRENCES));
        RoutingPass main = new RoutingPass(model.forward(), losses, groups);
        try (Samples samples = Boolean.TRUE.equals(task.similarity()) ? new Samples(spec) : null) {
            passAll(main, stats, samples, variants);
            summarise(main, stats, trained);
            if (!counts().isEmpty()) {
                sweep(main, stats, sweep, trained, uniform);
            }
            if (!others.isEmpty()) {
                against(others, against, stats);
            }
            if (whatIf != null) {
                whatIf(main, whatIf, changes);
            }
            if (samples != null) {
                similarity(samples);
            }
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "vitrine-routing");
        metadata.put("model", model.checkpoint().name());
        metadata.put("moe_layers", stats.layers().toString());
        metadata.put("domains", Json.line(Json.mapper().valueToTree(groups)));
        TokenNames.of(stats, data, whatIf == null ? null : whatIf.shift, model, progress).ifPresent(texts -> metadata.put("token_texts", texts));
        tensors.write(file, metadata);
        return new Outcome(summary, tensors.provenance());
    }

    private void passAll(RoutingPass main, RoutingStatistics stats, Samples samples, List<Variant> variants) {
        FiniteWatch watch = new FiniteWatch(spec, spec.layers().size() - 1);
        long all = (1L + variants.size()) * tokens;
        long passed = 0;
        for (List<Sequences.Labelled> part : Evaluation.batches(data)) {
            int[][] ids = part.stream().map(Sequences.Labelled::ids).toArray(int[][]::new);
            int[] groupOf = part.stream().mapToInt(s -> groups.indexOf(s.label())).toArray();
            long firstToken = stats.tokens();
            long size = Arrays.stream(ids).mapToLong(s -> s.length).sum();
            progress.step(passed, all, "tokens");
            try (FinalStates states = new FinalStates(part.size())) {
                boolean compared = variants.stream().anyMatch(v -> v.shift != null);
                stats.begin(ids, groupOf);
                List<Probe> probes = new ArrayList<>(List.of(stats, watch));
                if (compared) {
                    probes.add(states);
                }
                if (samples != null) {
                    probes.add(samples);
                }
                main.run(part, probes, progress);
                stats.end();
                passed += size;
                for (Variant v : variants) {
                    progress.step(passed, all, "tokens");
                    probes = new ArrayList<>();
                    v.counts.begin(ids, groupOf, stats);
                    if (v.change != null) {
                        v.change.begin(ids, firstToken);
                        probes.add(v.change);
                    }
                    probes.add(v.counts);
                    if (v.shift != null) {
                        v.shift.begin(ids, groupOf, firstToken, states);
                        probes.add(v.shift);
                    }
                    v.pass.run(part, probes, progress);
                    passed += size;
                }
            }
        }
        progress.step(passed, all, "tokens");
        watch.warn(warn);
    }

    // --- the model as it is

    private void summarise(RoutingPass main, RoutingStatistics stats, int trained) {
        int experts = stats.all().stream().mapToInt(l -> l.experts()).max().orElseThrow();
        summary.put("model", model.checkpoint().name()).put("family", spec.family()).put("layers", spec.layers().size()).put("experts", experts)
                .put("per_token", trained).put("sequences", data.size()).put("tokens", tokens).put("window", stats.window());
        ArrayNode moe = summary.putArray("moe_layers");
        stats.layers().forEach(moe::add);
        summary.put("router", stats.layer(0).score().name().toLowerCase(Locale.ROOT));
        Figures.put(summary, "loss", main.loss());
        Figures.put(summary, "chance_load_cv", Load.chanceOfVariation(stats.layer(0).experts(), stats.layer(0).perToken(), tokens));
        ArrayNode list = summary.putArray("domains");
        for (int g = 0; g < groups.size(); g++) {
            ObjectNode domain = list.addObject().put("name", groups.get(g)).put("tokens", stats.layer(0).groupTokens()[g]);
            Figures.put(domain, "loss", main.loss(g));
        }
        RoutingFigures.of(stats, groups.size(), summary);
        new RoutingTensors(tensors, stats, data, groups).declare();
    }

    // --- other numbers of experts per token

    private void sweep(RoutingPass main, RoutingStatistics stats, Map<Integer, Variant> sweep, int trained, boolean uniform) {
        ObjectNode out = summary.putObject("sweep").put("trained", trained);
        ArrayNode rows = out.putArray("rows");
        TreeSet<Integer> all = new TreeSet<>(sweep.keySet());
        if (uniform) {
            all.add(trained);
        }
        int range = trained;
        int peak = trained;
        double least = main.loss();
        List<Variant> inOrder = new ArrayList<>();
        for (int k : all) {
            Variant v = sweep.get(k);
            inOrder.add(v);
            RoutingPass pass = v == null ? main : v.pass;
            ObjectNode row = rows.addObject().put("per_token", k);
            Figures.put(row, "loss", pass.loss());
            Figures.put(row, "perplexity", Math.exp(pass.loss()));
            Figures.put(row, "kl", v == null ? losses ? 0 : Double.NaN : v.shift == null ? Double.NaN : v.shift.mean());
            Figures.put(row, "top_changed", v == null ? losses ? 0 : Double.NaN : v.shift == null ? Double.NaN : v.shift.topChanged());
            Figures.put(row, "chosen_mass", mean(i -> v == null ? stats.layer(i).mass() : v.counts.mass(i)));
            Figures.put(row, "load_cv", mean(i -> load(stats, v, i).coefficientOfVariation()));
            putLosses(row, pass);
            range = k > range && pass.loss() <= main.loss() + LOSS_SLACK ? k : range;
            if (pass.loss() < least) {
                least = pass.loss();
                peak = k;
            }
        }
        out.put("scaling_range", range).put("peak", peak);
        tensors.passes("sweep_load", DType.I64, inOrder.size(), stats.layers().size(), i -> Shape.of(stats.layer(i).experts()),
                (step, i) -> load(stats, inOrder.get(step), i).counts(), derived("tokens that visited the expert, for each number of experts per token"));
    }

    private static Load load(RoutingStatistics stats, Variant v, int i) {
        return v == null ? stats.layer(i).load() : v.counts.load(i);
    }

    private double mean(java.util.function.IntToDoubleFunction ofLayer) {
        return IntStream.range(0, spec.expertLayers().size()).mapToDouble(ofLayer).average().orElse(Double.NaN);
    }

    private void putLosses(ObjectNode to, RoutingPass pass) {
        ArrayNode list = to.putArray("domain_losses");
        for (int g = 0; g < groups.size(); g++) {
            Figures.add(list, pass.loss(g));
        }
    }

    private Provenance derived(String method) {
        return Provenance.derived("router logits", "I64", method).of(tokens);
    }

    // --- other checkpoints

    /// Refuses a checkpoint whose experts cannot be told apart as those of the model are.
    private void requireComparable(LoadedModel other) {
        ModelSpec o = other.spec();
        if (o.vocabSize() != spec.vocabSize()) {
            throw Refusal.of(Category.TASK_INVALID, other.checkpoint().path(), "it has %,d token ids and %s %,d: the same tokens cannot pass both", o.vocabSize(), model.checkpoint().name(),
                    spec.vocabSize());
        }
        if (!o.expertLayers().equals(spec.expertLayers())) {
            throw Refusal.of(Category.TASK_INVALID, other.checkpoint().path(), "its layers with experts are %s and those of %s %s", o.expertLayers(), model.checkpoint().name(), spec.expertLayers());
        }
        for (int l : spec.expertLayers()) {
            if (o.experts(l).router().experts() != router(l).experts()) {
                throw Refusal.of(Category.TASK_INVALID, other.checkpoint().path(), "its layer %d has %d experts and that of %s %d", l, o.experts(l).router().experts(), model.checkpoint().name(),
                        router(l).experts());
            }
        }
        int longest = data.stream().mapToInt(s -> s.ids().length).max().orElse(0);
        if (longest > o.maxPositions()) {
            throw Refusal.of(Category.TASK_INVALID, other.checkpoint().path(), "a text has %,d tokens and it takes %,d", longest, o.maxPositions());
        }
        Checkpoint mine = model.checkpoint();
        Checkpoint its = other.checkpoint();
        // A tokenizer out of a GGUF file is another text than the file that it was made from, and the same tokens: only like is compared with like.
        boolean comparable = mine.hasTokenizer() && its.hasTokenizer() && (mine.embedded() == null) == (its.embedded() == null);
        if (comparable && !Arrays.equals(mine.tokenizer(), its.tokenizer())) {
            warn.accept(String.format("The tokenizer of %s is not that of %s: texts pass both as the latter's tokens.", its.name(), mine.name()));
        }
    }

    private void against(List<LoadedModel> others, List<Variant> against, RoutingStatistics stats) {
        ArrayNode list = summary.putArray("against");
        for (int a = 0; a < others.size(); a++) {
            Variant v = against.get(a);
            ObjectNode out = list.addObject().put("model", others.get(a).checkpoint().name());
            Figures.put(out, "loss", v.pass.loss());
            putLosses(out, v.pass);
            ArrayNode all = out.putArray("saturation");
            ArrayNode first = out.putArray("saturation_first");
            ArrayNode chance = out.putArray("chance");
            for (int i = 0; i < stats.layers().size(); i++) {
                Figures.add(all, v.counts.saturation(i));
                Figures.add(first, v.counts.firstSaturation(i));
                // A token's k experts here, each found among its k' there with k' / N.
                chance.add((double) others.get(a).spec().experts(stats.layers().get(i)).router().perToken() / stats.layer(i).experts());
            }
        }
        tensors.passes("against_domain_load", DType.I64, against.size(), stats.layers().size(), i -> Shape.of(groups.size(), stats.layer(i).experts()),
                (a, i) -> Arrays.stream(against.get(a).counts.ofGroup(i)).flatMapToLong(Arrays::stream).toArray(),
                derived("tokens of each domain that visited the expert in another checkpoint"));
    }

    // --- what if

    /// The pass with all changes of routes, each told in `words`.
    private Variant whatIf(List<String> words) {
        RouteChange change = new RouteChange();
        Map<Integer, Integer> perToken = new LinkedHashMap<>();
        for (Task.LayerCount c : orNone(task.expertsPerTokenAt())) {
            requireLayer(c.layer());
            if (c.perToken() > router(c.layer()).mostPerToken()) {
                throw invalid("layer %d: %d experts per token were asked for; a token can visit at most %d there", c.layer(), c.perToken(), router(c.layer()).mostPerToken());
            }
            if (perToken.put(c.layer(), c.perToken()) != null) {
                throw invalid("layer %d is given two numbers of experts per token", c.layer());
            }
            words.add(String.format("layer %d: %d %s per token", c.layer(), c.perToken(), c.perToken() == 1 ? "expert" : "experts"));
        }
        ModelSpec with = spec.choosing(perToken);
        Map<Integer, TreeSet<Integer>> masked = new LinkedHashMap<>();
        for (Task.Mask m : orNone(task.mask())) {
            requireExpert(m.layer(), m.expert());
            if (Boolean.TRUE.equals(m.silent())) {
                change.silence(m.layer(), m.expert());
                words.add(String.format("layer %d: expert %d silent", m.layer(), m.expert()));
                continue;
            }
            TreeSet<Integer> ofLayer = masked.computeIfAbsent(m.layer(), l -> new TreeSet<>());
            ofLayer.add(m.expert());
            Router r = with.experts(m.layer()).router();
            if (r.experts() - ofLayer.size() < r.perToken()) {
                throw invalid("layer %d: with %d experts masked %d are left, and a token visits %d", m.layer(), ofLayer.size(), r.experts() - ofLayer.size(), r.perToken());
            }
            change.mask(m.layer(), m.expert());
            words.add(String.format("layer %d: expert %d masked", m.layer(), m.expert()));
        }
        for (Task.Force f : orNone(task.force())) {
            f.experts().forEach(e -> requireExpert(f.layer(), e));
            Router r = with.experts(f.layer()).router();
            if (r.score() == Router.Score.SPARSE_MIXER) {
                throw invalid("layer %d: the weights of this router follow from the order of its choice, so a choice cannot be forced", f.layer());
            }
            if (f.experts().size() > r.perToken()) {
                throw invalid("layer %d: %d experts are forced and a token visits %d", f.layer(), f.experts().size(), r.perToken());
            }
            if (f.token() >= tokens) {
                throw invalid("token %,d cannot be forced: %,d tokens pass, counted from 0", f.token(), tokens);
            }
            f.experts().stream().filter(e -> masked.getOrDefault(f.layer(), new TreeSet<>()).contains(e)).findFirst().ifPresent(e -> {
                throw invalid("layer %d: expert %d is both masked and forced", f.layer(), e);
            });
            change.force(f.layer(), f.token(), f.experts().stream().mapToInt(Integer::intValue).toArray());
            words.add(String.format("layer %d: token %d to %s", f.layer(), f.token(), experts(f.experts())));
        }
        for (Task.Swap s : orNone(task.swap())) {
            requireExpert(s.layer(), s.first());
            requireExpert(s.layer(), s.second());
            change.swap(s.layer(), s.first(), s.second());
            words.add(String.format("layer %d: experts %d and %d swapped", s.layer(), s.first(), s.second()));
        }
        return changed(with, change);
    }

    private static String experts(List<Integer> numbers) {
        return (numbers.size() == 1 ? "expert " : "experts ") + String.join(", ", numbers.stream().map(String::valueOf).toList());
    }

    private static <T> List<T> orNone(List<T> list) {
        return list == null ? List.of() : list;
    }

    private void requireLayer(int layer) {
        if (!spec.expertLayers().contains(layer)) {
            throw invalid("layer %d has no experts; those with experts are %s", layer, spec.expertLayers());
        }
    }

    private void requireExpert(int layer, int expert) {
        requireLayer(layer);
        if (expert >= router(layer).experts()) {
            throw invalid("layer %d has no expert %d; it has experts 0 to %d", layer, expert, router(layer).experts() - 1);
        }
    }

    private void whatIf(RoutingPass main, Variant v, List<String> words) {
        ObjectNode out = summary.putObject("what_if");
        words.forEach(out.putArray("changes")::add);
        Figures.put(out, "loss_before", main.loss());
        Figures.put(out, "loss_after", v.pass.loss());
        Figures.put(out, "kl", v.shift == null ? Double.NaN : v.shift.mean());
        Figures.put(out, "top_changed", v.shift == null ? Double.NaN : v.shift.topChanged());
        ArrayNode domains = out.putArray("domains");
        for (int g = 0; g < groups.size(); g++) {
            ObjectNode domain = domains.addObject().put("name", groups.get(g));
            Figures.put(domain, "loss_before", main.loss(g));
            Figures.put(domain, "loss_after", v.pass.loss(g));
            Figures.put(domain, "kl", v.shift == null ? Double.NaN : v.shift.mean(g));
        }
        ArrayNode moved = out.putArray("tokens");
        for (NextTokenShift.Moved m : v.shift == null ? List.<NextTokenShift.Moved>of() : v.shift.most()) {
            ObjectNode token = moved.addObject().put("token", m.token()).put("id", m.id());
            Figures.put(token, "kl", m.kl());
            Figures.put(token, "loss_change", m.lossChange());
            putLikely(token.putArray("before"), m.before());
            putLikely(token.putArray("after"), m.after());
        }
        tensors.each("what_if_domain_load", DType.I64, spec.expertLayers().size(), i -> Shape.of(groups.size(), router(spec.expertLayers().get(i)).experts()),
                i -> Arrays.stream(v.counts.ofGroup(i)).flatMapToLong(Arrays::stream).toArray(), derived("tokens of each domain that visited the expert after the change"));
        if (v.shift != null) {
            double[] kl = v.shift.ofToken();
            tensors.whole("what_if_kl", DType.F64, Shape.of(kl.length), kl,
                    Provenance.derived("logits", "F64", "KL(before || after) of the next-token distribution after each of the first tokens, nats").of(kl.length));
        }
    }

    private static void putLikely(ArrayNode to, List<NextTokenShift.Likely> likely) {
        likely.forEach(l -> Figures.put(to.addObject().put("id", l.id()), "probability", l.probability()));
    }

    // --- similarity

    /// What the experts of each layer read of the first tokens.
    private static final class Samples implements Probe, AutoCloseable {
        private final Arena arena = Arena.ofShared();
        private final Map<Integer, Matrix> rows = new LinkedHashMap<>();
        private final Map<Integer, Integer> filled = new LinkedHashMap<>();

        Samples(ModelSpec spec) {
            for (int l : spec.expertLayers()) {
                rows.put(l, Matrix.allocate(arena, ExpertSimilarity.sample(spec.experts(l).experts(), spec.hiddenSize()), spec.hiddenSize()));
                filled.put(l, 0);
            }
        }

        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.MLP_IN && rows.containsKey(layer);
        }

        @Override
        public void at(Place place, Matrix value) {
            Matrix to = rows.get(place.layer());
            int from = filled.get(place.layer());
            int count = Math.min(value.rows(), to.rows() - from);
            if (count > 0) {
                to.rows(from, count).copyFrom(value.rows(0, count));
                filled.put(place.layer(), from + count);
            }
        }

        Matrix of(int layer) {
            return rows.get(layer).rows(0, filled.get(layer));
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    private void similarity(Samples samples) {
        int layers = spec.expertLayers().size();
        double[][][] found = new double[RoutingArtifact.Similarity.values().length][layers][];
        for (int i = 0; i < layers; i++) {
            progress.step(i, layers, "layers compared");
            progress.checkCancelled();
            int layer = spec.expertLayers().get(i);
            ExpertSimilarity of = new ExpertSimilarity(spec.experts(layer).experts(), model.weights());
            found[RoutingArtifact.Similarity.weights.ordinal()][i] = of.weights();
            found[RoutingArtifact.Similarity.subspace.ordinal()][i] = of.subspaces();
            found[RoutingArtifact.Similarity.outputs.ordinal()][i] = of.outputs(samples.of(layer));
            model.weights().release();
        }
        progress.step(layers, layers, "layers compared");
        Experts first = spec.experts(spec.expertLayers().getFirst()).experts();
        int rank = ExpertSimilarity.rank(first);
        int sampled = samples.of(spec.expertLayers().getFirst()).rows();
        summary.putObject("similarity").put("rank", rank).put("chance_overlap", (double) rank / first.down().out()).put("tokens", sampled);
        for (RoutingArtifact.Similarity s : RoutingArtifact.Similarity.values()) {
            String method = switch (s) {
                case weights -> "cosine of gate, up and down projections together";
                case subspace -> "|U_a^T U_b|^2 / r, U the " + rank + " leading left singular vectors of the down projection";
                case outputs -> "mean over the first tokens of the cosine of what two experts make of the same token";
            };
            tensors.each(s.tensor(), DType.F32, layers, i -> {
                int n = router(spec.expertLayers().get(i)).experts();
                return Shape.of(n, n);
            }, i -> RoutingTensors.floats(found[s.ordinal()][i]), Provenance.derived("expert weights", "F32", method).of(s == RoutingArtifact.Similarity.outputs ? sampled : 0));
        }
    }
}
