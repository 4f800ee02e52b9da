package vitrine.core.architecture.family;

import java.util.Arrays;
import java.util.List;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Norm;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.Router;
import vitrine.core.architecture.TensorNames;

/// Llama 4, text only: layers with rotary positions that attend within chunks, others without positions that see everything and whose queries grow with the
/// context; experts in some layers, weighted by a sigmoid of their input, and a shared one.
public final class Llama4Text implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("llama4_text");
    }

    @Override
    public String name() {
        return "Llama 4 (text)";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultHeadDim(128).defaultKeyValueHeads(8).queryKeyValueBias(bias).outputBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0);
        int layers = recipe.layers();
        boolean[] turned = turned(c, layers);
        Rope rope = RopeConfig.of(c, recipe.headDim()).defaultTheta(500_000).interleaved().read();
        if (rope.scaling() instanceof Rope.Scaling.Yarn || rope.scaling() instanceof Rope.Scaling.LongRope) {
            // Queries and keys are normalised after they are turned, which would undo these scalings' factor; nobody has published such a checkpoint.
            throw c.unsupported("rope_scaling", "a rope scaling with a factor on the scores");
        }
        boolean normed = c.flagOr("use_qk_norm", true);
        // Turning keeps the length, and the norm has no weights: before the turn it is what the reference does after it.
        Norm norm = new Norm(Norm.Kind.RMS, recipe.headDim(), (float) c.numberOr("rms_norm_eps", 1e-5), null, null, 0f);
        QueryKeyNorm both = new QueryKeyNorm(QueryKeyNorm.Scope.HEAD, List.of(norm), List.of(norm));
        boolean[] chunked = chunked(c, turned);
        int chunk = c.isNull("attention_chunk_size") ? 0 : c.positiveOr("attention_chunk_size", 8192);
        for (int l = 0; l < layers; l++) {
            if (chunked[l] && chunk == 0) {
                throw c.invalid("attention_chunk_size", "is null, and layer %d attends within chunks", l);
            }
        }
        boolean tempered = tempered(c);
        AttentionSpec.Temperature temperature = new AttentionSpec.Temperature(c.numberOr("floor_scale", 8192), c.numberOr("attn_scale", 0.1));
        boolean[] sparse = sparse(c, layers);
        int width = c.positiveOr("intermediate_size", 8192);
        int denseWidth = c.positiveOr("intermediate_size_mlp", 16384);
        int experts = c.positiveOr("num_local_experts", 16);
        int perToken = c.positiveOr("num_experts_per_tok", 1);
        c.ignore("router_jitter_noise", "for_llm_compressor");
        return recipe.rope(l -> turned[l] ? rope : null).attention((l, a) -> {
            AttentionSpec b = normed && turned[l] ? a.normed(both) : a;
            b = chunked[l] ? b.inChunks(chunk) : b;
            return tempered && !turned[l] ? b.tempered(temperature) : b;
        }).feedForward(l -> {
            String p = recipe.prefix(l) + "feed_forward.";
            if (!sparse[l]) {
                return recipe.dense(p, denseWidth);
            }
            Router router = Router.of(recipe.linear(p + "router", experts, recipe.hiddenSize(), false), perToken, Router.Score.CHOSEN_SIGMOID,
                    new Router.Weighting(0, 0, 0, 1, true, 0));
            Experts stacked = Experts.halves(new Experts.Stack(p + "experts.gate_up_proj", null, experts, 2 * width, recipe.hiddenSize(), true, false),
                    new Experts.Stack(p + "experts.down_proj", null, experts, recipe.hiddenSize(), width, true, false), recipe.activation());
            return new FeedForward.Mixture(recipe.checked(router, "num_experts_per_tok"), stacked, recipe.dense(p + "shared_expert.", width), null);
        }).build();
    }

    /// Layers with rotary positions: 1 in `no_rope_layers`, else all but every `no_rope_layer_interval`-th.
    private static boolean[] turned(Config c, int layers) {
        boolean[] out = new boolean[layers];
        int interval = c.positiveOr("no_rope_layer_interval", 4);
        int[] listed = c.has("no_rope_layers") ? c.wholes("no_rope_layers") : new int[0];
        if (listed.length > 0 && listed.length != layers) {
            throw c.invalid("no_rope_layers", "it has %d entries for %d layers", listed.length, layers);
        }
        for (int l = 0; l < layers; l++) {
            out[l] = listed.length > 0 ? listed[l] != 0 : (l + 1) % interval != 0;
        }
        return out;
    }

    private static boolean[] chunked(Config c, boolean[] turned) {
        List<String> types = c.textsOrNull("layer_types");
        if (types == null) {
            return turned.clone();
        }
        if (types.size() != turned.length) {
            throw c.invalid("layer_types", "it has %d entries for %d layers", types.size(), turned.length);
        }
        boolean[] out = new boolean[turned.length];
        for (int l = 0; l < out.length; l++) {
            if (!types.get(l).equals("chunked_attention") && !types.get(l).equals("full_attention")) {
                throw c.unsupported("layer_types", "layer type " + types.get(l));
            }
            out[l] = types.get(l).equals("chunked_attention");
        }
        return out;
    }

    /// Layers with experts: `moe_layers`, else every `interleave_moe_layer_step`-th.
    private static boolean[] sparse(Config c, int layers) {
        boolean[] out = new boolean[layers];
        int step = c.positiveOr("interleave_moe_layer_step", 1);
        if (!c.has("moe_layers")) {
            for (int l = step - 1; l < layers; l += step) {
                out[l] = true;
            }
            return out;
        }
        int[] listed = c.wholes("moe_layers");
        if (Arrays.stream(listed).anyMatch(l -> l >= layers)) {
            throw c.invalid("moe_layers", "it names layer %d of %d", Arrays.stream(listed).max().orElse(0), layers);
        }
        Arrays.stream(listed).forEach(l -> out[l] = true);
        return out;
    }

    /// Published files say 4 and mean true.
    private static boolean tempered(Config c) {
        return c.isNumber("attn_temperature_tuning") ? c.number("attn_temperature_tuning") != 0 : c.flagOr("attn_temperature_tuning", true);
    }
}
