package vitrine.views.chart;

import java.awt.geom.Path2D;
import javafx.scene.shape.ClosePath;
import javafx.scene.shape.CubicCurveTo;
import javafx.scene.shape.LineTo;
import javafx.scene.shape.MoveTo;
import javafx.scene.shape.Path;
import javafx.scene.shape.PathElement;
import javafx.scene.shape.QuadCurveTo;
import javafx.scene.shape.Rectangle;
import javafx.scene.shape.SVGPath;
import javafx.scene.shape.Shape;
import javafx.scene.shape.Line;

/// A JavaFX shape as a Java 2D path, in the shape's own coordinates.
final class ShapeOutline {

    private ShapeOutline() {}

    static Path2D of(Shape shape) {
        if (shape instanceof Line line) {
            Path2D path = new Path2D.Double();
            path.moveTo(line.getStartX(), line.getStartY());
            path.lineTo(line.getEndX(), line.getEndY());
            return path;
        }
        return path(flat(shape).getElements());
    }

    /// JavaFX tells a shape's outline only as the result of an operation with another one, in scene coordinates and
    /// with its stroke: so the operation is done on a copy that lies nowhere and has none.
    private static Path flat(Shape shape) {
        Shape copy = switch (shape) {
            case Path p -> {
                Path c = new Path(p.getElements());
                c.setFillRule(p.getFillRule());
                yield c;
            }
            case SVGPath p -> {
                SVGPath c = new SVGPath();
                c.setContent(p.getContent());
                c.setFillRule(p.getFillRule());
                yield c;
            }
            case Rectangle r -> {
                Rectangle c = new Rectangle(r.getX(), r.getY(), r.getWidth(), r.getHeight());
                c.setArcWidth(r.getArcWidth());
                c.setArcHeight(r.getArcHeight());
                yield c;
            }
            case javafx.scene.shape.Circle c -> new javafx.scene.shape.Circle(c.getCenterX(), c.getCenterY(), c.getRadius());
            case javafx.scene.shape.Ellipse e ->
                new javafx.scene.shape.Ellipse(e.getCenterX(), e.getCenterY(), e.getRadiusX(), e.getRadiusY());
            case javafx.scene.shape.Polygon p ->
                new javafx.scene.shape.Polygon(p.getPoints().stream().mapToDouble(Double::doubleValue).toArray());
            case javafx.scene.shape.Arc a -> {
                var c = new javafx.scene.shape.Arc(a.getCenterX(), a.getCenterY(), a.getRadiusX(), a.getRadiusY(), a.getStartAngle(),
                        a.getLength());
                c.setType(a.getType());
                yield c;
            }
            default -> new Rectangle();
        };
        copy.setFill(javafx.scene.paint.Color.BLACK);
        copy.setStroke(null);
        return (Path) Shape.union(copy, new Rectangle());
    }

    private static Path2D path(Iterable<PathElement> elements) {
        Path2D path = new Path2D.Double();
        for (PathElement element : elements) {
            switch (element) {
                case MoveTo m -> path.moveTo(m.getX(), m.getY());
                case LineTo l -> path.lineTo(l.getX(), l.getY());
                case QuadCurveTo q -> path.quadTo(q.getControlX(), q.getControlY(), q.getX(), q.getY());
                case CubicCurveTo c ->
                    path.curveTo(c.getControlX1(), c.getControlY1(), c.getControlX2(), c.getControlY2(), c.getX(), c.getY());
                case ClosePath c -> path.closePath();
                default -> { }
            }
        }
        return path;
    }
}
