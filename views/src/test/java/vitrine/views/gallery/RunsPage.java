package vitrine.views.gallery;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.SeriesKey;
import vitrine.views.chart.Sparkline;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.Meter;
import vitrine.views.control.MetricTile;
import vitrine.views.control.Picker;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.control.Segments;

/// The runs view's regions, as in the mock-up.
final class RunsPage {

    private static final int DONE = 410;
    private static final int ALL = 600;

    private RunsPage() {}

    static BorderPane build(double width) {
        Label engine = new Label("29 s, embedded engine");
        engine.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        List<Node> header = List.of(new Picker<>("", List.of("#14 LoRA r 8"), s -> s).icon(Icons.RUNS), Pill.running("running"), engine, space,
                Buttons.plain("Pause", Icons.PAUSED, () -> { }), Buttons.plain("Stop and save", Icons.SAVE, () -> { }),
                Buttons.danger("Cancel run", () -> { }));
        HBox small = new HBox(12, gradient(), rate(), speed());
        small.getChildren().forEach(c -> {
            HBox.setHgrow(c, Priority.ALWAYS);
            ((Region) c).setPrefWidth(200);
        });
        small.setPrefHeight(216);
        small.setMinHeight(160);
        Card loss = loss();
        VBox.setVgrow(loss, Priority.ALWAYS);
        VBox page = new VBox(12, progress(), tiles(), loss, small);
        page.setPadding(new Insets(16));
        return Shell.around("Runs", header, page, inspector(), width);
    }

    private static Node progress() {
        Meter meter = new Meter(DONE / (double) ALL);
        HBox.setHgrow(meter, Priority.ALWAYS);
        meter.setMaxWidth(Double.MAX_VALUE);
        Label steps = new Label("step 410 of 600");
        steps.getStyleClass().add(Styles.SMALL);
        Label tokens = new Label("420 k tokens");
        tokens.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        HBox row = new HBox(10, meter, steps, tokens);
        row.setAlignment(Pos.CENTER_LEFT);
        return row;
    }

    private static Node tiles() {
        double[] loss = SampleData.smoothed(SampleData.loss(DONE, 0.1), 0.95);
        MetricTile stale = new MetricTile("CPU, 2 threads", Quantity.of(96, Numbers::count, SampleData.MEASURED).in("%"), Styles.FIGURE_LARGE)
                .meter(0.96).note("2 of 2 cores");
        stale.stale("12 s ago");
        HBox row = new HBox(12,
                new MetricTile("Training loss", Quantity.of(2.3348, Numbers::lossOnTile, SampleData.MEASURED).in("nats"), Styles.FIGURE_LARGE)
                        .sparkline(new Sparkline(loss, 0)),
                new MetricTile("Tokens per second", Quantity.of(15_800, Numbers::rate, SampleData.MEASURED), Styles.FIGURE_LARGE)
                        .sparkline(new Sparkline(RankPage.noise(120, 15.8, 1, 2), 3)),
                stale,
                new MetricTile("Worker memory", Quantity.of(632 * 1048576.0, Numbers::bytes, SampleData.MEASURED), Styles.FIGURE_LARGE).meter(0.31)
                        .note("of 2 GiB"),
                new MetricTile("Time left", Quantity.missing("paused", SampleData.ESTIMATED), Styles.FIGURE_LARGE).meter(Double.NaN)
                        .note("29 s elapsed"));
        row.getChildren().forEach(c -> {
            HBox.setHgrow(c, Priority.ALWAYS);
            ((Region) c).setPrefWidth(150);
        });
        return row;
    }

    private static Card loss() {
        double[] raw = SampleData.loss(DONE, 0.12);
        double[] steps = SampleData.steps(DONE);
        double[] validAt = IntStream.rangeClosed(0, 16).mapToDouble(i -> i * 25).toArray();
        double[] valid = Arrays.stream(validAt).map(s -> 3.75 + 1.3 * Math.exp(-s / 12) + 0.08 * Math.sin(s / 30) - (s == 50 ? 0.1 : 0)).toArray();
        LineChart chart = new LineChart().axes(Axis.of("step"), Axis.of("nats per token").between(2, 5))
                .series(List.of(LineSeries.of("train", steps, SampleData.smoothed(raw, 0.95), 0).withoutMarkers(),
                        LineSeries.of("validation", validAt, valid, 1).asDashed(),
                        LineSeries.of("train, raw", steps, raw, 0).asRaw()))
                .remaining(DONE, ALL, "now, step 410").formats(v -> Numbers.fixed(v, 0), Numbers::loss);
        chart.hoveredIndexProperty().set(250);
        SeriesKey key = new SeriesKey().add("train, raw", SeriesKey.Sample.RAW, 0).add("train, EMA 0.95", SeriesKey.Sample.LINE, 0)
                .add("validation", SeriesKey.Sample.DASHED, 1);
        FigureCanvas keyCanvas = new FigureCanvas(key);
        keyCanvas.setMinSize(key.widthFor(keyCanvas.surface()), 18);
        keyCanvas.setPrefSize(key.widthFor(keyCanvas.surface()), 18);
        return new Card("Loss").besideTitle(Pill.warning("validation lowest at step 50")).header(keyCanvas, new Segments<>(List.of("Linear", "Log"), s -> s).compact())
                .content(new FigureCanvas(chart));
    }

    private static Card gradient() {
        double[] values = RankPage.noise(DONE, 1, 0.08, 9);
        IntStream.range(0, 40).forEach(i -> values[i] += 3.4 * Math.exp(-i / 8.0));
        LineChart chart = new LineChart().axes(Axis.of("").between(0, ALL), Axis.of("").between(0, 6))
                .series(List.of(LineSeries.of("norm", SampleData.steps(DONE), values, 2).withoutMarkers().withoutLabel()))
                .references(List.of(new LineChart.Reference(1, "clip 1.0", "")));
        return new Card("Gradient norm").content(new FigureCanvas(chart));
    }

    private static Card rate() {
        double[] values = IntStream.range(0, DONE)
                .mapToDouble(i -> i < 30 ? 2e-3 * (i + 1) / 30 : 1e-3 * (1 + Math.cos(Math.PI * (i - 30) / (ALL - 30.0)))).toArray();
        LineChart chart = new LineChart().axes(Axis.of("").between(0, ALL), Axis.of("").between(0, 2e-3).written(v -> v == 0 ? "0" : Numbers.scientific(v)))
                .series(List.of(LineSeries.of("rate", SampleData.steps(DONE), values, 4).withoutMarkers().withoutLabel()));
        return new Card("Learning rate").content(new FigureCanvas(chart));
    }

    private static Card speed() {
        LineChart chart = new LineChart().axes(Axis.of("").between(0, ALL), Axis.of("").between(0, 20_000))
                .series(List.of(LineSeries.of("speed", SampleData.steps(DONE), RankPage.noise(DONE, 16_000, 1200, 4), 3).withoutMarkers().withoutLabel()));
        return new Card("Tokens per second").content(new FigureCanvas(chart));
    }

    private static Node inspector() {
        return Shell.inspector("Run #14, LoRA r 8", "stories260k on shakespeare-train.txt",
                Shell.section("Settings", caption("12 at default"), KeyValueRow.ofName("Method", "LoRA, all linear"),
                        KeyValueRow.ofName("r, alpha", "8, 16"), KeyValueRow.ofName("Learning rate", "2e−3, cosine")),
                Shell.section("Size", new ProvenanceBadge(SampleData.DERIVED),
                        KeyValueRow.of("Trainable", Quantity.of(46_240, Numbers::count, SampleData.DERIVED)),
                        KeyValueRow.of("Memory, predicted", Quantity.of(610 * 1048576.0, Numbers::bytes, SampleData.ESTIMATED))));
    }

    private static Label caption(String text) {
        Label label = new Label(text);
        label.getStyleClass().add(Styles.CAPTION);
        return label;
    }
}
