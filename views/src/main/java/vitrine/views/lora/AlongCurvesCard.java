package vitrine.views.lora;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.Segments;

/// Effective rank or norm of the deltas over the steps of the run, a line for each kind of module, the mean over layers.
final class AlongCurvesCard {

    private enum What {
        RANK("effective rank"), NORM("‖ΔW‖");

        private final String label;

        What(String label) {
            this.label = label;
        }
    }

    private final Card card = new Card("Over steps").explained(Guide.Section.formula("lora", "effective rank"));
    private final LoraViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final Segments<What> what = new Segments<>(List.of(What.values()), w -> w.label).compact();
    private boolean quiet;

    AlongCurvesCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("along-curves");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        what.valueProperty().addListener((o, old, now) -> show());
        chart.lockedIndexProperty().addListener((o, old, now) -> {
            if (!quiet && now.intValue() >= 0) {
                model.along().atProperty().set(now.intValue());
            }
        });
        for (var p : List.of(model.along().shownProperty(), model.selectedProperty(), model.along().atProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    /// Before its first step a delta is all zeros, and has no rank to draw.
    private static double rank(Along.Line l) {
        return l.norm() > 0 ? l.effectiveRank() : Double.NaN;
    }

    private void show() {
        Along a = model.along().shownProperty().get();
        if (a == null || a.steps().isEmpty()) {
            return;
        }
        boolean rank = what.valueProperty().get() == What.RANK;
        ToDoubleFunction<Along.Line> of = rank ? AlongCurvesCard::rank : Along.Line::norm;
        double[] xs = a.steps().stream().mapToDouble(Along.Step::step).toArray();
        Map<String, Integer> kinds = new LinkedHashMap<>();
        a.steps().getLast().lines().forEach(l -> kinds.putIfAbsent(l.kind(), Module.category(l.kind())));
        List<LineSeries> series = new ArrayList<>();
        kinds.forEach((kind, category) -> series.add(LineSeries.of(Module.head(kind), xs,
                a.steps().stream().mapToDouble(s -> s.lines().stream().filter(l -> l.kind().equals(kind)).mapToDouble(of).average().orElse(Double.NaN)).toArray(), category)));
        Axis down = Axis.of(what.valueProperty().get().label + ", mean over layers");
        chart.axes(Axis.of("step").written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), rank ? down.between(0, Double.NaN) : down).series(series)
                .marks(List.of(new LineChart.Mark(xs[Math.clamp(model.along().atProperty().get(), 0, xs.length - 1)], ""))).formats(x -> "step " + Numbers.count(x), v -> Numbers.fixed(v, 2));
        a.line(a.steps().size() - 1, model.selectedProperty().get()).ifPresent(l -> chart.selectedSeriesProperty().set(Module.head(l.kind())));
        card.header(what);
        card.provenance(a.derived(rank ? "exp of the entropy of σ ÷ Σσ, the mean over the layers' modules of a kind" : "root of Σσ², the mean over the layers' modules of a kind"));
        card.content(canvas);
    }
}
