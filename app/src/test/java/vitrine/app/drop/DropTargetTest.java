package vitrine.app.drop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import javafx.application.Platform;
import javafx.event.Event;
import javafx.event.EventType;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.Scene;
import javafx.scene.control.Label;
import javafx.scene.input.DragEvent;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.TransferMode;
import javafx.scene.layout.StackPane;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import vitrine.app.picture.Toolkit;
import vitrine.app.workspace.Recognised;

/// What is held over the window is told before it is let go, and only letting go opens it. A drop from another program on a virtual
/// display is made by hand: JavaFX's headless platform has no source of drags.
class DropTargetTest {

    private static final Path CASES = Path.of("../model-core/src/test/resources").toAbsolutePath().normalize();
    private static final List<Path> HELD = List.of(CASES.resolve("reference/llama-gqa"), CASES.resolve("badinputs/adapter/valid"), CASES.resolve("badinputs/safetensors/data_truncated.safetensors"));

    private final List<Path> opened = new ArrayList<>();
    private DropOverlay overlay;
    private Scene scene;

    @BeforeEach
    void start() {
        Toolkit.startHeadless();
        Toolkit.onThread(() -> {
            overlay = new DropOverlay(p -> CompletableFuture.supplyAsync(() -> Recognised.look(p)), Platform::runLater);
            scene = new Scene(new StackPane(new Label("below"), overlay), 800, 600);
            new DropTarget(scene, overlay, opened::addAll, e -> HELD);
            return null;
        });
    }

    private void fire(EventType<DragEvent> type, double x, double y) {
        Toolkit.onThread(() -> {
            Event.fireEvent(scene.getRoot(), new DragEvent(null, scene.getRoot(), type, null, x, y, x, y, TransferMode.COPY, null, null, null));
            return null;
        });
    }

    private List<String> texts() {
        return Toolkit.onThread(this::shown);
    }

    private List<String> shown() {
        List<String> out = new ArrayList<>();
        collect(overlay, out);
        return out;
    }

    private static void collect(Node n, List<String> out) {
        if (n instanceof Label l) {
            out.add(l.getText());
        }
        if (n instanceof Parent p) {
            p.getChildrenUnmodifiable().forEach(c -> collect(c, out));
        }
    }

    @Test
    void heldFilesAreToldOneByOne() {
        fire(DragEvent.DRAG_OVER, 400, 300);
        assertTrue(Toolkit.await(() -> shown().contains("Release to open 2 of 3"), 20), () -> texts().toString());
        List<String> texts = texts();
        assertTrue(texts.stream().anyMatch(t -> t.startsWith("Llama checkpoint, safetensors, 180,672 parameters")), texts.toString());
        assertTrue(texts.stream().anyMatch(t -> t.startsWith("Adapter, safetensors")), texts.toString());
        assertTrue(texts.stream().anyMatch(t -> t.contains("needs the data up to byte 64")), texts.toString());
        assertEquals(List.of("opens in Anatomy", "opens in Anatomy", "left out"), texts.stream().filter(t -> t.startsWith("opens in") || t.equals("left out")).toList());
        assertEquals(List.of(), opened);
    }

    @Test
    void lettingGoOpensAll() {
        fire(DragEvent.DRAG_OVER, 400, 300);
        fire(DragEvent.DRAG_DROPPED, 400, 300);
        assertEquals(HELD, opened);
        assertFalse(Toolkit.onThread(overlay::isShown));
    }

    @Test
    void leavingAndEscapeOpenNothing() {
        fire(DragEvent.DRAG_OVER, 400, 300);
        assertTrue(Toolkit.onThread(overlay::isShown));
        fire(DragEvent.DRAG_EXITED, 0, 300);
        assertFalse(Toolkit.onThread(overlay::isShown));
        fire(DragEvent.DRAG_OVER, 400, 300);
        Toolkit.onThread(() -> {
            Event.fireEvent(scene, new KeyEvent(KeyEvent.KEY_PRESSED, "", "", KeyCode.ESCAPE, false, false, false, false));
            return null;
        });
        assertFalse(Toolkit.onThread(overlay::isShown));
        assertEquals(List.of(), opened);
    }
}
