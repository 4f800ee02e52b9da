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
}
