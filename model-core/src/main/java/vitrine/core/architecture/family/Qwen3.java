package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Qwen3: RMS norms on each query and key head, heads wider than hidden size / heads.
public final class Qwen3 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("qwen3");
    }

    @Override
    public String name() {
        return "Qwen3";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(32).defaultHeadDim(128);
        return recipe.queryKeyValueBias(bias).outputBias(bias).queryKeyNorm(QueryKeyNorm.Scope.HEAD)
                .window(Windows.qwen(c, recipe.layers())).build();
    }
}
