package vitrine.views.chart;

import java.awt.image.BufferedImage;
import java.util.function.Consumer;
import javafx.embed.swing.SwingFXUtils;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.SnapshotParameters;
import javafx.scene.paint.Color;
import javafx.scene.transform.Transform;

/// A part of the window as a bitmap, sharp at any scale.
public final class ScenePng {

    private ScenePng() {}

    /// Takes the picture with so many pixels per logical pixel, 1, 2 or 4, whatever the screen has.
    ///
    /// Figures are drawn anew at that scale; a mere snapshot would magnify the pixels of the screen.
    public static BufferedImage take(Node node, double scale) {
        eachFigure(node, figure -> figure.drawAtResolution(scale));
        try {
            SnapshotParameters parameters = new SnapshotParameters();
            parameters.setTransform(Transform.scale(scale, scale));
            parameters.setFill(Color.TRANSPARENT);
            return SwingFXUtils.fromFXImage(node.snapshot(parameters, null), null);
        } finally {
            eachFigure(node, figure -> figure.drawAtResolution(1));
        }
    }

    private static void eachFigure(Node node, Consumer<FigureCanvas> action) {
        if (node instanceof FigureCanvas figure) {
            action.accept(figure);
        } else if (node instanceof Parent parent) {
            parent.getChildrenUnmodifiable().forEach(child -> eachFigure(child, action));
        }
    }
}
