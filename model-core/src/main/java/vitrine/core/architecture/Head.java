package vitrine.core.architecture;

import vitrine.core.tensor.Activation;

/// From the last hidden state to logits.
///
/// @param transform what a masked-language head does first, or null
/// @param inputProjection from the hidden size to the embedding's width (OPT), or null
/// @param weight the tensor `[vocabulary, width]`; the embedding's own where tied
/// @param bias the tensor `[vocabulary]`, or null
/// @param multiplier multiplied with the logits
/// @param softCap `logit = cap tanh(logit / cap)`; 0 for none
public record Head(Transform transform, Linear inputProjection, String weight, String bias, int width, boolean tied, float multiplier, float softCap) {

    /// A plain head.
    public static Head of(String weight, int width, boolean tied) {
        return new Head(null, null, weight, null, width, tied, 1f, 0f);
    }

    /// Dense, activation, norm: the first half of BERT's masked-language head.
    public record Transform(Linear dense, Activation activation, Norm norm) {}
}
