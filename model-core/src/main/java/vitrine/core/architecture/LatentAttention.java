package vitrine.core.architecture;

import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Latent;

/// DeepSeek's latent attention, as its configs and tensors have it.
public final class LatentAttention {

    /// The reference implementation gives the norms of latents this epsilon, whatever the config says of the others.
    private static final double LATENT_EPS = 1e-6;

    private LatentAttention() {}

    /// Which of a head's last values turn together, and how they are stored afterwards.
    public enum Turning {
        /// Value i and value i + half, where they lie.
        HALVES,
        /// Neighbours, where they lie.
        PAIRS,
        /// Neighbours, stored afterwards as all first ones and then all second ones.
        PAIRS_TO_HALVES
    }

    /// Tells the recipe how queries, keys and values are made, how wide they are, how they turn and how scores are scaled.
    public static void read(Config c, DecoderRecipe recipe, Turning turning) {
        int plain = c.positiveOr("qk_nope_head_dim", 128);
        int turned = c.positiveOr("qk_rope_head_dim", 64);
        int value = c.positiveOr("v_head_dim", 128);
        int latent = c.positiveOr("kv_lora_rank", 512);
        // Null means queries straight from the hidden state; a missing key means the default.
        int queryLatent = c.isNull("q_lora_rank") ? 0 : c.positiveOr("q_lora_rank", 1536);
        boolean bias = c.flagOr("attention_bias", false);
        // Both repeat what the three widths say; some writers put another of them into head_dim.
        c.ignore("qk_head_dim", "head_dim");
        if (c.has("num_key_value_heads") && c.positive("num_key_value_heads") != recipe.heads()) {
            throw c.invalid("num_key_value_heads", "is %d; latent attention makes keys and values for all %d heads", c.positive("num_key_value_heads"), recipe.heads());
        }
        RopeConfig ropes = RopeConfig.of(c, turned);
        Rope rope = (turning == Turning.PAIRS ? ropes.interleaved() : ropes).read();
        recipe.rope(rope).outputBias(bias).attentionScale(scale(c, rope) / Math.sqrt(plain + turned));
        int heads = recipe.heads();
        int hidden = recipe.hiddenSize();
        recipe.projection(l -> {
            String a = recipe.prefix(l) + "self_attn.";
            Linear down = queryLatent == 0 ? null : recipe.linear(a + "q_a_proj", queryLatent, hidden, bias);
            Linear query = down == null ? recipe.linear(a + "q_proj", heads * (plain + turned), hidden, false)
                    : recipe.linear(a + "q_b_proj", heads * (plain + turned), queryLatent, false);
            return new Latent(down, down == null ? null : Norm.rms(a + "q_a_layernorm.weight", queryLatent, LATENT_EPS), query,
                    recipe.linear(a + "kv_a_proj_with_mqa", latent + turned, hidden, bias), Norm.rms(a + "kv_a_layernorm.weight", latent, LATENT_EPS),
                    recipe.linear(a + "kv_b_proj", heads * (plain + value), latent, false), plain, turning == Turning.PAIRS_TO_HALVES);
        }, plain + turned, value);
    }

    /// With a scaled rope and `mscale_all_dim`, scores grow by the square of the magnitude that cosines and sines would have had.
    private static double scale(Config c, Rope rope) {
        Config p = RopeConfig.parameters(c);
        if (p == null || rope.scaling() instanceof Rope.Scaling.None) {
            return 1;
        }
        double all = p.numberOr("mscale_all_dim", 0);
        double factor = p.number("factor");
        double magnitude = all == 0 || factor <= 1 ? 1 : 0.1 * all * Math.log(factor) + 1;
        return magnitude * magnitude;
    }
}
