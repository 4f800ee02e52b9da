package vitrine.core.backward;

import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.forward.RotaryTable;

/// One layer on a tape, in the order of [vitrine.core.architecture.LayerSpec].
final class LayerSteps {

    private LayerSteps() {}

    /// The layer's output for an input `[tokens, hidden]` of sequences that begin at rows `starts`.
    ///
    /// @param balance or null
    static Variable run(Tape tape, LayerSpec l, Variable x, int[] starts, RotaryTable.Shelf ropes, Balance balance) {
        Variable a = attend(tape, l, x, starts, ropes, 0, null);
        a = tape.norm(a, l.attentionOutput());
        if (l.parallel()) {
            Variable m = feedForward(tape, l, tape.norm(x, l.feedForwardInput()), balance);
            Variable both = tape.sum(tape.sum(x, a, l.residual()), m, l.residual());
            return tape.norm(both, l.afterFeedForward());
        }
        Variable middle = tape.norm(tape.sum(x, a, l.residual()), l.afterAttention());
        int loops = tape.looping() == null ? 0 : tape.looping().loops(l.index());
        for (int i = 1; i <= loops; i++) {
            Variable again = tape.norm(attend(tape, l, middle, starts, ropes, i, tape.looping().factors(l.index())), l.attentionOutput());
            middle = tape.sum(middle, again, l.residual());
        }
        Variable m = feedForward(tape, l, tape.norm(middle, l.feedForwardInput()), balance);
        return tape.norm(tape.sum(middle, m, l.residual()), l.afterFeedForward());
    }

    /// Run `i` of a layer's attention.
    private static Variable attend(Tape tape, LayerSpec l, Variable x, int[] starts, RotaryTable.Shelf ropes, int i, float[] factors) {
        LastQueries entropies = tape.looping() != null && tape.tellsEntropies() ? new LastQueries(l.attention().heads()) : null;
        Variable a = new AttentionSteps(tape, l.attention(), starts, ropes).run(tape.norm(x, l.attentionInput()), factors, entropies);
        if (entropies != null) {
            tape.looping().entropies(l.index(), i, entropies.sums(), entropies.sequences());
        }
        return a;
    }

    private static Variable feedForward(Tape tape, LayerSpec l, Variable h, Balance balance) {
        Variable m = l.feedForward() instanceof FeedForward.Mixture mixture ? new MixtureSteps(tape, l.index(), mixture, balance).run(h) : dense(tape, l.feedForward(), h);
        return tape.norm(m, l.feedForwardOutput());
    }

    /// A block without experts.
    static Variable dense(Tape tape, FeedForward f, Variable h) {
        Parameters p = tape.parameters;
        return switch (f) {
            case FeedForward.Gated g -> {
                Variable gate = tape.linear(h, p.projection(g.gate()));
                tape.tellChannels(g.activation(), gate);
                yield tape.linear(tape.gated(g.activation(), gate, tape.linear(h, p.projection(g.up()))), p.projection(g.down()));
            }
            case FeedForward.FusedGated g -> tape.linear(tape.gatedHalves(g.activation(), tape.linear(h, p.projection(g.gateUp())), g.width()), p.projection(g.down()));
            case FeedForward.Plain q -> tape.linear(tape.activate(q.activation(), tape.linear(h, p.projection(q.up()))), p.projection(q.down()));
            case FeedForward.Mixture ignored -> throw new IllegalArgumentException("experts within experts");
        };
    }
}
