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
import vitrine.views.chart.Marker;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;

/// The singular values of a delta beside those of the weight that it changes, and the edge of that weight's noise.
final class SpectrumCard {

    /// Values this far below the largest are rounding and would flatten the rest.
    private static final double FLOOR = 1e-6;

    private final Card card = new Card("Delta against base").explained(Guide.Section.formula("lora", "noise edge"));
    private final LoraViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);

    SpectrumCard(LoraViewModel model) {
        this.model = model;
        canvas.setId("spectrum");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        for (var p : List.of(model.studyProperty(), model.selectedProperty())) {
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

    private void show() {
        Study s = model.studyProperty().get();
        Module m = model.module().orElse(null);
        if (s == null || m == null || !(m.energy() > 0)) {
            card.subtitle("");
            card.content(new EmptyState(Icons.INFORMATION, m == null ? "Select a module in the map." : "There is no spectrum to draw."));
            return;
        }
        double[] base = s.artifact().values("base_sv", m.row());
        double[] tuned = s.artifact().values("tuned_sv", m.row());
        OptionalDouble edge = m.row().figure("base_noise_edge");
        card.title(base.length > 0 ? "Delta against base" : "Delta spectrum");
        card.subtitle(m.title().toLowerCase(Locale.ROOT));
        card.provenance(s.derived("singular values of ΔW = s B A" + (base.length > 0 ? ", of W and of W + ΔW; the noise edge is that of the Marchenko-Pastur law fitted to W's bulk" : ""))
                .of(m.sigma().length));
        double largest = Math.max(m.sigma()[0], base.length > 0 ? base[0] : 0);
        List<LineSeries> series = new ArrayList<>();
        series.add(curve("ΔW", m.sigma(), largest, m.category(), false));
        if (base.length > 0) {
            series.add(new LineSeries("W", index(base.length), shown(base, largest), p -> p.muted(), null, true, false, false, true));
        }
        if (tuned.length > 0) {
            series.add(new LineSeries("W + ΔW", index(tuned.length), shown(tuned, largest), p -> p.text(), Marker.HOLLOW_SQUARE, false, false, false, false));
        }
        List<LineChart.Reference> references = new ArrayList<>();
        edge.ifPresent(e -> references.add(new LineChart.Reference(e, "noise edge " + Numbers.general(e), "")));
        chart.axes(Axis.log("index (log)").between(1, Math.max(2, Math.max(m.sigma().length, base.length))), Axis.log("σ (log)")).series(series).references(references)
                .formats(x -> "σ " + Numbers.count(x), Numbers::general);
        card.content(canvas);
    }

    private static double[] index(int n) {
        return IntStream.rangeClosed(1, n).asDoubleStream().toArray();
    }

    /// Values that are rounding leave a gap.
    private static double[] shown(double[] v, double largest) {
        return IntStream.range(0, v.length).mapToDouble(i -> v[i] > FLOOR * largest ? v[i] : Double.NaN).toArray();
    }

    private static LineSeries curve(String name, double[] v, double largest, int category, boolean dashed) {
        LineSeries s = LineSeries.of(name, index(v.length), shown(v, largest), category);
        return dashed ? s.asDashed() : s;
    }
}
