package vitrine.views.chart;

import java.awt.AlphaComposite;
import java.awt.BasicStroke;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.CubicCurve2D;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.geom.RoundRectangle2D;
import java.util.ArrayDeque;
import java.util.Deque;
import javafx.scene.paint.Color;

/// A pen for files: draws on anything that takes Java 2D, text as outlines. Needs no toolkit and no particular thread.
class AwtPen implements Pen {

    private record State(AffineTransform transform, Shape clip) {}

    private final Graphics2D g;
    private final OutlineFonts fonts;
    private final double pixelRatio;
    private final Deque<State> saved = new ArrayDeque<>();

    AwtPen(Graphics2D g, OutlineFonts fonts, double pixelRatio) {
        this.g = g;
        this.fonts = fonts;
        this.pixelRatio = pixelRatio;
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
    }

    Graphics2D graphics() {
        return g;
    }

    @Override
    public double pixelRatio() {
        return pixelRatio;
    }

    @Override
    public void fillRect(double x, double y, double width, double height, Color colour) {
        fill(new Rectangle2D.Double(x, y, width, height), colour);
    }

    @Override
    public void strokeRect(double x, double y, double width, double height, Stroke stroke) {
        draw(new Rectangle2D.Double(x, y, width, height), stroke);
    }

    @Override
    public void fillRoundRect(double x, double y, double width, double height, double radius, Color colour) {
        fill(new RoundRectangle2D.Double(x, y, width, height, 2 * radius, 2 * radius), colour);
    }

    @Override
    public void strokeRoundRect(double x, double y, double width, double height, double radius, Stroke stroke) {
        draw(new RoundRectangle2D.Double(x, y, width, height, 2 * radius, 2 * radius), stroke);
    }

    @Override
    public void line(double x1, double y1, double x2, double y2, Stroke stroke) {
        draw(new Line2D.Double(x1, y1, x2, y2), stroke);
    }

    @Override
    public void polyline(double[] xs, double[] ys, int count, Stroke stroke) {
        if (count > 1) {
            draw(path(xs, ys, count), stroke);
        }
    }

    @Override
    public void polygon(double[] xs, double[] ys, int count, Color colour) {
        if (count > 2) {
            Path2D path = path(xs, ys, count);
            path.closePath();
            fill(path, colour);
        }
    }

    @Override
    public void fillCircle(double x, double y, double radius, Color colour) {
        fill(new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius), colour);
    }

    @Override
    public void strokeCircle(double x, double y, double radius, Stroke stroke) {
        draw(new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius), stroke);
    }

    @Override
    public void curve(double x1, double y1, double c1x, double c1y, double c2x, double c2y, double x2, double y2, Stroke stroke) {
        draw(new CubicCurve2D.Double(x1, y1, c1x, c1y, c2x, c2y, x2, y2), stroke);
    }

    @Override
    public void text(String text, double x, double y, TextStyle style, Color colour, Align align, double degrees) {
        if (text.isBlank()) {
            return;
        }
        double shift = switch (align) {
            case LEFT -> 0;
            case CENTRE -> -textWidth(text, style) / 2;
            case RIGHT -> -textWidth(text, style);
        };
        AffineTransform place = AffineTransform.getTranslateInstance(x, y);
        place.rotate(Math.toRadians(degrees));
        place.translate(shift, 0);
        fill(place.createTransformedShape(fonts.outline(text, style.face().family(), style.size())), colour);
    }

    @Override
    public double textWidth(String text, TextStyle style) {
        return fonts.width(text, style);
    }

    @Override
    public void image(Raster raster, double x, double y, double width, double height, boolean smooth) {
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION,
                smooth ? RenderingHints.VALUE_INTERPOLATION_BILINEAR : RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        AffineTransform place = AffineTransform.getTranslateInstance(x, y);
        place.scale(width / raster.width(), height / raster.height());
        g.drawImage(raster.bufferedImage(), place, null);
    }

    @Override
    public void save() {
        saved.push(new State(g.getTransform(), g.getClip()));
    }

    @Override
    public void restore() {
        State state = saved.pop();
        g.setTransform(state.transform);
        g.setClip(state.clip);
    }

    @Override
    public void clip(double x, double y, double width, double height) {
        g.clip(new Rectangle2D.Double(x, y, width, height));
    }

    @Override
    public void translate(double dx, double dy) {
        g.translate(dx, dy);
    }

    void fill(Shape shape, Color colour) {
        g.setPaint(awt(colour));
        g.fill(shape);
    }

    void draw(Shape shape, Stroke stroke) {
        g.setPaint(awt(stroke.colour()));
        float[] dashes = new float[stroke.dashes().size()];
        for (int i = 0; i < dashes.length; i++) {
            dashes[i] = stroke.dashes().get(i).floatValue();
        }
        g.setStroke(new BasicStroke((float) stroke.width(), BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10,
                dashes.length == 0 ? null : dashes, 0));
        g.draw(shape);
    }

    /// Multiplies everything drawn from now on by an opacity.
    void opacity(double opacity) {
        g.setComposite(AlphaComposite.getInstance(AlphaComposite.SRC_OVER, (float) Math.clamp(opacity, 0, 1)));
    }

    static java.awt.Color awt(Color c) {
        return new java.awt.Color((float) c.getRed(), (float) c.getGreen(), (float) c.getBlue(), (float) c.getOpacity());
    }

    private static Path2D path(double[] xs, double[] ys, int count) {
        Path2D path = new Path2D.Double(Path2D.WIND_NON_ZERO, count);
        path.moveTo(xs[0], ys[0]);
        for (int i = 1; i < count; i++) {
            path.lineTo(xs[i], ys[i]);
        }
        return path;
    }
}
