package vitrine.views.gallery;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import javafx.geometry.Insets;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Histogram;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Scale;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.control.Segments;

/// The rank view's regions, as in the mock-up.
final class RankPage {

    private static final List<String> MATRICES = List.of("q", "k", "v", "o", "gate", "up", "down");
    private static final double[][] RANKS = {{.534, .567, .596, .552, .580}, {.594, .641, .671, .594, .695}, {.902, .926, .893, .897, .920},
        {.788, .782, .759, .746, .757}, {.914, .914, .925, .918, .925}, {.934, .924, .936, .930, .926}, {.938, .907, .912, .912, .913}};

    private RankPage() {}

    static BorderPane build(double width) {
        List<Node> header = List.of(new Picker<>("", List.of("stories260k"), s -> s).icon(Icons.CHECKPOINT),
                new Segments<>(List.of("Weights", "Activations", "KV cache"), s -> s),
                new Picker<>("Measure", List.of("normalised effective rank", "stable rank"), s -> s), Buttons.plain("Overlay…", Icons.ADD, () -> { }));
        Card across = across();
        Card matrix = matrix();
        HBox.setHgrow(across, Priority.ALWAYS);
        matrix.setPrefWidth(312);
        matrix.setMinWidth(280);
        HBox upper = new HBox(12, across, matrix);
        Card spectrum = spectrum();
        Card energy = energy();
        spectrum.setPrefWidth(400);
        energy.setPrefWidth(400);
        HBox.setHgrow(spectrum, Priority.ALWAYS);
        HBox.setHgrow(energy, Priority.ALWAYS);
        HBox lower = new HBox(12, spectrum, energy);
        VBox.setVgrow(upper, Priority.ALWAYS);
        VBox.setVgrow(lower, Priority.ALWAYS);
        upper.setPrefHeight(380);
        lower.setPrefHeight(340);
        VBox page = new VBox(12, upper, lower);
        page.setPadding(new Insets(16));
        return Shell.around("Rank", header, page, inspector(), width);
    }

    private static Card across() {
        List<LineSeries> series = new ArrayList<>();
        for (int i = 0; i < MATRICES.size(); i++) {
            series.add(LineSeries.of(MATRICES.get(i), RANKS[i], i));
        }
        LineChart chart = new LineChart().axes(Axis.of("layer"), Axis.of("normalised effective rank").between(0.5, 1)).series(series)
                .references(List.of(new LineChart.Reference(0.948, "random 172 × 64", "up"), new LineChart.Reference(0.8, "random 64 × 64", "q")))
                .formats(v -> Numbers.fixed(v, 0), Numbers::probability);
        chart.selectedSeriesProperty().set("q");
        chart.lockedIndexProperty().set(3);
        return new Card("Across layers").subtitle("exp(entropy of σ / Σσ) ÷ smaller side").provenance(SampleData.DERIVED)
                .content(new FigureCanvas(chart));
    }

    private static Card matrix() {
        float[] values = new float[5 * 7];
        for (int l = 0; l < 5; l++) {
            for (int m = 0; m < 7; m++) {
                values[l * 7 + m] = (float) RANKS[m][l];
            }
        }
        MatrixChart chart = new MatrixChart().show(Cells.of(5, 7, values), Scale.linear(0.5, 1))
                .labels(List.of("0", "1", "2", "3", "4"), MATRICES).labelsOnTop().largestCell(38, 32);
        chart.selectedProperty().set(new Cell(3, 0));
        Label finding = new Label("Query and key matrices reach 64 to 75 % of the rank of a random matrix of their shape; value, gate, up and "
                + "down 96 % or more.");
        finding.setWrapText(true);
        finding.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        finding.setMinHeight(Label.USE_PREF_SIZE);
        FigureCanvas canvas = new FigureCanvas(chart);
        VBox.setVgrow(canvas, Priority.ALWAYS);
        return new Card("Layers × matrices").content(new VBox(8, canvas, finding));
    }

    private static Card spectrum() {
        double[] index = IntStream.rangeClosed(1, 64).asDoubleStream().toArray();
        LineChart chart = new LineChart()
                .axes(Axis.log("index i").between(1, 64), Axis.log("σᵢ / σ₁").between(1e-3, 1))
                .series(List.of(LineSeries.of("q_proj", index, SampleData.spectrum(64, 0.75), 0).withoutLabel(),
                        LineSeries.of("o_proj", index, SampleData.spectrum(64, 0.25), 3).asDashed().withoutMarkers().withoutLabel()))
                .marks(List.of(new LineChart.Mark(35.3, "effective rank 35.3")));
        return new Card("Spectrum").subtitle("log–log").provenance(SampleData.DERIVED).content(new FigureCanvas(chart));
    }

    private static Card energy() {
        double[] spectrum = SampleData.spectrum(65, 0.4);
        double[] sum = new double[65];
        double total = 0;
        for (int i = 0; i < 64; i++) {
            total += spectrum[i] * spectrum[i];
        }
        for (int i = 1; i < 65; i++) {
            sum[i] = sum[i - 1] + spectrum[i - 1] * spectrum[i - 1] / total;
        }
        int at = 0;
        while (sum[at] < 0.9) {
            at++;
        }
        LineChart chart = new LineChart().axes(Axis.of("rank kept").between(0, 64), Axis.of("share of ‖W‖²").between(0, 1))
                .series(List.of(LineSeries.of("energy", sum, 0).asFilled().withoutMarkers().withoutLabel()))
                .points(List.of(new LineChart.Point(at, sum[at], "90 % at " + at, 0)));
        return new Card("Cumulative energy").subtitle("layer 3, q_proj").provenance(SampleData.DERIVED).content(new FigureCanvas(chart));
    }

    private static Node inspector() {
        FigureCanvas values = new FigureCanvas(new Histogram(-0.574, 0.613, SampleData.bell(40), p -> p.kind(Palette.Kind.GATE)).labelled());
        values.setPrefHeight(84);
        return Shell.inspector("Layer 3, q_proj", "64 × 64, F32, all heads together",
                Shell.section("Rank measures", new ProvenanceBadge(SampleData.DERIVED),
                        KeyValueRow.of("Effective rank", Quantity.of(35.32, v -> Numbers.fixed(v, 2), SampleData.DERIVED)),
                        KeyValueRow.of("Normalised", Quantity.of(0.5519, Numbers::probability, SampleData.DERIVED)),
                        KeyValueRow.of("Stable rank", Quantity.of(2, v -> Numbers.fixed(v, 2), SampleData.DERIVED))),
                Shell.section("Values", new ProvenanceBadge(SampleData.MEASURED), values),
                Shell.section("Estimated", new ProvenanceBadge(SampleData.ESTIMATED),
                        KeyValueRow.of("Time left", Quantity.of(13, Numbers::timeLeft, SampleData.ESTIMATED))),
                Shell.section("Example", new ProvenanceBadge(SampleData.SAMPLE),
                        KeyValueRow.of("Size", Quantity.of(44032, Numbers::bytes, SampleData.SAMPLE))));
    }

    static double[] noise(int count, double mean, double spread, long seed) {
        Random random = new Random(seed);
        return IntStream.range(0, count).mapToDouble(i -> mean + spread * random.nextGaussian()).toArray();
    }
}
