package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Phi-3.5-MoE: layer norms with biases, and two experts chosen one after the other (SparseMixer).
public final class Phimoe implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("phimoe");
    }

    @Override
    public String name() {
        return "Phi-MoE";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(8).queryKeyValueBias(bias).outputBias(bias)
                .layerNorm(c.numberOr("rms_norm_eps", 1e-5), true).headBias(c.flagOr("lm_head_bias", false));
        Rope rope = RopeConfig.of(c, recipe.headDim()).defaultTheta(1_000_000).ownMagnitudes().read();
        if (rope.scaling() instanceof Rope.Scaling.LongRope s) {
            // Beyond this the published code turns by the long factors and transformers 5.18 by the short ones: no figure would be right for both.
            recipe.longest(s.originalPositions());
        } else if (!(rope.scaling() instanceof Rope.Scaling.None)) {
            throw c.unsupported("rope_scaling", "another scaling than longrope in a Phi-MoE config");
        }
        int experts = c.positiveOr("num_local_experts", 16);
        int perToken = c.positiveOr("num_experts_per_tok", 2);
        int width = c.positive("intermediate_size");
        // The name says noise; in evaluation it is how close a logit must be to count.
        double closeness = 2 * c.numberOr("router_jitter_noise", 0.01);
        c.ignore("input_jitter_noise");
        if (perToken != 2) {
            throw c.unsupported("num_experts_per_tok", "a SparseMixer of " + perToken + " experts");
        }
        return recipe.rope(rope).window(Windows.everyLayer(c, 0)).feedForward(l -> {
            String p = recipe.prefix(l) + "block_sparse_moe.";
            Router router = Router.of(recipe.linear(p + "gate", experts, recipe.hiddenSize(), false), perToken, Router.Score.SPARSE_MIXER,
                    new Router.Weighting(0, 0, 0, 1, false, closeness));
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"),
                    recipe.experts(p + "experts.", experts, "num_local_experts", width, "w1", "w3", "w2"), null, null);
        }).build();
    }
}
