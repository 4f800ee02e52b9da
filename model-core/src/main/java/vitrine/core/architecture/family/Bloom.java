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

/// BLOOM: linear biases instead of positions, a norm of the embedding, query, key and value of each head in turn in one matrix, biases everywhere.
public final class Bloom implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("bloom");
    }

    @Override
    public String name() {
        return "BLOOM";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("transformer.", "word_embeddings.weight");
        // Where a config has both, transformers takes the first of each.
        int hidden = c.positive(c.has("n_embed") ? "n_embed" : "hidden_size");
        int heads = c.positive(c.has("num_attention_heads") ? "num_attention_heads" : "n_head");
        int layers = names.requireLayers(c, c.has("num_hidden_layers") ? "num_hidden_layers" : "n_layer");
        int vocabulary = c.positive("vocab_size");
        // Biases have no last position: this is the length of the texts that the model was trained on.
        int positions = c.positiveOr("seq_length", 2048);
        double eps = c.numberOr("layer_norm_epsilon", 1e-5);
        // The first ones repeat others; the rest are of Megatron, which trained the model: how it computed, and nothing of what.
        c.ignore("hidden_size", "n_head", "n_layer", "offset_alibi", "attention_softmax_in_fp32", "masked_softmax_fusion", "bias_dropout_fusion", "skip_bias_add", "skip_bias_add_qkv");
        if (c.flagOr("apply_residual_connection_post_layernorm", false)) {
            throw c.unsupported("apply_residual_connection_post_layernorm", "residual streams that begin at the norms");
        }
        if (c.flagOr("slow_but_exact", false) && c.positiveOr("pretraining_tp", 1) > 1) {
            throw c.unsupported("slow_but_exact", "an output in slices, from which transformers leaves the biases out,");
        }
        if (c.positiveOr("n_inner", 4 * hidden) != 4 * hidden) {
            throw c.unsupported("n_inner", "a feed-forward block that is not four times as wide as the hidden state");
        }
        if (hidden % heads != 0) {
            throw c.invalid("n_head", "a hidden size of %d does not divide by %d heads", hidden, heads);
        }
        int headDim = hidden / heads;
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "h." + l + ".";
            AttentionSpec attention = new AttentionSpec(heads, heads, headDim, (float) (1 / Math.sqrt(headDim)), 0f, true, 0, null,
                    new Fused(Linear.of(p + "self_attention.query_key_value", 3 * hidden, hidden, true), Layout.HEADS), null,
                    Linear.of(p + "self_attention.dense", hidden, hidden, true)).biased(Alibi.lowerFirst(heads));
            FeedForward feedForward = new FeedForward.Plain(Linear.of(p + "mlp.dense_h_to_4h", 4 * hidden, hidden, true), Linear.of(p + "mlp.dense_4h_to_h", hidden, 4 * hidden, true),
                    Activation.GELU_TANH);
            specs.add(LayerSpec.preNorm(l, norm(p + "input_layernorm", hidden, eps), attention, norm(p + "post_attention_layernorm", hidden, eps), feedForward));
        }
        String tokens = model + "word_embeddings.weight";
        Embedding embedding = new Embedding(tokens, hidden, 1f, null, null, norm(model + "word_embeddings_layernorm", hidden, eps), null);
        boolean tied = c.flagOr("tie_word_embeddings", true);
        boolean stored = names.has("lm_head.weight");
        Head head = tied || stored ? Head.of(stored ? "lm_head.weight" : tokens, hidden, !stored) : null;
        return new ModelSpec("bloom", name(), false, hidden, vocabulary, positions, false, embedding, specs, norm(model + "ln_f", hidden, eps), head, List.of());
    }

    private static Norm norm(String prefix, int width, double eps) {
        return Norm.layer(prefix + ".weight", prefix + ".bias", width, eps);
    }
}
