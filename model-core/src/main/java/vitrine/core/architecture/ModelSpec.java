package vitrine.core.architecture;

import java.util.List;
import java.util.Map;

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

    /// The layers with experts, in order.
    public List<Integer> expertLayers() {
        return layers.stream().filter(l -> l.feedForward() instanceof FeedForward.Mixture).map(LayerSpec::index).toList();
    }

    /// The experts of a layer that has them.
    public FeedForward.Mixture experts(int layer) {
        return (FeedForward.Mixture) layers.get(layer).feedForward();
    }

    /// The same model with another number of experts per token, by layer number; layers that it does not name stay as they are.
    public ModelSpec choosing(Map<Integer, Integer> perToken) {
        List<LayerSpec> changed = layers.stream().map(l -> l.feedForward() instanceof FeedForward.Mixture m && perToken.containsKey(l.index())
                ? l.with(new FeedForward.Mixture(m.router().choosing(perToken.get(l.index())), m.experts(), m.shared(), m.sharedGate())) : l).toList();
        return withLayers(changed);
    }

    /// The same model of other layers.
    public ModelSpec withLayers(List<LayerSpec> other) {
        return new ModelSpec(modelType, family, encoder, hiddenSize, vocabSize, maxPositions, positionsAreHard, embedding, other, finalNorm, head, ignoredSuffixes);
    }

    /// The layers whose attention runs more than once, in order.
    public List<Integer> loopingLayers() {
        return layers.stream().filter(l -> l.loops() != null).map(LayerSpec::index).toList();
    }
}
