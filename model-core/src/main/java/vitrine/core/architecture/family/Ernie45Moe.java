package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;

/// ERNIE 4.5 with experts: a correction of the choice that does not enter the weight, shared experts without a gate, dense layers around.
public final class Ernie45Moe implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("ernie4_5_moe");
    }

    @Override
    public String name() {
        return "ERNIE 4.5 MoE";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        if (c.flagOr("use_bias", false)) {
            throw c.unsupported("use_bias", "biases of an ERNIE model with experts");
        }
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(4);
        recipe.rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0).rope(RopeConfig.of(c, recipe.headDim()).defaultTheta(500_000).interleaved().read()).tiedByDefault(true);
        int experts = c.positiveOr("moe_num_experts", 64);
        int perToken = c.positiveOr("moe_k", 6);
        int width = c.positiveOr("moe_intermediate_size", 1536);
        int sharedExperts = c.countOr("moe_num_shared_experts", 2);
        int dense = c.positive("intermediate_size");
        int first = c.countOr("moe_layer_start_index", 1);
        int interval = c.positiveOr("moe_layer_interval", 1);
        int end = c.has("moe_layer_end_index") && c.number("moe_layer_end_index") != -1 ? c.countOr("moe_layer_end_index", 0) : recipe.layers() - 1;
        double least = c.numberOr("moe_norm_min", 1e-12);
        return recipe.feedForward(l -> {
            String p = recipe.prefix(l) + "mlp.";
            if ((l + 1) % interval != 0 || l < first || l > end) {
                return recipe.dense(p, dense);
            }
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SOFTMAX,
                    new Router.Weighting(1, least, 0, 1, false, 0)).corrected(p + "moe_statics.e_score_correction_bias", 2);
            return new FeedForward.Mixture(recipe.checked(router, "moe_k"),
                    recipe.experts(p + "experts.", experts, "moe_num_experts", width, "gate_proj", "up_proj", "down_proj"),
                    sharedExperts == 0 ? null : recipe.dense(p + "shared_experts.", width * sharedExperts), null);
        }).build();
    }
}
