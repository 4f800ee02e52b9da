package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;

/// OLMo (the first): layer norms without weights, bounded queries, keys and values.
public final class Olmo implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("olmo");
    }

    @Override
    public String name() {
        return "OLMo";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        return DecoderRecipe.of(this, c, names).queryKeyValueBias(bias).outputBias(bias).plainLayerNorm(1e-5).clip(c.numberOr("clip_qkv", 0)).build();
    }
}
