package vitrine.app.shell;

import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.control.Icons;

/// The right side: details of what is selected, or what would stand here.
final class InspectorPane extends StackPane {

    private final VBox empty;

    InspectorPane() {
        getStyleClass().add(Styles.INSPECTOR);
        Label words = new Label("Details of what you select appear here.");
        words.setWrapText(true);
        empty = new VBox(Icons.INFORMATION.node(), words);
        empty.getStyleClass().add(Styles.EMPTY_STATE);
        empty.setAlignment(Pos.CENTER);
        setMinWidth(0);
        show(null);
    }

    /// @param node what to show, or null for nothing
    void show(Node node) {
        getChildren().setAll(node == null ? empty : node);
    }
}
