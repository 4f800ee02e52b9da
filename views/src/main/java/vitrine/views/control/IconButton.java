package vitrine.views.control;

import javafx.scene.control.Button;
import javafx.scene.control.Tooltip;
import vitrine.resources.Styles;

/// A button that is only an icon; its tooltip tells what it does and its key.
public final class IconButton extends Button {

    /// @param key such as `Ctrl+Shift+C`; empty for none
    public IconButton(Icons icon, String text, String key, Runnable action) {
        setGraphic(icon.node());
        getStyleClass().add(Styles.ICON_BUTTON);
        String words = key.isEmpty() ? text : text + " (" + key + ")";
        setTooltip(new Tooltip(words));
        setAccessibleText(words);
        setOnAction(e -> action.run());
    }

    /// 24 instead of 28 pixels, for the heads of cards.
    public IconButton compact() {
        getStyleClass().add(Styles.COMPACT);
        return this;
    }
}
