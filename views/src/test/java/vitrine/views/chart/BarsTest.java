package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

/// Split bars, lists of bars, histograms and sparklines.
class BarsTest {

    private static final Color CARD = Color.web("#161b22");
    private static final Color BLUE = Color.web("#50b9fe");
    private static final Color ORANGE = Color.web("#e69434");
    private static final Color PINK = Color.web("#e494ca");

    // --- a bar split into parts

    private static BarStack stack() {
        return new BarStack().parts(List.of(BarStack.Part.of("Query", 500, Palette.Kind.QUERY), BarStack.Part.of("Key", 300, Palette.Kind.KEY),
                BarStack.Part.of("Value", 200, Palette.Kind.VALUE)));
    }

    private static boolean does(Interactive figure, Gesture gesture) {
        return figure.handle(gesture, 400, 100, Picture.surface());
    }

    @Test
    void partsTakeTheirShares() {
        Picture p = Picture.of(stack(), 400, 100);
        assertEquals(BLUE, p.at(100, 10));
        assertEquals(BLUE, p.at(197, 10));
        assertEquals(ORANGE, p.at(202, 10));
        assertEquals(ORANGE, p.at(317, 10));
        assertEquals(PINK, p.at(322, 10));
        assertEquals(PINK, p.at(397, 10));
        assertEquals(CARD, p.at(199, 10), "a gap of one pixel");
        assertTrue(p.texts().containsAll(List.of("Query", "50.0\u2009%", "Key", "30.0\u2009%", "Value", "20.0\u2009%")), p.texts().toString());
    }

    @Test
    void aTinyPartIsStillSeen() {
        BarStack first = new BarStack().parts(List.of(BarStack.Part.of("Norms", 1, Palette.Kind.KEY), BarStack.Part.of("All", 1e9, Palette.Kind.QUERY)))
                .withoutList();
        BarStack middle = new BarStack().parts(List.of(BarStack.Part.of("A", 1e9, Palette.Kind.QUERY), BarStack.Part.of("Norms", 1, Palette.Kind.KEY),
                BarStack.Part.of("B", 1e9, Palette.Kind.QUERY))).withoutList();
        assertTrue(Picture.of(middle, 400, 20).holds(ORANGE, 195, 0, 10, 20), "in the middle");
        assertTrue(Picture.of(first, 400, 20).holds(ORANGE, 0, 0, 10, 20), "at the left end");
        BarStack last = new BarStack().parts(List.of(BarStack.Part.of("All", 1e9, Palette.Kind.QUERY), BarStack.Part.of("Norms", 1, Palette.Kind.KEY)))
                .withoutList();
        assertTrue(Picture.of(last, 400, 20).holds(ORANGE, 390, 0, 10, 20), "at the right end");
    }

    @Test
    void hoveringTellsThePartInTheBarAndInTheList() {
        BarStack stack = stack();
        does(stack, new Gesture.Move(250, 10));
        assertEquals(1, stack.hoveredProperty().get());
        assertEquals("Key; 300 30.0\u2009%", stack.description());
        assertTrue(Picture.of(stack, 400, 100).texts().contains("300"), "the exact value in place of the share");
        Picture.Word value = Picture.of(stack(), 400, 100).word("Value");
        does(stack, new Gesture.Move(value.x() + 5, value.y() - 4));
        assertEquals(2, stack.hoveredProperty().get());
        does(stack, new Gesture.Leave());
        assertEquals("3 parts of 1,000", stack.description());
        does(stack, new Gesture.Move(-3, 10));
        assertEquals(-1, stack.hoveredProperty().get());
    }

    @Test
    void aPartIsSelectedByClickAndArrowsAndReleasedByEscape() {
        BarStack stack = stack();
        assertTrue(does(stack, new Gesture.Click(250, 10, 1, false)));
        assertEquals(1, stack.selectedProperty().get());
        assertTrue(Picture.of(stack, 400, 100).inked(Color.web("#58a6ff"), 201, 0, 4, 20));
        does(stack, new Gesture.Key(KeyCode.RIGHT, false, false));
        does(stack, new Gesture.Key(KeyCode.RIGHT, false, false));
        assertEquals(2, stack.selectedProperty().get());
        does(stack, new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(1, stack.selectedProperty().get());
        assertTrue(does(stack, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertEquals(-1, stack.selectedProperty().get());
        assertFalse(does(stack, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        does(stack, new Gesture.Click(250, 10, 1, false));
        does(stack, new Gesture.Click(250, 10, 1, false));
        assertEquals(-1, stack.selectedProperty().get());
    }

    @Test
    void partsAsCsv() {
        assertEquals("part,value,share\r\nQuery,500,0.5\r\nKey,300,0.3\r\nValue,200,0.2\r\n", stack().csv());
        assertEquals("part,value,share\r\n'=x,-2,1.0\r\n", new BarStack().parts(List.of(BarStack.Part.of("=x", -2, Palette.Kind.KEY))).csv());
    }

    @Test
    void nothingHasNoShares() {
        BarStack zeros = new BarStack().parts(List.of(BarStack.Part.of("a", 0, Palette.Kind.KEY), BarStack.Part.of("b", 0, Palette.Kind.QUERY)));
        assertTrue(Picture.of(zeros, 400, 100).texts().contains("–"));
        does(zeros, new Gesture.Move(10, 10));
        assertFalse(zeros.description().contains("NaN"));
        Picture.of(zeros, 400, 100);
        Picture.of(new BarStack(), 400, 100);
        assertEquals("0 parts of 0", new BarStack().description());
    }

    // --- a list of bars

    private static BarList list() {
        return new BarList().longest(1).rows(List.of(new BarList.Row("·and", "26", 1, "1.0000", p -> p.categorical(0)),
                new BarList.Row("ben", "7", 0.5, "0.5000", p -> p.categorical(1)), new BarList.Row("none", "", Double.NaN, "–", p -> p.categorical(2))));
    }

    @Test
    void barsAreAsLongAsTheirValues() {
        Picture p = Picture.of(list(), 400, 78);
        int one = p.count(BLUE, 0, 13, 400, 1);
        int half = p.count(ORANGE, 0, 39, 400, 1);
        assertTrue(one > 150, one + " pixels");
        assertEquals(one / 2.0, half, 2);
        assertEquals(0, p.count(PINK, 0, 52, 400, 26));
        assertEquals(3 * 26, list().heightFor(400, Picture.surface()));
        assertTrue(p.texts().containsAll(List.of("·and", "26", "1.0000", "ben", "0.5000", "–")));
        assertEquals(400, p.word("0.5000").x());
        assertEquals(Pen.Align.RIGHT, p.word("0.5000").align());
    }

    @Test
    void theLargestValueIsTheLongestBarUnlessToldOtherwise() {
        BarList list = new BarList().rows(List.of(new BarList.Row("a", "", 4, "4", p -> p.categorical(0)), new BarList.Row("b", "", 2, "2", p -> p.categorical(1))));
        Picture p = Picture.of(list, 400, 52);
        assertEquals(p.count(BLUE, 0, 13, 400, 1) / 2.0, p.count(ORANGE, 0, 39, 400, 1), 2);
    }

    @Test
    void aReferenceIsMarkedAcrossEachBar() {
        Picture with = Picture.of(list().reference(0.25), 400, 78);
        Color mark = Color.web("#8b949e");
        assertTrue(with.count(mark, 100, 4, 200, 18) >= 12);
        assertEquals(0, Picture.of(list(), 400, 78).count(mark, 100, 4, 200, 18));
    }

    @Test
    void rowsAreChosenByPointerAndKeys() {
        BarList list = list();
        does(list, new Gesture.Move(200, 40));
        assertEquals("ben 7 0.5000", list.description());
        does(list, new Gesture.Leave());
        assertEquals("3 rows", list.description());
        does(list, new Gesture.Click(200, 40, 1, false));
        assertEquals(1, list.selectedProperty().get());
        assertEquals(Color.web("#58a6ff"), Picture.of(list, 400, 78).word("ben").colour());
        does(list, new Gesture.Key(KeyCode.DOWN, false, false));
        does(list, new Gesture.Key(KeyCode.DOWN, false, false));
        assertEquals(2, list.selectedProperty().get());
        does(list, new Gesture.Key(KeyCode.UP, false, false));
        assertEquals(1, list.selectedProperty().get());
        assertTrue(does(list, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertEquals(-1, list.selectedProperty().get());
        Picture.of(new BarList(), 400, 20);
        assertEquals("name,detail,value\r\n·and,26,1.0\r\nben,7,0.5\r\nnone,,NaN\r\n", list.csv());
    }

    // --- histograms

    private static Histogram histogram() {
        return new Histogram(-2, 2, new long[] {0, 10, 1_000_000, 500_000}, p -> p.categorical(0)).labelled();
    }

    @Test
    void binsAreAsHighAsTheirCountsAndASingleValueIsSeen() {
        Picture p = Picture.of(histogram(), 200, 118);
        // 100 pixels above the labels, 99 for the tallest; four bins of 50.
        assertEquals(0, p.count(BLUE, 0, 0, 49, 100));
        assertTrue(p.count(BLUE, 50, 98, 49, 2) >= 40, "ten beside a million: one pixel");
        assertEquals(0, p.count(BLUE, 50, 0, 49, 97));
        assertEquals(BLUE, p.at(125, 5));
        assertEquals(CARD, p.at(175, 45));
        assertEquals(BLUE, p.at(175, 55));
        assertTrue(p.texts().containsAll(List.of("−2.00", "2.00", "0")), p.texts().toString());
        assertEquals(100, p.word("0").x());
    }

    @Test
    void aBinTellsItsEdgesAndItsCount() {
        Histogram histogram = histogram();
        histogram.handle(new Gesture.Move(130, 20), 200, 118, Picture.surface());
        assertEquals("1,000,000 values; 0 to 1", histogram.description());
        assertTrue(Picture.of(histogram, 200, 118).texts().contains("1,000,000"));
        histogram.handle(new Gesture.Leave(), 200, 118, Picture.surface());
        assertEquals("Histogram of 4 bins from −2 to 2", histogram.description());
        assertEquals("from,to,values\r\n-2.0,-1.0,0\r\n-1.0,0.0,10\r\n0.0,1.0,1000000\r\n1.0,2.0,500000\r\n", histogram.csv());
    }

    @Test
    void arrowsGoFromBinToBin() {
        Histogram histogram = histogram();
        assertTrue(does(histogram, new Gesture.Key(KeyCode.RIGHT, false, false)));
        assertEquals(0, histogram.hoveredProperty().get());
        for (int i = 0; i < 9; i++) {
            does(histogram, new Gesture.Key(KeyCode.RIGHT, false, false));
        }
        assertEquals(3, histogram.hoveredProperty().get());
        does(histogram, new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(2, histogram.hoveredProperty().get());
        assertTrue(does(histogram, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertEquals(-1, histogram.hoveredProperty().get());
        assertFalse(does(histogram, new Gesture.Key(KeyCode.ESCAPE, false, false)));
    }

    @Test
    void aHistogramInATableRowAnswersNobody() {
        Histogram small = new Histogram(0, 1, new long[] {1, 2}, Palette::subtle);
        assertFalse(small.handle(new Gesture.Move(5, 5), 60, 20, Picture.surface()));
        assertEquals(List.of(), Picture.of(small, 60, 20).texts());
        assertEquals(Color.web("#6e7681"), Picture.of(small, 60, 20).at(45, 3));
    }

    // --- sparklines

    @Test
    void aSparklineReachesFromItsLeastToItsGreatestValue() {
        Picture p = Picture.of(new Sparkline(new double[] {5, 7, 5}, 0), 101, 30);
        assertTrue(p.inked(BLUE, 49, 0, 3, 4), "the greatest in the middle, on top");
        assertTrue(p.inked(BLUE, 0, 27, 3, 3), "the least at the left, below");
        assertFalse(p.inked(BLUE, 0, 0, 20, 10));
    }

    @Test
    void gapsAndNothingDraw() {
        Picture p = Picture.of(new Sparkline(new double[] {1, 1, Double.NaN, Double.NaN, 1, 1}, 0), 101, 30);
        assertEquals(Set.of(CARD), p.colours(24, 1, 50, 28));
        assertNotEquals(Set.of(CARD), p.colours(1, 1, 15, 28));
        assertEquals(Set.of(CARD), Picture.of(new Sparkline(new double[] {Double.NaN}, 0), 101, 30).colours(0, 0, 101, 30));
        Picture.of(new Sparkline(new double[0], 0), 101, 30);
        Picture.of(new Sparkline(new double[] {3}, 0), 101, 30);
    }
}
