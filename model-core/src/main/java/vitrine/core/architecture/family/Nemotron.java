package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// Nemotron and Minitron: layer norms with weights around 0, a feed-forward block without a gate and with a squared ReLU, rotation of half of each head.
public final class Nemotron implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("nemotron");
    }

    @Override
    public String name() {
        return "Nemotron";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        return recipe.queryKeyValueBias(bias).outputBias(bias).feedForwardBias(c.flagOr("mlp_bias", false))
                .layerNorm(c.numberOr("norm_eps", 1e-5), true).normWeightOffset(1)
                .plainFeedForward("up_proj", "down_proj").activation(Activations.of(c, "hidden_act", "relu2"))
                .rope(RopeConfig.of(c, recipe.headDim()).partial(0.5).read()).build();
    }
}
