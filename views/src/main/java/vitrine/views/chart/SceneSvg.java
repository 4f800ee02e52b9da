package vitrine.views.chart;

import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.List;
import javafx.embed.swing.SwingFXUtils;
import javafx.geometry.Bounds;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.canvas.Canvas;
import javafx.scene.image.Image;
import javafx.scene.image.ImageView;
import javafx.scene.layout.Region;
import javafx.scene.paint.Color;
import javafx.scene.paint.LinearGradient;
import javafx.scene.paint.Paint;
import javafx.scene.text.LayoutInfo;
import javafx.scene.text.Text;
import javafx.scene.text.TextFlow;
import javafx.scene.text.TextLineInfo;
import javafx.scene.transform.Transform;

/// A part of the window as SVG: backgrounds, borders, text, icons and figures as shapes, so that it scales and can be
/// edited.
///
/// Text and icons are outlined. Figures are drawn anew by the code that draws them on screen. Shadows and other effects
/// are left out; a canvas that is no [FigureCanvas] becomes an image.
public final class SceneSvg {

    private final SvgPen pen;
    private final OutlineFonts fonts;

    private SceneSvg(double width, double height) {
        fonts = new OutlineFonts();
        pen = new SvgPen(width, height, fonts);
    }

    /// The SVG text of a node as it is laid out now.
    ///
    /// @param title what a reader or a screen reader calls the picture
    public static String of(Node node, String title) {
        Bounds bounds = node.getLayoutBounds();
        SceneSvg svg = new SceneSvg(bounds.getWidth(), bounds.getHeight());
        svg.pen.translate(-bounds.getMinX(), -bounds.getMinY());
        svg.write(node, 1);
        return svg.pen.document(title);
    }

    private void writePlaced(Node node, double opacity) {
        if (!node.isVisible() || node.getOpacity() == 0) {
            return;
        }
        pen.save();
        pen.graphics().transform(affine(node.getLocalToParentTransform()));
        Node clip = node.getClip();
        if (clip != null) {
            Bounds b = clip.getBoundsInParent();
            pen.clip(b.getMinX(), b.getMinY(), b.getWidth(), b.getHeight());
        }
        write(node, opacity);
        pen.restore();
    }

    private void write(Node node, double opacityAbove) {
        double opacity = opacityAbove * node.getOpacity();
        pen.opacity(opacity);
        switch (node) {
            case FigureCanvas figure -> {
                writeRegion(figure);
                figure.drawWith(pen);
            }
            case Text text -> writeText(text);
            case javafx.scene.shape.Shape shape -> writeShape(shape);
            case Canvas canvas -> writeImage(canvas.snapshot(null, null), canvas.getWidth(), canvas.getHeight());
            case ImageView view when view.getImage() != null ->
                writeImage(view.getImage(), view.getLayoutBounds().getWidth(), view.getLayoutBounds().getHeight());
            case TextFlow flow -> {
                writeRegion(flow);
                writeFlow(flow, opacity);
            }
            case Parent parent -> {
                if (parent instanceof Region region) {
                    writeRegion(region);
                }
                for (Node child : parent.getChildrenUnmodifiable()) {
                    writePlaced(child, opacity);
                }
            }
            default -> { }
        }
    }

    private void writeRegion(Region region) {
        if (region.getBackground() != null || region.getBorder() != null) {
            new RegionOutline(pen, region).write();
        }
    }

    private void writeImage(Image image, double width, double height) {
        AffineTransform place = AffineTransform.getScaleInstance(width / image.getWidth(), height / image.getHeight());
        pen.graphics().drawImage(SwingFXUtils.fromFXImage(image, null), place, null);
    }

    private void writeShape(javafx.scene.shape.Shape shape) {
        Path2D outline = ShapeOutline.of(shape);
        Color fill = colour(shape.getFill());
        if (fill != null) {
            pen.fill(outline, fill);
        }
        Color stroke = colour(shape.getStroke());
        if (stroke != null && shape.getStrokeWidth() > 0) {
            pen.draw(outline, new Stroke(stroke, shape.getStrokeWidth(), List.copyOf(shape.getStrokeDashArray())));
        }
    }

    private void writeText(Text text) {
        Color fill = colour(text.getFill());
        LayoutInfo layout = text.getLayoutInfo();
        if (fill == null || layout == null || text.getText().isBlank()) {
            return;
        }
        for (TextLineInfo line : layout.getTextLines(false)) {
            String words = text.getText().substring(line.start(), line.end()).stripTrailing();
            if (!words.isEmpty()) {
                // The line's own bounds count the alignment twice; those of its characters are right.
                double x = layout.getSelectionGeometry(line.start(), line.start() + words.length(), false).getFirst().getMinX();
                writeWords(words, x, line.bounds().getMinY() + text.getBaselineOffset(), text, fill);
            }
        }
    }

    /// Text in a flow is laid out together; each piece is found by its characters' places in the whole.
    private void writeFlow(TextFlow flow, double opacity) {
        LayoutInfo layout = flow.getLayoutInfo();
        int start = 0;
        for (Node child : flow.getChildren()) {
            if (!(child instanceof Text text)) {
                writePlaced(child, opacity);
                start++;
                continue;
            }
            int end = start + text.getText().length();
            Color fill = colour(text.getFill());
            for (TextLineInfo line : layout.getTextLines(true)) {
                int from = Math.max(start, line.start());
                int to = Math.min(end, line.end());
                if (from < to && fill != null) {
                    String words = text.getText().substring(from - start, to - start).stripTrailing();
                    double x = layout.getSelectionGeometry(from, to, false).getFirst().getMinX();
                    double size = text.getFont().getSize();
                    double middle = line.bounds().getMinY() + line.bounds().getHeight() / 2;
                    writeWords(words, x, middle + size * 0.365, text, fill);
                }
            }
            start = end;
        }
    }

    private void writeWords(String words, double x, double baseline, Text text, Color fill) {
        if (!words.isEmpty()) {
            Shape outline = fonts.outline(words, text.getFont().getFamily(), text.getFont().getSize());
            Shape placed = AffineTransform.getTranslateInstance(x, baseline).createTransformedShape(outline);
            pen.fill(placed, fill);
            if (text.isUnderline()) {
                Rectangle2D b = placed.getBounds2D();
                pen.fillRect(b.getX(), baseline + 1.5, b.getWidth(), 1, fill);
            }
        }
    }

    /// The colour of a paint; the first one of a gradient.
    static Color colour(Paint paint) {
        return switch (paint) {
            case null -> null;
            case Color c -> c.getOpacity() == 0 ? null : c;
            case LinearGradient g -> g.getStops().isEmpty() ? null : g.getStops().getFirst().getColor();
            default -> null;
        };
    }

    private static AffineTransform affine(Transform t) {
        return new AffineTransform(t.getMxx(), t.getMyx(), t.getMxy(), t.getMyy(), t.getTx(), t.getTy());
    }
}
