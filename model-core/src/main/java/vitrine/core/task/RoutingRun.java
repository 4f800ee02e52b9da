package vitrine.core.task;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.analysis.routing.Load;
import vitrine.core.analysis.routing.RoutingStatistics;
import vitrine.core.analysis.routing.Specialisation;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// Texts through a model with experts: who visits whom, how evenly, how surely, and what the loss would be with more or fewer of them.
final class RoutingRun {

    /// An id must occur so often to count in vocabulary specialisation.
    private static final int LEAST_OCCURRENCES = 10;
    /// A sweep's loss may be so much above that of the trained number to count as kept, nats.
    private static final double LOSS_SLACK = 0.005;
    private static final double[] QUANTILES = {0.05, 0.25, 0.5, 0.75, 0.95};

    private final Task.Routing task;
    private final LoadedModel model;
    private final ModelSpec spec;
    private final Progress progress;
    private final Consumer<String> warn;
    private final List<Sequences.Labelled> data = new ArrayList<>();
    private final List<String> groups;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Provenance> provenance = new LinkedHashMap<>();
    private final Map<String, Object> values = new LinkedHashMap<>();
    private final ObjectNode summary = Json.object();
    private long tokens;

    private RoutingRun(Task.Routing task, LoadedModel model, Progress progress, Consumer<String> warn) {
        this.task = task;
        this.model = model;
        this.progress = progress;
        this.warn = warn;
        spec = model.spec();
        if (spec.expertLayers().isEmpty()) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.checkpoint().path(), "this %s model has no experts, so nothing is routed", spec.family())
                    .help("Routing is for mixtures of experts.");
        }
        Router first = spec.experts(spec.expertLayers().getFirst()).router();
        for (int l : spec.expertLayers()) {
            Router r = spec.experts(l).router();
            if (r.experts() != first.experts() || r.perToken() != first.perToken()) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.checkpoint().path(), "layer %d has %d experts, %d per token; layer %d has %d, %d per token",
                        spec.expertLayers().getFirst(), first.experts(), first.perToken(), l, r.experts(), r.perToken());
            }
        }
        for (int k : counts()) {
            int most = spec.expertLayers().stream().mapToInt(l -> spec.experts(l).router().mostPerToken()).min().orElse(0);
            if (k > most) {
                throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%d experts per token were asked for; a token can visit at most %d here", k, most);
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

    static Outcome run(Task.Routing task, Path file, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.open(task.model(), task.adapters())) {
            return new RoutingRun(task, model, progress, warn).run(file);
        }
    }

    /// The numbers of experts per token to try beside the trained one, in order.
    private List<Integer> counts() {
        return task.expertsPerToken() == null ? List.of() : List.copyOf(new TreeSet<>(task.expertsPerToken()));
    }

    private Outcome run(Path file) throws IOException {
        int trained = spec.experts(spec.expertLayers().getFirst()).router().perToken();
        int passes = 1 + (int) counts().stream().filter(k -> k != trained).count();
        FiniteWatch watch = new FiniteWatch(spec, spec.layers().size() - 1);
        Pass main = pass(spec, watch, 0, passes);
        watch.warn(warn);
        RoutingStatistics stats = main.stats;
        summary.put("model", model.checkpoint().name()).put("family", spec.family()).put("layers", spec.layers().size()).put("experts", stats.layer(0).experts())
                .put("per_token", trained).put("sequences", data.size()).put("tokens", tokens);
        ArrayNode moe = summary.putArray("moe_layers");
        stats.layers().forEach(moe::add);
        summary.put("router", spec.experts(stats.layers().getFirst()).router().score().name().toLowerCase(java.util.Locale.ROOT));
        DataInput.put(summary, "loss", main.loss);
        DataInput.put(summary, "chance_load_cv", Load.chanceOfVariation(stats.layer(0).experts(), trained, tokens));
        tensors(stats);
        layerFigures(stats);
        hotSet(stats);
        domains(stats);
        if (!counts().isEmpty()) {
            sweep(main, trained, passes);
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "vitrine-routing");
        metadata.put("model", model.checkpoint().name());
        metadata.put("moe_layers", stats.layers().toString());
        metadata.put("domains", Json.line(Json.mapper().valueToTree(groups)));
        metadata.put("provenance", Json.line(Manifest.toJson(provenance)));
        try (SafetensorsWriter out = new SafetensorsWriter(file, declared, metadata)) {
            for (Map.Entry<String, Object> e : values.entrySet()) {
                switch (e.getValue()) {
                    case long[] v -> out.write(e.getKey(), 0, v);
                    case double[] v -> out.write(e.getKey(), 0, v);
                    case float[] v -> out.write(e.getKey(), 0, v);
                    default -> throw new IllegalStateException(e.getKey());
                }
            }
        }
        return new Outcome(summary, provenance);
    }

    // --- passes

    /// What one pass over all texts came to.
    ///
    /// @param loss nats per predicted token; NaN where the model has no head
    private record Pass(RoutingStatistics stats, double loss) {}

    private Pass pass(ModelSpec with, Probe also, int done, int passes) {
        ForwardPass forward = new ForwardPass(with, model.weights());
        RoutingStatistics stats = new RoutingStatistics(with, groups.size());
        Evaluation evaluation = spec.head() == null || spec.encoder() ? null : new Evaluation(forward);
        double sum = 0;
        long predicted = 0;
        long passed = done * tokens;
        for (List<Sequences.Labelled> part : Evaluation.batches(data)) {
            progress.step(passed, passes * tokens, "tokens");
            stats.begin(part.stream().map(Sequences.Labelled::ids).toArray(int[][]::new), part.stream().mapToInt(s -> groups.indexOf(s.label())).toArray());
            Probe probe = also == null ? stats : Probe.all(List.of(stats, also));
            if (evaluation == null) {
                forward.run(new Batch(part.stream().map(s -> new Batch.Sequence(s.ids(), null)).toList()), probe, new DataInput.Quiet(progress));
            } else {
                Evaluation.Result r = evaluation.run(part, probe, new DataInput.Quiet(progress)).all();
                sum += r.predicted() == 0 ? 0 : r.loss() * r.predicted();
                predicted += r.predicted();
            }
            passed += part.stream().mapToLong(s -> s.ids().length).sum();
        }
        progress.step(passed, passes * tokens, "tokens");
        return new Pass(stats, evaluation == null ? Double.NaN : sum / predicted);
    }

    // --- what is written

    private void put(String name, DType dtype, Shape shape, Object flat, String method) {
        declared.put(name, new Declared(dtype, shape));
        values.put(name, flat);
        provenance.put(name, Provenance.derived("router logits", dtype.name(), method).of(tokens));
    }

    private static long[] longs(RoutingStatistics stats, Function<RoutingStatistics.Layer, long[]> of) {
        return IntStream.range(0, stats.layers().size()).mapToObj(stats::layer).map(of).flatMapToLong(Arrays::stream).toArray();
    }

    private static double[] doubles(RoutingStatistics stats, Function<RoutingStatistics.Layer, double[]> of) {
        return IntStream.range(0, stats.layers().size()).mapToObj(stats::layer).map(of).flatMapToDouble(Arrays::stream).toArray();
    }

    private void tensors(RoutingStatistics stats) {
        int layers = stats.layers().size();
        int n = stats.layer(0).experts();
        int k = stats.layer(0).perToken();
        put("expert_load", DType.I64, Shape.of(layers, n), longs(stats, l -> l.load().counts()), "tokens that visited the expert");
        put("first_choice_load", DType.I64, Shape.of(layers, n), longs(stats, RoutingStatistics.Layer::firstCounts), "tokens whose heaviest expert it is");
        put("coactivation", DType.I64, Shape.of(layers, n, n), longs(stats, l -> Arrays.stream(l.together()).flatMapToLong(Arrays::stream).toArray()),
                "tokens that visited both experts; the diagonal is the load");
        put("coactivation_conditional", DType.F64, Shape.of(layers, n, n), doubles(stats, l -> Arrays.stream(l.conditional()).flatMapToDouble(Arrays::stream).toArray()),
                "coactivation divided by the load of the row's expert; diagonal 0");
        put("expert_weight_sum", DType.F64, Shape.of(layers, n), doubles(stats, RoutingStatistics.Layer::weightSums), "sum of the weights that the expert received");
        put("mean_router_probability", DType.F64, Shape.of(layers, n), doubles(stats, RoutingStatistics.Layer::meanProbability), "mean over tokens of softmax(router logits)");
        put("domain_load", DType.I64, Shape.of(layers, groups.size(), n), longs(stats, l -> Arrays.stream(l.ofGroup()).flatMapToLong(Arrays::stream).toArray()),
                "tokens of each domain that visited the expert");
        put("domain_tokens", DType.I64, Shape.of(groups.size()), stats.layer(0).groupTokens(), "tokens of each domain");
        int kept = stats.layer(0).kept().count();
        long[] ids = data.stream().flatMapToInt(s -> Arrays.stream(s.ids())).limit(kept).asLongStream().toArray();
        put("input_ids", DType.I64, Shape.of(kept), ids, "token ids of the first tokens, sequence after sequence");
        put("expert_ids", DType.I64, Shape.of(layers, kept, k), longs(stats, l -> l.kept().ids()), "experts of the first tokens, by falling weight");
        float[] weights = new float[layers * kept * k];
        for (int i = 0; i < layers; i++) {
            System.arraycopy(stats.layer(i).kept().weights(), 0, weights, i * kept * k, kept * k);
        }
        put("expert_weights", DType.F32, Shape.of(layers, kept, k), weights, "their weights");
        put("router_entropy", DType.F64, Shape.of(layers, kept), doubles(stats, l -> l.kept().entropy()), "entropy of softmax(router logits) of the first tokens, nats");
        if (spec.experts(stats.layers().getFirst()).router().score() == Router.Score.SIGMOID) {
            put("router_entropy_sigmoid", DType.F64, Shape.of(layers, kept), doubles(stats, l -> l.kept().sigmoidEntropy()),
                    "entropy of sigmoid scores divided by their sum, of the first tokens, nats");
        }
        put("selection_margin", DType.F64, Shape.of(layers, kept), doubles(stats, l -> l.kept().margin()),
                "score of the last chosen expert less that of the best one not chosen, of the first tokens");
    }

    private void layerFigures(RoutingStatistics stats) {
        ArrayNode rows = summary.putArray("rows");
        for (int i = 0; i < stats.layers().size(); i++) {
            RoutingStatistics.Layer l = stats.layer(i);
            Load load = l.load();
            ObjectNode row = rows.addObject().put("layer", stats.layers().get(i)).put("dead", load.dead());
            double balance = load.switchLoss(l.meanProbability());
            DataInput.put(row, "load_cv", load.coefficientOfVariation());
            DataInput.put(row, "max_violation", load.maxViolation());
            DataInput.put(row, "max_violation_of_sequences", l.maxViolationOfSequences());
            DataInput.put(row, "min_violation", load.minViolation());
            DataInput.put(row, "gini", load.gini());
            DataInput.put(row, "load_entropy", load.entropy());
            DataInput.put(row, "normalised_load_entropy", load.normalisedEntropy());
            DataInput.put(row, "switch_loss", balance);
            DataInput.put(row, "balance_loss", l.perToken() * balance);
            DataInput.put(row, "z_loss", l.zLoss());
            DataInput.put(row, "router_entropy", l.entropy());
            DataInput.put(row, "router_entropy_sigmoid", l.sigmoidEntropy());
            ArrayNode quantiles = row.putArray("normalised_entropy_quantiles");
            for (double q : QUANTILES) {
                DataInput.add(quantiles, l.normalisedEntropyQuantile(q));
            }
            DataInput.put(row, "chosen_mass", l.mass());
            DataInput.put(row, "top_margin", l.topMargin());
            DataInput.put(row, "vocabulary_specialisation", l.vocabularySpecialisation(LEAST_OCCURRENCES));
            if (groups.size() > 1) {
                DataInput.put(row, "domain_divergence", Specialisation.divergence(l.ofGroup()));
                DataInput.put(row, "domain_information", Specialisation.mutualInformation(l.ofGroup()));
            }
        }
    }

    /// How much of the model the texts use: of all places (a layer and one of its experts), how many were visited, and how busy the busiest is.
    private void hotSet(RoutingStatistics stats) {
        int n = stats.layer(0).experts();
        long used = 0;
        double busiest = 0;
        for (int i = 0; i < stats.layers().size(); i++) {
            Load load = stats.layer(i).load();
            used += n - load.dead();
            busiest = Math.max(busiest, Arrays.stream(load.shares()).max().orElse(0) * n);
        }
        ObjectNode hot = summary.putObject("hot_set").put("slots", (long) n * stats.layers().size()).put("used", used);
        DataInput.put(hot, "used_share", (double) used / ((long) n * stats.layers().size()));
        DataInput.put(hot, "busiest_against_uniform", busiest);
    }

    private void domains(RoutingStatistics stats) {
        ArrayNode list = summary.putArray("domains");
        long[] counts = stats.layer(0).groupTokens();
        for (int g = 0; g < groups.size(); g++) {
            list.addObject().put("name", groups.get(g)).put("tokens", counts[g]);
        }
        int n = stats.layer(0).experts();
        double[] shares = new double[stats.layers().size() * groups.size() * n];
        for (int i = 0; i < stats.layers().size(); i++) {
            for (int g = 0; g < groups.size(); g++) {
                System.arraycopy(Specialisation.shares(stats.layer(i).ofGroup()[g], counts[g]), 0, shares, (i * groups.size() + g) * n, n);
            }
        }
        put("domain_specialisation", DType.F64, Shape.of(stats.layers().size(), groups.size(), n), shares, "share of a domain's tokens that visit the expert; chance is k / experts");
    }

    private void sweep(Pass main, int trained, int passes) {
        ObjectNode out = summary.putObject("sweep").put("trained", trained);
        ArrayNode rows = out.putArray("rows");
        List<Integer> all = new ArrayList<>(new TreeSet<>(counts()));
        if (!all.contains(trained)) {
            all.add(trained);
            all.sort(null);
        }
        int n = main.stats.layer(0).experts();
        long[] loads = new long[all.size() * main.stats.layers().size() * n];
        int range = trained;
        int peak = trained;
        double least = main.loss;
        int done = 1;
        for (int i = 0; i < all.size(); i++) {
            int k = all.get(i);
            Map<Integer, Integer> everywhere = new LinkedHashMap<>();
            spec.expertLayers().forEach(l -> everywhere.put(l, k));
            Pass p = k == trained ? main : pass(spec.choosing(everywhere), null, done++, passes);
            ObjectNode row = rows.addObject().put("per_token", k);
            DataInput.put(row, "loss", p.loss);
            DataInput.put(row, "perplexity", Math.exp(p.loss));
            DataInput.put(row, "chosen_mass", IntStream.range(0, p.stats.layers().size()).mapToDouble(l -> p.stats.layer(l).mass()).average().orElse(Double.NaN));
            DataInput.put(row, "load_cv", IntStream.range(0, p.stats.layers().size()).mapToDouble(l -> p.stats.layer(l).load().coefficientOfVariation()).average().orElse(Double.NaN));
            range = k > range && p.loss <= main.loss + LOSS_SLACK ? k : range;
            if (p.loss < least) {
                least = p.loss;
                peak = k;
            }
            System.arraycopy(longs(p.stats, l -> l.load().counts()), 0, loads, i * main.stats.layers().size() * n, main.stats.layers().size() * n);
        }
        out.put("scaling_range", range).put("peak", peak);
        put("sweep_load", DType.I64, Shape.of(all.size(), main.stats.layers().size(), n), loads, "tokens that visited the expert, for each number of experts per token");
    }
}
