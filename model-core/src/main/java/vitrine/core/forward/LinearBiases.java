package vitrine.core.forward;

import vitrine.core.architecture.AttentionSpec;
import vitrine.core.tensor.kernel.Attend;

/// The linear biases of a layer's heads as the kernels take them.
public final class LinearBiases {

    private LinearBiases() {}

    /// Of each query head, or null where the layer has none.
    ///
    /// @param keys of the longest sequence
    public static Attend.Bias[] of(AttentionSpec spec, int keys) {
        if (spec.alibi() == null) {
            return null;
        }
        Attend.Bias[] out = new Attend.Bias[spec.heads()];
        for (int head = 0; head < out.length; head++) {
            out[head] = new Attend.Bias(spec.alibi().values(head, keys), !spec.alibi().rounded());
        }
        return out;
    }
}
