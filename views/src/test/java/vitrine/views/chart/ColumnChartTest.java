package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

class ColumnChartTest {

    private static final Color BLUE = Color.web("#50b9fe");
    private static final Color ORANGE = Color.web("#e69434");
    private static final double W = 440;
    private static final double H = 260;

    /// The plot between 0 and 10: found by the words at its ticks.
    private record Places(double left, double slot, double zero, double ten) {

        static Places of(Picture p, int columns) {
            double zero = p.word("0").y() - TextStyle.CAPTION.middleToBaseline();
            double ten = p.word("10").y() - TextStyle.CAPTION.middleToBaseline();
            double left = p.word("nats").x();
            return new Places(left, (W - 4 - left) / columns, zero, ten);
        }

        double x(double column) {
            return left + column * slot;
        }

        double y(double value) {
            return zero + (ten - zero) * value / 10;
        }
    }

    private static ColumnChart chart(ColumnChart.Series... series) {
        return new ColumnChart().categories(List.of("a", "b", "c", "d"), "token").series(List.of(series), Axis.of("nats").between(0, 10), Numbers::loss);
    }

    @Test
    void columnsReachTheirValues() {
        Picture p = Picture.of(chart(ColumnChart.Series.of("A", new double[] {5, 10, 0, Double.NaN}, 0)), W, H);
        Places at = Places.of(p, 4);
        assertEquals(BLUE, p.at(at.x(0.5), at.y(4.8)));
        assertNotEquals(BLUE, p.at(at.x(0.5), at.y(5.2)));
        assertEquals(BLUE, p.at(at.x(0.5), at.y(0.2)));
        assertEquals(BLUE, p.at(at.x(1.5), at.y(9.8)));
        assertEquals(0, p.count(BLUE, at.x(3), at.ten, at.slot, at.zero - at.ten), "no column for what is not a number");
    }

    @Test
    void seriesStandSideBySide() {
        Picture p = Picture.of(chart(ColumnChart.Series.of("A", new double[] {8, 8, 8, 8}, 0), ColumnChart.Series.of("B", new double[] {3, 3, 3, 3}, 1)), W, H);
        Places at = Places.of(p, 4);
        assertEquals(BLUE, p.at(at.x(0.3), at.y(2)));
        assertEquals(ORANGE, p.at(at.x(0.7), at.y(2)));
        assertNotEquals(ORANGE, p.at(at.x(0.7), at.y(4)));
    }

    @Test
    void stackedSeriesStandOnEachOther() {
        Picture p = Picture.of(chart(ColumnChart.Series.of("A", new double[] {4, 1, 1, 1}, 0), ColumnChart.Series.of("B", new double[] {6, 1, 1, 1}, 1)).stacked(), W, H);
        Places at = Places.of(p, 4);
        assertEquals(BLUE, p.at(at.x(0.3), at.y(3.8)));
        assertEquals(ORANGE, p.at(at.x(0.3), at.y(4.3)));
        assertEquals(ORANGE, p.at(at.x(0.3), at.y(9.7)));
        // Parts taller than 60 pixels say their value: 10 units take some 200.
        assertTrue(p.texts().containsAll(List.of("4.0000", "6.0000")));
        assertFalse(p.texts().contains("1.0000"));
    }

    @Test
    void aFittedAxisHoldsTheSumOfAStackAndStartsAtZero() {
        ColumnChart chart = new ColumnChart().categories(List.of("a"), "").series(List.of(ColumnChart.Series.of("A", new double[] {30}, 0),
                ColumnChart.Series.of("B", new double[] {60}, 1)), Axis.of("y"), Numbers::general).stacked();
        List<String> texts = Picture.of(chart, W, H).texts();
        assertTrue(texts.contains("0") && texts.contains("100"), texts.toString());
    }

    @Test
    void whatACutWouldDropIsFaint() {
        Picture p = Picture.of(chart(ColumnChart.Series.of("A", new double[] {5, 5, 5, 5}, 0)).dimmedFrom(2), W, H);
        Places at = Places.of(p, 4);
        assertEquals(BLUE, p.at(at.x(1.5), at.y(1)));
        assertNotEquals(BLUE, p.at(at.x(2.5), at.y(1)));
        assertNotEquals(Color.web("#161b22"), p.at(at.x(2.5), at.y(1)));
    }

    private static boolean does(ColumnChart chart, Gesture gesture) {
        return chart.handle(gesture, W, H, Picture.surface());
    }

    @Test
    void hoveringTellsAllSeries() {
        ColumnChart chart = chart(ColumnChart.Series.of("A", new double[] {5, 10, 0, Double.NaN}, 0), ColumnChart.Series.of("B", new double[] {1, 2, 3, 4}, 1));
        Places at = Places.of(Picture.of(chart, W, H), 4);
        does(chart, new Gesture.Move(at.x(1.5), at.y(1)));
        assertEquals(1, chart.hoveredProperty().get());
        assertEquals("b token; A 10.0000; B 2.0000", chart.description());
        does(chart, new Gesture.Move(at.x(3.5), at.y(1)));
        assertEquals("d token; A – (not a number); B 4.0000", chart.description());
        does(chart, new Gesture.Leave());
        assertEquals("nats, 4 columns", chart.description());
        does(chart, new Gesture.Move(1, 1));
        assertEquals(-1, chart.hoveredProperty().get());
    }

    @Test
    void aClickSelectsArrowsMoveEscapeReleases() {
        ColumnChart chart = chart(ColumnChart.Series.of("A", new double[] {5, 10, 0, 1}, 0));
        Places at = Places.of(Picture.of(chart, W, H), 4);
        does(chart, new Gesture.Click(at.x(2.5), at.y(1), 1, false));
        assertEquals(2, chart.selectedProperty().get());
        assertEquals(Color.web("#58a6ff"), Picture.of(chart, W, H).word("c").colour());
        does(chart, new Gesture.Key(KeyCode.RIGHT, false, false));
        does(chart, new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(3, chart.selectedProperty().get());
        does(chart, new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(2, chart.selectedProperty().get());
        assertTrue(does(chart, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertEquals(-1, chart.selectedProperty().get());
        assertFalse(does(chart, new Gesture.Key(KeyCode.ESCAPE, false, false)));
    }

    @Test
    void csvHoldsAllSeries() {
        ColumnChart chart = chart(ColumnChart.Series.of("A", new double[] {5, 10, 0, Double.NaN}, 0), ColumnChart.Series.of("-B", new double[] {1, 2, 3, 4}, 1));
        assertEquals("token,A,'-B\r\na,5.0,1.0\r\nb,10.0,2.0\r\nc,0.0,3.0\r\nd,NaN,4.0\r\n", chart.csv());
    }

    @Test
    void nothingToDrawDraws() {
        ColumnChart empty = new ColumnChart();
        Picture.of(empty, W, H);
        does(empty, new Gesture.Key(KeyCode.LEFT, false, false));
        does(empty, new Gesture.Key(KeyCode.RIGHT, false, false));
        Picture.of(empty, W, H);
        Picture.of(chart(ColumnChart.Series.of("A", new double[] {0, 0, 0, 0}, 0)), W, H);
        Picture.of(chart(ColumnChart.Series.of("A", new double[] {0, 0, 0, 0}, 0)), 3, 3);
    }
}
