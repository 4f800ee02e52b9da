package vitrine.views.control;

import java.util.Optional;
import javafx.event.Event;
import javafx.scene.Node;
import javafx.scene.control.Hyperlink;
import javafx.scene.control.Tooltip;
import javafx.stage.PopupWindow;
import javafx.stage.Window;
import vitrine.resources.Guide;

/// A link to the section of the guide that explains a formula. It opens in the window; nothing is asked of a network.
///
/// [#about] tells a view, a card or a section of an inspector where its figures are explained: the badges below it open that section.
public final class GuideLink extends Hyperlink {

    private static final String SECTION = "vitrine.guide";

    private final Guide.Section section;

    public GuideLink(Guide.Section section) {
        super(section.words());
        this.section = section;
        getStyleClass().add("vt-guide-link");
        setGraphic(Icons.GUIDE.node());
        setWrapText(true);
        setMinHeight(USE_PREF_SIZE);
        setAccessibleText("Guide: " + section.words());
        setTooltip(new Tooltip("Opens this section of the guide"));
        setOnAction(e -> ask(this, section));
    }

    public Guide.Section section() {
        return section;
    }

    /// Says where the figures of a node are explained. Returns the node.
    public static <N extends Node> N about(N node, Guide.Section section) {
        node.getProperties().put(SECTION, section);
        return node;
    }

    /// Where the figures of a node are explained: by its own word, or that of the nearest node around it.
    public static Optional<Guide.Section> of(Node node) {
        for (Node at = node; at != null; at = at.getParent()) {
            if (at.hasProperties() && at.getProperties().get(SECTION) instanceof Guide.Section section) {
                return Optional.of(section);
            }
        }
        return Optional.empty();
    }

    /// Asks the window for a section; what pops up around the node is taken away, since it would lie over the guide.
    public static void ask(Node from, Guide.Section section) {
        Node owner = from;
        Window window = from.getScene() == null ? null : from.getScene().getWindow();
        while (window instanceof PopupWindow popup) {
            owner = popup.getOwnerNode() == null ? popup.getOwnerWindow().getScene().getRoot() : popup.getOwnerNode();
            popup.hide();
            window = popup.getOwnerWindow();
        }
        Event.fireEvent(owner, new GuideRequest(section));
    }
}
