package vitrine.app.drop;

import java.io.File;
import java.net.URI;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import javafx.scene.Scene;
import javafx.scene.input.DragEvent;
import javafx.scene.input.Dragboard;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.TransferMode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes a whole scene a place to drop files and folders on.
public final class DropTarget {

    private static final Logger LOG = LoggerFactory.getLogger(DropTarget.class);

    private final DropOverlay overlay;
    private final Consumer<List<Path>> opened;
    private final Function<DragEvent, List<Path>> held;

    /// @param opened what was let go over the window
    public DropTarget(Scene scene, DropOverlay overlay, Consumer<List<Path>> opened) {
        this(scene, overlay, opened, e -> paths(e.getDragboard()));
    }

    /// @param held what is dragged; a test gives it, since only the system can fill a drag board
    DropTarget(Scene scene, DropOverlay overlay, Consumer<List<Path>> opened, Function<DragEvent, List<Path>> held) {
        this.overlay = overlay;
        this.opened = opened;
        this.held = held;
        scene.addEventFilter(DragEvent.DRAG_ENTERED, this::over);
        scene.addEventFilter(DragEvent.DRAG_OVER, this::over);
        scene.addEventFilter(DragEvent.DRAG_EXITED, e -> {
            // Leaving a node for another inside the window is told too; only leaving the window ends the drag here.
            if (e.getTarget() == scene || outside(scene, e)) {
                overlay.hide();
            }
        });
        scene.addEventFilter(DragEvent.DRAG_DROPPED, this::dropped);
        scene.addEventFilter(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ESCAPE && overlay.isShown()) {
                overlay.hide();
                e.consume();
            }
        });
    }

    private static boolean outside(Scene scene, DragEvent e) {
        return e.getSceneX() <= 0 || e.getSceneY() <= 0 || e.getSceneX() >= scene.getWidth() - 1 || e.getSceneY() >= scene.getHeight() - 1;
    }

    private void over(DragEvent e) {
        List<Path> paths = held.apply(e);
        if (!paths.isEmpty()) {
            e.acceptTransferModes(TransferMode.COPY_OR_MOVE);
            overlay.show(paths);
            e.consume();
        }
    }

    private void dropped(DragEvent e) {
        List<Path> paths = held.apply(e);
        overlay.hide();
        e.setDropCompleted(!paths.isEmpty());
        if (!paths.isEmpty()) {
            opened.accept(paths);
        }
        e.consume();
    }

    /// Files, or addresses of files: some file managers give only those.
    static List<Path> paths(Dragboard board) {
        List<Path> out = new ArrayList<>();
        if (board.hasFiles()) {
            board.getFiles().stream().map(File::toPath).forEach(out::add);
        } else if (board.hasUrl() && board.getUrl() != null) {
            for (String line : board.getUrl().split("\\R")) {
                add(line.strip(), out);
            }
        }
        return out;
    }

    private static void add(String address, List<Path> out) {
        if (address.startsWith("file:")) {
            try {
                out.add(Path.of(URI.create(address)));
            } catch (IllegalArgumentException | FileSystemNotFoundException e) {
                LOG.info("an address that names no file of this machine was dropped: {}", address);
            }
        }
    }
}
