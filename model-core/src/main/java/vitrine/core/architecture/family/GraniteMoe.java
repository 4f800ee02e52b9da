package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;

/// Granite with experts: Granite's multipliers, and a softmax over the chosen logits only; experts are stacked.
public final class GraniteMoe implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("granitemoe");
    }

    @Override
    public String name() {
        return "Granite MoE";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).queryKeyValueBias(bias).outputBias(bias)
                .embeddingMultiplier(c.numberOr("embedding_multiplier", 1))
                .attentionScale(c.numberOr("attention_multiplier", 1))
                .residualMultiplier(c.numberOr("residual_multiplier", 1))
                .logits(1 / c.numberOr("logits_scaling", 1), 0);
        int experts = c.positiveOr("num_local_experts", 8);
        int perToken = c.positiveOr("num_experts_per_tok", 2);
        int width = c.positive("intermediate_size");
        int hidden = recipe.hiddenSize();
        return recipe.feedForward(l -> {
            String p = recipe.prefix(l) + "block_sparse_moe.";
            Router router = Router.of(recipe.linear(p + "router.layer", experts, hidden, false), perToken, Router.Score.CHOSEN_SOFTMAX, Router.Weighting.PLAIN);
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"), Experts.halves(
                    new Experts.Stack(p + "input_linear.weight", null, experts, 2 * width, hidden, false, false),
                    new Experts.Stack(p + "output_linear.weight", null, experts, hidden, width, false, false), recipe.activation()), null, null);
        }).build();
    }
}
