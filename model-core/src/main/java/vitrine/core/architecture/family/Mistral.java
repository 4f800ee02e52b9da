package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Mistral: Llama with a sliding window in every layer, where the config has one.
public final class Mistral implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("mistral");
    }

    @Override
    public String name() {
        return "Mistral";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        return DecoderRecipe.of(this, c, names).defaultKeyValueHeads(8).window(Windows.everyLayer(c, 4096)).build();
    }
}
