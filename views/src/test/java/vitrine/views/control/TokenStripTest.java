package vitrine.views.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.StackPane;
import javafx.scene.paint.Color;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import vitrine.views.chart.Cells;
import vitrine.views.chart.Gesture;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Pen;
import vitrine.views.chart.Raster;
import vitrine.views.chart.Scale;
import vitrine.views.chart.Stroke;
import vitrine.views.chart.TextStyle;
import vitrine.views.chart.Theme;
import vitrine.views.control.TokenStrip.Token;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.Pointer;
import vitrine.views.testing.Shown;

/// Token chips: what is written on them, how they wrap, what pointer and keys choose.
class TokenStripTest {

    /// Seven pixels a character; remembers chips, outlines and words.
    private static final class Probe implements Pen {

        record Box(double x, double y, double width, Color colour) {}

        record Word(String text, double x, Color colour) {}

        final List<Box> fills = new ArrayList<>();
        final List<Stroke> strokes = new ArrayList<>();
        final List<Word> words = new ArrayList<>();

        @Override
        public double pixelRatio() {
            return 1;
        }

        @Override
        public double textWidth(String text, TextStyle style) {
            return 7 * text.codePointCount(0, text.length());
        }

        @Override
        public void fillRoundRect(double x, double y, double width, double height, double radius, Color colour) {
            fills.add(new Box(x, y, width, colour));
        }

        @Override
        public void strokeRoundRect(double x, double y, double width, double height, double radius, Stroke stroke) {
            strokes.add(stroke);
        }

        @Override
        public void text(String text, double x, double y, TextStyle style, Color colour, Align align, double degrees) {
            words.add(new Word(text, x, colour));
        }

        @Override
        public void fillRect(double x, double y, double width, double height, Color colour) {}

        @Override
        public void strokeRect(double x, double y, double width, double height, Stroke stroke) {}

        @Override
        public void line(double x1, double y1, double x2, double y2, Stroke stroke) {}

        @Override
        public void polyline(double[] xs, double[] ys, int count, Stroke stroke) {}

        @Override
        public void polygon(double[] xs, double[] ys, int count, Color colour) {}

        @Override
        public void fillCircle(double x, double y, double radius, Color colour) {}

        @Override
        public void strokeCircle(double x, double y, double radius, Stroke stroke) {}

        @Override
        public void curve(double x1, double y1, double c1x, double c1y, double c2x, double c2y, double x2, double y2, Stroke stroke) {}

        @Override
        public void image(Raster raster, double x, double y, double width, double height, boolean smooth) {}

        @Override
        public void save() {}

        @Override
        public void restore() {}

        @Override
        public void clip(double x, double y, double width, double height) {}

        @Override
        public void translate(double dx, double dy) {}
    }

    private static final double W = 200;
    private final TokenChips chips = new TokenChips();

    private static List<Token> tokens(String... texts) {
        return IntStream.range(0, texts.length).mapToObj(i -> new Token(texts[i], false, "id " + i)).toList();
    }

    /// Ten tokens of two characters: 24 pixels each with 3 between, from 2 on.
    private void ten() {
        chips.setTokens(tokens("t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"));
    }

    private static double middle(int column) {
        return 2 + 27 * column + 12;
    }

    private Probe draw(double height, Theme theme) {
        Probe pen = new Probe();
        chips.draw(pen, W, height, theme);
        return pen;
    }

    private boolean does(Gesture gesture) {
        return chips.handle(gesture, W, 100, new Probe());
    }

    private List<Integer> selected() {
        return List.copyOf(chips.selected());
    }

    // --- words

    @ParameterizedTest
    @CsvSource(textBlock = """
            the          | the
            ' the'       | ·the
            '  '         | ··
            '    x'      | ····x
            '<0x0A>'     | <0x0A>
            'a b'        | a b
            ' '          | ·
            """, delimiter = '|')
    void spacesAtTheFrontAreDots(String text, String shown) {
        assertEquals(shown, TokenStrip.shown(text));
    }

    @Test
    void whatCannotBeSeenIsAnEscape() {
        assertEquals("\\n", TokenStrip.shown("\n"));
        assertEquals("·\\n\\n", TokenStrip.shown(" \n\n"));
        assertEquals("\\t\\r", TokenStrip.shown("\t\r"));
        assertEquals("\\u0007", TokenStrip.shown("\u0007"));
        assertEquals("\\u202edesrever", TokenStrip.shown("\u202edesrever"));
        assertEquals("\\ud83d", TokenStrip.shown("\ud83d"));
        assertEquals("\ud83d\ude00é字", TokenStrip.shown("\ud83d\ude00é字"));
    }

    @Test
    void theDotIsMutedTheTokenIsNot() {
        chips.setTokens(tokens(" the"));
        Probe pen = draw(100, Theme.DARK);
        assertEquals(List.of("·", "the"), pen.words.stream().map(Probe.Word::text).toList());
        assertEquals(Color.web("#8b949e"), pen.words.get(0).colour());
        assertEquals(Color.web("#c9d1d9"), pen.words.get(1).colour());
        assertEquals(7, pen.words.get(1).x() - pen.words.get(0).x());
    }

    @Test
    void specialTokensHaveADashedBorder() {
        chips.setTokens(List.of(new Token("<s>", true, ""), new Token("a", false, "")));
        Probe pen = draw(100, Theme.DARK);
        assertEquals(List.of(3.0, 2.0), pen.strokes.get(0).dashes());
        assertEquals(List.of(), pen.strokes.get(1).dashes());
    }

    // --- layout

    @Test
    void chipsWrapAndTheStripIsAsHighAsItsLines() {
        ten();
        Probe pen = draw(100, Theme.DARK);
        // Seven of 24 + 3 pixels fit between 2 and 198, three go below.
        assertEquals(IntStream.range(0, 10).mapToObj(i -> 2.0 + 27 * (i % 7)).toList(), pen.fills.stream().map(Probe.Box::x).toList());
        assertEquals(IntStream.range(0, 10).mapToObj(i -> i < 7 ? 2.0 : 29.0).toList(), pen.fills.stream().map(Probe.Box::y).toList());
        assertEquals(2 * 23 + 4 + 4, chips.heightFor(W, new Probe()), "two lines of 23, a gap of 4, 2 around");
        assertEquals(27, chips.heightFor(1000, new Probe()));
        chips.setTokens(List.of());
        assertEquals(27, chips.heightFor(W, new Probe()));
        draw(100, Theme.DARK);
    }

    @Test
    void aTokenWiderThanTheStripIsCutNotLost() {
        chips.setTokens(tokens("a", "x".repeat(200), "b"));
        Probe pen = draw(100, Theme.DARK);
        assertTrue(pen.fills.stream().allMatch(f -> f.x() >= 2 && f.x() + f.width() <= 198), pen.fills.toString());
        assertTrue(pen.words.get(1).text().endsWith("…"));
        assertEquals(3, pen.words.size());
    }

    @Test
    void ofThousandsOnlyWhatIsVisibleIsDrawn() {
        Random random = new Random(1);
        chips.setTokens(IntStream.range(0, 20_000).mapToObj(i -> new Token("t".repeat(1 + random.nextInt(8)), false, "")).toList());
        Probe pen = draw(100, Theme.DARK);
        // Four lines and a bit, at most a dozen chips each.
        assertTrue(pen.words.size() > 10 && pen.words.size() < 70, pen.words.size() + " words");
        assertTrue(pen.fills.size() <= pen.words.size() + 1, "and the thumb of the scroll bar");
        does(new Gesture.Wheel(50, 50, -1e6, false));
        Probe end = draw(100, Theme.DARK);
        assertTrue(end.words.size() > 5 && end.words.size() < 70);
        // At the very end the last token is seen and can be clicked.
        Probe.Box last = end.fills.get(end.words.size() - 1);
        does(new Gesture.Click(last.x() + 3, last.y() + 10, 1, false));
        assertEquals(List.of(19_999), selected());
    }

    @Test
    void theWheelScrollsOnlyWhereThereIsMore() {
        ten();
        assertFalse(does(new Gesture.Wheel(50, 50, -1, false)), "all is seen: the wheel is left to what lies around");
        chips.setTokens(IntStream.range(0, 100).mapToObj(i -> new Token("t" + i, false, "")).toList());
        assertTrue(does(new Gesture.Wheel(50, 50, -1, false)));
        // Three lines of 27 on: what stands first is the first token of line 3.
        Probe pen = draw(100, Theme.DARK);
        assertEquals(2, pen.fills.stream().filter(f -> f.y() >= 0).findFirst().orElseThrow().y(), 1e-9);
        does(new Gesture.Wheel(50, 50, 99, false));
        assertFalse(does(new Gesture.Wheel(50, 50, 1, false)), "at the top");
    }

    // --- colours

    @Test
    void aChipIsFilledByItsValueThroughTheScale() {
        chips.setTokens(tokens("aa", "bb", "cc", "dd"));
        chips.setValues(new double[] {1, 0, Double.NaN, Cells.NONE}, Scale.sqrt(0, 1));
        Probe pen = draw(100, Theme.DARK);
        // 30 % of #0d1117 and 70 % of #fde725.
        rgb(0.3 * 0x0d + 0.7 * 0xfd, 0.3 * 0x11 + 0.7 * 0xe7, 0.3 * 0x17 + 0.7 * 0x25, pen.fills.get(0).colour());
        for (int i = 1; i < 4; i++) {
            rgb(0x0d, 0x11, 0x17, pen.fills.get(i).colour());
        }
        assertEquals(Color.web("#8b949e"), pen.words.get(3).colour(), "a token that takes no part is muted");
        assertEquals(Color.web("#c9d1d9"), pen.words.get(2).colour());
        chips.setValues(new double[] {0.25, 0, 0, 0}, Scale.sqrt(0, 1));
        // Half way on the scale: 35 % of #21918c.
        rgb(0.65 * 0x0d + 0.35 * 0x21, 0.65 * 0x11 + 0.35 * 0x91, 0.65 * 0x17 + 0.35 * 0x8c, draw(100, Theme.DARK).fills.get(0).colour());
        chips.setValues(null, Scale.sqrt(0, 1));
        rgb(0x0d, 0x11, 0x17, draw(100, Theme.DARK).fills.get(0).colour());
        assertThrows(IllegalArgumentException.class, () -> chips.setValues(new double[3], Scale.sqrt(0, 1)));
    }

    private static void rgb(double red, double green, double blue, Color actual) {
        assertEquals(red, actual.getRed() * 255, 1);
        assertEquals(green, actual.getGreen() * 255, 1);
        assertEquals(blue, actual.getBlue() * 255, 1);
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void everyTokenCanBeReadOnItsColour(Theme theme) {
        int n = 1001;
        chips.setTokens(IntStream.range(0, n).mapToObj(i -> new Token("x", false, "")).toList());
        for (Scale scale : List.of(Scale.linear(0, 1), Scale.diverging(1))) {
            chips.setValues(IntStream.range(0, n).mapToDouble(i -> scale.diverges() ? i / 500.0 - 1 : i / 1000.0).toArray(), scale);
            Probe pen = draw(100_000, theme);
            for (int i = 0; i < n; i++) {
                // Between white and near-black, 4.35 is the most that some greens and greys allow.
                double contrast = Palette.contrast(pen.words.get(i).colour(), pen.fills.get(i).colour());
                assertTrue(contrast >= 4.35, theme + ", " + scale + " at " + i + ": " + contrast);
            }
        }
    }

    // --- choosing

    @Test
    void aClickIsolatesAndASecondReleases() {
        ten();
        assertTrue(does(new Gesture.Click(middle(3), 12, 1, false)));
        assertEquals(List.of(3), selected());
        does(new Gesture.Click(middle(1), 40, 1, false));
        assertEquals(List.of(8), selected(), "the second line starts with 7");
        does(new Gesture.Click(middle(1), 40, 1, false));
        assertEquals(List.of(), selected());
        assertFalse(does(new Gesture.Click(middle(5), 40, 1, false)), "beside the chips");
    }

    @Test
    void shiftAddsAndTakesAway() {
        ten();
        does(new Gesture.Click(middle(3), 12, 1, false));
        does(new Gesture.Click(middle(0), 12, 1, true));
        does(new Gesture.Click(middle(5), 12, 1, true));
        assertEquals(List.of(0, 3, 5), selected(), "ascending");
        does(new Gesture.Click(middle(3), 12, 1, true));
        assertEquals(List.of(0, 5), selected());
        does(new Gesture.Click(middle(6), 12, 1, false));
        assertEquals(List.of(6), selected());
    }

    @Test
    void draggingPicksARangeEitherWay() {
        ten();
        does(new Gesture.Press(middle(2), 12));
        does(new Gesture.Drag(middle(4), 12, middle(2), 12, 0, 0));
        assertEquals(List.of(2, 3, 4), selected());
        does(new Gesture.Drag(middle(1), 40, middle(2), 12, 0, 0));
        assertEquals(List.of(2, 3, 4, 5, 6, 7, 8), selected());
        does(new Gesture.Drag(middle(0), 12, middle(2), 12, 0, 0));
        assertEquals(List.of(0, 1, 2), selected(), "back over the start");
    }

    @Test
    void arrowsMoveEscapeReleases() {
        ten();
        assertTrue(does(new Gesture.Key(KeyCode.RIGHT, false, false)));
        assertEquals(List.of(0), selected());
        does(new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(List.of(1), selected());
        does(new Gesture.Key(KeyCode.LEFT, false, false));
        does(new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(List.of(0), selected());
        assertTrue(does(new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertEquals(List.of(), selected());
        assertFalse(does(new Gesture.Key(KeyCode.ESCAPE, false, false)));
        does(new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(List.of(9), selected(), "from the end");
        does(new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(List.of(9), selected());
        chips.setTokens(List.of());
        does(new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(List.of(), selected());
    }

    @Test
    void theSelectedChipIsOutlinedInAccent() {
        ten();
        chips.selected().add(4);
        Probe pen = draw(100, Theme.DARK);
        assertEquals(1, pen.strokes.stream().filter(s -> s.colour().equals(Color.web("#58a6ff"))).count());
        assertEquals(2, pen.strokes.get(4).width());
    }

    @Test
    void otherTokensForgetSelectionAndValues() {
        ten();
        chips.selected().addAll(Set.of(1, 9));
        chips.setValues(new double[10], Scale.sqrt(0, 1));
        does(new Gesture.Move(middle(3), 12));
        chips.setTokens(tokens("a"));
        assertEquals(List.of(), selected());
        assertEquals(-1, chips.hoveredProperty().get());
        draw(100, Theme.DARK);
        assertEquals("1 tokens", chips.description());
    }

    @Test
    void hoveringTellsTheToken() {
        chips.setTokens(List.of(new Token(" the", false, "id 279, characters 3 to 7"), new Token("<0x0A>", false, "id 13")));
        does(new Gesture.Move(10, 12));
        assertEquals("token 0: ·the, id 279, characters 3 to 7", chips.description());
        does(new Gesture.Leave());
        assertEquals("2 tokens", chips.description());
        chips.selected().add(1);
        assertEquals("token 1: <0x0A>, id 13", chips.description());
    }

    @Test
    void csvHoldsTokensAndValues() {
        chips.setTokens(tokens("a,b", "\n", "=x"));
        assertEquals("position,token,value\r\n0,\"a,b\",\r\n1,\\n,\r\n2,'=x,\r\n", chips.csv());
        chips.setValues(new double[] {0.1, Double.NaN, Cells.NONE}, Scale.sqrt(0, 1));
        assertEquals("position,token,value\r\n0,\"a,b\",0.1\r\n1,\\n,\r\n2,'=x,\r\n", chips.csv());
    }

    /// The node itself, with real events.
    @Test
    void theStripInAWindowAnswersThePointer() {
        TokenStrip strip = FxThread.get(() -> {
            TokenStrip s = new TokenStrip();
            s.setTokens(List.of(new Token("one", false, "id 5"), new Token("two", false, "id 6")));
            return s;
        });
        Stage stage = FxThread.show(FxThread.get(() -> new StackPane(strip)), 300, 60, Theme.DARK);
        FxThread.run(() -> Pointer.click(strip, 15, 12));
        assertEquals(List.of(0), FxThread.get(() -> List.copyOf(strip.selected())));
        FxThread.run(() -> Pointer.move(strip, 15, 12));
        assertEquals("one\nid 5", FxThread.get(() -> Shown.tooltip(strip)));
        FxThread.run(() -> Pointer.leave(strip));
        assertNull(FxThread.get(() -> Shown.tooltip(strip)));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(stage.getScene().getRoot())));
        FxThread.run(stage::close);
    }
}
