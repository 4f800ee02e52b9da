package vitrine.core.architecture.family;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
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
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// GPT-J: both blocks reading the same layer norm, neighbouring pairs of a part of each head rotated, a bias of the output matrix.
public final class GptJ implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("gptj");
    }

    @Override
    public String name() {
        return "GPT-J";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("transformer.", "wte.weight");
        int hidden = c.positive("n_embd");
        int heads = c.positive("n_head");
        int layers = names.requireLayers(c, "n_layer");
        int positions = c.positiveOr("n_positions", 2048);
        int vocabulary = c.positive("vocab_size");
        int inner = c.positiveOr("n_inner", 4 * hidden);
        double eps = c.numberOr("layer_norm_epsilon", 1e-5);
        Activation activation = Activations.of(c, "activation_function", "gelu_new");
        if (hidden % heads != 0) {
            throw c.invalid("n_head", "n_embd %d does not divide by n_head %d", hidden, heads);
        }
        int headDim = hidden / heads;
        int rotated = c.isPresent("rotary_dim") ? c.positive("rotary_dim") : 64;
        if (rotated % 2 != 0 || rotated > headDim) {
            throw c.invalid("rotary_dim", "of a head of %d values it turns %d; an even number up to %d can turn", headDim, rotated, headDim);
        }
        if (!c.flagOr("rotary", true)) {
            throw c.unsupported("rotary", "a GPT-J without rotary positions");
        }
        // Of GPT-2's configs; the reference implementation reads neither.
        c.ignore("n_ctx", "scale_attn_weights");
        Rope rope = new Rope(10_000, rotated, true, new Rope.Scaling.None());
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "h." + l + ".";
            AttentionSpec attention = new AttentionSpec(heads, heads, headDim, (float) (1 / Math.sqrt(headDim)), 0f, true, 0, rope,
                    new Separate(Linear.of(p + "attn.q_proj", hidden, hidden, false), Linear.of(p + "attn.k_proj", hidden, hidden, false),
                            Linear.of(p + "attn.v_proj", hidden, hidden, false)), null,
                    Linear.of(p + "attn.out_proj", hidden, hidden, false));
            FeedForward feedForward = new FeedForward.Plain(Linear.of(p + "mlp.fc_in", inner, hidden, true), Linear.of(p + "mlp.fc_out", hidden, inner, true), activation);
            Norm norm = norm(p + "ln_1", hidden, eps);
            specs.add(LayerSpec.preNorm(l, norm, attention, norm, feedForward).inParallel());
        }
        String tokens = model + "wte.weight";
        boolean tied = c.flagOr("tie_word_embeddings", false);
        boolean stored = names.has("lm_head.weight");
        Head head = tied || stored ? new Head(null, null, stored ? "lm_head.weight" : tokens, "lm_head.bias", hidden, !stored, 1f, 0f) : null;
        return new ModelSpec("gptj", name(), false, hidden, vocabulary, positions, false, Embedding.of(tokens, hidden), specs, norm(model + "ln_f", hidden, eps), head,
                List.of(".attn.bias", ".attn.masked_bias", ".attn.embed_positions"));
    }

    private static Norm norm(String prefix, int width, double eps) {
        return Norm.layer(prefix + ".weight", prefix + ".bias", width, eps);
    }
}
