package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.ExpertPools;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Mixtral: Mistral with experts in every layer, their weights renormalised over the chosen.
public final class Mixtral implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("mixtral");
    }

    @Override
    public String name() {
        return "Mixtral";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(8).rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0);
        recipe.rope(RopeConfig.of(c, recipe.headDim()).defaultTheta(1_000_000).read());
        int experts = c.positiveOr("num_local_experts", 8);
        int perToken = c.positiveOr("num_experts_per_tok", 2);
        int width = c.positive("intermediate_size");
        // Jitter is for training.
        c.ignore("router_jitter_noise");
        int[] pool = ExpertPools.read(c, recipe.layers());
        return recipe.window(Windows.everyLayer(c, 0)).feedForward(l -> {
            String p = recipe.prefix(l) + "block_sparse_moe.";
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SOFTMAX, Router.Weighting.renormalised(true));
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"),
                    recipe.experts(recipe.prefix(pool[l]) + "block_sparse_moe.experts.", experts, "num_local_experts", width, "w1", "w3", "w2"), null, null);
        }).build();
    }
}
