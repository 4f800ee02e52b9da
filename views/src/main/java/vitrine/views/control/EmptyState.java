package vitrine.views.control;

import javafx.scene.control.Button;
import javafx.scene.control.Label;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;

/// What a panel shows while it has no data: what would be here, and one button that makes it.
public final class EmptyState extends StackPane {

    private final VBox box;

    /// @param sentence such as `No attention yet. Give a prompt of 2 to 4,096 tokens.`
    public EmptyState(Icons icon, String sentence) {
        Label words = new Label(sentence);
        words.setWrapText(true);
        words.setMinHeight(Region.USE_PREF_SIZE);
        // Limits of the program, no measured figures.
        ProvenanceAudit.notAFigure(words, "explanation");
        box = new VBox(icon.node(), words);
        box.getStyleClass().add(Styles.EMPTY_STATE);
        box.setMaxHeight(USE_PREF_SIZE);
        getChildren().add(box);
    }

    /// Adds the button that fills the panel.
    public EmptyState button(Button button) {
        box.getChildren().add(button);
        return this;
    }
}
