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

/// A button that puts the command of a run on the clipboard: for what is started from the command line only.
public final class CommandButton extends StackPane {

    private static final String COPIED = "Command copied";

    private final String name;
    private final Supplier<String> command;
    private final String none;
    private final Button button;
    // A disabled node shows no tooltip, so it hangs on what lies around it.
    private final Tooltip tooltip = new Tooltip();
    private final InvalidationListener changed = o -> tell();

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

    public Button button() {
        return button;
    }

    private void tell() {
        String now = command.get();
        button.setDisable(now.isEmpty());
        button.setText(name);
        tooltip.setText(now.isEmpty() ? none : "Copies the command: " + now);
    }

    private void copy() {
        ClipboardContent content = new ClipboardContent();
        content.putString(command.get());
        Clipboard.getSystemClipboard().setContent(content);
        button.setText(COPIED);
    }
}
