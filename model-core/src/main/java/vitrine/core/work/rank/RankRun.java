package vitrine.core.work.rank;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.analysis.rank.ActivationSample;
import vitrine.core.analysis.rank.BlockInfluence;
import vitrine.core.analysis.rank.CacheSpectra;
import vitrine.core.analysis.rank.ContextGrowth;
import vitrine.core.analysis.rank.HiddenDensity;
import vitrine.core.analysis.rank.HiddenSpectra;
import vitrine.core.analysis.rank.OutputSpectra;
import vitrine.core.analysis.rank.RankAllocation;
import vitrine.core.analysis.rank.RankAwareSparsity;
import vitrine.core.analysis.rank.SmallActivations;
import vitrine.core.analysis.rank.TailTruncation;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.task.Task;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.tensor.openblas.OpenBlas;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.FiniteWatch;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// Effective ranks of what a model computes over texts.
///
/// Second moments of a group of layers are kept at a time: texts pass once where those of all layers fit into [#MOMENT_BYTES], else
/// once for each group.
public final class RankRun {

    private static final long MOMENT_BYTES = 2L << 30;
    private static final double DEFAULT_TAIL_ERROR = 0.2;
    private static final double DEFAULT_ALPHA = 0.5;
    /// To this width the error is found at which perplexity has risen as far as allowed.
    private static final double SEARCH_WIDTH = 1e-3;

    private final Task.Rank task;
    private final LoadedModel model;
    private final ModelSpec spec;
    private final List<Sequences.Labelled> data;
    private final long tokens;
    private final long momentBytes;
    private final Progress progress;
    private final Consumer<String> warn;
    private final RankResult result;

    private RankRun(Task.Rank task, LoadedModel model, List<Sequences.Labelled> data, long momentBytes, Progress progress, Consumer<String> warn) {
        this.momentBytes = momentBytes;
        this.task = task;
        this.model = model;
        spec = model.spec();
        this.data = data;
        this.progress = progress;
        this.warn = warn;
        tokens = data.stream().mapToLong(s -> s.ids().length).sum();
        result = new RankResult(task, model.checkpoint().name(), spec, data.size(), tokens);
    }

    public static Outcome run(Task.Rank task, Path file, Progress progress, Consumer<String> warn) throws IOException {
        return run(task, file, MOMENT_BYTES, progress, warn);
    }

    /// @param momentBytes how much memory second moments may take at a time
    public static Outcome run(Task.Rank task, Path file, long momentBytes, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.openWithLoops(task.model(), task.adapters())) {
            if (task.of() == RankArtifact.Of.activations || task.perplexityRise() != null) {
                model.requireNoLoops();
            }
            model.tellLoops(warn);
            if (task.perplexityRise() != null) {
                model.requirePerplexity();
            }
            List<Sequences.Labelled> data = first(DataInput.read(task.data(), task.maxLength(), model, progress), task.maxTokens());
            RankRun run = new RankRun(task, model, data, momentBytes, progress, warn);
            OpenBlas.open().inThreads(Parallel.threads(), () -> {
                switch (task.of()) {
                    case kv -> run.cache();
                    case hidden -> run.hidden();
                    case activations -> run.activations();
                }
                return null;
            });
            return run.result.write(file);
        }
    }

    /// The first so many tokens; the last sequence may be cut.
    private static List<Sequences.Labelled> first(List<Sequences.Labelled> data, Integer most) {
        if (most == null) {
            return data;
        }
        List<Sequences.Labelled> out = new ArrayList<>();
        int left = most;
        for (Sequences.Labelled s : data) {
            if (left == 0) {
                break;
            }
            int n = Math.min(left, s.ids().length);
            out.add(n == s.ids().length ? s : new Sequences.Labelled(Arrays.copyOf(s.ids(), n), Arrays.copyOf(s.labels(), n), s.label()));
            left -= n;
        }
        return out;
    }

    private boolean centred() {
        return Boolean.TRUE.equals(task.centred());
    }

    // --- passes

    /// What takes in a group of layers.
    private interface Pass {
        /// A batch of so many sequences comes next.
        default void begin(int sequences) {}

        Probe probe();
    }

    /// Layers in groups whose moments fit.
    static List<int[]> groups(int layers, IntToLongFunction bytes, long most) {
        List<int[]> groups = new ArrayList<>();
        int first = 0;
        long sum = 0;
        for (int l = 0; l < layers; l++) {
            if (l > first && sum + bytes.applyAsLong(l) > most) {
                groups.add(new int[] {first, l - 1});
                first = l;
                sum = 0;
            }
            sum += bytes.applyAsLong(l);
        }
        groups.add(new int[] {first, layers - 1});
        return groups;
    }

    /// Passes all texts for one group of several.
    private void pass(Pass pass, int group, int groups) {
        FiniteWatch watch = group == groups - 1 ? new FiniteWatch(spec, spec.layers().size() - 1) : null;
        long done = group * tokens;
        for (List<Sequences.Labelled> part : Evaluation.batches(data)) {
            progress.step(done, groups * tokens, "tokens");
            Batch batch = batch(part);
            pass.begin(part.size());
            model.forward().run(batch, watch == null ? pass.probe() : Probe.all(List.of(pass.probe(), watch)), new Quiet(progress));
            done += batch.tokens();
        }
        progress.step(done, groups * tokens, "tokens");
        if (watch != null) {
            watch.warn(warn);
        }
    }

    /// The texts have passed; now spectra are found layer by layer, which takes as long where layers are wide.
    private void solving(int layer) {
        progress.step(layer, spec.layers().size(), "layers");
    }

    private static Batch batch(List<Sequences.Labelled> part) {
        return new Batch(part.stream().map(s -> new Batch.Sequence(s.ids(), null)).toList());
    }

    // --- keys and values

    private void cache() {
        int heads = spec.layers().stream().mapToInt(l -> l.attention().keyValueHeads()).max().orElse(0);
        int d = widest(AttentionSpec::headDim);
        int e = widest(AttentionSpec::valueDim);
        int all = widest(a -> a.keyValueHeads() * a.headDim());
        int allValues = widest(a -> a.keyValueHeads() * a.valueDim());
        boolean rotary = spec.layers().stream().anyMatch(l -> l.attention().rope() != null);
        String cachedKeys = rotary ? "cached keys (after rotary embedding)" : "cached keys (the model has no rotary embedding)";
        String projected = "outputs of the key projection (before key norm and rotary embedding)";
        Map<CacheSpectra.Part, RankResult.Site> perHead = new LinkedHashMap<>();
        perHead.put(CacheSpectra.Part.K, result.site("k", cachedKeys + " of one head", heads, d));
        perHead.put(CacheSpectra.Part.V, result.site("v", "values of one head", heads, e));
        perHead.put(CacheSpectra.Part.KV, result.site("kv", "keys (" + (rotary ? "after rotary embedding" : "no rotary embedding") + ") and values of one head side by side", heads, d + e));
        perHead.put(CacheSpectra.Part.K_PROJ, result.site("k_proj", projected + " of one head", heads, d));
        Map<CacheSpectra.Part, RankResult.Site> perLayer = new LinkedHashMap<>();
        perLayer.put(CacheSpectra.Part.K, result.site("k_layer", cachedKeys + " of all heads", 0, all));
        perLayer.put(CacheSpectra.Part.V, result.site("v_layer", "values of all heads", 0, allValues));
        perLayer.put(CacheSpectra.Part.KV, result.site("kv_layer", "keys and values of all heads side by side", 0, all + allValues));
        perLayer.put(CacheSpectra.Part.K_PROJ, result.site("k_proj_layer", projected + " of all heads", 0, all));

        ContextGrowth growth = Boolean.TRUE.equals(task.growth()) ? new ContextGrowth(spec, longest(), centred()) : null;
        List<int[]> groups = groups(spec.layers().size(), l -> CacheSpectra.bytes(spec, l), momentBytes);
        for (int g = 0; g < groups.size(); g++) {
            try (CacheSpectra spectra = new CacheSpectra(spec, groups.get(g)[0], groups.get(g)[1])) {
                // The growth needs every layer: it is found with the last group, whose pass goes through all.
                boolean grows = growth != null && g == groups.size() - 1;
                pass(new Pass() {
                    @Override
                    public void begin(int sequences) {
                        if (grows) {
                            growth.begin(sequences);
                        }
                    }

                    @Override
                    public Probe probe() {
                        return grows ? Probe.all(List.of(spectra, growth)) : spectra;
                    }
                }, g, groups.size());
                for (int l = groups.get(g)[0]; l <= groups.get(g)[1]; l++) {
                    solving(l);
                    int layer = l;
                    int layerHeads = spec.layers().get(l).attention().keyValueHeads();
                    perLayer.forEach((part, site) -> site.put(layer, -1, spectra.singularValues(part, layer, -1, centred())));
                    for (int h = 0; h < layerHeads; h++) {
                        int head = h;
                        perHead.forEach((part, site) -> site.put(layer, head, spectra.singularValues(part, layer, head, centred())));
                    }
                }
            }
        }
        solving(spec.layers().size());
        result.summary().put("kv_heads", heads).put("head_dim", d).put("rotary", rotary);
        if (growth != null) {
            result.growth(growth.result());
        }
    }

    private int widest(java.util.function.ToIntFunction<AttentionSpec> width) {
        return spec.layers().stream().mapToInt(l -> width.applyAsInt(l.attention())).max().orElse(0);
    }

    private int longest() {
        return data.stream().limit(ContextGrowth.SEQUENCES).mapToInt(s -> s.ids().length).max().orElse(0);
    }

    // --- hidden states

    private void hidden() {
        int layers = spec.layers().size();
        boolean exclude = Boolean.TRUE.equals(task.excludeMassive());
        Map<HiddenSpectra.Part, RankResult.Site> sites = new LinkedHashMap<>();
        sites.put(HiddenSpectra.Part.RESID, result.site("resid", "residual stream after the layer", 0, spec.hiddenSize()));
        sites.put(HiddenSpectra.Part.ATTN_OUT, result.site("attn_out", "output of the attention block", 0, spec.hiddenSize()));
        sites.put(HiddenSpectra.Part.MLP_OUT, result.site("mlp_out", "output of the MLP", 0, spec.hiddenSize()));
        Map<HiddenSpectra.Part, double[]> split = new LinkedHashMap<>();
        sites.keySet().forEach(p -> split.put(p, new double[layers]));
        ObjectNode massive = result.summary().putObject("massive_dimensions");
        sites.values().forEach(s -> massive.putArray(s.name()));
        List<int[]> groups = groups(layers, l -> HiddenSpectra.bytes(spec), momentBytes);
        for (int g = 0; g < groups.size(); g++) {
            try (HiddenSpectra spectra = new HiddenSpectra(spec, groups.get(g)[0], groups.get(g)[1])) {
                pass(new Pass() {
                    @Override
                    public void begin(int sequences) {
                        spectra.begin(sequences);
                    }

                    @Override
                    public Probe probe() {
                        return spectra;
                    }
                }, g, groups.size());
                for (int l = groups.get(g)[0]; l <= groups.get(g)[1]; l++) {
                    solving(l);
                    for (HiddenSpectra.Part part : sites.keySet()) {
                        progress.checkCancelled();
                        HiddenSpectra.Result r = spectra.result(part, l, centred(), exclude);
                        sites.get(part).put(l, -1, r.values());
                        split.get(part)[l] = r.splitParticipationRatio();
                        ArrayNode dims = ((ArrayNode) massive.get(part.tensor())).addArray();
                        Arrays.stream(r.massive()).forEach(dims::add);
                    }
                }
            }
        }
        solving(layers);
        result.summary().put("massive_excluded", exclude);
        split.forEach((part, values) -> result.figure(part.tensor() + ".split_participation_ratio", values,
                "tr A · tr B ÷ tr(A B), A and B the moments of every other sequence", tokens));
        if (data.size() == 1) {
            warn.accept("There is one sequence only, so the participation ratio by two halves of the sequences is absent.");
        }
        if (tokens < 10L * spec.hiddenSize()) {
            warn.accept(String.format("There are %,d tokens for %,d dimensions: below ten times as many, participation ratios are too low, and no rank exceeds the tokens.",
                    tokens, spec.hiddenSize()));
        }
    }

    // --- activations

    private void activations() {
        int layers = spec.layers().size();
        List<Sequences.Labelled> sample = first(data, ActivationSample.TOKENS);
        int sampled = sample.stream().mapToInt(s -> s.ids().length).sum();
        double target = task.tailError() == null ? DEFAULT_TAIL_ERROR : task.tailError();
        ActivationSample found = new ActivationSample(spec, model.weights(), sample.size(), target, task.rankAwareSparsity(), progress);
        model.forward().run(batch(sample), found, progress);

        double[][] norms = new double[layers][];
        double[] thresholds = new double[layers];
        for (int l = 0; l < layers; l++) {
            norms[l] = found.tail(l) == null ? new double[0] : found.tail(l).norms();
            thresholds[l] = found.tail(l) == null ? Double.NaN : found.tail(l).threshold();
        }
        boolean everyLayer = IntStream.range(0, layers).allMatch(l -> found.tail(l) != null);
        boolean anyLayer = IntStream.range(0, layers).anyMatch(l -> found.tail(l) != null);
        if (!everyLayer) {
            warn.accept("Layers with experts have no figures of sparsity and tail truncation, and of their linear layers those of attention only.");
        }
        SmallActivations small = new SmallActivations(norms, thresholds, false);
        BlockInfluence influence = new BlockInfluence(spec);
        HiddenDensity density = new HiddenDensity(spec);
        outputs(Probe.all(List.of(small, influence, density)));

        double[] sparsity = small.sparsity();
        result.figure("block_influence", influence.mean(), "mean over tokens of 1 − cos(before, after the layer)", tokens);
        result.figure("sparsity", sparsity, "share of hidden activations with |a| · |W_down column| at or below tail_threshold", tokens);
        result.figure("tail_threshold", thresholds, "largest threshold whose cumulative error of tail truncation is at most " + target, sampled);
        result.figure("tail_error", perLayer(l -> found.tail(l) == null ? Double.NaN : found.tail(l).error()), "cumulative error of tail truncation at tail_threshold", sampled);
        String mohd = ", K the fewest dimensions with 0.9 of the energy of the residual stream after the layer";
        result.figure("hidden_density", perLayer(l -> density.result(l).density()), "mean of |K| ÷ width" + mohd, tokens);
        result.figure("hidden_overlap", perLayer(l -> density.result(l).overlap()), "mean Jaccard index of a token's K and its predecessor's" + mohd, tokens);
        result.figure("hidden_shared", perLayer(l -> density.result(l).shared()), "share of the dimensions in any K that are in it for 5 tokens running" + mohd, tokens);
        result.figure("hidden_shared_by_most", perLayer(l -> density.result(l).sharedByMost()), "share of the dimensions in any K that are in more than half of all K" + mohd, tokens);
        ObjectNode tail = result.summary().putObject("tail_truncation").put("target", target).put("sample_tokens", sampled);
        Figures.put(tail, "sparsity", IntStream.range(0, layers).filter(l -> found.tail(l) != null).mapToDouble(l -> sparsity[l]).average().orElse(Double.NaN));
        if (anyLayer) {
            result.curves("tail.thresholds", layers, l -> curve(found, l, TailTruncation.Curve::thresholds), "quantiles of |a| · |W_down column|", sampled);
            result.curves("tail.sparsity", layers, l -> curve(found, l, TailTruncation.Curve::sparsity), "share at or below each threshold", sampled);
            result.curves("tail.error", layers, l -> curve(found, l, TailTruncation.Curve::error), "mean over tokens of |W a_dropped| ÷ |W a|", sampled);
        }
        if (task.ratio() != null) {
            allocate(influence.mean());
        }
        if (task.perplexityRise() != null && !everyLayer) {
            warn.accept("There is no search for a rise of perplexity: layers with experts have no tail to truncate.");
        } else if (task.perplexityRise() != null) {
            perplexity(sample, norms, found);
        }
        if (task.rankAwareSparsity() != null) {
            rankAware(found, sampled);
        }
    }

    /// A layer's curve, NaN where its MLP is one of experts.
    private double[] curve(ActivationSample found, int layer, java.util.function.Function<TailTruncation.Curve, double[]> of) {
        if (found.tail(layer) != null) {
            return of.apply(found.tail(layer).curve());
        }
        int other = IntStream.range(0, spec.layers().size()).filter(l -> found.tail(l) != null).findFirst().orElseThrow();
        double[] none = new double[of.apply(found.tail(other).curve()).length];
        Arrays.fill(none, Double.NaN);
        return none;
    }

    private double[] perLayer(java.util.function.IntToDoubleFunction figure) {
        return IntStream.range(0, spec.layers().size()).mapToDouble(figure).toArray();
    }

    /// The spectra of all linear layers' outputs; `also` sees all layers once.
    private void outputs(Probe also) {
        int layers = spec.layers().size();
        Map<String, RankResult.Site> sites = new LinkedHashMap<>();
        for (String name : OutputSpectra.names(spec)) {
            int width = IntStream.range(0, layers).filter(l -> OutputSpectra.has(spec, l, name)).map(l -> OutputSpectra.size(spec, l, name).rank()).max().orElse(0);
            sites.put(name, result.site(name, "outputs of the " + name.replace("_out", "") + " projection, without bias", 0, width));
        }
        List<int[]> groups = groups(layers, l -> OutputSpectra.bytes(spec, l), momentBytes);
        for (int g = 0; g < groups.size(); g++) {
            try (OutputSpectra spectra = new OutputSpectra(spec, model.weights(), groups.get(g)[0], groups.get(g)[1])) {
                boolean last = g == groups.size() - 1;
                pass(() -> last ? Probe.all(List.of(spectra, also)) : spectra, g, groups.size());
                for (int l = groups.get(g)[0]; l <= groups.get(g)[1]; l++) {
                    solving(l);
                    for (String name : OutputSpectra.names(spec, l)) {
                        progress.checkCancelled();
                        sites.get(name).put(l, -1, spectra.singularValues(l, name));
                    }
                }
            }
        }
    }

    private void allocate(double[] influence) {
        int layers = spec.layers().size();
        double alpha = task.alpha() == null ? DEFAULT_ALPHA : task.alpha();
        ObjectNode all = result.summary().putObject("allocation").put("ratio", task.ratio()).put("alpha", alpha);
        for (RankResult.Site site : result.sites()) {
            if (IntStream.range(0, layers).anyMatch(l -> !OutputSpectra.has(spec, l, site.name()))) {
                warn.accept("No ranks are shared out for " + site.name() + ": not every layer has it.");
                continue;
            }
            int[] full = new int[layers];
            double[] energies = new double[layers];
            int budget = 0;
            for (int l = 0; l < layers; l++) {
                OutputSpectra.Size size = OutputSpectra.size(spec, l, site.name());
                full[l] = size.rank();
                energies[l] = site.values(l, -1).map(s -> Math.sqrt(Arrays.stream(s).map(v -> v * v).sum())).orElse(Double.NaN);
                budget += RankAllocation.uniform(size.in(), size.out(), task.ratio());
            }
            if (Arrays.stream(energies).anyMatch(Double::isNaN) || Arrays.stream(influence).anyMatch(Double::isNaN)) {
                warn.accept("No ranks are shared out for " + site.name() + ": a layer's outputs are not finite.");
                continue;
            }
            int[] ranks = RankAllocation.share(influence, energies, full, budget, task.ratio(), alpha);
            double[] loss = new double[layers];
            for (int l = 0; l < layers; l++) {
                double[] s = site.values(l, -1).orElseThrow();
                double dropped = 0;
                for (int i = s.length - 1; i >= ranks[l]; i--) {
                    dropped += s[i] * s[i];
                }
                loss[l] = energies[l] > 0 ? Math.sqrt(dropped) / energies[l] : 0;
            }
            result.figure(site.name() + ".ranks", Arrays.stream(ranks).asDoubleStream().toArray(), "ranks shared out for ratio " + task.ratio() + " with alpha " + alpha, tokens);
            result.figure(site.name() + ".loss", loss, "relative error of the outputs at that rank", tokens);
            all.withObject("/kinds").putObject(site.name()).put("uniform", RankAllocation.uniform(OutputSpectra.size(spec, 0, site.name()).in(),
                    OutputSpectra.size(spec, 0, site.name()).out(), task.ratio())).put("budget", budget);
        }
    }

    /// The error of tail truncation, the same for all layers, at which perplexity has risen as far as allowed.
    private void perplexity(List<Sequences.Labelled> sample, double[][] norms, ActivationSample found) {
        Evaluation evaluation = new Evaluation(model.forward());
        double dense = evaluation.run(sample, Probe.NONE, new Quiet(progress)).all().loss();
        double allowed = Math.log1p(task.perplexityRise() / 100);
        double low = 0;
        double high = 1;
        Dropped best = null;
        while (high - low > SEARCH_WIDTH) {
            progress.checkCancelled();
            double error = (low + high) / 2;
            double[] thresholds = perLayer(l -> found.tail(l).curve().thresholdFor(error));
            SmallActivations drop = new SmallActivations(norms, thresholds, true);
            double rise = evaluation.run(sample, drop, new Quiet(progress)).all().loss() - dense;
            if (rise <= allowed) {
                low = error;
                best = new Dropped(error, rise, Arrays.stream(drop.sparsity()).average().orElse(Double.NaN));
            } else {
                high = error;
            }
        }
        ObjectNode out = result.summary().putObject("perplexity_search").put("rise_percent", task.perplexityRise())
                .put("sample_tokens", sample.stream().mapToInt(s -> s.ids().length).sum());
        Figures.put(out, "dense_perplexity", Math.exp(dense));
        Figures.put(out, "error", best == null ? 0 : best.error());
        Figures.put(out, "sparsity", best == null ? 0 : best.sparsity());
        Figures.put(out, "measured_rise_percent", best == null ? 0 : 100 * Math.expm1(best.rise()));
    }

    private record Dropped(double error, double rise, double sparsity) {}

    /// Errors of splits, NaN where there are none.
    private static double[] errors(RankAwareSparsity.Split[] splits) {
        double[] out = new double[RankAwareSparsity.alphas().length];
        Arrays.setAll(out, i -> splits == null ? Double.NaN : splits[i].error());
        return out;
    }

    private void rankAware(ActivationSample found, int sampled) {
        int layers = spec.layers().size();
        ObjectNode out = result.summary().putObject("rank_aware").put("sparsity", task.rankAwareSparsity()).put("sample_tokens", sampled);
        ArrayNode alphas = out.putArray("alphas");
        Arrays.stream(RankAwareSparsity.alphas()).forEach(alphas::add);
        ObjectNode best = out.putObject("best");
        for (String name : OutputSpectra.names(spec).stream().map(n -> n.replace("_out", "")).toList()) {
            ArrayNode rows = best.putArray(name);
            for (int l = 0; l < layers; l++) {
                if (!found.splits(l).containsKey(name)) {
                    continue;
                }
                RankAwareSparsity.Split split = RankAwareSparsity.best(found.splits(l).get(name));
                ObjectNode row = rows.addObject().put("layer", l).put("alpha", split.alpha()).put("channels", split.channels()).put("rank", split.rank()).put("quantile", split.quantile());
                Figures.put(row, "threshold", split.threshold());
                Figures.put(row, "error", split.error());
            }
            result.curves("rank_aware." + name, layers, l -> errors(found.splits(l).get(name)),
                    "relative error of the outputs for each alpha at sparsity " + task.rankAwareSparsity(), sampled);
        }
    }
}
