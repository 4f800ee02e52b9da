package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// StarCoder2: layer norms, biases everywhere, a feed-forward block without a gate.
public final class Starcoder2 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("starcoder2");
    }

    @Override
    public String name() {
        return "StarCoder2";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        // Published files carry keys of the first StarCoder, which this family does not read.
        c.ignore("activation_function", "layer_norm_epsilon", "attention_softmax_in_fp32", "scale_attention_softmax_in_fp32", "scale_attn_weights");
        if (!c.textOr("mlp_type", "default").equals("default") || !c.textOr("norm_type", "layer_norm").equals("layer_norm")) {
            throw c.unsupported("mlp_type", "another feed-forward or norm than the published ones");
        }
        boolean bias = c.flagOr("use_bias", true);
        return DecoderRecipe.of(this, c, names).defaultKeyValueHeads(2).queryKeyValueBias(bias).outputBias(bias).feedForwardBias(bias)
                .layerNorm(c.numberOr("norm_epsilon", 1e-5), true)
                .plainFeedForward("c_fc", "c_proj")
                .activation(Activations.of(c, "hidden_act", "gelu_pytorch_tanh"))
                .window(Windows.everyLayer(c, 0)).tiedByDefault(true).build();
    }
}
