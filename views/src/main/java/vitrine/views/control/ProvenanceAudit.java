package vitrine.views.control;

import java.util.ArrayList;
import java.util.List;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.control.Labeled;
import javafx.scene.text.Text;
import vitrine.core.artifact.Provenance;
import vitrine.views.chart.FigureCanvas;

/// Checks that every number on screen says where it comes from.
///
/// [#tag] a node with the provenance of all figures below it; mark what is no figure with [#notAFigure]: names, token
/// texts, layer numbers, axis ticks. [#untagged] then finds each text with a digit, and each drawn figure, that has
/// neither: a test runs it over every view.
public final class ProvenanceAudit {

    private static final String PROVENANCE = "vitrine.provenance";
    private static final String NOT_A_FIGURE = "vitrine.notAFigure";

    /// A number whose origin nobody told.
    ///
    /// @param shown its text, or the description of a drawn figure
    /// @param path the style classes from the root to the node, to find it by
    public record Untold(Node node, String shown, String path) {}

    private ProvenanceAudit() {}

    /// Says how all figures of a node came about. Returns the node.
    public static <N extends Node> N tag(N node, Provenance provenance) {
        node.getProperties().put(PROVENANCE, provenance);
        return node;
    }

    /// Takes back what [#tag] said of a node.
    static void untag(Node node) {
        node.getProperties().remove(PROVENANCE);
    }

    /// Says that digits below a node are no figures, and why. Returns the node.
    public static <N extends Node> N notAFigure(N node, String why) {
        if (why.isBlank()) {
            throw new IllegalArgumentException("say why these digits are no figure");
        }
        node.getProperties().put(NOT_A_FIGURE, why);
        return node;
    }

    /// The provenance that holds for a node: its own, or that of the nearest node around it; null for none.
    public static Provenance of(Node node) {
        for (Node at = node; at != null; at = at.getParent()) {
            if (at.hasProperties() && at.getProperties().get(PROVENANCE) instanceof Provenance provenance) {
                return provenance;
            }
        }
        return null;
    }

    /// All visible numbers below a node that are neither tagged nor marked.
    public static List<Untold> untagged(Node root) {
        List<Untold> found = new ArrayList<>();
        for (Node at = root.getParent(); at != null; at = at.getParent()) {
            if (told(at)) {
                return found;
            }
        }
        collect(root, "", found);
        return found;
    }

    private static void collect(Node node, String path, List<Untold> found) {
        if (!node.isVisible() || told(node)) {
            return;
        }
        String here = path + "/" + (node.getStyleClass().isEmpty() ? node.getClass().getSimpleName() : node.getStyleClass().getLast());
        if (node instanceof Text text && text.getText().chars().anyMatch(Character::isDigit)) {
            found.add(new Untold(node, text.getText(), here));
        } else if (node instanceof Labeled label && label.getChildrenUnmodifiable().isEmpty() && label.getText() != null
                && label.getText().chars().anyMatch(Character::isDigit)) {
            // Not laid out yet, so without a text node.
            found.add(new Untold(node, label.getText(), here));
        } else if (node instanceof FigureCanvas figure) {
            found.add(new Untold(node, figure.getFigure().description(), here));
        } else if (node instanceof Parent parent) {
            parent.getChildrenUnmodifiable().forEach(child -> collect(child, here, found));
        }
    }

    /// All visible figures below a node, told though their origin is, for which no section of the guide is named: a badge there would open nothing.
    public static List<Untold> unexplained(Node root) {
        List<Untold> found = new ArrayList<>();
        unexplained(root, "", found);
        return found;
    }

    private static void unexplained(Node node, String path, List<Untold> found) {
        if (!node.isVisible()) {
            return;
        }
        String here = path + "/" + (node.getStyleClass().isEmpty() ? node.getClass().getSimpleName() : node.getStyleClass().getLast());
        if (node.hasProperties() && node.getProperties().get(PROVENANCE) instanceof Provenance p && GuideLink.of(node).isEmpty()) {
            found.add(new Untold(node, p.sentence(), here));
        } else if (node instanceof Parent parent && !(node.hasProperties() && node.getProperties().containsKey(NOT_A_FIGURE))) {
            parent.getChildrenUnmodifiable().forEach(child -> unexplained(child, here, found));
        }
    }

    private static boolean told(Node node) {
        return node.hasProperties() && (node.getProperties().containsKey(PROVENANCE) || node.getProperties().containsKey(NOT_A_FIGURE));
    }
}
