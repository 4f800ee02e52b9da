package vitrine.core.backward;

import vitrine.core.tensor.Matrix;

/// Is told what heads and channels do while a pass goes forward. Values are valid during the call only. A layer that is computed twice is told of twice.
public interface Watch {

    /// What the heads of a layer give to the output projection, `[tokens, heads * valueDim]`.
    void heads(int layer, Matrix outputs);

    /// The activated gates of a layer's feed-forward block, before they are multiplied with `up`, `[tokens, width]`.
    void channels(int layer, Matrix gates);
}
