package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;

/// Bands between columns: as thick as their amount, and told under the pointer.
class FlowTest {

    private static final double W = 212;
    private static final double H = 223;

    /// 30 tokens from place 0 stay at 0, 70 go to 1; place 1 is empty in the first column.
    private static Flow flow() {
        return new Flow().colours((c, n) -> p -> n == 0 ? Color.RED : Color.BLUE)
                .show(List.of("layer 0", "layer 1"), new double[][] {{100, 0}, {30, 70}}, List.of(new Flow.Band(0, 0, 1, 70), new Flow.Band(0, 0, 0, 30)));
    }

    private static boolean does(Flow flow, Gesture gesture) {
        return flow.handle(gesture, W, H, Picture.surface());
    }

    @Test
    void placesAreAsTallAsTheirAmount() {
        Picture p = Picture.of(flow(), W, H);
        // Columns begin 20 pixels down; 200 pixels are shared by 100 tokens, places are 3 apart.
        assertEquals(Color.RED, p.at(6, 22));
        assertEquals(Color.RED, p.at(6, 210));
        assertEquals(Color.RED, p.at(206, 22));
        assertEquals(Color.RED, p.at(206, 76));
        assertEquals(Color.BLUE, p.at(206, 90));
        assertTrue(p.texts().containsAll(List.of("layer 0", "layer 1")));
    }

    @Test
    void aBandIsToldUnderThePointer() {
        Flow flow = flow();
        does(flow, new Gesture.Move(30, 50));
        assertEquals(1, flow.hoveredBandProperty().get(), "at the left end the band to place 0 is the upper one, 60 pixels thick");
        does(flow, new Gesture.Move(30, 120));
        assertEquals(0, flow.hoveredBandProperty().get());
        does(flow, new Gesture.Move(6, 50));
        assertEquals(new Cell(0, 0), flow.hoveredProperty().get());
        assertEquals(-1, flow.hoveredBandProperty().get());
        does(flow, new Gesture.Leave());
        assertNull(flow.hoveredProperty().get());
    }

    @Test
    void aClickSelectsAPlaceAndArrowsMove() {
        Flow flow = flow();
        assertTrue(does(flow, new Gesture.Click(206, 100, 1, false)));
        assertEquals(new Cell(1, 1), flow.selectedProperty().get());
        does(flow, new Gesture.Key(KeyCode.UP, false, false));
        does(flow, new Gesture.Key(KeyCode.LEFT, false, false));
        assertEquals(new Cell(0, 0), flow.selectedProperty().get());
        assertTrue(does(flow, new Gesture.Key(KeyCode.ESCAPE, false, false)));
        assertNull(flow.selectedProperty().get());
    }

    @Test
    void theNumbersAreAsCsv() {
        assertEquals(List.of("from,place,to,place,amount", "layer 0,0,layer 1,1,70", "layer 0,0,layer 1,0,30"), flow().csv().lines().map(l -> l.replace(".0", "")).toList());
    }
}
