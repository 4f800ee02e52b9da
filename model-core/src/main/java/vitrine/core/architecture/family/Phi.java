package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// Phi-1, Phi-1.5 and Phi-2: layer norms, biases everywhere, both blocks reading the same norm, rotation of a part of each head.
public final class Phi implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("phi");
    }

    @Override
    public String name() {
        return "Phi";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        recipe.queryKeyValueBias(true).outputBias(true).feedForwardBias(true).headBias(true).outputName("dense").finalNorm("final_layernorm")
                .layerNorm(c.numberOr("layer_norm_eps", 1e-5), true)
                .plainFeedForward("fc1", "fc2").activation(Activations.of(c, "hidden_act", "gelu_new"))
                .rope(RopeConfig.of(c, recipe.headDim()).partial(0.5).read());
        if (c.flagOr("qk_layernorm", false)) {
            if (recipe.headDim() * recipe.heads() != recipe.hiddenSize()) {
                throw c.unsupported("head_dim", "norms of query and key heads of another width than hidden_size / num_attention_heads");
            }
            recipe.queryKeyNorm(QueryKeyNorm.Scope.HEAD, "q_layernorm", "k_layernorm").queryKeyNormBias();
        }
        return recipe.parallel().build();
    }
}
