package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// ERNIE 4.5, the dense models: Llama with neighbouring pairs rotated.
public final class Ernie45 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("ernie4_5");
    }

    @Override
    public String name() {
        return "ERNIE 4.5";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("use_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(2);
        if (!c.isPresent("head_dim")) {
            recipe.defaultHeadDim(128);
        }
        return recipe.queryKeyValueBias(bias).outputBias(bias).feedForwardBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0)
                .rope(RopeConfig.of(c, recipe.headDim()).defaultTheta(500_000).interleaved().read())
                .tiedByDefault(true).build();
    }
}
