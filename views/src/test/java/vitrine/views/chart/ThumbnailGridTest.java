package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Thumbnails of all heads: where each lies, what it shows, what is chosen.
class ThumbnailGridTest {

    private static final Color ZERO = Color.web("#440154");
    private static final Color ONE = Color.web("#fde725");
    private static final double W = 300;
    private static final double H = 200;

    /// Three layers of four heads; the map of layer l, head h is filled with one value, (4 l + h) / 11.
    private static ThumbnailGrid grid() {
        return new ThumbnailGrid().show(3, 4, (l, h) -> filled((4 * l + h) / 11f));
    }

    private static Cells filled(float value) {
        float[] values = new float[64];
        Arrays.fill(values, value);
        return Cells.of(8, 8, values);
    }

    /// The middle of the thumbnail of a layer and place, found by the words beside and above the grid.
    private static double[] middle(Picture p, int layer, int place) {
        double y = p.words().stream().filter(w -> w.align() == Pen.Align.RIGHT && w.text().equals(Integer.toString(layer))).findFirst().orElseThrow().y();
        double x = p.words().stream().filter(w -> w.align() == Pen.Align.CENTRE && w.text().equals(Integer.toString(place))).findFirst().orElseThrow().x();
        return new double[] {x, y - TextStyle.AXIS.middleToBaseline()};
    }

    private static double[] at(int layer, int place) {
        return middle(Picture.of(grid(), W, H), layer, place);
    }

    private static boolean does(ThumbnailGrid grid, Gesture gesture) {
        return grid.handle(gesture, W, H, Picture.surface());
    }

    @Test
    void layersRunDownAndHeadsAcross() {
        Picture p = Picture.of(grid(), W, H);
        Scale scale = Scale.sqrt(0, 1);
        for (int l = 0; l < 3; l++) {
            for (int h = 0; h < 4; h++) {
                double[] at = middle(p, l, h);
                assertTrue(Picture.near(scale.colour((4 * l + h) / 11.0, Palette.of(Theme.DARK)), p.at(at[0], at[1])), "layer " + l + ", head " + h);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void maskedCellsAndHeadsThatAreNotThereAreEmpty(Theme theme) {
        float[] causal = new float[16 * 16];
        ThumbnailGrid grid = new ThumbnailGrid().show(1, 2, (l, h) -> h == 1 ? null : Cells.of(16, 16, causal).causal());
        Picture p = Picture.of(grid, W, H, theme);
        double[] at = middle(p, 0, 0);
        // 64 pixels for 16 cells: four each.
        assertEquals(ZERO, p.at(at[0] - 20, at[1] + 20));
        assertEquals(theme.palette().empty(), p.at(at[0] + 20, at[1] - 20));
        double[] missing = middle(p, 0, 1);
        assertEquals(Set.of(theme.palette().empty()), p.colours(missing[0] - 20, missing[1] - 20, 40, 40));
    }

    @Test
    void whatIsNotANumberIsInDanger() {
        ThumbnailGrid grid = new ThumbnailGrid().show(1, 1, (l, h) -> filled(Float.NaN));
        Picture p = Picture.of(grid, W, H);
        double[] at = middle(p, 0, 0);
        assertTrue(p.holds(Color.web("#f85149"), at[0] - 20, at[1] - 20, 40, 40));
    }

    @Test
    void oneBrightCellOfALargeMapIsSeen() {
        for (int n : new int[] {65, 100, 257, 1000}) {
            float[] values = new float[n * n];
            values[n * (n / 3) + n / 5] = 1;
            ThumbnailGrid grid = new ThumbnailGrid().show(1, 1, (l, h) -> Cells.of(n, n, values));
            Picture p = Picture.of(grid, W, H);
            assertTrue(p.holds(ONE, 0, 0, W, H), n + " tokens");
            // And where the grid is small, too.
            assertTrue(Picture.of(grid, 40, 40).holds(ONE, 0, 0, 40, 40), n + " tokens, small");
        }
    }

    @Test
    void scalesThatDivergePoolByMagnitude() {
        float[] values = new float[128 * 128];
        for (int i = 0; i < values.length; i++) {
            values[i] = i % 2 == 0 ? -0.8f : 0.4f;
        }
        ThumbnailGrid grid = new ThumbnailGrid().show(1, 1, (l, h) -> Cells.of(128, 128, values));
        Picture.of(grid, W, H);
        grid.scaleProperty().set(Scale.diverging(1));
        Picture p = Picture.of(grid, W, H);
        double[] at = middle(p, 0, 0);
        assertTrue(Picture.near(Scale.diverging(1).colour(-0.8, Palette.of(Theme.DARK)), p.at(at[0], at[1])));
    }

    @Test
    void aHeadThatComesInIsDrawn() {
        Cells[] there = new Cells[1];
        ThumbnailGrid grid = new ThumbnailGrid().show(1, 1, (l, h) -> there[0]);
        Picture before = Picture.of(grid, W, H);
        double[] at = middle(before, 0, 0);
        assertEquals(Palette.of(Theme.DARK).empty(), before.at(at[0], at[1]));
        there[0] = filled(1);
        grid.refresh(0, 0);
        assertEquals(ONE, Picture.of(grid, W, H).at(at[0], at[1]));
    }

    // --- choosing

    @Test
    void hoveringAndClickingFindTheHead() {
        ThumbnailGrid grid = grid();
        double[] at = at(2, 3);
        does(grid, new Gesture.Move(at[0], at[1]));
        assertEquals(new Cell(2, 3), grid.hoveredProperty().get());
        assertEquals("layer 2, head 3", grid.description());
        assertTrue(does(grid, new Gesture.Click(at[0], at[1], 1, false)));
        assertEquals(new Cell(2, 3), grid.selectedProperty().get());
        does(grid, new Gesture.Leave());
        assertNull(grid.hoveredProperty().get());
        assertFalse(does(grid, new Gesture.Click(1, 1, 1, false)), "above the grid");
        assertEquals(new Cell(2, 3), grid.selectedProperty().get());
    }

    @Test
    void theChosenHeadIsOutlinedInAccentWithAGap() {
        ThumbnailGrid grid = grid();
        grid.selectedProperty().set(new Cell(1, 2));
        Picture p = Picture.of(grid, W, H);
        double[] at = at(1, 2);
        double half = (at(1, 3)[0] - at[0] - 3) / 2;
        Color accent = Color.web("#58a6ff");
        assertTrue(p.holds(accent, at[0] - half - 3, at[1] - 1, 2, 2), "left of it");
        assertTrue(p.holds(accent, at[0] + half + 1, at[1] - 1, 2, 2), "right of it");
        assertFalse(p.holds(accent, at[0] - half, at[1] - half, 2 * half, 2 * half), "not on it");
        assertEquals(Color.web("#f0f6fc"), p.words().stream().filter(w -> w.align() == Pen.Align.RIGHT && w.text().equals("1")).findFirst().orElseThrow().colour());
    }

    @Test
    void arrowsMoveTheChoiceAndStopAtTheEdges() {
        ThumbnailGrid grid = grid();
        does(grid, new Gesture.Key(KeyCode.DOWN, false, false));
        assertEquals(new Cell(0, 0), grid.selectedProperty().get());
        for (KeyCode code : List.of(KeyCode.DOWN, KeyCode.RIGHT, KeyCode.RIGHT)) {
            assertTrue(does(grid, new Gesture.Key(code, false, false)));
        }
        assertEquals(new Cell(1, 2), grid.selectedProperty().get());
        for (int i = 0; i < 9; i++) {
            does(grid, new Gesture.Key(KeyCode.RIGHT, false, false));
            does(grid, new Gesture.Key(KeyCode.DOWN, false, false));
        }
        assertEquals(new Cell(2, 3), grid.selectedProperty().get());
        assertFalse(does(grid, new Gesture.Key(KeyCode.P, false, false)));
    }

    // --- order and colour by a measure

    @Test
    void sortingReordersWithinALayer() {
        ThumbnailGrid grid = grid().order(new int[][] {{3, 2, 1, 0}, {0, 1, 2, 3}, {1, 0, 3, 2}});
        double[] first = at(0, 0);
        does(grid, new Gesture.Click(first[0], first[1], 1, false));
        assertEquals(new Cell(0, 3), grid.selectedProperty().get(), "a head keeps its number wherever it stands");
        does(grid, new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(new Cell(0, 2), grid.selectedProperty().get(), "arrows follow what is seen");
        does(grid, new Gesture.Key(KeyCode.DOWN, false, false));
        assertEquals(new Cell(1, 1), grid.selectedProperty().get());
        Picture p = Picture.of(grid, W, H);
        assertTrue(Picture.near(Scale.sqrt(0, 1).colour(3 / 11.0, Palette.of(Theme.DARK)), p.at(first[0], first[1])));
        assertTrue(p.texts().contains("sorted within each layer"));
        assertTrue(p.words().stream().noneMatch(w -> w.align() == Pen.Align.CENTRE), "no number of a head above a column of several");
    }

    @Test
    void aMeasureColoursHeadsAndIsWrittenOnThem() {
        Cells measure = Cells.of(3, 4, new float[] {0, 1, 0.55f, Cells.NONE, Float.NaN, 0, 0, 0, 0, 0, 0, 0});
        ThumbnailGrid grid = grid().colourBy("entropy", measure, Scale.linear(0, 1));
        Picture p = Picture.of(grid, W, H);
        double[] at = at(0, 1);
        assertEquals(ONE, p.at(at[0] - 14, at[1] - 14));
        assertTrue(p.texts().contains(".55"));
        double[] none = at(0, 3);
        assertEquals(Palette.of(Theme.DARK).empty(), p.at(none[0], none[1]));
        grid.hoveredProperty().set(new Cell(0, 2));
        assertEquals("layer 0, head 2, entropy 0.55", grid.description());
        grid.hoveredProperty().set(new Cell(1, 0));
        assertEquals("layer 1, head 0, entropy – (not a number)", grid.description());
        grid.hoveredProperty().set(new Cell(0, 3));
        assertEquals("layer 0, head 3, entropy –", grid.description());
        assertEquals(",0,1,2,3\r\n0,0.0,1.0,0.55,\r\n1,NaN,0.0,0.0,0.0\r\n2,0.0,0.0,0.0,0.0\r\n", grid.csv());
        assertEquals("", grid().csv(), "maps have no one number per head");
    }

    @Test
    void aSmallerGridForgetsWhatIsNotThereAnyMore() {
        ThumbnailGrid grid = grid();
        grid.hoveredProperty().set(new Cell(2, 3));
        grid.selectedProperty().set(new Cell(2, 3));
        grid.show(1, 2, (l, h) -> filled(1)).colourBy("m", Cells.of(1, 2, new float[2]), Scale.linear(0, 1));
        Picture.of(grid, W, H);
        assertNull(grid.hoveredProperty().get());
        assertNull(grid.selectedProperty().get());
        assertEquals("1 layers of 2 heads", grid.description());
    }

    @Test
    void noHeadsDraw() {
        ThumbnailGrid empty = new ThumbnailGrid();
        Picture.of(empty, W, H);
        does(empty, new Gesture.Move(10, 10));
        does(empty, new Gesture.Key(KeyCode.DOWN, false, false));
        assertEquals("0 layers of 0 heads", empty.description());
    }

    @Test
    void thumbnailsAreFrom6To64PixelsAndAllAreSeen() {
        // 64 heads across 300 pixels do not fit at six: the grid says how wide it must be.
        ThumbnailGrid wide = new ThumbnailGrid().show(2, 64, (l, h) -> filled(1));
        assertTrue(wide.leastWidth(Picture.surface()) >= 64 * 7);
        ThumbnailGrid one = new ThumbnailGrid().show(1, 1, (l, h) -> filled(1));
        assertEquals(64 * 64, Picture.of(one, W, 400).count(ONE, 0, 0, W, 400));
    }
}
