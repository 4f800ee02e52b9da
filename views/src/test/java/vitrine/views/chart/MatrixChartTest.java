package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

/// Small matrices with their values, and the legend that belongs to every colour scale.
class MatrixChartTest {

    private static final double W = 300;
    private static final double H = 220;

    /// Cells of 44 by 32 pixels, no labels.
    private static MatrixChart bare() {
        return new MatrixChart().withoutLegend().legend("cosine").show(Cells.of(2, 3, new float[] {0, 0.5f, 1, Cells.NONE, Float.NaN, 0.25f}), Scale.linear(0, 1));
    }

    private static boolean does(MatrixChart chart, Gesture gesture) {
        return chart.handle(gesture, W, H, Picture.surface());
    }

    @Test
    void cellsHaveColoursAndValues() {
        Picture p = Picture.of(bare(), W, H);
        assertEquals(Color.web("#440154"), p.at(8, 8));
        assertEquals(Color.web("#21918c"), p.at(44 + 8, 8));
        assertEquals(Color.web("#fde725"), p.at(88 + 8, 8));
        assertEquals(List.of("0", ".50", "1", ".25"), p.texts());
        assertEquals(Color.web("#0d1117"), p.word(".50").colour());
        assertEquals(Color.WHITE, p.word(".25").colour());
        assertEquals(1, p.colours(8, 32 + 8, 28, 16).size(), "an empty cell is empty");
        assertTrue(!p.holds(Color.web("#440154"), 0, 33, 43, 30));
        assertTrue(p.inked(Color.web("#f85149"), 46, 34, 40, 28), "what is not a number is hatched");
    }

    @Test
    void theReadOutTellsLabelsAndValue() {
        MatrixChart chart = bare();
        does(chart, new Gesture.Move(60, 10));
        assertEquals(new Cell(0, 1), chart.hoveredProperty().get());
        assertEquals("0 × 1; 0.5 cosine", chart.description());
        does(chart, new Gesture.Move(60, 40));
        assertEquals("1 × 1; – (not a number) cosine", chart.description());
        does(chart, new Gesture.Move(10, 40));
        assertEquals("cosine, 2 by 3", chart.description(), "nothing to tell about an empty cell");
        does(chart, new Gesture.Move(200, 10));
        assertNull(chart.hoveredProperty().get());
    }

    @Test
    void labelsStandBesideAndBelowOrAbove() {
        MatrixChart chart = bare().labels(List.of("r0", "r1"), List.of("a", "b", "c"));
        Picture below = Picture.of(chart, W, H);
        assertTrue(below.word("a").y() > 64 && below.word("r0").x() < below.word("a").x());
        Picture above = Picture.of(chart.labelsOnTop(), W, H);
        assertTrue(above.word("a").y() < 20);
        assertTrue(above.word("r0").y() > above.word("a").y());
    }

    @Test
    void aClickSelectsArrowsMoveEscapeReleases() {
        MatrixChart chart = bare();
        assertTrue(does(chart, new Gesture.Click(60, 10, 1, false)));
        assertEquals(new Cell(0, 1), chart.selectedProperty().get());
        for (KeyCode code : List.of(KeyCode.DOWN, KeyCode.DOWN, KeyCode.RIGHT, KeyCode.RIGHT)) {
            does(chart, new Gesture.Key(code, false, false));
        }
        assertEquals(new Cell(1, 2), chart.selectedProperty().get());
        does(chart, new Gesture.Key(KeyCode.UP, false, false));
        does(chart, new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(new Cell(0, 1), chart.selectedProperty().get());
        assertTrue(does(chart, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertNull(chart.selectedProperty().get());
        assertFalse(does(chart, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        does(chart, new Gesture.Click(60, 10, 1, false));
        does(chart, new Gesture.Click(60, 10, 1, false));
        assertNull(chart.selectedProperty().get());
    }

    /// Another checkpoint may have fewer layers while the pointer rests on the chart.
    @Test
    void aSmallerMatrixForgetsCellsThatAreNotThereAnyMore() {
        MatrixChart chart = bare();
        chart.hoveredProperty().set(new Cell(1, 2));
        chart.selectedProperty().set(new Cell(1, 2));
        chart.show(Cells.of(1, 1, new float[] {0.5f}), Scale.linear(0, 1));
        Picture.of(chart, W, H);
        assertEquals("cosine, 1 by 1", chart.description());
        assertNull(chart.selectedProperty().get());
        MatrixChart kept = bare();
        kept.selectedProperty().set(new Cell(0, 1));
        kept.show(Cells.of(2, 3, new float[6]), Scale.linear(0, 1));
        assertEquals(new Cell(0, 1), kept.selectedProperty().get());
    }

    @Test
    void nothingToDrawDraws() {
        MatrixChart empty = new MatrixChart();
        Picture.of(empty, W, H);
        does(empty, new Gesture.Move(10, 10));
        does(empty, new Gesture.Key(KeyCode.DOWN, false, false));
        Picture.of(bare(), 1, 1);
    }

    @Test
    void csvIsTheMatrix() {
        assertEquals(",a,b,c\r\n0,0.0,0.5,1.0\r\n1,,NaN,0.25\r\n", bare().labels(List.of(), List.of("a", "b", "c")).csv());
    }

    // --- legends

    @Test
    void aLegendShowsEndsMiddleNameAndKindOfScale() {
        Picture p = Picture.of(new Legend("attention weight", Scale.sqrt(0, 1)), 400, 24);
        assertEquals(List.of("attention weight, √ scale", "0", "0.25", "1"), p.texts());
        double left = p.word("0").x();
        double right = left + 180;
        for (double place : new double[] {0.02, 0.25, 0.5, 0.75, 0.98}) {
            Color shown = p.at(left + place * 180, 3);
            // To a pixel of the bar.
            assertTrue(java.util.stream.IntStream.rangeClosed(-1, 1).anyMatch(i -> Picture.near(Palette.of(Theme.DARK).sequential(place + i / 180.0), shown)),
                    shown + " at " + place);
        }
        // 0.25 stands at the middle of the bar, where its colour is.
        Surface surface = Picture.surface();
        assertEquals(left + 90, p.word("0.25").x() + surface.textWidth("0.25", TextStyle.CAPTION) / 2, 1);
        assertEquals(right, p.word("1").x() + surface.textWidth("1", TextStyle.CAPTION), 1, "the last label ends with the bar");
    }

    @Test
    void legendsOfOtherScales() {
        assertEquals(List.of("share", "0", "0.5", "1"), Picture.of(new Legend("share", Scale.linear(0, 1)), 400, 24).texts());
        assertEquals(List.of("difference", "−0.4", "0", "+0.4"), Picture.of(new Legend("difference", Scale.diverging(0.4)), 400, 24).texts());
        assertEquals(List.of("load, log₂", "⅛", "1", "8"), Picture.of(new Legend("load", Scale.load()), 400, 24).texts());
        List<String> log = Picture.of(new Legend("weight", Scale.log(1)), 400, 24).texts();
        assertEquals("weight, log", log.getFirst());
        assertEquals("10⁻⁴", log.get(1));
        assertEquals("1", log.getLast());
    }

    @Test
    void labelsOfALegendNeverTouch() {
        for (double width : new double[] {90, 120, 150, 300}) {
            for (Scale scale : List.of(Scale.log(1), Scale.sqrt(0, 123.45), Scale.linear(-0.123, 0.456), Scale.diverging(0.001))) {
                Picture p = Picture.of(new Legend("", scale), width, 24);
                double clear = -1;
                for (Picture.Word word : p.words()) {
                    assertTrue(word.x() > clear, scale + " in " + width + ": " + p.texts());
                    clear = word.x() + Picture.surface().textWidth(word.text(), word.style());
                }
                assertTrue(clear <= Math.max(width, 90) + 1, scale + " in " + width + ": ends at " + clear);
            }
        }
    }

    @Test
    void withoutRoomTheNameStandsAbove() {
        Legend legend = new Legend("attention weight", Scale.sqrt(0, 1));
        assertEquals(24, legend.heightFor(400, Picture.surface()));
        assertEquals(40, legend.heightFor(120, Picture.surface()));
        assertTrue(Picture.of(legend, 120, 40).word("0").y() > 30);
    }

    // --- keys

    @Test
    void aKeyShowsASampleAndANameForEachSeries() {
        SeriesKey key = new SeriesKey().add("train", SeriesKey.Sample.LINE, 0).add("validation", SeriesKey.Sample.DASHED, 1).add("expert", SeriesKey.Sample.SQUARE, 2);
        Picture p = Picture.of(key, 400, 18);
        assertEquals(List.of("train", "validation", "expert"), p.texts());
        assertTrue(p.inked(Color.web("#50b9fe"), 0, 6, 18, 6));
        assertTrue(p.holds(Color.web("#e494ca"), p.word("expert").x() - 15, 5, 8, 8));
        assertEquals("Key: train, validation, expert", key.description());
        assertEquals(18, key.heightFor(400, Picture.surface()));
        assertEquals(54, key.heightFor(60, Picture.surface()), "each on its own line");
        assertTrue(Set.of("train").containsAll(Picture.of(key, 60, 54).texts().subList(0, 1)));
    }
}
