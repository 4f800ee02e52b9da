package vitrine.core.prune;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Latent;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;

/// A weight matrix of a decoder layer that can be pruned: a stored tensor, or one expert's part of a stack.
///
/// Routers, norms, biases, embeddings and the head are none. Fused projections are one matrix, as they are stored.
///
/// @param tensor the stored tensor
/// @param expert which of a stack's matrices, -1 where the tensor is this one matrix
/// @param first where its values begin in the tensor
/// @param inputMajor whether it is stored `[in, out]`
/// @param scaled whether stored values are multiplied with scales: they can be set to 0, and not to anything else
/// @param kind what it is to its layer
/// @param inputs names what it reads; matrices of one name read the same
/// @param routed whether only tokens that a router sends reach it
public record PrunableMatrix(String tensor, int expert, long first, int out, int in, boolean inputMajor, boolean scaled, Kind kind, int layer, String inputs, boolean routed) {

    /// What a matrix is to its layer.
    public enum Kind {
        QUERY, KEY, VALUE, QUERY_KEY_VALUE, LATENT, OUTPUT, GATE, UP, GATE_UP, DOWN;

        /// The word in reports.
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// The tensor's name, and after `#` the expert of a stack.
    public String name() {
        return expert < 0 ? tensor : tensor + "#expert." + expert;
    }

    /// The name without `.weight`, as modules are called.
    public String module() {
        return name().replaceAll("\\.weight$", "");
    }

    /// The number of weights.
    public long size() {
        return (long) out * in;
    }

    /// The matrices of all layers, in the order of the pass.
    public static List<PrunableMatrix> of(ModelSpec spec) {
        List<PrunableMatrix> all = new ArrayList<>();
        spec.layers().forEach(l -> all.addAll(of(l)));
        return all;
    }

    /// The matrices of a layer, in the order of the pass.
    public static List<PrunableMatrix> of(LayerSpec layer) {
        Listing l = new Listing(layer.index());
        switch (layer.attention().projection()) {
            case Separate s -> {
                l.add(Kind.QUERY, s.query(), "attn", false);
                l.add(Kind.KEY, s.key(), "attn", false);
                l.add(Kind.VALUE, s.value(), "attn", false);
            }
            case Fused f -> l.add(Kind.QUERY_KEY_VALUE, f.all(), "attn", false);
            case Latent s -> {
                if (s.queryDown() != null) {
                    l.add(Kind.LATENT, s.queryDown(), "attn", false);
                    l.add(Kind.QUERY, s.query(), "query_latent", false);
                } else {
                    l.add(Kind.QUERY, s.query(), "attn", false);
                }
                l.add(Kind.LATENT, s.keyValueDown(), "attn", false);
                l.add(Kind.QUERY_KEY_VALUE, s.keyValueUp(), "latent", false);
            }
        }
        l.add(Kind.OUTPUT, layer.attention().output(), "heads", false);
        l.feedForward(layer.feedForward(), "mlp");
        return l.found;
    }

    private static final class Listing {
        private final int layer;
        private final List<PrunableMatrix> found = new ArrayList<>();

        Listing(int layer) {
            this.layer = layer;
        }

        void add(Kind kind, Linear l, String inputs, boolean routed) {
            found.add(new PrunableMatrix(l.weight(), -1, 0, l.out(), l.in(), l.inputMajor(), l.scales() != null, kind, layer, layer + "." + inputs, routed));
        }

        void feedForward(FeedForward f, String name) {
            switch (f) {
                case FeedForward.Gated g -> {
                    add(Kind.GATE, g.gate(), name, false);
                    add(Kind.UP, g.up(), name, false);
                    add(Kind.DOWN, g.down(), name + "_mid", false);
                }
                case FeedForward.FusedGated g -> {
                    add(Kind.GATE_UP, g.gateUp(), name, false);
                    add(Kind.DOWN, g.down(), name + "_mid", false);
                }
                case FeedForward.Plain p -> {
                    add(Kind.UP, p.up(), name, false);
                    add(Kind.DOWN, p.down(), name + "_mid", false);
                }
                case FeedForward.Mixture m -> {
                    Experts x = m.experts();
                    for (int e = 0; e < x.count(); e++) {
                        expert(x.fusion() == Experts.Fusion.NONE ? Kind.GATE : Kind.GATE_UP, x.gate(), e, "expert." + e);
                        expert(Kind.UP, x.up(), e, "expert." + e);
                        expert(Kind.DOWN, x.down(), e, "expert." + e + "_mid");
                    }
                    if (m.shared() != null) {
                        feedForward(m.shared(), "shared");
                    }
                }
            }
        }

        private void expert(Kind kind, Experts.Matrices matrices, int e, String inputs) {
            switch (matrices) {
                case Experts.Each each -> add(kind, each.linears().get(e), inputs, true);
                case Experts.Stack s -> found.add(new PrunableMatrix(s.weight(), e, (long) e * s.out() * s.in(), s.out(), s.in(), s.inputMajor(), false, kind, layer,
                        layer + "." + inputs, true));
                // Four-bit blocks hold no value that could be changed by itself.
                case Experts.Blocks ignored -> { }
                case null -> { }
            }
        }
    }
}
