package vitrine.core.work.finetune;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import vitrine.core.adapter.Adapter;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.artifact.Fingerprint;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.FinetuneSettings;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.task.TrainingSupport;
import vitrine.core.train.AdamW;
import vitrine.core.train.Batches;
import vitrine.core.train.FirstGradient;
import vitrine.core.train.Method;
import vitrine.core.train.NonFinite;
import vitrine.core.train.Randomness;
import vitrine.core.train.Run;
import vitrine.core.train.SavedStep;
import vitrine.core.train.Schedule;
import vitrine.core.train.Trainer;
import vitrine.core.train.ZerothOrder;
import vitrine.core.train.method.Apex;
import vitrine.core.train.method.BeamLora;
import vitrine.core.train.method.Bone;
import vitrine.core.train.method.FirstFactors;
import vitrine.core.train.method.FullTuning;
import vitrine.core.train.method.HalfTuning;
import vitrine.core.train.method.InnerLora;
import vitrine.core.train.method.Lora;
import vitrine.core.train.method.MaskedTuning;
import vitrine.core.train.method.MultiLora;
import vitrine.core.train.method.Nola;
import vitrine.core.train.method.SlowLora;
import vitrine.core.train.method.SparseGrowing;
import vitrine.core.train.method.Svft;
import vitrine.core.work.input.DataInput;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.Outcome;

/// A training run: it goes on from the newest whole saved step of its folder, or begins.
public final class FinetuneRun {

    private static final int DEFAULT_LENGTH = 1024;
    private static final AdamW.Spam SPAM = new AdamW.Spam(5000, 500, 150);

    private final Task.Finetune task;
    private final FinetuneSettings s;
    private final RunFolder folder;
    private final String identity;
    private final Progress progress;
    private final Consumer<String> warn;
    private final RankTrailWriter ranks;
    private final LoopTrailWriter loops;
    private List<String> figures = new ArrayList<>();
    private long told;
    private double lowest = Double.POSITIVE_INFINITY;
    private long lowestStep = -1;
    private int sinceLowest;
    private Map<String, float[]> gradients;
    private final Map<String, BitSet> zeros;

    private FinetuneRun(Task.Finetune task, RunFolder folder, String identity, Map<String, BitSet> zeros, Progress progress, Consumer<String> warn) {
        this.zeros = zeros;
        this.task = task;
        s = Objects.requireNonNullElse(task.settings(), FinetuneSettings.DEFAULTS);
        this.folder = folder;
        ranks = new RankTrailWriter(folder);
        loops = new LoopTrailWriter(folder);
        this.identity = identity;
        this.progress = progress;
        this.warn = warn;
    }

    /// @param out an empty folder for the result
    public static Outcome run(Task.Finetune task, Path out, RunFolder folder, Map<String, String> inputs, Progress progress, Consumer<String> warn) throws IOException {
        return run(task, out, folder, inputs, Map.of(), progress, warn);
    }

    /// @param zeros with the method `full`: values that are 0 and stay 0, by tensor
    public static Outcome run(Task.Finetune task, Path out, RunFolder folder, Map<String, String> inputs, Map<String, BitSet> zeros, Progress progress, Consumer<String> warn) throws IOException {
        ObjectNode all = Json.object().put("engine", TaskInputs.ENGINE_VERSION);
        ObjectNode own = task.toJson();
        if (own.path("settings") instanceof ObjectNode settings) {
            // How long a run is and how often it looks up is no part of what it is: it may be extended.
            settings.remove(List.of("steps", "epochs", "evalEvery", "saveEvery", "earlyStop"));
        }
        all.set("task", own);
        inputs.forEach(all.withObject("/inputs")::put);
        return new FinetuneRun(task, folder, Fingerprint.ofText(Json.line(all)), zeros, progress, warn).run(out);
    }

    private Outcome run(Path out) throws IOException {
        TrainingSupport.require(TrainingSupport.EMBEDDED, task);
        try (LoadedModel model = LoadedModel.openWithLoops(task.model(), null)) {
            model.requireHead("losses");
            if (model.spec().encoder()) {
                throw Refusal.of(Category.FAMILY_UNSUPPORTED, model.checkpoint().path(), "%s sees the tokens that it would have to predict, so it is not trained on texts here",
                        model.spec().family()).help("Train a decoder.");
            }
            int length = Math.min(model.spec().maxPositions(), s.sequenceLength() == null ? DEFAULT_LENGTH : s.sequenceLength());
            List<List<LossPass.Sequence>> samples = samples(task.data(), length, model);
            List<List<LossPass.Sequence>> validation = task.evalData() == null ? List.of() : Batches.single(sequences(task.evalData(), length, model));
            int batchSize = or(s.batchSize(), 8);
            int accumulate = or(s.accumulate(), 1);
            long seed = s.seed() == null ? 0 : s.seed();
            Randomness randomness = new Randomness(seed);
            Batches batches = new Batches(samples, s.order() == FinetuneSettings.OrderName.sequential ? Batches.Order.SEQUENTIAL : Batches.Order.SHUFFLED, batchSize * accumulate,
                    randomness);
            long steps = s.steps() != null ? s.steps() : batches.stepsPerEpoch() * or(s.epochs(), 1);
            Run run = run(steps, batchSize, accumulate, seed);
            if (s.init() != null && s.init().looksAtGradient()) {
                gradients = firstGradients(model, batches);
            }
            Method method = method(model.spec(), steps, randomness);
            try (Parameters parameters = new Parameters(model.checkpoint(), model.spec(), model.weights().products(), method::trains)) {
                int kept = keptLayers(model.spec(), samples, batchSize);
                try (Trainer trainer = new Trainer(run, method, parameters, batches, validation, kept)) {
                    return train(trainer, model, out, samples.size(), length);
                }
            }
        }
    }

    private static int or(Integer value, int otherwise) {
        return value == null ? otherwise : value;
    }

    private static double or(Double value, double otherwise) {
        return value == null ? otherwise : value;
    }

    // --- what the task says

    private List<LossPass.Sequence> sequences(String file, int length, LoadedModel model) {
        Sequences.Read read = DataInput.readAll(file, length, model, progress);
        if (read.lossesOrNull() != null) {
            warn.accept(Path.of(file).getFileName() + ": " + read.lossesOrNull());
        }
        return read.sequences().stream().map(l -> LossPass.Sequence.of(l.ids(), l.labels(), false)).toList();
    }

    private List<List<LossPass.Sequence>> samples(String file, int length, LoadedModel model) {
        List<LossPass.Sequence> sequences = sequences(file, length, model);
        return Boolean.TRUE.equals(s.pack()) ? Batches.packed(sequences, length) : Batches.single(sequences);
    }

    private Run run(long steps, int batchSize, int accumulate, long seed) {
        AdamW.Settings optimiser = new AdamW.Settings(or(s.beta1(), 0.9), or(s.beta2(), 0.999), or(s.eps(), 1e-8), or(s.weightDecay(), 0), Boolean.TRUE.equals(s.cautious()),
                s.optimiser() == FinetuneSettings.OptimiserName.spam ? SPAM : null);
        Schedule schedule = s.schedule() == null ? Schedule.COSINE : Schedule.valueOf(s.schedule().name().toUpperCase(Locale.ROOT));
        long warmup = s.warmupSteps() == null ? (long) Math.ceil(0.03 * steps) : s.warmupSteps();
        return new Run(steps, batchSize, accumulate, or(s.lr(), defaultRate()), warmup, schedule, or(s.decaySteps(), (int) (steps / 5)), optimiser,
                or(s.maxGradNorm(), 1), (float) or(s.balance(), 0), or(s.gradientNoise(), 0), or(s.evalEvery(), 0), or(s.saveEvery(), (int) Math.max(1, Math.min(1000, steps / 20))),
                seed, zeroth());
    }

    private ZerothOrder zeroth() {
        if (s.optimiser() == null || !s.optimiser().probes()) {
            return null;
        }
        return new ZerothOrder(s.optimiser() == FinetuneSettings.OptimiserName.mezo ? ZerothOrder.Kind.MEZO : ZerothOrder.Kind.SAM, or(s.probeEps(), 1e-3), or(s.probes(), 1), or(s.rho(), 0.05));
    }

    /// MeZO's slopes are those of all values at once, so its rates are small.
    private double defaultRate() {
        boolean mezo = s.optimiser() == FinetuneSettings.OptimiserName.mezo;
        return task.method().adapts() ? mezo ? 1e-4 : 2e-4 : mezo ? 1e-6 : 2e-5;
    }

    private Method method(ModelSpec spec, long steps, Randomness randomness) {
        return switch (task.method()) {
            case full -> zeros.isEmpty() ? new FullTuning() : new MaskedTuning(zeros);
            case hft -> new HalfTuning(Math.max(1, Math.ceilDiv(steps, or(s.rounds(), 1))), randomness);
            case apex -> new Apex(or(s.stages(), 2), or(s.assessed(), 512), randomness);
            case sgt -> new SparseGrowing(or(s.growEvery(), (int) Math.clamp(steps / 10, 1, 250)), or(s.growLayers(), 3), or(s.growLoops(), 1), or(s.growHeads(), 2));
            case beamlora -> {
                long period = s.beamPeriod() == null ? Math.max(2, steps / 10 / 2 * 2) : s.beamPeriod();
                yield new BeamLora(lora(spec, null, false), new BeamLora.Beam(period, or(s.beamEnd(), (int) Math.max(1, steps * 2 / 3)), (float) or(s.beamTemperature(), 0.05)), randomness);
            }
            case lora -> plain(lora(spec, null, false));
            case dora -> new Lora(lora(spec, null, true));
            case multilora -> new MultiLora(lora(spec, null, false), or(s.parallel(), 3));
            case nola -> new Nola(lora(spec, null, false), or(s.bases(), 64));
            case svft -> new Svft(lora(spec, null, false));
            case ilora -> new SlowLora(lora(spec, null, false));
            case bone -> new Bone(lora(spec, null, false), spec);
            case layra -> {
                int quarter = Math.ceilDiv(spec.layers().size(), 4);
                yield plain(lora(spec, Lora.outerLayers(spec.layers().size(), or(s.firstLayers(), quarter), or(s.lastLayers(), quarter)), false));
            }
        };
    }

    /// The gradients of the adapted matrices over the first step's samples.
    private Map<String, float[]> firstGradients(LoadedModel model, Batches batches) {
        Lora.Settings settings = ((Lora) method(model.spec(), 1, null)).settings();
        return FirstGradient.of(Lora.targets(settings, model.spec()).keySet(), model.checkpoint(), model.spec(), model.weights().products(), batches.step(1), progress);
    }

    private Lora plain(Lora.Settings settings) {
        return settings.first().inner() ? new InnerLora(settings, or(s.lr(), defaultRate())) : new Lora(settings);
    }

    private Lora.Settings lora(ModelSpec spec, List<Integer> layers, boolean dora) {
        Adapter start = task.initAdapter() == null ? null : Adapter.open(task.initAdapter());
        int rank = or(s.r(), start == null ? 16 : start.config().rank());
        if (start != null) {
            if (rank != start.config().rank() || s.alpha() != null && s.alpha() != start.config().alpha()) {
                throw Refusal.of(Category.TASK_INVALID, Path.of(task.initAdapter()), "its r is %d and its alpha %s, not %d and %s", start.config().rank(), start.config().alpha(), rank,
                        s.alpha() == null ? start.config().alpha() : s.alpha()).help("Leave r and alpha out: they are the adapter's own.");
            }
            if (start.config().changedBaseOrNull() != null) {
                throw Refusal.of(Category.ADAPTER_INVALID, Path.of(task.initAdapter()), "it was initialised by %s, which changed the base's weights as well", start.config().initialisation());
            }
        }
        double alpha = or(s.alpha(), start == null ? 2.0 * rank : start.config().alpha());
        List<String> parameters = s.targetParameters() == null ? List.of() : s.targetParameters();
        List<String> targets = s.targetModules() != null ? s.targetModules() : parameters.isEmpty() ? List.of(Lora.ALL_LINEAR) : List.of();
        return new Lora.Settings(rank, alpha, (float) or(s.dropout(), 0), targets, Boolean.TRUE.equals(s.rslora()), dora, layers, start,
                s.init() == null ? FirstFactors.Kind.kaiming : s.init(), gradients, parameters);
    }

    // --- memory

    /// How many layers keep their values: all where that takes no more than a quarter of the memory.
    private int keptLayers(ModelSpec spec, List<List<LossPass.Sequence>> samples, int batchSize) {
        long longest = samples.stream().mapToLong(sample -> sample.stream().mapToLong(q -> q.ids().length).sum()).max().orElse(1);
        return switch (s.checkpointing() == null ? FinetuneSettings.Checkpointing.auto : s.checkpointing()) {
            case layer -> 1;
            case none -> spec.layers().size();
            case auto -> FinetuneForecast.keptLayers(spec, longest * batchSize);
        };
    }

    // --- the run itself

    private Outcome train(Trainer trainer, LoadedModel model, Path out, int samples, int length) throws IOException {
        long all = model.checkpoint().tensors().values().stream().mapToLong(t -> t.elements()).sum();
        FinetuneForecast.requireRoom(FinetuneForecast.diskBytes(trainer.parameters().trained().stream().mapToLong(Parameter::elements).sum(), all, task.method().adapts(),
                !trainer.run().forwardOnly(), s.earlyStop() != null), Files.getFileStore(out).getUsableSpace(), out.getParent());
        goOn(trainer);
        ranks.from(trainer.done() == 0 ? 0 : trainer.done() + 1);
        loops.from(trainer.done() + 1);
        if (trainer.done() == 0) {
            ranks.add(0, trainer.parameters());
        }
        long trained = trainer.parameters().trained().stream().filter(trainer.method()::stepped).mapToLong(Parameter::elements).sum();
        long forecast = FinetuneForecast.bytes(task, model.spec(), model.checkpoint(), trained, length);
        if (forecast > FinetuneForecast.totalMemory()) {
            warn.accept(String.format(Locale.ROOT, "The run will need about %.1f GB of memory; this machine has %.1f GB.", forecast / 1e9, FinetuneForecast.totalMemory() / 1e9));
        }
        if (trainer.done() == 0) {
            Map<String, Double> before = new LinkedHashMap<>();
            before.put("memory_forecast_bytes", (double) forecast);
            before.put("trained_parameters", (double) trained);
            progress.figures(0, before);
        }
        Listening listener = new Listening(trainer);
        long done;
        try {
            done = trainer.train(listener, progress);
        } catch (Progress.CancelledException e) {
            // Between steps nothing is half done: what was reached is kept, unless the step's figures were not told yet.
            if (trainer.done() == told) {
                SavedStep.write(folder.steps(), trainer, identity, figures);
            }
            throw e;
        } catch (NonFinite e) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s", e.getMessage()).help("A smaller learning rate, a longer warm-up or a smaller maxGradNorm may help; the last saved step is kept.");
        }
        boolean early = done < trainer.run().steps();
        if (early && !enough() && folder.asked().filter(RunFolder.Stop.finish::equals).isEmpty()) {
            throw new Progress.CancelledException();
        }
        Files.deleteIfExists(folder.stop());
        if (early && task.evalData() != null && !figures.getLast().contains("validation_loss")) {
            listener.figures(done, Map.of("validation_loss", trainer.validate(progress)));
        }
        ObjectNode summary = summary(trainer, model, samples);
        summary.put("steps", done);
        if (s.earlyStop() != null && lowestStep < done) {
            takeLowest(trainer, summary);
        }
        trainer.method().write(trainer.parameters(), out, summary);
        Files.write(out.resolve("figures.jsonl"), figures, StandardCharsets.UTF_8);
        ranks.copyTo(out);
        loops.copyTo(out);
        Files.write(out.resolve("README.md"), card(trainer, model, summary).getBytes(StandardCharsets.UTF_8));
        return new Outcome(summary, Map.of());
    }

    /// Whether the validation loss has not fallen for as long as the task allows.
    private boolean enough() {
        return s.earlyStop() != null && sinceLowest >= s.earlyStop();
    }

    /// Whether a step's validation loss is the lowest so far.
    private boolean observe(long step, Map<String, Double> values) {
        Double loss = values.get("validation_loss");
        if (loss == null) {
            return false;
        }
        boolean lower = loss < lowest;
        lowest = lower ? loss : lowest;
        lowestStep = lower ? step : lowestStep;
        sinceLowest = lower ? 0 : sinceLowest + 1;
        return lower;
    }

    /// Puts the weights back to where the validation loss was lowest.
    private void takeLowest(Trainer trainer, ObjectNode summary) throws IOException {
        for (SavedStep best : SavedStep.list(folder.best()).reversed()) {
            if (best.step() == lowestStep && best.problem(identity) == null) {
                best.restore(trainer);
                summary.put("best_step", lowestStep);
                put(summary, "validation_loss", lowest);
                put(summary, "validation_perplexity", Math.exp(lowest));
                return;
            }
        }
        warn.accept(String.format(Locale.ROOT, "The state of step %,d, where the validation loss was lowest, cannot be read: the result is that of the last step.", lowestStep));
    }

    /// Takes up the newest saved step that is whole.
    private void goOn(Trainer trainer) throws IOException {
        List<SavedStep> saved = SavedStep.list(folder.steps());
        for (SavedStep step : saved.reversed()) {
            String problem = step.problem(identity);
            if (problem == null) {
                figures = step.restore(trainer);
                told = step.step();
                for (String line : figures) {
                    repeat(line);
                }
                return;
            }
            warn.accept(String.format("The saved step %,d cannot be used: %s.", step.step(), problem));
        }
    }

    /// Tells figures of earlier steps again: whoever keeps them has them without a gap.
    private void repeat(String line) throws IOException {
        ObjectNode n = (ObjectNode) Json.mapper().readTree(line);
        Map<String, Double> values = new LinkedHashMap<>();
        n.properties().forEach(e -> {
            if (!e.getKey().equals("step")) {
                values.put(e.getKey(), e.getValue().asDouble());
            }
        });
        observe(n.path("step").asLong(), values);
        progress.figures(n.path("step").asLong(), values);
    }

    private final class Listening implements Trainer.Listener {
        private final Trainer trainer;

        Listening(Trainer trainer) {
            this.trainer = trainer;
        }

        @Override
        public void figures(long step, Map<String, Double> values) throws IOException {
            ObjectNode n = Json.object().put("step", step);
            values.forEach(n::put);
            figures.add(Json.line(n));
            told = step;
            progress.figures(step, values);
            if (step > 0 && RankTrailWriter.keeps(step, trainer.run().steps())) {
                ranks.add(step, trainer.parameters());
            }
            if (step > 0 && trainer.method() instanceof SparseGrowing g) {
                loops.add(step, trainer.run().steps(), g);
            }
            if (observe(step, values) && s.earlyStop() != null) {
                SavedStep.write(folder.best(), trainer, identity, figures);
            }
        }

        @Override
        public void save(Trainer trainer, long step) throws IOException {
            SavedStep.write(folder.steps(), trainer, identity, figures);
        }

        @Override
        public boolean stops(long step) throws IOException {
            return folder.asked().isPresent() || enough();
        }
    }

    // --- what is said of it

    private double figure(String name, boolean first) throws IOException {
        for (String line : first ? figures : figures.reversed()) {
            ObjectNode n = (ObjectNode) Json.mapper().readTree(line);
            if (n.has(name)) {
                return n.get(name).asDouble();
            }
        }
        return Double.NaN;
    }

    private ObjectNode summary(Trainer trainer, LoadedModel model, int samples) throws IOException {
        ObjectNode n = Json.object().put("model", model.checkpoint().name()).put("family", model.spec().family()).put("method", task.method().name());
        n.put("steps", trainer.run().steps()).put("samples", samples).put("trained_parameters", trainer.parameters().trained().stream().filter(trainer.method()::stepped).mapToLong(Parameter::elements).sum());
        n.put("model_parameters", model.checkpoint().tensors().values().stream().mapToLong(t -> t.elements()).sum());
        if (!model.spec().loopingLayers().isEmpty()) {
            n.put("needs_loop_runtime", true);
        }
        put(n, "first_loss", figure("loss", true));
        put(n, "loss", figure("loss", false));
        if (task.evalData() != null) {
            put(n, "validation_loss_before", figure("validation_loss", true));
            put(n, "validation_loss", figure("validation_loss", false));
            put(n, "validation_perplexity_before", Math.exp(figure("validation_loss", true)));
            put(n, "validation_perplexity", Math.exp(figure("validation_loss", false)));
        }
        return n;
    }

    private static void put(ObjectNode n, String key, double value) {
        Figures.put(n, key, value);
    }

    /// What a reader of the result's folder should know.
    private String card(Trainer trainer, LoadedModel model, ObjectNode summary) {
        Run r = trainer.run();
        StringBuilder t = new StringBuilder();
        t.append("# ").append(task.method().adapts() ? "Adapter" : "Checkpoint").append(" of ").append(model.checkpoint().name()).append(", method ").append(task.method().name()).append("\n\n");
        t.append("Trained by Vitrine's embedded engine, float32, ").append(r.steps()).append(" steps of ").append(r.batchSize()).append(" x ").append(r.accumulate())
                .append(" samples; seed ").append(r.seed()).append(".\n\n| | |\n| --- | --- |\n");
        row(t, "learning rate", r.rate() + ", " + r.schedule().name().toLowerCase(Locale.ROOT) + ", " + r.warmupSteps() + " steps of warm-up");
        row(t, "weight decay, betas, eps", r.optimiser().weightDecay() + ", " + r.optimiser().beta1() + " and " + r.optimiser().beta2() + ", " + r.optimiser().eps());
        row(t, "gradient norm", "at most " + r.maxGradientNorm());
        row(t, "trained values", String.format(Locale.ROOT, "%,d of %,d", summary.path("trained_parameters").asLong(), summary.path("model_parameters").asLong()));
        row(t, "loss, first and last step", figureText(summary, "first_loss") + ", " + figureText(summary, "loss") + " nats per token");
        if (summary.has("validation_loss")) {
            row(t, "validation perplexity, before and after", figureText(summary, "validation_perplexity_before") + ", " + figureText(summary, "validation_perplexity"));
        }
        if (summary.path("needs_loop_runtime").asBoolean()) {
            t.append("\n**Needs a runtime with attention loops**, such as Vitrine's embedded engine: ")
                    .append(task.method().adapts() ? "the adapter was trained on a base whose" : "the weights alone are not this model;").append(" `" + AttentionLoops.FILE + "` says which layers and heads repeat their attention.\n");
        }
        t.append("\nThe whole task, its inputs' fingerprints and the engine's version are in `manifest.json`; figures of every step in `figures.jsonl`.\n");
        return t.toString();
    }

    private static void row(StringBuilder t, String name, String value) {
        t.append("| ").append(name).append(" | ").append(value).append(" |\n");
    }

    private static String figureText(ObjectNode n, String key) {
        return n.path(key).isNumber() ? String.format(Locale.ROOT, "%.4f", n.path(key).asDouble()) : "not finite";
    }
}
