package vitrine.views.chart;

import javafx.scene.paint.Color;

/// What a figure draws with: the same calls make the screen ([CanvasPen]), a bitmap and an SVG file ([SvgPen]).
///
/// Lengths are logical pixels, y grows downwards. Every call says its own colour and style; only clip and origin are
/// state, between [#save] and [#restore].
public interface Pen extends Surface {

    /// Where text stands in relation to the point it is given.
    enum Align { LEFT, CENTRE, RIGHT }

    void fillRect(double x, double y, double width, double height, Color colour);

    void strokeRect(double x, double y, double width, double height, Stroke stroke);

    void fillRoundRect(double x, double y, double width, double height, double radius, Color colour);

    void strokeRoundRect(double x, double y, double width, double height, double radius, Stroke stroke);

    void line(double x1, double y1, double x2, double y2, Stroke stroke);

    /// An open line through the first `count` points.
    void polyline(double[] xs, double[] ys, int count, Stroke stroke);

    /// A filled polygon through the first `count` points.
    void polygon(double[] xs, double[] ys, int count, Color colour);

    void fillCircle(double x, double y, double radius, Color colour);

    void strokeCircle(double x, double y, double radius, Stroke stroke);

    /// A cubic Bézier curve.
    void curve(double x1, double y1, double c1x, double c1y, double c2x, double c2y, double x2, double y2, Stroke stroke);

    /// Text on one line, turned clockwise about its point by so many degrees; y is the baseline.
    void text(String text, double x, double y, TextStyle style, Color colour, Align align, double degrees);

    /// A raster over a rectangle; each of its pixels keeps hard edges unless it is to be smooth.
    void image(Raster raster, double x, double y, double width, double height, boolean smooth);

    void save();

    void restore();

    /// Narrows drawing to a rectangle until [#restore].
    void clip(double x, double y, double width, double height);

    void translate(double dx, double dy);

    /// Upright text; y is the baseline.
    default void text(String text, double x, double y, TextStyle style, Color colour, Align align) {
        text(text, x, y, style, colour, align, 0);
    }

    /// Upright text whose capitals are centred on y.
    default void textMiddle(String text, double x, double y, TextStyle style, Color colour, Align align) {
        text(text, x, y + style.middleToBaseline(), style, colour, align, 0);
    }

    /// A horizontal line one pixel thick that is sharp on every screen.
    default void hairlineAcross(double x1, double x2, double y, Color colour) {
        double thin = Math.max(1, Math.round(pixelRatio())) / pixelRatio();
        fillRect(snap(x1), snap(y - thin / 2), snap(x2) - snap(x1), thin, colour);
    }

    /// A vertical line one pixel thick that is sharp on every screen.
    default void hairlineDown(double x, double y1, double y2, Color colour) {
        double thin = Math.max(1, Math.round(pixelRatio())) / pixelRatio();
        fillRect(snap(x - thin / 2), snap(y1), thin, snap(y2) - snap(y1), colour);
    }

    /// A small triangle at an edge of a plot: something lies beyond.
    default void edgeTriangle(double x, double y, boolean upwards, Color colour) {
        double base = upwards ? y + 5 : y - 5;
        polygon(new double[] {x, x + 3.5, x - 3.5}, new double[] {y, base, base}, 3, colour);
    }

    /// A marker of a category, so many pixels across.
    default void marker(Marker marker, double x, double y, double size, Color colour) {
        double r = size / 2;
        double[] xs;
        double[] ys;
        switch (marker) {
            case CIRCLE -> {
                fillCircle(x, y, r, colour);
                return;
            }
            case RING -> {
                strokeCircle(x, y, r - 0.75, Stroke.of(colour, 1.75));
                return;
            }
            case SQUARE, HOLLOW_SQUARE -> {
                double h = r * 0.9;
                xs = new double[] {x - h, x + h, x + h, x - h, x - h};
                ys = new double[] {y - h, y - h, y + h, y + h, y - h};
            }
            case TRIANGLE, HOLLOW_TRIANGLE -> {
                xs = new double[] {x, x + r * 1.1, x - r * 1.1, x};
                ys = new double[] {y - r * 1.05, y + r * 0.9, y + r * 0.9, y - r * 1.05};
            }
            default -> {
                double h = r * 1.2;
                xs = new double[] {x, x + h, x, x - h, x};
                ys = new double[] {y - h, y, y + h, y, y - h};
            }
        }
        if (marker.hollow()) {
            polyline(xs, ys, xs.length, Stroke.of(colour, 1.5));
        } else {
            polygon(xs, ys, xs.length - 1, colour);
        }
    }
}
