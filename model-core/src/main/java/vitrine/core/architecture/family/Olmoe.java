package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;

/// OLMoE: experts in every layer, norms of queries and keys over the whole projection.
public final class Olmoe implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("olmoe");
    }

    @Override
    public String name() {
        return "OLMoE";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).queryKeyValueBias(bias).outputBias(bias).rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0)
                .queryKeyNorm(QueryKeyNorm.Scope.PROJECTION).clip(c.numberOr("clip_qkv", 0));
        int experts = c.positiveOr("num_experts", 64);
        int perToken = c.positiveOr("num_experts_per_tok", 8);
        boolean renormalised = c.flagOr("norm_topk_prob", false);
        int width = c.positive("intermediate_size");
        return recipe.feedForward(l -> {
            String p = recipe.prefix(l) + "mlp.";
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SOFTMAX,
                    Router.Weighting.renormalised(renormalised));
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"),
                    recipe.experts(p + "experts.", experts, "num_experts", width, "gate_proj", "up_proj", "down_proj"), null, null);
        }).build();
    }
}
