package vitrine.views.testing;

import javafx.event.EventTarget;
import javafx.event.EventType;
import javafx.geometry.Point2D;
import javafx.scene.Node;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseButton;
import javafx.scene.input.MouseEvent;
import javafx.scene.input.PickResult;
import javafx.scene.input.ScrollEvent;

/// What a reader does with pointer and keys, as events of a node: the same every time, whatever lies under a real pointer.
public final class Pointer {

    private Pointer() {}

    public static void move(Node node, double x, double y) {
        mouse(node, MouseEvent.MOUSE_MOVED, x, y, MouseButton.NONE, 0, false);
    }

    public static void leave(Node node) {
        mouse(node, MouseEvent.MOUSE_EXITED, -1, -1, MouseButton.NONE, 0, false);
    }

    public static void click(Node node, double x, double y) {
        click(node, x, y, 1, false);
    }

    public static void shiftClick(Node node, double x, double y) {
        click(node, x, y, 1, true);
    }

    public static void doubleClick(Node node, double x, double y) {
        click(node, x, y, 1, false);
        click(node, x, y, 2, false);
    }

    private static void click(Node node, double x, double y, int count, boolean shift) {
        press(node, x, y, count, shift);
        mouse(node, MouseEvent.MOUSE_RELEASED, x, y, MouseButton.PRIMARY, count, shift);
        mouse(node, MouseEvent.MOUSE_CLICKED, x, y, MouseButton.PRIMARY, count, shift);
    }

    private static void press(Node node, double x, double y, int count, boolean shift) {
        mouse(node, MouseEvent.MOUSE_PRESSED, x, y, MouseButton.PRIMARY, count, shift);
    }

    /// Presses at one place, moves in ten steps, and releases at another.
    public static void drag(Node node, double fromX, double fromY, double toX, double toY) {
        press(node, fromX, fromY, 1, false);
        for (int i = 1; i <= 10; i++) {
            mouse(node, MouseEvent.MOUSE_DRAGGED, fromX + (toX - fromX) * i / 10, fromY + (toY - fromY) * i / 10, MouseButton.PRIMARY, 1, false);
        }
        mouse(node, MouseEvent.MOUSE_RELEASED, toX, toY, MouseButton.PRIMARY, 1, false);
    }

    private static void mouse(Node node, EventType<MouseEvent> type, double x, double y, MouseButton button, int count, boolean shift) {
        Point2D scene = node.localToScene(x, y);
        Point2D screen = node.localToScreen(x, y);
        boolean down = button == MouseButton.PRIMARY && type != MouseEvent.MOUSE_RELEASED && type != MouseEvent.MOUSE_CLICKED;
        node.fireEvent(new MouseEvent(type, scene.getX(), scene.getY(), screen.getX(), screen.getY(), button, count, shift, false, false, false, down, false,
                false, false, false, true, new PickResult(node, scene.getX(), scene.getY())));
    }

    /// Turns the wheel, away from the reader where positive.
    public static void wheel(Node node, double x, double y, double notches) {
        Point2D scene = node.localToScene(x, y);
        Point2D screen = node.localToScreen(x, y);
        node.fireEvent(new ScrollEvent(ScrollEvent.SCROLL, scene.getX(), scene.getY(), screen.getX(), screen.getY(), false, false, false, false, false, false, 0,
                40 * notches, 0, 40 * notches, ScrollEvent.HorizontalTextScrollUnits.NONE, 0, ScrollEvent.VerticalTextScrollUnits.NONE, 0, 0,
                new PickResult(node, scene.getX(), scene.getY())));
    }

    public static void key(EventTarget target, KeyCode code) {
        key(target, code, false, false);
    }

    /// @param shortcut whether Ctrl (Cmd on macOS) is held
    public static void key(EventTarget target, KeyCode code, boolean shift, boolean shortcut) {
        boolean mac = System.getProperty("os.name", "").startsWith("Mac");
        javafx.event.Event.fireEvent(target, new KeyEvent(KeyEvent.KEY_PRESSED, "", "", code, shift, shortcut && !mac, false, shortcut && mac));
        javafx.event.Event.fireEvent(target, new KeyEvent(KeyEvent.KEY_RELEASED, "", "", code, shift, shortcut && !mac, false, shortcut && mac));
    }
}
