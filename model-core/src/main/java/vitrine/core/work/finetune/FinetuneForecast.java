package vitrine.core.work.finetune;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import vitrine.core.adapter.Adapter;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.FinetuneSettings;
import vitrine.core.task.Task;
import vitrine.core.task.TrainingSupport;
import vitrine.core.train.method.Apex;
import vitrine.core.train.method.FirstFactors;
import vitrine.core.train.method.Lora;
import vitrine.core.train.method.SparseGrowing;
import vitrine.core.train.method.Target;

/// What a training run will take, told from headers alone before it starts.
///
/// @param trained values that get a gradient
/// @param all values of the model
/// @param bytes of memory; an estimate, see [#bytes(Task.Finetune, ModelSpec, Checkpoint, long, int)]
/// @param length where texts are cut, in tokens
/// @param tokensPerStep the most tokens of a step
public record FinetuneForecast(long trained, long all, long bytes, int length, long tokensPerStep) {

    /// Where texts are cut, unless the model or the task says less.
    static final int DEFAULT_LENGTH = 1024;
    private static final int DEFAULT_BATCH = 8;
    private static final int DEFAULT_RANK = 16;
    /// What a worker holds before it has read a model: the JVM, its libraries, the tokenizer. Measured: see docs/benchmarks.md.
    private static final long WORKER_BYTES = 380L << 20;

    /// @throws Refusal where the model cannot be opened or trained, or has none of the layers that the task names
    public static FinetuneForecast of(Task.Finetune task) {
        Checkpoint checkpoint = Checkpoints.open(Path.of(task.model()));
        if (checkpoint.kind() == Checkpoint.Kind.ADAPTER) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint.path(), "this is an adapter, which has no forward pass of its own").help("Open its base model.");
        }
        ModelSpec spec = AttentionLoops.on(Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet()), checkpoint);
        FinetuneSettings s = Objects.requireNonNullElse(task.settings(), FinetuneSettings.DEFAULTS);
        int length = Math.min(spec.maxPositions(), s.sequenceLength() == null ? DEFAULT_LENGTH : s.sequenceLength());
        long all = checkpoint.tensors().values().stream().mapToLong(t -> t.elements()).sum();
        TrainingSupport.require(TrainingSupport.EMBEDDED, task);
        boolean apex = task.method() == FinetuneMethod.apex;
        if (apex) {
            Apex.requireTrainable(spec, checkpoint.path());
        }
        if (task.method() == FinetuneMethod.sgt) {
            SparseGrowing.requireTrainable(spec, checkpoint.path());
        }
        long trained = task.method().adapts() ? adapter(task, s, spec) : apex ? Apex.trained(spec) : all;
        long perPass = (long) (s.batchSize() == null ? DEFAULT_BATCH : s.batchSize()) * length;
        return new FinetuneForecast(trained, all, bytes(task, spec, checkpoint, trained, length), length, perPass * (s.accumulate() == null ? 1 : s.accumulate()));
    }

    /// r (in + out) per adapted layer; DoRA has a magnitude per output, BeamLoRA a gate per rank.
    private static long adapter(Task.Finetune task, FinetuneSettings s, ModelSpec spec) {
        if (task.initAdapter() != null) {
            return Adapter.open(task.initAdapter()).checkpoint().tensors().values().stream().mapToLong(t -> t.elements()).sum();
        }
        int rank = s.r() == null ? DEFAULT_RANK : s.r();
        int quarter = Math.ceilDiv(spec.layers().size(), 4);
        List<Integer> layers = task.method() != FinetuneMethod.layra ? null
                : Lora.outerLayers(spec.layers().size(), s.firstLayers() == null ? quarter : s.firstLayers(), s.lastLayers() == null ? quarter : s.lastLayers());
        List<String> targets = s.targetModules() == null ? List.of(Lora.ALL_LINEAR) : s.targetModules();
        if (s.targetModules() == null && s.targetParameters() != null) {
            targets = List.of();
        }
        Lora.Settings settings = new Lora.Settings(rank, 1, 0f, targets, false, false, layers, null, FirstFactors.Kind.kaiming, null, s.targetParameters() == null ? List.of() : s.targetParameters());
        long sum = 0;
        for (Target t : Target.of(settings, spec)) {
            if (s.init() != null && s.init().inner()) {
                sum += (long) rank * rank;
                continue;
            }
            switch (task.method()) {
                case nola -> {
                    sum += 2L * (s.bases() == null ? 64 : s.bases());
                    continue;
                }
                case svft -> {
                    sum += Math.min(t.in(), t.out());
                    continue;
                }
                case multilora -> {
                    sum += (s.parallel() == null ? 3 : s.parallel()) * (t.parameters(rank) + t.out());
                    continue;
                }
                case bone -> {
                    sum += (long) rank * t.out();
                    continue;
                }
                default -> sum += t.parameters(rank);
            }
            sum += task.method() == FinetuneMethod.dora ? t.out() : task.method() == FinetuneMethod.beamlora ? rank : 0;
        }
        return sum;
    }

    /// Bytes of memory that a run will need: what a worker holds anyway, weights as they are read, 16 for each trained value (value, gradient, two
    /// moments), the values that the layers of a pass keep.
    ///
    /// @param length tokens of the longest sequence
    static long bytes(Task.Finetune task, ModelSpec spec, Checkpoint checkpoint, long trained, int length) {
        FinetuneSettings s = Objects.requireNonNullElse(task.settings(), FinetuneSettings.DEFAULTS);
        long tokens = (long) (s.batchSize() == null ? DEFAULT_BATCH : s.batchSize()) * length;
        int kept = switch (s.checkpointing() == null ? FinetuneSettings.Checkpointing.auto : s.checkpointing()) {
            case layer -> 1;
            case none -> spec.layers().size();
            case auto -> keptLayers(spec, tokens);
        };
        long frozen = task.method().adapts() ? checkpoint.tensorBytes() : 0;
        if (s.optimiser() == FinetuneSettings.OptimiserName.mezo) {
            // Values only, and one layer at a time.
            return WORKER_BYTES + frozen + 4 * trained + 2 * layerBytes(spec, tokens);
        }
        if (task.method() == FinetuneMethod.apex) {
            // Matrices and their gradients whole; deltas with gradients, moments and the values that they begin from.
            frozen = 8 * checkpoint.tensors().values().stream().mapToLong(t -> t.elements()).sum() + 4 * trained;
        }
        if (task.method() == FinetuneMethod.bone) {
            // The matrices as they are and as they were, and their gradients.
            List<String> targets = s.targetModules() == null ? List.of(Lora.ALL_LINEAR) : s.targetModules();
            frozen += 12 * Target.of(new Lora.Settings(1, 1, 0f, targets, false, false, null, null), spec).stream().mapToLong(t -> (long) t.in() * t.out()).sum();
        }
        return WORKER_BYTES + frozen + 16 * trained + (kept + 1) * layerBytes(spec, tokens);
    }

    /// Bytes on the disk that a run takes at the most: three saved states (the last two, and the next one while it is written), one more for the lowest
    /// validation loss, and the result.
    ///
    /// @param moments whether values have moments
    public static long diskBytes(long trained, long all, boolean adapts, boolean moments, boolean earlyStop) {
        long state = (moments ? 12 : 4) * trained;
        return (earlyStop ? 4 : 3) * state + 4 * (adapts ? trained : all) + (64L << 20);
    }

    /// Refuses a run for which the disk has no room.
    ///
    /// @param free bytes that can be written where `folder` is
    public static void requireRoom(long needed, long free, Path folder) {
        if (free < needed) {
            throw Refusal.of(Category.LIMIT_EXCEEDED, folder, "the run needs up to %.1f GB on the disk, and %.1f GB are free", needed / 1e9, free / 1e9)
                    .help("Its saved states and its result lie there: free some space, or put the runs elsewhere.");
        }
    }

    /// How many layers keep their values: all where that takes no more than a quarter of the memory.
    public static int keptLayers(ModelSpec spec, long tokens) {
        return (int) Math.clamp(totalMemory() / 4 / Math.max(1, layerBytes(spec, tokens)), 1, spec.layers().size());
    }

    static long totalMemory() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    /// Bytes of the values that one layer keeps between its forward and its backward pass.
    private static long layerBytes(ModelSpec spec, long tokens) {
        long widest = 0;
        for (LayerSpec l : spec.layers()) {
            AttentionSpec a = l.attention();
            long width = 8L * spec.hiddenSize() + 2L * a.heads() * (a.headDim() + a.valueDim()) + 2L * a.keyValueHeads() * (a.headDim() + a.valueDim()) + 4L * l.feedForward().width();
            widest = Math.max(widest, width);
        }
        return 4 * widest * tokens;
    }
}
