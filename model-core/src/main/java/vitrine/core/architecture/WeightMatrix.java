package vitrine.core.architecture;

import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.tensor.MatrixView;

/// A matrix of a checkpoint: a stored tensor, or the part of one that does one thing.
///
/// @param name unique within the checkpoint: the tensor's, and after `#` which part of it, as in `h.0.attn.c_attn.weight#query` or
/// `model.layers.0.mlp.experts.down_proj#expert.3`
/// @param tensor where the values are stored
/// @param view which of them, as `[rows, columns]` in the order they are stored
/// @param part what the matrix is for
/// @param layer or -1
/// @param head one query head (of [Part#QUERY] and [Part#OUTPUT]) or key/value head (of [Part#KEY] and [Part#VALUE]); -1 for all together
/// @param expert or -1
public record WeightMatrix(String name, TensorEntry tensor, MatrixView view, Part part, int layer, int head, int expert) {

    public int rows() {
        return view.rows();
    }

    public int columns() {
        return view.columns();
    }
}
