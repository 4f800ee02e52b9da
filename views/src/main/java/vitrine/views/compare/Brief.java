package vitrine.views.compare;

import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.ProvenanceAudit;

/// Why a low card has nothing to draw, in a line or two, and what fills it.
final class Brief {

    private Brief() {}

    /// @param button what it says, or null for none
    static Node of(String why, String button, Runnable action) {
        Label words = new Label(why);
        words.setWrapText(true);
        words.setMinHeight(Region.USE_PREF_SIZE);
        words.setMaxWidth(420);
        words.setAlignment(Pos.CENTER);
        words.setTextAlignment(javafx.scene.text.TextAlignment.CENTER);
        words.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        VBox box = new VBox(8, words);
        box.setAlignment(Pos.CENTER);
        if (button != null) {
            box.getChildren().add(Buttons.plain(button, action));
        }
        return ProvenanceAudit.notAFigure(box, "why there is nothing");
    }
}
