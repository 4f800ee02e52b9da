package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;

/// GLM-4.5: grouped-query attention with half of each head rotated, sigmoid scores with a correction of the choice, shared experts, leading dense layers.
public final class Glm4Moe implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("glm4_moe");
    }

    @Override
    public String name() {
        return "GLM-4.5";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        // Layers behind the last predict further tokens in training; the pass ends before them.
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names, c.countOr("num_nextn_predict_layers", c.countOr("num_mtp_layers", 1))).defaultKeyValueHeads(8);
        recipe.queryKeyValueBias(c.flagOr("attention_bias", false)).rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0)
                .rope(RopeConfig.of(c, recipe.headDim()).partial(0.5).read());
        if (c.flagOr("use_qk_norm", false)) {
            recipe.queryKeyNorm(QueryKeyNorm.Scope.HEAD);
        }
        int experts = c.positiveOr("n_routed_experts", c.positiveOr("num_local_experts", 128));
        int perToken = c.positiveOr("num_experts_per_tok", 8);
        int width = c.positiveOr("moe_intermediate_size", 1408);
        int sharedExperts = c.positiveOr("n_shared_experts", 1);
        int dense = c.positive("intermediate_size");
        int firstSparse = c.countOr("first_k_dense_replace", 1);
        double factor = c.numberOr("routed_scaling_factor", 1);
        boolean renormalised = c.flagOr("norm_topk_prob", true);
        Router.Groups groups = new Router.Groups(c.positiveOr("n_group", 1), c.positiveOr("topk_group", 1), true);
        for (String key : List.of("scoring_func", "topk_method")) {
            String only = key.equals("scoring_func") ? "sigmoid" : "noaux_tc";
            if (!c.textOr(key, only).equals(only)) {
                throw c.unsupported(key, key + " " + c.text(key));
            }
        }
        return recipe.feedForward(l -> {
            String p = recipe.prefix(l) + "mlp.";
            if (l < firstSparse) {
                return recipe.dense(p, dense);
            }
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SIGMOID,
                    new Router.Weighting(renormalised ? 1 : 0, 0, 1e-20, factor, false, 0)).corrected(p + "gate.e_score_correction_bias", 1).grouped(groups);
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"),
                    recipe.experts(p + "experts.", experts, "n_routed_experts", width, "gate_proj", "up_proj", "down_proj"),
                    recipe.dense(p + "shared_experts.", width * sharedExperts), null);
        }).build();
    }
}
