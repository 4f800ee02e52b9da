package vitrine.views.runs;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;

/// One more figure of a run over its steps: gradient norm, learning rate, tokens per second.
final class FigureCard {

    private final Card card;
    private final RunsViewModel model;
    private final String name;
    private final int category;
    private final LineChart chart = new LineChart();
    private final DoubleFunction<String> ticks;
    private final DoubleFunction<String> exact;
    private final String method;
    private RunData drawn;
    private List<RunData> drawnOthers = List.of();

    /// @param ticks how the axis is written
    /// @param exact how the read-out is written
    FigureCard(RunsViewModel model, String title, String name, int category, DoubleFunction<String> ticks, DoubleFunction<String> exact, String method) {
        this.model = model;
        this.name = name;
        this.category = category;
        this.ticks = ticks;
        this.exact = exact;
        this.method = method;
        card = new Card(title);
        // Tokens per second are counted, not made by a formula.
        if (!name.equals("tokens_per_second")) {
            card.explained(Guide.Section.formula("runs", title.toLowerCase(Locale.ROOT)));
        }
        FigureCanvas canvas = new FigureCanvas(chart);
        canvas.setId(name);
        card.content(canvas);
        model.shownProperty().addListener((o, old, now) -> show());
        model.follow(model.board().lookedProperty(), this::show);
        model.overlays().addListener((javafx.beans.InvalidationListener) o -> show());
        show();
    }

    Card node() {
        return card;
    }

    LineChart chart() {
        return chart;
    }

    private void show() {
        RunData d = model.data().orElse(null);
        List<RunData> others = model.overlaid();
        if (d == null || d == drawn && others.equals(drawnOthers)) {
            return;
        }
        drawn = d;
        drawnOthers = others;
        Curve c = d.curve(name);
        List<LineSeries> series = new ArrayList<>();
        series.add(LineSeries.of(others.isEmpty() ? name.replace('_', ' ') : "#" + d.run().number(), c.steps(), c.values(), others.isEmpty() ? category : 0).withoutMarkers().withoutLabel());
        int n = 1;
        for (RunData o : others) {
            Curve of = o.curve(name);
            series.add(LineSeries.of("#" + o.run().number(), of.steps(), of.values(), n++ % 12).withoutMarkers().withoutLabel());
        }
        List<LineChart.Reference> references = new ArrayList<>();
        if (name.equals("learning_rate")) {
            planned(d, series);
        }
        double limit = d.run().task().path("settings").path("maxGradNorm").asDouble(1);
        if (name.equals("gradient_norm") && limit > 0) {
            references.add(new LineChart.Reference(limit, "clip " + Numbers.general(limit), ""));
        }
        double most = 0;
        for (LineSeries s : series) {
            for (double v : s.ys()) {
                most = Double.isFinite(v) ? Math.max(most, v) : most;
            }
        }
        for (LineChart.Reference r : references) {
            most = Math.max(most, r.y());
        }
        Axis y = new Axis("", false, 0, Double.NaN, ticks);
        if (most > 0) {
            double step = vitrine.views.chart.Ticks.step(0, most, 4);
            y = new Axis("", false, 0, Math.ceil(most / step - 1e-9) * step, ticks);
        }
        double end = d.steps() > 0 ? d.steps() : Double.NaN;
        chart.axes(LossCard.fromZero(""), y).series(series).references(references).formats(v -> "step " + Numbers.count(v), exact).remaining(Double.NaN, end, "");
        card.provenance(Origins.measured(d, method));
    }

    /// What the schedule still holds, faintly.
    private static void planned(RunData d, List<LineSeries> series) {
        if (d.run().step() == 0 || d.run().step() >= d.steps() || d.steps() > 1_000_000) {
            return;
        }
        LearningRate rate = LearningRate.of(d.run().task(), d.steps());
        int from = (int) d.run().step();
        int count = (int) Math.min(200, d.steps() - from + 1);
        double[] xs = new double[count];
        double[] ys = new double[count];
        for (int i = 0; i < count; i++) {
            xs[i] = count == 1 ? from : Math.rint(from + (double) i * (d.steps() - from) / (count - 1));
            ys[i] = rate.at((long) xs[i]);
        }
        series.add(LineSeries.of("to come", xs, ys, 4).asDashed().withoutMarkers().withoutLabel());
    }
}
