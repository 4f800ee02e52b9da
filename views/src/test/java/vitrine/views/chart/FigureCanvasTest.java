package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import javafx.beans.Observable;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.StackPane;
import javafx.scene.paint.Color;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import vitrine.views.control.Themes;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.Pointer;

/// The node around a figure: when it draws, in which look, and which gestures it makes of events.
class FigureCanvasTest {

    /// Remembers what it was asked.
    private static final class Probe implements Interactive {

        final SimpleIntegerProperty input = new SimpleIntegerProperty();
        final List<Gesture> gestures = new ArrayList<>();
        final List<Theme> draws = new ArrayList<>();
        boolean answers = true;

        @Override
        public void draw(Pen pen, double width, double height, Theme theme) {
            draws.add(theme);
            pen.fillRect(0, 0, width, height, theme == Theme.DARK ? Color.NAVY : Color.GOLD);
        }

        @Override
        public List<Observable> inputs() {
            return List.of(input);
        }

        @Override
        public boolean handle(Gesture gesture, double width, double height, Surface surface) {
            gestures.add(gesture);
            return answers;
        }

        @Override
        public String description() {
            return "value " + input.get();
        }
    }

    private final Probe probe = new Probe();
    private FigureCanvas canvas;
    private Stage stage;

    private void show(Theme theme) {
        canvas = FxThread.get(() -> new FigureCanvas(probe));
        stage = FxThread.show(new StackPane(canvas), 200, 100, theme);
        probe.gestures.clear();
        probe.draws.clear();
    }

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
    }

    @Test
    void manyChangesMakeOneDrawing() {
        show(Theme.DARK);
        FxThread.run(() -> {
            for (int i = 1; i <= 100; i++) {
                probe.input.set(i);
            }
        });
        FxThread.pulse();
        assertEquals(1, probe.draws.size());
        assertEquals("value 100", FxThread.get(() -> canvas.getAccessibleText()));
        FxThread.pulse();
        assertEquals(1, probe.draws.size(), "nothing changed, nothing is drawn");
    }

    @Test
    void theStylesheetSetsTheLook() {
        show(Theme.LIGHT);
        FxThread.run(() -> probe.input.set(1));
        FxThread.pulse();
        assertEquals(List.of(Theme.LIGHT), probe.draws);
        assertEquals(Color.GOLD, pixel());
    }

    @Test
    void anotherLookIsDrawnAtOnce() {
        Themes themes = FxThread.get(() -> new Themes(Theme.DARK));
        canvas = FxThread.get(() -> new FigureCanvas(probe));
        stage = FxThread.get(() -> {
            Stage s = new Stage();
            s.setScene(new javafx.scene.Scene(new StackPane(canvas), 200, 100));
            themes.dress(s.getScene());
            s.show();
            return s;
        });
        FxThread.pulse();
        assertEquals(Color.NAVY, pixel());
        FxThread.run(() -> themes.themeProperty().set(Theme.LIGHT));
        FxThread.pulse();
        assertEquals(Color.GOLD, pixel());
        // For an export in the other look: there while it lasts, gone after.
        int meanwhile = FxThread.get(() -> themes.during(Theme.DARK, stage.getScene(), () -> ScenePng.take(canvas, 2).getRGB(100, 50)));
        assertEquals(0xff000080, meanwhile);
        FxThread.pulse();
        assertEquals(Color.GOLD, pixel());
    }

    private Color pixel() {
        return FxThread.get(() -> stage.getScene().snapshot(null).getPixelReader().getColor(100, 50));
    }

    @Test
    void interactiveFiguresAreReachedByTabOthersAreNot() {
        show(Theme.DARK);
        assertTrue(FxThread.get(canvas::isFocusTraversable));
        assertFalse(FxThread.get(() -> new FigureCanvas(new Sparkline(new double[] {1}, 0)).isFocusTraversable()));
    }

    // --- gestures

    @Test
    void pressingAndReleasingAtOnePlaceIsAClick() {
        show(Theme.DARK);
        FxThread.run(() -> Pointer.click(canvas, 30, 40));
        assertEquals(List.of(new Gesture.Press(30, 40), new Gesture.Click(30, 40, 1, false)), probe.gestures);
        assertTrue(FxThread.get(canvas::isFocused), "it takes the focus");
        probe.gestures.clear();
        FxThread.run(() -> Pointer.shiftClick(canvas, 31, 41));
        assertEquals(new Gesture.Click(31, 41, 1, true), probe.gestures.getLast());
        FxThread.run(() -> Pointer.doubleClick(canvas, 31, 41));
        assertEquals(new Gesture.Click(31, 41, 2, false), probe.gestures.getLast());
    }

    @Test
    void aTremblingHandClicksAMovingOneDrags() {
        show(Theme.DARK);
        FxThread.run(() -> Pointer.drag(canvas, 30, 40, 32, 42));
        assertInstanceOf(Gesture.Click.class, probe.gestures.getLast());
        assertTrue(probe.gestures.stream().noneMatch(g -> g instanceof Gesture.Drag));
        probe.gestures.clear();
        FxThread.run(() -> Pointer.drag(canvas, 30, 40, 130, 60));
        assertEquals(new Gesture.Drop(130, 60, 30, 40), probe.gestures.getLast());
        List<Gesture.Drag> drags = probe.gestures.stream().filter(Gesture.Drag.class::isInstance).map(Gesture.Drag.class::cast).toList();
        // The steps add up to the whole way, the slack included.
        assertEquals(100, drags.stream().mapToDouble(Gesture.Drag::dx).sum(), 1e-9);
        assertEquals(20, drags.stream().mapToDouble(Gesture.Drag::dy).sum(), 1e-9);
        assertTrue(drags.stream().allMatch(d -> d.startX() == 30 && d.startY() == 40));
    }

    @Test
    void movingLeavingWheelAndKeysArePassedOn() {
        show(Theme.DARK);
        FxThread.run(() -> {
            Pointer.move(canvas, 10, 20);
            Pointer.leave(canvas);
            Pointer.wheel(canvas, 50, 60, -2);
            Pointer.key(canvas, KeyCode.UP, true, false);
        });
        assertEquals(List.of(new Gesture.Move(10, 20), new Gesture.Leave(), new Gesture.Wheel(50, 60, -2, false), new Gesture.Key(KeyCode.UP, true, false)),
                probe.gestures);
    }

    @Test
    void whatTheFigureDoesNotUnderstandIsLeftToOthers() {
        show(Theme.DARK);
        List<KeyCode> around = new ArrayList<>();
        FxThread.run(() -> stage.getScene().getRoot().addEventHandler(javafx.scene.input.KeyEvent.KEY_PRESSED, e -> around.add(e.getCode())));
        FxThread.run(() -> Pointer.key(canvas, KeyCode.A));
        assertEquals(List.of(), around);
        probe.answers = false;
        FxThread.run(() -> Pointer.key(canvas, KeyCode.B));
        assertEquals(List.of(KeyCode.B), around);
    }
}
