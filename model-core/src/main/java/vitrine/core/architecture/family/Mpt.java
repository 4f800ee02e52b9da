package vitrine.core.architecture.family;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.Alibi;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Layout;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Norm;
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// MPT: linear biases instead of positions, layer norms without biases, no biases of layers.
///
/// MosaicML's own code has more choices than transformers computes; it leaves those out without a word, so that they are refused here by name.
public final class Mpt implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("mpt");
    }

    @Override
    public String name() {
        return "MPT";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("transformer.", "wte.weight");
        // Where a config has both, transformers takes the first of each.
        int hidden = c.positive(c.has("hidden_size") ? "hidden_size" : "d_model");
        int heads = c.positive(c.has("num_attention_heads") ? "num_attention_heads" : "n_heads");
        int layers = names.requireLayers(c, c.has("num_hidden_layers") ? "num_hidden_layers" : "n_layers");
        int vocabulary = c.positive("vocab_size");
        int positions = c.positiveOr("max_seq_len", 2048);
        double eps = c.numberOr("layer_norm_epsilon", 1e-5);
        // A share of the embedding's gradient, learned positions (which linear biases switch off), and how the model was first filled and trained.
        c.ignore("d_model", "n_heads", "n_layers", "embedding_fraction", "learned_pos_emb", "emb_pdrop", "resid_pdrop", "init_device", "init_config", "verbose", "tokenizer_name");
        if (c.positiveOr("expansion_ratio", 4) != 4) {
            throw c.unsupported("expansion_ratio", "a feed-forward block that is not four times as wide as the hidden state");
        }
        if (!c.flagOr("no_bias", true)) {
            throw c.unsupported("no_bias", "layers with biases");
        }
        if (c.has("logit_scale")) {
            throw c.unsupported("logit_scale", "a factor on logits");
        }
        String norm = c.textOr("norm_type", "low_precision_layernorm");
        if (!norm.equals("low_precision_layernorm") && !norm.equals("layernorm")) {
            throw c.unsupported("norm_type", "a norm of the kind " + norm);
        }
        if (hidden % heads != 0) {
            throw c.invalid("n_heads", "a hidden size of %d does not divide by %d heads", hidden, heads);
        }
        int headDim = hidden / heads;
        double scale = 1 / Math.sqrt(headDim);
        double clip = 0;
        Config a = c.objectOrNull("attn_config");
        if (a != null) {
            a.ignore("attn_pdrop", "attn_impl", "model_type");
            scale = a.numberOr("softmax_scale", scale);
            clip = a.numberOr("clip_qkv", 0);
            requireUsual(a);
        }
        if (clip < 0) {
            throw a.invalid("clip_qkv", "is %s; values are cut to between minus this and this", clip);
        }
        Alibi alibi = Alibi.everyOther(heads);
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "blocks." + l + ".";
            AttentionSpec attention = new AttentionSpec(heads, heads, headDim, (float) scale, 0f, true, 0, null,
                    new Fused(Linear.of(p + "attn.Wqkv", 3 * hidden, hidden, false), Layout.BLOCKS), null,
                    Linear.of(p + "attn.out_proj", hidden, hidden, false)).clipped((float) clip).biased(alibi);
            FeedForward feedForward = new FeedForward.Plain(Linear.of(p + "ffn.up_proj", 4 * hidden, hidden, false), Linear.of(p + "ffn.down_proj", hidden, 4 * hidden, false), Activation.GELU);
            specs.add(LayerSpec.preNorm(l, norm(p + "norm_1", hidden, eps), attention, norm(p + "norm_2", hidden, eps), feedForward));
        }
        String tokens = model + "wte.weight";
        boolean tied = c.flagOr("tie_word_embeddings", true);
        boolean stored = names.has("lm_head.weight");
        Head head = tied || stored ? Head.of(stored ? "lm_head.weight" : tokens, hidden, !stored) : null;
        return new ModelSpec("mpt", name(), false, hidden, vocabulary, positions, true, Embedding.of(tokens, hidden), specs, norm(model + "norm_f", hidden, eps), head, List.of());
    }

    /// Refuses kinds of attention that MosaicML's code has and transformers does not compute.
    private static void requireUsual(Config a) {
        if (!a.flagOr("alibi", true)) {
            throw a.unsupported("alibi", "a model without linear biases, which transformers would run with them,");
        }
        int most = a.positiveOr("alibi_bias_max", 8);
        if (most != 8) {
            throw a.unsupported("alibi_bias_max", "linear biases with slopes down to 2^-" + most + ", where transformers takes 2^-8 whatever the config says,");
        }
        if (a.flagOr("qk_ln", false)) {
            throw a.unsupported("qk_ln", "a norm of whole queries and keys");
        }
        if (a.flagOr("prefix_lm", false)) {
            throw a.unsupported("prefix_lm", "a prefix whose tokens see later ones");
        }
        if (a.flagOr("attn_uses_sequence_id", false)) {
            throw a.unsupported("attn_uses_sequence_id", "attention within parts of a text");
        }
        String type = a.textOr("attn_type", "multihead_attention");
        if (!type.equals("multihead_attention")) {
            throw a.unsupported("attn_type", type);
        }
    }

    private static Norm norm(String prefix, int width, double eps) {
        return Norm.layer(prefix + ".weight", null, width, eps);
    }
}
