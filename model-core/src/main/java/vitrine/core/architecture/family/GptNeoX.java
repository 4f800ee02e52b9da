package vitrine.core.architecture.family;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.Activations;
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

/// GPT-NeoX and Pythia: fused query, key and value laid out head by head, both blocks reading the layer's input.
public final class GptNeoX implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("gpt_neox");
    }

    @Override
    public String name() {
        return "GPT-NeoX";
    }

    @Override
    public String headWeight(String modelType) {
        return "embed_out.weight";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("gpt_neox.", "embed_in.weight");
        int hidden = c.positive("hidden_size");
        int heads = c.positive("num_attention_heads");
        int layers = names.requireLayers(c, "num_hidden_layers");
        int inner = c.positive("intermediate_size");
        int vocabulary = c.positive("vocab_size");
        int positions = c.positiveOr("max_position_embeddings", 2048);
        double eps = c.numberOr("layer_norm_eps", 1e-5);
        boolean bias = c.flagOr("attention_bias", true);
        boolean parallel = c.flagOr("use_parallel_residual", true);
        Activation activation = Activations.of(c, "hidden_act", "gelu");
        if (hidden % heads != 0) {
            throw c.invalid("num_attention_heads", "hidden_size %d does not divide by num_attention_heads %d", hidden, heads);
        }
        int headDim = hidden / heads;
        Rope rope = RopeConfig.of(c, headDim).partial(0.25).read("rotary_emb_base", "rotary_pct");
        c.ignore("rope_theta", "partial_rotary_factor");
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "layers." + l + ".";
            AttentionSpec attention = new AttentionSpec(heads, heads, headDim, (float) (1 / Math.sqrt(headDim)), 0f, true, 0, rope,
                    new Fused(Linear.of(p + "attention.query_key_value", 3 * hidden, hidden, bias), Layout.HEADS), null,
                    Linear.of(p + "attention.dense", hidden, hidden, bias));
            FeedForward feedForward = new FeedForward.Plain(Linear.of(p + "mlp.dense_h_to_4h", inner, hidden, true),
                    Linear.of(p + "mlp.dense_4h_to_h", hidden, inner, true), activation);
            LayerSpec spec = LayerSpec.preNorm(l, norm(p + "input_layernorm", hidden, eps), attention,
                    norm(p + "post_attention_layernorm", hidden, eps), feedForward);
            specs.add(parallel ? spec.inParallel() : spec);
        }
        String tokens = model + "embed_in.weight";
        boolean tied = c.flagOr("tie_word_embeddings", false);
        boolean stored = names.has("embed_out.weight");
        Head head = tied || stored ? Head.of(stored ? "embed_out.weight" : tokens, hidden, !stored) : null;
        int longest = (int) Math.min(Integer.MAX_VALUE, rope.longestSequence(positions));
        return new ModelSpec("gpt_neox", name(), false, hidden, vocabulary, longest, false, Embedding.of(tokens, hidden), specs,
                norm(model + "final_layer_norm", hidden, eps), head,
                List.of(".attention.bias", ".attention.masked_bias", "rotary_emb.inv_freq"));
    }

    private static Norm norm(String prefix, int width, double eps) {
        return Norm.layer(prefix + ".weight", prefix + ".bias", width, eps);
    }
}
