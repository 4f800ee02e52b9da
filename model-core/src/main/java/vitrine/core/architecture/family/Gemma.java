package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Activations;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;
import vitrine.core.tensor.Activation;

/// Gemma, the first: Llama with norms that multiply by 1 + weight, scaled embeddings and wide heads.
public final class Gemma implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("gemma");
    }

    @Override
    public String name() {
        return "Gemma";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names).defaultKeyValueHeads(16).defaultHeadDim(256);
        boolean bias = c.flagOr("attention_bias", false);
        if (c.flagOr("use_bidirectional_attention", false)) {
            throw c.unsupported("use_bidirectional_attention", "attention in both directions");
        }
        // Published files say gelu in hidden_act and mean its tanh form; hidden_activation was added to say so.
        Activation stated = Activations.of(c, "hidden_act", "gelu_pytorch_tanh");
        if (c.has("hidden_activation") && Activations.of(c, "hidden_activation", "") != Activation.GELU_TANH) {
            throw c.unsupported("hidden_activation", "another activation than gelu_pytorch_tanh");
        }
        return recipe.queryKeyValueBias(bias).outputBias(bias)
                .rmsNorm(c.numberOr("rms_norm_eps", 1e-6), 1)
                .activation(stated == Activation.GELU ? Activation.GELU_TANH : stated)
                .embeddingMultiplier((float) Math.sqrt(recipe.hiddenSize()))
                .tiedByDefault(true).build();
    }
}
