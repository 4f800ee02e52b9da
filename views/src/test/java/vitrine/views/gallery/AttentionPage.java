package vitrine.views.gallery;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.BarList;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMapView;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.chart.ScatterPlot;
import vitrine.views.chart.SeriesKey;
import vitrine.views.chart.Strip;
import vitrine.views.chart.ThumbnailGrid;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.KeyValueRow;
import vitrine.views.control.Picker;
import vitrine.views.control.ProvenanceBadge;
import vitrine.views.control.Quantity;
import vitrine.views.control.Segments;
import vitrine.views.control.TokenStrip;

/// The attention view's regions, as in the mock-up.
final class AttentionPage {

    private static final int LAYERS = 5;
    private static final int HEADS = 8;
    private static final int QUERY = 26;
    private static final int KEY = 13;

    private AttentionPage() {}

    static BorderPane build(double width) {
        Cells map = SampleData.attention(SampleData.TOKENS.size(), 2, 4);
        Segments<String> scale = new Segments<>(List.of("Linear", "√", "Log"), s -> s);
        scale.valueProperty().set("√");
        boolean narrow = width < 1360;
        List<Node> header = new ArrayList<>(List.of(new Picker<>("", List.of("stories260k", "moe-mini"), s -> s).icon(Icons.CHECKPOINT),
                new Picker<>("Show", List.of("Weights", "Scores"), s -> s), scale, new Picker<>("Sort by", List.of("layer, head", "entropy"), s -> s),
                Buttons.plain("Compare…", Icons.COMPARE, () -> { })));
        if (narrow) {
            header.remove(3);
        }
        VBox left = narrow ? new VBox(12, heads(), scatter()) : new VBox(12, heads(), scatter(), similarity());
        VBox.setVgrow(left.getChildren().get(1), Priority.ALWAYS);
        left.setPrefWidth(narrow ? 286 : 324);
        left.setMinWidth(narrow ? 286 : 324);
        if (width > 2000) {
            left.setPrefWidth(560);
            left.setMinWidth(560);
        }
        Card mapCard = map(map);
        HBox.setHgrow(mapCard, Priority.ALWAYS);
        HBox below = new HBox(12, left, mapCard);
        VBox.setVgrow(below, Priority.ALWAYS);
        VBox page = new VBox(12, prompt(map), below);
        page.setPadding(new Insets(16));
        return Shell.around("Attention", header, page, inspector(map), width);
    }

    private static Node prompt(Cells map) {
        TokenStrip strip = new TokenStrip();
        strip.setTokens(SampleData.chips());
        strip.setValues(SampleData.row(map, QUERY), Scale.sqrt(0, 1));
        strip.selected().add(QUERY);
        Label count = new Label("30 tokens, prompt 3");
        count.getStyleClass().add(Styles.CAPTION);
        HBox foot = new HBox(12, count, edit());
        foot.setAlignment(Pos.BOTTOM_RIGHT);
        foot.setMaxSize(Region.USE_PREF_SIZE, Region.USE_PREF_SIZE);
        StackPane.setAlignment(foot, Pos.BOTTOM_RIGHT);
        StackPane card = new StackPane(strip, foot);
        card.getStyleClass().add(Styles.CARD);
        card.setMinHeight(Region.USE_PREF_SIZE);
        return card;
    }

    private static Button edit() {
        Button edit = Buttons.plain("Edit", Icons.EDIT, () -> { });
        edit.getStyleClass().add(Styles.COMPACT);
        return edit;
    }

    private static Card heads() {
        ThumbnailGrid grid = new ThumbnailGrid().show(LAYERS, HEADS, (l, h) -> SampleData.attention(SampleData.TOKENS.size(), l, h));
        grid.selectedProperty().set(new Cell(2, 4));
        grid.hoveredProperty().set(new Cell(3, 1));
        Label keys = new Label("keys →");
        keys.getStyleClass().add(Styles.CAPTION);
        Card card = new Card("Heads").subtitle("5 layers × 8").header(keys).content(new FigureCanvas(grid));
        card.setMinHeight(Region.USE_PREF_SIZE);
        return card;
    }

    private static Card scatter() {
        List<ScatterPlot.Point> points = new ArrayList<>();
        java.util.Random random = new java.util.Random(4);
        for (int l = 0; l < LAYERS; l++) {
            for (int h = 0; h < HEADS; h++) {
                double distance = 1 + random.nextDouble() * 6 + (l == 2 && h == 0 ? 4 : 0);
                points.add(new ScatterPlot.Point(distance, Math.min(0.8, 0.15 + distance * 0.09 + random.nextGaussian() * 0.06), l,
                        "layer " + l + ", head " + h));
            }
        }
        ScatterPlot plot = new ScatterPlot().axes(Axis.of("mean distance, tokens"), Axis.of("normalised entropy").between(0, 1)).points(points);
        plot.selectedProperty().set(20);
        SeriesKey key = new SeriesKey();
        IntStream.range(0, LAYERS).forEach(l -> key.add(Integer.toString(l), SeriesKey.Sample.MARKER, l));
        FigureCanvas keyCanvas = new FigureCanvas(key);
        keyCanvas.setPrefSize(key.widthFor(keyCanvas.surface()), 18);
        keyCanvas.setMinWidth(key.widthFor(keyCanvas.surface()));
        FigureCanvas canvas = new FigureCanvas(plot);
        canvas.setMinHeight(110);
        return new Card("Entropy, distance").header(keyCanvas).content(canvas);
    }

    private static Card similarity() {
        List<String> layers = List.of("0", "1", "2", "3", "4");
        MatrixChart chart = new MatrixChart().show(SampleData.similarity(LAYERS), Scale.linear(0.4, 1)).labels(layers, layers).withoutLegend()
                .largestCell(21.5, 21);
        FigureCanvas canvas = new FigureCanvas(chart);
        canvas.setMinSize(126, 126);
        canvas.setPrefSize(126, 126);
        Label finding = new Label("0.91 highest between neighbours: layers 0 and 1. No layer repeats the one before it (above 0.95).");
        finding.setWrapText(true);
        finding.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        finding.setMinHeight(Region.USE_PREF_SIZE);
        finding.setMaxWidth(240);
        Card card = new Card("Layer similarity").subtitle("cosine of mean maps").content(new HBox(16, canvas, finding));
        card.setMinHeight(Region.USE_PREF_SIZE);
        return card;
    }

    private static Card map(Cells cells) {
        HeatMapView view = new HeatMapView();
        List<String> labels = SampleData.labels();
        view.map().show(cells).rowLabels(labels).columnLabels(labels).name("attention weight")
                .rowStrip(new Strip("row entropy", "H", SampleData.rowEntropy(cells), 3.4))
                .columnStrip(new Strip("mean received", "", SampleData.columnMean(cells), 0.5))
                .readOut((q, k) -> new ReadOut().add(ReadOut.Role.NAME, labels.get(q)).add(ReadOut.Role.INDEX, "[" + q + "] →")
                        .add(ReadOut.Role.NAME, labels.get(k)).add(ReadOut.Role.INDEX, "[" + k + "]").line()
                        .add(ReadOut.Role.VALUE, Numbers.probability(cells.at(q, k)))
                        .add(ReadOut.Role.CONTEXT, "1st of " + (q + 1) + " keys · uniform " + Numbers.probabilityInList(1.0 / (q + 1))));
        view.lockedCellProperty().set(new Cell(QUERY, KEY));
        return new Card("Layer 2, head 4").subtitle("attention weights, query down, key across").provenance(SampleData.MEASURED)
                .actions(new IconButton(Icons.ENLARGE, "Enlarge", "", () -> { }).compact()).content(view);
    }

    private static Node inspector(Cells map) {
        double[] row = SampleData.row(map, QUERY);
        List<BarList.Row> keys = IntStream.range(0, QUERY + 1).boxed().sorted((a, b) -> Double.compare(row[b], row[a])).limit(6)
                .map(k -> new BarList.Row(SampleData.labels().get(k), Integer.toString(k), row[k], Numbers.probability(row[k]),
                        p -> Scale.sqrt(0, 1).colour(row[k], p))).toList();
        BarList list = new BarList().rows(keys).tokens();
        return Shell.inspector("Layer 2, head 4", "Shares key/value head 2 with head 5",
                Shell.section("Head metrics", new ProvenanceBadge(SampleData.DERIVED),
                        KeyValueRow.of("Entropy, normalised", Quantity.of(0.448, Numbers::probabilityInList, SampleData.DERIVED)),
                        KeyValueRow.of("Mean distance", Quantity.of(6.41, v -> Numbers.fixed(v, 2), SampleData.DERIVED).in("tokens")),
                        KeyValueRow.of("First-token mass", Quantity.of(0.054, Numbers::probabilityInList, SampleData.DERIVED)),
                        KeyValueRow.of("Previous-token mass", Quantity.missing("3 non-finite", SampleData.DERIVED)),
                        KeyValueRow.ofName("Reads as", "no named pattern")),
                Shell.section("From ·and to", new ProvenanceBadge(SampleData.MEASURED), new FigureCanvas(list)),
                Shell.section("Source", new Label(), KeyValueRow.ofName("Checkpoint", "stories260k"),
                        KeyValueRow.ofName("Prompt", "prompt 3, 30 tokens"), KeyValueRow.ofName("Engine", "embedded, float32")));
    }
}
