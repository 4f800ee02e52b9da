package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.TensorNames;

/// Granite: Llama with multipliers on embeddings, attention scores, residual branches and logits.
public final class Granite implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("granite");
    }

    @Override
    public String name() {
        return "Granite";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        boolean bias = c.flagOr("attention_bias", false);
        return DecoderRecipe.of(this, c, names).queryKeyValueBias(bias).outputBias(bias).feedForwardBias(c.flagOr("mlp_bias", false))
                .embeddingMultiplier(c.numberOr("embedding_multiplier", 1))
                .attentionScale(c.numberOr("attention_multiplier", 1))
                .residualMultiplier(c.numberOr("residual_multiplier", 1))
                .logits(1 / c.numberOr("logits_scaling", 1), 0).build();
    }
}
