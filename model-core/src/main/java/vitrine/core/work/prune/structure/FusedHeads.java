package vitrine.core.work.prune.structure;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.forward.Weights;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.method.HeadFusion;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Shape;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.Figures;

/// Key and value heads in groups, each of which becomes one head: how DHA would have a model.
///
/// Where heads that share a key share a value too, in pieces of one size over all layers, a config says so by a smaller number of key/value heads: query heads are put in the order of the pieces, with their columns of the
/// output projection. That is all of it with groups that are the same for keys and values and of one size; elsewhere every head that was fused keeps its place and holds what its group became.
public final class FusedHeads {

    private final ModelSpec spec;
    private final Map<Integer, Layer> layers = new TreeMap<>();

    /// A layer's groups, and with what they count.
    private record Layer(int[][] keys, int[][] values, HeadFusion ofKeys, HeadFusion ofValues) {
        int[][] groups(boolean key) {
            return key ? keys : values;
        }

        HeadFusion of(boolean key) {
            return key ? ofKeys : ofValues;
        }
    }

    private FusedHeads(ModelSpec spec) {
        this.spec = spec;
    }

    /// @param s with the share of the heads that goes, and whether layers, keys and values are grouped alike
    public static FusedHeads of(StructureScores.Fusions fusions, PruneSettings s, ModelSpec spec) {
        FusedHeads out = new FusedHeads(spec);
        boolean even = !Boolean.FALSE.equals(s.even());
        Map<Integer, int[][]> keys = even ? null : HeadFusion.shared(fusions.keys(), staying(spec, s.share()));
        Map<Integer, int[][]> values = even ? null : HeadFusion.shared(fusions.values(), staying(spec, s.share()));
        for (LayerSpec l : spec.layers()) {
            HeadFusion k = fusions.keys().get(l.index());
            HeadFusion v = fusions.values().get(l.index());
            if (even) {
                int[][] both = HeadFusion.balanced(List.of(k, v), k.heads() / HeadFusion.staying(k.heads(), s.share()));
                out.layers.put(l.index(), new Layer(both, both, k, v));
            } else {
                out.layers.put(l.index(), new Layer(keys.get(l.index()), values.get(l.index()), k, v));
            }
        }
        return out;
    }

    /// How many key heads (and as many value heads) are left in all layers together.
    public static int staying(ModelSpec spec, double share) {
        int all = spec.layers().stream().mapToInt(l -> l.attention().keyValueHeads()).sum();
        return Math.max(spec.layers().size(), all - (int) Math.round(share * all));
    }

    /// @throws Refusal where a layer has no key and value matrices of its own
    public static void require(ModelSpec spec, Checkpoint checkpoint) {
        for (LayerSpec l : spec.layers()) {
            if (!(l.attention().projection() instanceof Separate p) || p.key().inputMajor() || p.value().inputMajor()) {
                throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "%s has no key and value matrices of their own in layer %d, whose heads could be fused", spec.family(), l.index());
            }
        }
    }

    /// The size of the pieces that all cells of all layers divide into.
    private int piece() {
        return layers.values().stream().flatMap(l -> Arrays.stream(HeadFusion.cells(l.keys, l.values))).mapToInt(c -> c.length).reduce(0, FusedHeads::divisor);
    }

    private static int divisor(int a, int b) {
        return b == 0 ? a : divisor(b, a % b);
    }

    /// Heads that share key and value, by layer, as a config can have them; nothing where it could not save any.
    Map<Integer, int[][]> shared() {
        int piece = piece();
        Map<Integer, int[][]> out = new TreeMap<>();
        if (piece > 1) {
            layers.forEach((l, g) -> out.put(l, HeadFusion.pieces(HeadFusion.cells(g.keys, g.values), piece)));
        }
        return out;
    }

    /// Parameters that are spared where every group is stored once.
    public long spared() {
        return layers.entrySet().stream().mapToLong(e -> {
            AttentionSpec a = spec.layers().get(e.getKey()).attention();
            Separate p = (Separate) a.projection();
            return spared(p.key(), a.headDim(), a.keyValueHeads() - e.getValue().keys.length) + spared(p.value(), a.valueDim(), a.keyValueHeads() - e.getValue().values.length);
        }).sum();
    }

    /// Parameters of `heads` heads.
    public static long spared(Linear l, int width, double heads) {
        return Math.round(heads * width * (l.in() + (l.bias() == null ? 0 : 1)));
    }

    void describe(int layer, ObjectNode row) {
        Layer l = layers.get(layer);
        list(row.putArray("key_groups"), l.keys, l.ofKeys.heads());
        list(row.putArray("value_groups"), l.values, l.ofValues.heads());
        alike(row.putArray("key_similarity"), l.ofKeys);
        alike(row.putArray("value_similarity"), l.ofValues);
        Figures.put(row, "key_fusion_loss", l.ofKeys.loss(l.keys));
        Figures.put(row, "value_fusion_loss", l.ofValues.loss(l.values));
    }

    private static void alike(ArrayNode to, HeadFusion heads) {
        for (double[] line : heads.cosines()) {
            ArrayNode list = to.addArray();
            Arrays.stream(line).forEach(v -> Figures.add(list, v));
        }
    }

    /// Of every head the first of its group.
    private static void list(ArrayNode to, int[][] groups, int heads) {
        int[] of = new int[heads];
        for (int[] g : groups) {
            for (int h : g) {
                of[h] = g[0];
            }
        }
        Arrays.stream(of).forEach(to::add);
    }

    // --- weights

    /// Puts what each group becomes in the place of each of its heads.
    ///
    /// @param changed a tensor that is going to change
    void fuse(int layer, Function<PrunableMatrix, ChangedTensor> changed, Weights weights) {
        Layer l = layers.get(layer);
        AttentionSpec a = spec.layers().get(layer).attention();
        Separate p = (Separate) a.projection();
        for (PrunableMatrix m : PrunableMatrix.of(spec.layers().get(layer))) {
            boolean key = m.kind() == PrunableMatrix.Kind.KEY;
            if ((!key && m.kind() != PrunableMatrix.Kind.VALUE) || Arrays.stream(l.groups(key)).allMatch(g -> g.length == 1)) {
                continue;
            }
            fuse(changed.apply(m), m, l.groups(key), l.of(key), key ? a.headDim() : a.valueDim(), weights);
            String bias = (key ? p.key() : p.value()).bias();
            if (bias != null) {
                // Stored inputs first, a bias is a matrix of one input as well.
                PrunableMatrix b = new PrunableMatrix(bias, -1, 0, m.out(), 1, false, false, m.kind(), layer, "", false);
                fuse(changed.apply(b), b, l.groups(key), l.of(key), key ? a.headDim() : a.valueDim(), weights);
            }
        }
    }

    private static void fuse(ChangedTensor t, PrunableMatrix m, int[][] groups, HeadFusion of, int width, Weights weights) {
        try (Arena arena = Arena.ofShared()) {
            Matrix w = t.widened(m, null, weights, arena);
            for (int[] group : groups) {
                double[] counts = of.weights(group);
                for (int r = 0; r < width && group.length > 1; r++) {
                    double[] mean = new double[m.in()];
                    for (int i = 0; i < group.length; i++) {
                        float[] row = w.row(group[i] * width + r);
                        for (int j = 0; j < mean.length; j++) {
                            mean[j] += counts[i] * row[j];
                        }
                    }
                    for (int h : group) {
                        for (int j = 0; j < mean.length; j++) {
                            w.set(h * width + r, j, (float) mean[j]);
                        }
                    }
                }
            }
            t.store(m, w);
        }
    }

    /// A pass with the fused heads, and no weight changed.
    public Probe probe() {
        return new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return (site == Site.KEY_PROJECTED || site == Site.VALUE) && Arrays.stream(layers.get(layer).groups(site == Site.KEY_PROJECTED)).anyMatch(g -> g.length > 1);
            }

            @Override
            public void at(Place place, Matrix x) {
                boolean key = place.site() == Site.KEY_PROJECTED;
                Layer l = layers.get(place.layer());
                int width = x.columns() / l.of(key).heads();
                for (int[] group : l.groups(key)) {
                    double[] counts = l.of(key).weights(group);
                    for (int r = 0; r < x.rows() && group.length > 1; r++) {
                        float[] row = x.row(r);
                        for (int c = 0; c < width; c++) {
                            double mean = 0;
                            for (int i = 0; i < group.length; i++) {
                                mean += counts[i] * row[group[i] * width + c];
                            }
                            for (int h : group) {
                                x.set(r, h * width + c, (float) mean);
                            }
                        }
                    }
                }
            }
        };
    }

    /// Writes every fused head once: under the names of weights and biases what of them is left, and beside each `NAME.heads` I32 [heads], which of these a head of the model had.
    ///
    /// @param changed tensors with the groups in the place of their heads
    void write(Path file, Function<String, ChangedTensor> changed) throws IOException {
        record Part(String name, int[][] groups, int width) {}
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, Part> parts = new LinkedHashMap<>();
        layers.forEach((l, g) -> {
            AttentionSpec a = spec.layers().get(l).attention();
            Separate p = (Separate) a.projection();
            for (boolean key : new boolean[] {true, false}) {
                Linear linear = key ? p.key() : p.value();
                for (String name : linear.bias() == null ? List.of(linear.weight()) : List.of(linear.weight(), linear.bias())) {
                    ChangedTensor t = changed.apply(name);
                    if (t != null) {
                        int width = key ? a.headDim() : a.valueDim();
                        int kept = g.groups(key).length * width;
                        declared.put(name, new Declared(t.entry().dtype(), name.equals(linear.bias()) ? Shape.of(kept) : Shape.of(kept, linear.in())));
                        declared.put(name + ".heads", new Declared(DType.I32, Shape.of(a.keyValueHeads())));
                        parts.put(name, new Part(name, g.groups(key), width));
                    }
                }
            }
        });
        try (SafetensorsWriter to = new SafetensorsWriter(file, declared, Map.of("format", "vitrine-fused-heads")); Arena arena = Arena.ofConfined()) {
            for (Part part : parts.values()) {
                ChangedTensor t = changed.apply(part.name);
                long values = t.entry().elements() / t.entry().shape().size(0) * part.width;
                int size = t.entry().dtype().bits() / 8;
                int heads = Arrays.stream(part.groups).mapToInt(g -> g.length).sum();
                MemorySegment which = arena.allocate(JAVA_INT, heads);
                for (int g = 0; g < part.groups.length; g++) {
                    to.write(part.name, g * values, t.bytes().asSlice(part.groups[g][0] * values * size, values * size));
                    for (int h : part.groups[g]) {
                        which.setAtIndex(JAVA_INT, h, g);
                    }
                }
                to.write(part.name + ".heads", 0, which);
            }
        }
    }
}
