package vitrine.views.control;

import javafx.beans.property.BooleanProperty;
import javafx.beans.property.SimpleBooleanProperty;
import javafx.css.PseudoClass;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import vitrine.resources.Styles;

/// Something open in the navigator: icon, name, and a muted fact at the right.
public final class NavigatorRow extends HBox {

    private static final PseudoClass SELECTED = PseudoClass.getPseudoClass("selected");

    private final BooleanProperty selected = new SimpleBooleanProperty(this, "selected");
    private final Label fact = new Label();
    private final String name;

    /// @param fact such as family and size, number of tokens, progress
    public NavigatorRow(Icons icon, String name, String fact) {
        this.name = name;
        getStyleClass().add(Styles.NAV_ROW);
        // Facts of the navigator repeat what the views tell with their provenance.
        ProvenanceAudit.notAFigure(this, "name and fact of an open thing");
        Label title = new Label(name);
        title.getStyleClass().add("vt-name");
        title.setTextOverrun(OverrunStyle.ELLIPSIS);
        title.setMaxWidth(Double.MAX_VALUE);
        title.setMinWidth(24);
        HBox.setHgrow(title, Priority.ALWAYS);
        this.fact.setText(fact);
        this.fact.getStyleClass().add(Styles.CAPTION);
        this.fact.setMinWidth(USE_PREF_SIZE);
        getChildren().addAll(icon.node(), title, this.fact);
        selected.addListener((o, old, now) -> pseudoClassStateChanged(SELECTED, now));
        setAccessibleText(name + ", " + fact);
    }

    public BooleanProperty selectedProperty() {
        return selected;
    }

    /// Changes the fact, such as the progress of a run.
    public void fact(String text) {
        fact.setText(text);
        setAccessibleText(name + ", " + text);
    }

    /// Marks the fact as that of something running.
    public NavigatorRow running() {
        fact.getStyleClass().add(Styles.ACCENT_TEXT);
        return this;
    }

    /// Marks what could not be opened; the message is the tooltip.
    public NavigatorRow warning(String message) {
        getStyleClass().add("vt-warning");
        getChildren().set(0, Icons.WARNING.node());
        Tooltip.install(this, new Tooltip(message));
        return this;
    }
}
