package vitrine.core.architecture.family;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Layout;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Norm;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// DBRX: fused and clipped queries, keys and values, layer norms without biases, experts stored as rows one after the other.
public final class Dbrx implements Family {

    private static final double EPS = 1e-5;

    @Override
    public List<String> modelTypes() {
        return List.of("dbrx");
    }

    @Override
    public String name() {
        return "DBRX";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("transformer.", "wte.weight");
        int hidden = c.positive("d_model");
        int heads = c.positive("n_heads");
        int layers = names.requireLayers(c, "n_layers");
        int vocabulary = c.positive("vocab_size");
        int positions = c.positiveOr("max_seq_len", 2048);
        // The number of key/value heads repeats what attn_config says.
        c.ignore("emb_pdrop", "resid_pdrop", "num_key_value_heads");
        Config a = object(c, "attn_config");
        Config f = object(c, "ffn_config");
        a.ignore("attn_pdrop", "model_type");
        int keyValueHeads = a.positiveOr("kv_n_heads", 1);
        double clip = a.numberOr("clip_qkv", 0);
        f.ignore("model_type", "moe_jitter_eps", "moe_loss_weight", "hidden_size");
        int width = f.positiveOr("ffn_hidden_size", 3584);
        int experts = f.positiveOr("moe_num_experts", 4);
        int perToken = f.positiveOr("moe_top_k", 1);
        double norm = f.isNull("moe_normalize_expert_weights") ? 0 : f.numberOr("moe_normalize_expert_weights", 1);
        Config act = f.objectOrNull("ffn_act_fn");
        Activation activation = act == null ? Activation.SILU : Activations.of(act, "name", "silu");
        if (hidden % heads != 0 || heads % keyValueHeads != 0) {
            throw c.invalid("n_heads", "d_model %d, n_heads %d and kv_n_heads %d do not divide by one another", hidden, heads, keyValueHeads);
        }
        if (perToken > experts) {
            throw f.invalid("moe_top_k", "is %d; there are %d experts", perToken, experts);
        }
        int headDim = hidden / heads;
        if (headDim % 2 != 0) {
            throw c.invalid("n_heads", "heads of %d values cannot be rotated", headDim);
        }
        Rope rope = RopeConfig.of(c, headDim).read();
        if (!(rope.scaling() instanceof Rope.Scaling.None)) {
            throw c.unsupported("rope_scaling", "a rope scaling in a DBRX config");
        }
        double theta = a.numberOr("rope_theta", rope.theta());
        if (theta != rope.theta()) {
            // The published code turns by this one, transformers 5 by the one beside attn_config, or 10000: no figure would be right for both.
            throw a.unsupported("rope_theta", String.format(Locale.ROOT, "a base of %.0f where transformers turns by %.0f", theta, rope.theta()))
                    .help("If it is meant, write the same rope_theta beside attn_config.");
        }
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "blocks." + l + ".";
            String n = p + "norm_attn_norm.";
            AttentionSpec attention = new AttentionSpec(heads, keyValueHeads, headDim, (float) (1 / Math.sqrt(headDim)), 0f, true, 0, rope,
                    new Fused(Linear.of(n + "attn.Wqkv", hidden + 2 * keyValueHeads * headDim, hidden, false), Layout.BLOCKS), null,
                    Linear.of(n + "attn.out_proj", hidden, hidden, false)).clipped((float) clip);
            String e = p + "ffn.experts.mlp.";
            // The third matrix is stored as the first two are, so that it is read the other way round.
            Experts rows = Experts.gated(new Experts.Stack(e + "w1", null, experts, width, hidden, false, true), new Experts.Stack(e + "v1", null, experts, width, hidden, false, true),
                    new Experts.Stack(e + "w2", null, experts, hidden, width, true, true), activation);
            Router router = Router.of(Linear.of(p + "ffn.router.layer", experts, hidden, false), perToken, Router.Score.SOFTMAX, new Router.Weighting(norm, 0, 0, 1, false, 0));
            specs.add(LayerSpec.preNorm(l, Norm.layer(n + "norm_1.weight", null, hidden, EPS), attention, Norm.layer(n + "norm_2.weight", null, hidden, EPS),
                    new FeedForward.Mixture(router, rows, null, null)));
        }
        boolean tied = c.flagOr("tie_word_embeddings", false);
        boolean stored = names.has("lm_head.weight");
        String tokens = model + "wte.weight";
        Head head = tied || stored ? Head.of(stored ? "lm_head.weight" : tokens, hidden, !stored) : null;
        return new ModelSpec("dbrx", name(), false, hidden, vocabulary, positions, false, Embedding.of(tokens, hidden), specs,
                Norm.layer(model + "norm_f.weight", null, hidden, EPS), head, List.of("rotary_emb.inv_freq"));
    }

    private static Config object(Config c, String key) {
        Config o = c.objectOrNull(key);
        if (o == null) {
            throw c.invalid(key, "is missing");
        }
        return o;
    }
}
