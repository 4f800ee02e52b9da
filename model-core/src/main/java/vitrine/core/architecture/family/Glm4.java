package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// GLM-4 (0414): neighbouring pairs of half of each head rotated, gate and up in one matrix, norms before and after both blocks.
public final class Glm4 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("glm4");
    }

    @Override
    public String name() {
        return "GLM-4";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(2).defaultHeadDim(128);
        int hidden = recipe.hiddenSize();
        int width = c.positive("intermediate_size");
        return recipe.queryKeyValueBias(c.flagOr("attention_bias", true))
                .rmsNorm(c.numberOr("rms_norm_eps", 1.5625e-7), 0)
                .rope(RopeConfig.of(c, recipe.headDim()).partial(0.5).interleaved().read())
                .norms("input_layernorm", "post_self_attn_layernorm", "post_attention_layernorm", "post_mlp_layernorm")
                .feedForward(l -> new FeedForward.FusedGated(recipe.linear(recipe.prefix(l) + "mlp.gate_up_proj", 2 * width, hidden, false),
                        recipe.linear(recipe.prefix(l) + "mlp.down_proj", hidden, width, false), recipe.activation()))
                .build();
    }
}
