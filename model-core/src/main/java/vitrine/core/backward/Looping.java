package vitrine.core.backward;

import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.ModelSpec;

/// Says which layers run their attention again with the same weights, and is told how spread out attention is.
///
///     h <- h + O(factors .* Attn(norm(h)))        between the block's first attention sum and its feed-forward block
///
/// Source: Chen et al., *Sparse Growing Transformer*, 2026, arXiv 2603.23998.
public interface Looping {

    /// How often a layer's attention runs again after the first time; 0 leaves the layer as it is, to the bit.
    int loops(int layer);

    /// What each query head's output is multiplied with in a repeated run, `[heads]`; wanted where [#loops] is above 0 only.
    float[] factors(int layer);

    /// Told once for each run of a layer's attention in a pass with gradients, not again where a layer is computed twice.
    ///
    /// @param run 0 for the first, 1 for the first repetition, and so on
    /// @param entropies per query head the sum over `sequences` of the last query's entropy, relative to the most there can be: from 0 to 1 each
    /// @param sequences those with two tokens or more: of a single key there is no entropy
    void entropies(int layer, int run, double[] entropies, int sequences);

    /// The loops that a model has of itself.
    ///
    /// @return null where no layer repeats its attention
    static Looping ofOrNull(ModelSpec spec) {
        return spec.loopingLayers().isEmpty() ? null : new Looping() {
            @Override
            public int loops(int layer) {
                AttentionLoops l = spec.layers().get(layer).loops();
                return l == null ? 0 : l.count();
            }

            @Override
            public float[] factors(int layer) {
                return spec.layers().get(layer).loops().toArray();
            }

            @Override
            public void entropies(int layer, int run, double[] entropies, int sequences) {}
        };
    }
}
