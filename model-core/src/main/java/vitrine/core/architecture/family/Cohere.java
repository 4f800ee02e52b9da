package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// Command R: layer norms without biases, both blocks reading the same norm, neighbouring pairs rotated, scaled logits.
public final class Cohere implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("cohere");
    }

    @Override
    public String name() {
        return "Cohere";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        recipe.queryKeyValueBias(bias).outputBias(bias).layerNorm(c.numberOr("layer_norm_eps", 1e-5), false)
                .rope(RopeConfig.of(c, recipe.headDim()).defaultTheta(500_000).interleaved().read())
                .logits(c.numberOr("logit_scale", 0.0625), 0).tiedByDefault(true);
        if (c.flagOr("use_qk_norm", false)) {
            recipe.queryKeyNorm(QueryKeyNorm.Scope.ROWS);
        }
        return recipe.parallel().build();
    }
}
