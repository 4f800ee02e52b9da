package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.SparseLayers;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Qwen3-MoE: Qwen3 with experts in some or all layers.
public final class Qwen3Moe implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("qwen3_moe");
    }

    @Override
    public String name() {
        return "Qwen3-MoE";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(4).queryKeyValueBias(bias).outputBias(bias)
                .queryKeyNorm(QueryKeyNorm.Scope.HEAD);
        String expertsKey = c.has("num_experts") ? "num_experts" : "num_local_experts";
        int experts = c.positiveOr(expertsKey, 128);
        int perToken = c.positiveOr("num_experts_per_tok", 8);
        boolean renormalised = c.flagOr("norm_topk_prob", false);
        int width = c.positiveOr("moe_intermediate_size", 768);
        int dense = c.positive("intermediate_size");
        SparseLayers sparse = SparseLayers.qwen(c, recipe.layers());
        // Published files have it, the reference implementation has no use for it: here every layer slides, or none does.
        c.ignore("max_window_layers");
        List<String> types = Windows.typesOrNull(c, recipe.layers());
        boolean slides = c.flagOr("use_sliding_window", false);
        if (types != null && slides && types.contains("full_attention")) {
            // It knows no list of layer types either.
            throw c.unsupported("layer_types", "a Qwen3-MoE model of which some layers slide");
        }
        return recipe.window(Windows.slidingIf(c, recipe.layers(), l -> true)).feedForward(l -> {
            String p = recipe.prefix(l) + "mlp.";
            if (!sparse.has(l)) {
                return recipe.dense(p, dense);
            }
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SOFTMAX,
                    Router.Weighting.renormalised(renormalised));
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"),
                    recipe.experts(p + "experts.", experts, expertsKey, width, "gate_proj", "up_proj", "down_proj"), null, null);
        }).build();
    }
}
