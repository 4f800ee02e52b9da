package vitrine.views.control;

import javafx.beans.property.StringProperty;
import javafx.scene.control.Label;
import javafx.scene.control.TextField;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import vitrine.resources.Styles;

/// A field to search or filter with: icon, text, and the key that leads here. Escape empties it.
public final class SearchField extends HBox {

    private final TextField field = new TextField();

    /// @param key such as `Ctrl K`; empty for none
    public SearchField(Icons icon, String prompt, String key) {
        getStyleClass().add(Styles.SEARCH);
        field.setPromptText(prompt);
        HBox.setHgrow(field, Priority.ALWAYS);
        getChildren().addAll(icon.node(), field);
        if (!key.isEmpty()) {
            Label cap = new Label(key);
            cap.getStyleClass().add(Styles.KEY_CAP);
            cap.setMinWidth(USE_PREF_SIZE);
            getChildren().add(cap);
        }
        field.addEventFilter(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ESCAPE && !field.getText().isEmpty()) {
                field.clear();
                e.consume();
            }
        });
    }

    public StringProperty textProperty() {
        return field.textProperty();
    }

    /// Where typing goes.
    public TextField field() {
        return field;
    }
}
