package vitrine.views.gallery;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import javafx.geometry.Insets;
import javafx.scene.Node;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.ColumnConstraints;
import javafx.scene.layout.GridPane;
import javafx.scene.layout.RowConstraints;
import javafx.scene.layout.StackPane;
import vitrine.resources.Styles;
import vitrine.views.chart.Axis;
import vitrine.views.chart.BarList;
import vitrine.views.chart.BarStack;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.ColumnChart;
import vitrine.views.chart.Figure;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.Legend;
import vitrine.views.chart.LineChart;
import vitrine.views.chart.LineSeries;
import vitrine.views.chart.Links;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Scale;
import vitrine.views.chart.ThumbnailGrid;
import vitrine.views.control.Card;

/// The charts that the other pages do not show, and hard cases: large maps, NaN, clipped and missing values.
final class ChartsPage {

    private ChartsPage() {}

    static StackPane build(double width) {
        GridPane grid = new GridPane(12, 12);
        grid.setPadding(new Insets(16));
        for (int i = 0; i < 4; i++) {
            ColumnConstraints column = new ColumnConstraints();
            column.setPercentWidth(25);
            grid.getColumnConstraints().add(column);
        }
        for (int i = 0; i < 3; i++) {
            RowConstraints row = new RowConstraints();
            row.setPercentHeight(100.0 / 3);
            grid.getRowConstraints().add(row);
        }
        grid.add(card("Large map", "512 tokens, one pixel per cell and less", large()), 0, 0);
        grid.add(card("Difference", "B − A, with NaN and missing cells", difference()), 1, 0);
        grid.add(card("Load", "1 = fair share", load()), 2, 0);
        grid.add(card("Links", "one query locked", scrolled(links())), 3, 0);
        grid.add(card("Heads by entropy", "sorted within a layer", byMetric()), 0, 1);
        grid.add(card("Many heads", "32 layers × 32", scrolled(manyHeads())), 1, 1);
        grid.add(card("Parameters by part", "", parts()), 2, 1);
        grid.add(card("Specialisation", "domain share of each expert, %", stacked()), 3, 1);
        grid.add(card("Loss per token", "", grouped()), 0, 2);
        grid.add(card("A million points", "peaks survive", million()), 1, 2);
        grid.add(card("Domain information", "bits", bars()), 2, 2);
        grid.add(card("Legends", "", new GridPane() {{
            setVgap(14);
            Scale[] scales = {Scale.sqrt(0, 1), Scale.log(1), Scale.linear(0.5, 1), Scale.diverging(0.8), Scale.load(), Scale.sqrt(0, 2.58)};
            String[] names = {"attention weight", "probability", "rank", "B − A", "load", "σ of the delta"};
            for (int i = 0; i < scales.length; i++) {
                FigureCanvas canvas = new FigureCanvas(new Legend(names[i], scales[i]));
                canvas.setPrefWidth(290);
                add(canvas, 0, i);
            }
        }}), 3, 2);
        StackPane root = new StackPane(grid);
        root.getStyleClass().add(Styles.CANVAS);
        return root;
    }

    private static Node card(String title, String subtitle, Figure figure) {
        return card(title, subtitle, new FigureCanvas(figure));
    }

    private static Node card(String title, String subtitle, Node node) {
        return new Card(title).subtitle(subtitle).provenance(SampleData.SAMPLE).content(node);
    }

    private static Node scrolled(Figure figure) {
        ScrollPane pane = new ScrollPane(new FigureCanvas(figure));
        pane.setFitToWidth(true);
        pane.setMinHeight(0);
        return pane;
    }

    private static Figure large() {
        HeatMap map = new HeatMap().name("attention weight").show(SampleData.attention(512, 1, 0))
                .rowLabels(IntStream.range(0, 512).mapToObj(i -> "tok" + i).toList())
                .columnLabels(IntStream.range(0, 512).mapToObj(i -> "tok" + i).toList());
        map.hoveredCellProperty().set(new Cell(300, 100));
        return map;
    }

    private static Figure difference() {
        Cells a = SampleData.attention(24, 1, 1);
        Cells b = SampleData.attention(24, 1, 4);
        float[] out = new float[24 * 24];
        for (int i = 0; i < out.length; i++) {
            float x = a.at(i / 24, i % 24);
            out[i] = x == Cells.NONE ? Cells.NONE : b.at(i / 24, i % 24) - x;
        }
        out[20 * 24 + 3] = Float.NaN;
        out[21 * 24 + 3] = Float.NaN;
        out[15 * 24 + 2] = Cells.NONE;
        HeatMap map = new HeatMap().name("B − A");
        map.scaleProperty().set(Scale.diverging(0.8));
        return map.show(Cells.of(24, 24, out));
    }

    private static Figure load() {
        Random random = new Random(2);
        float[] out = new float[32];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) Math.exp(random.nextGaussian());
        }
        out[3] = 0;
        out[12] = Cells.NONE;
        MatrixChart chart = new MatrixChart().show(Cells.of(4, 8, out), Scale.load())
                .labels(List.of("0", "1", "2", "3"), List.of("0", "1", "2", "3", "4", "5", "6", "7")).legend("load").largestCell(34, 26);
        chart.selectedProperty().set(new Cell(2, 3));
        return chart;
    }

    private static Figure links() {
        Links links = new Links().show(SampleData.attention(SampleData.TOKENS.size(), 2, 4), SampleData.labels());
        links.lockedQueryProperty().set(5);
        return links;
    }

    private static Figure byMetric() {
        ThumbnailGrid grid = new ThumbnailGrid().show(5, 8, (l, h) -> null).colourBy("entropy", SampleData.random(5, 8, 0.1, 0.9, 8), Scale.linear(0, 1))
                .order(new int[][] {{3, 1, 2, 0, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {0, 1, 2, 3, 4, 5, 6, 7},
                    {0, 1, 2, 3, 4, 5, 6, 7}});
        grid.selectedProperty().set(new Cell(2, 4));
        return grid;
    }

    private static Figure manyHeads() {
        Cells[] maps = new Cells[16];
        for (int i = 0; i < 16; i++) {
            maps[i] = SampleData.attention(64, i, i % 7);
        }
        return new ThumbnailGrid().show(32, 32, (l, h) -> l > 20 && h > 20 ? null : maps[(l * 7 + h * 3) % 16]);
    }

    private static Figure parts() {
        BarStack stack = new BarStack().parts(List.of(BarStack.Part.of("Embedding", 32768, Palette.Kind.EMBEDDING),
                BarStack.Part.of("Query", 20480, Palette.Kind.QUERY), BarStack.Part.of("Key", 10240, Palette.Kind.KEY),
                BarStack.Part.of("Value", 10240, Palette.Kind.VALUE), BarStack.Part.of("Output", 20480, Palette.Kind.OUTPUT),
                BarStack.Part.of("Gate", 55040, Palette.Kind.GATE), BarStack.Part.of("Up", 55040, Palette.Kind.UP),
                BarStack.Part.of("Down", 55040, Palette.Kind.DOWN), BarStack.Part.of("Norms", 704, Palette.Kind.NORM)));
        stack.selectedProperty().set(5);
        return stack;
    }

    private static Figure stacked() {
        double[] a = {2, 44, 7, 0, 6, 15, 48, 62};
        double[] b = {6, 19, 10, 100, 84, 46, 27, 9};
        double[] c = IntStream.range(0, 8).mapToDouble(i -> 100 - a[i] - b[i]).toArray();
        return new ColumnChart().categories(List.of("0", "1", "2", "3", "4", "5", "6", "7"), "expert")
                .series(List.of(ColumnChart.Series.of("Stories", c, 3), ColumnChart.Series.of("Arithmetic", b, 1),
                        ColumnChart.Series.of("Shakespeare", a, 0)), Axis.of("").between(0, 100), v -> Numbers.fixed(v, 0)).stacked();
    }

    private static Figure grouped() {
        double[] a = IntStream.range(0, SampleData.TOKENS.size()).mapToDouble(i -> 2 + 9 * Math.abs(Math.sin(i * 1.7))).toArray();
        double[] b = IntStream.range(0, SampleData.TOKENS.size()).mapToDouble(i -> 0.3 + 3 * Math.abs(Math.sin(i * 0.9))).toArray();
        ColumnChart chart = new ColumnChart().categories(SampleData.labels(), "").tokens()
                .series(List.of(ColumnChart.Series.of("A", a, 0), ColumnChart.Series.of("B", b, 1)), Axis.of("nats"), Numbers::loss);
        chart.hoveredProperty().set(6);
        return chart;
    }

    private static Figure million() {
        int n = 1_000_000;
        Random random = new Random(1);
        double[] ys = new double[n];
        for (int i = 0; i < n; i++) {
            ys[i] = Math.sin(i / 90_000.0) + 0.2 * random.nextGaussian();
        }
        ys[640_000] = 5;
        ys[300_000] = Double.NaN;
        return new LineChart().axes(Axis.of("value"), Axis.of("y").between(-2, 4))
                .series(List.of(LineSeries.of("signal", SampleData.steps(n), ys, 0).withoutMarkers()));
    }

    private static Figure bars() {
        double[] bits = {0.072, 0.165, 0.502, 0.253};
        BarList list = new BarList().thickness(18).rows(IntStream.range(0, 4).mapToObj(i -> new BarList.Row(Integer.toString(i), "", bits[i],
                Numbers.probabilityInList(bits[i]), i == 2 ? Palette::accent : Palette::subtle)).toList()).reference(0.3);
        list.selectedProperty().set(2);
        return list;
    }
}
