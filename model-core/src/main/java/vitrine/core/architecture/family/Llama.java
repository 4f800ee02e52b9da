package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;

/// Llama 1 to 3, and the many checkpoints that use its architecture.
public final class Llama implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("llama");
    }

    @Override
    public String name() {
        return "Llama";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        return DecoderRecipe.of(this, c, names).queryKeyValueBias(bias).outputBias(bias).feedForwardBias(c.flagOr("mlp_bias", false)).build();
    }
}
