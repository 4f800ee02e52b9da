package vitrine.views.control;

import javafx.scene.control.Button;
import javafx.scene.control.Tooltip;
import vitrine.resources.Styles;

/// Buttons with words: a verb and its object, ended by `…` when something more is asked.
public final class Buttons {

    private Buttons() {}

    /// The usual button.
    public static Button plain(String text, Runnable action) {
        Button button = new Button(text);
        // Tensor names hold underscores, which would become mnemonics.
        button.setMnemonicParsing(false);
        button.getStyleClass().add(Styles.BUTTON);
        button.setMinWidth(Button.USE_PREF_SIZE);
        button.setOnAction(e -> action.run());
        return button;
    }

    /// The usual button with an icon.
    public static Button plain(String text, Icons icon, Runnable action) {
        Button button = plain(text, action);
        button.setGraphic(icon.node());
        return button;
    }

    /// The one button of a view that does what the view is for.
    public static Button primary(String text, Runnable action) {
        Button button = plain(text, action);
        button.getStyleClass().add(Styles.PRIMARY);
        return button;
    }

    /// A button that destroys something; it asks before, and is filled only in that question.
    public static Button danger(String text, Runnable action) {
        Button button = plain(text, action);
        button.getStyleClass().add(Styles.DANGER);
        return button;
    }

    /// Disables a button and says why, or enables it when the reason is empty.
    public static void disableBecause(Button button, String reason, String tooltip) {
        button.setDisable(!reason.isEmpty());
        String text = reason.isEmpty() ? tooltip : reason;
        button.setTooltip(text.isEmpty() ? null : new Tooltip(text));
    }
}
