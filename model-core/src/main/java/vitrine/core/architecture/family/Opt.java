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
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// OPT: learned positions that begin at row 2, ReLU, norms before the blocks (after them in the 350M model).
public final class Opt implements Family {

    /// Rows of the position table that stand before position 0.
    private static final int POSITION_OFFSET = 2;

    @Override
    public List<String> modelTypes() {
        return List.of("opt");
    }

    @Override
    public String name() {
        return "OPT";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        String model = names.prefix("model.", "decoder.embed_tokens.weight") + "decoder.";
        int hidden = c.positive("hidden_size");
        int heads = c.positive("num_attention_heads");
        int layers = names.requireLayers(c, "num_hidden_layers");
        int inner = c.positive("ffn_dim");
        int vocabulary = c.positive("vocab_size");
        int positions = c.positiveOr("max_position_embeddings", 2048);
        int width = c.positiveOr("word_embed_proj_dim", hidden);
        boolean before = c.flagOr("do_layer_norm_before", true);
        boolean bias = c.flagOr("enable_bias", true);
        boolean affine = c.flagOr("layer_norm_elementwise_affine", true);
        Activation activation = Activations.of(c, "activation_function", "relu");
        if (hidden % heads != 0) {
            throw c.invalid("num_attention_heads", "hidden_size %d does not divide by num_attention_heads %d", hidden, heads);
        }
        int headDim = hidden / heads;
        List<LayerSpec> specs = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            String p = model + "layers." + l + ".";
            AttentionSpec attention = new AttentionSpec(heads, heads, headDim, (float) (1 / Math.sqrt(headDim)), 0f, true, 0, null,
                    new Separate(Linear.of(p + "self_attn.q_proj", hidden, hidden, bias), Linear.of(p + "self_attn.k_proj", hidden, hidden, bias),
                            Linear.of(p + "self_attn.v_proj", hidden, hidden, bias)), null,
                    Linear.of(p + "self_attn.out_proj", hidden, hidden, bias));
            FeedForward feedForward = new FeedForward.Plain(Linear.of(p + "fc1", inner, hidden, bias), Linear.of(p + "fc2", hidden, inner, bias), activation);
            Norm first = norm(p + "self_attn_layer_norm", hidden, affine);
            Norm second = norm(p + "final_layer_norm", hidden, affine);
            specs.add(before ? LayerSpec.preNorm(l, first, attention, second, feedForward)
                    : LayerSpec.postNorm(l, attention, first, feedForward, second));
        }
        String tokens = model + "embed_tokens.weight";
        boolean projected = width != hidden;
        Embedding embedding = new Embedding(tokens, width, 1f,
                new Embedding.Learned(model + "embed_positions.weight", positions + POSITION_OFFSET, POSITION_OFFSET, -1), null, null,
                projected ? Linear.of(model + "project_in", hidden, width, false) : null);
        boolean tied = c.flagOr("tie_word_embeddings", true);
        boolean finalNorm = before && !c.flagOr("_remove_final_layer_norm", false);
        boolean stored = names.has("lm_head.weight");
        Head head = tied || stored
                ? new Head(null, projected ? Linear.of(model + "project_out", width, hidden, false) : null,
                        stored ? "lm_head.weight" : tokens, null, width, !stored, 1f, 0f)
                : null;
        return new ModelSpec("opt", name(), false, hidden, vocabulary, positions, true, embedding, specs,
                finalNorm ? norm(model + "final_layer_norm", hidden, affine) : null, head, List.of());
    }

    private static Norm norm(String prefix, int width, boolean affine) {
        return Norm.layer(affine ? prefix + ".weight" : null, affine ? prefix + ".bias" : null, width, 1e-5);
    }
}
