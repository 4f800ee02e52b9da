package vitrine.core.work.prune;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import vitrine.core.architecture.LinearLayers;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Fingerprint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.forward.Adaptation;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.CalibrationPass;
import vitrine.core.prune.InputCollector;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod;
import vitrine.core.prune.NofM;
import vitrine.core.prune.OutputError;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.method.Contrastive;
import vitrine.core.prune.method.LowRank;
import vitrine.core.prune.method.Magnitude;
import vitrine.core.prune.method.SparseGpt;
import vitrine.core.prune.method.Wanda;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Shape;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.Glob;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.CheckpointFolderWriter;
import vitrine.core.work.output.FinishedLayers;
import vitrine.core.work.output.Outcome;
import vitrine.core.work.prune.report.BeforeAndAfter;
import vitrine.core.work.prune.report.Counterparts;
import vitrine.core.work.prune.report.LayerReport;
import vitrine.core.work.prune.report.PruneEnding;
import vitrine.core.work.prune.report.SkippedTensors;
import vitrine.core.work.prune.structure.StructuredRun;

/// A pruning run over single matrices, layer by layer: in memory are one layer's weights, what its matrices read, and the residual stream of the
/// calibration texts. A finished layer is on the disk; a run that was broken off goes on after the last one, to the same bits.
public final class PruneRun {

    /// An expert that fewer calibration tokens reach stays as it is.
    private static final int LEAST_TOKENS = 100;
    /// Rows of a matrix's inputs that its error is measured on.
    private static final int SAMPLE_ROWS = 1024;
    private static final String MASKS = "masks.safetensors";

    private final Task.Prune task;
    private final PruneSettings s;
    private final RunFolder folder;
    private final Progress progress;
    private final Consumer<String> warn;
    private final LoadedModel model;
    private final ModelSpec spec;
    private PruneShares shares = PruneShares.uniform();
    private final double sparsity;
    private final CalibrationTexts texts;
    /// Texts that stand against those of calibration, or null.
    private final CalibrationTexts against;
    private TextContrast contrast;
    private final Map<String, LinearLayers.Placed> linears;
    private final List<PrunableMatrix> matrices = new ArrayList<>();
    private final SkippedTensors skipped;
    /// Layers that were done when the run was asked to finish; 0 where it was not.
    private int stoppedAfter;

    private PruneRun(Task.Prune task, RunFolder folder, LoadedModel model, Progress progress, Consumer<String> warn) {
        this.task = task;
        s = task.numbers();
        this.folder = folder;
        this.model = model;
        this.progress = progress;
        this.warn = warn;
        spec = model.spec();
        sparsity = s.pattern() != null ? s.nofm().sparsity() : s.sparsity() == null ? 0 : s.sparsity();
        texts = task.data() == null ? null : CalibrationTexts.read(task.data(), s, model, progress);
        against = s.against() == null ? null : CalibrationTexts.read(s.against(), s, model, progress);
        linears = LinearLayers.of(spec);
        skipped = new SkippedTensors(spec, model.checkpoint());
        choose();
    }

    /// @param out an empty folder for the result
    public static Outcome run(Task.Prune task, Path out, RunFolder folder, Map<String, String> inputs, Progress progress, Consumer<String> warn) throws IOException {
        return task.recovery() != null ? new RecoveryRun(task, folder, inputs, progress, warn).run(out) : prune(task, out, folder, inputs, progress, warn);
    }

    /// Prunes without what may follow.
    static Outcome prune(Task.Prune task, Path out, RunFolder folder, Map<String, String> inputs, Progress progress, Consumer<String> warn) throws IOException {
        ObjectNode all = Json.object().put("engine", TaskInputs.ENGINE_VERSION);
        ObjectNode own = task.toJson();
        // What is measured afterwards is no part of what a layer becomes.
        own.remove("evalData");
        all.set("task", own);
        inputs.forEach(all.withObject("/inputs")::put);
        if (task.evalData() != null) {
            task.evalData().forEach(d -> all.withObject("/inputs").remove(d.file()));
        }
        if (task.method().form() == PruneMethod.Form.STRUCTURE) {
            return StructuredRun.run(task, out, folder, Fingerprint.ofText(Json.line(all)), progress, warn);
        }
        try (LoadedModel model = LoadedModel.open(task.model())) {
            model.requirePerplexity();
            folder.requireRoom(2 * model.checkpoint().tensorBytes());
            return new PruneRun(task, folder, model, progress, warn).run(out, Fingerprint.ofText(Json.line(all)));
        }
    }

    /// The method for a layer, which may have a pattern of its own.
    private MatrixMethod method(int layer) {
        NofM pattern = s.nofm();
        if (pattern != null && shares.sparsity(layer, -1) >= 0) {
            int kept = (int) Math.round((1 - shares.sparsity(layer, sparsity)) * pattern.of());
            pattern = new NofM(Math.clamp(kept, 1, pattern.of() - 1), pattern.of());
        }
        return switch (task.method()) {
            case magnitude -> new Magnitude(s.group() == PruneSettings.Group.row, pattern);
            case wanda -> new Wanda(pattern);
            case sparsegpt -> new SparseGpt(s.blockSize() == null ? 128 : s.blockSize(), s.damping() == null ? 0.01 : s.damping(), pattern);
            case contrastive -> new Contrastive(pattern, null);
            case svd -> new LowRank(LowRank.Way.SVD, s.rank());
            case whitened_svd -> new LowRank(LowRank.Way.WHITENED, s.rank());
            case swift_svd -> new LowRank(LowRank.Way.SWIFT, s.rank());
            case shortgpt, swift_skip, heads, taylor, slimgpt, lorap, dha, masa, experts, submoe, explicit -> throw new IllegalStateException(task.method().name());
        };
    }

    // --- which matrices

    private void choose() {
        NofM pattern = s.nofm();
        Set<String> modules = PrunableMatrix.of(spec).stream().map(PrunableMatrix::module).collect(Collectors.toSet());
        List<String> targets = new ArrayList<>(s.targetModules() == null ? List.of() : s.targetModules());
        targets.addAll(s.ranks() == null ? Set.of() : s.ranks().keySet());
        for (String t : targets) {
            if (modules.stream().noneMatch(m -> Glob.namesModule(t, m))) {
                throw Refusal.of(Category.TASK_INVALID, null, "no linear layer of a decoder layer is called %s; there are %s", t,
                        modules.stream().map(m -> m.replaceAll("#.*", "")).map(m -> m.substring(m.lastIndexOf('.') + 1)).distinct().sorted().collect(Collectors.joining(", ")));
            }
        }
        for (PrunableMatrix m : PrunableMatrix.of(spec)) {
            DType dtype = entry(m).dtype();
            if (s.targetModules() != null && s.targetModules().stream().noneMatch(t -> Glob.namesModule(t, m.module()))) {
                skipped.add(m, "not among the target modules");
            } else if (s.ranks() != null && s.rank() == null && s.sparsity() == null && ownRank(m) == null) {
                skipped.add(m, "no rank is named for it");
            } else if ((!task.method().masks() || task.method() == PruneMethod.sparsegpt) && (m.scaled() || !ChangedTensor.storable(dtype))) {
                skipped.add(m, "stored as " + dtype + ", in which other values than 0 cannot be written");
            } else if (dtype.bits() % 8 != 0) {
                skipped.add(m, "stored as " + dtype + ", whose values share bytes");
            } else if (m.size() > Integer.MAX_VALUE - 8) {
                skipped.add(m, "larger than 2^31 values");
            } else if (pattern != null && m.in() % pattern.of() != 0) {
                skipped.add(m, String.format(Locale.ROOT, "its %,d inputs do not divide into groups of %d", m.in(), pattern.of()));
            } else {
                matrices.add(m);
            }
        }
        if (matrices.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "it holds no matrix that the method %s can prune", task.method().name());
        }
    }

    /// The rank that is named for a matrix, or null.
    private Integer ownRank(PrunableMatrix m) {
        Integer own = null;
        if (s.ranks() != null) {
            for (Map.Entry<String, Integer> e : s.ranks().entrySet()) {
                own = Glob.namesModule(e.getKey(), m.module()) ? e.getValue() : own;
            }
        }
        return own;
    }

    private TensorEntry entry(PrunableMatrix m) {
        return model.checkpoint().tensor(m.tensor()).orElseThrow();
    }

    // --- the run

    private Outcome run(Path out, String identity) throws IOException {
        int layers = spec.layers().size();
        boolean sequential = s.propagation() == PruneSettings.Propagation.sequential;
        try (FinishedLayers finished = new FinishedLayers(folder.steps(), identity); MappedWeights map = new MappedWeights(model.checkpoint())) {
            if (s.allocation() != null && s.allocation() != PruneSettings.AllocationName.uniform) {
                shares = PruneShares.of(folder.steps(), identity, model, s, matrices, texts, sparsity, map, progress);
            }
            if (against != null) {
                contrast = new TextContrast(model, texts, against, progress);
            }
            try (CalibrationPass pass = texts == null ? null : new CalibrationPass(model.forward(), model.weights(), spec.hiddenSize(), texts.ids())) {
                for (int l = 0; l < layers; l++) {
                    int layer = l;
                    progress.checkCancelled();
                    progress.step(l, layers, "layers");
                    boolean last = l + 1 == layers;
                    List<PrunableMatrix> own = matrices.stream().filter(m -> m.layer() == layer).toList();
                    ObjectNode report = finished.takeUp(l);
                    if (report == null) {
                        report = layer(l, own, pass, sequential || last, finished, map);
                    } else if (pass != null && !sequential && !last) {
                        pass.pass(null, quiet());
                    }
                    if (sequential && !last) {
                        model.weights().adapt(finished.adaptation());
                        pass.pass(null, quiet());
                    }
                    tell(l, report);
                    if (!last && stopped(l + 1)) {
                        stoppedAfter = l + 1;
                        break;
                    }
                }
            } finally {
                model.weights().adapt(Adaptation.NONE);
            }
            progress.step(layers, layers, "layers");
            Outcome outcome = finish(out, finished, map);
            if (stoppedAfter > 0) {
                outcome.summary().put("stopped_after", stoppedAfter);
            }
            return outcome;
        }
    }

    private Progress quiet() {
        return new Quiet(progress);
    }

    /// Whether the run is asked to write what it has: the layers that follow stay as they are.
    private boolean stopped(int done) throws IOException {
        var asked = folder.asked();
        if (asked.isEmpty()) {
            return false;
        }
        if (asked.get() != RunFolder.Stop.finish) {
            throw new Progress.CancelledException();
        }
        Files.deleteIfExists(folder.stop());
        warn.accept(String.format(Locale.ROOT, "Asked to finish after %,d of %,d layers: the others stay as they are.", done, spec.layers().size()));
        matrices.stream().filter(m -> m.layer() >= done).forEach(m -> skipped.add(m, "the run was asked to finish before its layer"));
        return true;
    }

    private void tell(int layer, ObjectNode report) {
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("layer", (double) layer);
        for (String key : List.of("sparsity", "relative_output_error")) {
            if (report.path(key).isNumber()) {
                figures.put(key, report.get(key).asDouble());
            }
        }
        progress.figures(layer + 1L, figures);
    }

    /// Prunes the matrices of a layer and keeps what becomes of them.
    ///
    /// @param look whether the texts stay before the layer, rather than pass it as it was
    private ObjectNode layer(int layer, List<PrunableMatrix> own, CalibrationPass pass, boolean look, FinishedLayers finished, MappedWeights map) throws IOException {
        long tokens = texts == null ? 0 : texts.tokens();
        MatrixMethod method = method(layer);
        boolean moments = method.needs() == MatrixMethod.Needs.MOMENTS;
        try (InputCollector inputs = new InputCollector(own, moments, (int) Math.min(SAMPLE_ROWS, Math.max(1, tokens)), tokens); Arena arena = Arena.ofShared()) {
            if (pass != null && look) {
                pass.look(inputs, quiet());
            } else if (pass != null) {
                pass.pass(inputs, quiet());
            }
            Map<String, ChangedTensor> tensors = new LinkedHashMap<>();
            Map<String, byte[]> masks = new LinkedHashMap<>();
            Map<String, FinishedLayers.Part> parts = new LinkedHashMap<>();
            LayerReport report = new LayerReport(layer);
            for (PrunableMatrix m : own) {
                progress.checkCancelled();
                ChangedTensor t = tensors.computeIfAbsent(m.tensor(), n -> new ChangedTensor(entry(m), map.data(entry(m)), arena));
                matrix(m, method instanceof Contrastive c ? c.with(contrast.of(m)) : method, t, pass == null ? null : inputs.of(m), masks, parts, report, arena);
                map.release(entry(m));
            }
            tensors.forEach((name, t) -> {
                if (report.changed(name)) {
                    parts.put(name, new FinishedLayers.Part(new Declared(t.entry().dtype(), t.entry().shape()), t.bytes()));
                }
            });
            masks.forEach((name, mask) -> parts.put(FinishedLayers.MASK + name, new FinishedLayers.Part(new Declared(DType.U8, tensors.get(name).entry().shape()), MemorySegment.ofArray(mask))));
            ObjectNode json = report.json();
            finished.write(layer, parts, json);
            return json;
        }
    }

    private void matrix(PrunableMatrix m, MatrixMethod method, ChangedTensor t, InputStatistics inputs, Map<String, byte[]> masks, Map<String, FinishedLayers.Part> parts, LayerReport report,
                        Arena ofLayer) {
        byte[] mask = !task.method().masks() ? null : masks.computeIfAbsent(m.tensor(), n -> ones(Math.toIntExact(t.entry().elements())));
        if (m.routed() && task.method().needsData() && inputs.tokens() < LEAST_TOKENS) {
            String why = String.format(Locale.ROOT, "only %,d calibration tokens reach this expert; with fewer than %d it stays as it is", inputs.tokens(), LEAST_TOKENS);
            report.untouched(m, inputs.tokens(), why);
            return;
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix w = t.widened(m, m.scaled() ? linears.get(m.tensor()).linear() : null, model.weights(), arena);
            requireFinite(m, w, inputs);
            Matrix before = Matrix.allocate(arena, w.rows(), w.columns());
            before.copyFrom(w);
            Integer shared = ownRank(m) != null ? ownRank(m) : shares.rank(m);
            MatrixMethod.Pruned pruned = tooLarge(m, shared) ? MatrixMethod.Pruned.untouched("two thin matrices of the rank that it keeps hold no fewer values than it does")
                    : shared != null ? ((LowRank) method).truncate(w, inputs, shared) : method.prune(w, inputs, shares.sparsity(m.layer(), sparsity));
            if (pruned.kept() != null && !pruned.changed()) {
                t.clear(m, pruned.kept());
            } else if (pruned.changed()) {
                t.store(m, w);
            }
            if (pruned.kept() != null) {
                place(m, pruned.kept(), mask);
            }
            if (pruned.factors() != null && Boolean.TRUE.equals(s.factorised())) {
                int rank = pruned.factors().rank();
                parts.put(FinishedLayers.FACTOR_A + m.name(), new FinishedLayers.Part(new Declared(DType.F32, Shape.of(m.out(), rank)), ofLayer.allocateFrom(ValueLayout.JAVA_FLOAT, pruned.factors().a())));
                parts.put(FinishedLayers.FACTOR_B + m.name(), new FinishedLayers.Part(new Declared(DType.F32, Shape.of(rank, m.in())), ofLayer.allocateFrom(ValueLayout.JAVA_FLOAT, pruned.factors().b())));
            }
            if (pruned.note() != null && pruned.changed()) {
                warn.accept(m.name() + ": " + pruned.note() + ".");
            }
            OutputError error = inputs == null ? null : OutputError.of(inputs.sample(), before, w, model.weights().products());
            report.add(m, pruned, inputs, error);
            if (method instanceof Contrastive c) {
                report.figure("mask_overlap", c.overlap(before, shares.sparsity(m.layer(), sparsity)));
            }
        }
    }

    /// Whether thin matrices that are to be written would be larger than the matrix.
    private boolean tooLarge(PrunableMatrix m, Integer shared) {
        Integer rank = shared != null ? shared : s.rank();
        return Boolean.TRUE.equals(s.factorised()) && rank != null && rank >= LowRank.breakEven(m.out(), m.in());
    }

    private static byte[] ones(int n) {
        byte[] b = new byte[n];
        java.util.Arrays.fill(b, (byte) 1);
        return b;
    }

    /// Puts a matrix's mask where its values are stored.
    private static void place(PrunableMatrix m, byte[] kept, byte[] mask) {
        if (!m.inputMajor()) {
            System.arraycopy(kept, 0, mask, (int) m.first(), kept.length);
            return;
        }
        for (int o = 0; o < m.out(); o++) {
            for (int i = 0; i < m.in(); i++) {
                mask[(int) (m.first() + ChangedTensor.place(m, o, i))] = kept[o * m.in() + i];
            }
        }
    }

    private void requireFinite(PrunableMatrix m, Matrix w, InputStatistics inputs) {
        long bad = 0;
        for (int r = 0; r < w.rows(); r++) {
            for (float v : w.row(r)) {
                bad += Float.isFinite(v) ? 0 : 1;
            }
        }
        if (bad > 0) {
            throw Refusal.of(Category.TASK_INVALID, entry(m).file(), "%,d of its %,d values are NaN or infinite, so nothing can be pruned by them", bad, m.size()).where("tensor " + m.name());
        }
        if (inputs != null) {
            for (double q : inputs.squares()) {
                if (!Double.isFinite(q)) {
                    throw Refusal.of(Category.TASK_INVALID, Path.of(task.data()), "what %s reads over these texts is not finite in float32", m.name()).help("Look at vitrine capture's hidden states.");
                }
            }
        }
    }

    // --- the result

    private Outcome finish(Path out, FinishedLayers finished, MappedWeights map) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        model.checkpoint().tensors().values().forEach(t -> declared.put(t.name(), new Declared(t.dtype(), t.shape())));
        CheckpointFolderWriter.write(out, model.checkpoint().config(), declared, (name, to) -> {
            progress.checkCancelled();
            TensorEntry changed = finished.tensors().get(name);
            if (changed != null) {
                finished.copy(changed, to, name);
            } else {
                TensorEntry own = model.checkpoint().tensor(name).orElseThrow();
                to.write(name, 0, map.data(own));
                map.release(own);
            }
        }, model.checkpoint());
        if (task.method().masks()) {
            side(out.resolve(MASKS), finished, Map.of(FinishedLayers.MASK, ""), "vitrine-masks");
        }
        if (Boolean.TRUE.equals(s.factorised())) {
            side(out.resolve(PruneEnding.FACTORS), finished, Map.of(FinishedLayers.FACTOR_A, ".a", FinishedLayers.FACTOR_B, ".b"), "vitrine-factors");
        }
        PruneEnding.Sizes sizes = PruneEnding.Sizes.of(finished.reports(), model.checkpoint(), task.method().form() == PruneMethod.Form.RANK);
        ArrayNode layers = Json.mapper().createArrayNode();
        new TreeMap<>(finished.reports()).values().forEach(layers::add);
        boolean rank = task.method().form() == PruneMethod.Form.RANK;
        PruneEnding.Story story = new PruneEnding.Story(rank ? "same shapes, factors multiplied back" : "same shapes, with zeros", rank
                ? "The thin matrices are multiplied back to the full shape, so that any program loads the checkpoint: it is as large and as slow as before."
                        + (Boolean.TRUE.equals(s.factorised()) ? " factors.safetensors holds the thin matrices." : "")
                : "A checkpoint of the same shapes with zeros in it takes as much room on the disk and as much time as before: only programs that know its zeros gain by them.");
        return new PruneEnding(task, s, model, texts, skipped, progress, warn).finish(out, layers, Counterparts.same(spec), sizes, shares.json(), story, ids -> {
            model.weights().adapt(finished.adaptation());
            try {
                return BeforeAndAfter.logits(model, ids);
            } finally {
                model.weights().adapt(Adaptation.NONE);
            }
        });
    }

    private void side(Path file, FinishedLayers finished, Map<String, String> prefixes, String format) throws IOException {
        Map<String, TensorEntry> from = new LinkedHashMap<>();
        finished.tensors().forEach((name, t) -> prefixes.forEach((prefix, suffix) -> {
            if (name.startsWith(prefix)) {
                from.put(name.substring(prefix.length()) + suffix, t);
            }
        }));
        Map<String, Declared> declared = new LinkedHashMap<>();
        from.forEach((name, t) -> declared.put(name, new Declared(t.dtype(), t.shape())));
        try (SafetensorsWriter to = new SafetensorsWriter(file, declared, Map.of("format", format))) {
            for (Map.Entry<String, TensorEntry> e : from.entrySet()) {
                finished.copy(e.getValue(), to, e.getKey());
            }
        }
    }
}
