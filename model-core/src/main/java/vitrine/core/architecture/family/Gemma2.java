package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Gemma 2: norms before and after each block, soft caps on scores and logits, every second layer with a window.
public final class Gemma2 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("gemma2");
    }

    @Override
    public String name() {
        return "Gemma 2";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(4).defaultHeadDim(256);
        boolean bias = c.flagOr("attention_bias", false);
        if (c.flagOr("use_bidirectional_attention", false)) {
            throw c.unsupported("use_bidirectional_attention", "attention in both directions");
        }
        c.ignore("hidden_act", "sliding_window_size");
        return recipe.queryKeyValueBias(bias).outputBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-6), 1)
                .norms("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")
                .activation(Activations.of(c, "hidden_activation", "gelu_pytorch_tanh"))
                .attentionScale(Math.pow(c.numberOr("query_pre_attn_scalar", 256), -0.5))
                .attentionSoftCap(capOr(c, "attn_logit_softcapping", 50))
                .logits(1, capOr(c, "final_logit_softcapping", 30))
                .embeddingMultiplier((float) Math.sqrt(recipe.hiddenSize()))
                .window(Windows.byLayerType(c, recipe.layers(), l -> (l + 1) % 2 != 0))
                .tiedByDefault(true).build();
    }

    /// A cap that is absent has the family's default; a cap of null is none.
    private static double capOr(Config c, String key, double otherwise) {
        return c.isNull(key) ? 0 : c.numberOr(key, otherwise);
    }
}
