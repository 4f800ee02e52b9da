package vitrine.views.control;

import java.util.List;
import java.util.function.Supplier;
import javafx.beans.InvalidationListener;
import javafx.beans.Observable;
import javafx.beans.WeakInvalidationListener;
import javafx.scene.control.Button;
import javafx.scene.control.Tooltip;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;

/// A button that opens the form of a run, filled; or, where no window is there to open it, puts the command of the run on the clipboard.
public final class CommandButton extends StackPane {

    private static final String COPIED = "Command copied";

    private final String name;
    private final Supplier<String> command;
    private final String none;
    private final Button button;
    // A disabled node shows no tooltip, so it hangs on what lies around it.
    private final Tooltip tooltip = new Tooltip();
    private final InvalidationListener changed = o -> tell();
    private Supplier<Runnable> opening = () -> null;

    /// @param command the command now, or empty where there is none
    /// @param none why there is none
    /// @param changes what the command depends on
    public CommandButton(String name, Supplier<String> command, String none, List<? extends Observable> changes) {
        this.name = name;
        this.command = command;
        this.none = none;
        button = Buttons.plain(name, Icons.PRUNE, this::copy);
        getChildren().add(button);
        setMinWidth(Region.USE_PREF_SIZE);
        Tooltip.install(this, tooltip);
        // Buttons come and go; what they depend on stays.
        changes.forEach(c -> c.addListener(new WeakInvalidationListener(changed)));
        tell();
    }

    /// What opens the form of the run; the supplier gives null where nothing can.
    public CommandButton opening(Supplier<Runnable> how) {
        opening = how;
        tell();
        return this;
    }

    public Button button() {
        return button;
    }

    private void tell() {
        String now = command.get();
        button.setDisable(now.isEmpty());
        button.setText(name);
        tooltip.setText(now.isEmpty() ? none : (opening.get() == null ? "Copies the command: " : "Opens the form of a run, which does what this command does: ") + now);
    }

    private void copy() {
        Runnable open = opening.get();
        if (open != null) {
            open.run();
            return;
        }
        ClipboardContent content = new ClipboardContent();
        content.putString(command.get());
        Clipboard.getSystemClipboard().setContent(content);
        button.setText(COPIED);
    }
}
