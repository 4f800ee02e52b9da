package vitrine.views.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.control.Button;
import javafx.scene.control.Control;
import javafx.scene.control.Labeled;
import javafx.scene.control.Tooltip;
import javafx.scene.text.Text;

/// What a reader sees of a part of the window. On the JavaFX thread only, and after a layout.
public final class Shown {

    private Shown() {}

    /// All texts below a node that can be seen, in their order.
    public static List<String> texts(Node root) {
        if (root.getScene() != null) {
            // Labels tell their text nodes what they hold when they are laid out.
            root.getScene().getRoot().applyCss();
            root.getScene().getRoot().layout();
        }
        List<String> out = new ArrayList<>();
        visit(root, n -> {
            if (n instanceof Text t && !t.getText().isEmpty()) {
                out.add(t.getText());
            }
        });
        return out;
    }

    /// All visible nodes of a kind below a node.
    public static <N> List<N> all(Node root, Class<N> kind) {
        List<N> out = new ArrayList<>();
        visit(root, n -> {
            if (kind.isInstance(n)) {
                out.add(kind.cast(n));
            }
        });
        return out;
    }

    private static void visit(Node node, java.util.function.Consumer<Node> visitor) {
        if (!node.isVisible()) {
            return;
        }
        visitor.accept(node);
        if (node instanceof Parent parent) {
            parent.getChildrenUnmodifiable().forEach(child -> visit(child, visitor));
        }
    }

    /// The only visible button with these words.
    public static Button button(Node root, String words) {
        return only(all(root, Button.class).stream().filter(b -> words.equals(b.getText())), "button " + words);
    }

    /// The only visible labelled thing with these words.
    public static Labeled labelled(Node root, String words) {
        return only(all(root, Labeled.class).stream().filter(b -> words.equals(b.getText())), "label " + words);
    }

    /// The only visible node of a kind that fulfils something.
    public static <N> N only(Node root, Class<N> kind, Predicate<N> holds) {
        return only(all(root, kind).stream().filter(holds), kind.getSimpleName());
    }

    private static <N> N only(Stream<N> found, String what) {
        List<N> all = found.toList();
        if (all.size() != 1) {
            throw new AssertionError(what + " is there " + all.size() + " times");
        }
        return all.getFirst();
    }

    /// The text of a node's tooltip, or null.
    public static String tooltip(Node node) {
        if (node instanceof Control control && control.getTooltip() != null) {
            return control.getTooltip().getText();
        }
        // Where Tooltip.install keeps it.
        return node.getProperties().get("javafx.scene.control.Tooltip") instanceof Tooltip t ? t.getText() : null;
    }
}
