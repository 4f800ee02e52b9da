package vitrine.views.chart;

import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import javafx.geometry.Insets;
import javafx.scene.layout.BackgroundFill;
import javafx.scene.layout.BorderStroke;
import javafx.scene.layout.BorderStrokeStyle;
import javafx.scene.layout.CornerRadii;
import javafx.scene.layout.Region;
import javafx.scene.paint.Color;

/// Writes the background and the border of a region.
final class RegionOutline {

    /// How far a circle's Bézier handles reach, as a share of its radius.
    private static final double HANDLE = 0.5523;

    private final AwtPen pen;
    private final Region region;

    RegionOutline(AwtPen pen, Region region) {
        this.pen = pen;
        this.region = region;
    }

    void write() {
        if (region.getBackground() != null) {
            for (BackgroundFill fill : region.getBackground().getFills()) {
                Color colour = SceneSvg.colour(fill.getFill());
                if (colour != null) {
                    writeFill(fill, colour);
                }
            }
        }
        if (region.getBorder() != null) {
            region.getBorder().getStrokes().forEach(this::writeStroke);
        }
    }

    private void writeFill(BackgroundFill fill, Color colour) {
        Insets in = fill.getInsets();
        double w = region.getWidth() - in.getLeft() - in.getRight();
        double h = region.getHeight() - in.getTop() - in.getBottom();
        if (w <= 0 || h <= 0) {
            return;
        }
        if (region.getShape() != null) {
            pen.fill(fitted(ShapeOutline.of(region.getShape()), in.getLeft(), in.getTop(), w, h), colour);
        } else {
            pen.fill(rounded(in.getLeft(), in.getTop(), w, h, fill.getRadii(), 0), colour);
        }
    }

    private java.awt.Shape fitted(Path2D shape, double x, double y, double w, double h) {
        Rectangle2D b = shape.getBounds2D();
        AffineTransform place = new AffineTransform();
        if (region.isScaleShape() && b.getWidth() > 0 && b.getHeight() > 0) {
            place.translate(x, y);
            place.scale(w / b.getWidth(), h / b.getHeight());
            place.translate(-b.getX(), -b.getY());
        } else if (region.isCenterShape()) {
            place.translate(x + (w - b.getWidth()) / 2 - b.getX(), y + (h - b.getHeight()) / 2 - b.getY());
        }
        return place.createTransformedShape(shape);
    }

    private void writeStroke(BorderStroke stroke) {
        Insets in = stroke.getInsets();
        double x = in.getLeft();
        double y = in.getTop();
        double w = region.getWidth() - x - in.getRight();
        double h = region.getHeight() - y - in.getBottom();
        boolean even = stroke.getWidths().getTop() == stroke.getWidths().getLeft()
                && stroke.getWidths().getTop() == stroke.getWidths().getBottom()
                && stroke.getWidths().getTop() == stroke.getWidths().getRight() && stroke.getTopStroke().equals(stroke.getLeftStroke())
                && stroke.getTopStroke().equals(stroke.getBottomStroke()) && stroke.getTopStroke().equals(stroke.getRightStroke());
        if (even) {
            double width = stroke.getWidths().getTop();
            Color colour = SceneSvg.colour(stroke.getTopStroke());
            if (colour != null && width > 0 && stroke.getTopStyle() != BorderStrokeStyle.NONE) {
                pen.draw(rounded(x + width / 2, y + width / 2, w - width, h - width, stroke.getRadii(), width / 2),
                        new Stroke(colour, width, dashes(stroke.getTopStyle())));
            }
            return;
        }
        side(stroke.getTopStroke(), stroke.getTopStyle(), x, y, w, stroke.getWidths().getTop());
        double bottom = stroke.getWidths().getBottom();
        side(stroke.getBottomStroke(), stroke.getBottomStyle(), x, y + h - bottom, w, bottom);
        side(stroke.getLeftStroke(), stroke.getLeftStyle(), x, y, stroke.getWidths().getLeft(), h);
        double right = stroke.getWidths().getRight();
        side(stroke.getRightStroke(), stroke.getRightStyle(), x + w - right, y, right, h);
    }

    private void side(javafx.scene.paint.Paint paint, BorderStrokeStyle style, double x, double y, double w, double h) {
        Color colour = SceneSvg.colour(paint);
        if (colour != null && w > 0 && h > 0 && style != BorderStrokeStyle.NONE) {
            pen.fillRect(x, y, w, h, colour);
        }
    }

    private static List<Double> dashes(BorderStrokeStyle style) {
        return style == BorderStrokeStyle.DASHED ? List.of(4.0, 3.0) : style == BorderStrokeStyle.DOTTED ? List.of(1.0, 2.0)
                : new ArrayList<>(style.getDashArray());
    }

    /// A rectangle with four corners of their own radii, each at most half a side.
    private static Path2D rounded(double x, double y, double w, double h, CornerRadii radii, double less) {
        double most = Math.min(w, h) / 2;
        double[] r = {radius(radii.getTopLeftHorizontalRadius(), radii.isTopLeftHorizontalRadiusAsPercentage(), w),
            radius(radii.getTopRightHorizontalRadius(), radii.isTopRightHorizontalRadiusAsPercentage(), w),
            radius(radii.getBottomRightHorizontalRadius(), radii.isBottomRightHorizontalRadiusAsPercentage(), w),
            radius(radii.getBottomLeftHorizontalRadius(), radii.isBottomLeftHorizontalRadiusAsPercentage(), w)};
        for (int i = 0; i < 4; i++) {
            r[i] = Math.clamp(r[i] - less, 0, Math.max(0, most));
        }
        double[] k = new double[4];
        for (int i = 0; i < 4; i++) {
            k[i] = r[i] * (1 - HANDLE);
        }
        Path2D p = new Path2D.Double();
        p.moveTo(x + r[0], y);
        p.lineTo(x + w - r[1], y);
        p.curveTo(x + w - k[1], y, x + w, y + k[1], x + w, y + r[1]);
        p.lineTo(x + w, y + h - r[2]);
        p.curveTo(x + w, y + h - k[2], x + w - k[2], y + h, x + w - r[2], y + h);
        p.lineTo(x + r[3], y + h);
        p.curveTo(x + k[3], y + h, x, y + h - k[3], x, y + h - r[3]);
        p.lineTo(x, y + r[0]);
        p.curveTo(x, y + k[0], x + k[0], y, x + r[0], y);
        p.closePath();
        return p;
    }

    private static double radius(double radius, boolean percent, double width) {
        return percent ? radius * width : radius;
    }
}
