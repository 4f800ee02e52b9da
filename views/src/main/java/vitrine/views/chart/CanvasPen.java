package vitrine.views.chart;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import javafx.geometry.VPos;
import javafx.scene.canvas.GraphicsContext;
import javafx.scene.paint.Color;
import javafx.scene.shape.StrokeLineCap;
import javafx.scene.shape.StrokeLineJoin;
import javafx.scene.text.Font;
import javafx.scene.text.FontSmoothingType;
import javafx.scene.text.Text;
import javafx.scene.text.TextAlignment;
import vitrine.resources.Fonts;

/// A pen for the screen.
final class CanvasPen implements Pen {

    private static final int WIDTHS_KEPT = 4096;

    private record Measured(String text, TextStyle style) {}

    private final GraphicsContext g;
    private final Map<TextStyle, Font> fonts = new HashMap<>();
    private final Text ruler = new Text();
    private final Map<Measured, Double> widths = new LinkedHashMap<>(256, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Measured, Double> eldest) {
            return size() > WIDTHS_KEPT;
        }
    };
    private double pixelRatio = 1;
    private UnaryOperator<String> words = UnaryOperator.identity();

    CanvasPen(GraphicsContext g) {
        ScreenFonts.load();
        this.g = g;
        g.setTextBaseline(VPos.BASELINE);
        g.setFontSmoothingType(FontSmoothingType.GRAY);
        g.setLineJoin(StrokeLineJoin.ROUND);
        g.setLineCap(StrokeLineCap.BUTT);
    }

    /// Says words, but no data, through a translation.
    void speak(UnaryOperator<String> translation) {
        words = translation;
    }

    private String said(String text, TextStyle style) {
        boolean data = style.face() == Fonts.MONO || style.face() == Fonts.MONO_MEDIUM;
        return data ? text : words.apply(text);
    }

    @Override
    public String shortened(String text, TextStyle style, double width) {
        return Pen.super.shortened(said(text, style), style, width);
    }

    void setPixelRatio(double ratio) {
        pixelRatio = ratio;
    }

    @Override
    public double pixelRatio() {
        return pixelRatio;
    }

    @Override
    public void fillRect(double x, double y, double width, double height, Color colour) {
        g.setFill(colour);
        g.fillRect(x, y, width, height);
    }

    @Override
    public void strokeRect(double x, double y, double width, double height, Stroke stroke) {
        use(stroke);
        g.strokeRect(x, y, width, height);
    }

    @Override
    public void fillRoundRect(double x, double y, double width, double height, double radius, Color colour) {
        g.setFill(colour);
        g.fillRoundRect(x, y, width, height, 2 * radius, 2 * radius);
    }

    @Override
    public void strokeRoundRect(double x, double y, double width, double height, double radius, Stroke stroke) {
        use(stroke);
        g.strokeRoundRect(x, y, width, height, 2 * radius, 2 * radius);
    }

    @Override
    public void line(double x1, double y1, double x2, double y2, Stroke stroke) {
        use(stroke);
        g.strokeLine(x1, y1, x2, y2);
    }

    @Override
    public void polyline(double[] xs, double[] ys, int count, Stroke stroke) {
        use(stroke);
        g.strokePolyline(xs, ys, count);
    }

    @Override
    public void polygon(double[] xs, double[] ys, int count, Color colour) {
        g.setFill(colour);
        g.fillPolygon(xs, ys, count);
    }

    @Override
    public void fillCircle(double x, double y, double radius, Color colour) {
        g.setFill(colour);
        g.fillOval(x - radius, y - radius, 2 * radius, 2 * radius);
    }

    @Override
    public void strokeCircle(double x, double y, double radius, Stroke stroke) {
        use(stroke);
        g.strokeOval(x - radius, y - radius, 2 * radius, 2 * radius);
    }

    @Override
    public void curve(double x1, double y1, double c1x, double c1y, double c2x, double c2y, double x2, double y2, Stroke stroke) {
        use(stroke);
        g.beginPath();
        g.moveTo(x1, y1);
        g.bezierCurveTo(c1x, c1y, c2x, c2y, x2, y2);
        g.stroke();
    }

    @Override
    public void text(String english, double x, double y, TextStyle style, Color colour, Align align, double degrees) {
        String text = said(english, style);
        g.setFill(colour);
        g.setFont(font(style));
        g.setTextAlign(switch (align) {
            case LEFT -> TextAlignment.LEFT;
            case CENTRE -> TextAlignment.CENTER;
            case RIGHT -> TextAlignment.RIGHT;
        });
        if (degrees == 0) {
            // Glyphs are sharp only on whole pixels.
            g.fillText(text, align == Align.LEFT ? snap(x) : x, snap(y));
            return;
        }
        g.save();
        g.translate(snap(x), snap(y));
        g.rotate(degrees);
        g.fillText(text, 0, 0);
        g.restore();
    }

    @Override
    public double textWidth(String text, TextStyle style) {
        return widths.computeIfAbsent(new Measured(said(text, style), style), this::measure);
    }

    private double measure(Measured m) {
        ruler.setFont(font(m.style));
        ruler.setText(m.text);
        return ruler.getLayoutBounds().getWidth();
    }

    private Font font(TextStyle style) {
        return fonts.computeIfAbsent(style, ScreenFonts::font);
    }

    @Override
    public void image(Raster raster, double x, double y, double width, double height, boolean smooth) {
        g.setImageSmoothing(smooth);
        g.drawImage(raster.image(), x, y, width, height);
    }

    @Override
    public void save() {
        g.save();
    }

    @Override
    public void restore() {
        g.restore();
    }

    @Override
    public void clip(double x, double y, double width, double height) {
        g.beginPath();
        g.rect(x, y, width, height);
        g.clip();
    }

    @Override
    public void translate(double dx, double dy) {
        g.translate(dx, dy);
    }

    private void use(Stroke stroke) {
        g.setStroke(stroke.colour());
        g.setLineWidth(stroke.width());
        g.setLineDashes(stroke.dashes().stream().mapToDouble(Double::doubleValue).toArray());
    }
}
