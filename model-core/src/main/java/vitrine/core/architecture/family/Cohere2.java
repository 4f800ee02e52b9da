package vitrine.core.architecture.family;

import java.util.List;
import java.util.function.IntUnaryOperator;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Command R7B and Command A: Command R whose windowed layers rotate neighbouring pairs, and whose full ones have no positions.
public final class Cohere2 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("cohere2");
    }

    @Override
    public String name() {
        return "Cohere 2";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        // Heads divide the hidden size, whatever the config says.
        c.ignore("head_dim");
        if (c.has("head_dim") && c.positive("head_dim") * recipe.heads() != recipe.hiddenSize()) {
            throw c.unsupported("head_dim", "heads of another width than hidden_size / num_attention_heads");
        }
        for (String key : List.of("use_gated_activation", "use_parallel_block", "use_parallel_embedding", "use_embedding_sharing")) {
            if (c.has(key) && c.flagOr(key, true) != !key.equals("use_parallel_embedding")) {
                throw c.unsupported(key, key + " " + c.flagOr(key, true));
            }
        }
        if (c.flagOr("use_qk_norm", false)) {
            throw c.unsupported("use_qk_norm", "a norm of queries and keys in a Cohere 2");
        }
        // What the published files say beside; the reference implementation reads none of these.
        c.ignore("layer_switch", "order_of_interleaved_layers", "position_embedding_type", "rotary_pct");
        int pattern = c.positiveOr("sliding_window_pattern", 4);
        IntUnaryOperator window = Windows.byLayerType(c, recipe.layers(), l -> (l + 1) % pattern != 0);
        Rope rope = RopeConfig.of(c, recipe.headDim()).interleaved().read();
        return recipe.queryKeyValueBias(bias).outputBias(bias).layerNorm(c.numberOr("layer_norm_eps", 1e-5), false)
                .window(window).rope(l -> window.applyAsInt(l) > 0 ? rope : null)
                .logits(c.numberOr("logit_scale", 0.0625), 0).tiedByDefault(true).parallel().build();
    }
}
