package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import vitrine.core.analysis.rank.BlockInfluence;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.backward.Parameter;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.forward.ExpertOutputs;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.method.HeadFusion;
import vitrine.core.prune.method.TaylorImportance;
import vitrine.core.task.PruneSettings;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.LossGradients;
import vitrine.core.work.output.KeptSums;

/// What layers, heads, channels and experts are worth, by calibration texts.
public final class StructureScores {

    /// Values of experts' outputs that are held at once.
    private static final long OUTPUT_VALUES = 16L << 20;
    /// Gates are few: they are kept more often than other sums, as a backward pass takes longer than one forward.
    private static final int GATES_KEPT = 4;

    private final LoadedModel model;
    private final ModelSpec spec;
    private final CalibrationTexts texts;
    private final KeptSums kept;
    private final Progress progress;
    /// What is asked for again, of other amounts that go, is measured once.
    private ExpertUse experts;
    private Map<Integer, double[][]> alike;
    private SkipMatch match;
    private SharedMatrices shared;

    /// @param kept where scores are kept as they are found
    public StructureScores(LoadedModel model, CalibrationTexts texts, KeptSums kept, Progress progress) {
        this.model = model;
        spec = model.spec();
        this.texts = texts;
        this.kept = kept;
        this.progress = progress;
    }

    /// Sequences that pass the model together pass all its layers before the next ones do: what a probe has added up by then is kept.
    private void pass(String name, List<double[]> sums, Probe probe) throws IOException {
        int layers = spec.layers().size();
        List<int[]> ids = texts.ids();
        kept.over(name, sums, ids, (from, to) -> {
            try (CalibrationPass pass = new CalibrationPass(model.forward(), model.weights(), spec.hiddenSize(), ids.subList(from, to))) {
                for (int l = 0; l < layers; l++) {
                    progress.checkCancelled();
                    progress.step(from + (long) (to - from) * l / layers, ids.size(), "sequences");
                    pass.pass(null, probe, new Quiet(progress));
                }
            }
        });
        progress.step(ids.size(), ids.size(), "sequences");
    }

    private static List<double[]> rows(Collection<double[][]> of) {
        return of.stream().flatMap(Arrays::stream).toList();
    }

    /// Block influence per layer: the mean over tokens of 1 - cos(before, after).
    public double[] influence() throws IOException {
        BlockInfluence influence = new BlockInfluence(spec);
        pass("influence", influence.sums(), influence);
        return influence.mean();
    }

    /// How well the model does without sub-layers.
    SkipMatch match() throws IOException {
        match = match != null ? match : new SkipMatch(model, texts, kept, progress);
        return match;
    }

    /// What layers have in common, of the kinds that the settings name.
    SharedMatrices shared(PruneSettings s, MappedWeights map) throws IOException {
        shared = shared != null ? shared : SharedMatrices.of(spec, s, model.checkpoint(), map, kept, progress);
        return shared.with(s);
    }

    // --- heads that are fused

    /// @param keys by layer; `values` likewise
    public record Fusions(Map<Integer, HeadFusion> keys, Map<Integer, HeadFusion> values) {}

    /// The inner products of every two key heads, and of every two value heads, over all tokens.
    public Fusions fusions() throws IOException {
        Map<Site, Map<Integer, double[][]>> sums = Map.of(Site.KEY_PROJECTED, new TreeMap<>(), Site.VALUE, new TreeMap<>());
        sums.values().forEach(of -> spec.layers().forEach(l -> of.put(l.index(), new double[l.attention().keyValueHeads()][l.attention().keyValueHeads()])));
        pass("fusions", Stream.of(Site.KEY_PROJECTED, Site.VALUE).flatMap(site -> rows(sums.get(site).values()).stream()).toList(), new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return sums.containsKey(site);
            }

            @Override
            public void at(Place place, Matrix x) {
                double[][] sum = sums.get(place.site()).get(place.layer());
                int width = x.columns() / sum.length;
                Parallel.over(sum.length, 1, (from, to) -> {
                    for (int r = 0; r < x.rows(); r++) {
                        float[] row = x.row(r);
                        for (int a = from; a < to; a++) {
                            for (int b = 0; b < sum.length; b++) {
                                double dot = 0;
                                for (int i = 0; i < width; i++) {
                                    dot += (double) row[a * width + i] * row[b * width + i];
                                }
                                sum[a][b] += dot;
                            }
                        }
                    }
                });
            }
        });
        Map<Integer, HeadFusion> keys = new TreeMap<>();
        Map<Integer, HeadFusion> values = new TreeMap<>();
        sums.get(Site.KEY_PROJECTED).forEach((l, p) -> keys.put(l, new HeadFusion(p)));
        sums.get(Site.VALUE).forEach((l, p) -> values.put(l, new HeadFusion(p)));
        return new Fusions(keys, values);
    }

    // --- heads by gates

    /// The importance of every query head, `E |dL / d gate|` with the gate on what the head gives to the output projection, divided by the norm over
    /// its layer's heads.
    ///
    /// The gate's gradient is the inner product of the output projection's columns of that head with their own gradient, so one gradient per layer tells all.
    ///
    /// Source: Michel et al., *Are Sixteen Heads Really Better than One?*, 2019, arXiv 1905.10650.
    ///
    /// @param gradients of the output projections
    /// @param name of the scores among those that the run keeps
    /// @return per layer `[heads]`
    public double[][] heads(LossGradients gradients, String name) throws IOException {
        double[][] sums = new double[spec.layers().size()][];
        Map<String, LayerSpec> byWeight = new HashMap<>();
        for (LayerSpec l : spec.layers()) {
            sums[l.index()] = new double[l.attention().heads()];
            byWeight.put(l.attention().output().weight(), l);
        }
        kept.over(name, List.of(sums), texts.ids(), GATES_KEPT, (from, to) -> gradients.each(texts.pieces(), from, to, progress, tensors -> {
            for (Parameter p : tensors) {
                LayerSpec l = byWeight.get(p.name());
                Linear o = l.attention().output();
                int d = l.attention().valueDim();
                float[] w = p.toArray();
                float[] g = p.gradientToArray();
                double[] gate = new double[l.attention().heads()];
                for (int r = 0; r < o.out(); r++) {
                    for (int c = 0; c < o.in(); c++) {
                        int at = o.inputMajor() ? c * o.out() + r : r * o.in() + c;
                        gate[c / d] += (double) w[at] * g[at];
                    }
                }
                for (int h = 0; h < gate.length; h++) {
                    sums[l.index()][h] += Math.abs(gate[h]) / texts.pieces().size();
                }
            }
        }));
        progress.step(texts.pieces().size(), texts.pieces().size(), "sequences");
        for (double[] layer : sums) {
            double norm = Math.sqrt(IntStream.range(0, layer.length).mapToDouble(h -> layer[h] * layer[h]).sum());
            for (int h = 0; h < layer.length && norm > 0; h++) {
                layer[h] /= norm;
            }
        }
        return sums;
    }

    public Set<String> outputs() {
        Set<String> names = new LinkedHashSet<>();
        spec.layers().forEach(l -> names.add(l.attention().output().weight()));
        return names;
    }

    /// What key/value groups are worth: the sums over their query heads.
    static double[] groups(double[] heads, AttentionSpec a) {
        double[] out = new double[a.keyValueHeads()];
        for (int h = 0; h < heads.length; h++) {
            out[h / a.groupSize()] += heads[h];
        }
        return out;
    }

    // --- Taylor

    /// The sums of the importance of the weights that go together: per layer the key/value groups (rows of query, key and value, columns of output) and the channels
    /// (rows of gate and up, columns of down).
    ///
    /// @param groups per layer `[key/value heads]`, or null where projections are fused
    /// @param channels per layer `[width]`, or null where there is no dense feed-forward block
    public record Taylor(Map<Integer, double[]> groups, Map<Integer, double[]> channels) {}

    public Taylor taylor(boolean secondOrder) throws IOException {
        Map<String, Part> parts = new LinkedHashMap<>();
        Map<Integer, double[]> groups = new LinkedHashMap<>();
        Map<Integer, double[]> channels = new LinkedHashMap<>();
        for (LayerSpec l : spec.layers()) {
            AttentionSpec a = l.attention();
            if (a.projection() instanceof Separate s) {
                double[] to = new double[a.keyValueHeads()];
                groups.put(l.index(), to);
                parts.put(s.query().weight(), new Part(s.query(), false, a.headDim() * a.groupSize(), to));
                parts.put(s.key().weight(), new Part(s.key(), false, a.headDim(), to));
                parts.put(s.value().weight(), new Part(s.value(), false, a.valueDim(), to));
                parts.put(a.output().weight(), new Part(a.output(), true, a.valueDim() * a.groupSize(), to));
            }
            switch (l.feedForward()) {
                case FeedForward.Gated g -> {
                    double[] to = new double[g.width()];
                    channels.put(l.index(), to);
                    parts.put(g.gate().weight(), new Part(g.gate(), false, 1, to));
                    parts.put(g.up().weight(), new Part(g.up(), false, 1, to));
                    parts.put(g.down().weight(), new Part(g.down(), true, 1, to));
                }
                case FeedForward.Plain p -> {
                    double[] to = new double[p.width()];
                    channels.put(l.index(), to);
                    parts.put(p.up().weight(), new Part(p.up(), false, 1, to));
                    parts.put(p.down().weight(), new Part(p.down(), true, 1, to));
                }
                default -> { }
            }
        }
        try (LossGradients gradients = new LossGradients(model, parts.keySet())) {
            Map<String, TaylorImportance> sums = new HashMap<>();
            gradients.tensors().forEach(p -> sums.put(p.name(), new TaylorImportance(Math.toIntExact(p.elements()), secondOrder)));
            kept.over("taylor", gradients.tensors().stream().flatMap(p -> sums.get(p.name()).sums().stream()).toList(), texts.ids(),
                    (from, to) -> gradients.each(texts.pieces(), from, to, progress, tensors -> tensors.forEach(p -> sums.get(p.name()).add(p.gradientToArray()))));
            progress.step(texts.pieces().size(), texts.pieces().size(), "sequences");
            for (Parameter p : gradients.tensors()) {
                parts.get(p.name()).add(p.toArray(), sums.get(p.name()));
            }
        }
        return new Taylor(groups, channels);
    }

    /// A matrix whose outputs (or inputs) belong to groups of `width`.
    private record Part(Linear linear, boolean byInput, int width, double[] to) {
        void add(float[] w, TaylorImportance importance) {
            for (int r = 0; r < linear.out(); r++) {
                for (int c = 0; c < linear.in(); c++) {
                    int at = linear.inputMajor() ? c * linear.out() + r : r * linear.in() + c;
                    to[(byInput ? c : r) / width] += importance.of(at, w[at]);
                }
            }
        }
    }

    // --- experts

    /// What routed experts do over the texts, per layer with experts.
    ///
    /// @param frequency tokens that visit each expert
    /// @param weight the mean routing weight over those tokens
    /// @param saliency the mean over those tokens of routing weight times the norm of the expert's output
    public record ExpertUse(Map<Integer, double[]> frequency, Map<Integer, double[]> weight, Map<Integer, double[]> saliency) {}

    public ExpertUse experts() throws IOException {
        experts = experts != null ? experts : measuredExperts();
        return experts;
    }

    private ExpertUse measuredExperts() throws IOException {
        Map<Integer, double[]> frequency = new LinkedHashMap<>();
        Map<Integer, double[]> weight = new LinkedHashMap<>();
        Map<Integer, double[]> saliency = new LinkedHashMap<>();
        for (int l : spec.expertLayers()) {
            int n = spec.experts(l).experts().count();
            frequency.put(l, new double[n]);
            weight.put(l, new double[n]);
            saliency.put(l, new double[n]);
        }
        pass("experts", Stream.of(frequency, weight, saliency).flatMap(of -> of.values().stream()).toList(), new Probe() {

            @Override
            public boolean wants(int layer, Site site) {
                return frequency.containsKey(layer) && (site == Site.MLP_IN || site == Site.EXPERT_IDS || site == Site.EXPERT_WEIGHTS);
            }

            @Override
            public void at(Place place, Matrix value) {
                // Of each group of sequences all inputs come first, then all ids, then all weights: what belongs together is found by its place.
                switch (place.site()) {
                    case MLP_IN -> inputs.put(key(place), value.toArray());
                    case EXPERT_IDS -> chosen.put(key(place), value.toArray());
                    default -> visits(place, value);
                }
            }

            private final Map<Long, float[]> inputs = new HashMap<>();
            private final Map<Long, float[]> chosen = new HashMap<>();

            private long key(Place p) {
                return (long) p.sequence() << 32 | p.firstPosition();
            }

            private void visits(Place place, Matrix weights) {
                float[] h = inputs.remove(key(place));
                float[] of = chosen.remove(key(place));
                int k = weights.columns();
                int width = h.length / weights.rows();
                var experts = new ExpertOutputs(spec.experts(place.layer()).experts(), model.weights());
                for (int e = 0; e < frequency.get(place.layer()).length; e++) {
                    int expert = e;
                    int[] visits = IntStream.range(0, of.length).filter(i -> of[i] == expert).toArray();
                    if (visits.length == 0) {
                        continue;
                    }
                    try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofShared()) {
                        Matrix x = Matrix.allocate(arena, visits.length, width);
                        Matrix y = Matrix.allocate(arena, visits.length, width);
                        for (int i = 0; i < visits.length; i++) {
                            for (int c = 0; c < width; c++) {
                                x.set(i, c, h[visits[i] / k * width + c]);
                            }
                        }
                        experts.of(e, x, y);
                        for (int i = 0; i < visits.length; i++) {
                            double norm = 0;
                            for (float v : y.row(i)) {
                                norm += (double) v * v;
                            }
                            double w = weights.get(visits[i] / k, visits[i] % k);
                            frequency.get(place.layer())[e]++;
                            weight.get(place.layer())[e] += w;
                            saliency.get(place.layer())[e] += w * Math.sqrt(norm);
                        }
                    }
                }
            }
        });
        frequency.forEach((l, n) -> {
            for (int e = 0; e < n.length; e++) {
                weight.get(l)[e] /= Math.max(1, n[e]);
                saliency.get(l)[e] /= Math.max(1, n[e]);
            }
        });
        return new ExpertUse(frequency, weight, saliency);
    }

    /// The cosine of what every two routed experts make of all tokens, whoever visits them: per layer `[experts, experts]`.
    Map<Integer, double[][]> alike() throws IOException {
        alike = alike != null ? alike : measuredAlike();
        return alike;
    }

    private Map<Integer, double[][]> measuredAlike() throws IOException {
        Map<Integer, double[][]> sums = new LinkedHashMap<>();
        spec.expertLayers().forEach(l -> sums.put(l, new double[spec.experts(l).experts().count()][spec.experts(l).experts().count()]));
        pass("alike", rows(sums.values()), new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return sums.containsKey(layer) && site == Site.MLP_IN;
            }

            @Override
            public void at(Place place, Matrix x) {
                double[][] sum = sums.get(place.layer());
                int n = sum.length;
                var experts = new ExpertOutputs(spec.experts(place.layer()).experts(), model.weights());
                int together = Math.clamp(OUTPUT_VALUES / ((long) n * x.columns()), 1, x.rows());
                for (int from = 0; from < x.rows(); from += together) {
                    int rows = Math.min(together, x.rows() - from);
                    try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofShared()) {
                        // All outputs of an expert are one row, so that one product gives the inner products of all.
                        Matrix each = Matrix.allocate(arena, n, rows * x.columns());
                        for (int e = 0; e < n; e++) {
                            experts.of(e, x.rows(from, rows), new Matrix(each.data().asSlice(each.rowOffset(e), 4L * rows * x.columns()), rows, x.columns(), x.columns()));
                        }
                        Matrix inner = Matrix.allocate(arena, n, n);
                        model.weights().products().multiply(Operand.of(each), Operand.of(each).transposed(), Operand.of(inner));
                        for (int a = 0; a < n; a++) {
                            for (int b = 0; b < n; b++) {
                                sum[a][b] += inner.get(a, b);
                            }
                        }
                    }
                }
            }
        });
        sums.forEach((l, sum) -> {
            double[] norm = IntStream.range(0, sum.length).mapToDouble(e -> Math.sqrt(sum[e][e])).toArray();
            for (int a = 0; a < norm.length; a++) {
                for (int b = 0; b < norm.length; b++) {
                    sum[a][b] = a == b ? 1 : norm[a] == 0 || norm[b] == 0 ? 0 : sum[a][b] / (norm[a] * norm[b]);
                }
            }
        });
        return sums;
    }
}
