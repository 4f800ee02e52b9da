package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

/// Lanes of tokens: cells split by weight, pictures of many tokens, and moving about in them.
class LanesTest {

    private static final double W = 400;
    private static final double H = 120;

    /// Categories (column + part) mod 3 in row 0, one higher in row 1; the first has three quarters of the weight.
    private static Lanes lanes(int columns) {
        return new Lanes().show(new Lanes.Source() {
            @Override
            public int rows() {
                return 2;
            }

            @Override
            public int columns() {
                return columns;
            }

            @Override
            public int parts() {
                return 2;
            }

            @Override
            public int category(int row, int column, int part) {
                return (row + column + part) % 3;
            }

            @Override
            public float weight(int row, int column, int part) {
                return part == 0 ? 0.75f : 0.25f;
            }
        }, 3, List.of("0", "1"), IntStream.range(0, columns).mapToObj(i -> "w" + i).toList());
    }

    /// The left edge of the cells: labels of one digit, and a gap.
    private static int left(Picture p) {
        return (int) p.word("w0").x() - 14 - 3;
    }

    private static boolean does(Lanes lanes, Gesture gesture) {
        return lanes.handle(gesture, W, H, Picture.surface());
    }

    @Test
    void cellsAreSplitByTheWeights() {
        Lanes lanes = lanes(5);
        lanes.colours((row, category, palette) -> List.of(Color.RED, Color.LIME, Color.BLUE).get(category), true);
        Picture p = Picture.of(lanes, W, H);
        int x = left(p);
        // Row 0, column 0: category 0 above, category 1 below a quarter of the way up from the bottom; lanes begin 46 pixels down and are 32 high.
        assertEquals(Color.RED, p.at(x + 10, 46 + 4));
        assertEquals(Color.LIME, p.at(x + 10, 46 + 28));
        assertEquals(Color.LIME, p.at(x + 10 + 28, 46 + 4), "the next token's first category");
        assertTrue(p.texts().containsAll(List.of("w0", "w4", "1", "2")));
    }

    @Test
    void thePointerPeeksAClickSelectsEscapeReleases() {
        Lanes lanes = lanes(5);
        does(lanes, new Gesture.Move(60, 60));
        assertEquals(new Cell(0, 1), lanes.hoveredProperty().get());
        assertEquals("w1; 1 0.7500; 2 0.2500", lanes.description());
        assertTrue(does(lanes, new Gesture.Click(60, 60, 1, false)));
        assertEquals(new Cell(0, 1), lanes.selectedProperty().get());
        for (KeyCode code : List.of(KeyCode.DOWN, KeyCode.DOWN, KeyCode.END, KeyCode.RIGHT)) {
            does(lanes, new Gesture.Key(code, false, false));
        }
        assertEquals(new Cell(1, 4), lanes.selectedProperty().get());
        does(lanes, new Gesture.Key(KeyCode.HOME, false, false));
        assertEquals(new Cell(1, 0), lanes.selectedProperty().get());
        assertTrue(does(lanes, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertNull(lanes.selectedProperty().get());
        assertFalse(does(lanes, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        does(lanes, new Gesture.Leave());
        assertNull(lanes.hoveredProperty().get());
        assertFalse(does(lanes, new Gesture.Wheel(60, 60, 1, false)), "all tokens are in sight, so the wheel is left to what lies around");
    }

    @Test
    void theWheelScrollsAndEndReachesTheLastToken() {
        Lanes lanes = lanes(1000);
        assertTrue(does(lanes, new Gesture.Wheel(60, 60, -1, false)));
        does(lanes, new Gesture.Move(30, 60));
        assertTrue(lanes.hoveredProperty().get().column() > 0);
        does(lanes, new Gesture.Key(KeyCode.END, false, false));
        assertEquals(999, lanes.selectedProperty().get().column());
        does(lanes, new Gesture.Move(W - 4, 60));
        assertEquals(999, lanes.hoveredProperty().get().column());
    }

    @Test
    void allTokensAtOnceShowTheMostFrequentFirstCategory() {
        Lanes lanes = new Lanes();
        // Of ten tokens in a row seven are category 2, three are 1.
        lanes.show(new Lanes.Source() {
            @Override
            public int rows() {
                return 1;
            }

            @Override
            public int columns() {
                return 4000;
            }

            @Override
            public int parts() {
                return 1;
            }

            @Override
            public int category(int row, int column, int part) {
                return column % 10 < 7 ? 2 : 1;
            }

            @Override
            public float weight(int row, int column, int part) {
                return 1;
            }
        }, 3, List.of("0"), List.of());
        lanes.colours((row, category, palette) -> List.of(Color.RED, Color.LIME, Color.BLUE).get(category), true);
        does(lanes, new Gesture.Key(KeyCode.DIGIT0, false, false));
        Picture p = Picture.of(lanes, W, H);
        for (int x = 40; x < 380; x += 17) {
            assertEquals(Color.BLUE, p.at(x, 25), "at " + x);
        }
        does(lanes, new Gesture.Move(W - 4, 25));
        assertTrue(lanes.hoveredProperty().get().column() > 3900, "the last tokens lie at the right end");
    }

    @Test
    void whatIsEmphasisedKeepsItsColour() {
        Lanes lanes = lanes(5);
        lanes.colours((row, category, palette) -> List.of(Color.RED, Color.LIME, Color.BLUE).get(category), false);
        lanes.emphasisProperty().set(new Cell(0, 0));
        Picture p = Picture.of(lanes, W, H);
        int x = left(p);
        assertEquals(Color.RED, p.at(x + 10, 46 + 4), "token 0 visits category 0");
        assertFalse(Color.LIME.equals(p.at(x + 10 + 28, 46 + 4)), "token 1 does not");
        assertEquals(Color.LIME, p.at(x + 10, 46 + 32 + 4), "the other lane stays as it is");
    }

    @Test
    void theNumbersAreAsCsv() {
        assertEquals("0,w0,0,1,0,0.75", lanes(2).csv().lines().toList().get(1));
        assertEquals(1 + 2 * 2 * 2, lanes(2).csv().lines().count());
    }
}
