package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.train.AdamW;
import vitrine.core.train.Randomness;

/// Full fine-tuning of a pruned checkpoint: weights that were set to 0 stay 0.
///
///     g <- g * M before clipping and moments;   W <- W * M after the step
///
/// Moments of masked weights are 0 from the first step on, since their gradients are, and 0 does not decay: the mask is bit-identical at the end.
public final class MaskedTuning extends FullTuning {

    private final Map<String, BitSet> zeros;
    private final List<Parameter> masked = new ArrayList<>();

    /// @param zeros per tensor the values that stay 0, by their place in the tensor as stored
    public MaskedTuning(Map<String, BitSet> zeros) {
        this.zeros = zeros;
    }

    @Override
    public void prepare(Parameters parameters, Randomness randomness) {
        parameters.trained().stream().filter(p -> zeros.containsKey(p.name())).forEach(masked::add);
    }

    @Override
    public void gradients() {
        for (Parameter p : masked) {
            if (p.touched()) {
                zeros.get(p.name()).stream().forEach(i -> p.gradient().setAtIndex(JAVA_FLOAT, i, 0f));
            }
        }
    }

    @Override
    public void after(long step, long steps, AdamW optimiser) {
        for (Parameter p : masked) {
            zeros.get(p.name()).stream().forEach(i -> p.data().setAtIndex(JAVA_FLOAT, i, 0f));
        }
    }
}
