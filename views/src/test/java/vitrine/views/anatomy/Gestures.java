package vitrine.views.anatomy;

import javafx.event.Event;
import javafx.event.EventType;
import javafx.geometry.Point2D;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.Scene;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseButton;
import javafx.scene.input.MouseEvent;
import javafx.scene.input.PickResult;
import javafx.stage.Stage;

/// Plays a reader's gestures, on the JavaFX thread.
final class Gestures {

    private Gestures() {}

    /// Shows a scene and lays it out; on the JavaFX thread.
    static Stage show(Scene scene) {
        Stage stage = new Stage();
        stage.setScene(scene);
        stage.show();
        layOut(scene);
        return stage;
    }

    static void layOut(Scene scene) {
        Parent root = scene.getRoot();
        // Tables make their cells in one pass and place them in the next.
        for (int i = 0; i < 3; i++) {
            root.applyCss();
            root.layout();
        }
    }

    /// A click of the main button at a place of a node.
    static void click(Node node, double x, double y) {
        Event.fireEvent(node, mouse(MouseEvent.MOUSE_PRESSED, node, x, y));
        Event.fireEvent(node, mouse(MouseEvent.MOUSE_RELEASED, node, x, y));
    }

    static void hover(Node node, double x, double y) {
        Event.fireEvent(node, mouse(MouseEvent.MOUSE_MOVED, node, x, y));
    }

    /// An event as the scene would make it: in its own coordinates, with what lies under the pointer.
    private static MouseEvent mouse(EventType<MouseEvent> type, Node node, double x, double y) {
        Point2D inScene = node.localToScene(x, y);
        boolean down = type == MouseEvent.MOUSE_PRESSED;
        MouseButton button = type == MouseEvent.MOUSE_MOVED ? MouseButton.NONE : MouseButton.PRIMARY;
        return new MouseEvent(type, inScene.getX(), inScene.getY(), inScene.getX(), inScene.getY(), button, 1, false, false, false, false, down, false, false, false, false, true,
                new PickResult(node, inScene.getX(), inScene.getY()));
    }

    static void key(Node node, KeyCode code) {
        Event.fireEvent(node, new KeyEvent(KeyEvent.KEY_PRESSED, "", "", code, false, false, false, false));
    }
}
