package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// StableLM: layer norms, a quarter of each head rotates; optionally parallel blocks and a norm for each head.
public final class StableLm implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("stablelm");
    }

    @Override
    public String name() {
        return "StableLM";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        c.ignore("rope_pct", "norm_eps", "rotary_scaling_factor");
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(32);
        recipe.queryKeyValueBias(c.flagOr("use_qkv_bias", false))
                .layerNorm(c.numberOr("layer_norm_eps", 1e-5), true)
                .rope(RopeConfig.of(c, recipe.headDim()).partial(0.25).read());
        if (c.flagOr("qk_layernorm", false)) {
            recipe.queryKeyNorm(QueryKeyNorm.Scope.PER_HEAD, "q_layernorm", "k_layernorm");
        }
        return (c.flagOr("use_parallel_residual", false) ? recipe.parallel() : recipe).build();
    }
}
