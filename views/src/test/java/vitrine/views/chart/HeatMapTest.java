package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Heat maps by their pixels and their gestures.
class HeatMapTest {

    private static final Color ZERO = Color.web("#440154");
    private static final Color QUARTER = Color.web("#21918c");
    private static final Color ONE = Color.web("#fde725");

    /// Three by three cells of 80 pixels, nothing around them: cell (row, column) has its corner at (80 column, 80 row).
    private static HeatMap three(float... values) {
        HeatMap map = new HeatMap().withoutLegend().largestCell(80);
        map.show(Cells.of(3, 3, values));
        return map;
    }

    private static final float NONE = Cells.NONE;

    private static HeatMap causal() {
        return three(0, NONE, NONE, 0.25f, 1, NONE, 0.25f, 0, Float.NaN);
    }

    /// A place in a cell where neither its number nor its outline is.
    private static Color in(Picture picture, int row, int column) {
        return picture.at(80 * column + 12, 80 * row + 12);
    }

    // --- colours

    @ParameterizedTest
    @EnumSource(Theme.class)
    void cellsHaveTheColoursOfTheirValues(Theme theme) {
        Picture p = Picture.of(causal(), 240, 240, theme);
        assertEquals(ZERO, in(p, 0, 0));
        assertEquals(QUARTER, in(p, 1, 0), "the square root of 0.25 is half way");
        assertEquals(ONE, in(p, 1, 1));
        assertEquals(ZERO, in(p, 2, 1));
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void maskedCellsAreEmptyAndNotTheColourOfZero(Theme theme) {
        Picture p = Picture.of(causal(), 240, 240, theme);
        Color empty = theme == Theme.DARK ? Color.web("#0d1117") : Color.web("#f6f8fa");
        for (int[] cell : new int[][] {{0, 1}, {0, 2}, {1, 2}}) {
            assertEquals(Set.of(empty), p.colours(80 * cell[1] + 3, 80 * cell[0] + 3, 74, 74));
        }
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void whatIsNotANumberIsHatchedInDanger(Theme theme) {
        Picture p = Picture.of(causal(), 240, 240, theme);
        Color danger = theme == Theme.DARK ? Color.web("#f85149") : Color.web("#cf222e");
        Color empty = theme.palette().empty();
        int stripes = 0;
        int along = 0;
        for (int x = 163; x < 236; x++) {
            for (int y = 163; y < 236; y++) {
                boolean striped = nearer(p.at(x, y), danger, empty);
                stripes += striped ? 1 : 0;
                // At 45 degrees: a stripe that passes a pixel passes the one right above it.
                along += striped && nearer(p.at(x + 1, y - 1), danger, empty) ? 1 : 0;
                assertFalse(Picture.near(p.at(x, y), ZERO));
            }
        }
        assertTrue(stripes > 1000 && stripes < 3000, stripes + " pixels of stripes among 5,329");
        assertTrue(along > stripes * 0.9, along + " of " + stripes);
    }

    /// Whether a colour, mixed of two at an edge, has more of the first.
    private static boolean nearer(Color mixed, Color to, Color than) {
        return distance(mixed, to) < distance(mixed, than);
    }

    private static double distance(Color a, Color b) {
        return Math.abs(a.getRed() - b.getRed()) + Math.abs(a.getGreen() - b.getGreen()) + Math.abs(a.getBlue() - b.getBlue());
    }

    @Test
    void whatIsNotANumberIsHatchedInSmallCellsToo() {
        float[] values = new float[100 * 100];
        Arrays.fill(values, 0, 5000, Float.NaN);
        HeatMap map = new HeatMap().withoutLegend();
        map.show(Cells.of(100, 100, values));
        Picture p = Picture.of(map, 300, 300);
        assertTrue(p.count(Color.web("#f85149"), 0, 0, 300, 150) > 10_000);
        assertTrue(p.count(Color.web("#0d1117"), 0, 0, 300, 150) > 10_000);
        assertEquals(Set.of(ZERO), p.colours(0, 152, 300, 148));
    }

    @Test
    void cellsAreParted() {
        Picture p = Picture.of(three(1, 1, 1, 1, 1, 1, 1, 1, 1), 240, 240);
        assertEquals(Color.web("#0d1117"), p.at(80, 40));
        assertEquals(Color.web("#0d1117"), p.at(79, 40));
        assertEquals(ONE, p.at(82, 40));
        assertEquals(ONE, p.at(77, 40));
    }

    @Test
    void largeCellsShowTheirNumbersInTheReadableColour() {
        Picture p = Picture.of(three(0.01f, 0.2f, 0.25f, 1, 0, 0.55f, NONE, Float.NaN, 0.995f), 240, 240);
        assertEquals(List.of(".01", ".20", ".25", "1", "0", ".55", "1.0"), p.texts());
        assertEquals(Color.WHITE, p.word(".20").colour());
        assertEquals(Color.web("#0d1117"), p.word(".25").colour());
        assertEquals(TextStyle.CELL, p.word(".25").style());
        assertEquals(200, p.word(".25").x(), 1);
    }

    @Test
    void differencesDivergeAroundACalmMiddle() {
        HeatMap map = three(-1, -0.5f, 0, 0.5f, 1, 0, 0, 0, 0);
        map.scaleProperty().set(Scale.diverging(1));
        Picture p = Picture.of(map, 240, 240);
        assertEquals(Color.web("#6ec2ff"), in(p, 0, 0));
        assertEquals(Color.web("#2f74b3"), in(p, 0, 1));
        assertEquals(Color.web("#1b2530"), in(p, 0, 2));
        assertEquals(Color.web("#a0602a"), in(p, 1, 0));
        assertEquals(Color.web("#ffb067"), in(p, 1, 1));
    }

    // --- more cells than pixels

    /// A bright cell is never lost and never spread, at any ratio of cells to pixels; no colour between the two shows.
    @ParameterizedTest
    @ValueSource(ints = {150, 151, 200, 299, 301, 450, 600, 777, 1024, 2048})
    void peaksSurviveAndMeansNeverShow(int n) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        float[] values = new float[n * n];
        Set<Integer> bright = new HashSet<>();
        for (int i = 0; i < 12; i++) {
            bright.add(random.nextInt(n * n));
        }
        bright.forEach(i -> values[i] = 1);
        HeatMap map = new HeatMap().withoutLegend();
        map.show(Cells.of(n, n, values));
        Picture p = Picture.of(map, 300, 300);
        HeatMapGeometry g = map.geometry(300, 300, Picture.surface());
        int left = (int) g.left();
        int side = (int) Math.round(g.width());
        assertEquals(Set.of(ZERO, ONE), p.colours(left, 0, side, side), "seed " + seed);
        double cell = g.cellWidth();
        for (int i : bright) {
            // The pixel that holds the middle of the cell.
            double x = left + (i % n + 0.5) * cell;
            double y = (i / n + 0.5) * cell;
            assertEquals(ONE, p.at(x, y), "seed " + seed + ": cell " + i / n + ", " + i % n);
        }
        double reach = 2 * Math.max(1, 1 / cell);
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                if (p.at(left + x, y).equals(ONE)) {
                    double row = (y + 0.5) / cell;
                    double column = (x + 0.5) / cell;
                    assertTrue(bright.stream().anyMatch(i -> Math.abs(i / n + 0.5 - row) <= reach && Math.abs(i % n + 0.5 - column) <= reach),
                            "seed " + seed + ": a bright pixel at " + x + ", " + y + " and no bright cell near");
                }
            }
        }
    }

    @Test
    void aStrongFallIsNotHiddenByASmallerRise() {
        int n = 600;
        float[] values = new float[n * n];
        values[100 * n + 100] = -0.9f;
        values[100 * n + 101] = 0.5f;
        values[101 * n + 100] = 0.5f;
        HeatMap map = new HeatMap().withoutLegend();
        map.scaleProperty().set(Scale.diverging(1));
        map.show(Cells.of(n, n, values));
        Color fall = Scale.diverging(1).colour(-0.9, Palette.of(Theme.DARK));
        assertTrue(Picture.near(fall, Picture.of(map, 300, 300).at(50, 50)));
        // The same where the scale is chosen after the data.
        HeatMap later = new HeatMap().withoutLegend();
        later.show(Cells.of(n, n, values));
        later.scaleProperty().set(Scale.diverging(1));
        assertTrue(Picture.near(fall, Picture.of(later, 300, 300).at(50, 50)));
    }

    @Test
    void newValuesAreDrawn() {
        float[] values = new float[600 * 600];
        HeatMap map = new HeatMap().withoutLegend();
        map.show(Cells.of(600, 600, values));
        assertEquals(ZERO, Picture.of(map, 300, 300).at(50, 50));
        float[] other = new float[600 * 600];
        Arrays.fill(other, 1);
        map.show(Cells.of(600, 600, other));
        assertEquals(ONE, Picture.of(map, 300, 300).at(50, 50));
        map.scaleProperty().set(Scale.linear(0, 2));
        assertEquals(QUARTER, Picture.of(map, 300, 300).at(50, 50));
    }

    // --- hover and lock

    private static HeatMap tokens(int n) {
        Random random = new Random(3);
        float[] values = new float[n * n];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat();
        }
        List<String> labels = IntStream.range(0, n).mapToObj(i -> "t" + i).toList();
        HeatMap map = new HeatMap().rowLabels(labels).columnLabels(labels).name("attention weight");
        map.show(Cells.of(n, n, values).causal());
        return map;
    }

    private static double[] middleOf(HeatMap map, int row, int column, double w, double h) {
        HeatMapGeometry g = map.geometry(w, h, Picture.surface());
        return new double[] {g.x(column + 0.5), g.y(row + 0.5)};
    }

    private static void move(HeatMap map, int row, int column) {
        double[] at = middleOf(map, row, column, 400, 400);
        map.handle(new Gesture.Move(at[0], at[1]), 400, 400, Picture.surface());
    }

    private static boolean click(HeatMap map, int row, int column) {
        double[] at = middleOf(map, row, column, 400, 400);
        return map.handle(new Gesture.Click(at[0], at[1], 1, false), 400, 400, Picture.surface());
    }

    private static boolean key(HeatMap map, KeyCode code) {
        return map.handle(new Gesture.Key(code, false, false), 400, 400, Picture.surface());
    }

    @Test
    void hoveringTellsTheValueAndTheTwoTokens() {
        HeatMap map = tokens(12);
        move(map, 8, 3);
        assertEquals(new Cell(8, 3), map.hoveredCellProperty().get());
        Random random = new Random(3);
        float value = 0;
        for (int i = 0; i <= 8 * 12 + 3; i++) {
            value = random.nextFloat();
        }
        String shown = String.format("%.4f", value);
        assertEquals("t8 → t3; " + shown + " attention weight", map.description());
        Picture p = Picture.of(map, 400, 400);
        assertEquals(TextStyle.VALUE, p.word(shown).style());
        map.handle(new Gesture.Leave(), 400, 400, Picture.surface());
        assertNull(map.hoveredCellProperty().get());
        assertFalse(Picture.of(map, 400, 400).texts().contains(shown));
    }

    /// The read-out sits where no data is: in the masked triangle.
    @Test
    void theReadOutCoversNoData() {
        HeatMap map = tokens(20);
        move(map, 14, 6);
        Picture p = Picture.of(map, 400, 400);
        HeatMapGeometry g = map.geometry(400, 400, Picture.surface());
        Picture.Word value = p.words().stream().filter(w -> w.style().equals(TextStyle.VALUE)).findFirst().orElseThrow();
        Cell below = g.cellAt(value.x(), value.y());
        assertTrue(below.column() > below.row(), "it stands on " + below);
        // A map without a masked corner has it beside the cell, never on it.
        HeatMap full = new HeatMap().withoutLegend();
        full.show(Cells.of(20, 20, new float[400]));
        move(full, 10, 10);
        Picture beside = Picture.of(full, 400, 400);
        Picture.Word there = beside.words().stream().filter(w -> w.style().equals(TextStyle.VALUE)).findFirst().orElseThrow();
        double[] at = middleOf(full, 10, 10, 400, 400);
        assertTrue(there.x() > at[0] + 12 || there.y() > at[1] + 12, "at " + there);
    }

    @Test
    void maskedCellsTellNothing() {
        HeatMap map = tokens(12);
        move(map, 3, 8);
        assertEquals("attention weight, 12 by 12: no value at 3, 8", map.description());
        assertTrue(Picture.of(map, 400, 400).words().stream().noneMatch(w -> w.style().equals(TextStyle.VALUE)));
    }

    @Test
    void whatIsNotANumberSaysSo() {
        HeatMap map = three(0, NONE, NONE, 0, 0, NONE, 0, 0, Float.NaN);
        map.hoveredCellProperty().set(new Cell(2, 2));
        assertEquals("2 → 2; – (not a number) value", map.description());
    }

    @Test
    void aClickLocksAnotherReleases() {
        HeatMap map = tokens(12);
        assertTrue(click(map, 8, 3));
        assertEquals(new Cell(8, 3), map.lockedCellProperty().get());
        click(map, 9, 1);
        assertEquals(new Cell(9, 1), map.lockedCellProperty().get());
        click(map, 9, 1);
        assertNull(map.lockedCellProperty().get());
        assertFalse(map.handle(new Gesture.Click(399, 399, 1, false), 400, 400, Picture.surface()), "beside the cells");
    }

    @ParameterizedTest
    @EnumSource(Theme.class)
    void theLockedCellAndItsRowAreOutlined(Theme theme) {
        HeatMap map = three(0, 0, 0, 0, 0, 0, 0, 0, 0);
        map.lockedCellProperty().set(new Cell(1, 1));
        Picture p = Picture.of(map, 240, 240, theme);
        Color outline = theme == Theme.DARK ? Color.WHITE : Color.web("#24292f");
        Color accent = theme == Theme.DARK ? Color.web("#58a6ff") : Color.web("#0969da");
        assertEquals(outline, p.at(80, 120), "left edge of the cell");
        assertEquals(outline, p.at(120, 80), "upper edge of the cell");
        assertEquals(accent, p.at(40, 80), "upper edge of the row");
        assertEquals(accent, p.at(200, 159), "lower edge of the row");
        assertEquals(0, p.count(accent, 0, 162, 240, 78));
    }

    @Test
    void labelsOfTheLockedCellAreInAccent() {
        HeatMap map = tokens(12);
        click(map, 8, 3);
        Picture p = Picture.of(map, 400, 400);
        Color accent = Color.web("#58a6ff");
        List<Picture.Word> strong = p.words().stream().filter(w -> w.style().equals(TextStyle.AXIS_STRONG)).toList();
        assertEquals(List.of("t8", "t3"), strong.stream().map(Picture.Word::text).toList());
        strong.forEach(w -> assertEquals(accent, w.colour()));
    }

    @Test
    void arrowsMoveTheLockAndStopAtTheEdges() {
        HeatMap map = tokens(12);
        assertTrue(key(map, KeyCode.DOWN));
        assertEquals(new Cell(0, 0), map.lockedCellProperty().get());
        key(map, KeyCode.DOWN);
        key(map, KeyCode.DOWN);
        key(map, KeyCode.RIGHT);
        assertEquals(new Cell(2, 1), map.lockedCellProperty().get());
        key(map, KeyCode.UP);
        key(map, KeyCode.LEFT);
        key(map, KeyCode.LEFT);
        assertEquals(new Cell(1, 0), map.lockedCellProperty().get());
        map.lockedCellProperty().set(new Cell(11, 11));
        key(map, KeyCode.DOWN);
        key(map, KeyCode.RIGHT);
        assertEquals(new Cell(11, 11), map.lockedCellProperty().get());
    }

    @Test
    void spaceLocksWhatIsHoveredAndEscapeReleases() {
        HeatMap map = tokens(12);
        move(map, 7, 2);
        assertTrue(key(map, KeyCode.SPACE));
        assertEquals(new Cell(7, 2), map.lockedCellProperty().get());
        assertTrue(key(map, KeyCode.ESCAPE));
        assertNull(map.lockedCellProperty().get());
        assertFalse(key(map, KeyCode.ESCAPE), "nothing was held: the key is left to what lies around");
        assertFalse(key(map, KeyCode.A));
    }

    @Test
    void otherSizesReleaseTheLockTheSameSizeKeepsIt() {
        HeatMap map = tokens(12);
        click(map, 8, 3);
        map.show(Cells.of(12, 12, new float[144]));
        assertEquals(new Cell(8, 3), map.lockedCellProperty().get());
        map.show(Cells.of(5, 5, new float[25]));
        assertNull(map.lockedCellProperty().get());
    }

    // --- zoom and pan

    private static HeatMap large() {
        HeatMap map = new HeatMap().withoutLegend();
        map.show(Cells.of(100, 100, new float[10_000]));
        return map;
    }

    private static HeatMapGeometry geometry(HeatMap map) {
        return map.geometry(300, 300, Picture.surface());
    }

    private static boolean wheel(HeatMap map, double x, double y, double notches) {
        return map.handle(new Gesture.Wheel(x, y, notches, false), 300, 300, Picture.surface());
    }

    @Test
    void theWheelZoomsAtThePointer() {
        HeatMap map = large();
        assertEquals(3, geometry(map).cellWidth());
        Cell before = geometry(map).cellAt(220, 80);
        for (int i = 0; i < 9; i++) {
            assertTrue(wheel(map, 220, 80, 1));
            assertEquals(before, geometry(map).cellAt(220, 80), "after " + (i + 1) + " notches");
        }
        // 3 × 1.25⁹ = 22.35, in whole pixels.
        assertEquals(22, geometry(map).cellWidth());
        wheel(map, 220, 80, -9);
        assertEquals(3, geometry(map).cellWidth());
        assertEquals(0, geometry(map).firstRow());
        wheel(map, 220, 80, -5);
        assertEquals(3, geometry(map).cellWidth(), "never smaller than the whole");
        wheel(map, 220, 80, 50);
        assertEquals(96, geometry(map).cellWidth(), "never larger than 96");
    }

    @Test
    void draggingPansAndADoubleClickFits() {
        HeatMap map = large();
        wheel(map, 0, 0, 5);
        HeatMapGeometry before = geometry(map);
        assertEquals(0, before.firstRow());
        // The map follows the pointer: 60 pixels up and 30 to the left show what lies below and to the right.
        map.handle(new Gesture.Drag(100, 100, 160, 130, -30, -60), 300, 300, Picture.surface());
        HeatMapGeometry after = geometry(map);
        assertEquals(60 / before.cellHeight(), after.firstRow(), 1e-9);
        assertEquals(30 / before.cellWidth(), after.firstColumn(), 1e-9);
        map.handle(new Gesture.Drag(0, 0, 0, 0, 9999, 9999), 300, 300, Picture.surface());
        assertEquals(0, geometry(map).firstRow());
        assertTrue(map.handle(new Gesture.Click(10, 10, 2, false), 300, 300, Picture.surface()));
        assertEquals(3, geometry(map).cellWidth());
    }

    @Test
    void keysZoomAndFit() {
        HeatMap map = large();
        for (int i = 0; i < 4; i++) {
            map.handle(new Gesture.Key(KeyCode.UP, true, false), 300, 300, Picture.surface());
        }
        assertEquals(7, geometry(map).cellWidth(), "3 × 1.25⁴ = 7.3");
        map.handle(new Gesture.Key(KeyCode.DOWN, true, false), 300, 300, Picture.surface());
        assertEquals(5, geometry(map).cellWidth(), "3 × 1.25³ = 5.9");
        map.handle(new Gesture.Key(KeyCode.DIGIT0, false, false), 300, 300, Picture.surface());
        assertEquals(3, geometry(map).cellWidth());
    }

    @Test
    void arrowsBringTheLockIntoView() {
        HeatMap map = large();
        map.lockedCellProperty().set(new Cell(0, 0));
        wheel(map, 0, 0, 9);
        for (int i = 0; i < 40; i++) {
            map.handle(new Gesture.Key(KeyCode.DOWN, false, false), 300, 300, Picture.surface());
        }
        HeatMapGeometry g = geometry(map);
        assertTrue(g.y(41) <= 300 + 1e-6 && g.y(40) >= 0, "row 40 lies at " + g.y(40));
        assertNotEquals(0, g.firstRow());
    }

    // --- what stands around the cells

    @Test
    void labelsThinOutAndShowOnHoverOnlyBeyond128() {
        HeatMap few = tokens(12);
        long labels = Picture.of(few, 400, 400).texts().stream().filter(t -> t.matches("t\\d+")).count();
        assertEquals(24, labels);
        HeatMap many = tokens(100);
        Picture thin = Picture.of(many, 400, 400);
        List<Double> rows = thin.words().stream().filter(w -> w.degrees() == 0 && w.text().matches("t\\d+")).map(Picture.Word::y).toList();
        assertTrue(rows.size() > 10 && rows.size() < 50, rows.size() + " labels");
        for (int i = 1; i < rows.size(); i++) {
            assertTrue(rows.get(i) - rows.get(i - 1) >= 11, "labels touch: " + rows);
        }
        HeatMap most = tokens(200);
        assertEquals(0, Picture.of(most, 400, 400).texts().stream().filter(t -> t.matches("t\\d+")).count());
        most.hoveredCellProperty().set(new Cell(150, 20));
        assertTrue(Picture.of(most, 400, 400).texts().containsAll(List.of("t150", "t20")));
    }

    @Test
    void stripsAreAsLongAsTheirValues() {
        HeatMap map = three(1, 1, 1, 1, 1, 1, 1, 1, 1);
        map.rowStrip(new Strip("row entropy", "H", new double[] {1, 0.5, Double.NaN}, 1));
        Picture p = Picture.of(map, 300, 300);
        HeatMapGeometry g = map.geometry(300, 300, Picture.surface());
        Color bar = Color.web("#6e7681");
        double left = g.left() + g.width() + 8;
        assertEquals(bar, p.at(left + 13, g.y(0.5)));
        assertEquals(bar, p.at(left + 6, g.y(1.5)));
        assertNotEquals(bar, p.at(left + 8, g.y(1.5)), "half as long");
        assertEquals(0, p.count(bar, left, g.y(2) + 1, 14, g.cellHeight() - 2), "nothing where there is no value");
        assertTrue(p.texts().contains("H"));
    }

    @Test
    void theLegendIsNeverMissingUnlessItIsTakenAway() {
        HeatMap map = tokens(5);
        Picture p = Picture.of(map, 400, 300);
        assertTrue(p.texts().containsAll(List.of("attention weight, √ scale", "0", "0.25", "1")), p.texts().toString());
        assertFalse(Picture.of(map.withoutLegend(), 400, 300).texts().contains("0.25"));
    }

    @Test
    void csvHoldsEveryCell() {
        HeatMap map = causal().rowLabels(List.of("a", "b", "c")).columnLabels(List.of("a", "b", "c"));
        assertEquals(",a,b,c\r\na,0.0,,\r\nb,0.25,1.0,\r\nc,0.25,0.0,NaN\r\n", map.csv());
    }

    @Test
    void oneTokenAndNoTokensDraw() {
        HeatMap one = new HeatMap();
        one.show(Cells.of(1, 1, new float[] {1}));
        assertTrue(Picture.of(one, 200, 200).holds(ONE, 0, 0, 200, 150));
        Picture.of(new HeatMap(), 200, 200);
        Picture.of(new HeatMap(), 1, 1);
    }
}
