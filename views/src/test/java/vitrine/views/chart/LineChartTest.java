package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

/// Curves: what is drawn where, what the pointer tells, zoom and pan, files.
class LineChartTest {

    private static final double W = 500;
    private static final double H = 300;
    private static final Color BLUE = Color.web("#50b9fe");
    private static final Color ORANGE = Color.web("#e69434");

    /// 0 to 10 across, 0 to 1 down.
    private static LineChart chart(LineSeries... series) {
        return new LineChart().axes(Axis.of("step").between(0, 10), Axis.of("share").between(0, 1)).series(List.of(series));
    }

    private static LineSeries flat(String name, double y, int category) {
        double[] ys = new double[11];
        java.util.Arrays.fill(ys, y);
        return LineSeries.of(name, ys, category).withoutMarkers().withoutLabel();
    }

    private static Plot plot(LineChart chart) {
        return chart.plot(W, H, Picture.surface());
    }

    private static boolean does(LineChart chart, Gesture gesture) {
        return chart.handle(gesture, W, H, Picture.surface());
    }

    @Test
    void aCurveLiesAtItsValues() {
        LineChart chart = chart(flat("a", 0.25, 0), flat("b", 0.75, 1));
        Picture p = Picture.of(chart, W, H);
        Plot plot = plot(chart);
        for (double x = 1; x < 10; x += 0.5) {
            double px = plot.left() + x / 10 * plot.width();
            assertTrue(p.inked(BLUE, px, plot.top() + 0.75 * plot.height() - 1, 1, 2), "a at " + x);
            assertTrue(p.inked(ORANGE, px, plot.top() + 0.25 * plot.height() - 1, 1, 2), "b at " + x);
        }
        assertFalse(p.inked(BLUE, plot.left(), plot.top(), plot.width(), plot.height() / 2));
    }

    /// The name of a text may be as long as its path; the curve still has most of the card.
    @Test
    void longNamesLeaveTheCurveItsRoom() {
        String name = "a text whose name is as long as the path that it was opened from, folder by folder";
        double[] ys = new double[11];
        java.util.Arrays.fill(ys, 0.5);
        LineChart chart = chart(LineSeries.of(name, ys, 0));
        assertTrue(plot(chart).width() > 0.55 * W, "of " + W + " the curve has " + plot(chart).width());
        Picture p = Picture.of(chart, W, H);
        assertTrue(p.words().stream().anyMatch(w -> w.text().startsWith("a text") && w.text().endsWith("…")), p.words().toString());
    }

    @Test
    void axesAreNamedAndNeverTurned() {
        Picture p = Picture.of(chart(flat("a", 0.5, 0)), W, H);
        assertTrue(p.words().stream().allMatch(w -> w.degrees() == 0));
        Picture.Word y = p.word("share");
        Picture.Word x = p.word("step");
        Plot plot = plot(chart(flat("a", 0.5, 0)));
        assertEquals(Pen.Align.LEFT, y.align());
        assertTrue(y.y() < plot.top() && Math.abs(y.x() - plot.left()) < 1, "above the axis at its left end");
        assertEquals(Pen.Align.RIGHT, x.align());
        assertTrue(x.y() > plot.bottom() && Math.abs(x.x() - plot.right()) < 1, "right below");
        assertTrue(p.texts().containsAll(List.of("0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "0", "2", "4", "6", "8", "10")), p.texts().toString());
        // A tick stands at its value.
        assertEquals(plot.top() + 0.4 * plot.height(), p.word("0.6").y() - TextStyle.CAPTION.middleToBaseline(), 0.5);
        assertEquals(plot.left() + 0.4 * plot.width(), p.word("4").x(), 0.5);
    }

    @Test
    void gridlinesRunAcrossOnly() {
        LineChart chart = chart(flat("a", 0.5, 0));
        Picture p = Picture.of(chart, W, H);
        Plot plot = plot(chart);
        Color grid = Color.web("#21262d");
        double y = plot.top() + 0.4 * plot.height();
        assertTrue(p.holds(grid, plot.left() + 20, y - 1, 1, 2) && p.holds(grid, plot.right() - 20, y - 1, 1, 2));
        int between = p.count(grid, plot.left() + 1, plot.top() + 0.1 * plot.height(), plot.width() - 2, 1);
        assertEquals(0, between, "no vertical line crosses here");
    }

    @Test
    void aGapStaysAGap() {
        double[] ys = {0.5, 0.5, 0.5, 0.5, Double.NaN, Double.NaN, 0.5, 0.5, 0.5, 0.5, 0.5};
        LineChart chart = chart(LineSeries.of("a", ys, 0).withoutMarkers().withoutLabel());
        Picture p = Picture.of(chart, W, H);
        Plot plot = plot(chart);
        assertTrue(p.inked(BLUE, plot.toX(1), plot.top(), 40, plot.height()));
        assertFalse(p.inked(BLUE, plot.toX(3) + 2, plot.top(), plot.toX(6) - plot.toX(3) - 4, plot.height()));
    }

    @Test
    void onePeakInAMillionIsSeen() {
        int n = 1_000_000;
        double[] xs = new double[n];
        double[] ys = new double[n];
        for (int i = 0; i < n; i++) {
            xs[i] = 10.0 * i / n;
        }
        ys[400_000] = 0.9;
        LineChart chart = chart(LineSeries.of("a", xs, ys, 0).withoutMarkers().withoutLabel());
        Picture p = Picture.of(chart, W, H);
        Plot plot = plot(chart);
        assertTrue(p.holds(BLUE, plot.toX(4) - 1, plot.toY(0.9) - 1, 3, 3));
        assertTrue(p.holds(BLUE, plot.toX(4) - 1, plot.toY(0.5), 3, 1));
        assertFalse(p.holds(BLUE, plot.toX(5), plot.toY(0.9) - 1, 3, 3));
    }

    @Test
    void whatLeavesThePlotHasATriangleAtTheEdge() {
        double[] ys = {0.5, 0.5, 0.5, 0.5, 0.5, 3, 0.5, 0.5, 0.5, 0.5, 0.5};
        LineChart chart = chart(LineSeries.of("a", ys, 0).withoutMarkers().withoutLabel());
        Picture p = Picture.of(chart, W, H);
        Plot plot = plot(chart);
        // Its base lies five pixels below the edge and is seven wide; the curve itself is nearly upright there.
        assertTrue(p.count(BLUE, plot.toX(5) - 4, plot.top() + 3.5, 8, 1.5) >= 5);
    }

    @Test
    void markersStandUpTo64Points() {
        LineChart few = chart(LineSeries.of("a", new double[] {0, 5, 10}, new double[] {0.5, 0.5, 0.5}, 0).withoutLabel());
        Plot plot = plot(few);
        assertTrue(Picture.of(few, W, H).holds(BLUE, plot.toX(5) - 1, plot.toY(0.5) - 3, 2, 1), "a disc of seven pixels");
        double[] xs = new double[65];
        double[] ys = new double[65];
        for (int i = 0; i < 65; i++) {
            xs[i] = i / 6.4;
            ys[i] = 0.5;
        }
        LineChart many = chart(LineSeries.of("a", xs, ys, 0).withoutLabel());
        assertEquals(0, Picture.of(many, W, H).count(BLUE, plot.left() + 5, plot.toY(0.5) - 3, plot.width() - 10, 1));
    }

    @Test
    void curvesAreNamedAtTheirEndsAndNamesNeverCoverEachOther() {
        LineChart chart = chart(LineSeries.of("first", flat("", 0.50, 0).ys(), 0), LineSeries.of("second", flat("", 0.51, 0).ys(), 1));
        Picture p = Picture.of(chart, W, H);
        Picture.Word first = p.word("first");
        Picture.Word second = p.word("second");
        assertEquals(BLUE, first.colour());
        assertEquals(ORANGE, second.colour());
        assertTrue(first.y() - second.y() >= 14 - 1e-6, "the larger value stands above");
        assertTrue(first.x() > plot(chart).right());
    }

    @Test
    void ofTwoReferenceLinesThatTouchOneIsDrawn() {
        LineChart chart = chart(flat("a", 0.2, 0), flat("b", 0.8, 1)).references(List.of(new LineChart.Reference(0.50, "random a", "a"),
                new LineChart.Reference(0.51, "random b", "b"), new LineChart.Reference(0.9, "limit", "")));
        List<String> texts = Picture.of(chart, W, H).texts();
        assertTrue(texts.contains("random a") && !texts.contains("random b") && texts.contains("limit"), texts.toString());
        chart.selectedSeriesProperty().set("b");
        texts = Picture.of(chart, W, H).texts();
        assertTrue(!texts.contains("random a") && texts.contains("random b") && texts.contains("limit"), texts.toString());
    }

    @Test
    void whatIsLeftOfARunIsShaded() {
        LineChart chart = chart(flat("a", 0.5, 0)).remaining(4, 10, "now, step 4");
        Picture p = Picture.of(chart, W, H);
        Plot plot = plot(chart);
        assertTrue(p.texts().contains("now, step 4"));
        Color card = Color.web("#161b22");
        assertEquals(card, p.at(plot.toX(2), plot.toY(0.3)));
        assertNotEquals(card, p.at(plot.toX(8), plot.toY(0.3)));
    }

    @Test
    void logarithmicAxesLeaveOutWhatHasNoPlace() {
        LineChart chart = new LineChart().axes(Axis.log("rank").between(1, 1000), Axis.log("value").between(0.001, 1))
                .series(List.of(LineSeries.of("s", new double[] {1, 10, 100, 1000}, new double[] {1, 0.1, 0, -1}, 0).withoutMarkers().withoutLabel()));
        Picture p = Picture.of(chart, W, H);
        Plot plot = plot(chart);
        assertEquals(plot.left() + plot.width() / 3, plot.toX(10), 1e-9);
        assertEquals(plot.top() + plot.height() / 3, plot.toY(0.1), 1e-9);
        // The middle of the one segment that there is.
        assertTrue(p.inked(BLUE, plot.left() + plot.width() / 6 - 1, plot.top() + plot.height() / 6 - 1, 2, 2));
        assertFalse(p.inked(BLUE, plot.toX(12), plot.top(), plot.right() - plot.toX(12), plot.height()));
        assertTrue(p.texts().containsAll(List.of("10⁻³", "10⁻²", "10⁻¹", "1")), p.texts().toString());
    }

    // --- pointer and keys

    private static LineChart two() {
        return chart(LineSeries.of("train", new double[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
                        new double[] {0.91, 0.82, 0.73, 0.64, 0.55, 0.46, 0.37, 0.28, 0.19, 0.12345, 0.01}, 0),
                LineSeries.of("validation", new double[] {0, 5, 10}, new double[] {0.95, Double.NaN, 0.2}, 1).asDashed())
                .formats(x -> "step " + Numbers.fixed(x, 0), Numbers::loss);
    }

    @Test
    void theCursorSnapsToTheNearestIndexAndListsAllSeries() {
        LineChart chart = two();
        Plot plot = plot(chart);
        assertTrue(does(chart, new Gesture.Move(plot.left() + 0.92 * plot.width(), plot.top() + 5)));
        assertEquals(9, chart.hoveredIndexProperty().get());
        assertEquals("step 9 step; train 0.1235", chart.description(), "validation has no value there");
        does(chart, new Gesture.Move(plot.left() + 0.52 * plot.width(), plot.top() + 5));
        assertEquals("step 5 step; train 0.4600; validation – (not a number)", chart.description());
        assertTrue(Picture.of(chart, W, H).texts().containsAll(List.of("step 5", "train", "0.4600", "validation", "– (not a number)")));
        does(chart, new Gesture.Move(2, 2));
        assertEquals(-1, chart.hoveredIndexProperty().get());
        assertEquals("share against step, 2 curves", chart.description());
    }

    @Test
    void aClickLocksEscapeReleasesArrowsMove() {
        LineChart chart = two();
        Plot plot = plot(chart);
        double x3 = plot.left() + 0.3 * plot.width();
        assertTrue(does(chart, new Gesture.Click(x3, plot.top() + 9, 1, false)));
        assertEquals(3, chart.lockedIndexProperty().get());
        does(chart, new Gesture.Leave());
        assertEquals("step 3 step; train 0.6400", chart.description(), "the lock tells when nothing is hovered");
        does(chart, new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(4, chart.lockedIndexProperty().get());
        does(chart, new Gesture.Key(KeyCode.LEFT, false, false));
        does(chart, new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(2, chart.lockedIndexProperty().get());
        assertTrue(does(chart, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertEquals(-1, chart.lockedIndexProperty().get());
        assertFalse(does(chart, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        does(chart, new Gesture.Click(x3, plot.top() + 9, 1, false));
        does(chart, new Gesture.Click(x3, plot.top() + 9, 1, false));
        assertEquals(-1, chart.lockedIndexProperty().get(), "a second click releases");
    }

    @Test
    void linkedChartsMarkTheSameIndex() {
        LineChart a = two();
        LineChart b = chart(flat("other", 0.5, 2));
        b.hoveredIndexProperty().bindBidirectional(a.hoveredIndexProperty());
        Plot plot = plot(a);
        does(a, new Gesture.Move(plot.left() + 0.3 * plot.width(), plot.top() + 5));
        assertEquals(3, b.hoveredIndexProperty().get());
        assertTrue(Picture.of(b, W, H).texts().contains("other"));
    }

    @Test
    void theWheelZoomsAtThePointerAndADoubleClickFits() {
        LineChart chart = two();
        Plot before = plot(chart);
        double px = before.left() + 0.7 * before.width();
        double under = before.xAt(px);
        does(chart, new Gesture.Wheel(px, 100, 3, false));
        Plot after = plot(chart);
        assertEquals(under, after.x().value((px - after.left()) / after.width()), 0.15, "what is under the pointer stays");
        assertEquals(10 / Math.pow(1.25, 3), after.x().high() - after.x().low(), 1e-9);
        does(chart, new Gesture.Wheel(px, 100, -30, false));
        assertEquals(0, plot(chart).x().low());
        assertEquals(10, plot(chart).x().high());
        does(chart, new Gesture.Wheel(px, 100, 3, false));
        does(chart, new Gesture.Click(px, 100, 2, false));
        assertEquals(10, plot(chart).x().high() - plot(chart).x().low());
    }

    @Test
    void draggingPansWithinTheWholeAndAnAxisPicksARange() {
        LineChart chart = two();
        assertFalse(does(chart, new Gesture.Drag(100, 100, 200, 100, -10, 0)), "nothing to pan in the whole range");
        Plot whole = plot(chart);
        does(chart, new Gesture.Drag(whole.toX(8), whole.bottom() + 10, whole.toX(2), whole.bottom() + 10, 5, 0));
        does(chart, new Gesture.Drop(whole.toX(8), whole.bottom() + 10, whole.toX(2), whole.bottom() + 10));
        Plot picked = plot(chart);
        assertEquals(2, picked.x().low(), 1e-9);
        assertEquals(8, picked.x().high(), 1e-9);
        // A sixth of the width to the left shows one step more at the right.
        does(chart, new Gesture.Drag(0, 100, 0, 100, -picked.width() / 6, 0));
        assertEquals(3, plot(chart).x().low(), 1e-9);
        assertEquals(9, plot(chart).x().high(), 1e-9);
        does(chart, new Gesture.Drag(0, 100, 0, 100, -9999, 0));
        assertEquals(10, plot(chart).x().high(), 1e-9);
        assertEquals(4, plot(chart).x().low(), 1e-9);
    }

    @Test
    void theThresholdIsTakenHoldOfAndDraggedAlongX() {
        LineChart chart = two();
        Plot whole = plot(chart);
        assertFalse(does(chart, new Gesture.Press(whole.toX(5), 100)), "there is none");
        chart.thresholdProperty().set(5);
        assertFalse(does(chart, new Gesture.Press(whole.toX(5) + 30, 100)), "too far away");
        assertTrue(does(chart, new Gesture.Press(whole.toX(5) + 6, 100)));
        assertTrue(does(chart, new Gesture.Drag(whole.toX(7.5), 100, whole.toX(5) + 6, 100, 40, 0)));
        assertEquals(7.5, chart.thresholdProperty().get(), 1e-9);
        does(chart, new Gesture.Drag(99999, 100, whole.toX(5) + 6, 100, 40, 0));
        assertEquals(10, chart.thresholdProperty().get(), 1e-9, "it stays within the plot");
        does(chart, new Gesture.Drop(99999, 100, whole.toX(5) + 6, 100));
        does(chart, new Gesture.Press(whole.toX(2), 100));
        does(chart, new Gesture.Drag(whole.toX(3), 100, whole.toX(2), 100, 40, 0));
        assertEquals(10, chart.thresholdProperty().get(), 1e-9, "let go of");
    }

    @Test
    void aCutAxisHasATickAtEitherEnd() {
        assertEquals(List.of("0.5", "0.6", "0.7", "0.8", "0.9", "1.0"), ticks(Axis.of("share").between(0.5, 1), 3));
        assertEquals(List.of("0.0", "0.5", "1.0"), ticks(Axis.of("share").between(0, 1), 3));
    }

    private static List<String> ticks(Axis axis, int atMost) {
        return axis.labels(axis.ticks(atMost));
    }

    @Test
    void keysZoomAndFit() {
        LineChart chart = two();
        does(chart, new Gesture.Key(KeyCode.UP, true, false));
        assertEquals(8, plot(chart).x().high() - plot(chart).x().low(), 1e-9);
        does(chart, new Gesture.Key(KeyCode.DOWN, true, false));
        assertEquals(10, plot(chart).x().high() - plot(chart).x().low(), 1e-9);
        does(chart, new Gesture.Key(KeyCode.UP, true, false));
        does(chart, new Gesture.Key(KeyCode.DIGIT0, false, false));
        assertEquals(10, plot(chart).x().high() - plot(chart).x().low(), 1e-9);
        assertFalse(does(chart, new Gesture.Key(KeyCode.UP, false, false)));
    }

    @Test
    void yFollowsWhatIsSeen() {
        LineChart chart = new LineChart().axes(Axis.of("x"), Axis.of("y"))
                .series(List.of(LineSeries.of("a", new double[] {0, 1, 2, 3, 4}, new double[] {100, 1, 2, 3, 4}, 0)));
        assertEquals(100, plot(chart).y().high());
        does(chart, new Gesture.Wheel(plot(chart).right(), 100, 4, false));
        assertTrue(plot(chart).y().high() <= 5, "once the 100 is out of sight: " + plot(chart).y());
    }

    @Test
    void nothingToDrawDraws() {
        LineChart empty = new LineChart();
        Picture.of(empty, W, H);
        does(empty, new Gesture.Move(100, 100));
        does(empty, new Gesture.Click(100, 100, 1, false));
        does(empty, new Gesture.Key(KeyCode.RIGHT, false, false));
        does(empty, new Gesture.Wheel(100, 100, 1, false));
        Picture.of(empty, W, H);
        Picture.of(chart(LineSeries.of("a", new double[] {Double.NaN, Double.POSITIVE_INFINITY}, 0)), W, H);
        Picture.of(new LineChart().series(List.of(LineSeries.of("one", new double[] {7}, new double[] {7}, 0))), W, H);
        Picture.of(two(), 20, 20);
        assertThrows(IllegalArgumentException.class, () -> LineSeries.of("bad", new double[2], new double[3], 0));
    }

    @Test
    void csvHoldsEveryPointInFull() {
        LineChart chart = chart(LineSeries.of("a,b", new double[] {0, 1}, new double[] {0.1, Double.NaN}, 0), LineSeries.of("=c", new double[] {2}, new double[] {1e-12}, 1));
        assertEquals("series,step,share\r\n\"a,b\",0.0,0.1\r\n\"a,b\",1.0,NaN\r\n'=c,2.0,1.0E-12\r\n", chart.csv());
    }
}
