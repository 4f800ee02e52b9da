package vitrine.core.architecture;

import vitrine.core.tensor.Activation;

/// One layer's feed-forward block.
public sealed interface FeedForward {

    /// The width between the two matrices.
    int width();

    /// `down(act(gate(x)) * up(x))`.
    record Gated(Linear gate, Linear up, Linear down, Activation activation) implements FeedForward {
        @Override
        public int width() {
            return gate.out();
        }
    }

    /// The gated form with gate and up in one layer: gate first, then up.
    record FusedGated(Linear gateUp, Linear down, Activation activation) implements FeedForward {
        @Override
        public int width() {
            return down.in();
        }
    }

    /// `down(act(up(x)))`.
    record Plain(Linear up, Linear down, Activation activation) implements FeedForward {
        @Override
        public int width() {
            return up.out();
        }
    }

    /// Routed experts, and what every token passes beside them.
    ///
    ///     y = sum over chosen e of weight_e expert_e(x) + sigmoid(sharedGate(x)) shared(x)
    ///
    /// @param shared what every token passes, or null
    /// @param sharedGate from the hidden size to one value, or null for no gate
    record Mixture(Router router, Experts experts, FeedForward shared, Linear sharedGate) implements FeedForward {
        @Override
        public int width() {
            return experts.width();
        }
    }
}
