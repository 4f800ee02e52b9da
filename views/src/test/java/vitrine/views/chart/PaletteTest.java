package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.paint.Color;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import vitrine.views.testing.FxThread;

/// The colours against the tables of the design language, against the stylesheet, and against the contrasts promised there.
class PaletteTest {

    // --- the tables, written out

    private static final String[] VIRIDIS = {"#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26",
        "#fde725"};
    private static final String[] DIVERGING_DARK = {"#6ec2ff", "#3f9be6", "#2f74b3", "#27507a", "#1b2530", "#6b4423", "#a0602a", "#d68337", "#ffb067"};
    private static final String[] DIVERGING_LIGHT = {"#0b4f94", "#2b7bc0", "#72aede", "#bcd8ef", "#f6f8fa", "#f6d3ac", "#e7a05a", "#c26a14", "#8a4300"};
    private static final String[] CATEGORICAL_DARK = {"#50b9fe", "#e69434", "#e494ca", "#67ad8f", "#f6cc52", "#8777a4", "#abc689", "#bd5e6e", "#348bd7",
        "#fdbdcb", "#7c8a02", "#0ae7fe"};
    private static final String[] CATEGORICAL_LIGHT = {"#1c6ebd", "#c58012", "#935393", "#296b5b", "#93794c", "#997ee1", "#1a5700", "#7e164a", "#34476e",
        "#db687e", "#696506", "#1895a8"};

    @Test
    void frameColoursAreThoseOfTheDesign() {
        Palette d = Palette.of(Theme.DARK);
        assertAll(() -> hex("#0d1117", d.background()), () -> hex("#010409", d.inset()), () -> hex("#161b22", d.card()), () -> hex("#30363d", d.border()),
                () -> hex("#21262d", d.grid()), () -> hex("#c9d1d9", d.text()), () -> hex("#8b949e", d.muted()), () -> hex("#6e7681", d.subtle()),
                () -> hex("#f0f6fc", d.strong()), () -> hex("#58a6ff", d.accent()), () -> hex("#3fb950", d.success()), () -> hex("#d29922", d.warning()),
                () -> hex("#f85149", d.danger()), () -> hex("#0d1117", d.empty()), () -> hex("#ffffff", d.locked()));
        Palette l = Palette.of(Theme.LIGHT);
        assertAll(() -> hex("#ffffff", l.background()), () -> hex("#f6f8fa", l.inset()), () -> hex("#ffffff", l.card()), () -> hex("#d0d7de", l.border()),
                () -> hex("#d8dee4", l.grid()), () -> hex("#24292f", l.text()), () -> hex("#57606a", l.muted()), () -> hex("#6e7781", l.subtle()),
                () -> hex("#1b1f24", l.strong()), () -> hex("#0969da", l.accent()), () -> hex("#1a7f37", l.success()), () -> hex("#9a6700", l.warning()),
                () -> hex("#cf222e", l.danger()), () -> hex("#f6f8fa", l.empty()), () -> hex("#24292f", l.locked()));
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void sequentialScaleIsViridisInBothLooks(Theme theme) {
        Palette palette = theme.palette();
        for (int i = 0; i < VIRIDIS.length; i++) {
            hex(VIRIDIS[i], palette.sequential(i / 10.0));
        }
        // Linear between the stops, in bytes: #440154 and #482475 have their middle at (46, 12.5, 64.5).
        Color middle = palette.sequential(0.05);
        assertEquals(0x46, Math.round(middle.getRed() * 255));
        assertEquals(0x12, Math.floor(middle.getGreen() * 255 + 1e-6), 1);
        assertEquals(0x64, Math.floor(middle.getBlue() * 255 + 1e-6), 1);
        hex(VIRIDIS[0], palette.sequential(-3));
        hex(VIRIDIS[10], palette.sequential(7));
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void divergingScaleHasNineEvenStops(Theme theme) {
        String[] stops = theme == Theme.DARK ? DIVERGING_DARK : DIVERGING_LIGHT;
        for (int i = 0; i < stops.length; i++) {
            hex(stops[i], theme.palette().diverging(i / 8.0));
        }
        // Half way between the middle and the next stop, red: (0x1b + 0x6b) / 2 = 0x43; (0xf6 + 0xf6) / 2 = 0xf6.
        assertEquals(theme == Theme.DARK ? 0x43 : 0xf6, Math.round(theme.palette().diverging(0.5625).getRed() * 255), 1);
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void categoriesHaveTheirOrderAndRepeatAfterTwelve(Theme theme) {
        String[] wanted = theme == Theme.DARK ? CATEGORICAL_DARK : CATEGORICAL_LIGHT;
        for (int i = 0; i < 12; i++) {
            hex(wanted[i], theme.palette().categorical(i));
            hex(wanted[i], theme.palette().categorical(i + 12));
        }
        hex(wanted[11], theme.palette().categorical(-1));
    }

    @Test
    void matrixKindsHaveTheColoursOfTheTable() {
        Palette.Kind[] order = {Palette.Kind.QUERY, Palette.Kind.KEY, Palette.Kind.VALUE, Palette.Kind.OUTPUT, Palette.Kind.GATE, Palette.Kind.UP,
            Palette.Kind.DOWN, Palette.Kind.EMBEDDING, Palette.Kind.HEAD, Palette.Kind.ROUTER, Palette.Kind.NORM, Palette.Kind.OTHER};
        for (int i = 0; i < 12; i++) {
            hex(CATEGORICAL_DARK[i], Palette.of(Theme.DARK).kind(order[i]));
            hex(CATEGORICAL_LIGHT[i], Palette.of(Theme.LIGHT).kind(order[i]));
        }
    }

    // --- the stylesheet

    /// What a looked-up name of the stylesheet is in a dressed scene, against what drawing code uses.
    @ParameterizedTest
    @EnumSource(Theme.class)
    void stylesheetAndPaletteHoldTheSameColours(Theme theme) {
        Palette p = theme.palette();
        Map<String, Color> wanted = new TreeMap<>();
        wanted.put("-color-bg-inset", p.inset());
        wanted.put("-color-bg-default", p.background());
        wanted.put("-vt-card", p.card());
        wanted.put("-color-border-default", p.border());
        wanted.put("-vt-grid", p.grid());
        wanted.put("-color-fg-default", p.text());
        wanted.put("-color-fg-muted", p.muted());
        wanted.put("-color-fg-subtle", p.subtle());
        wanted.put("-vt-fg-strong", p.strong());
        wanted.put("-color-accent-fg", p.accent());
        wanted.put("-color-success-fg", p.success());
        wanted.put("-color-warning-fg", p.warning());
        wanted.put("-color-danger-fg", p.danger());
        wanted.put("-color-neutral-subtle", p.hover());
        wanted.put("-vt-shadow", p.shadow());
        for (int i = 0; i < 12; i++) {
            wanted.put("-vt-category-" + (i + 1), p.categorical(i));
        }
        Map<String, Region> swatches = new TreeMap<>();
        StackPane root = new StackPane();
        wanted.keySet().forEach(name -> {
            Region swatch = new Region();
            swatch.setStyle("-fx-background-color: " + name + ";");
            swatches.put(name, swatch);
            root.getChildren().add(swatch);
        });
        Stage stage = FxThread.show(root, 100, 100, theme);
        assertAll(wanted.entrySet().stream().map(e -> () -> {
            Color inSheet = FxThread.get(() -> (Color) swatches.get(e.getKey()).getBackground().getFills().getFirst().getFill());
            assertEquals(rgba(inSheet), rgba(e.getValue()), e.getKey() + " in " + theme);
        }));
        FxThread.run(stage::close);
    }

    // --- contrast

    /// WCAG 2.1, written out here once more: the class under test does not judge itself.
    private static double contrast(Color a, Color b) {
        double brighter = Math.max(luminance(a), luminance(b));
        double darker = Math.min(luminance(a), luminance(b));
        return (brighter + 0.05) / (darker + 0.05);
    }

    private static double luminance(Color c) {
        double sum = 0;
        double[] channels = {c.getRed(), c.getGreen(), c.getBlue()};
        double[] shares = {0.2126, 0.7152, 0.0722};
        for (int i = 0; i < 3; i++) {
            sum += shares[i] * (channels[i] <= 0.04045 ? channels[i] / 12.92 : Math.pow((channels[i] + 0.055) / 1.055, 2.4));
        }
        return sum;
    }

    @Test
    void contrastIsThatOfTheStandard() {
        assertEquals(21, Palette.contrast(Color.BLACK, Color.WHITE), 1e-9);
        assertEquals(1, Palette.contrast(Color.CRIMSON, Color.CRIMSON), 1e-9);
        // The grey that just misses 4.5 on white, as every text on the standard tells.
        assertEquals(4.48, Palette.contrast(Color.web("#777777"), Color.WHITE), 0.005);
        assertEquals(Palette.contrast(Color.NAVY, Color.GOLD), Palette.contrast(Color.GOLD, Color.NAVY));
    }

    @Test
    void categoriesStandOutFromTheirGround() {
        for (int i = 0; i < 12; i++) {
            double dark = contrast(Palette.of(Theme.DARK).categorical(i), Color.web("#161b22"));
            double light = contrast(Palette.of(Theme.LIGHT).categorical(i), Color.WHITE);
            assertTrue(dark >= 4, "category " + (i + 1) + " on a dark card: " + dark);
            // The design promises 3.2 to one decimal: its second light colour has 3.19.
            assertTrue(Math.round(light * 10) >= 32, "category " + (i + 1) + " on white: " + light);
        }
    }

    /// WCAG 2.1, 1.4.11: what is needed to read a figure has 3:1 against what it is drawn on, which for charts is a view's ground or a card.
    @ParameterizedTest
    @EnumSource(Theme.class)
    void linesOfFiguresStandOutFromTheirGround(Theme theme) {
        Palette p = theme.palette();
        Map<String, Color> lines = new TreeMap<>(Map.of("axis", p.axis(), "reference line", p.subtle(), "arrow", p.muted(), "selected", p.accent(),
                "value", p.strong(), "good", p.success(), "warning", p.warning(), "bad", p.danger()));
        for (int i = 0; i < 12; i++) {
            lines.put("series " + (i + 1), p.categorical(i));
        }
        assertAll(lines.entrySet().stream().flatMap(e -> java.util.stream.Stream.of(p.background(), p.card()).map(ground -> () ->
                assertTrue(contrast(e.getValue(), ground) >= 3, e.getKey() + " in " + theme + " on " + ground + ": " + contrast(e.getValue(), ground)))));
        // In the frame, where icons and rings are, and the first series of an inspector's small figures.
        assertAll(List.of(p.categorical(0), p.categorical(1)).stream().map(c -> () -> assertTrue(contrast(c, p.inset()) >= 3, c + " in the frame: " + contrast(c, p.inset()))));
        assertAll(List.of(p.subtle(), p.muted(), p.accent()).stream().map(c -> () -> assertTrue(contrast(c, p.inset()) >= 3, c + " in the frame: " + contrast(c, p.inset()))));
    }

    @Test
    void numbersInCellsAreReadable() {
        for (int i = 0; i <= 1000; i++) {
            double t = i / 1000.0;
            double c = contrast(Palette.textOnSequential(t), Palette.of(Theme.DARK).sequential(t));
            assertTrue(c >= 3.8, "at " + t + ": " + c);
        }
        hex("#ffffff", Palette.textOnSequential(0.4499));
        hex("#0d1117", Palette.textOnSequential(0.45));
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void numbersOnDifferencesAreReadable(Theme theme) {
        for (int i = 0; i <= 1000; i++) {
            Color fill = theme.palette().diverging(i / 1000.0);
            Color text = Palette.textOn(fill);
            assertTrue(contrast(text, fill) >= 3.8, theme + " at " + i / 1000.0 + ": " + contrast(text, fill));
            assertTrue(contrast(text, fill) >= contrast(text.equals(Color.WHITE) ? Color.web("#0d1117") : Color.WHITE, fill));
        }
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void textKeepsTheContrastOfTheDesign(Theme theme) {
        Palette p = theme.palette();
        boolean dark = theme == Theme.DARK;
        for (Color ground : List.of(p.background(), p.inset(), p.card())) {
            between(dark ? 11.15 : 13.75, dark ? 13.35 : 14.75, contrast(p.text(), ground));
            between(dark ? 5.55 : 5.95, dark ? 6.75 : 6.45, contrast(p.muted(), ground));
            for (Color state : List.of(p.accent(), p.success(), p.warning(), p.danger())) {
                assertTrue(contrast(state, ground) >= (dark ? 5.15 : 4.55), state + " on " + ground + ": " + contrast(state, ground));
            }
        }
    }

    // --- no colour alone

    @Test
    void theFirstEightCategoriesDifferInShape() {
        List<Marker> shapes = IntStream.range(0, 8).mapToObj(Marker::of).toList();
        assertEquals(List.of(Marker.CIRCLE, Marker.SQUARE, Marker.TRIANGLE, Marker.DIAMOND), shapes.subList(0, 4));
        assertEquals(8, shapes.stream().distinct().count());
        assertEquals(Marker.CIRCLE, Marker.of(8));
    }

    private static void between(double low, double high, double actual) {
        assertTrue(actual >= low && actual <= high, actual + " is not from " + low + " to " + high);
    }

    private static void hex(String wanted, Color actual) {
        assertEquals(wanted, String.format("#%02x%02x%02x", Math.round(actual.getRed() * 255), Math.round(actual.getGreen() * 255),
                Math.round(actual.getBlue() * 255)));
        assertEquals(1, actual.getOpacity());
    }

    private static String rgba(Color c) {
        return String.format("%d %d %d %.2f", Math.round(c.getRed() * 255), Math.round(c.getGreen() * 255), Math.round(c.getBlue() * 255), c.getOpacity());
    }
}
