package vitrine.views.control;

import javafx.beans.binding.Bindings;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Guide;
import vitrine.resources.Styles;

/// A framed panel that holds one figure: title and subtitle at the left of its head, badge and actions at the right.
///
/// Build it in one go: `new Card("Heads").subtitle("5 layers × 8").provenance(p).content(grid)`.
public final class Card extends VBox {

    private final Label title = new Label();
    private final Label subtitle = new Label();
    private final HBox besideTitle = new HBox(8);
    private final HBox beside = new HBox(8);
    private final HBox badge = new HBox();
    private final HBox actions = new HBox(4);
    private final HBox header;
    private String name;
    private Node content;

    public Card(String title) {
        name = title;
        getStyleClass().add(Styles.CARD);
        this.title.getStyleClass().add(Styles.PANEL_TITLE);
        this.title.setText(title);
        this.title.setMinWidth(USE_PREF_SIZE);
        // A title names a thing, such as a layer; its digits are part of the name.
        ProvenanceAudit.notAFigure(this.title, "name of the panel");
        subtitle.getStyleClass().add(Styles.CAPTION);
        subtitle.setTextOverrun(OverrunStyle.ELLIPSIS);
        subtitle.setMinWidth(0);
        subtitle.setManaged(false);
        subtitle.setVisible(false);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        for (HBox box : new HBox[] {besideTitle, beside, badge, actions}) {
            box.setAlignment(Pos.CENTER_LEFT);
            box.setMinWidth(USE_PREF_SIZE);
            // An empty box would still take the space between its neighbours.
            box.managedProperty().bind(Bindings.isNotEmpty(box.getChildren()));
        }
        header = new HBox(this.title, subtitle, besideTitle, space, beside, badge, actions);
        header.getStyleClass().add(Styles.CARD_HEADER);
        getChildren().add(header);
    }

    /// A muted line beside the title; it gives way first when the card gets narrow.
    public Card subtitle(String text) {
        subtitle.setText(text);
        subtitle.setManaged(!text.isEmpty());
        subtitle.setVisible(!text.isEmpty());
        return this;
    }

    public Card title(String text) {
        name = text;
        title.setText(text);
        return this;
    }

    /// What the card is called in the code's own language, whatever the window speaks.
    public String name() {
        return name;
    }

    /// Says how all figures of this card came about: shows the badge, and tags the card.
    public Card provenance(Provenance provenance) {
        badge.getChildren().setAll(new ProvenanceBadge(provenance));
        ProvenanceAudit.tag(this, provenance);
        return this;
    }

    /// Says which section of the guide explains the figures of this card: its badge opens it.
    public Card explained(Guide.Section section) {
        return GuideLink.about(this, section);
    }

    /// Nothing in the card is a figure now.
    public Card noProvenance() {
        badge.getChildren().clear();
        ProvenanceAudit.untag(this);
        return this;
    }

    /// Nodes right after the title, such as a pill that says what was found.
    public Card besideTitle(Node... nodes) {
        besideTitle.getChildren().setAll(nodes);
        return this;
    }

    /// Nodes between the title and the badge, at the right: a key, segments.
    public Card header(Node... nodes) {
        beside.getChildren().setAll(nodes);
        return this;
    }

    /// Small buttons at the right end of the head.
    public Card actions(Node... nodes) {
        actions.getChildren().setAll(nodes);
        return this;
    }

    /// What the card shows, in place of what it showed before: a figure, an [EmptyState], an [ErrorCard].
    public Card content(Node node) {
        getChildren().remove(content);
        content = node;
        VBox.setVgrow(node, Priority.ALWAYS);
        getChildren().add(node);
        return this;
    }

    public Node content() {
        return content;
    }
}
