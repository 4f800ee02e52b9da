package vitrine.core.architecture.family;

import java.util.List;
import java.util.function.IntUnaryOperator;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// EXAONE 4: norms of the blocks' outputs and of query and key heads; where layers slide, the others see everything and have no positions.
public final class Exaone4 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("exaone4");
    }

    @Override
    public String name() {
        return "EXAONE 4";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(32);
        int layers = recipe.layers();
        boolean hybrid = !c.isNull("sliding_window");
        // Files also tell the pattern in letters, beside the types of all layers, which decide.
        int pattern = Windows.typesOrNull(c, layers) == null && hybrid ? c.positiveOr("sliding_window_pattern", 4) : 1;
        c.ignore("sliding_window_pattern");
        IntUnaryOperator window = Windows.byLayerType(c, layers, l -> (l + 1) % pattern != 0);
        Rope rope = RopeConfig.of(c, recipe.headDim()).read();
        return recipe.rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0)
                .norms(null, "post_attention_layernorm", null, "post_feedforward_layernorm")
                .queryKeyNorm(QueryKeyNorm.Scope.HEAD)
                .window(window).rope(l -> !hybrid || window.applyAsInt(l) > 0 ? rope : null).build();
    }
}
