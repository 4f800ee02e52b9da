package vitrine.views.chart;

import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import javafx.scene.paint.Color;

/// A figure as a file: light on white, at any size, with an optional line below that says what it shows.
///
/// Needs no toolkit and no particular thread, as long as the figure does not change meanwhile.
public final class FigureFile {

    private static final double PAD = 12;
    private static final double CAPTION = 24;

    private final Figure figure;
    private final double width;
    private final double height;
    private final Theme theme;
    private final String caption;

    /// @param width of the figure in logical pixels; the file is 12 wider at each side
    /// @param caption checkpoint, prompt or text hash, measure, version; empty for none
    public FigureFile(Figure figure, double width, double height, Theme theme, String caption) {
        this.figure = figure;
        this.width = width;
        this.height = height;
        this.theme = theme;
        this.caption = caption;
    }

    /// The figure as it is shown by a canvas, in the light look.
    public static FigureFile of(FigureCanvas canvas, String caption) {
        return new FigureFile(canvas.getFigure(), canvas.getWidth(), canvas.getHeight(), Theme.LIGHT, caption);
    }

    /// SVG text; letters are outlines.
    public String svg() {
        SvgPen pen = new SvgPen(fullWidth(), fullHeight(), new OutlineFonts());
        draw(pen);
        return pen.document(caption.isEmpty() ? figure.description() : caption);
    }

    /// A bitmap with so many pixels per logical pixel: 1, 2 or 4.
    public BufferedImage bitmap(double scale) {
        BufferedImage image = new BufferedImage((int) Math.ceil(fullWidth() * scale), (int) Math.ceil(fullHeight() * scale),
                BufferedImage.TYPE_INT_ARGB);
        Graphics2D g = image.createGraphics();
        g.scale(scale, scale);
        draw(new AwtPen(g, new OutlineFonts(), scale));
        g.dispose();
        return image;
    }

    private double fullWidth() {
        return Math.ceil(width + 2 * PAD);
    }

    private double fullHeight() {
        return Math.ceil(height + 2 * PAD + (caption.isEmpty() ? 0 : CAPTION));
    }

    private void draw(Pen pen) {
        Palette palette = theme.palette();
        pen.fillRect(0, 0, fullWidth(), fullHeight(), theme == Theme.LIGHT ? Color.WHITE : palette.card());
        pen.save();
        pen.translate(PAD, PAD);
        figure.draw(pen, width, height, theme);
        pen.restore();
        if (!caption.isEmpty()) {
            pen.textMiddle(pen.shortened(caption, TextStyle.CAPTION, width), PAD, height + 2 * PAD + CAPTION / 2 - 4, TextStyle.CAPTION,
                    palette.muted(), Pen.Align.LEFT);
        }
    }
}
