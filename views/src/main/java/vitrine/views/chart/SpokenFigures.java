package vitrine.views.chart;

import java.util.function.UnaryOperator;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.Scene;

/// The language of the words on the figures of a scene: names of axes, legends, notes. Texts in the mono face are data and stay, and files that
/// are exported as SVG keep their English.
public final class SpokenFigures {

    private static final String KEY = "vitrine.figures.language";

    private SpokenFigures() {}

    /// Lets the figures of a scene say their words through a translation, at once.
    public static void speak(Scene scene, UnaryOperator<String> translation) {
        scene.getProperties().put(KEY, translation);
        redraw(scene.getRoot());
    }

    /// How the figures of a scene say their words.
    @SuppressWarnings("unchecked")
    static UnaryOperator<String> of(Scene scene) {
        return scene == null ? UnaryOperator.identity() : (UnaryOperator<String>) scene.getProperties().getOrDefault(KEY, UnaryOperator.<String>identity());
    }

    private static void redraw(Node node) {
        if (node instanceof FigureCanvas figure) {
            figure.speak();
            figure.requestLayout();
            figure.requestDraw();
        }
        if (node instanceof Parent p) {
            p.getChildrenUnmodifiable().forEach(SpokenFigures::redraw);
        }
    }
}
