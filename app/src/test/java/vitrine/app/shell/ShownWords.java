package vitrine.app.shell;

import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.control.Labeled;
import javafx.scene.control.TableColumnBase;
import javafx.scene.control.TableView;
import javafx.scene.control.TextInputControl;
import javafx.scene.control.Tooltip;
import javafx.scene.control.TreeTableView;
import javafx.scene.text.Text;
import org.kordamp.ikonli.javafx.FontIcon;
import vitrine.resources.Styles;

/// The words that a scene shows, as its nodes hold them; data in the mono face is left out, as the window leaves it.
final class ShownWords {

    private ShownWords() {}

    /// Of a node and all below it that can be seen.
    static Set<String> of(Node root) {
        Set<String> out = new TreeSet<>();
        // A scroll pane has its content once it has been styled, which would be at the next frame.
        if (root instanceof Parent p) {
            p.applyCss();
            p.layout();
        }
        walk(root, text -> {
            if (text != null && text.chars().filter(Character::isLetter).count() > 1) {
                out.add(text);
            }
        });
        return out;
    }

    private static void walk(Node node, Consumer<String> found) {
        if (!node.isVisible()) {
            return;
        }
        switch (node) {
            case Labeled l when !mono(l) -> {
                found.accept(l.getText());
                tooltip(l.getTooltip(), found);
            }
            case TextInputControl t -> {
                found.accept(t.getPromptText());
                return;
            }
            case FontIcon ignored -> {
                return;
            }
            case Text t when !(t.getParent() instanceof Labeled) && !mono(t) -> found.accept(t.getText());
            case TableView<?> table -> table.getColumns().forEach(c -> column(c, found));
            case TreeTableView<?> table -> table.getColumns().forEach(c -> column(c, found));
            default -> { }
        }
        if (node instanceof Parent p) {
            p.getChildrenUnmodifiable().forEach(c -> walk(c, found));
        }
    }

    private static void tooltip(Tooltip tip, Consumer<String> found) {
        if (tip != null) {
            found.accept(tip.getText());
        }
    }

    private static void column(TableColumnBase<?, ?> column, Consumer<String> found) {
        found.accept(column.getText());
        column.getColumns().forEach(c -> column(c, found));
    }

    private static boolean mono(Node node) {
        boolean styled = node.getStyleClass().stream().anyMatch(c -> c.equals(Styles.MONO) || c.equals(Styles.KEY_CAP) || c.equals("vt-formula") || c.equals("vt-guide-text"));
        String family = node instanceof Labeled l ? l.getFont().getFamily() : node instanceof Text t ? t.getFont().getFamily() : "";
        return styled || family.startsWith("JetBrains");
    }
}
