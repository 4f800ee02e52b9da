package vitrine.views.lora;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import javafx.scene.Node;
import javafx.scene.layout.Priority;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.core.refusal.Visible;
import vitrine.resources.Guide;
import vitrine.resources.Styles;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.Picker;
import vitrine.views.tasks.ViewState;
import vitrine.views.view.States;

/// Two adapters against each other: layers down, kinds of module across.
final class CosineCard {

    private final Card card = new Card("Adapter against adapter").explained(Guide.Section.formula("lora", "two adapters"));
    private final LoraViewModel model;
    private final MatrixChart chart = new MatrixChart().labelsOnTop();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final VBox content = new VBox(canvas);
    private final Picker<Comparison.Measure> measure = new Picker<>("", List.of(Comparison.Measure.values()), Comparison.Measure::label);
    private boolean quiet;
    private List<Integer> layers = List.of();
    private List<String> kinds = List.of();

    CosineCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("cosines");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        measure.getStyleClass().add(Styles.COMPACT);
        measure.valueProperty().bindBidirectional(model.measureProperty());
        chart.readOut(this::readOut);
        chart.selectedProperty().addListener((o, old, now) -> chosen(now));
        chart.hoveredProperty().addListener((o, old, now) -> {
            List<Comparison.Row> rows = now == null ? List.of() : there(now);
            model.hoveredProperty().set(rows.isEmpty() ? null : rows.getFirst().module());
        });
        for (var p : List.of(model.comparisonProperty(), model.measureProperty(), model.selectedProperty(), model.otherProperty(), model.subjectProperty())) {
            p.addListener((o, old, now) -> show());
        }
        model.adapters().addListener((javafx.beans.InvalidationListener) o -> show());
        show();
    }

    Card node() {
        return card;
    }

    MatrixChart chart() {
        return chart;
    }

    private List<Comparison.Row> there(Cell cell) {
        return model.comparison().map(c -> c.rows().stream().filter(r -> r.layer() == layers.get(cell.row()) && r.kind().equals(kinds.get(cell.column()))).toList()).orElse(List.of());
    }

    private void chosen(Cell cell) {
        if (quiet) {
            return;
        }
        if (cell == null || there(cell).isEmpty()) {
            show();
            return;
        }
        model.selectedProperty().set(there(cell).getFirst().module());
    }

    private void show() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            card.subtitle("");
            card.header();
            card.content(nothing());
            return;
        }
        card.header(measure);
        Comparison.Measure m = model.measureProperty().get();
        card.subtitle(Visible.name(c.other()) + (Double.isNaN(c.cosine()) ? "" : ", cosine of all " + Numbers.fixed(c.cosine(), 4)));
        card.provenance(c.derived(switch (m) {
            case COSINE -> "⟨ΔW₁, ΔW₂⟩ ÷ (‖ΔW₁‖ ‖ΔW₂‖), from the factors by traces";
            case OVERLAP_LEFT, OVERLAP_RIGHT -> "‖U₁ᵀ U₂‖² ÷ min(k₁, k₂) of the deltas' singular vectors";
            case CONFLICT -> "share of entries with opposite signs";
            case TRIMMED -> "opposite signs among the entries that are in the largest 20 % of both";
        }));
        Set<Integer> l = new java.util.TreeSet<>();
        Set<String> k = new LinkedHashSet<>();
        c.rows().forEach(r -> {
            l.add(r.layer());
            k.add(r.kind());
        });
        layers = List.copyOf(l);
        kinds = List.copyOf(k);
        float[] values = new float[layers.size() * kinds.size()];
        for (int r = 0; r < layers.size(); r++) {
            for (int q = 0; q < kinds.size(); q++) {
                values[r * kinds.size() + q] = value(there(new Cell(r, q)), m);
            }
        }
        Cells cells = Cells.of(layers.size(), kinds.size(), values);
        quiet = true;
        chart.labels(layers.stream().map(i -> i < 0 ? "–" : i.toString()).toList(), kinds.stream().map(Module::head).toList()).format(Numbers::inCell).largestCell(96, 88).legend(m.label());
        chart.show(cells, m == Comparison.Measure.COSINE ? Scale.diverging(1) : Scale.linear(0, 1));
        Comparison.Row row = model.selectedProperty().get() == null ? null : c.row(model.selectedProperty().get()).orElse(null);
        chart.selectedProperty().set(row == null ? null : new Cell(layers.indexOf(row.layer()), kinds.indexOf(row.kind())));
        quiet = false;
        card.content(content);
    }

    private static float value(List<Comparison.Row> there, Comparison.Measure m) {
        double[] v = there.stream().map(r -> r.figure(m.key())).filter(java.util.OptionalDouble::isPresent).mapToDouble(java.util.OptionalDouble::getAsDouble).toArray();
        return v.length == 0 ? Cells.NONE : (float) java.util.Arrays.stream(v).average().orElseThrow();
    }

    private ReadOut readOut(int row, int column) {
        Comparison.Row first = there(new Cell(row, column)).getFirst();
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, first.title());
        for (Comparison.Measure m : Comparison.Measure.values()) {
            first.figure(m.key()).ifPresent(v -> out.line().add(ReadOut.Role.CONTEXT, m.label()).add(ReadOut.Role.NUMBER, m == Comparison.Measure.COSINE ? Numbers.fixed(v, 4) : Numbers.probability(v)));
        }
        first.figure("frobenius_norm").ifPresent(v -> out.line().add(ReadOut.Role.CONTEXT, "‖ΔW₁‖, ‖ΔW₂‖").add(ReadOut.Role.NUMBER, Numbers.general(v) + ", "
                + Numbers.general(first.figure("other_frobenius_norm").orElse(Double.NaN))));
        return out;
    }

    private Node nothing() {
        return switch (model.comparisonProperty().get()) {
            case ViewState.Working<Comparison> w -> States.working(w.row(), model::cancelComparison);
            case ViewState.Problem<Comparison> p -> new StackPane(new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), () -> model.compareWith(model.otherProperty().get())));
            default -> {
                List<vitrine.views.view.Subject> others = model.adapters().stream().filter(a -> !a.equals(model.subjectProperty().get())).toList();
                EmptyState empty = new EmptyState(Icons.COMPARE, others.isEmpty()
                        ? "No comparison yet. Drop a second adapter of the same base on the window: another seed, another task, another step of the run."
                        : "No comparison yet. It tells angles, cosines and sign conflicts of two adapters of one base.");
                yield others.isEmpty() || model.subjectProperty().get() == null ? empty
                        : empty.button(Buttons.primary("Compare with " + others.getLast().name(), () -> model.compareWith(others.getLast())));
            }
        };
    }
}
