package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;

/// Seed-OSS: Llama with biases on query, key and value, and a head width of its own.
public final class SeedOss implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("seed_oss");
    }

    @Override
    public String name() {
        return "Seed-OSS";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(8);
        if (!c.isPresent("head_dim")) {
            recipe.defaultHeadDim(128);
        }
        return recipe.queryKeyValueBias(c.flagOr("attention_bias", true)).outputBias(c.flagOr("attention_out_bias", false))
                .feedForwardBias(c.flagOr("mlp_bias", false)).build();
    }
}
