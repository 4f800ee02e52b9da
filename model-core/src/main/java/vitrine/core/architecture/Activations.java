package vitrine.core.architecture;

import vitrine.core.tensor.Activation;

/// Activation functions by their names in configs (transformers' `ACT2FN`).
public final class Activations {

    private Activations() {}

    /// The function under a key.
    ///
    /// @throws vitrine.core.refusal.Refusal `family-unsupported` for a name that is not known
    public static Activation of(Config config, String key, String otherwise) {
        String name = config.textOr(key, otherwise);
        return switch (name) {
            case "silu", "swish" -> Activation.SILU;
            case "gelu", "gelu_python" -> Activation.GELU;
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate" -> Activation.GELU_TANH;
            case "quick_gelu" -> Activation.QUICK_GELU;
            case "relu" -> Activation.RELU;
            case "relu2" -> Activation.RELU_SQUARED;
            case "tanh" -> Activation.TANH;
            default -> throw config.unsupported(key, name);
        };
    }
}
