package vitrine.core.probe;

import java.util.List;
import vitrine.core.tensor.Matrix;

/// Reads, and may change, values of a forward pass.
public interface Probe {

    /// Wants nothing.
    Probe NONE = new Probe() {
        @Override
        public boolean wants(int layer, Site site) {
            return false;
        }

        @Override
        public void at(Place place, Matrix value) {}
    };

    /// Whether [#at] is to be called for this site of this layer (-1 after all layers).
    boolean wants(int layer, Site site);

    /// Called with the value at a place that was wanted; see the package's table for its shape.
    void at(Place place, Matrix value);

    /// One probe that passes every value to all of these, in order.
    static Probe all(List<? extends Probe> probes) {
        return new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return probes.stream().anyMatch(p -> p.wants(layer, site));
            }

            @Override
            public void at(Place place, Matrix value) {
                for (Probe p : probes) {
                    if (p.wants(place.layer(), place.site())) {
                        p.at(place, value);
                    }
                }
            }
        };
    }
}
