package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;
import vitrine.core.tensor.Activation;

/// gpt-oss: attention sinks, alternating windows, biases everywhere, stacked experts with gate and up in turn, stored plainly or as MXFP4.
public final class GptOss implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("gpt_oss");
    }

    @Override
    public String name() {
        return "gpt-oss";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", true);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultHeadDim(64).defaultKeyValueHeads(8).queryKeyValueBias(bias).outputBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0).sinks("sinks");
        RopeConfig ropes = RopeConfig.of(c, recipe.headDim()).defaultTheta(150_000);
        // An empty scaling is none said, empty parameters are plain positions.
        boolean scaled = c.has("rope_parameters") || c.has("rope_scaling") && !c.objectOrNull("rope_scaling").isEmpty();
        Rope rope = scaled ? ropes.read() : new Rope(c.numberOr("rope_theta", 150_000), recipe.headDim(), false,
                new Rope.Scaling.Yarn(32, 4096, 32, 1, 0.1 * Math.log(32) + 1, false));
        int experts = c.positiveOr("num_local_experts", 128);
        int perToken = c.positiveOr("num_experts_per_tok", 4);
        int width = c.positive("intermediate_size");
        double limit = 7;
        if (c.numberOr("swiglu_limit", limit) != limit) {
            // transformers 5.18 does not read it.
            throw c.unsupported("swiglu_limit", "another bound of the experts' activations than 7");
        }
        // The activation is the family's own, whatever hidden_act says; the others repeat what is said elsewhere.
        c.ignore("hidden_act", "initial_context_length", "experts_per_token");
        return recipe.rope(rope).activation(Activation.QUICK_GELU).window(Windows.byLayerType(c, recipe.layers(), l -> l % 2 == 0)).feedForward(l -> {
            String p = recipe.prefix(l) + "mlp.";
            Router router = Router.of(recipe.linear(p + "router", experts, recipe.hiddenSize(), true), perToken, Router.Score.CHOSEN_SOFTMAX, Router.Weighting.PLAIN);
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"), new Experts(
                    matrices(recipe, names, p + "experts.gate_up_proj", experts, 2 * width, recipe.hiddenSize()), null, Experts.Fusion.IN_TURN,
                    matrices(recipe, names, p + "experts.down_proj", experts, recipe.hiddenSize(), width), Activation.QUICK_GELU, (float) limit, 1f), null, null);
        }).build();
    }

    /// Stacked `[experts, in, out]`, or as blocks of `[experts, out, in]`.
    private static Experts.Matrices matrices(DecoderRecipe recipe, TensorNames names, String name, int count, int out, int in) {
        return recipe.quantisation().mxfp4() && names.has(name + "_blocks")
                ? new Experts.Blocks(name + "_blocks", name + "_scales", name + "_bias", count, out, in)
                : new Experts.Stack(name, name + "_bias", count, out, in, true, false);
    }
}
