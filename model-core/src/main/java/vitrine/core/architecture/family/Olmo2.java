package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;

/// OLMo 2: norms of the blocks' outputs instead of their inputs, and of whole query and key projections.
public final class Olmo2 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("olmo2");
    }

    @Override
    public String name() {
        return "OLMo 2";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        return DecoderRecipe.of(this, c, names).queryKeyValueBias(bias).outputBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0)
                .norms(null, "post_attention_layernorm", null, "post_feedforward_layernorm")
                .queryKeyNorm(QueryKeyNorm.Scope.PROJECTION).build();
    }
}
