package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.Parent;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.scene.paint.Color;
import javafx.scene.shape.Circle;
import javafx.stage.Stage;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NamedNodeMap;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;
import vitrine.views.testing.FxThread;

/// Figures and parts of the window as PNG and SVG files.
class FilesTest {

    private static HeatMap heatMap(int n) {
        float[] values = new float[n * n];
        for (int i = 0; i < values.length; i++) {
            values[i] = i % 7 / 6f;
        }
        List<String> labels = IntStream.range(0, n).mapToObj(i -> "tøk<" + i + "> & \"é\" →").toList();
        HeatMap map = new HeatMap().rowLabels(labels).columnLabels(labels).name("attention weight");
        map.show(Cells.of(n, n, values).causal());
        map.lockedCellProperty().set(new Cell(3, 1));
        map.hoveredCellProperty().set(new Cell(4, 2));
        return map;
    }

    private static List<Figure> figures() {
        LineChart line = new LineChart().axes(Axis.of("x"), Axis.log("y (log)"))
                .series(List.of(LineSeries.of("a", new double[] {1, 10, Double.NaN, 3}, 0).asFilled(), LineSeries.of("b", new double[] {2, 3, 4, 5}, 1).asDashed()))
                .references(List.of(new LineChart.Reference(5, "random", "")));
        Cells small = Cells.of(2, 2, new float[] {0, 1, Cells.NONE, Float.NaN});
        return List.of(heatMap(8), heatMap(200), line,
                new ColumnChart().categories(List.of("a", "b"), "").series(List.of(ColumnChart.Series.of("s", new double[] {1, 2}, 0)), Axis.of("y"), Numbers::general),
                new ScatterPlot().axes(Axis.of("x"), Axis.of("y")).points(List.of(new ScatterPlot.Point(1, 2, 0, "p"), new ScatterPlot.Point(2, 1, 5, "q"))),
                new Links().show(Cells.of(2, 2, new float[] {1, Cells.NONE, 0.5f, 0.5f}), List.of("a", "b")),
                new ThumbnailGrid().show(2, 3, (l, h) -> small), new MatrixChart().show(small, Scale.diverging(1)),
                new BarStack().parts(List.of(BarStack.Part.of("q", 3, Palette.Kind.QUERY), BarStack.Part.of("k", 1, Palette.Kind.KEY))),
                new BarList().rows(List.of(new BarList.Row("a", "1", 0.5, "0.5", Palette::accent))).tokens(),
                new Histogram(-1, 1, new long[] {1, 5, 2}, Palette::subtle).labelled(), new Sparkline(new double[] {1, 2, 3}, 0));
    }

    // --- SVG

    /// Parses without looking anything up, as a strict reader does.
    private static Document parsed(String svg) {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setNamespaceAware(true);
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            var builder = factory.newDocumentBuilder();
            builder.setErrorHandler(null);
            return builder.parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
        } catch (ParserConfigurationException | SAXException | java.io.IOException e) {
            throw new AssertionError("no XML: " + e.getMessage() + "\n" + svg.substring(0, Math.min(600, svg.length())), e);
        }
    }

    private static List<Element> all(Document document) {
        NodeList nodes = document.getElementsByTagName("*");
        return IntStream.range(0, nodes.getLength()).mapToObj(i -> (Element) nodes.item(i)).toList();
    }

    /// Nothing outside the file, no script, no font, no element of text.
    private static void standsAlone(String svg) {
        Document document = parsed(svg);
        assertEquals("svg", document.getDocumentElement().getLocalName());
        for (Element e : all(document)) {
            assertFalse(List.of("text", "tspan", "script", "style", "foreignObject", "a", "font-face").contains(e.getLocalName()), e.getLocalName());
            NamedNodeMap attributes = e.getAttributes();
            for (int i = 0; i < attributes.getLength(); i++) {
                Node a = attributes.item(i);
                String value = a.getNodeValue();
                if (a.getNodeName().endsWith("href")) {
                    assertTrue(value.startsWith("data:image/png;base64,") || value.startsWith("#"), a.getNodeName() + "=" + value);
                }
                if (value.contains("url(")) {
                    assertTrue(value.matches("(?s).*url\\(['\"]?#.*"), value);
                }
                boolean namespace = a.getNodeName().startsWith("xmlns");
                assertTrue(namespace || !value.contains("://"), a.getNodeName() + "=" + value);
                assertFalse(a.getNodeName().startsWith("on"), a.getNodeName());
                assertFalse(value.contains("NaN"), a.getNodeName() + "=" + value);
            }
        }
    }

    @Test
    void everyFigureIsAnSvgThatStandsAlone() {
        for (Figure figure : figures()) {
            standsAlone(new FigureFile(figure, 320, 240, Theme.LIGHT, "stories, prompt 3, attention weight").svg());
        }
    }

    @Test
    void theSvgHasItsSizeAndItsTitle() {
        Document svg = parsed(new FigureFile(heatMap(8), 320, 240, Theme.LIGHT, "A < B & \"C\"").svg());
        Element root = svg.getDocumentElement();
        // 12 around, 24 for the caption below.
        assertEquals("0 0 344 288", root.getAttribute("viewBox"));
        assertEquals("344", root.getAttribute("width").replaceAll("(px|\\.0+)", ""));
        assertEquals("A < B & \"C\"", svg.getElementsByTagName("title").item(0).getTextContent());
        Document without = parsed(new FigureFile(heatMap(8), 320, 240, Theme.LIGHT, "").svg());
        assertEquals("0 0 344 264", without.getDocumentElement().getAttribute("viewBox"));
        assertTrue(without.getElementsByTagName("title").item(0).getTextContent().contains("attention weight"), "what the figure tells just now");
    }

    /// Tokens may hold what XML must not.
    @ParameterizedTest
    @ValueSource(strings = {"bell \u0007", "nul \u0000", "\u202edesrever", "half \ud83d", "\ufffe", "]]>", "</title><script>x</script>"})
    void whateverATokenHoldsTheSvgParses(String token) {
        HeatMap map = new HeatMap().rowLabels(List.of(token)).columnLabels(List.of(token));
        map.show(Cells.of(1, 1, new float[] {1}));
        map.hoveredCellProperty().set(new Cell(0, 0));
        standsAlone(new FigureFile(map, 200, 150, Theme.LIGHT, "").svg());
        standsAlone(new FigureFile(map, 200, 150, Theme.LIGHT, token).svg());
    }

    @Test
    void lettersAreOutlines() {
        long without = paths(new BarList().rows(List.of(new BarList.Row("", "", 1, "", Palette::accent))));
        long with = paths(new BarList().rows(List.of(new BarList.Row("word", "", 1, "", Palette::accent))));
        assertEquals(without + 1, with);
    }

    private static long paths(Figure figure) {
        return all(parsed(new FigureFile(figure, 200, 30, Theme.LIGHT, "").svg())).stream().filter(e -> e.getLocalName().equals("path")).count();
    }

    @Test
    void twoExportsAreAlike() {
        assertEquals(new FigureFile(heatMap(8), 320, 240, Theme.LIGHT, "c").svg(), new FigureFile(heatMap(8), 320, 240, Theme.LIGHT, "c").svg());
    }

    // --- PNG

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void bitmapsHaveTheirSizeAndTheirPictureAtEveryScale(int scale) {
        HeatMap map = new HeatMap().withoutLegend().largestCell(80);
        map.show(Cells.of(3, 3, new float[] {1, Cells.NONE, Cells.NONE, 0, 1, Cells.NONE, 0, 0, 1}));
        BufferedImage image = new FigureFile(map, 240, 240, Theme.LIGHT, "").bitmap(scale);
        assertEquals(264 * scale, image.getWidth());
        assertEquals(264 * scale, image.getHeight());
        assertEquals(0xffffffff, image.getRGB(2 * scale, 2 * scale), "white ground");
        assertEquals(0xfffde725, image.getRGB((12 + 10) * scale, (12 + 10) * scale));
        assertEquals(0xff440154, image.getRGB((12 + 10) * scale, (12 + 90) * scale));
        assertEquals(0xfff6f8fa, image.getRGB((12 + 90) * scale, (12 + 10) * scale));
        BufferedImage captioned = new FigureFile(map, 240, 240, Theme.LIGHT, "caption").bitmap(scale);
        assertEquals(288 * scale, captioned.getHeight());
        assertTrue(dark(captioned, 12 * scale, 264 * scale, 60 * scale, 16 * scale) > 10 * scale, "the caption stands below");
    }

    private static int dark(BufferedImage image, int x, int y, int w, int h) {
        int n = 0;
        for (int i = x; i < x + w; i++) {
            for (int j = y; j < y + h; j++) {
                n += (image.getRGB(i, j) & 0xff) < 200 ? 1 : 0;
            }
        }
        return n;
    }

    @Test
    void theDarkLookHasTheGroundOfACard() {
        assertEquals(0xff161b22, new FigureFile(new Sparkline(new double[] {1, 2}, 0), 50, 20, Theme.DARK, "").bitmap(1).getRGB(1, 1));
    }

    // --- parts of the window

    private static Parent scene() {
        HeatMap map = new HeatMap().withoutLegend().largestCell(40);
        map.show(Cells.of(2, 2, new float[] {1, 0, 0, 1}));
        HeatMapView view = new HeatMapView(map);
        view.setMinSize(80, 80);
        view.setMaxSize(80, 80);
        Label label = new Label("Words <&> \"here\" →");
        Region box = new Region();
        box.setMinSize(60, 30);
        box.setStyle("-fx-background-color: #123456; -fx-background-radius: 4; -fx-border-color: #fedcba; -fx-border-width: 1;");
        Circle circle = new Circle(10, Color.CRIMSON);
        Label hidden = new Label("hidden");
        hidden.setVisible(false);
        HBox row = new HBox(10, view, new VBox(6, label, box, circle, hidden));
        StackPane root = new StackPane(row);
        root.setStyle("-fx-background-color: #ffffff;");
        return root;
    }

    @Test
    void aSceneIsAnSvgThatStandsAlone() {
        Parent root = FxThread.get(FilesTest::scene);
        Stage stage = FxThread.show(root, 300, 120, Theme.LIGHT);
        String svg = FxThread.get(() -> SceneSvg.of(root, "a small <scene> \u0001"));
        standsAlone(svg);
        Document document = parsed(svg);
        assertEquals("0 0 300 120", document.getDocumentElement().getAttribute("viewBox"));
        assertTrue(document.getElementsByTagName("title").item(0).getTextContent().startsWith("a small <scene>"));
        // Colours of the box, its border, the circle, and both cells of the figure.
        for (String colour : List.of("18,52,86", "254,220,186", "220,20,60", "253,231,37", "68,1,84")) {
            assertTrue(svg.replace(" ", "").contains("rgb(" + colour + ")"), colour);
        }
        // What is hidden is not there: the same scene without it is the same file.
        String without = FxThread.get(() -> {
            ((VBox) ((HBox) root.getChildrenUnmodifiable().getFirst()).getChildren().get(1)).getChildren().removeLast();
            return SceneSvg.of(root, "a small <scene> \u0001");
        });
        assertEquals(without, svg);
        FxThread.run(stage::close);
    }

    @Test
    void aSceneIsAPngAtEveryScaleAndStaysAsItWas() {
        Parent root = FxThread.get(FilesTest::scene);
        Stage stage = FxThread.show(root, 300, 120, Theme.LIGHT);
        List<Integer> ones = new ArrayList<>();
        for (int scale : new int[] {1, 2, 4, 1}) {
            BufferedImage image = FxThread.get(() -> ScenePng.take(root, scale));
            assertEquals(300 * scale, image.getWidth());
            assertEquals(120 * scale, image.getHeight());
            int y = (int) FxThread.get(() -> root.lookup(".vt-figure").localToScene(0, 0).getY()).doubleValue();
            assertEquals(0xfffde725, image.getRGB(12 * scale, (y + 12) * scale));
            assertEquals(0xff440154, image.getRGB(52 * scale, (y + 12) * scale));
            // Sharp: from one colour to the next there is the ground of the gap and nothing mixed from both cells.
            int mixed = 0;
            for (int x = 10 * scale; x < 70 * scale; x++) {
                int rgb = image.getRGB(x, (y + 12) * scale);
                mixed += rgb != 0xfffde725 && rgb != 0xff440154 && rgb != 0xfff6f8fa ? 1 : 0;
            }
            assertEquals(0, mixed, "at scale " + scale);
            if (scale == 1) {
                ones.add(java.util.Arrays.hashCode(image.getRGB(0, 0, 300, 120, null, 0, 300)));
            }
        }
        assertEquals(ones.getFirst(), ones.getLast());
        assertNotEquals(0, ones.getFirst());
        FxThread.run(stage::close);
    }
}
