package vitrine.app.shell;

import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseEvent;
import javafx.scene.layout.StackPane;

/// What lies over the whole window for a moment: one card at a time. Escape and a click beside the card take it away, and the focus goes
/// back to where it was.
final class Overlay extends StackPane {

    private static final double TOP = 96;
    private static final double LEAST_TOP = 24;
    private static final double CARD = 600;

    private Node card;
    private Node focusBefore;

    Overlay() {
        setVisible(false);
        setPickOnBounds(true);
        setAlignment(Pos.TOP_CENTER);
        // In a low window the card needs the room above it.
        paddingProperty().bind(heightProperty().map(h -> new Insets(Math.min(TOP, Math.max(LEAST_TOP, h.doubleValue() - CARD)), 16, 16, 16)));
        addEventHandler(MouseEvent.MOUSE_CLICKED, e -> {
            if (e.getTarget() == this) {
                close();
            }
        });
        addEventHandler(KeyEvent.KEY_PRESSED, e -> {
            if (e.getCode() == KeyCode.ESCAPE) {
                close();
                e.consume();
            }
        });
    }

    /// Shows a card in place of any other.
    void show(Node newCard) {
        if (card == null) {
            focusBefore = getScene() == null ? null : getScene().getFocusOwner();
        }
        card = newCard;
        getChildren().setAll(newCard);
        setVisible(true);
    }

    /// What lies over the window; null for nothing.
    Node card() {
        return card;
    }

    boolean isOpen() {
        return card != null;
    }

    /// Takes the card away.
    void close() {
        if (card == null) {
            return;
        }
        card = null;
        setVisible(false);
        getChildren().clear();
        if (focusBefore != null && focusBefore.getScene() == getScene()) {
            focusBefore.requestFocus();
        }
    }
}
