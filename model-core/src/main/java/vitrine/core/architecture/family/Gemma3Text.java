package vitrine.core.architecture.family;

import java.util.List;
import java.util.function.IntUnaryOperator;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Gemma 3, the text model: norms on query and key heads, five windowed layers to one full one, a rope of its own for each kind.
public final class Gemma3Text implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("gemma3_text");
    }

    @Override
    public String name() {
        return "Gemma 3";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(4).defaultHeadDim(256);
        boolean bias = c.flagOr("attention_bias", false);
        if (c.flagOr("use_bidirectional_attention", false)) {
            throw c.unsupported("use_bidirectional_attention", "attention in both directions");
        }
        // The reference implementation reads attn_logit_softcapping for this family and does not apply it.
        c.ignore("hidden_act", "attn_logit_softcapping");
        int pattern = c.positiveOr("sliding_window_pattern", 6);
        c.ignore("_sliding_window_pattern");
        // Newer configs say the pattern under this name beside layer_types, which then decide; alone it is not what readers go by.
        if (!c.has("layer_types") && c.positiveOr("_sliding_window_pattern", pattern) != pattern) {
            throw c.unsupported("_sliding_window_pattern", "a window pattern of " + c.positive("_sliding_window_pattern") + " without layer_types");
        }
        IntUnaryOperator window = Windows.byLayerType(c, recipe.layers(), l -> (l + 1) % pattern != 0);
        Rope full = rope(c, recipe.headDim(), "full_attention", "rope_theta", 1_000_000);
        Rope sliding = rope(c, recipe.headDim(), "sliding_attention", "rope_local_base_freq", 10_000);
        return recipe.queryKeyValueBias(bias).outputBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-6), 1)
                .norms("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")
                .queryKeyNorm(QueryKeyNorm.Scope.HEAD)
                .activation(Activations.of(c, "hidden_activation", "gelu_pytorch_tanh"))
                .attentionScale(Math.pow(c.numberOr("query_pre_attn_scalar", 256), -0.5))
                .logits(1, c.numberOr("final_logit_softcapping", 0))
                .embeddingMultiplier((float) Math.sqrt(recipe.hiddenSize()))
                .window(window).rope(l -> window.applyAsInt(l) > 0 ? sliding : full)
                .tiedByDefault(true).build();
    }

    /// The newer style holds one object per layer type; in the older one `rope_scaling` is for full layers only.
    private static Rope rope(Config c, int headDim, String type, String thetaKey, double defaultTheta) {
        RopeConfig reader = RopeConfig.of(c, headDim);
        Config byType = c.objectOrNull("rope_parameters");
        double theta = c.numberOr(thetaKey, defaultTheta);
        Config older = c.objectOrNull("rope_scaling");
        if (byType == null && older != null && older.has("type") && !older.has("rope_type")) {
            // transformers 5.18 reads such a scaling as none at all.
            throw older.unsupported("type", "a scaling without rope_type in a Gemma 3 config");
        }
        Config scaling = byType != null ? byType.objectOrNull(type) : type.equals("full_attention") ? older : null;
        if (scaling != null && c.has("original_max_position_embeddings")) {
            throw c.unsupported("original_max_position_embeddings", "a length of pre-training beside the ropes of a Gemma 3 config");
        }
        if (scaling != null && !scaling.flagOr("truncate", true)) {
            // transformers 5.18 looks for it beside the layer types, where nobody writes it.
            throw scaling.unsupported("truncate", "a yarn without rounding in a Gemma 3 config");
        }
        return reader.read(scaling, theta);
    }
}
