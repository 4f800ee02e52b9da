package vitrine.core.architecture.family;

import java.util.List;
import vitrine.core.architecture.Config;
import vitrine.core.architecture.DecoderRecipe;
import vitrine.core.architecture.Family;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Rope;
import vitrine.core.architecture.RopeConfig;
import vitrine.core.architecture.TensorNames;
import vitrine.core.architecture.Windows;

/// Phi-3 and Phi-4-mini: Llama with fused projections, partial rotation, long-context factors.
public final class Phi3 implements Family {

    @Override
    public List<String> modelTypes() {
        return List.of("phi3");
    }

    @Override
    public String name() {
        return "Phi-3";
    }

    @Override
    public ModelSpec read(Config c, TensorNames names) {
        DecoderRecipe recipe = DecoderRecipe.of(this, c, names);
        Rope rope = RopeConfig.of(c, recipe.headDim()).partial(1).defaultOriginal(4096).read();
        if (!(rope.scaling() instanceof Rope.Scaling.None) && !(rope.scaling() instanceof Rope.Scaling.LongRope)) {
            // transformers takes yarn for longrope here and refuses the others.
            throw c.unsupported("rope_scaling", rope.scaling().getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT) + " scaling in a Phi-3 config");
        }
        c.ignore("original_max_position_embeddings");
        for (String key : List.of("interpolate_factor", "full_attn_mod")) {
            if (c.positiveOr(key, 1) != 1) {
                throw c.unsupported(key, key + " other than 1");
            }
        }
        return recipe.fused().rope(rope).rmsNorm(c.numberOr("rms_norm_eps", 1e-5), 0).window(Windows.everyLayer(c, 0)).build();
    }
}
