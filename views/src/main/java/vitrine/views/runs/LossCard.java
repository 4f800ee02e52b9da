package vitrine.views.runs;

import java.util.ArrayList;
import java.util.List;
import javafx.scene.Node;
import javafx.scene.layout.HBox;
import vitrine.resources.Guide;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.SeriesKey;
import vitrine.views.control.Card;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.Segments;

/// Training loss, raw and smoothed, and validation loss over the steps; of further runs the smoothed and the validation curves in colours of their own.
final class LossCard {

    /// Of several runs, those that ended before this share of the longest are told by the key alone: a label would lie on the others' curves.
    private static final double REACHES = 0.9;

    private final Card card = new Card("Loss").explained(Guide.Section.formula("runs", "training loss"));
    private final RunsViewModel model;
    private final LineChart chart = new LineChart();
    private final FigureCanvas canvas = new FigureCanvas(chart);
    private final boolean comparing;
    private final Segments<Boolean> scale = new Segments<>(List.of(false, true), l -> l ? "Log" : "Linear").compact();
    private RunData drawn;
    private List<RunData> drawnOthers = List.of();
    private boolean drawnLog;

    /// @param comparing whether the other run is the one compared with, rather than those laid over
    LossCard(RunsViewModel model, boolean comparing) {
        this.model = model;
        this.comparing = comparing;
        canvas.setId(comparing ? "loss-compared" : "loss");
        scale.valueProperty().bindBidirectional(model.logProperty());
        card.content(canvas);
        model.shownProperty().addListener((o, old, now) -> show());
        model.follow(model.board().lookedProperty(), this::show);
        model.logProperty().addListener((o, old, now) -> show());
        model.overlays().addListener((javafx.beans.InvalidationListener) o -> show());
        model.otherProperty().addListener((o, old, now) -> show());
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
        List<RunData> others = comparing ? model.dataOf(model.otherProperty().get()).stream().toList() : model.overlaid();
        boolean log = model.logProperty().get();
        if (d == null || d == drawn && others.equals(drawnOthers) && log == drawnLog) {
            return;
        }
        drawn = d;
        drawnOthers = others;
        drawnLog = log;
        boolean many = !others.isEmpty();
        String name = many ? "#" + d.run().number() + " " : "";
        List<LineSeries> series = new ArrayList<>();
        String now = d.smoothed().steps().length > 0 && Double.isFinite(d.smoothed().last()) ? " " + Numbers.lossOnTile(d.smoothed().last()) : "";
        String nowValid = !d.validation().isEmpty() && Double.isFinite(d.validation().last()) ? " " + Numbers.lossOnTile(d.validation().last()) : "";
        series.add(LineSeries.of(name + "train" + (many ? "" : now), d.smoothed().steps(), d.smoothed().values(), 0).withoutMarkers());
        if (!d.validation().isEmpty()) {
            series.add(LineSeries.of(name + "validation" + (many ? "" : nowValid), d.validation().steps(), d.validation().values(), many ? 0 : 1).asDashed());
        }
        SeriesKey key = new SeriesKey();
        if (many) {
            key.add("#" + d.run().number(), SeriesKey.Sample.LINE, 0);
        }
        double end = Math.max(d.run().step(), others.stream().mapToDouble(o -> o.run().step()).max().orElse(0));
        int category = 1;
        for (RunData o : others) {
            String n = "#" + o.run().number() + " ";
            series.add(LineSeries.of(n + "train", o.smoothed().steps(), o.smoothed().values(), category % 12).withoutMarkers());
            if (!o.validation().isEmpty()) {
                series.add(LineSeries.of(n + "validation", o.validation().steps(), o.validation().values(), category % 12).asDashed());
            }
            key.add("#" + o.run().number(), SeriesKey.Sample.LINE, category % 12);
            category++;
        }
        series.replaceAll(s -> many && s.xs().length > 0 && s.xs()[s.xs().length - 1] < REACHES * end ? s.withoutLabel() : s);
        series.add(LineSeries.of(name + "raw", d.loss().steps(), d.loss().values(), 0).asRaw());
        if (many) {
            key.add("validation", SeriesKey.Sample.DASHED, p -> p.muted(), null);
        } else {
            key.add("train, raw", SeriesKey.Sample.RAW, 0).add("train, EMA 0.95", SeriesKey.Sample.LINE, 0);
            if (!d.validation().isEmpty()) {
                key.add("validation", SeriesKey.Sample.DASHED, 1);
            }
        }
        Axis y = log ? Axis.log("nats per token (log)") : Axis.of("nats per token");
        chart.axes(fromZero("step"), y).series(series).formats(v -> "step " + Numbers.count(v), Numbers::loss);
        remaining(chart, d);
        FigureCanvas keyCanvas = new FigureCanvas(key);
        double width = key.widthFor(keyCanvas.surface());
        keyCanvas.setMinSize(width, 18);
        keyCanvas.setPrefSize(width, 18);
        ProvenanceAudit.notAFigure(keyCanvas, "key of the curves");
        card.header(keyCanvas, scale);
        card.besideTitle(hints(d, many));
        card.provenance(Origins.loss(d));
    }

    /// The axis of steps, from what was measured before the first.
    static Axis fromZero(String name) {
        return new Axis(name, false, 0, Double.NaN, null);
    }

    /// Shades what a run has not reached yet.
    static void remaining(LineChart chart, RunData d) {
        boolean all = d.steps() > 0 && d.run().step() < d.steps() && d.run().step() > 0;
        chart.remaining(all ? d.run().step() : Double.NaN, d.steps() > 0 ? d.steps() : Double.NaN, all ? (d.going() ? "now, step " : "step ") + Numbers.count(d.run().step()) : "");
    }

    private static Node[] hints(RunData d, boolean many) {
        Curve v = d.validation();
        int lowest = v.lowest();
        HBox pills = new HBox(8);
        pills.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        if (!many && lowest >= 0 && lowest < v.steps().length - 1) {
            pills.getChildren().add(ProvenanceAudit.tag(Pill.warning("validation lowest at step " + Numbers.count(v.steps()[lowest])), Origins.validation(d)));
        }
        int broken = 0;
        for (double x : d.loss().values()) {
            broken += Double.isFinite(x) ? 0 : 1;
        }
        if (broken > 0) {
            pills.getChildren().add(ProvenanceAudit.tag(Pill.danger("not finite at " + Numbers.count(broken) + (broken == 1 ? " step" : " steps")), Origins.loss(d)));
        }
        return pills.getChildren().isEmpty() ? new Node[0] : new Node[] {pills};
    }
}
