package vitrine.core.task;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.backward.Parameter;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.forward.Adaptation;
import vitrine.core.json.Json;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.prune.Allocation;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.OutputError;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.SkipSearch;
import vitrine.core.prune.Structure;
import vitrine.core.prune.method.ExpertMerge;
import vitrine.core.prune.method.Lorap;
import vitrine.core.prune.method.LowRank;
import vitrine.core.prune.method.SlimGpt;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Matrix;

/// A pruning run that takes whole layers, heads, channels or experts. Where the config can express what is left, the checkpoint is smaller; where it cannot, what goes is
/// set to 0 in its place, which computes the same, and the report says why.
final class StructuredRun {

    /// Heads go in steps of so large a share, and are scored anew after each.
    private static final double HEADS_AT_A_TIME = 0.1;

    private final Task.Prune task;
    private final PruneSettings s;
    private final LoadedModel model;
    private final ModelSpec spec;
    private final Progress progress;
    private final Consumer<String> warn;
    private final CalibrationTexts texts;
    /// Layers that are finished, of methods that go from one to the next.
    private final FinishedLayers finished;
    /// Scores that are found over texts, as far as they are.
    private final KeptSums kept;
    /// What output matrices became where those that stay make up for what goes.
    private final Map<String, ChangedTensor> compensated = new LinkedHashMap<>();
    private final Arena whole = Arena.ofShared();
    private final ArrayNode rows = Json.mapper().createArrayNode();
    private final ObjectNode allocation = Json.object().put("allocation", "uniform");
    /// Parameters that thin matrices in the place of full ones would save; -1 where there are none.
    private long thinner = -1;
    /// Weights that are set to 0 in a matrix that keeps its shape.
    private long zeroed;
    /// Of the method that fuses heads; else null.
    private FusedHeads fused;
    /// By layer, the expert in whose place each went on; of the method that merges experts.
    private final Map<Integer, int[]> mergedInto = new TreeMap<>();
    /// Weights that are set to 0 in place, by layer.
    private final Map<Integer, Long> zeros = new TreeMap<>();
    /// Of the method that shares matrices among layers; else null.
    private SharedMatrices dictionaries;

    /// What is measured of the model as it is.
    private final Known known;
    /// How many sets a search draws at most.
    private int sets = SkipSearch.MOST;

    /// @param finished where finished layers are kept, null for nowhere
    private StructuredRun(Task.Prune task, FinishedLayers finished, Known known, Progress progress, Consumer<String> warn) {
        this.task = task;
        this.finished = finished;
        kept = known.kept;
        s = PruneRun.settings(task);
        this.known = known;
        model = known.model;
        spec = model.spec();
        this.progress = progress;
        this.warn = warn;
        texts = known.texts;
        spec.layers().forEach(l -> rows.addObject().put("layer", l.index()));
    }

    /// @param out an empty folder for the result
    /// @param identity names the run: finished layers of another are never taken up
    static Outcome run(Task.Prune task, Path out, RunFolder folder, String identity, Progress progress, Consumer<String> warn) throws IOException {
        return run(task, out, folder, identity, new KeptSums(folder, identity, warn), progress, warn);
    }

    static Outcome run(Task.Prune task, Path out, RunFolder folder, String identity, KeptSums kept, Progress progress, Consumer<String> warn) throws IOException {
        try (LoadedModel model = LoadedModel.open(task.model()); FinishedLayers finished = new FinishedLayers(folder.steps(), identity)) {
            model.requirePerplexity();
            PruneRun.requireRoom(folder.folder(), 2 * model.checkpoint().tensorBytes() + 2 * keptBytes(task, model.spec()));
            CalibrationTexts texts = task.data() == null ? null : CalibrationTexts.read(task.data(), PruneRun.settings(task), model, progress);
            StructuredRun run = new StructuredRun(task, finished, new Known(model, texts, kept, progress), progress, warn);
            try (Arena ignored = run.whole) {
                return run.run(out);
            }
        }
    }

    /// Bytes of the scores that are kept, where they are not next to nothing; while they are written anew there are two of them.
    private static long keptBytes(Task.Prune task, ModelSpec spec) {
        return task.method() != PruneMethod.taylor ? 0 : (Boolean.TRUE.equals(PruneRun.settings(task).secondOrder()) ? 16 : 8) * PrunableMatrix.of(spec).stream().mapToLong(PrunableMatrix::size).sum();
    }

    private StructureScores scores() {
        return new StructureScores(model, texts, kept, progress);
    }

    private ObjectNode row(int layer) {
        return (ObjectNode) rows.get(layer);
    }

    /// What methods ask of the model as it is, whatever the amount that goes: measured once.
    static final class Known {
        private final LoadedModel model;
        private final CalibrationTexts texts;
        private final KeptSums kept;
        private final Progress progress;
        private StructureScores.ExpertUse use;
        private Map<Integer, double[][]> alike;
        private SkipMatch match;

        /// @param texts of calibration, or null
        /// @param kept where it is kept as it is found
        Known(LoadedModel model, CalibrationTexts texts, KeptSums kept, Progress progress) {
            this.model = model;
            this.texts = texts;
            this.kept = kept;
            this.progress = progress;
        }

        private StructureScores.ExpertUse use() throws IOException {
            use = use != null ? use : new StructureScores(model, texts, kept, progress).experts();
            return use;
        }

        private Map<Integer, double[][]> alike() throws IOException {
            alike = alike != null ? alike : new StructureScores(model, texts, kept, progress).alike();
            return alike;
        }

        private SkipMatch match() throws IOException {
            match = match != null ? match : new SkipMatch(model, texts, kept, progress);
            return match;
        }
    }

    /// What a run would write, in memory: until it is closed the model's weights are those.
    record Rebuilt(LoadedModel model, Probe probe, double error, StructuredRun of, Arena arena, MappedWeights map) implements AutoCloseable {
        @Override
        public void close() {
            of.model.weights().adapt(Adaptation.NONE);
            arena.close();
            of.whole.close();
            map.close();
        }
    }

    /// Does to the model in memory what a run would do to it, and writes nothing.
    ///
    /// @param sets how many sets a search draws at most
    /// @throws Refusal where the run would refuse
    static Rebuilt rebuilt(Task.Prune task, Known known, int sets, Progress progress) throws IOException {
        StructuredRun run = new StructuredRun(task, null, known, progress, w -> { });
        run.sets = sets;
        MappedWeights map = new MappedWeights(known.model.checkpoint());
        Arena arena = Arena.ofShared();
        boolean whole = false;
        try {
            Structure structure = run.structure();
            LoadedModel now = run.adapted(structure, run.silenced(structure, map, arena));
            double error = run.rows.valueStream().mapToDouble(r -> r.path("relative_output_error").asDouble(Double.NaN)).filter(e -> !Double.isNaN(e)).average().orElse(Double.NaN);
            whole = true;
            return new Rebuilt(now, new Barred(structure.experts()), error, run, arena, map);
        } finally {
            if (!whole) {
                new Rebuilt(null, null, Double.NaN, run, arena, map).close();
            }
        }
    }

    private Outcome run(Path out) throws IOException {
        return write(structure(), out);
    }

    private Structure structure() throws IOException {
        return switch (task.method()) {
            case shortgpt -> layers();
            case heads -> heads();
            case taylor -> taylor();
            case experts -> experts();
            case slimgpt -> slim();
            case swift_skip -> skipped();
            case lorap -> lorap();
            case explicit -> explicit();
            case dha -> fused();
            case masa -> shared();
            case submoe -> merged();
            default -> throw new IllegalStateException(task.method().name());
        };
    }

    // --- layers one after the other

    /// Takes up a layer, or whatever the method does one after the other, that was finished before, with its tensors.
    ///
    /// @return what was kept of it, or null where it has to be computed
    private ObjectNode takenUp(int number) throws IOException {
        ObjectNode kept = finished == null ? null : finished.takeUp(number);
        if (kept != null) {
            finished.tensors().forEach((name, t) -> compensated.computeIfAbsent(name, n -> new ChangedTensor(model.checkpoint().tensor(n).orElseThrow(), finished.data(t), whole)));
        }
        return kept;
    }

    /// Keeps what is finished, with the tensors that have changed since.
    private void keep(int number, ObjectNode report) throws IOException {
        if (finished == null) {
            return;
        }
        Map<String, FinishedLayers.Part> parts = new LinkedHashMap<>();
        compensated.forEach((name, t) -> {
            if (!finished.tensors().containsKey(name)) {
                parts.put(name, new FinishedLayers.Part(new Declared(t.entry().dtype(), t.entry().shape()), t.bytes()));
            }
        });
        finished.write(number, parts, report);
    }

    /// Takes up a layer that was finished before: its figures, what goes of it, and its tensors.
    ///
    /// @return false where it has to be computed
    private boolean takenUp(LayerSpec l, Map<Integer, int[]> groups, Map<Integer, int[]> channels) throws IOException {
        ObjectNode kept = takenUp(l.index());
        if (kept == null) {
            return false;
        }
        row(l.index()).setAll((ObjectNode) kept.get("row"));
        whole(kept, "groups", l, groups);
        whole(kept, "channels", l, channels);
        thinner = kept.get("thinner").asLong();
        return true;
    }

    private static void whole(ObjectNode kept, String what, LayerSpec l, Map<Integer, int[]> to) {
        if (kept.has(what)) {
            to.put(l.index(), kept.get(what).valueStream().mapToInt(com.fasterxml.jackson.databind.JsonNode::asInt).toArray());
        }
    }

    /// Keeps a layer that is finished.
    private void keep(LayerSpec l, Map<Integer, int[]> groups, Map<Integer, int[]> channels) throws IOException {
        ObjectNode kept = Json.object().put("thinner", thinner);
        kept.set("row", row(l.index()));
        Map.of("groups", groups, "channels", channels).forEach((what, of) -> {
            if (of.containsKey(l.index())) {
                ArrayNode list = kept.putArray(what);
                Arrays.stream(of.get(l.index())).forEach(list::add);
            }
        });
        keep(l.index(), kept);
    }

    /// The layers after this one read what it became.
    private void goOn(LayerSpec l, CalibrationPass pass) throws IOException {
        Map<String, Adaptation.Replacement> replaced = new HashMap<>();
        compensated.forEach((name, t) -> replaced.put(name, new Adaptation.Replacement(t.entry(), t.bytes())));
        model.weights().adapt(new Adaptation(Map.of(), Map.of(), replaced));
        pass.pass(null, new DataInput.Quiet(progress));
        progress.figures(l.index() + 1L, Map.of("layer", (double) l.index()));
        kept.stopIfAsked();
    }

    // --- what goes

    private List<Integer> all() {
        return IntStream.range(0, spec.layers().size()).boxed().toList();
    }

    /// How many of `count` go: the share, rounded to the nearest number, but not all.
    private int gone(int count) {
        return gone(count, s.sparsity());
    }

    private static int gone(int count, double share) {
        return Math.clamp(Math.round(share * count), 0, count - 1);
    }

    /// How much of each layer goes.
    private double[] shares() {
        int layers = spec.layers().size();
        double[] out = new double[layers];
        Arrays.fill(out, s.sparsity());
        if (s.allocation() == PruneSettings.AllocationName.incremental) {
            out = Allocation.incremental(layers, s.allocationSpread() == null ? Math.min(0.2, s.sparsity()) : s.allocationSpread(), s.sparsity());
            if (out[0] < 0 || out[layers - 1] >= 1) {
                throw Refusal.of(Category.TASK_INVALID, null, "a spread of %s about a sparsity of %s would take %.3f of the first layer and %.3f of the last", s.allocationSpread(), s.sparsity(), out[0],
                        out[layers - 1]).help("A smaller allocationSpread leaves both within 0 and 1.");
            }
            allocation.put("allocation", "incremental");
            for (int l = 0; l < layers; l++) {
                allocation.withArray("/layers").addObject().put("layer", l).put("sparsity", out[l]);
            }
        }
        return out;
    }

    private Structure layers() throws IOException {
        double[] influence = scores().influence();
        for (int l = 0; l < influence.length; l++) {
            DataInput.put(row(l), "block_influence", influence[l]);
        }
        int drop = s.layers() != null ? s.layers() : gone(influence.length);
        if (drop >= influence.length) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%d layers are to go, and it has %d", drop, influence.length);
        }
        return new Structure(Arrays.stream(Structure.without(influence, drop)).boxed().toList(), Map.of(), Map.of(), Map.of());
    }

    private Structure heads() throws IOException {
        StructureScores scores = scores();
        Map<Integer, int[]> stay = new TreeMap<>();
        spec.layers().forEach(l -> stay.put(l.index(), IntStream.range(0, l.attention().keyValueHeads()).toArray()));
        boolean even = !Boolean.FALSE.equals(s.even());
        int total = stay.values().stream().mapToInt(k -> k.length).sum();
        try (LossGradients gradients = new LossGradients(model, scores.outputs())) {
            Map<String, Parameter> byName = new HashMap<>();
            gradients.tensors().forEach(p -> byName.put(p.name(), p));
            for (int step = 1; step <= Math.max(1, (int) Math.ceil(s.sparsity() / HEADS_AT_A_TIME - 1e-9)); step++) {
                double share = Math.min(s.sparsity(), step * HEADS_AT_A_TIME);
                double[][] heads = scores.heads(gradients, "heads-" + step);
                if (step == 1) {
                    for (LayerSpec l : spec.layers()) {
                        ArrayNode list = row(l.index()).putArray("head_importance");
                        Arrays.stream(heads[l.index()]).forEach(v -> DataInput.add(list, v));
                    }
                }
                Map<Integer, double[]> groups = new LinkedHashMap<>();
                spec.layers().forEach(l -> groups.put(l.index(), StructureScores.groups(heads[l.index()], l.attention())));
                if (even) {
                    groups.forEach((l, of) -> stay.put(l, fewer(stay.get(l), of, Math.min(of.length - 1, (int) Math.round(share * of.length)))));
                } else {
                    fewerOfAll(stay, groups, (int) Math.round(share * total));
                }
                for (LayerSpec l : spec.layers()) {
                    silence(l, stay.get(l.index()), byName.get(l.attention().output().weight()));
                }
            }
        }
        return new Structure(all(), stay, Map.of(), Map.of());
    }

    /// Of those that are left, as many more of the smallest scores go until `gone` have gone in all.
    private static int[] fewer(int[] left, double[] scores, int gone) {
        int more = gone - (scores.length - left.length);
        int[] stay = Structure.without(Arrays.stream(left).mapToDouble(i -> scores[i]).toArray(), Math.max(0, more));
        return Arrays.stream(stay).map(i -> left[i]).toArray();
    }

    /// The same over all layers together; each keeps one.
    private static void fewerOfAll(Map<Integer, int[]> kept, Map<Integer, double[]> scores, int gone) {
        int left = kept.values().stream().mapToInt(k -> k.length).sum();
        int total = scores.values().stream().mapToInt(k -> k.length).sum();
        for (int more = gone - (total - left); more > 0; more--) {
            int layer = -1;
            int group = -1;
            for (Map.Entry<Integer, int[]> e : kept.entrySet()) {
                for (int g : e.getValue()) {
                    if (e.getValue().length > 1 && (layer < 0 || scores.get(e.getKey())[g] < scores.get(layer)[group])) {
                        layer = e.getKey();
                        group = g;
                    }
                }
            }
            if (layer < 0) {
                return;
            }
            int out = group;
            kept.put(layer, Arrays.stream(kept.get(layer)).filter(g -> g != out).toArray());
        }
    }

    /// Sets the output columns of heads that have gone to 0, so that the next scores are those of the model without them.
    private static void silence(LayerSpec l, int[] kept, Parameter output) {
        AttentionSpec a = l.attention();
        Linear o = a.output();
        float[] w = output.toArray();
        for (int r = 0; r < o.out(); r++) {
            for (int c = 0; c < o.in(); c++) {
                if (Arrays.binarySearch(kept, c / a.valueDim() / a.groupSize()) < 0) {
                    w[o.inputMajor() ? c * o.out() + r : r * o.in() + c] = 0;
                }
            }
        }
        output.set(w);
    }

    /// Heads and channels by SlimGPT: each layer is calibrated with what it reads once those before are pruned, and what its output matrices become is kept for the result.
    private Structure slim() throws IOException {
        PruneSettings.Parts parts = s.parts() == null ? PruneSettings.Parts.both : s.parts();
        Map<Integer, int[]> groups = new TreeMap<>();
        Map<Integer, int[]> channels = new TreeMap<>();
        double[] shares = shares();
        SlimGpt method = new SlimGpt(s.damping() == null ? 0.01 : s.damping());
        int layers = spec.layers().size();
        try (MappedWeights map = new MappedWeights(model.checkpoint()); CalibrationPass pass = new CalibrationPass(model.forward(), model.weights(), spec.hiddenSize(), texts.ids())) {
            for (LayerSpec l : spec.layers()) {
                progress.checkCancelled();
                progress.step(l.index(), layers, "layers");
                if (takenUp(l, groups, channels)) {
                    goOn(l, pass);
                    continue;
                }
                List<PrunableMatrix> own = PrunableMatrix.of(l).stream().filter(m -> m.kind() == PrunableMatrix.Kind.OUTPUT && parts != PruneSettings.Parts.channels
                        || m.kind() == PrunableMatrix.Kind.DOWN && !m.routed() && parts != PruneSettings.Parts.heads).toList();
                try (InputCollector inputs = new InputCollector(own, true, 1024, texts.tokens())) {
                    pass.look(inputs, new DataInput.Quiet(progress));
                    double error = 0;
                    double norm = 0;
                    for (PrunableMatrix m : own) {
                        TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
                        if (m.scaled() || !ChangedTensor.storable(t.dtype())) {
                            throw Refusal.of(Category.TASK_INVALID, t.file(), "it is stored as %s, in which other values than 0 cannot be written", t.dtype()).where("tensor " + t.name());
                        }
                        ChangedTensor changed = new ChangedTensor(t, map.data(t), whole);
                        Matrix w = changed.widened(m, null, model.weights(), whole);
                        Matrix before = Matrix.allocate(whole, w.rows(), w.columns());
                        before.copyFrom(w);
                        boolean heads = m.kind() == PrunableMatrix.Kind.OUTPUT;
                        int width = heads ? l.attention().valueDim() * l.attention().groupSize() : 1;
                        int[] kept = method.prune(w, inputs.of(m), width, gone(m.in() / width, shares[l.index()]));
                        (heads ? groups : channels).put(l.index(), kept);
                        changed.store(m, w);
                        compensated.put(m.tensor(), changed);
                        OutputError moved = OutputError.of(inputs.of(m).sample(), before, w, model.weights().products());
                        DataInput.put(row(l.index()), heads ? "output_projection_error" : "down_projection_error", moved.relative());
                        error += moved.squaredError();
                        norm += moved.squaredNorm();
                    }
                    if (norm > 0) {
                        DataInput.put(row(l.index()), "relative_output_error", Math.sqrt(error / norm));
                    }
                }
                keep(l, groups, channels);
                goOn(l, pass);
            }
        } finally {
            model.weights().adapt(Adaptation.NONE);
        }
        return new Structure(all(), groups, channels, Map.of());
    }

    /// Sub-layers that are skipped, by SWIFT's search: layers of which both are leave, of others what the sub-layer gives to the residual stream becomes 0.
    private Structure skipped() throws IOException {
        SkipMatch match = known.match();
        int skip = (int) (match.units() * s.sparsity());
        if (match.units() == 0) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "it has %d layers, and the first and the last are never skipped", spec.layers().size());
        }
        int[] tried = new int[1];
        SkipSearch.Found found = SkipSearch.run(match.units(), skip, s.seed() == null ? 0 : s.seed(), sets, set -> {
            progress.step(tried[0]++, SkipSearch.MOST, "sets");
            return match.of(set);
        });
        match.end();
        progress.step(found.tried(), found.tried(), "sets");
        allocation.put("allocation", "searched").put("sublayers", match.units()).put("skipped", skip).put("matchness", found.matchness()).put("compared_tokens", match.tokens()).put("sets_tried", found.tried());
        List<Integer> layers = new ArrayList<>(all());
        Map<Integer, boolean[]> parts = new TreeMap<>();
        for (int u : found.skipped()) {
            parts.computeIfAbsent(1 + u / 2, l -> new boolean[2])[u % 2] = true;
        }
        parts.forEach((l, which) -> {
            if (which[0] && which[1]) {
                layers.remove(l);
            }
        });
        StringBuilder problem = new StringBuilder();
        if (layers.size() < spec.layers().size() && SmallerModel.ofOrNull(model.checkpoint(), spec, new Structure(layers, Map.of(), Map.of(), Map.of()), null, problem) == null) {
            warn.accept("Layers that are skipped whole stay in the checkpoint: " + problem + ". What they give is set to 0.");
            layers.clear();
            layers.addAll(all());
        }
        try (MappedWeights map = new MappedWeights(model.checkpoint())) {
            parts.forEach((l, which) -> {
                ArrayNode list = row(l).putArray("skipped_sublayers");
                if (which[0]) {
                    list.add("attention");
                }
                if (which[1]) {
                    list.add("feed_forward");
                }
                for (boolean attention : new boolean[] {true, false}) {
                    if (layers.contains(l) && which[attention ? 0 : 1]) {
                        clear(spec.layers().get(l), attention, map);
                    }
                }
            });
        }
        return new Structure(layers, Map.of(), Map.of(), Map.of());
    }

    /// Sets the matrices that lead a sub-layer back to the residual stream, and their biases, to 0.
    private void clear(LayerSpec l, boolean attention, MappedWeights map) {
        FeedForward f = l.feedForward();
        Linear single = attention ? l.attention().output() : f instanceof FeedForward.Gated g ? g.down() : f instanceof FeedForward.FusedGated g ? g.down() : f instanceof FeedForward.Plain p ? p.down() : null;
        boolean biased = single == null && f instanceof FeedForward.Mixture m && (m.experts().down() instanceof Experts.Blocks || m.experts().down() instanceof Experts.Stack k && k.bias() != null
                || m.experts().down() instanceof Experts.Each e && e.linears().getFirst().bias() != null);
        if (biased) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "the experts of layer %d have biases, or are stored in blocks of four bits: what they give cannot be set to 0", l.index());
        }
        for (PrunableMatrix m : PrunableMatrix.of(l)) {
            if (m.kind() == (attention ? PrunableMatrix.Kind.OUTPUT : PrunableMatrix.Kind.DOWN)) {
                zero(m, map);
            }
        }
        if (single != null && single.bias() != null) {
            zero(new PrunableMatrix(single.bias(), -1, 0, 1, single.out(), false, false, PrunableMatrix.Kind.DOWN, l.index(), "", false), map);
        }
    }

    private void zero(PrunableMatrix m, MappedWeights map) {
        TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
        if (t.dtype().bits() % 8 != 0) {
            throw Refusal.of(Category.TASK_INVALID, t.file(), "it is stored as %s, whose values share bytes", t.dtype()).where("tensor " + t.name());
        }
        compensated.computeIfAbsent(m.tensor(), n -> new ChangedTensor(t, map.data(t), whole)).clear(m, new byte[Math.toIntExact(m.size())]);
        zeroed += m.size();
        // Biases are no weights of a layer's matrices.
        if (!m.inputs().isEmpty()) {
            zeros.merge(m.layer(), m.size(), Long::sum);
        }
    }

    /// Ranks of attention and channels of feed-forward blocks by LoRAP: each layer is calibrated with what it reads once those before are compressed.
    private Structure lorap() throws IOException {
        boolean attention = s.parts() != PruneSettings.Parts.channels;
        boolean blocks = s.parts() != PruneSettings.Parts.heads;
        Map<Integer, int[]> channels = new TreeMap<>();
        int layers = spec.layers().size();
        List<LayerSpec> fused = spec.layers().stream().filter(l -> attention && !(l.attention().projection() instanceof AttentionSpec.QueryKeyValue.Separate)
                || blocks && !(l.feedForward() instanceof FeedForward.Gated || l.feedForward() instanceof FeedForward.Plain)).toList();
        if (!fused.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%s has no query, key and value matrices of their own, or no channels, in layer %d: projections are fused, or experts take the feed-forward blocks' place",
                    spec.family(), fused.getFirst().index()).help("parts says heads or channels alone.");
        }
        thinner = 0;
        try (MappedWeights map = new MappedWeights(model.checkpoint()); CalibrationPass pass = new CalibrationPass(model.forward(), model.weights(), spec.hiddenSize(), texts.ids())) {
            for (LayerSpec l : spec.layers()) {
                progress.checkCancelled();
                progress.step(l.index(), layers, "layers");
                if (takenUp(l, Map.of(), channels)) {
                    goOn(l, pass);
                    continue;
                }
                List<PrunableMatrix> own = PrunableMatrix.of(l);
                try (InputCollector inputs = new InputCollector(own, false, 1024, texts.tokens())) {
                    pass.look(inputs, new DataInput.Quiet(progress));
                    if (attention) {
                        thin(l, own, inputs, map);
                    }
                    if (blocks) {
                        channels.put(l.index(), block(l, own, inputs, map));
                    }
                }
                keep(l, Map.of(), channels);
                goOn(l, pass);
            }
        } finally {
            model.weights().adapt(Adaptation.NONE);
        }
        return new Structure(all(), Map.of(), channels, Map.of());
    }

    /// Matrices of attention become ones of a lower rank.
    private void thin(LayerSpec l, List<PrunableMatrix> own, InputCollector inputs, MappedWeights map) {
        List<PrunableMatrix> four = java.util.stream.Stream.of(PrunableMatrix.Kind.QUERY, PrunableMatrix.Kind.KEY, PrunableMatrix.Kind.VALUE, PrunableMatrix.Kind.OUTPUT)
                .map(k -> own.stream().filter(m -> m.kind() == k).findFirst().orElseThrow()).toList();
        List<Lorap.Shape> shapes = four.stream().map(m -> new Lorap.Shape(m.out(), m.in())).toList();
        int[] ranks = Lorap.ranks(shapes.get(0), shapes.get(1), shapes.get(2), shapes.get(3), s.sparsity());
        ObjectNode told = row(l.index()).putObject("ranks");
        double error = 0;
        double norm = 0;
        for (int i = 0; i < ranks.length; i++) {
            PrunableMatrix m = four.get(i);
            int whole = Math.min(m.out(), m.in());
            told.put(m.kind().label(), ranks[i] == Lorap.WHOLE ? whole : ranks[i]);
            try (Arena arena = Arena.ofShared()) {
                boolean stays = ranks[i] == Lorap.WHOLE || ranks[i] >= whole;
                TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
                Matrix w = (stays ? new ChangedTensor(t, map.data(t), arena) : changed(m, map)).widened(m, m.scaled() ? LinearLayers.of(spec).get(m.tensor()).linear() : null, model.weights(), arena);
                Matrix before = Matrix.allocate(arena, w.rows(), w.columns());
                before.copyFrom(w);
                if (!stays) {
                    new LowRank(LowRank.Way.SCALED, null).truncate(w, inputs.of(m), ranks[i]);
                    changed(m, map).store(m, w);
                    thinner += m.size() - (long) ranks[i] * (m.out() + m.in());
                }
                OutputError moved = OutputError.of(inputs.of(m).sample(), before, w, model.weights().products());
                error += moved.squaredError();
                norm += moved.squaredNorm();
            }
        }
        if (norm > 0) {
            DataInput.put(row(l.index()), "relative_output_error", Math.sqrt(error / norm));
        }
    }

    /// Channels that stay; those that go are 0 in the matrix that leads back.
    private int[] block(LayerSpec l, List<PrunableMatrix> own, InputCollector inputs, MappedWeights map) {
        double[] scores = new double[l.feedForward().width()];
        PrunableMatrix down = null;
        for (PrunableMatrix m : own) {
            boolean rows = m.kind() == PrunableMatrix.Kind.GATE || m.kind() == PrunableMatrix.Kind.UP;
            if (!rows && m.kind() != PrunableMatrix.Kind.DOWN) {
                continue;
            }
            double[] squares = inputs.of(m).squares();
            double[] rms = Arrays.stream(squares).map(q -> Math.sqrt(q / texts.tokens())).toArray();
            try (Arena arena = Arena.ofShared()) {
                TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
                Matrix w = new ChangedTensor(t, map.data(t), arena).widened(m, m.scaled() ? LinearLayers.of(spec).get(m.tensor()).linear() : null, model.weights(), arena);
                if (rows) {
                    Lorap.addRows(w, rms, scores);
                } else {
                    Lorap.addColumns(w, rms, scores);
                    down = m;
                }
            }
        }
        int[] kept = Lorap.kept(scores, s.sparsity(), s.lowestKept() == null ? Lorap.LOWEST_KEPT : s.lowestKept());
        byte[] mask = new byte[Math.toIntExact(down.size())];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = (byte) (Arrays.binarySearch(kept, i % down.in()) < 0 ? 0 : 1);
        }
        changed(down, map).clear(down, mask);
        ArrayNode list = row(l.index()).putArray("channel_norms");
        Arrays.stream(scores).forEach(x -> DataInput.add(list, x));
        return kept;
    }

    /// Matrices that become sums of fewer ones.
    private Structure shared() throws IOException {
        try (MappedWeights map = new MappedWeights(model.checkpoint())) {
            dictionaries = SharedMatrices.of(spec, s, model.checkpoint(), map, kept, progress);
            List<SharedMatrices.Kind> kinds = dictionaries.sharing();
            for (int k = 0; k < kinds.size(); k++) {
                progress.checkCancelled();
                if (takenUp(k) == null) {
                    dictionaries.put(kinds.get(k), model.checkpoint(), map, progress, m -> changed(m, map));
                    keep(k, Json.object());
                    kept.stopIfAsked();
                }
            }
        }
        dictionaries.describe(allocation, this::row);
        thinner = dictionaries.spared();
        return new Structure(all(), Map.of(), Map.of(), Map.of());
    }

    /// Key and value heads that become one with others. Where the config can say how heads share, they are stored once and queries are put in their order; elsewhere each keeps its place.
    private Structure fused() throws IOException {
        FusedHeads.require(spec, model.checkpoint());
        fused = FusedHeads.of(scores().fusions(), s, spec);
        try (MappedWeights map = new MappedWeights(model.checkpoint())) {
            for (LayerSpec l : spec.layers()) {
                progress.checkCancelled();
                if (takenUp(l.index()) == null) {
                    fused.fuse(l.index(), m -> changed(m, map), model.weights());
                    keep(l.index(), Json.object());
                    kept.stopIfAsked();
                }
                fused.describe(l.index(), row(l.index()));
            }
        }
        allocation.put("allocation", Boolean.FALSE.equals(s.even()) ? "greedy" : "uniform");
        thinner = fused.spared();
        return new Structure(all(), Map.of(), Map.of(), Map.of(), fused.shared());
    }

    private Structure taylor() throws IOException {
        StructureScores.Taylor t = scores().taylor(Boolean.TRUE.equals(s.secondOrder()));
        PruneSettings.Parts parts = s.parts() == null ? PruneSettings.Parts.both : s.parts();
        Map<Integer, int[]> groups = new TreeMap<>();
        Map<Integer, int[]> channels = new TreeMap<>();
        if (parts != PruneSettings.Parts.channels) {
            t.groups().forEach((l, v) -> {
                groups.put(l, Structure.without(v, gone(v.length)));
                ArrayNode list = row(l).putArray("group_importance");
                Arrays.stream(v).forEach(x -> DataInput.add(list, x));
            });
        }
        if (parts != PruneSettings.Parts.heads) {
            t.channels().forEach((l, v) -> channels.put(l, Structure.without(v, gone(v.length))));
        }
        if (groups.isEmpty() && channels.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%s has no heads or channels of its own to prune: projections are fused, or experts take the feed-forward blocks' place", spec.family());
        }
        return new Structure(all(), groups, channels, Map.of());
    }

    private Structure experts() throws IOException {
        if (spec.expertLayers().isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "it has no experts");
        }
        StructureScores.ExpertUse use = scores().experts();
        warnOfSharesThatGrow();
        boolean byUse = s.criterion() == PruneSettings.Criterion.frequency;
        Map<Integer, int[]> left = new TreeMap<>();
        for (int l : spec.expertLayers()) {
            double[] score = (byUse ? use.frequency() : use.saliency()).get(l);
            int k = s.expertsPerToken() != null ? s.expertsPerToken() : spec.experts(l).router().perToken();
            int stay = s.experts() != null ? s.experts() : s.sparsity() == null ? score.length : score.length - gone(score.length);
            if (stay < k || stay > score.length) {
                throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%d experts are to stay in layer %d: it has %d, and a token visits %d", stay, l, score.length, k);
            }
            left.put(l, Structure.without(score, score.length - stay));
            for (Map.Entry<String, Map<Integer, double[]>> e : Map.of("expert_frequency", use.frequency(), "expert_weight", use.weight(), "expert_saliency", use.saliency()).entrySet()) {
                ArrayNode list = row(l).putArray(e.getKey());
                Arrays.stream(e.getValue().get(l)).forEach(x -> DataInput.add(list, x));
            }
        }
        return new Structure(all(), Map.of(), Map.of(), left);
    }

    /// Experts that do alike become one, in the place of the first of them; its router row is the mean of theirs.
    private Structure merged() throws IOException {
        if (spec.expertLayers().isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "it has no experts");
        }
        Map<Integer, double[]> visits = known.use().frequency();
        Map<Integer, double[][]> alike = known.alike();
        Map<Integer, int[]> left = new TreeMap<>();
        try (MappedWeights map = new MappedWeights(model.checkpoint())) {
            for (int l : spec.expertLayers()) {
                progress.checkCancelled();
                FeedForward.Mixture m = spec.experts(l);
                int count = m.experts().count();
                int perToken = s.expertsPerToken() != null ? s.expertsPerToken() : m.router().perToken();
                int stay = s.experts() != null ? s.experts() : s.sparsity() == null ? count : count - gone(count);
                if (stay < perToken || stay > count) {
                    throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%d experts are to stay in layer %d: it has %d, and a token visits %d", stay, l, count, perToken);
                }
                int[] groups = ExpertMerge.groups(alike.get(l), stay);
                left.put(l, Arrays.stream(groups).distinct().sorted().toArray());
                mergedInto.put(l, groups);
                if (takenUp(l) == null) {
                    merge(l, groups, visits.get(l), map);
                    keep(l, Json.object());
                    kept.stopIfAsked();
                }
                ArrayNode list = row(l).putArray("merged_into");
                Arrays.stream(groups).forEach(list::add);
                ArrayNode used = row(l).putArray("expert_frequency");
                Arrays.stream(visits.get(l)).forEach(x -> DataInput.add(used, x));
            }
        }
        return new Structure(all(), Map.of(), Map.of(), left);
    }

    private void merge(int layer, int[] groups, double[] visits, MappedWeights map) {
        FeedForward.Mixture m = spec.experts(layer);
        for (Experts.Matrices x : new Experts.Matrices[] {m.experts().gate(), m.experts().up(), m.experts().down()}) {
            boolean biased = x instanceof Experts.Stack k && k.bias() != null || x instanceof Experts.Each e && e.linears().getFirst().bias() != null;
            if (biased || x instanceof Experts.Blocks) {
                throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), biased ? "its experts have biases, which are not merged" : "its experts are stored in blocks of four bits, in which merged ones cannot be written");
            }
        }
        Map<String, List<PrunableMatrix>> kinds = new LinkedHashMap<>();
        PrunableMatrix.of(spec.layers().get(layer)).stream().filter(PrunableMatrix::routed).forEach(p -> kinds.computeIfAbsent(p.kind().name(), k -> new ArrayList<>()).add(p));
        kinds.values().forEach(each -> mean(each, groups, visits, s.rank(), map));
        // Rows of the router, and what else it has for each expert, are matrices of one row for each: their mean counts all alike.
        Router r = m.router();
        if (r.logits().inputMajor()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "its router is stored inputs first, which merging does not know");
        }
        rows(r.logits().weight(), r.logits().in(), groups, map);
        if (r.logits().bias() != null) {
            rows(r.logits().bias(), 1, groups, map);
        }
        if (r.correction() != null) {
            rows(r.correction(), 1, groups, map);
        }
    }

    /// @param each of one kind, by expert
    private void mean(List<PrunableMatrix> each, int[] groups, double[] visits, Integer rank, MappedWeights map) {
        for (int g : Arrays.stream(groups).distinct().toArray()) {
            int[] members = IntStream.range(0, groups.length).filter(e -> groups[e] == g).toArray();
            if (members.length == 1) {
                continue;
            }
            PrunableMatrix first = each.get(g);
            try (Arena arena = Arena.ofShared()) {
                List<Matrix> all = Arrays.stream(members).mapToObj(e -> asItIs(each.get(e), map, arena).widened(each.get(e), null, model.weights(), arena)).toList();
                Matrix to = Matrix.allocate(arena, first.out(), first.in());
                boolean alongInputs = first.kind() == PrunableMatrix.Kind.DOWN;
                ExpertMerge.merge(all, Arrays.stream(members).mapToDouble(e -> visits[e]).toArray(), alongInputs, rank == null ? Integer.MAX_VALUE : rank, to);
                changed(first, map).store(first, to);
            }
        }
    }

    private void rows(String tensor, int width, int[] groups, MappedWeights map) {
        List<PrunableMatrix> each = IntStream.range(0, groups.length).mapToObj(e -> new PrunableMatrix(tensor, e, (long) e * width, 1, width, false, false, PrunableMatrix.Kind.DOWN, 0, "", true)).toList();
        mean(each, groups, new double[groups.length], null, map);
    }

    /// A tensor to read from: a stack of experts is one that changes; experts of their own are copied for the moment.
    private ChangedTensor asItIs(PrunableMatrix m, MappedWeights map, Arena arena) {
        TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
        return m.expert() >= 0 || compensated.containsKey(m.tensor()) || m.scaled() || !ChangedTensor.storable(t.dtype()) ? changed(m, map) : new ChangedTensor(t, map.data(t), arena);
    }

    /// A tensor that changes, as it is by now.
    private ChangedTensor changed(PrunableMatrix m, MappedWeights map) {
        return compensated.computeIfAbsent(m.tensor(), n -> {
            TensorEntry t = model.checkpoint().tensor(n).orElseThrow();
            if (m.scaled() || !ChangedTensor.storable(t.dtype())) {
                throw Refusal.of(Category.TASK_INVALID, t.file(), "it is stored as %s, in which other values than 0 cannot be written", t.dtype()).where("tensor " + t.name());
            }
            return new ChangedTensor(t, map.data(t), whole);
        });
    }

    private void warnOfSharesThatGrow() {
        Router router = spec.experts(spec.expertLayers().getFirst()).router();
        if (router.score() == Router.Score.SOFTMAX && router.weighting().norm() == 0) {
            warn.accept("Its routers weigh experts by a softmax over all of them that is not renormalised over the chosen: without those that go, the weights of those that stay grow.");
        }
    }

    /// The parts that are named. Heads leave their matrices where whole key/value groups go, as many of every layer, and the config can say so; elsewhere their columns of the output
    /// projection become 0.
    private Structure explicit() {
        DroppedParts drop = s.drop();
        if (drop == null) {
            return new Structure(all(), Map.of(), Map.of(), Map.of());
        }
        drop.requireIn(spec);
        List<Integer> layers = all().stream().filter(l -> !drop.layerSet().contains(l)).toList();
        if (layers.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "all of its %d layers are to go", spec.layers().size());
        }
        Map<Integer, int[]> experts = new TreeMap<>();
        if (!drop.expertsByLayer().isEmpty()) {
            warnOfSharesThatGrow();
            // Layers that are not named lose none, which only a config that counts by layer could say: the check of the config finds it.
            for (int l : spec.expertLayers().stream().filter(layers::contains).toList()) {
                TreeSet<Integer> gone = drop.expertsByLayer().getOrDefault(l, new TreeSet<>());
                int perToken = s.expertsPerToken() != null ? s.expertsPerToken() : spec.experts(l).router().perToken();
                int[] kept = IntStream.range(0, spec.experts(l).experts().count()).filter(e -> !gone.contains(e)).toArray();
                if (kept.length < perToken) {
                    throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "%d experts are to stay in layer %d, and a token visits %d", kept.length, l, perToken);
                }
                experts.put(l, kept);
            }
        }
        Map<Integer, int[]> groups = wholeGroups(drop, layers);
        Structure smaller = new Structure(layers, groups, Map.of(), experts);
        StringBuilder problem = new StringBuilder();
        if (!groups.isEmpty() && SmallerModel.ofOrNull(model.checkpoint(), spec, smaller, s.expertsPerToken(), problem) != null) {
            return smaller;
        }
        silence(drop, layers);
        return new Structure(layers, Map.of(), Map.of(), experts);
    }

    /// The key/value groups that stay of every layer that stays, where the heads that go are whole groups and as many of every layer; else nothing.
    private Map<Integer, int[]> wholeGroups(DroppedParts drop, List<Integer> layers) {
        Map<Integer, int[]> out = new TreeMap<>();
        for (int l : layers) {
            AttentionSpec a = spec.layers().get(l).attention();
            TreeSet<Integer> gone = drop.headsByLayer().getOrDefault(l, new TreeSet<>());
            int[] kept = IntStream.range(0, a.keyValueHeads()).filter(g -> IntStream.range(0, a.groupSize()).anyMatch(h -> !gone.contains(g * a.groupSize() + h))).toArray();
            if (kept.length == 0 || (a.keyValueHeads() - kept.length) * a.groupSize() != gone.size()) {
                return Map.of();
            }
            out.put(l, kept);
        }
        boolean none = out.entrySet().stream().allMatch(e -> e.getValue().length == spec.layers().get(e.getKey()).attention().keyValueHeads());
        return none || !Structure.even(out) ? Map.of() : out;
    }

    /// Sets what heads give to the residual stream to 0.
    private void silence(DroppedParts drop, List<Integer> layers) {
        try (MappedWeights map = new MappedWeights(model.checkpoint())) {
            for (PrunableMatrix m : PrunableMatrix.of(spec)) {
                TreeSet<Integer> gone = m.kind() == PrunableMatrix.Kind.OUTPUT && layers.contains(m.layer()) ? drop.headsByLayer().get(m.layer()) : null;
                if (gone == null) {
                    continue;
                }
                TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
                if (t.dtype().bits() % 8 != 0) {
                    throw Refusal.of(Category.TASK_INVALID, t.file(), "it is stored as %s, whose values share bytes", t.dtype()).where("tensor " + t.name());
                }
                int width = spec.layers().get(m.layer()).attention().valueDim();
                byte[] mask = new byte[Math.toIntExact(m.size())];
                for (int i = 0; i < mask.length; i++) {
                    mask[i] = (byte) (gone.contains(i % m.in() / width) ? 0 : 1);
                }
                ChangedTensor changed = new ChangedTensor(t, map.data(t), whole);
                changed.clear(m, mask);
                compensated.put(m.tensor(), changed);
                zeroed += (long) gone.size() * width * m.out();
                zeros.merge(m.layer(), (long) gone.size() * width * m.out(), Long::sum);
                ArrayNode list = row(m.layer()).putArray("silenced_heads");
                gone.forEach(list::add);
            }
        }
    }

    // --- the result

    private Outcome write(Structure structure, Path out) throws IOException {
        StringBuilder problem = new StringBuilder();
        SmallerModel smaller = SmallerModel.ofOrNull(model.checkpoint(), spec, structure, s.expertsPerToken(), problem);
        if (smaller == null && (structure.layers().size() < spec.layers().size() || !structure.experts().isEmpty() || s.expertsPerToken() != null)) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().configFile(), "what would be left has no config: %s", problem);
        }
        describe(structure);
        try (MappedWeights map = new MappedWeights(model.checkpoint()); Arena arena = Arena.ofShared()) {
            Map<String, ChangedTensor> silenced = silenced(structure, map, arena);
            if (smaller != null) {
                CheckpointFolderWriter.write(out, smaller.config(), smaller.declared(), (name, to) -> {
                    progress.checkCancelled();
                    TensorEntry from = smaller.from(name);
                    smaller.write(name, compensated.containsKey(from.name()) ? compensated.get(from.name()).bytes() : map.data(from), to);
                    map.release(from);
                }, model.checkpoint());
                if (smaller.note() != null) {
                    warn.accept(smaller.note() + ".");
                }
            } else {
                warn.accept("The checkpoint keeps its shapes: " + problem + ". " + (fused == null ? "What goes is set to 0 in its place." : "Every head that was fused keeps its place and holds what its group became."));
                Map<String, Declared> declared = new LinkedHashMap<>();
                model.checkpoint().tensors().values().forEach(t -> declared.put(t.name(), new Declared(t.dtype(), t.shape())));
                CheckpointFolderWriter.write(out, model.checkpoint().config(), declared, (name, to) -> {
                    progress.checkCancelled();
                    TensorEntry t = model.checkpoint().tensor(name).orElseThrow();
                    to.write(name, 0, silenced.containsKey(name) ? silenced.get(name).bytes() : map.data(t));
                }, model.checkpoint());
            }
            long before = PruneEnding.Sizes.parameters(model.checkpoint());
            long after = smaller == null ? before : smaller.declared().values().stream().filter(d -> d.dtype().floating()).mapToLong(d -> d.shape().elements()).sum();
            long zeros = zeroed + (smaller == null ? silencedWeights(structure) : 0);
            this.zeros.forEach((l, count) -> row(l).put("zeros", count));
            long prunable = PrunableMatrix.of(spec).stream().mapToLong(PrunableMatrix::size).sum();
            if (fused != null) {
                // What is spared where every fused head is stored once, beyond what the checkpoint spares as it is.
                thinner = Math.max(0, thinner - (before - after));
                if (Boolean.TRUE.equals(s.factorised())) {
                    fused.write(out.resolve(PruneRun.FACTORS), compensated::get);
                }
            }
            if (dictionaries != null && Boolean.TRUE.equals(s.factorised())) {
                dictionaries.write(out.resolve(PruneRun.FACTORS), model.checkpoint(), map, progress);
            }
            PruneEnding.Story story = dictionaries != null ? new PruneEnding.Story("same shapes, sums of shared matrices", String.format(Locale.ROOT,
                    "Every matrix is put together in its full shape, so that any program loads the checkpoint: it is as large and as slow as before. With shared matrices and coefficients in their place it would hold %,d parameters%s.", after - thinner,
                    Boolean.TRUE.equals(s.factorised()) ? ", as " + PruneRun.FACTORS + " has them" : "")) : fused != null ? fused(before, after, problem.toString()) : smaller == null ? new PruneEnding.Story("same shapes, with zeros", "The config cannot express what is left (" + problem
                    + "): what goes is 0 in its place, so nothing is saved on the disk or in time.")
                    : after == before && thinner >= 0 ? new PruneEnding.Story("same shapes, factors multiplied back", "The thin matrices are multiplied back to the full shape, so that any program loads the checkpoint: it is as large and as slow as before.")
                    : after == before && task.method() == PruneMethod.swift_skip ? new PruneEnding.Story("same shapes, with zeros", "What sub-layers that are skipped give to the residual stream is 0; nothing is saved on the disk or in time.")
                    : after == before && s.expertsPerToken() == null ? new PruneEnding.Story("same shapes, with zeros", "What heads that go give to the residual stream is 0; nothing is saved on the disk or in time.")
                    : after == before ? new PruneEnding.Story("same shapes, fewer experts per token", String.format("A token visits %d experts; the weights are as they were, so the disk saves nothing and time does.", s.expertsPerToken()))
                    : new PruneEnding.Story("smaller shapes", String.format(Locale.ROOT, "The checkpoint holds %,d of %,d parameters; its config says so, and stock transformers loads it.%s%s", after, before,
                            thinner <= 0 ? "" : " Attention's matrices are of a lower rank, multiplied back to their full shapes.",
                            zeros == 0 ? "" : String.format(Locale.ROOT, " %,d of them are 0: they are those of %s and that the config cannot leave out.", zeros, task.method() == PruneMethod.swift_skip ? "sub-layers that are skipped" : "heads that go")));
            return new PruneEnding(task, s, model, texts, new SkippedTensors(spec, model.checkpoint()), progress, warn).finish(out, rows, smaller == null ? Counterparts.same(spec) : Counterparts.of(spec, structure, mergedInto),
                    new PruneEnding.Sizes(prunable, zeros, before - after, before, thinner < 0 ? -1 : after - thinner), allocation, story, ids -> inMemory(structure, silenced, ids));
        }
    }

    private PruneEnding.Story fused(long before, long after, String problem) {
        String once = thinner == 0 ? "" : String.format(Locale.ROOT, " With every fused head stored once it would hold %,d parameters%s.", after - thinner,
                Boolean.TRUE.equals(s.factorised()) ? ", as " + PruneRun.FACTORS + " has them" : "");
        if (after < before) {
            return new PruneEnding.Story("smaller shapes", String.format(Locale.ROOT, "The checkpoint holds %,d of %,d parameters; its config says so, and stock transformers loads it: keys and values of fewer heads, and queries in their order.%s", after, before, once));
        }
        return new PruneEnding.Story("same shapes, heads repeated", "Every head that was fused keeps its place and holds what its group became, so nothing is saved on the disk or in time: "
                + (!problem.isEmpty() ? problem : thinner == 0 ? "no heads were fused" : "no config says which heads share a key and which a value") + "." + once);
    }

    private void describe(Structure structure) {
        for (LayerSpec l : spec.layers()) {
            ObjectNode row = row(l.index());
            row.put("kept", structure.layers().contains(l.index()));
            kept(row, "kept_groups", structure.groups().get(l.index()));
            kept(row, "kept_channels", structure.channels().get(l.index()));
            kept(row, "kept_experts", structure.experts().get(l.index()));
        }
    }

    private static void kept(ObjectNode row, String key, int[] which) {
        if (which != null) {
            ArrayNode list = row.putArray(key);
            Arrays.stream(which).forEach(list::add);
        }
    }

    /// The matrices that lead heads and channels back to the residual stream, with 0 where those have gone.
    private Map<String, ChangedTensor> silenced(Structure structure, MappedWeights map, Arena arena) {
        Map<String, ChangedTensor> out = new LinkedHashMap<>();
        for (PrunableMatrix m : PrunableMatrix.of(spec)) {
            AttentionSpec a = spec.layers().get(m.layer()).attention();
            int[] kept = m.kind() == PrunableMatrix.Kind.OUTPUT ? structure.groups().get(m.layer()) : m.kind() == PrunableMatrix.Kind.DOWN ? structure.channels().get(m.layer()) : null;
            if (kept == null) {
                continue;
            }
            int width = m.kind() == PrunableMatrix.Kind.OUTPUT ? a.valueDim() * a.groupSize() : 1;
            byte[] mask = new byte[Math.toIntExact(m.size())];
            for (int i = 0; i < mask.length; i++) {
                mask[i] = (byte) (Arrays.binarySearch(kept, i % m.in() / width) < 0 ? 0 : 1);
            }
            TensorEntry t = model.checkpoint().tensor(m.tensor()).orElseThrow();
            ChangedTensor changed = new ChangedTensor(t, compensated.containsKey(m.tensor()) ? compensated.get(m.tensor()).bytes() : map.data(t), arena);
            changed.clear(m, mask);
            out.put(m.tensor(), changed);
        }
        compensated.forEach(out::putIfAbsent);
        return out;
    }

    private long silencedWeights(Structure structure) {
        return spec.layers().stream().mapToLong(l -> {
            long own = silencedWeights(structure, l);
            zeros.merge(l.index(), own, Long::sum);
            return own;
        }).sum();
    }

    private long silencedWeights(Structure structure, LayerSpec l) {
        AttentionSpec a = l.attention();
        int[] groups = structure.groups().get(l.index());
        int[] channels = structure.channels().get(l.index());
        return (groups == null ? 0 : (long) (a.keyValueHeads() - groups.length) * a.groupSize() * a.valueDim() * spec.hiddenSize())
                + (channels == null ? 0 : (long) (l.feedForward().width() - channels.length) * spec.hiddenSize());
    }

    /// The base without what goes: heads and channels add nothing, layers are passed by, experts cannot be chosen.
    private float[] inMemory(Structure structure, Map<String, ChangedTensor> silenced, int[] ids) {
        try {
            return BeforeAndAfter.logits(adapted(structure, silenced), ids, new Barred(structure.experts()));
        } finally {
            model.weights().adapt(Adaptation.NONE);
        }
    }

    /// The model with what its weights became, and without layers that go.
    private LoadedModel adapted(Structure structure, Map<String, ChangedTensor> silenced) {
        Map<String, Adaptation.Replacement> replaced = new HashMap<>();
        silenced.forEach((name, t) -> replaced.put(name, new Adaptation.Replacement(t.entry(), t.bytes())));
        List<LayerSpec> kept = new ArrayList<>();
        structure.layers().forEach(l -> kept.add(spec.layers().get(l)));
        ModelSpec shorter = of(spec, kept);
        model.weights().adapt(new Adaptation(Map.of(), Map.of(), replaced));
        return model.as(s.expertsPerToken() == null ? shorter : shorter.choosing(spec.expertLayers().stream().collect(Collectors.toMap(l -> l, l -> s.expertsPerToken()))));
    }

    /// A model of some of its layers.
    static ModelSpec of(ModelSpec spec, List<LayerSpec> kept) {
        return new ModelSpec(spec.modelType(), spec.family(), spec.encoder(), spec.hiddenSize(), spec.vocabSize(), spec.maxPositions(), spec.positionsAreHard(), spec.embedding(), kept, spec.finalNorm(),
                spec.head(), spec.ignoredSuffixes());
    }

    /// Bars experts that are not kept.
    record Barred(Map<Integer, int[]> kept) implements Probe {
        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.ROUTER_LOGITS && kept.containsKey(layer);
        }

        @Override
        public void at(Place place, Matrix logits) {
            int[] stay = kept.get(place.layer());
            for (int e = 0; e < logits.columns(); e++) {
                if (Arrays.binarySearch(stay, e) < 0) {
                    for (int t = 0; t < logits.rows(); t++) {
                        logits.data().set(ValueLayout.JAVA_FLOAT, logits.rowOffset(t) + 4L * e, Float.NEGATIVE_INFINITY);
                    }
                }
            }
        }
    }
}
