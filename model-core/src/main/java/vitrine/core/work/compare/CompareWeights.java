package vitrine.core.work.compare;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.analysis.spectrum.MatrixChange;
import vitrine.core.analysis.spectrum.MatrixValues;
import vitrine.core.analysis.spectrum.Solved;
import vitrine.core.analysis.spectrum.SpectralMeasures;
import vitrine.core.analysis.spectrum.SpectrumSolver;
import vitrine.core.architecture.WeightMatrix;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Visible;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.onednn.OneDnn;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;
import vitrine.core.work.output.KeptSpectra;

/// Tensors of two models: which are equal, how far matrices moved, and what became of their effective rank. One matrix of each is read at a time, in
/// blocks; of a matrix that an adapter changes the merged form is in memory.
final class CompareWeights {

    private static final int PER_VALUE = 4;

    private final CompareSide a;
    private final CompareSide b;
    private final Accuracy accuracy;
    private final Consumer<String> warn;
    private final Set<String> equal = new LinkedHashSet<>();
    private int estimated;
    private int withoutRank;

    CompareWeights(CompareSide a, CompareSide b, Accuracy accuracy, Consumer<String> warn) {
        this.a = a;
        this.b = b;
        this.accuracy = accuracy;
        this.warn = warn;
    }

    private List<WeightMatrix[]> pairs() {
        List<WeightMatrix[]> out = new ArrayList<>();
        for (WeightMatrix m : a.source().list().matrices()) {
            WeightMatrix o = b.source().byName().get(m.name());
            if (o != null && o.rows() == m.rows() && o.columns() == m.columns()) {
                out.add(new WeightMatrix[] {m, o});
            }
        }
        return out;
    }

    /// Operations that it may take at most.
    double cost() {
        double sum = 0;
        for (TensorEntry t : a.source().checkpoint().tensors().values()) {
            sum += PER_VALUE * (double) t.elements();
        }
        for (WeightMatrix[] p : pairs()) {
            sum += PER_VALUE * (double) p[0].view().size() + (accuracy == null ? 0 : 2 * SpectrumSolver.cost(p[0].rows(), p[0].columns(), accuracy));
        }
        return sum;
    }

    /// Whether any rank is an estimate.
    boolean estimated() {
        return estimated > 0;
    }

    /// Why some matrices have no change of rank, one sentence, or null.
    String spectraAbsent() {
        if (accuracy == null) {
            return "Effective ranks were not asked for.";
        }
        return withoutRank == 0 ? null : String.format(Locale.ROOT, "%,d matrices have no effective rank: they hold zeros only, or values that are not finite.", withoutRank);
    }

    void run(KeptSpectra kept, Progress progress, ObjectNode figures) throws IOException {
        Meter meter = new Meter(progress, cost());
        tensors(figures.putObject("tensors"), meter);
        ArrayNode rows = figures.putArray("matrices");
        Table table = new Table();
        try (Products halves = OneDnn.openOrNull(); Products products = LoadedModel.products(); SpectrumSolver solver = new SpectrumSolver(halves, products)) {
            for (WeightMatrix[] p : pairs()) {
                rows.add(matrix(p[0], p[1], solver, kept, meter, table));
            }
        }
        table.write(figures);
        progress.step(1, 1, "");
        for (CompareSide s : List.of(a, b)) {
            if (s.model() != null && s.model().adapters() != null && s.model().adapters().partsHead()) {
                warn.accept("An adapter of " + s.name() + " changes the head or the embedding, which share one table in its base, and not the other: the head that is new so is not among the tensors.");
            }
        }
    }

    // --- tensors

    private void tensors(ObjectNode to, Meter meter) {
        Map<String, TensorEntry> left = a.tensors();
        Map<String, TensorEntry> right = b.tensors();
        ArrayNode onlyA = Json.mapper().createArrayNode();
        ArrayNode onlyB = Json.mapper().createArrayNode();
        ArrayNode shapes = Json.mapper().createArrayNode();
        int changed = 0;
        for (TensorEntry t : left.values()) {
            TensorEntry o = right.get(t.name());
            if (o == null) {
                onlyA.add(t.name());
            } else if (!o.shape().equals(t.shape())) {
                shapes.add(t.name() + ": " + t.shape() + " and " + o.shape());
            } else if (same(t, o, meter)) {
                equal.add(t.name());
            } else {
                changed++;
            }
        }
        right.keySet().stream().filter(n -> !left.containsKey(n)).forEach(onlyB::add);
        to.put("equal", equal.size()).put("changed", changed);
        to.set("only_a", onlyA);
        to.set("only_b", onlyB);
        to.set("shapes", shapes);
    }

    /// Whether all values are equal; values of types that cannot be read here, whether all bytes are.
    private boolean same(TensorEntry t, TensorEntry o, Meter meter) {
        boolean stored = !a.changes(t.name()) && !b.changes(o.name());
        if (stored && t.dtype() == o.dtype()) {
            boolean same = a.bytes(t).mismatch(b.bytes(o)) < 0;
            meter.done(t.elements());
            return same;
        }
        if (!t.dtype().readable() || !o.dtype().readable()) {
            return false;
        }
        return MatrixChange.of(a.values(t), b.values(o), meter::done).changed() == 0;
    }

    private boolean equal(WeightMatrix m, WeightMatrix o) {
        if (!equal.contains(m.tensor().name())) {
            return false;
        }
        TensorEntry left = a.source().list().scales().get(m.tensor().name());
        TensorEntry right = b.source().list().scales().get(o.tensor().name());
        return left == null && right == null || left != null && right != null && equal.contains(left.name()) && left.name().equals(right.name());
    }

    // --- matrices

    private ObjectNode matrix(WeightMatrix m, WeightMatrix o, SpectrumSolver solver, KeptSpectra kept, Meter meter, Table table) throws IOException {
        ObjectNode row = Json.object().put("name", m.name()).put("kind", m.part().name().toLowerCase(Locale.ROOT)).put("layer", m.layer()).put("expert", m.expert());
        row.putArray("shape").add(m.rows()).add(m.columns());
        boolean same = equal(m, o);
        MatrixValues left = a.values(m);
        MatrixValues right = b.values(o);
        MatrixChange change = MatrixChange.of(left, same ? left : right, meter::done);
        double solving = accuracy == null ? 0 : 2 * SpectrumSolver.cost(m.rows(), m.columns(), accuracy);
        if (change.nonFinite() > 0) {
            row.put("absent", String.format(Locale.ROOT, "%,d values are not finite", change.nonFinite()));
            warn.accept(String.format(Locale.ROOT, "%s is not compared: %,d of its values in A and B are not finite.", Visible.name(m.name()), change.nonFinite()));
            meter.work(solving);
            return row;
        }
        Figures.put(row, "norm_a", change.norm());
        Figures.put(row, "norm_b", change.other());
        Figures.put(row, "delta", change.delta());
        Figures.put(row, "relative_change", change.relative());
        double rank = 0;
        if (accuracy != null && change.changed() > 0) {
            Rank p = rank("a " + m.name(), left, solver, kept, meter);
            Rank q = rank("b " + m.name(), right, solver, kept, meter);
            Figures.put(row, "normalised_effective_rank_a", p.value);
            Figures.put(row, "normalised_effective_rank_b", q.value);
            if (p.error > 0 || q.error > 0) {
                row.put("error", Math.hypot(p.error, q.error));
                estimated++;
            }
            rank = q.value - p.value;
            withoutRank += Double.isNaN(rank) ? 1 : 0;
        } else {
            meter.work(solving);
            rank = accuracy == null ? Double.NaN : 0;
        }
        table.add(m, change, rank);
        a.source().release(m);
        b.source().release(o);
        return row;
    }

    private record Rank(double value, double error) {}

    private Rank rank(String key, MatrixValues values, SpectrumSolver solver, KeptSpectra kept, Meter meter) throws IOException {
        KeptSpectra.Entry known = kept.get(key);
        double cost = SpectrumSolver.cost(values.rows(), values.columns(), accuracy);
        if (known != null) {
            meter.work(cost);
            return new Rank(known.row().path("rank").asDouble(Double.NaN), known.row().path("error").asDouble(0));
        }
        double size = Math.min(values.rows(), values.columns());
        Rank rank = switch (solver.solve(values, accuracy, done -> meter.check())) {
            case Solved.Values v when v.values().length > 0 && v.values()[0] > 0 -> new Rank(SpectralMeasures.of(v.values(), values.rows(), values.columns()).normalisedEffectiveRank(), 0);
            case Solved.Estimated e -> new Rank(e.estimate().effectiveRank().value() / size, e.estimate().effectiveRank().error() / size);
            default -> new Rank(Double.NaN, 0);
        };
        ObjectNode row = Json.object();
        Figures.put(row, "rank", rank.value);
        Figures.put(row, "error", rank.error);
        kept.add(key, row, Map.of());
        meter.work(cost);
        return rank;
    }

    /// Layers by kinds, over all matrices of a kind in a layer.
    private static final class Table {
        private final Map<String, Map<Integer, double[]>> cells = new LinkedHashMap<>();
        private final TreeSet<Integer> layers = new TreeSet<>();

        void add(WeightMatrix m, MatrixChange change, double rank) {
            if (m.layer() < 0) {
                return;
            }
            layers.add(m.layer());
            double[] c = cells.computeIfAbsent(m.part().name().toLowerCase(Locale.ROOT), k -> new LinkedHashMap<>()).computeIfAbsent(m.layer(), l -> new double[4]);
            c[0] += change.norm() * change.norm();
            c[1] += change.delta() * change.delta();
            c[2] += rank;
            c[3]++;
        }

        void write(ObjectNode figures) {
            List<String> kinds = java.util.Arrays.stream(vitrine.core.architecture.Part.values()).map(p -> p.name().toLowerCase(Locale.ROOT)).filter(cells::containsKey).toList();
            kinds.forEach(figures.putArray("kinds")::add);
            ArrayNode change = figures.putArray("relative_change");
            ArrayNode ranks = figures.putArray("rank_change");
            int count = layers.isEmpty() ? 0 : layers.last() + 1;
            for (int l = 0; l < count; l++) {
                ArrayNode left = change.addArray();
                ArrayNode right = ranks.addArray();
                for (String kind : kinds) {
                    double[] c = cells.get(kind).get(l);
                    Figures.add(left, c == null ? Double.NaN : c[1] == 0 ? 0 : Math.sqrt(c[1] / c[0]));
                    Figures.add(right, c == null ? Double.NaN : c[2] / c[3]);
                }
            }
        }
    }

    /// Values read and operations done, as one bar.
    private static final class Meter {
        private final Progress progress;
        private final double total;
        private double done;

        Meter(Progress progress, double total) {
            this.progress = progress;
            this.total = total;
        }

        void done(double values) {
            work(PER_VALUE * values);
        }

        void work(double operations) {
            check();
            done += operations;
            progress.step(Math.min(1000, Math.round(1000 * done / Math.max(1, total))), 1000, "");
        }

        void check() {
            progress.checkCancelled();
        }
    }
}
