package vitrine.core.adapter;

import vitrine.core.checkpoint.TensorEntry;

/// One module that an adapter changes: delta = s B A, or s (B A)^T of an embedding's table.
///
/// @param path the module's path in the base, such as `model.layers.0.self_attn.q_proj`
/// @param embedding whether the module is an embedding, whose table is stored `[vocabulary, width]`: `in` is the vocabulary, `out` the width
/// @param rank rows of A
/// @param alpha as the config gives it
/// @param scaling s
/// @param a `[rank, in]`
/// @param b `[out, rank]`
/// @param diagonal AdaLoRA's E, `[rank, 1]`, or null
/// @param magnitude DoRA's m, `[out]`, or null
/// @param bias of B, `[out]`, or null
public record AdapterModule(String path, boolean embedding, int in, int out, int rank, double alpha, double scaling, TensorEntry a, TensorEntry b, TensorEntry diagonal,
                            TensorEntry magnitude, TensorEntry bias) {

    /// The values that were trained for the module.
    public long parameters() {
        return a.elements() + b.elements() + (diagonal == null ? 0 : diagonal.elements()) + (magnitude == null ? 0 : magnitude.elements()) + (bias == null ? 0 : bias.elements());
    }

    /// The last part of the path: `q_proj`.
    public String kind() {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
