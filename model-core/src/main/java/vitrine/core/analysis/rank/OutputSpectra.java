package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.forward.Weights;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// Second moments of the outputs `Y = X W^T` (without bias) of every linear layer of some layers.
///
/// The error of the best replacement of W by a matrix of rank k, measured on the outputs, is `|X W^T - X W_k^T|_F = sqrt(sum_{i>k} s_i^2)`
/// with s the singular values of Y: exact, for all k at once. Where W has more outputs than inputs, the moments kept are those of the
/// inputs, C = X^T X, and s^2 are the eigenvalues of `C^(1/2) W^T W C^(1/2)`, which are the same but for zeros.
///
/// Source: Swift-SVD, arXiv 2604.01609.
public final class OutputSpectra implements Probe, AutoCloseable {

    private final ModelSpec spec;
    private final int first;
    private final Weights weights;
    private final List<Map<LinearSite.Kind, Kept>> layers = new ArrayList<>();
    private final List<Map<Site, List<Kept>>> bySite = new ArrayList<>();
    private final RowBuffer buffer;

    /// A linear layer with the moments that tell of its outputs.
    private record Kept(LinearSite site, StreamingCovariance moments, float[] less) {
        boolean ofInputs() {
            return site.output() == null || site.out() > site.in();
        }
    }

    /// @param first and `last`: the layers, both included
    public OutputSpectra(ModelSpec spec, Weights weights, int first, int last) {
        this.spec = spec;
        this.first = first;
        this.weights = weights;
        int widest = 0;
        for (int l = first; l <= last; l++) {
            Map<LinearSite.Kind, Kept> kept = new EnumMap<>(LinearSite.Kind.class);
            Map<Site, List<Kept>> at = new EnumMap<>(Site.class);
            Map<Site, StreamingCovariance> inputs = new EnumMap<>(Site.class);
            for (LinearSite s : LinearSite.of(spec.layers().get(l))) {
                boolean ofInputs = s.output() == null || s.out() > s.in();
                StreamingCovariance known = ofInputs ? inputs.get(s.input()) : null;
                StreamingCovariance moments = known != null ? known : new StreamingCovariance(ofInputs ? s.in() : s.out());
                Kept k = new Kept(s, moments, ofInputs ? null : s.bias(weights));
                kept.put(s.kind(), k);
                if (known == null) {
                    at.computeIfAbsent(ofInputs ? s.input() : s.output(), x -> new ArrayList<>()).add(k);
                }
                if (ofInputs) {
                    inputs.put(s.input(), moments);
                }
                widest = Math.max(widest, moments.width());
            }
            layers.add(kept);
            bySite.add(at);
        }
        buffer = new RowBuffer(widest);
    }

    /// The memory that a layer takes.
    public static long bytes(ModelSpec spec, int layer) {
        long bytes = 0;
        Map<Site, Boolean> inputs = new EnumMap<>(Site.class);
        for (LinearSite s : LinearSite.of(spec.layers().get(layer))) {
            boolean ofInputs = s.output() == null || s.out() > s.in();
            if (!ofInputs || inputs.put(s.input(), true) == null) {
                bytes += StreamingCovariance.bytes(ofInputs ? s.in() : s.out());
            }
        }
        return bytes;
    }

    /// The names of the linear layers of a layer, such as `q_out`.
    public static List<String> names(ModelSpec spec, int layer) {
        return LinearSite.of(spec.layers().get(layer)).stream().map(s -> name(s.kind())).toList();
    }

    /// Those of all layers: with experts or latent attention, not every layer has every one.
    public static List<String> names(ModelSpec spec) {
        List<String> all = new ArrayList<>();
        for (LinearSite.Kind kind : LinearSite.Kind.values()) {
            if (spec.layers().stream().anyMatch(l -> LinearSite.of(l).stream().anyMatch(s -> s.kind() == kind))) {
                all.add(name(kind));
            }
        }
        return all;
    }

    /// Whether a layer has a linear layer of this name.
    public static boolean has(ModelSpec spec, int layer, String name) {
        return names(spec, layer).contains(name);
    }

    private static String name(LinearSite.Kind kind) {
        return kind.name().toLowerCase(java.util.Locale.ROOT) + "_out";
    }

    private static LinearSite site(ModelSpec spec, int layer, String name) {
        return LinearSite.of(spec.layers().get(layer)).stream().filter(s -> name(s.kind()).equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no linear layer " + name + " in layer " + layer));
    }

    /// Inputs and outputs of a linear layer.
    public record Size(int in, int out) {
        /// The largest rank that it can have.
        public int rank() {
            return Math.min(in, out);
        }
    }

    /// The size of a linear layer.
    public static Size size(ModelSpec spec, int layer, String name) {
        LinearSite s = site(spec, layer, name);
        return new Size(s.in(), s.out());
    }

    @Override
    public boolean wants(int layer, Site site) {
        return layer >= first && layer < first + layers.size() && bySite.get(layer - first).containsKey(site);
    }

    @Override
    public void at(Place place, Matrix value) {
        for (Kept k : bySite.get(place.layer() - first).get(place.site())) {
            buffer.add(k.moments(), k.less(), value);
        }
    }

    /// The singular values of a linear layer's outputs, largest first.
    ///
    /// @return `[min(in, out)]`, or empty where a value was not finite
    public Optional<double[]> singularValues(int layer, String name) {
        buffer.flush();
        Kept k = layers.get(layer - first).get(site(spec, layer, name).kind());
        if (!k.ofInputs()) {
            return k.moments().singularValues(false, k.moments().allColumns());
        }
        try (Arena scratch = Arena.ofShared()) {
            Optional<MemorySegment> inputs = k.moments().square(false, scratch);
            if (inputs.isEmpty() || k.moments().count() == 0) {
                return Optional.empty();
            }
            MemorySegment weight = k.site().weight(weights, scratch);
            weights.release();
            if (!LinearSite.finite(weight)) {
                return Optional.empty();
            }
            double[] s = throughWeight(inputs.get(), weight, k.site().out(), k.site().in(), scratch);
            return Optional.of(java.util.Arrays.copyOf(s, Math.min(k.site().in(), k.site().out())));
        }
    }

    /// The singular values of `X W^T` from `C = X^T X`.
    ///
    /// @param inputs C, float64 `[in, in]`; destroyed
    /// @param weight W, float64 `[out, in]`
    static double[] throughWeight(MemorySegment inputs, MemorySegment weight, int out, int in, Arena scratch) {
        OpenBlas blas = OpenBlas.open();
        MemorySegment gram = scratch.allocate(8L * in * in, 64);
        blas.multiply(true, false, in, in, out, weight, in, weight, in, 0, gram, in);
        double[] lambda = blas.eigenvectors(inputs, in);
        // C^(1/2) W^T W C^(1/2) has the eigenvalues of L E (W^T W) E^T L, with E's rows the eigenvectors and L = lambda^(1/2).
        for (int i = 0; i < in; i++) {
            double root = Math.sqrt(Math.max(0, lambda[i]));
            for (int j = 0; j < in; j++) {
                long at = (long) i * in + j;
                inputs.setAtIndex(JAVA_DOUBLE, at, inputs.getAtIndex(JAVA_DOUBLE, at) * root);
            }
        }
        MemorySegment half = scratch.allocate(8L * in * in, 64);
        blas.multiply(false, false, in, in, in, inputs, in, gram, in, 0, half, in);
        blas.multiply(false, true, in, in, in, half, in, inputs, in, 0, gram, in);
        return StreamingCovariance.roots(blas.eigenvalues(gram, in));
    }

    @Override
    public void close() {
        layers.forEach(l -> l.values().stream().map(Kept::moments).distinct().forEach(StreamingCovariance::close));
        buffer.close();
    }
}
