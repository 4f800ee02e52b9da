package vitrine.views.rank;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Measure;
import vitrine.core.artifact.Provenance;
import vitrine.core.artifact.SpectrumArtifact;

/// The spectra of an artifact, whether of weights or of values over texts, as the cards draw them.
abstract sealed class Spectra permits WeightSpectra, ValueSpectra {

    private record Group(int checkpoint, String kind, int layer, int head) {}

    private final Artifact artifact;
    private final List<Kind> kinds;
    private final List<Item> items;
    private final Map<Group, List<Item>> groups = new HashMap<>();
    private final int layers;

    Spectra(Artifact artifact, List<Kind> kinds, List<Item> items, int layers) {
        this.artifact = artifact;
        this.kinds = List.copyOf(kinds);
        this.items = List.copyOf(items);
        this.layers = layers;
        for (Item i : items) {
            groups.computeIfAbsent(new Group(i.checkpoint(), i.kind().id(), i.layer(), i.head()), g -> new ArrayList<>()).add(i);
        }
    }

    Artifact artifact() {
        return artifact;
    }

    /// The name of what was looked at.
    abstract String subject();

    /// The names of the checkpoints, one or a series.
    abstract List<SpectrumArtifact.Subject> checkpoints();

    /// What a truncation would make smaller.
    abstract WhatIf.Saves saves();

    /// All singular values, largest first; of an estimate the largest that it is sure of; empty where there is no spectrum.
    abstract double[] values(Item item);

    /// How an item's singular values came about.
    abstract Provenance provenance(Item item);

    /// Those that are counted in [WhatIf.Sum], with their singular values. Reads a file: not on the JavaFX thread.
    abstract Map<Item, Truncation> truncations();

    /// Kinds that have layers, in the order of the forward pass.
    List<Kind> kinds() {
        return kinds;
    }

    int layers() {
        return layers;
    }

    List<Item> items() {
        return items;
    }

    Optional<Kind> kind(String id) {
        return items.stream().map(Item::kind).filter(k -> k.id().equals(id)).findFirst();
    }

    /// The spectra at a place: one, one per expert, or none.
    List<Item> at(int checkpoint, Kind kind, int layer, int head) {
        return groups.getOrDefault(new Group(checkpoint, kind.id(), layer, head), List.of());
    }

    /// The item of a checkpoint at a place.
    Optional<Item> item(int checkpoint, Item.Place place) {
        return groups.getOrDefault(new Group(checkpoint, place.kind(), place.layer(), place.head()), List.of()).stream()
                .filter(i -> i.expert() == place.expert()).findFirst();
    }

    /// A figure at a place: mean over its spectra, with the smallest and the largest.
    ///
    /// @param low the smallest of them, or the lower end of an estimate's interval
    /// @param count how many they are; 0 where there is no figure, and then all are NaN
    record Point(double value, double low, double high, int count) {
        static final Point NONE = new Point(Double.NaN, Double.NaN, Double.NaN, 0);
    }

    Point point(int checkpoint, Kind kind, int layer, int head, Measure measure, boolean normalised) {
        double sum = 0;
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        int count = 0;
        for (Item i : at(checkpoint, kind, layer, head)) {
            var v = i.value(measure, normalised);
            if (v.isPresent()) {
                sum += v.getAsDouble();
                low = Math.min(low, i.low(measure, normalised).getAsDouble());
                high = Math.max(high, i.high(measure, normalised).getAsDouble());
                count++;
            }
        }
        return count == 0 ? Point.NONE : new Point(sum / count, low, high, count);
    }

    /// The same for each layer, NaN where a layer has none.
    double[] curve(int checkpoint, Kind kind, Measure measure, boolean normalised) {
        return IntStream.range(0, layers).mapToDouble(l -> point(checkpoint, kind, l, -1, measure, normalised).value()).toArray();
    }

    /// What a random matrix reaches, by shape; empty where nobody knows.
    Map<String, Double> baselines(Measure measure, boolean normalised) {
        Map<String, Double> out = new LinkedHashMap<>();
        for (Item i : items) {
            if (i.layer() >= 0 && i.head() < 0) {
                i.random(measure, normalised).ifPresent(v -> out.putIfAbsent(i.shape(), v));
            }
        }
        return out;
    }

    /// How figures of a measure came about, all together.
    Provenance provenance(Measure measure, boolean normalised) {
        boolean estimated = items.stream().anyMatch(Item::estimated);
        String method = Measures.name(measure, normalised) + " = " + Measures.formula(measure, normalised);
        String dtype = items.isEmpty() ? "" : items.getFirst().dtype();
        long count = items.stream().filter(i -> i.figures().containsKey(measure)).count();
        return estimated ? Provenance.estimated(subject(), method + "; of the large matrices by random probes, with a 95 % interval each", count, Double.NaN)
                : Provenance.derived(subject(), dtype, method).of(count);
    }
}
