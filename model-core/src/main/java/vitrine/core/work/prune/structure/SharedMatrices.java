package vitrine.core.work.prune.structure;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.progress.Progress;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.PrunableMatrix;
import vitrine.core.prune.method.LayerDictionary;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Widen;
import vitrine.core.tensor.openblas.OpenBlas;
import vitrine.core.work.input.Glob;
import vitrine.core.work.output.ChangedTensor;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.KeptSums;

/// Matrices that layers have in common, kind by kind: how MASA's dictionaries would have a model.
///
/// Every value of a kind's matrices passes twice, a stretch of all layers at a time: once for the inner products of the layers, and once to be put together anew.
public final class SharedMatrices {

    /// Values of a stretch, over all layers.
    private static final long STRETCH = 4L << 20;

    private final PruneSettings s;
    private final Map<Kind, LayerDictionary> dictionaries = new LinkedHashMap<>();

    /// Matrices of one name and shape, but for the layer's number.
    ///
    /// @param name with `*` in the number's place
    /// @param layers of one kind each, in order
    public record Kind(String name, List<PrunableMatrix> layers) {

        /// Values of one layer's matrix.
        public long size() {
            return layers.getFirst().size();
        }

        /// How many atoms stay; as many as there are layers leaves the matrices as they are.
        public int atoms(PruneSettings s) {
            return Math.min(layers.size(), s.rank() != null ? s.rank() : layers.size() - s.gone(layers.size()));
        }

        /// Values that a dictionary and its coefficients spare.
        public long spared(PruneSettings s) {
            int atoms = atoms(s);
            return atoms == layers.size() ? 0 : Math.max(0, (layers.size() - atoms) * size() - (long) layers.size() * atoms);
        }
    }

    private SharedMatrices(PruneSettings s) {
        this.s = s;
    }

    /// The kinds that the settings name: those of attention where they name none.
    ///
    /// @throws Refusal where there is none that two layers have
    public static List<Kind> kinds(ModelSpec spec, PruneSettings s, Checkpoint checkpoint) {
        Map<String, List<PrunableMatrix>> all = new LinkedHashMap<>();
        for (PrunableMatrix m : PrunableMatrix.of(spec)) {
            boolean attention = switch (m.kind()) {
                case QUERY, KEY, VALUE, QUERY_KEY_VALUE, LATENT, OUTPUT -> true;
                case GATE, UP, GATE_UP, DOWN -> false;
            };
            boolean named = s.targetModules() == null ? attention : s.targetModules().stream().anyMatch(t -> Glob.namesModule(t, m.module()));
            TensorEntry t = checkpoint.tensor(m.tensor()).orElseThrow();
            if (named && m.expert() < 0 && !m.routed() && !m.scaled() && ChangedTensor.storable(t.dtype())) {
                // The number is the first that stands between two points.
                all.computeIfAbsent(m.tensor().replaceFirst("(^|\\.)\\d+(?=\\.)", "$1*") + " " + m.out() + " " + m.in(), k -> new ArrayList<>()).add(m);
            }
        }
        List<Kind> out = all.entrySet().stream().filter(e -> e.getValue().size() > 1).map(e -> new Kind(e.getKey().replaceAll(" .*", ""), e.getValue())).toList();
        if (out.isEmpty()) {
            throw Refusal.of(Category.TASK_INVALID, checkpoint.path(), "it holds no matrices of one kind and shape in two layers or more that could be shared%s", s.targetModules() == null ? "" : " by the names " + String.join(", ", s.targetModules()));
        }
        return out;
    }

    /// @param kept where inner products are kept, kind by kind
    static SharedMatrices of(ModelSpec spec, PruneSettings s, Checkpoint checkpoint, MappedWeights map, KeptSums kept, Progress progress) throws IOException {
        SharedMatrices out = new SharedMatrices(s);
        List<Kind> kinds = kinds(spec, s, checkpoint);
        List<double[][]> inner = kinds.stream().map(k -> new double[k.layers.size()][k.layers.size()]).toList();
        KeptSums.Sums sums = kept.of("inner_products", inner.stream().flatMap(Arrays::stream).toList());
        for (int k = 0; k < kinds.size(); k++) {
            if (k >= sums.done()) {
                progress.step(k, kinds.size(), "kinds of matrices");
                inner(kinds.get(k), inner.get(k), checkpoint, map, progress);
                sums.keep(k + 1);
            }
            out.dictionaries.put(kinds.get(k), new LayerDictionary(inner.get(k)));
        }
        return out;
    }

    /// The same with another number of atoms.
    SharedMatrices with(PruneSettings other) {
        SharedMatrices out = new SharedMatrices(other);
        out.dictionaries.putAll(dictionaries);
        return out;
    }

    /// The inner products of every two layers' matrices. Where values lie makes no difference, as long as it is the same in all layers.
    private static void inner(Kind kind, double[][] out, Checkpoint checkpoint, MappedWeights map, Progress progress) throws IOException {
        int n = kind.layers.size();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment gram = arena.allocate(8L * n * n, 64);
            each(kind, checkpoint, map, progress, (from, count, block) -> OpenBlas.open().addOuter(block, n, count, count, 1.0, gram));
            InputStatistics.mirror(gram, n);
            for (int a = 0; a < n; a++) {
                for (int b = 0; b < n; b++) {
                    out[a][b] = gram.getAtIndex(JAVA_DOUBLE, (long) a * n + b);
                }
            }
        }
        for (int l = 0; l < n; l++) {
            if (!Double.isFinite(out[l][l])) {
                PrunableMatrix m = kind.layers.get(l);
                throw Refusal.of(Category.TASK_INVALID, checkpoint.tensor(m.tensor()).orElseThrow().file(), "some of its values are NaN or infinite, so nothing can be shared by them").where("tensor " + m.name());
            }
        }
    }

    /// What is done with a stretch of the values of all layers, `[layers, count]` in float64.
    private interface Stretch {
        void take(long from, int count, MemorySegment block) throws IOException;
    }

    private static void each(Kind kind, Checkpoint checkpoint, MappedWeights map, Progress progress, Stretch what) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            each(kind, checkpoint, map, progress, what, arena);
        }
    }

    private static void each(Kind kind, Checkpoint checkpoint, MappedWeights map, Progress progress, Stretch what, Arena arena) throws IOException {
        int n = kind.layers.size();
        int most = (int) Math.clamp(STRETCH / n, 1, kind.size());
        MemorySegment block = arena.allocate(8L * n * most, 64);
        MemorySegment narrow = arena.allocate(4L * most, 64);
        float[] values = new float[most];
        double[] wide = new double[most];
        for (long from = 0; from < kind.size(); from += most) {
            progress.checkCancelled();
            int count = (int) Math.min(most, kind.size() - from);
            for (int l = 0; l < n; l++) {
                PrunableMatrix m = kind.layers.get(l);
                TensorEntry t = checkpoint.tensor(m.tensor()).orElseThrow();
                Widen.toFloat(t.dtype(), map.data(t), m.first() + from, count, narrow);
                MemorySegment.copy(narrow, JAVA_FLOAT, 0, values, 0, count);
                for (int i = 0; i < count; i++) {
                    wide[i] = values[i];
                }
                MemorySegment.copy(wide, 0, block, JAVA_DOUBLE, 8L * l * count, count);
            }
            what.take(from, count, block);
        }
    }

    /// Whether any layer's matrices become others.
    private boolean shares(Kind k) {
        return k.atoms(s) < k.layers.size();
    }

    /// Parameters that are spared where atoms are stored once, and of every layer its coefficients.
    public long spared() {
        return dictionaries.keySet().stream().mapToLong(k -> k.spared(s)).sum();
    }

    /// The kinds whose matrices become others.
    List<Kind> sharing() {
        return dictionaries.keySet().stream().filter(this::shares).toList();
    }

    /// Puts together every layer's matrix of a kind of the atoms.
    ///
    /// @param changed a tensor that is going to change
    void put(Kind k, Checkpoint checkpoint, MappedWeights map, Progress progress, Function<PrunableMatrix, ChangedTensor> changed) throws IOException {
        int n = k.layers.size();
        List<ChangedTensor> to = k.layers.stream().map(changed).toList();
        product(k, dictionaries.get(k).mixing(k.atoms(s)), checkpoint, map, progress, (from, count, block) -> {
            for (int l = 0; l < n; l++) {
                to.get(l).store(k.layers.get(l).first() + from, block.asSlice(8L * l * count, 8L * count));
            }
        });
    }

    /// Stretches of what factors `[rows, layers]` make of the layers.
    private static void product(Kind k, double[][] factors, Checkpoint checkpoint, MappedWeights map, Progress progress, Stretch what) throws IOException {
        int n = k.layers.size();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment by = arena.allocate(8L * factors.length * n, 64);
            for (int r = 0; r < factors.length; r++) {
                MemorySegment.copy(factors[r], 0, by, JAVA_DOUBLE, 8L * r * n, n);
            }
            MemorySegment out = arena.allocate(8L * factors.length * Math.clamp(STRETCH / n, 1, k.size()), 64);
            each(k, checkpoint, map, progress, (from, count, block) -> {
                OpenBlas.open().multiply(false, false, factors.length, count, n, by, n, block, count, 0, out, count);
                what.take(from, count, out);
            });
        }
    }

    /// What became of kinds and layers.
    ///
    /// @param row of a layer's report
    void describe(ObjectNode allocation, Function<Integer, ObjectNode> row) {
        ArrayNode list = allocation.put("allocation", "dictionary").putArray("dictionaries");
        dictionaries.forEach((k, d) -> {
            int atoms = k.atoms(s);
            int n = k.layers.size();
            ObjectNode one = list.addObject().put("name", k.name).put("layers", n).put("atoms", atoms);
            Figures.put(one, "relative_error", Math.sqrt(d.error(atoms)));
            // What as many atoms would leave of matrices that have nothing in common.
            Figures.put(one, "relative_error_of_unlike_layers", Math.sqrt(1 - (double) atoms / n));
            ArrayNode values = one.putArray("singular_values");
            for (double v : d.singularValues()) {
                Figures.add(values, v);
            }
            for (int l = 0; l < n; l++) {
                ObjectNode m = row.apply(k.layers.get(l).layer()).withArray("/matrices").addObject().put("name", k.layers.get(l).name()).put("kind", k.layers.get(l).kind().label());
                Figures.put(m, "relative_error", Math.sqrt(Math.max(0, d.error(l, atoms))));
            }
        });
    }

    /// Writes of every kind `NAME.atoms` F32 [atoms, as stored], `NAME.coefficients` F64 [layers, atoms] and `NAME.cosines` F64 [layers, layers].
    void write(Path file, Checkpoint checkpoint, MappedWeights map, Progress progress) throws IOException {
        Map<String, Declared> declared = new LinkedHashMap<>();
        dictionaries.forEach((k, d) -> {
            int n = k.layers.size();
            if (shares(k)) {
                long[] sizes = checkpoint.tensor(k.layers.getFirst().tensor()).orElseThrow().shape().sizes();
                declared.put(k.name + ".atoms", new Declared(DType.F32, Shape.of(k.atoms(s), sizes[0], sizes[1])));
                declared.put(k.name + ".coefficients", new Declared(DType.F64, Shape.of(n, k.atoms(s))));
            }
            declared.put(k.name + ".cosines", new Declared(DType.F64, Shape.of(n, n)));
        });
        try (SafetensorsWriter to = new SafetensorsWriter(file, declared, Map.of("format", "vitrine-dictionaries"))) {
            for (Map.Entry<Kind, LayerDictionary> e : dictionaries.entrySet()) {
                Kind k = e.getKey();
                int atoms = k.atoms(s);
                if (shares(k)) {
                    product(k, e.getValue().atoms(atoms), checkpoint, map, progress, (from, count, block) -> {
                        float[] values = new float[count];
                        for (int a = 0; a < atoms; a++) {
                            for (int i = 0; i < count; i++) {
                                values[i] = (float) block.getAtIndex(JAVA_DOUBLE, (long) a * count + i);
                            }
                            to.write(k.name + ".atoms", a * k.size() + from, values);
                        }
                    });
                    rows(to, k.name + ".coefficients", e.getValue().coefficients(atoms));
                }
                rows(to, k.name + ".cosines", e.getValue().cosines());
            }
        }
    }

    private static void rows(SafetensorsWriter to, String name, double[][] values) throws IOException {
        for (int r = 0; r < values.length; r++) {
            to.write(name, (long) r * values[r].length, values[r]);
        }
    }
}
