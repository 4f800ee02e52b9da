package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;

/// The share of a delta's squared norm that its strongest directions hold, with its knee and the cut.
final class EnergyCard {

    private final Card card = new Card("Cumulative energy").explained(Guide.Section.formula("lora", "knee"));
    private final LoraViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private boolean quiet;

    EnergyCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("energy");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        chart.thresholdName(v -> "keep " + Numbers.count(v));
        chart.thresholdProperty().addListener((o, old, now) -> {
            if (!quiet && Double.isFinite(now.doubleValue())) {
                drag(Math.max(1, (int) Math.round(now.doubleValue())));
            }
        });
        for (var p : List.of(model.studyProperty(), model.selectedProperty())) {
            p.addListener((o, old, now) -> show());
        }
        for (var p : List.of(model.rankProperty(), model.ruleProperty(), model.energyProperty(), model.parametersProperty(), model.lossRiseProperty())) {
            p.addListener((o, old, now) -> threshold());
        }
        show();
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    /// The rank itself, or the share of energy that this rank of this module has.
    private void drag(int rank) {
        if (model.ruleProperty().get() == Cut.Rule.RANK) {
            model.rankProperty().set(rank);
        } else {
            model.ruleProperty().set(Cut.Rule.ENERGY);
            model.module().ifPresent(m -> model.energyProperty().set(Math.max(0.01, m.cumulative()[Math.min(rank, m.sigma().length)])));
        }
        threshold();
    }

    private void threshold() {
        Cut cut = model.cut();
        Study s = model.studyProperty().get();
        OptionalDouble k = cut == null || model.selectedProperty().get() == null ? OptionalDouble.empty() : cut.rank(s, model.selectedProperty().get());
        quiet = true;
        chart.thresholdProperty().set(k.orElse(Double.NaN));
        quiet = false;
    }

    private void show() {
        Study s = model.studyProperty().get();
        Module m = model.module().orElse(null);
        if (s == null || m == null || !(m.energy() > 0)) {
            card.subtitle("");
            card.content(new EmptyState(Icons.INFORMATION, m == null ? "Select a module in the map." : m.row().absent() == null ? "This delta is zero: there is no energy to share out." : m.row().absent() + "."));
            return;
        }
        card.subtitle(m.title().toLowerCase(Locale.ROOT));
        card.provenance(s.derived("sums of squared singular values of ΔW; the knee is where the curve lies farthest above the straight line").of(m.sigma().length));
        double[] ys = m.cumulative();
        double[] xs = IntStream.range(0, ys.length).asDoubleStream().toArray();
        List<LineChart.Point> points = new ArrayList<>();
        int nine = Cut.rankFor(m, 0.9);
        OptionalDouble knee = m.row().figure("knee");
        knee.ifPresent(k -> points.add(new LineChart.Point(k, ys[(int) k], "knee at " + Numbers.count(k), m.category())));
        if (knee.isEmpty() || knee.getAsDouble() != nine) {
            points.add(new LineChart.Point(nine, ys[nine], Numbers.wholePercent(0.9) + " at " + nine, m.category()));
        }
        chart.axes(Axis.of("rank kept").between(0, ys.length - 1).written(v -> v == Math.rint(v) ? Numbers.count(v) : ""), Axis.of("share of ‖ΔW‖²").between(0, 1))
                .series(List.of(LineSeries.of("energy", xs, ys, m.category()).asFilled().withoutLabel(),
                        new LineSeries("equal directions", new double[] {0, ys.length - 1}, new double[] {0, 1}, p -> p.subtle(), null, true, false, false, false)))
                .points(points).formats(x -> "rank " + Numbers.count(x), Numbers::probability);
        threshold();
        card.content(canvas);
    }
}
