package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.views.chart.Axis;
import vitrine.views.chart.ColumnChart;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.Segments;

/// Of the selected module: how much of the delta lies outside the base's leading directions, or how near the tuned weight's leading directions lie to any of
/// the base's.
final class ResponseCard {

    private static final double BOUND = 0.5;

    private final Card card = new Card("Outside W");
    private final LoraViewModel model;
    private final LineChart chart = new LineChart();
    private final ColumnChart columns = new ColumnChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final FigureCanvas intruders = new FigureCanvas(columns);
    private final Segments<Boolean> which = new Segments<>(List.of(true, false), tail -> tail ? "tail" : "intruders").compact();

    ResponseCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("tail");
        intruders.setId("intruders");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        VBox.setVgrow(intruders, Priority.ALWAYS);
        card.header(which);
        for (var p : List.of(model.studyProperty(), model.selectedProperty(), which.valueProperty())) {
            p.addListener((o, old, now) -> show());
        }
        show();
    }

    Card node() {
        return card;
    }

    private void show() {
        Study s = model.studyProperty().get();
        Module m = model.module().orElse(null);
        boolean tail = which.valueProperty().get();
        card.title(tail ? "Outside W" : "Intruder dimensions");
        double[] v = s == null || m == null ? new double[0] : s.artifact().values(tail ? "tail" : "intruder_cosine", m.row());
        if (v.length == 0) {
            card.subtitle("");
            card.content(new EmptyState(Icons.INFORMATION, s == null || !s.aligned() ? "Needs the base's weights."
                    : tail ? "There is nothing to share out: this delta is zero." : "Known only where all of the weight's singular vectors are. Ask for --alignment full."));
            return;
        }
        card.subtitle(m.title().toLowerCase(Locale.ROOT));
        if (!tail) {
            card.provenance(s.derived("largest |cosine| of each leading left singular vector of W + ΔW with any of W's; below 0.5 it is an intruder").of(v.length));
            List<String> names = IntStream.rangeClosed(1, v.length).mapToObj(Integer::toString).toList();
            columns.categories(names, "singular vector of W + ΔW").series(List.of(ColumnChart.Series.of("best cosine", v, m.category())), Axis.of("best cosine, intruder below " + BOUND).between(0, 1),
                    Numbers::probability);
            card.content(intruders);
            return;
        }
        card.provenance(s.derived("1 − ‖U_mᵀ ΔW‖² ÷ ‖ΔW‖² with W's first m left singular vectors").of(v.length));
        double[] xs = IntStream.range(0, v.length).asDoubleStream().toArray();
        int out = m.row().out();
        List<LineSeries> series = new ArrayList<>();
        series.add(LineSeries.of("ΔW", xs, v, m.category()).withoutMarkers());
        series.add(new LineSeries("by chance", xs, IntStream.range(0, v.length).mapToDouble(i -> Math.max(0, 1 - (double) i / out)).toArray(), p -> p.muted(), null, true, false, false, true));
        chart.axes(Axis.of("m, directions of W").between(0, Math.max(1, v.length - 1)), Axis.of("share of ‖ΔW‖² outside").between(0, 1)).series(series)
                .formats(x -> "first " + Numbers.count(x), Numbers::probability);
        card.content(canvas);
    }
}
