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

/// DeepSeek-V3 and R1: latent attention, sigmoid scores with a correction of the choice among the best groups, shared experts, leading dense layers.
public final class DeepseekV3 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("deepseek_v3");
    }

    @Override
    public String name() {
        return "DeepSeek-V3";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        // Layers behind the last predict further tokens in training; the pass ends before them.
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names, c.countOr("num_nextn_predict_layers", 1));
        LatentAttention.read(c, recipe, flag(c, "rope_interleave") ? LatentAttention.Turning.PAIRS_TO_HALVES : LatentAttention.Turning.HALVES);
        int experts = c.positiveOr("n_routed_experts", 256);
        int perToken = c.positiveOr("num_experts_per_tok", 8);
        int width = c.positiveOr("moe_intermediate_size", 2048);
        int sharedExperts = c.positiveOr("n_shared_experts", 1);
        int dense = c.positive("intermediate_size");
        int firstSparse = c.countOr("first_k_dense_replace", 3);
        double factor = c.numberOr("routed_scaling_factor", 2.5);
        boolean renormalised = flag(c, "norm_topk_prob");
        Router.Groups groups = new Router.Groups(c.positiveOr("n_group", 8), c.positiveOr("topk_group", 4), true);
        for (String key : List.of("scoring_func", "topk_method")) {
            String only = key.equals("scoring_func") ? "sigmoid" : "noaux_tc";
            if (!c.textOr(key, only).equals(only)) {
                throw c.unsupported(key, key + " " + c.text(key));
            }
        }
        if (c.positiveOr("moe_layer_freq", 1) != 1) {
            throw c.unsupported("moe_layer_freq", "experts in every " + c.positive("moe_layer_freq") + ". layer");
        }
        // Splits over devices, and losses of training.
        c.ignore("ep_size", "aux_loss_alpha", "seq_aux");
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

    /// True where it is left out, and false where it is null: the configuration takes null for a value.
    private static boolean flag(Config c, String key) {
        return !c.isNull(key) && c.flagOr(key, true);
    }
}
