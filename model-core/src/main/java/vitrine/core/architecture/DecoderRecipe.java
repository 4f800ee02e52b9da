package vitrine.core.architecture;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Layout;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.Activation;

/// A decoder with Llama's names and wiring, and the ways in which its many relatives differ.
///
/// Without further words: `model.embed_tokens`, `model.layers.N.self_attn.{q,k,v,o}_proj`, `model.layers.N.mlp.{gate,up,down}_proj`,
/// RMS norms `input_layernorm` and `post_attention_layernorm` before the two blocks, `model.norm`, `lm_head`; rotary positions,
/// grouped-query attention, no biases.
public final class DecoderRecipe {

    private final Family family;
    private final Config config;
    private final TensorNames names;
    private final String model;
    private final int layers;
    private final int hidden;
    private final int vocabulary;
    private final int maxPositions;
    private final int heads;
    private int keyValueHeads;
    private int headDim;

    private boolean queryKeyValueBias;
    private boolean outputBias;
    private boolean feedForwardBias;
    private boolean fused;
    private boolean gated = true;
    private Activation activation;
    private boolean tiedByDefault;
    /// A factor of 0 is a factor.
    private double scale = Double.NaN;
    private float softCap;
    private float logitMultiplier = 1f;
    private float logitSoftCap;
    private float embeddingMultiplier = 1f;
    private float residualMultiplier = 1f;
    private Norm.Kind normKind = Norm.Kind.RMS;
    private float normWeightOffset;
    private boolean normBias;
    private boolean normWeights = true;
    private String finalNorm = "norm";
    private double eps;
    private QueryKeyNorm.Scope queryKeyNorm;
    private String queryNormName = "q_norm";
    private String keyNormName = "k_norm";
    private Norm.Kind queryKeyNormKind;
    private boolean queryKeyNormBias;
    private boolean normAfterRotation;
    private String outputName = "o_proj";
    private IntUnaryOperator window = layer -> 0;
    private IntFunction<Rope> rope;
    private String attentionInputNorm = "input_layernorm";
    private String feedForwardInputNorm = "post_attention_layernorm";
    private String attentionOutputNorm;
    private String feedForwardOutputNorm;
    private String plainUp = "c_fc";
    private String plainDown = "c_proj";
    private boolean parallel;
    private IntFunction<FeedForward> feedForward;
    private IntFunction<QueryKeyValue> projection;
    private int valueDim;
    private String sinks;
    private float clip;
    private BiFunction<Integer, AttentionSpec, AttentionSpec> attention = (layer, plain) -> plain;
    private boolean headBias;
    private int longest;
    private final Quantisation quantisation;

    private DecoderRecipe(Family family, Config config, TensorNames names, int layersBehind) {
        this.family = family;
        this.config = config;
        this.names = names;
        model = names.prefix("model.", "embed_tokens.weight");
        hidden = config.positive("hidden_size");
        heads = config.positive("num_attention_heads");
        layers = names.requireLayers(config, "num_hidden_layers", layersBehind);
        keyValueHeads = config.has("num_key_value_heads") ? config.positive("num_key_value_heads") : heads;
        vocabulary = config.positive("vocab_size");
        maxPositions = config.positiveOr("max_position_embeddings", 2048);
        eps = config.has("rms_norm_eps") ? config.number("rms_norm_eps") : 1e-6;
        headDim = config.has("head_dim") ? config.positive("head_dim") : 0;
        quantisation = Quantisation.read(config);
    }

    /// Begins with Llama's own choices.
    public static DecoderRecipe of(Family family, Config config, TensorNames names) {
        return of(family, config, names, 0);
    }

    /// Begins with Llama's own choices, where up to `layersBehind` layers may follow the declared ones that are no part of the pass.
    public static DecoderRecipe of(Family family, Config config, TensorNames names, int layersBehind) {
        return new DecoderRecipe(family, config, names, layersBehind);
    }

    /// The head's width where the config does not give one; without this it is hidden size / heads.
    public DecoderRecipe defaultHeadDim(int width) {
        headDim = headDim == 0 ? width : headDim;
        return this;
    }

    /// How many key/value heads there are where the config leaves them out; without this (and where it says null) as many as query heads.
    public DecoderRecipe defaultKeyValueHeads(int count) {
        keyValueHeads = config.isPresent("num_key_value_heads") ? keyValueHeads : count;
        return this;
    }

    public int layers() {
        return layers;
    }

    public int hiddenSize() {
        return hidden;
    }

    /// The width of a head.
    ///
    /// @throws vitrine.core.refusal.Refusal `config-invalid` where the hidden size does not divide by the heads and no width is given
    public int headDim() {
        if (headDim == 0) {
            if (hidden % heads != 0) {
                throw config.invalid("num_attention_heads", "hidden_size %d does not divide by num_attention_heads %d", hidden, heads);
            }
            headDim = hidden / heads;
        }
        return headDim;
    }

    public DecoderRecipe queryKeyValueBias(boolean biased) {
        queryKeyValueBias = biased;
        return this;
    }

    public DecoderRecipe outputBias(boolean biased) {
        outputBias = biased;
        return this;
    }

    public DecoderRecipe feedForwardBias(boolean biased) {
        feedForwardBias = biased;
        return this;
    }

    /// `qkv_proj` and `gate_up_proj` instead of three and two layers.
    public DecoderRecipe fused() {
        fused = true;
        return this;
    }

    /// A feed-forward block of two layers with these names, without a gate.
    public DecoderRecipe plainFeedForward(String up, String down) {
        gated = false;
        plainUp = up;
        plainDown = down;
        return this;
    }

    public DecoderRecipe activation(Activation f) {
        activation = f;
        return this;
    }

    /// What `tie_word_embeddings` means where the config leaves it out.
    public DecoderRecipe tiedByDefault(boolean tied) {
        tiedByDefault = tied;
        return this;
    }

    /// The factor on products of queries and keys, instead of 1 / sqrt(head width).
    public DecoderRecipe attentionScale(double factor) {
        scale = factor;
        return this;
    }

    public DecoderRecipe attentionSoftCap(double cap) {
        softCap = (float) cap;
        return this;
    }

    public DecoderRecipe logits(double multiplier, double cap) {
        logitMultiplier = (float) multiplier;
        logitSoftCap = (float) cap;
        return this;
    }

    public DecoderRecipe embeddingMultiplier(double factor) {
        embeddingMultiplier = (float) factor;
        return this;
    }

    public DecoderRecipe residualMultiplier(double factor) {
        residualMultiplier = (float) factor;
        return this;
    }

    public DecoderRecipe rmsNorm(double epsilon, double weightOffset) {
        normKind = Norm.Kind.RMS;
        eps = epsilon;
        normWeightOffset = (float) weightOffset;
        return this;
    }

    public DecoderRecipe layerNorm(double epsilon, boolean biased) {
        normKind = Norm.Kind.LAYER;
        eps = epsilon;
        normBias = biased;
        return this;
    }

    /// The offset that is added to the weights of layer norms.
    public DecoderRecipe normWeightOffset(double offset) {
        normWeightOffset = (float) offset;
        return this;
    }

    /// Layer norms without weights and biases.
    public DecoderRecipe plainLayerNorm(double epsilon) {
        normWeights = false;
        return layerNorm(epsilon, false);
    }

    /// The name of the norm after the last layer, instead of `norm`.
    public DecoderRecipe finalNorm(String name) {
        finalNorm = name;
        return this;
    }

    public DecoderRecipe queryKeyNorm(QueryKeyNorm.Scope scope) {
        queryKeyNorm = scope;
        queryKeyNormKind = normKind;
        return this;
    }

    public DecoderRecipe queryKeyNorm(QueryKeyNorm.Scope scope, String query, String key) {
        queryNormName = query;
        keyNormName = key;
        return queryKeyNorm(scope);
    }

    /// Biases of the norms of queries and keys.
    public DecoderRecipe queryKeyNormBias() {
        queryKeyNormBias = true;
        return this;
    }

    /// Queries and keys are normalised after positions turned them.
    public DecoderRecipe normAfterRotation() {
        normAfterRotation = true;
        return this;
    }

    /// The name of the layer behind the heads, instead of `o_proj`.
    public DecoderRecipe outputName(String name) {
        outputName = name;
        return this;
    }

    /// The window of each layer, 0 for all keys.
    public DecoderRecipe window(IntUnaryOperator ofLayer) {
        window = ofLayer;
        return this;
    }

    public DecoderRecipe rope(Rope ofAllLayers) {
        rope = layer -> ofAllLayers;
        return this;
    }

    public DecoderRecipe rope(IntFunction<Rope> ofLayer) {
        rope = ofLayer;
        return this;
    }

    /// Names of the norms before the two blocks (null for none) and of those of their outputs (null for none).
    public DecoderRecipe norms(String attentionIn, String attentionOut, String feedForwardIn, String feedForwardOut) {
        attentionInputNorm = attentionIn;
        attentionOutputNorm = attentionOut;
        feedForwardInputNorm = feedForwardIn;
        feedForwardOutputNorm = feedForwardOut;
        return this;
    }

    /// Both blocks read the same norm of the layer's input.
    public DecoderRecipe parallel() {
        parallel = true;
        feedForwardInputNorm = attentionInputNorm;
        return this;
    }

    /// The feed-forward block of each layer, instead of the one that names and widths of the dense decoder give.
    public DecoderRecipe feedForward(IntFunction<FeedForward> ofLayer) {
        feedForward = ofLayer;
        return this;
    }

    /// How queries, keys and values of each layer are made, instead of by three layers; heads are `width` wide, values `valueWidth`.
    public DecoderRecipe projection(IntFunction<QueryKeyValue> ofLayer, int width, int valueWidth) {
        projection = ofLayer;
        headDim = width;
        valueDim = valueWidth;
        return this;
    }

    /// Whether the output matrix has a bias, `lm_head.bias`.
    public DecoderRecipe headBias(boolean biased) {
        headBias = biased;
        return this;
    }

    /// The longest text that the pass is known for, where that is less than the config declares.
    public DecoderRecipe longest(int positions) {
        longest = positions;
        return this;
    }

    /// A tensor `self_attn.NAME` of one sink per head.
    public DecoderRecipe sinks(String name) {
        sinks = name;
        return this;
    }

    /// Bounds of queries, keys and values; 0 for none.
    public DecoderRecipe clip(double to) {
        clip = (float) to;
        return this;
    }

    /// What else a layer's attention has.
    public DecoderRecipe attention(BiFunction<Integer, AttentionSpec, AttentionSpec> ofLayer) {
        attention = ofLayer;
        return this;
    }

    // --- for families with experts

    /// How the config says that weights are stored.
    public Quantisation quantisation() {
        return quantisation;
    }

    public int heads() {
        return heads;
    }

    /// What the names of a layer's tensors begin with, such as `model.layers.3.`.
    public String prefix(int layer) {
        return model + "layers." + layer + ".";
    }

    /// The activation of the feed-forward blocks.
    public Activation activation() {
        if (activation == null) {
            activation = Activations.of(config, "hidden_act", "silu");
        }
        return activation;
    }

    /// A layer stored `[out, in]`, with its scales where it has them.
    public Linear linear(String prefix, int out, int in, boolean biased) {
        return quantisation.scaled(Linear.of(prefix, out, in, biased), names);
    }

    /// A gated block `PREFIX.{gate,up,down}_proj`.
    public FeedForward dense(String prefix, int width) {
        return new FeedForward.Gated(linear(prefix + "gate_proj", width, hidden, feedForwardBias), linear(prefix + "up_proj", width, hidden, feedForwardBias),
                linear(prefix + "down_proj", hidden, width, feedForwardBias), activation());
    }

    /// The experts `PREFIX.N.{gate,up,down}`, or, where the checkpoint has them stacked, `PREFIX.gate_up_proj` `[experts, 2 width, hidden]` and
    /// `PREFIX.down_proj` `[experts, hidden, width]`.
    ///
    /// @param prefix with the dot behind it, as in `model.layers.3.mlp.experts.`
    /// @param count from the config's `countKey`
    public Experts experts(String prefix, int count, String countKey, int width, String gate, String up, String down) {
        if (names.has(prefix + "gate_up_proj")) {
            return Experts.halves(new Experts.Stack(prefix + "gate_up_proj", null, count, 2 * width, hidden, false, false),
                    new Experts.Stack(prefix + "down_proj", null, count, hidden, width, false, false), activation());
        }
        // Asked before anything is made per expert.
        if (3L * count > names.size()) {
            throw Refusal.of(Category.CONFIG_MISMATCH, config.file(), "it declares %,d experts; there are %,d tensors in all", count, names.size()).where(countKey);
        }
        return Experts.gated(each(prefix, count, gate, width, hidden), each(prefix, count, up, width, hidden), each(prefix, count, down, hidden, width), activation());
    }

    private Experts.Each each(String prefix, int count, String name, int out, int in) {
        List<Linear> linears = new ArrayList<>(count);
        for (int e = 0; e < count; e++) {
            linears.add(linear(prefix + e + "." + name, out, in, false));
        }
        return new Experts.Each(List.copyOf(linears));
    }

    /// How many experts a token visits, checked against how many it could.
    public Router checked(Router router, String perTokenKey) {
        if (router.groups() != null && (router.experts() % router.groups().count() != 0 || router.groups().kept() > router.groups().count())) {
            throw config.invalid("n_group", "%d experts in %d groups, of which %d are kept, cannot be", router.experts(), router.groups().count(), router.groups().kept());
        }
        if (router.groups() != null && router.groups().bestTwo() && router.experts() / router.groups().count() < 2) {
            throw config.invalid("n_group", "groups of one expert have no two best scores");
        }
        if (router.perToken() > router.mostPerToken()) {
            throw config.invalid(perTokenKey, "is %d; a token can visit at most %d of the experts", router.perToken(), router.mostPerToken());
        }
        return router;
    }

    public ModelSpec build() {
        if (heads % keyValueHeads != 0) {
            throw config.invalid("num_key_value_heads", "%d query heads do not divide into %d key/value heads", heads, keyValueHeads);
        }
        headDim();
        activation();
        if (rope == null) {
            rope(RopeConfig.of(config, headDim).read());
        }
        List<LayerSpec> specs = new ArrayList<>(layers);
        for (int l = 0; l < layers; l++) {
            specs.add(layer(l));
        }
        Embedding embedding = new Embedding(model + "embed_tokens.weight", hidden, embeddingMultiplier, null, null, null, null);
        long longest = IntStream.range(0, layers).mapToObj(rope).filter(Objects::nonNull).findFirst().map(r -> r.longestSequence(maxPositions)).orElse((long) maxPositions);
        int positions = (int) Math.min(this.longest > 0 ? this.longest : Integer.MAX_VALUE, longest);
        return new ModelSpec(config.text("model_type"), family.name(), false, hidden, vocabulary, positions, false, embedding,
                specs, norm(model + finalNorm), head(), List.of("rotary_emb.inv_freq"));
    }

    private Head head() {
        boolean tied = config.flagOr("tie_word_embeddings", tiedByDefault);
        boolean stored = names.has("lm_head.weight");
        if (!tied && !stored) {
            return null;
        }
        // A tied checkpoint that stores an output matrix all the same means it: readers take the stored one.
        return new Head(null, null, stored ? "lm_head.weight" : model + "embed_tokens.weight", headBias ? "lm_head.bias" : null, hidden, !stored, logitMultiplier, logitSoftCap);
    }

    private LayerSpec layer(int l) {
        String p = model + "layers." + l + ".";
        LayerSpec spec = LayerSpec.preNorm(l, normOrNull(p, attentionInputNorm), attention.apply(l, attention(p, l)), normOrNull(p, feedForwardInputNorm), feedForward == null ? feedForward(p) : feedForward.apply(l))
                .withOutputNorms(normOrNull(p, attentionOutputNorm), normOrNull(p, feedForwardOutputNorm))
                .withResidual(residualMultiplier);
        return parallel ? spec.inParallel() : spec;
    }

    private Norm normOrNull(String prefix, String name) {
        return name == null ? null : norm(prefix + name);
    }

    private Norm norm(String prefix) {
        return new Norm(normKind, hidden, (float) eps, normWeights ? prefix + ".weight" : null, normBias ? prefix + ".bias" : null, normWeightOffset);
    }

    private AttentionSpec attention(String p, int l) {
        String a = p + "self_attn.";
        int q = heads * headDim;
        int kv = keyValueHeads * headDim;
        QueryKeyValue made = projection != null ? projection.apply(l) : fused
                ? new QueryKeyValue.Fused(linear(a + "qkv_proj", q + 2 * kv, hidden, queryKeyValueBias), Layout.BLOCKS)
                : new Separate(linear(a + "q_proj", q, hidden, queryKeyValueBias), linear(a + "k_proj", kv, hidden, queryKeyValueBias),
                        linear(a + "v_proj", kv, hidden, queryKeyValueBias));
        int v = valueDim == 0 ? headDim : valueDim;
        double factor = Double.isNaN(scale) ? 1 / Math.sqrt(headDim) : scale;
        return new AttentionSpec(heads, keyValueHeads, headDim, (float) factor, softCap, true, window.applyAsInt(l), rope.apply(l), made,
                queryKeyNorm == null ? null : new QueryKeyNorm(queryKeyNorm, queryKeyNorms(a + queryNormName, heads), queryKeyNorms(a + keyNormName, keyValueHeads), normAfterRotation),
                linear(a + outputName, hidden, heads * v, outputBias), v, sinks == null ? null : a + sinks, clip);
    }

    private List<Norm> queryKeyNorms(String name, int count) {
        int width = queryKeyNorm == QueryKeyNorm.Scope.PROJECTION ? count * headDim : headDim;
        UnaryOperator<String> weight = n -> n + ".weight";
        if (queryKeyNorm != QueryKeyNorm.Scope.PER_HEAD) {
            return List.of(new Norm(queryKeyNormKind, width, (float) eps, weight.apply(name), queryKeyNormBias ? name + ".bias" : null, normWeightOffset));
        }
        List<Norm> norms = new ArrayList<>(count);
        for (int h = 0; h < count; h++) {
            norms.add(new Norm(queryKeyNormKind, width, (float) eps, weight.apply(name + ".norms." + h), null, normWeightOffset));
        }
        return norms;
    }

    private FeedForward feedForward(String p) {
        String m = p + "mlp.";
        int width = config.positive("intermediate_size");
        if (!gated) {
            return new FeedForward.Plain(linear(m + plainUp, width, hidden, feedForwardBias),
                    linear(m + plainDown, hidden, width, feedForwardBias), activation);
        }
        if (!fused) {
            return dense(m, width);
        }
        Linear down = linear(m + "down_proj", hidden, width, feedForwardBias);
        return new FeedForward.FusedGated(linear(m + "gate_up_proj", 2 * width, hidden, feedForwardBias), down, activation);
    }
}
