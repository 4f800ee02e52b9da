package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// SmolLM3: Llama whose every fourth layer has no positions.
public final class SmolLm3 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("smollm3");
    }

    @Override
    public String name() {
        return "SmolLM3";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(4);
        int layers = recipe.layers();
        boolean[] turned = turned(c, layers);
        Rope rope = RopeConfig.of(c, recipe.headDim()).defaultTheta(2_000_000).read();
        if (c.has("sliding_window")) {
            recipe.window(Windows.slidingIf(c, layers, l -> !turned[l]));
        } else if (Windows.typesOrNull(c, layers) instanceof List<String> types && types.contains("sliding_attention")) {
            throw c.invalid("sliding_window", "is missing, and layer %d has a sliding window", types.indexOf("sliding_attention"));
        }
        // Which layers slide is said by layer_types or follows from the layers without positions.
        c.ignore("use_sliding_window", "max_window_layers");
        return recipe.queryKeyValueBias(bias).outputBias(bias).feedForwardBias(c.flagOr("mlp_bias", false))
                .rope(l -> turned[l] ? rope : null).tiedByDefault(true).build();
    }

    /// Layers with rotary positions: 1 in `no_rope_layers`, else all but every `no_rope_layer_interval`-th.
    private static boolean[] turned(Config c, int layers) {
        int interval = c.positiveOr("no_rope_layer_interval", 4);
        int[] listed = c.wholes("no_rope_layers");
        boolean given = c.has("no_rope_layers");
        if (given && listed.length < layers) {
            throw c.invalid("no_rope_layers", "it has %d entries for %d layers", listed.length, layers);
        }
        boolean[] out = new boolean[layers];
        for (int l = 0; l < layers; l++) {
            out[l] = given ? listed[l] != 0 : (l + 1) % interval != 0;
        }
        return out;
    }
}
