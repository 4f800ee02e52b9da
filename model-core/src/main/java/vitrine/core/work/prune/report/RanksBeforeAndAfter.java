package vitrine.core.work.prune.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.analysis.spectrum.MatrixChange;
import vitrine.core.analysis.spectrum.MatrixValues;
import vitrine.core.analysis.spectrum.Solved;
import vitrine.core.analysis.spectrum.SpectralMeasures;
import vitrine.core.analysis.spectrum.SpectrumSolver;
import vitrine.core.architecture.Part;
import vitrine.core.architecture.WeightMatrix;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.onednn.OneDnn;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.WeightSource;
import vitrine.core.work.output.Figures;

/// The effective rank of every matrix of decoder layers before and after pruning.
///
/// A large model has its matrices of some layers measured only, spread evenly from the first to the last ([#EFFORT]), so that a report takes seconds and not the time of the run again; `vitrine compare` measures all.
public final class RanksBeforeAndAfter {

    /// Work that is done for a report, in units of [SpectrumSolver#cost]: a second or two.
    private static final double EFFORT = 1.2e5;
    private static final Set<Part> KINDS = EnumSet.of(Part.QUERY, Part.KEY, Part.VALUE, Part.OUTPUT, Part.GATE, Part.UP, Part.DOWN, Part.OTHER);

    private final WeightSource before;
    private final WeightSource after;
    private final Counterparts parts;
    private final Progress progress;
    private Accuracy accuracy = Accuracy.exact;

    private RanksBeforeAndAfter(WeightSource before, WeightSource after, Counterparts parts, Progress progress) {
        this.before = before;
        this.after = after;
        this.parts = parts;
        this.progress = progress;
    }

    /// @param before a checkpoint's path, and `after` that of the pruned one
    public static ObjectNode of(String before, String after, Counterparts parts, Progress progress) {
        return of(before, after, parts, EFFORT, progress);
    }

    public static ObjectNode of(String before, String after, Counterparts parts, double effort, Progress progress) {
        try (WeightSource a = WeightSource.open(before, false); WeightSource b = WeightSource.open(after, false)) {
            return new RanksBeforeAndAfter(a, b, parts, progress).run(effort);
        }
    }

    /// What a matrix is, in the numbers of the model before.
    private record Key(int layer, Part part, int expert) {}

    private ObjectNode run(double effort) {
        Map<Integer, List<WeightMatrix>> layers = new TreeMap<>();
        before.list().matrices().stream().filter(RanksBeforeAndAfter::counts).forEach(m -> layers.computeIfAbsent(m.layer(), l -> new java.util.ArrayList<>()).add(m));
        Map<Key, Deque<WeightMatrix>> left = new HashMap<>();
        after.list().matrices().stream().filter(RanksBeforeAndAfter::counts).forEach(m -> left.computeIfAbsent(new Key(parts.layers().get(m.layer()), m.part(), m.expert()), k -> new ArrayDeque<>()).add(m));
        Set<Integer> chosen = chosen(layers, effort);
        ObjectNode out = Json.object().put("measure", "exp of the entropy of the singular values divided by their sum; normalised: divided by the smaller side").put("accuracy", accuracy.name()).put("of_layers", layers.size());
        ArrayNode rows = Json.mapper().createArrayNode();
        ArrayNode byLayer = Json.mapper().createArrayNode();
        Mean all = new Mean();
        try (Products halves = OneDnn.openOrNull(); Products products = LoadedModel.products(); SpectrumSolver solver = new SpectrumSolver(halves, products)) {
            layers.forEach((l, matrices) -> {
                if (!chosen.contains(l)) {
                    return;
                }
                Mean mean = new Mean();
                for (WeightMatrix m : matrices) {
                    progress.checkCancelled();
                    int expert = m.expert() < 0 ? -1 : parts.expert(l, m.expert());
                    // Of merged experts the first has what they became.
                    Deque<WeightMatrix> same = m.expert() >= 0 && expert < 0 ? null : left.get(new Key(l, m.part(), expert));
                    row(m, same == null ? null : same.poll(), solver, rows.addObject(), List.of(mean, all));
                }
                mean.put(byLayer.addObject().put("layer", l));
            });
        }
        all.put(out);
        out.set("layers", byLayer);
        out.set("matrices", rows);
        return out;
    }

    private static boolean counts(WeightMatrix m) {
        return m.layer() >= 0 && m.head() < 0 && KINDS.contains(m.part()) && Math.min(m.rows(), m.columns()) > 1;
    }

    private Set<Integer> chosen(Map<Integer, List<WeightMatrix>> layers, double effort) {
        if (cost(layers, Accuracy.exact) <= effort) {
            return layers.keySet();
        }
        accuracy = Accuracy.fast;
        int count = (int) Math.clamp(effort / cost(layers, accuracy) * layers.size(), Math.min(2, layers.size()), layers.size());
        List<Integer> numbers = List.copyOf(layers.keySet());
        Set<Integer> out = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            out.add(numbers.get((int) Math.round((double) i * (numbers.size() - 1) / Math.max(1, count - 1))));
        }
        return out;
    }

    private static double cost(Map<Integer, List<WeightMatrix>> layers, Accuracy accuracy) {
        return layers.values().stream().flatMap(List::stream).mapToDouble(m -> 2 * SpectrumSolver.cost(m.rows(), m.columns(), accuracy)).sum();
    }

    private void row(WeightMatrix m, WeightMatrix o, SpectrumSolver solver, ObjectNode row, List<Mean> means) {
        row.put("name", m.name()).put("kind", m.part().name().toLowerCase(java.util.Locale.ROOT)).put("layer", m.layer());
        if (m.expert() >= 0) {
            row.put("expert", m.expert());
        }
        row.putArray("shape").add(m.rows()).add(m.columns());
        MatrixValues values = before.values(m);
        double was = rank(values, solver);
        double size = Math.min(m.rows(), m.columns());
        Figures.put(row, "before", was);
        Figures.put(row, "normalised_before", was / size);
        if (o == null) {
            row.putNull("after").putNull("normalised_after");
        } else {
            if (o.rows() != m.rows() || o.columns() != m.columns()) {
                row.putArray("shape_after").add(o.rows()).add(o.columns());
            }
            MatrixValues now = after.values(o);
            boolean same = o.rows() == m.rows() && o.columns() == m.columns() && MatrixChange.of(values, now, SpectrumSolver.Work.UNWATCHED).changed() == 0;
            double is = same ? was : rank(now, solver);
            double left = Math.min(o.rows(), o.columns());
            Figures.put(row, "after", is);
            Figures.put(row, "normalised_after", is / left);
            means.forEach(x -> x.add(was, is, was / size, is / left));
            after.release(o);
        }
        before.release(m);
    }

    /// NaN where there are only zeros, or values that are not finite.
    private double rank(MatrixValues values, SpectrumSolver solver) {
        return switch (solver.solve(values, accuracy, done -> progress.checkCancelled())) {
            case Solved.Values v when v.values().length > 0 && v.values()[0] > 0 -> SpectralMeasures.of(v.values(), values.rows(), values.columns()).effectiveRank();
            default -> Double.NaN;
        };
    }

    /// Means over matrices that are there before and after and have a rank in both.
    private static final class Mean {
        private final double[] sums = new double[4];
        private int count;

        void add(double... values) {
            if (Arrays.stream(values).allMatch(Double::isFinite)) {
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += values[i];
                }
                count++;
            }
        }

        void put(ObjectNode to) {
            String[] keys = {"before", "after", "normalised_before", "normalised_after"};
            for (int i = 0; i < keys.length; i++) {
                Figures.put(to, keys[i], sums[i] / count);
            }
            to.put("matrices_compared", count);
        }
    }
}
