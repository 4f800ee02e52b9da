package vitrine.core.architecture;

import java.util.List;

/// A whole model as data.
///
/// @param modelType the config's `model_type`
/// @param family what to call the family on screen, such as `Llama`
/// @param encoder whether every token sees every other (BERT) and the head predicts masked tokens
/// @param maxPositions the longest sequence that the model has positions for
/// @param positionsAreHard whether longer sequences are impossible (learned positions) rather than unusual
/// @param finalNorm after the last layer, or null
/// @param head or null for a checkpoint without one
/// @param ignoredSuffixes endings of tensor names that are no weights of the forward pass
public record ModelSpec(String modelType, String family, boolean encoder, int hiddenSize, int vocabSize, int maxPositions,
                        boolean positionsAreHard, Embedding embedding, List<LayerSpec> layers, Norm finalNorm, Head head,
                        List<String> ignoredSuffixes) {

    /// The largest number of heads in a layer.
    public int maxHeads() {
        return layers.stream().mapToInt(l -> l.attention().heads()).max().orElse(0);
    }
}
