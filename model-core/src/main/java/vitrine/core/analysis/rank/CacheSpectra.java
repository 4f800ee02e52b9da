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
/// Legend: K key/value heads, d values per head, D = K d. Kept are `[K | V]` (keys as cached, after rotary embedding, with the values),
/// width 2 D, and the outputs of the key projection before key norm and rotary embedding, width D. Rotary embedding turns keys of
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
            int d = width(spec, first + i);
            cached[i] = new StreamingCovariance(2 * d);
            projected[i] = new StreamingCovariance(d);
            widest = Math.max(widest, 2 * d);
        }
        buffer = new RowBuffer(widest);
    }

    /// The memory that a layer takes.
    public static long bytes(ModelSpec spec, int layer) {
        int d = width(spec, layer);
        return StreamingCovariance.bytes(2 * d) + StreamingCovariance.bytes(d);
    }

    private static int width(ModelSpec spec, int layer) {
        AttentionSpec a = spec.layers().get(layer).attention();
        return a.keyValueHeads() * a.headDim();
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
        int d = spec.layers().get(layer).attention().headDim();
        int all = width(spec, layer);
        int from = head < 0 ? 0 : head * d;
        int count = head < 0 ? all : d;
        StreamingCovariance c = part == Part.K_PROJ ? projected[layer - first] : cached[layer - first];
        int[] columns = switch (part) {
            case K, K_PROJ -> StreamingCovariance.columns(from, count);
            case V -> StreamingCovariance.columns(all + from, count);
            case KV -> {
                int[] both = java.util.Arrays.copyOf(StreamingCovariance.columns(from, count), 2 * count);
                System.arraycopy(StreamingCovariance.columns(all + from, count), 0, both, count, count);
                yield both;
            }
        };
        return c.singularValues(centred, columns);
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
