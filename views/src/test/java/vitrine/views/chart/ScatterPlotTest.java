package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

class ScatterPlotTest {

    private static final double W = 400;
    private static final double H = 260;
    private static final Color BLUE = Color.web("#50b9fe");
    private static final Color ORANGE = Color.web("#e69434");

    private static ScatterPlot plot(ScatterPlot.Point... points) {
        return new ScatterPlot().axes(Axis.of("distance, tokens").between(0, 10), Axis.of("entropy").between(0, 1)).points(List.of(points));
    }

    private static ScatterPlot three() {
        return plot(new ScatterPlot.Point(2, 0.25, 0, "layer 0, head 0"), new ScatterPlot.Point(8, 0.75, 1, "layer 1, head 0"),
                new ScatterPlot.Point(5, 0.5, 1, "layer 1, head 1"));
    }

    /// Where a value lies, by the words at the ticks.
    private static double[] at(Picture p, double x, double y) {
        double x0 = p.word("0").x();
        double x10 = p.word("10").x();
        double y0 = p.word("0.0").y() - TextStyle.CAPTION.middleToBaseline();
        double y1 = p.word("1.0").y() - TextStyle.CAPTION.middleToBaseline();
        return new double[] {x0 + (x10 - x0) * x / 10, y0 + (y1 - y0) * y};
    }

    private static boolean does(ScatterPlot plot, Gesture gesture) {
        return plot.handle(gesture, W, H, Picture.surface());
    }

    @Test
    void pointsLieAtTheirValuesInTheirGroupsColourAndShape() {
        Picture p = Picture.of(three(), W, H);
        double[] a = at(p, 2, 0.25);
        double[] b = at(p, 8, 0.75);
        assertEquals(BLUE, p.at(a[0], a[1]));
        assertEquals(ORANGE, p.at(b[0], b[1]));
        // A disc has no corners, a square has.
        assertFalse(p.holds(BLUE, a[0] - 3, a[1] - 3, 1, 1));
        assertTrue(Picture.near(ORANGE, p.at(b[0] - 2, b[1] - 2)));
    }

    @Test
    void whatLiesBeyondTheAxesIsATriangleAtTheEdgeAndWhatIsNotANumberIsNotDrawn() {
        Picture p = Picture.of(plot(new ScatterPlot.Point(5, 3, 0, "high"), new ScatterPlot.Point(5, Double.NaN, 1, "none")), W, H);
        double[] top = at(p, 5, 1);
        assertTrue(p.count(BLUE, top[0] - 4, top[1], 8, 5) > 5);
        assertEquals(0, p.count(ORANGE, 0, 0, W, H));
    }

    @Test
    void thePointerPeeksAtTheNearestWithinReach() {
        ScatterPlot plot = three();
        double[] a = at(Picture.of(plot, W, H), 2, 0.25);
        does(plot, new Gesture.Move(a[0] + 9, a[1] + 9));
        assertEquals(0, plot.hoveredProperty().get());
        assertEquals(0, plot.hoveredGroupProperty().get());
        assertEquals("layer 0, head 0; 2 distance, tokens; 0.25 entropy", plot.description());
        assertTrue(Picture.of(plot, W, H).texts().contains("layer 0, head 0"));
        does(plot, new Gesture.Move(a[0] + 20, a[1]));
        assertEquals(-1, plot.hoveredProperty().get());
        assertEquals(-1, plot.hoveredGroupProperty().get());
        assertEquals("entropy against distance, tokens, 3 points", plot.description());
    }

    @Test
    void otherGroupsFade() {
        ScatterPlot plot = three();
        plot.hoveredGroupProperty().set(1);
        Picture p = Picture.of(plot, W, H);
        double[] a = at(p, 2, 0.25);
        double[] b = at(p, 8, 0.75);
        assertNotEquals(BLUE, p.at(a[0], a[1]));
        assertNotEquals(Color.web("#161b22"), p.at(a[0], a[1]));
        assertEquals(ORANGE, p.at(b[0], b[1]));
    }

    @Test
    void aClickSelectsArrowsMoveEscapeReleases() {
        ScatterPlot plot = three();
        double[] b = at(Picture.of(plot, W, H), 8, 0.75);
        assertTrue(does(plot, new Gesture.Click(b[0], b[1], 1, false)));
        assertEquals(1, plot.selectedProperty().get());
        Color accent = Color.web("#58a6ff");
        assertTrue(Picture.of(plot, W, H).holds(accent, b[0] - 8, b[1] - 2, 2, 4), "a ring of radius 7");
        does(plot, new Gesture.Key(KeyCode.RIGHT, false, false));
        does(plot, new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(2, plot.selectedProperty().get());
        does(plot, new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(1, plot.selectedProperty().get());
        assertTrue(does(plot, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertFalse(does(plot, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertFalse(does(plot, new Gesture.Click(2, 2, 1, false)));
        assertEquals(-1, plot.selectedProperty().get());
    }

    @Test
    void fewerPointsThanBeforeDraw() {
        ScatterPlot plot = three();
        plot.hoveredProperty().set(2);
        plot.selectedProperty().set(2);
        plot.points(List.of(new ScatterPlot.Point(1, 1, 0, "alone")));
        Picture.of(plot, W, H);
        assertTrue(plot.description().startsWith("entropy against distance, tokens, 1 point"), plot.description());
        does(plot, new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(0, plot.selectedProperty().get());
        Picture.of(new ScatterPlot(), W, H);
        does(new ScatterPlot(), new Gesture.Key(KeyCode.RIGHT, false, false));
        does(new ScatterPlot(), new Gesture.Move(50, 50));
    }

    @Test
    void csvHoldsEveryPoint() {
        assertEquals("name,group,\"distance, tokens\",entropy\r\n\"layer 0, head 0\",0,2.0,0.25\r\n\"layer 1, head 0\",1,8.0,0.75\r\n\"layer 1, head 1\",1,5.0,0.5\r\n",
                three().csv());
    }
}
