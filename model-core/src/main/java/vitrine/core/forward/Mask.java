package vitrine.core.forward;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Heads and layers that are switched off while a pass runs; no weight is changed.
///
/// A head that is off writes nothing: its columns before the output projection are 0, as if the projection's columns were. What the projection's bias adds
/// stays. A layer that is off leaves the residual stream as it found it.
///
/// Source for heads: Michel, Levy, Neubig, *Are Sixteen Heads Really Better than One?*, NeurIPS 2019.
///
/// @param heads by layer and head
/// @param layers whole ones
public record Mask(Set<Head> heads, Set<Integer> layers) {

    /// A query head, counted from 0.
    public record Head(int layer, int head) {}

    public Mask {
        heads = Set.copyOf(heads);
        layers = Set.copyOf(layers);
    }

    /// What a model does not have of it, such as `layer 7, head 12`; none where all is there.
    public List<String> absent(ModelSpec spec) {
        List<LayerSpec> all = spec.layers();
        return java.util.stream.Stream.concat(
                layers.stream().filter(l -> l >= all.size()).sorted().map(l -> "layer " + l),
                heads.stream().filter(h -> h.layer >= all.size() || h.head >= all.get(h.layer).attention().heads()).map(h -> "layer " + h.layer + ", head " + h.head).sorted()).toList();
    }

    /// Switches the parts off in a pass; to stand before probes that read.
    ///
    /// @param arena where the streams before layers that are off are kept, as long as the pass goes
    public Probe probe(ModelSpec spec, Arena arena) {
        return new Switch(spec, arena);
    }

    private final class Switch implements Probe {
        private final ModelSpec spec;
        private final Arena arena;
        private final Map<Integer, Matrix> before = new HashMap<>();

        Switch(ModelSpec spec, Arena arena) {
            this.spec = spec;
            this.arena = arena;
        }

        @Override
        public boolean wants(int layer, Site site) {
            return switch (site) {
                case Z -> heads.stream().anyMatch(h -> h.layer == layer);
                case RESID_PRE, RESID_POST -> layers.contains(layer);
                default -> false;
            };
        }

        @Override
        public void at(Place place, Matrix value) {
            switch (place.site()) {
                case Z -> {
                    int width = spec.layers().get(place.layer()).attention().valueDim();
                    heads.stream().filter(h -> h.layer == place.layer()).forEach(h -> clear(value.columns(h.head * width, width)));
                }
                case RESID_PRE -> {
                    Matrix kept = before.get(place.sequence());
                    if (kept == null || kept.rows() != value.rows()) {
                        kept = Matrix.allocate(arena, value.rows(), value.columns());
                        before.put(place.sequence(), kept);
                    }
                    kept.copyFrom(value);
                }
                case RESID_POST -> value.copyFrom(before.get(place.sequence()));
                default -> throw new IllegalStateException("not wanted: " + place);
            }
        }

        private static void clear(Matrix part) {
            for (int r = 0; r < part.rows(); r++) {
                for (int c = 0; c < part.columns(); c++) {
                    part.set(r, c, 0f);
                }
            }
        }
    }
}
