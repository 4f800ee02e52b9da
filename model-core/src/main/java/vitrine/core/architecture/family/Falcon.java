package vitrine.core.architecture.family;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.Activations;
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
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// Falcon: queries, keys and values in one matrix, with one key/value head or several, both blocks reading the layer's input through one norm or two; rotary positions or, in the first
/// models, linear biases.
public final class Falcon implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("falcon");
    }

    @Override
    public String name() {
        return "Falcon";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("transformer.", "word_embeddings.weight");
        int hidden = c.positive(c.has("n_embed") ? "n_embed" : "hidden_size");
        // Older files call these as Bloom does.
        int heads = c.positive(c.has("num_attention_heads") ? "num_attention_heads" : "n_head");
        int layers = names.requireLayers(c, c.has("num_hidden_layers") ? "num_hidden_layers" : "n_layer");
        int vocabulary = c.positive("vocab_size");
        int positions = c.positiveOr("max_position_embeddings", 2048);
        int inner = c.positiveOr("ffn_hidden_size", 4 * hidden);
        double eps = c.numberOr("layer_norm_epsilon", 1e-5);
        boolean bias = c.flagOr("bias", false);
        boolean grouped = c.flagOr("new_decoder_architecture", false);
        boolean single = flag(c, "multi_query");
        boolean parallel = flag(c, "parallel_attn");
        Activation activation = Activations.of(c, "activation", "gelu");
        c.ignore("hidden_size", "apply_residual_connection_post_layernorm", "n_head", "n_layer");
        boolean biased = c.flagOr("alibi", false);
        if (biased) {
            // transformers makes a rope from them and turns nothing by it.
            c.ignore("rope_theta", "rope_scaling", "rope_parameters");
        }
        if (grouped && !parallel) {
            throw c.unsupported("parallel_attn", "blocks one after the other in the new decoder architecture");
        }
        int norms = c.positiveOr("num_ln_in_parallel_attn", grouped ? 2 : 1);
        if (norms > 2 || norms == 2 && !grouped) {
            throw c.unsupported("num_ln_in_parallel_attn", norms + " norms in this architecture");
        }
        int keyValueHeads = c.positiveOr(c.has("num_kv_heads") ? "num_kv_heads" : "n_head_kv", heads);
        c.ignore("n_head_kv");
        keyValueHeads = grouped ? keyValueHeads : single ? 1 : heads;
        if (hidden % heads != 0 || heads % keyValueHeads != 0) {
            throw c.invalid("num_attention_heads", "a hidden size of %d, %d heads and %d key/value heads do not divide by one another", hidden, heads, keyValueHeads);
        }
        if (!grouped && !single && c.positiveOr("num_kv_heads", heads) != heads) {
            throw c.invalid("num_kv_heads", "is %d; without multi_query each of the %d heads has its own", c.positive("num_kv_heads"), heads);
        }
        int headDim = hidden / heads;
        Rope rope = biased ? null : RopeConfig.of(c, headDim).read();
        // The queries of one key/value head stand before it, so that with a single one all queries come first.
        Layout layout = grouped || !single ? Layout.HEADS : Layout.BLOCKS;
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "h." + l + ".";
            AttentionSpec attention = new AttentionSpec(heads, keyValueHeads, headDim, (float) (1 / Math.sqrt(headDim)), 0f, true, 0, rope,
                    new Fused(Linear.of(p + "self_attention.query_key_value", hidden + 2 * keyValueHeads * headDim, hidden, bias), layout), null,
                    Linear.of(p + "self_attention.dense", hidden, hidden, bias));
            if (biased) {
                // Added to the products before these are divided, and kept in bfloat16 whatever the weights are.
                attention = attention.biased(Alibi.lowerFirst(heads).roundedTimes(1 / Math.sqrt(headDim)));
            }
            FeedForward feedForward = new FeedForward.Plain(Linear.of(p + "mlp.dense_h_to_4h", inner, hidden, bias), Linear.of(p + "mlp.dense_4h_to_h", hidden, inner, bias), activation);
            String first = norms == 2 ? "ln_attn" : "input_layernorm";
            String second = norms == 2 ? "ln_mlp" : parallel ? "input_layernorm" : "post_attention_layernorm";
            LayerSpec spec = LayerSpec.preNorm(l, norm(p + first, hidden, eps), attention, norm(p + second, hidden, eps), feedForward);
            specs.add(parallel ? spec.inParallel() : spec);
        }
        String tokens = model + "word_embeddings.weight";
        int longest = rope == null ? positions : (int) Math.min(Integer.MAX_VALUE, rope.longestSequence(positions));
        boolean tied = c.flagOr("tie_word_embeddings", true);
        boolean stored = names.has("lm_head.weight");
        Head head = tied || stored ? Head.of(stored ? "lm_head.weight" : tokens, hidden, !stored) : null;
        return new ModelSpec("falcon", name(), false, hidden, vocabulary, longest, false, Embedding.of(tokens, hidden), specs, norm(model + "ln_f", hidden, eps), head,
                List.of("rotary_emb.inv_freq", "rotary.inv_freq", ".attention.bias"));
    }

    /// A flag that is true where it is left out; null is false, as in the reference implementation.
    private static boolean flag(Config c, String key) {
        return !c.isNull(key) && c.flagOr(key, true);
    }

    private static Norm norm(String prefix, int width, double eps) {
        return Norm.layer(prefix + ".weight", prefix + ".bias", width, eps);
    }
}
