package vitrine.core.analysis.rank;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Second moments of keys and values of some layers, of each head and of all heads together.
///
/// Legend: K key/value heads, d values per key and e per value of a head (the same but in latent attention). Kept are `[K | V]` (keys as cached, after
/// rotary embedding, with the values), width K (d + e), and the outputs of the key projection before key norm and rotary embedding, width K d. Rotary embedding turns keys of
/// different positions differently and so raises their rank: the two must not be compared without saying which is which.
///
/// Source: KV-CoRE, arXiv 2602.05929, which takes the projections' outputs.
public final class CacheSpectra implements Probe, AutoCloseable {

    /// A matrix whose spectrum is asked for.
    public enum Part {
        /// Keys as cached, after rotary embedding.
        K("k"),
        /// Outputs of the key projection, before key norm and rotary embedding.
        K_PROJ("k_proj"),
        /// Values.
        V("v"),
        /// Cached keys and values side by side, `[tokens, 2 d]` of a head.
        KV("kv");

        private final String tensor;

        Part(String tensor) {
            this.tensor = tensor;
        }

        /// As in the reference cases.
        public String tensor() {
            return tensor;
        }
    }

    private final ModelSpec spec;
    private final int first;
    private final StreamingCovariance[] cached;
    private final StreamingCovariance[] projected;
    private final RowBuffer buffer;
    /// Keys of the layer that passes, by sequence, until their values come.
    private final Map<Integer, Matrix> keys = new HashMap<>();

    /// @param first and `last`: the layers, both included
    public CacheSpectra(ModelSpec spec, int first, int last) {
        this.spec = spec;
        this.first = first;
        cached = new StreamingCovariance[last - first + 1];
        projected = new StreamingCovariance[cached.length];
        int widest = 0;
        for (int i = 0; i < cached.length; i++) {
            int d = keyWidth(spec, first + i);
            int both = d + valueWidth(spec, first + i);
            cached[i] = new StreamingCovariance(both);
            projected[i] = new StreamingCovariance(d);
            widest = Math.max(widest, both);
        }
        buffer = new RowBuffer(widest);
    }

    /// The memory that a layer takes.
    public static long bytes(ModelSpec spec, int layer) {
        int d = keyWidth(spec, layer);
        return StreamingCovariance.bytes(d + valueWidth(spec, layer)) + StreamingCovariance.bytes(d);
    }

    private static int keyWidth(ModelSpec spec, int layer) {
        AttentionSpec a = spec.layers().get(layer).attention();
        return a.keyValueHeads() * a.headDim();
    }

    private static int valueWidth(ModelSpec spec, int layer) {
        AttentionSpec a = spec.layers().get(layer).attention();
        return a.keyValueHeads() * a.valueDim();
    }

    @Override
    public boolean wants(int layer, Site site) {
        return layer >= first && layer < first + cached.length && (site == Site.KEY_PROJECTED || site == Site.KEY_ROTATED || site == Site.VALUE);
    }

    @Override
    public void at(Place place, Matrix value) {
        int i = place.layer() - first;
        switch (place.site()) {
            case KEY_PROJECTED -> buffer.add(projected[i], null, value);
            case KEY_ROTATED -> keys.put(place.sequence(), Matrix.over(java.lang.foreign.MemorySegment.ofArray(value.toArray()), value.rows(), value.columns()));
            default -> buffer.add(cached[i], null, keys.remove(place.sequence()), value);
        }
    }

    /// Tokens that have passed.
    public long tokens() {
        buffer.flush();
        return projected[0].count();
    }

    /// The singular values of a part of a layer.
    ///
    /// @param head -1 for all heads side by side
    public Optional<double[]> singularValues(Part part, int layer, int head, boolean centred) {
        buffer.flush();
        AttentionSpec a = spec.layers().get(layer).attention();
        int[] ofKeys = columns(0, a.headDim(), a.keyValueHeads(), head);
        int[] ofValues = columns(keyWidth(spec, layer), a.valueDim(), a.keyValueHeads(), head);
        StreamingCovariance c = part == Part.K_PROJ ? projected[layer - first] : cached[layer - first];
        int[] columns = switch (part) {
            case K, K_PROJ -> ofKeys;
            case V -> ofValues;
            case KV -> {
                int[] both = java.util.Arrays.copyOf(ofKeys, ofKeys.length + ofValues.length);
                System.arraycopy(ofValues, 0, both, ofKeys.length, ofValues.length);
                yield both;
            }
        };
        return c.singularValues(centred, columns);
    }

    private static int[] columns(int from, int width, int heads, int head) {
        return head < 0 ? StreamingCovariance.columns(from, heads * width) : StreamingCovariance.columns(from + head * width, width);
    }

    @Override
    public void close() {
        for (int i = 0; i < cached.length; i++) {
            cached[i].close();
            projected[i].close();
        }
        buffer.close();
    }
}
