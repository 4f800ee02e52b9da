package vitrine.app.shell;

import java.util.List;
import javafx.scene.image.Image;
import javafx.scene.image.WritableImage;
import javafx.scene.paint.Color;
import vitrine.views.chart.Figure;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Pen;
import vitrine.views.chart.Scale;
import vitrine.views.chart.Theme;
import vitrine.views.control.ProvenanceAudit;

/// The program's mark: a small map in the sequential colours.
public record Mark() implements Figure {

    private static final List<Double> CELLS = List.of(0.3, 0.05, 0.1, 0.55, 0.42, 0.2, 0.98, 0.8, 0.66);
    private static final int SIDE = 3;

    /// The mark as a node of `size` pixels.
    static FigureCanvas node(double size) {
        FigureCanvas canvas = ProvenanceAudit.notAFigure(new FigureCanvas(new Mark()), "the program's mark");
        canvas.setMinSize(size, size);
        canvas.setPrefSize(size, size);
        canvas.setMaxSize(size, size);
        return canvas;
    }

    /// The mark as an image of `size` x `size` pixels, for the system's list of windows.
    public static Image image(int size) {
        WritableImage image = new WritableImage(size, size);
        int gap = Math.max(1, size / 14);
        int cell = (size - gap * (SIDE - 1)) / SIDE;
        Scale scale = Scale.linear(0, 1);
        for (int i = 0; i < CELLS.size(); i++) {
            Color colour = scale.colour(CELLS.get(i), Theme.DARK.palette());
            int left = i % SIDE * (cell + gap);
            int top = i / SIDE * (cell + gap);
            for (int p = 0; p < cell * cell; p++) {
                image.getPixelWriter().setColor(left + p % cell, top + p / cell, colour);
            }
        }
        return image;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        double gap = Math.max(1, Math.round(width / 14));
        double cell = (width - gap * (SIDE - 1)) / SIDE;
        Scale scale = Scale.linear(0, 1);
        for (int i = 0; i < CELLS.size(); i++) {
            Color colour = scale.colour(CELLS.get(i), theme.palette());
            pen.fillRoundRect(i % SIDE * (cell + gap), i / SIDE * (cell + gap), cell, cell, Math.max(1, cell / 5), colour);
        }
    }
}
