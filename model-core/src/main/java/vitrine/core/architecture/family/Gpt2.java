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
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// GPT-2: weights stored `[in, out]`, learned positions, layer norms; tensors named with and without `transformer.`.
public final class Gpt2 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("gpt2");
    }

    @Override
    public String name() {
        return "GPT-2";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("transformer.", "wte.weight");
        int hidden = c.positive("n_embd");
        int heads = c.positive("n_head");
        int layers = names.requireLayers(c, "n_layer");
        int positions = c.positive("n_positions");
        int vocabulary = c.positive("vocab_size");
        int inner = c.positiveOr("n_inner", 4 * hidden);
        double eps = c.numberOr("layer_norm_epsilon", 1e-5);
        Activation activation = Activations.of(c, "activation_function", "gelu_new");
        boolean scaled = c.flagOr("scale_attn_weights", true);
        boolean byLayer = c.flagOr("scale_attn_by_inverse_layer_idx", false);
        c.ignore("n_ctx", "reorder_and_upcast_attn");
        if (c.flagOr("add_cross_attention", false)) {
            throw c.unsupported("add_cross_attention", "attention to another model's states");
        }
        if (hidden % heads != 0) {
            throw c.invalid("n_head", "n_embd %d does not divide by n_head %d", hidden, heads);
        }
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "h." + l + ".";
            double scale = (scaled ? 1 / Math.sqrt((double) hidden / heads) : 1) / (byLayer ? l + 1 : 1);
            AttentionSpec attention = new AttentionSpec(heads, heads, hidden / heads, (float) scale, 0f, true, 0, null,
                    new Fused(Linear.inputMajor(p + "attn.c_attn", 3 * hidden, hidden), Layout.BLOCKS), null,
                    Linear.inputMajor(p + "attn.c_proj", hidden, hidden));
            FeedForward feedForward = new FeedForward.Plain(Linear.inputMajor(p + "mlp.c_fc", inner, hidden),
                    Linear.inputMajor(p + "mlp.c_proj", hidden, inner), activation);
            specs.add(LayerSpec.preNorm(l, norm(p + "ln_1", hidden, eps), attention, norm(p + "ln_2", hidden, eps), feedForward));
        }
        String tokens = model + "wte.weight";
        boolean tied = c.flagOr("tie_word_embeddings", true);
        Embedding embedding = new Embedding(tokens, hidden, 1f, new Embedding.Learned(model + "wpe.weight", positions, 0, -1), null, null, null);
        boolean stored = names.has("lm_head.weight");
        Head head = tied || stored ? Head.of(stored ? "lm_head.weight" : tokens, hidden, !stored) : null;
        return new ModelSpec("gpt2", name(), false, hidden, vocabulary, positions, true, embedding, specs, norm(model + "ln_f", hidden, eps), head,
                List.of(".attn.bias", ".attn.masked_bias"));
    }

    private static Norm norm(String prefix, int width, double eps) {
        return Norm.layer(prefix + ".weight", prefix + ".bias", width, eps);
    }
}
