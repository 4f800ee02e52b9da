package vitrine.views.control;

import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import vitrine.resources.Styles;

/// A muted name at the left, a value at the right, as the inspector lists them.
public final class KeyValueRow extends HBox {

    private KeyValueRow(String name, Node value) {
        getStyleClass().add(Styles.KEY_VALUE);
        Label label = ProvenanceAudit.notAFigure(new Label(name), "name of a property");
        label.getStyleClass().add("vt-name");
        label.setMinWidth(60);
        label.setTextOverrun(OverrunStyle.ELLIPSIS);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        getChildren().addAll(label, space, value);
    }

    /// A figure.
    public static KeyValueRow of(String name, Quantity quantity) {
        return new KeyValueRow(name, new NumberLabel(quantity));
    }

    /// Words, such as a dtype or a file name; digits in it are part of a name.
    public static KeyValueRow ofName(String name, String value) {
        Label label = ProvenanceAudit.notAFigure(new Label(value), "a name");
        label.getStyleClass().add("vt-value");
        label.setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
        label.setTooltip(new Tooltip(value));
        return new KeyValueRow(name, label);
    }

    /// Any node as the value.
    public static KeyValueRow of(String name, Node value) {
        return new KeyValueRow(name, value);
    }
}
