/// The forward pass: embedding, layers, final norm, head, in that order, for any [vitrine.core.architecture.ModelSpec].
///
/// Start with [vitrine.core.forward.ForwardPass]. It is layer-major: a batch of sequences passes a layer, then the next, so
/// a checkpoint larger than memory can be run; only the residual stream of all tokens is kept throughout. Weights are
/// read where the checkpoint's memory map has them ([vitrine.core.forward.Weights]).
///
/// Arithmetic is float32 throughout, whatever the stored type; means and variances of norms are finished in float64.
package vitrine.core.forward;
