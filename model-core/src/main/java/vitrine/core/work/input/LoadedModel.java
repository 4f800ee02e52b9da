package vitrine.core.work.input;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.SpecCheck;
import vitrine.core.architecture.family.Families;
import vitrine.core.artifact.Provenance;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.forward.ForwardPass;
import vitrine.core.forward.Weights;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.nd4j.Nd4jProducts;
import vitrine.core.tensor.onednn.OneDnn;

/// A checkpoint that a forward pass can be run on: config understood, tensors there with their shapes.
public final class LoadedModel implements AutoCloseable {

    private final Checkpoint checkpoint;
    private final ModelSpec spec;
    private final Weights weights;
    private final AdapterWeights adapters;

    private LoadedModel(Checkpoint checkpoint, ModelSpec spec, Weights weights, AdapterWeights adapters) {
        this.checkpoint = checkpoint;
        this.spec = spec;
        this.weights = weights;
        this.adapters = adapters;
    }

    /// Opens a checkpoint for running.
    ///
    /// @throws Refusal whatever stands in the way, the first and plainest reason
    public static LoadedModel open(String path) {
        return open(path, null);
    }

    /// Opens a checkpoint for running with adapters on it, where its layers do not repeat their attention.
    ///
    /// @param uses none where null
    /// @throws Refusal whatever stands in the way, the first and plainest reason
    public static LoadedModel open(String path, List<Task.AdapterUse> uses) {
        return open(path, uses, false);
    }

    /// [#open(String, List)] for what is done right with layers that repeat their attention too: reading values of a pass that nothing is changed in.
    public static LoadedModel openWithLoops(String path, List<Task.AdapterUse> uses) {
        return open(path, uses, true);
    }

    private static LoadedModel open(String path, List<Task.AdapterUse> uses, boolean loops) {
        Checkpoint checkpoint = Checkpoints.open(Path.of(path));
        if (checkpoint.kind() == Checkpoint.Kind.ADAPTER) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint.path(), "this is an adapter, which has no forward pass of its own")
                    .help("Open its base model.");
        }
        if (!loops) {
            requireNoLoops(checkpoint);
        }
        ModelSpec spec = AttentionLoops.on(Families.read(checkpoint.config(), checkpoint.configFile(), checkpoint.tensors().keySet()), checkpoint);
        List<Refusal> refusals = SpecCheck.of(spec, checkpoint).refusals();
        if (!refusals.isEmpty()) {
            throw refusals.getFirst();
        }
        AdapterWeights adapters = uses == null || uses.isEmpty() ? null : AdapterWeights.of(uses, spec, checkpoint);
        Weights weights = new Weights(checkpoint, products());
        if (adapters != null) {
            weights.adapt(adapters.adaptation());
        }
        return new LoadedModel(checkpoint, adapters == null ? spec : adapters.spec(), weights, adapters);
    }

    /// The adapters on it, or null.
    public AdapterWeights adapters() {
        return adapters;
    }

    /// The same checkpoint read another way, such as with other numbers of experts in some layers.
    public LoadedModel as(ModelSpec other) {
        return new LoadedModel(checkpoint, other, weights, adapters);
    }

    /// oneDNN where this platform has it, else ND4J.
    public static Products products() {
        OneDnn oneDnn = OneDnn.openOrNull();
        return oneDnn != null ? oneDnn : new Nd4jProducts();
    }

    /// What [#products()] are, for people.
    public static String productsName() {
        try (Products products = products()) {
            return products.name();
        }
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    public ModelSpec spec() {
        return spec;
    }

    public Weights weights() {
        return weights;
    }

    public ForwardPass forward() {
        return new ForwardPass(spec, weights);
    }

    /// Refuses a checkpoint whose layers repeat their attention.
    public static void requireNoLoops(Checkpoint checkpoint) {
        if (AttentionLoops.areBeside(checkpoint)) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint.path(), "its %s says that layers repeat their attention, which only eval, capture, heads, spectrum, rank of hidden "
                    + "states and caches, compare and fine-tuning do, and none of them with parts switched off or cut", AttentionLoops.FILE);
        }
    }

    /// [#requireNoLoops(Checkpoint)] of this one, where a task changes values on the way.
    public void requireNoLoops() {
        requireNoLoops(checkpoint);
    }

    /// Where a figure of attention comes from, told so that it is right where layers repeat theirs.
    public Provenance ofFirstRun(Provenance from) {
        return spec.loopingLayers().isEmpty() ? from
                : new Provenance(from.kind(), from.source(), from.dtype(), from.method() + "; in layers that repeat their attention, of the first run", from.samples(), from.error());
    }

    /// Says of figures of attention which run of it they are, where layers repeat theirs.
    public void tellLoops(Consumer<String> warn) {
        List<Integer> layers = spec.loopingLayers();
        if (!layers.isEmpty()) {
            String listed = layers.stream().map(String::valueOf).collect(Collectors.joining(", "));
            warn.accept((layers.size() == 1 ? "Layer " + listed + " repeats its" : "Layers " + listed + " repeat their") + " attention (" + AttentionLoops.FILE
                    + "): attention, queries, keys and values are those of the first run.");
        }
    }

    /// Refuses to make logits where there is no head.
    public void requireHead(String what) {
        if (spec.head() == null) {
            throw Refusal.of(Category.TENSOR_MISSING, checkpoint.path(), "the checkpoint has no output head (such as lm_head.weight), so there are no %s", what)
                    .help("Attention and hidden states work.");
        }
    }

    /// Refuses a perplexity where there are no logits, or where the model sees what it would have to predict.
    public void requirePerplexity() {
        requireHead("losses");
        if (spec.encoder()) {
            throw Refusal.of(Category.FAMILY_UNSUPPORTED, checkpoint.path(), "%s sees the tokens that it would have to predict, so it has no perplexity", spec.family())
                    .help("Evaluate a decoder.");
        }
    }

    @Override
    public void close() {
        weights.close();
        weights.products().close();
        if (adapters != null) {
            adapters.close();
        }
    }
}
