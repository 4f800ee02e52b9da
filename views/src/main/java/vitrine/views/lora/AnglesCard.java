package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ScatterPlot;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;

/// Two adapters: the principal angles of the selected module, and the norms of all modules.
final class AnglesCard {

    private final Card angles = new Card("Principal angles").explained(Guide.Section.formula("lora", "two adapters"));
    private final Card norms = new Card("Norms").explained(Guide.Section.formula("lora", "two adapters"));
    private final LoraViewModel model;
    private final LineChart chart = new LineChart();
    private final ScatterPlot scatter = new ScatterPlot();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final FigureCanvas points = new FigureCanvas(scatter);
    private List<Comparison.Row> drawn = List.of();

    AnglesCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("angles");
        points.setId("norms");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        VBox.setVgrow(points, Priority.ALWAYS);
        scatter.selectedProperty().addListener((o, old, now) -> {
            if (now.intValue() >= 0 && now.intValue() < drawn.size()) {
                model.selectedProperty().set(drawn.get(now.intValue()).module());
            }
        });
        scatter.hoveredProperty().addListener((o, old, now) -> model.hoveredProperty().set(now.intValue() >= 0 && now.intValue() < drawn.size() ? drawn.get(now.intValue()).module() : null));
        model.comparisonProperty().addListener((o, old, now) -> {
            showNorms();
            showAngles();
        });
        model.selectedProperty().addListener((o, old, now) -> showAngles());
        showNorms();
        showAngles();
    }

    Card angles() {
        return angles;
    }

    Card norms() {
        return norms;
    }

    private void showAngles() {
        Comparison c = model.comparison().orElse(null);
        Comparison.Row row = c == null || model.selectedProperty().get() == null ? null : c.row(model.selectedProperty().get()).orElse(null);
        double[] left = row == null ? new double[0] : c.angles(true, row);
        if (left.length == 0) {
            angles.subtitle("");
            angles.content(new EmptyState(Icons.INFORMATION, c == null ? "Angles between the deltas' subspaces." : "Select a module that both adapters change."));
            return;
        }
        double[] right = c.angles(false, row);
        angles.subtitle(row.title().toLowerCase(Locale.ROOT));
        angles.provenance(c.derived("acos of the singular values of U₁ᵀ U₂ (output side) and V₁ᵀ V₂ (input side), Björck and Golub 1973").of(left.length));
        double[] xs = IntStream.rangeClosed(1, left.length).asDoubleStream().toArray();
        chart.axes(Axis.of("angle").between(1, Math.max(2, left.length)).written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), Axis.of("degrees").between(0, 90))
                .series(List.of(LineSeries.of("output", xs, left, 0), LineSeries.of("input", IntStream.rangeClosed(1, right.length).asDoubleStream().toArray(), right, 1).asDashed()))
                .formats(x -> "angle " + Numbers.count(x), v -> Numbers.fixed(v, 2) + "°");
        angles.content(canvas);
    }

    private void showNorms() {
        Comparison c = model.comparison().orElse(null);
        if (c == null) {
            norms.content(new EmptyState(Icons.INFORMATION, "Norms of both adapters' deltas."));
            return;
        }
        List<ScatterPlot.Point> marks = new ArrayList<>();
        drawn = c.rows().stream().filter(r -> r.figure("frobenius_norm").isPresent()).toList();
        for (Comparison.Row r : drawn) {
            int category = model.study().flatMap(s -> s.module(r.module())).map(Module::category).orElse(11);
            marks.add(new ScatterPlot.Point(r.figure("frobenius_norm").orElse(0), r.figure("other_frobenius_norm").orElse(0), category, r.title()));
        }
        norms.provenance(c.derived("Frobenius norms of both deltas of each module").of(marks.size()));
        scatter.axes(Axis.of("‖ΔW‖ of " + vitrine.core.refusal.Visible.name(c.adapter())), Axis.of("‖ΔW‖ of " + vitrine.core.refusal.Visible.name(c.other()))).points(marks);
        norms.content(points);
    }
}
