package vitrine.core.tensor;

/// Activation functions of feed-forward blocks.
public enum Activation {
    /// x sigmoid(x), also called swish.
    SILU,
    /// x Phi(x) with the error function.
    GELU,
    /// The tanh approximation of GELU (`gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`).
    GELU_TANH,
    /// x sigmoid(1.702 x).
    QUICK_GELU,
    RELU,
    /// relu(x)^2.
    RELU_SQUARED,
    TANH
}
