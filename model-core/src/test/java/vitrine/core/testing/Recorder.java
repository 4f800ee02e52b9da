package vitrine.core.testing;

import java.util.HashMap;
import java.util.Map;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// A probe that keeps everything, for small models.
public final class Recorder implements Probe {

    private final Map<String, float[]> values = new HashMap<>();

    private final boolean hasHead;

    public Recorder(ModelSpec spec) {
        hasHead = spec.head() != null;
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site != Site.ATTN_SCORES && (site != Site.LOGITS || hasHead);
    }

    @Override
    public void at(Place place, Matrix value) {
        values.merge(key(place.layer(), place.site(), place.sequence(), place.head()), value.toArray(), Recorder::joined);
    }

    private static float[] joined(float[] a, float[] b) {
        float[] out = java.util.Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, out, a.length, b.length);
        return out;
    }

    private static String key(int layer, Site site, int sequence, int head) {
        return layer + " " + site + " " + sequence + " " + head;
    }

    public float[] get(int layer, Site site) {
        return values.get(key(layer, site, 0, -1));
    }

    public float[] get(int layer, Site site, int sequence) {
        return values.get(key(layer, site, sequence, -1));
    }

    public float[] head(int layer, Site site, int head) {
        return values.get(key(layer, site, 0, head));
    }
}
