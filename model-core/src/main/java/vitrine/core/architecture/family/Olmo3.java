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

/// OLMo 3: OLMo 2 with three windowed layers to one full one, each kind with a rope of its own.
public final class Olmo3 implements Family {

    private static final double THETA = 500_000;

    @Override
    public List<String> modelTypes() {
        return List.of("olmo3");
    }

    @Override
    public String name() {
        return "OLMo 3";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        IntUnaryOperator window = Windows.byLayerType(c, recipe.layers(), l -> (l + 1) % 4 != 0);
        Rope full = rope(c, recipe.headDim(), "full_attention");
        Rope sliding = rope(c, recipe.headDim(), "sliding_attention");
        return recipe.queryKeyValueBias(bias).outputBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0)
                .norms(null, "post_attention_layernorm", null, "post_feedforward_layernorm")
                .queryKeyNorm(QueryKeyNorm.Scope.PROJECTION)
                .window(window).rope(l -> window.applyAsInt(l) > 0 ? sliding : full).build();
    }

    /// The newer style holds one object per layer type; in the older one `rope_scaling` is for full layers only.
    private static Rope rope(Config c, int headDim, String type) {
        Config byType = c.objectOrNull("rope_parameters");
        Config older = c.objectOrNull("rope_scaling");
        double theta = c.numberOr("rope_theta", THETA);
        if (theta != THETA) {
            // transformers 5.18 takes such a base for full layers only, and the default for those with a window.
            throw c.unsupported("rope_theta", "a base other than 500000 for all layers of an OLMo 3");
        }
        if (byType != null && older != null) {
            throw c.unsupported("rope_scaling", "a scaling beside rope_parameters");
        }
        if (older != null && older.has("type") && !older.has("rope_type")) {
            // transformers 5.18 reads such a scaling as none at all.
            throw older.unsupported("type", "a scaling without rope_type in an OLMo 3 config");
        }
        Config scaling = byType != null ? byType.objectOrNull(type) : type.equals("full_attention") ? older : null;
        if (scaling != null && c.has("original_max_position_embeddings")) {
            // Of ropes by layer type transformers 5.18 reads the length of pre-training among their own parameters only.
            throw c.unsupported("original_max_position_embeddings", "a length of pre-training beside the ropes of an OLMo 3 config");
        }
        if (scaling != null && !scaling.flagOr("truncate", true)) {
            // transformers 5.18 looks for it beside the layer types, where nobody writes it.
            throw scaling.unsupported("truncate", "a yarn without rounding in an OLMo 3 config");
        }
        return RopeConfig.of(c, headDim).read(scaling, THETA);
    }
}
