package vitrine.views.control;

import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;

/// The parts that an inspector is made of: sections with a line between them, each below its head.
public final class Sections {

    private Sections() {}

    /// Rows that belong together.
    public static VBox section(Node... rows) {
        VBox section = new VBox(rows);
        section.getStyleClass().add(Styles.SECTION);
        return section;
    }

    /// Makes the content of an inspector anew. The keyboard stays where it was, by the id of the node that had it.
    public static void anew(VBox box, Runnable fill) {
        Node owner = box.getScene() == null ? null : box.getScene().getFocusOwner();
        String held = null;
        for (Node n = owner; n != null; n = n.getParent()) {
            held = n == box ? owner.getId() : held;
        }
        box.getChildren().clear();
        fill.run();
        Node again = held == null ? null : box.lookup("#" + held);
        if (again != null) {
            again.requestFocus();
        }
    }

    /// A section's name, with what stands at its right, such as where its figures come from.
    public static HBox head(String text, Node... right) {
        Label label = new Label(text);
        label.getStyleClass().add(Styles.SECTION_HEAD);
        ProvenanceAudit.notAFigure(label, "name of the section");
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox row = new HBox(6, label, space);
        row.getChildren().addAll(right);
        row.setAlignment(Pos.CENTER_LEFT);
        return row;
    }
}
