package vitrine.core.analysis.evaluate;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// A pass in which layers take over what an earlier layer, their anchor, attended with: its queries, or its attention weights. Keys (with its queries) and values stay the layer's own.
///
/// Queries are taken after rotation, so that a position stays what it was.
///
/// Source: Zhuang et al., *Q Cache: Visual Attention is Valuable in Less than Half of Decode Layers for Multimodal LLM*, 2026, arXiv 2602.01901; how layers are grouped is a choice of ours.
public final class LazyAttention implements Probe, AutoCloseable {

    /// What is taken over.
    public enum Reused {
        queries(Site.QUERY_ROTATED), attention(Site.PATTERN);

        private final Site site;

        Reused(Site site) {
            this.site = site;
        }
    }

    private record Spot(int sequence, int head, int firstPosition) {}

    private final int[] anchors;
    private final Reused what;
    private final Map<Spot, Matrix> kept = new HashMap<>();
    private int keptOf = -1;
    private Arena arena = Arena.ofShared();

    /// @param anchors of each layer its anchor, itself where it attends by itself
    public LazyAttention(int[] anchors, Reused what) {
        this.anchors = anchors.clone();
        this.what = what;
    }

    /// Groups neighbouring layers: a layer joins those before it where it attends as their first does. The first two layers attend by themselves.
    ///
    /// @param divergence of every two layers, `[layers, layers]`
    /// @param threshold the largest divergence from the anchor
    /// @param longest how many layers a group has at most, the anchor among them
    /// @return of each layer its anchor
    public static int[] anchors(double[][] divergence, double threshold, int longest) {
        int[] out = new int[divergence.length];
        for (int l = 1; l < out.length; l++) {
            int anchor = out[l - 1];
            out[l] = l > 1 && anchor > 0 && divergence[l][anchor] <= threshold && l - anchor < longest ? anchor : l;
        }
        return out;
    }

    private boolean isRead(int layer) {
        return layer + 1 < anchors.length && anchors[layer] == layer && anchors[layer + 1] == layer;
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == what.site && (anchors[layer] != layer || isRead(layer));
    }

    @Override
    public void at(Place place, Matrix value) {
        Spot spot = new Spot(place.sequence(), place.head(), place.firstPosition());
        if (anchors[place.layer()] != place.layer()) {
            value.copyFrom(kept.get(spot));
            return;
        }
        if (keptOf != place.layer()) {
            forget();
            keptOf = place.layer();
        }
        Matrix copy = Matrix.allocate(arena, value.rows(), value.columns());
        copy.copyFrom(value);
        kept.put(spot, copy);
    }

    private void forget() {
        arena.close();
        arena = Arena.ofShared();
        kept.clear();
        keptOf = -1;
    }

    @Override
    public void close() {
        arena.close();
    }
}
