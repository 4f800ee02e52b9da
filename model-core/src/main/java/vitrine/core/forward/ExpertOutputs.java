package vitrine.core.forward;

import vitrine.core.architecture.Experts;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Scratch;

/// What the experts of a layer make of any values, whoever would visit them.
public final class ExpertOutputs {

    private final Experts experts;
    private final Weights weights;

    public ExpertOutputs(Experts experts, Weights weights) {
        this.experts = experts;
        this.weights = weights;
    }

    /// `y = expert(x)`, both `[tokens, hidden]`.
    public void of(int expert, Matrix x, Matrix y) {
        try (Scratch scratch = new Scratch()) {
            MixtureBlock.expert(experts, expert, x, y, weights, scratch);
        }
    }
}
