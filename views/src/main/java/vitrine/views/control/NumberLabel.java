package vitrine.views.control;

import javafx.scene.control.ContextMenu;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.Tooltip;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.layout.HBox;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;

/// A number on screen: value and unit, with the exact value and its origin in the tooltip and in the copy.
///
/// Every figure outside a chart is made with this class, so that none stands there without its [Quantity].
public final class NumberLabel extends HBox {

    private final Label value = new Label();
    private final Label unit = new Label();
    private final Tooltip tooltip = new Tooltip();
    private Quantity quantity;

    /// @param styleClass of the value, such as [Styles#FIGURE_TEXT]; [Styles#MONO] in tables
    public NumberLabel(Quantity quantity, String styleClass) {
        getStyleClass().add("vt-number");
        value.getStyleClass().addAll(styleClass, "vt-value");
        unit.getStyleClass().add(Styles.UNIT);
        value.setMinWidth(USE_PREF_SIZE);
        unit.setMinWidth(USE_PREF_SIZE);
        getChildren().addAll(value, unit);
        Tooltip.install(this, tooltip);
        MenuItem copy = new MenuItem("Copy value", Icons.COPY.node());
        copy.setOnAction(e -> copy());
        ContextMenu menu = new ContextMenu(copy);
        setOnContextMenuRequested(e -> menu.show(this, e.getScreenX(), e.getScreenY()));
        show(quantity);
    }

    public NumberLabel(Quantity quantity) {
        this(quantity, Styles.MONO);
    }

    /// Shows another figure in the same place.
    public void show(Quantity now) {
        quantity = now;
        String text = now.present() ? now.text() + (now.unit().isEmpty() ? "" : Numbers.THIN_SPACE + now.unit()) : now.text();
        int split = now.present() ? text.indexOf(Numbers.THIN_SPACE) : text.indexOf(" (");
        // Two units, as in "4 min 10 s", are read as one text.
        boolean one = split >= 0 && split == text.lastIndexOf(now.present() ? Numbers.THIN_SPACE : " (");
        value.setText(one ? text.substring(0, split) : text);
        unit.setText(one ? text.substring(split + 1) : "");
        unit.setManaged(one);
        tooltip.setText(now.exact() + "\n" + now.provenance().sentence());
        setAccessibleText(text);
        ProvenanceAudit.tag(this, now.provenance());
    }

    public Quantity quantity() {
        return quantity;
    }

    private void copy() {
        ClipboardContent content = new ClipboardContent();
        content.putString(quantity.exact());
        Clipboard.getSystemClipboard().setContent(content);
    }
}
