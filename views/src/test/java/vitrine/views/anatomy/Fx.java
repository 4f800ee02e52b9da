package vitrine.views.anatomy;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javafx.application.Platform;
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

/// Runs parts of tests on the JavaFX thread, and plays a reader's gestures.
final class Fx {

    private static final long PATIENCE_SECONDS = 60;

    private Fx() {}

    /// Starts the toolkit, unless another test did.
    static void start() {
        try {
            Platform.startup(() -> { });
        } catch (IllegalStateException alreadyStarted) {
            // One toolkit for the whole test process.
            return;
        }
        Platform.setImplicitExit(false);
    }

    static <T> T call(Callable<T> body) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Platform.runLater(() -> {
            try {
                result.complete(body.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        try {
            return result.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException | TimeoutException e) {
            throw new IllegalStateException("the JavaFX thread does not answer", e);
        }
    }

    static void run(Runnable body) {
        call(() -> {
            body.run();
            return null;
        });
    }

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
