package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// GLM, the first GLM-4: Llama with neighbouring pairs of half of each head rotated, and gate and up in one matrix.
public final class Glm implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("glm");
    }

    @Override
    public String name() {
        return "GLM";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(2).defaultHeadDim(128);
        int hidden = recipe.hiddenSize();
        int width = c.positive("intermediate_size");
        return recipe.queryKeyValueBias(c.flagOr("attention_bias", true))
                .rmsNorm(c.numberOr("rms_norm_eps", 1.5625e-7), 0)
                .rope(RopeConfig.of(c, recipe.headDim()).partial(0.5).interleaved().read())
                .feedForward(l -> new FeedForward.FusedGated(recipe.linear(recipe.prefix(l) + "mlp.gate_up_proj", 2 * width, hidden, false),
                        recipe.linear(recipe.prefix(l) + "mlp.down_proj", hidden, width, false), recipe.activation()))
                .build();
    }
}
