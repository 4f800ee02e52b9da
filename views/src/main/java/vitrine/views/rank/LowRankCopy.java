package vitrine.views.rank;

import javafx.beans.InvalidationListener;
import javafx.beans.WeakInvalidationListener;
import javafx.scene.control.Button;
import javafx.scene.control.Tooltip;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;

/// Puts on the clipboard the command that writes the low-rank copy which the threshold describes: of the selected matrix, by a run of `vitrine prune`.
final class LowRankCopy extends StackPane {

    static final String NONE = "Select a whole weight matrix: heads, experts and values over texts are not truncated by themselves.";
    private static final String NAME = "Low-rank copy…";
    private static final String COPIED = "Command copied";

    private final RankViewModel model;
    private final Button button = Buttons.plain(NAME, Icons.PRUNE, this::copy);
    // A disabled node shows no tooltip, so it hangs on what lies around it.
    private final Tooltip tooltip = new Tooltip();
    private final InvalidationListener changed = o -> tell();

    LowRankCopy(RankViewModel model) {
        this.model = model;
        getChildren().add(button);
        setMinWidth(Region.USE_PREF_SIZE);
        Tooltip.install(this, tooltip);
        for (var p : java.util.List.of(model.stateProperty(), model.selectedProperty(), model.shareProperty(), model.ruleProperty(), model.truncationsProperty())) {
            // Inspectors come and go; the model stays.
            p.addListener(new WeakInvalidationListener(changed));
        }
        tell();
    }

    Button button() {
        return button;
    }

    private void tell() {
        String command = model.pruneCommand();
        button.setDisable(command.isEmpty());
        button.setText(NAME);
        tooltip.setText(command.isEmpty() ? NONE : "Copies the command: " + command);
    }

    private void copy() {
        ClipboardContent content = new ClipboardContent();
        content.putString(model.pruneCommand());
        Clipboard.getSystemClipboard().setContent(content);
        button.setText(COPIED);
    }
}
