package vitrine.core.architecture;

import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Latent;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;

/// All linear layers of a model, by the name of their weight.
public final class LinearLayers {

    /// A linear layer and where it is.
    ///
    /// @param layer or -1
    public record Placed(Linear linear, int layer) {}

    private final Map<String, Placed> byWeight = new LinkedHashMap<>();

    private LinearLayers() {}

    /// The layers in the order of the forward pass. Experts that are stored in one tensor for all are not among them.
    public static Map<String, Placed> of(ModelSpec spec) {
        LinearLayers all = new LinearLayers();
        all.add(spec.embedding().projection(), -1);
        for (LayerSpec l : spec.layers()) {
            switch (l.attention().projection()) {
                case Separate s -> all.add(l.index(), s.query(), s.key(), s.value());
                case Fused f -> all.add(f.all(), l.index());
                case Latent s -> all.add(l.index(), s.queryDown(), s.query(), s.keyValueDown(), s.keyValueUp());
            }
            all.add(l.attention().output(), l.index());
            all.feedForward(l.feedForward(), l.index());
        }
        if (spec.head() != null) {
            if (spec.head().transform() != null) {
                all.add(spec.head().transform().dense(), -1);
            }
            all.add(spec.head().inputProjection(), -1);
        }
        return all.byWeight;
    }

    private void feedForward(FeedForward f, int layer) {
        switch (f) {
            case FeedForward.Gated g -> add(layer, g.gate(), g.up(), g.down());
            case FeedForward.FusedGated g -> add(layer, g.gateUp(), g.down());
            case FeedForward.Plain p -> add(layer, p.up(), p.down());
            case FeedForward.Mixture m -> {
                add(m.router().logits(), layer);
                experts(m.experts().gate(), layer);
                experts(m.experts().up(), layer);
                experts(m.experts().down(), layer);
                if (m.shared() != null) {
                    feedForward(m.shared(), layer);
                }
                add(m.sharedGate(), layer);
            }
        }
    }

    private void experts(Experts.Matrices matrices, int layer) {
        if (matrices instanceof Experts.Each each) {
            each.linears().forEach(l -> add(l, layer));
        }
    }

    private void add(int layer, Linear... linears) {
        for (Linear l : linears) {
            add(l, layer);
        }
    }

    private void add(Linear l, int layer) {
        if (l != null) {
            byWeight.putIfAbsent(l.weight(), new Placed(l, layer));
        }
    }
}
