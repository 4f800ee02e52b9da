package vitrine.core.architecture;

import vitrine.core.tensor.Shape;

/// A linear layer `y = x W^T + b` from `in` to `out` features.
///
/// @param weight the tensor, `[out, in]`, or `[in, out]` where `inputMajor`
/// @param bias the tensor `[out]`, or null for none
/// @param scales what the stored weight is multiplied with, block by block, or null for nothing
public record Linear(String weight, String bias, int out, int in, boolean inputMajor, Scales scales) {

    /// Scales of a weight stored `[out, in]` in blocks: value (o, i) is multiplied with scale (o / rows, i / columns).
    ///
    /// @param tensor the scales, `[out / rows, in / columns]`, both rounded up
    public record Scales(String tensor, int rows, int columns) {

        /// The shape that the scales of a weight `[out, in]` must have.
        public Shape shape(int out, int in) {
            return Shape.of(Math.ceilDiv(out, rows), Math.ceilDiv(in, columns));
        }
    }

    public Linear(String weight, String bias, int out, int in, boolean inputMajor) {
        this(weight, bias, out, in, inputMajor, null);
    }

    /// A layer stored `[out, in]`, with the bias `PREFIX.bias` where `biased`.
    public static Linear of(String prefix, int out, int in, boolean biased) {
        return new Linear(prefix + ".weight", biased ? prefix + ".bias" : null, out, in, false);
    }

    /// A layer stored `[in, out]` with a bias, as GPT-2's `Conv1D`.
    public static Linear inputMajor(String prefix, int out, int in) {
        return new Linear(prefix + ".weight", prefix + ".bias", out, in, true);
    }

    /// The same layer with scaled weights.
    public Linear scaledBy(Scales of) {
        return new Linear(weight, bias, out, in, inputMajor, of);
    }

    /// The shape that the stored weight must have.
    public Shape shape() {
        return inputMajor ? Shape.of(in, out) : Shape.of(out, in);
    }
}
