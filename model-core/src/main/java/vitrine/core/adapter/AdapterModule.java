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
/// @param solar how the delta is stored where it is no pair of factors: then `a` holds the values of coefficients, float32 `[t]`, and `b` their places in
///   Z `[p, q]`, int16 `[t]`; null for factors
/// @param part which part of `a` and `b` is this module's; null for the whole
public record AdapterModule(String path, boolean embedding, int in, int out, int rank, double alpha, double scaling, TensorEntry a, TensorEntry b, TensorEntry diagonal,
                            TensorEntry magnitude, TensorEntry bias, Solar solar, Part part) {

    /// A part of factors that were trained for the parameter of all experts at once (`target_parameters`): A `[experts rank, in]` holds one expert's rows after the
    /// other's, B `[outputs, rank experts]` the columns of one rank of all experts side by side.
    ///
    /// @param expert whose part it is, of `experts`
    /// @param first the first row of B that belongs to the module: gate and up projections stand in one parameter
    public record Part(int expert, int experts, int first) {}


    /// Coefficients in bases that are made from the base's weight and a seed: delta = P Z Q^T.
    ///
    /// @param vectors singular vectors of the base that a basis begins with, at most
    /// @param perturbation how far the second half of a basis is moved from the first
    /// @param seed of the Gaussian numbers
    /// @param baseNorm the Frobenius norm of the base's weight: with another weight the bases would be others
    public record Solar(int vectors, double perturbation, long seed, double baseNorm) {

        /// The width of a basis of vectors of `size` values.
        public int width(int size, int in, int out) {
            return Math.min(2 * Math.min(vectors, Math.min(in, out)), size);
        }
    }

    /// The values that were trained for the module.
    public long parameters() {
        if (part != null) {
            // Gate and up projections share A.
            return (long) rank * ((part.first == 0 ? in : 0) + out);
        }
        return a.elements() + (solar == null ? b.elements() : 0) + (diagonal == null ? 0 : diagonal.elements()) + (magnitude == null ? 0 : magnitude.elements()) + (bias == null ? 0 : bias.elements());
    }

    /// The last part of the path: `q_proj`.
    public String kind() {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
