package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LatentAttention;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;

/// DeepSeek-V2: latent attention, softmax scores, a choice among all experts or the best groups, shared experts, leading dense layers.
public final class DeepseekV2 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("deepseek_v2");
    }

    @Override
    public String name() {
        return "DeepSeek-V2";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        LatentAttention.read(c, recipe, LatentAttention.Turning.PAIRS);
        int experts = c.positiveOr("n_routed_experts", 64);
        int perToken = c.positive("num_experts_per_tok");
        int width = c.positiveOr("moe_intermediate_size", 1407);
        int sharedExperts = c.positiveOr("n_shared_experts", 2);
        int dense = c.positive("intermediate_size");
        int firstSparse = c.countOr("first_k_dense_replace", 0);
        double factor = c.numberOr("routed_scaling_factor", 1);
        Router.Groups groups = switch (c.textOr("topk_method", "greedy")) {
            case "greedy" -> {
                c.ignore("n_group", "topk_group");
                yield null;
            }
            case "group_limited_greedy" -> new Router.Groups(c.positive("n_group"), c.positive("topk_group"), false);
            default -> throw c.unsupported("topk_method", "topk_method " + c.text("topk_method"));
        };
        if (c.flagOr("norm_topk_prob", false)) {
            // transformers reads it and leaves weights as they are; the published code divides: no figure would be right for both.
            throw c.unsupported("norm_topk_prob", "a DeepSeek-V2 router with weights that sum to 1");
        }
        if (!c.textOr("scoring_func", "softmax").equals("softmax")) {
            throw c.unsupported("scoring_func", "scoring_func " + c.text("scoring_func"));
        }
        if (c.positiveOr("moe_layer_freq", 1) != 1) {
            throw c.unsupported("moe_layer_freq", "experts in every " + c.positive("moe_layer_freq") + ". layer");
        }
        c.ignore("ep_size", "aux_loss_alpha", "seq_aux");
        return recipe.feedForward(l -> {
            String p = recipe.prefix(l) + "mlp.";
            if (l < firstSparse) {
                return recipe.dense(p, dense);
            }
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SOFTMAX,
                    new Router.Weighting(0, 0, 0, factor, false, 0)).grouped(groups);
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"),
                    recipe.experts(p + "experts.", experts, "n_routed_experts", width, "gate_proj", "up_proj", "down_proj"),
                    recipe.dense(p + "shared_experts.", width * sharedExperts), null);
        }).build();
    }
}
