package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.SparseLayers;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Qwen2-MoE: Qwen2 with experts in some layers and a shared expert behind a sigmoid gate.
public final class Qwen2Moe implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("qwen2_moe");
    }

    @Override
    public String name() {
        return "Qwen2-MoE";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(16).queryKeyValueBias(c.flagOr("qkv_bias", true));
        int experts = c.positiveOr("num_experts", 60);
        int perToken = c.positiveOr("num_experts_per_tok", 4);
        boolean renormalised = c.flagOr("norm_topk_prob", false);
        int width = c.positiveOr("moe_intermediate_size", 1408);
        int sharedWidth = c.positiveOr("shared_expert_intermediate_size", 5632);
        int dense = c.positive("intermediate_size");
        SparseLayers sparse = SparseLayers.qwen(c, recipe.layers());
        // Not Qwen2's rule: of the layers before max_window_layers, every other one slides.
        int before = c.countOr("max_window_layers", 28);
        return recipe.window(Windows.slidingIf(c, recipe.layers(), l -> l % 2 == 0 && l < before)).feedForward(l -> {
            String p = recipe.prefix(l) + "mlp.";
            if (!sparse.has(l)) {
                return recipe.dense(p, dense);
            }
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SOFTMAX,
                    Router.Weighting.renormalised(renormalised));
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"),
                    recipe.experts(p + "experts.", experts, "num_experts", width, "gate_proj", "up_proj", "down_proj"),
                    recipe.dense(p + "shared_expert.", sharedWidth), recipe.linear(p + "shared_expert_gate", 1, recipe.hiddenSize(), false));
        }).build();
    }
}
