package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Qwen2 and Qwen2.5: Llama with biases on query, key and value, and optional windows in the upper layers.
public final class Qwen2 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("qwen2");
    }

    @Override
    public String name() {
        return "Qwen2";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(32);
        return recipe.queryKeyValueBias(true).window(Windows.qwen(c, recipe.layers())).build();
    }
}
