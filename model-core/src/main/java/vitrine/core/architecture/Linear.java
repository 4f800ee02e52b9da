package vitrine.core.architecture;

import vitrine.core.tensor.Shape;

/// A linear layer `y = x W^T + b` from `in` to `out` features.
///
/// @param weight the tensor, `[out, in]`, or `[in, out]` where `inputMajor`
/// @param bias the tensor `[out]`, or null for none
public record Linear(String weight, String bias, int out, int in, boolean inputMajor) {

    /// A layer stored `[out, in]`, with the bias `PREFIX.bias` where `biased`.
    public static Linear of(String prefix, int out, int in, boolean biased) {
        return new Linear(prefix + ".weight", biased ? prefix + ".bias" : null, out, in, false);
    }

    /// A layer stored `[in, out]` with a bias, as GPT-2's `Conv1D`.
    public static Linear inputMajor(String prefix, int out, int in) {
        return new Linear(prefix + ".weight", prefix + ".bias", out, in, true);
    }

    /// The shape that the stored weight must have.
    public Shape shape() {
        return inputMajor ? Shape.of(in, out) : Shape.of(out, in);
    }
}
