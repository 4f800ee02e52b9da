package vitrine.views.control;

import atlantafx.base.controls.Popover;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.VBox;
import vitrine.resources.Guide;
import vitrine.resources.Styles;

/// What a figure means: a few sentences, the formula, and where it comes from.
public final class HelpPopover {

    private final Popover popover;

    /// @param formula as text, such as `exp(H(p)), p = σ / Σσ`; empty for none
    /// @param source paper and year, or where in the program it is defined; empty for none
    /// @param section of the guide that says more
    public HelpPopover(String title, String words, String formula, String source, Guide.Section section) {
        popover = Popovers.of(content(title, words, formula, source, section), Popover.ArrowLocation.TOP_RIGHT);
    }

    /// Shows it at the node that was asked about.
    public void show(Node owner) {
        popover.show(owner);
    }

    /// What it shows, as a node of its own.
    public static VBox content(String title, String words, String formula, String source, Guide.Section section) {
        VBox box = new VBox();
        box.getStyleClass().add(Styles.POPOVER);
        ProvenanceAudit.notAFigure(box, "explanation");
        box.getChildren().addAll(label(title, Styles.PANEL_TITLE), label(words, Styles.SMALL));
        if (!formula.isEmpty()) {
            box.getChildren().add(label(formula, "vt-formula"));
        }
        if (!source.isEmpty()) {
            box.getChildren().add(label(source, Styles.CAPTION));
            box.getChildren().addAll(References.rows(source));
        }
        box.getChildren().add(new GuideLink(section));
        return box;
    }

    private static Label label(String text, String styleClass) {
        Label label = new Label(text);
        label.getStyleClass().add(styleClass);
        label.setWrapText(true);
        label.setMinHeight(Label.USE_PREF_SIZE);
        return label;
    }
}
