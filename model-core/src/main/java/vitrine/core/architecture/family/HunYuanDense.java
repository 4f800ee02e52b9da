package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;

/// Hunyuan, the dense models: Llama with norms of query and key heads after their rotation, and a base stretched by alpha.
public final class HunYuanDense implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("hunyuan_v1_dense");
    }

    @Override
    public String name() {
        return "Hunyuan";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        // Ids of tokens, and keys of other Hunyuan models that the reference implementation does not read.
        c.ignore("eod_token_id", "im_start_id", "im_end_id", "im_newline_id", "mask_init_id", "text_start_id", "text_end_id", "sep_token_id", "add_classification_head", "class_num",
                "pool_type", "norm_type", "mlp_bias", "org_vocab_size", "attention_head_dim", "use_rotary_pos_emb", "use_qk_norm", "use_cla", "cla_share_factor", "num_experts");
        if (!c.flagOr("use_qk_norm", true) || c.flagOr("use_cla", false) || c.flagOr("mlp_bias", false)) {
            throw c.unsupported("use_qk_norm", "a Hunyuan without norms of queries and keys, with attention shared across layers or with biases of the feed-forward block,");
        }
        if (c.has("attention_head_dim") && c.positive("attention_head_dim") != recipe.headDim()) {
            throw c.unsupported("attention_head_dim", "heads of another width than head_dim");
        }
        if (c.has("num_experts") && c.positive("num_experts") != 1) {
            throw c.unsupported("num_experts", "a dense Hunyuan of " + c.positive("num_experts") + " experts");
        }
        return recipe.queryKeyValueBias(bias).outputBias(bias).rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0)
                .queryKeyNorm(QueryKeyNorm.Scope.HEAD, "query_layernorm", "key_layernorm").normAfterRotation()
                .rope(rope(c, recipe.headDim())).build();
    }

    /// The published files call a base of `theta alpha^(d / (d - 2))` dynamic; it does not depend on the sequence.
    private static Rope rope(Config c, int headDim) {
        double theta = c.numberOr("rope_theta", 10_000);
        Config p = RopeConfig.parameters(c);
        if (p == null || !p.textOr("rope_type", p.textOr("type", "default")).equals("dynamic") || p.numberOr("alpha", 0) == 0) {
            return RopeConfig.of(c, headDim).read();
        }
        // Beside alpha these have no effect.
        p.ignore("factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim");
        if (headDim < 4 || headDim % 2 != 0) {
            throw c.invalid("head_dim", "heads of %d values cannot be rotated by a stretched base", headDim);
        }
        double base = p.numberOr("rope_theta", theta) * Math.pow(p.number("alpha"), headDim / (headDim - 2.0));
        return new Rope(base, headDim, false, new Rope.Scaling.None());
    }
}
