package vitrine.views.chart;

import java.util.List;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.scene.paint.Color;

/// Points of a few groups, such as heads by layer, in two measures.
///
/// The pointer peeks at the nearest point, a click selects it; the arrows left and right go from point to point. A
/// hovered group stays strong while the others fade: bind [#hoveredGroupProperty] to link panels.
public final class ScatterPlot implements Interactive {

    /// One mark.
    ///
    /// @param group its category, counted from 0: colour and marker
    /// @param name as the read-out tells it, such as `layer 2, head 4`
    public record Point(double x, double y, int group, String name) {}

    private static final double MARKER = 7;
    private static final double REACH = 14;
    private static final double FADED = 0.25;

    private final IntegerProperty hovered = new SimpleIntegerProperty(this, "hovered", -1);
    private final IntegerProperty selected = new SimpleIntegerProperty(this, "selected", -1);
    private final IntegerProperty hoveredGroup = new SimpleIntegerProperty(this, "hoveredGroup", -1);
    private final Changes changes = new Changes();
    private Axis x = Axis.of("");
    private Axis y = Axis.of("");
    private List<Point> points = List.of();

    public ScatterPlot axes(Axis across, Axis down) {
        x = across;
        y = down;
        changes.tell();
        return this;
    }

    public ScatterPlot points(List<Point> marks) {
        points = List.copyOf(marks);
        changes.tell();
        return this;
    }

    /// The index of the point under the pointer, or -1.
    public IntegerProperty hoveredProperty() {
        return hovered;
    }

    /// The index of the point that was clicked, or -1.
    public IntegerProperty selectedProperty() {
        return selected;
    }

    /// The group that stays strong while the others fade, or -1.
    public IntegerProperty hoveredGroupProperty() {
        return hoveredGroup;
    }

    private Plot plot(double width, double height, Surface surface) {
        double[] ends = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
        for (Point p : points) {
            if (Double.isFinite(p.x) && Double.isFinite(p.y)) {
                ends[0] = Math.min(ends[0], p.x);
                ends[1] = Math.max(ends[1], p.x);
                ends[2] = Math.min(ends[2], p.y);
                ends[3] = Math.max(ends[3], p.y);
            }
        }
        return Plot.within(width, height, 10, x.fittedTo(ends[0], ends[1], true, 5),
                y.fittedTo(ends[2], ends[3], true, Plot.ticksDown(height - 40)), surface);
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        Plot plot = plot(width, height, pen);
        plot.drawAxes(pen, palette);
        int group = hoveredGroup.get();
        for (Point p : points) {
            if (Double.isFinite(p.x) && Double.isFinite(p.y)) {
                Color colour = palette.categorical(p.group);
                Color shown = group >= 0 && group != p.group ? Palette.withOpacity(colour, FADED) : colour;
                drawPoint(pen, plot, p, shown);
            }
        }
        ring(pen, plot, hovered.get(), Stroke.of(palette.strong(), 1));
        ring(pen, plot, selected.get(), Stroke.of(palette.accent(), 2));
        int told = hovered.get();
        if (told >= 0 && told < points.size()) {
            Point p = points.get(told);
            readOut(p).drawBeside(pen, plot.toX(p.x), plot.toY(p.y), width, height, palette);
        }
    }

    /// A point beyond the axes is a small triangle at the edge.
    private static void drawPoint(Pen pen, Plot plot, Point p, Color colour) {
        double px = plot.toX(p.x);
        double py = plot.toY(p.y);
        if (plot.holds(px, py)) {
            pen.marker(Marker.of(p.group), px, py, MARKER, colour);
        } else {
            boolean above = py < plot.top();
            pen.edgeTriangle(Math.clamp(px, plot.left(), plot.right()), above ? plot.top() : plot.bottom(), above, colour);
        }
    }

    private void ring(Pen pen, Plot plot, int index, Stroke stroke) {
        if (index >= 0 && index < points.size()) {
            Point p = points.get(index);
            pen.strokeCircle(plot.toX(p.x), plot.toY(p.y), 7, stroke);
        }
    }

    private ReadOut readOut(Point p) {
        return new ReadOut().add(ReadOut.Role.NAME, p.name)
                .line().add(ReadOut.Role.NUMBER, Numbers.general(p.x)).add(ReadOut.Role.CONTEXT, x.name())
                .line().add(ReadOut.Role.NUMBER, Numbers.general(p.y)).add(ReadOut.Role.CONTEXT, y.name());
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hovered, selected, hoveredGroup);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hover(nearest(plot(width, height, surface), m.x(), m.y()));
            case Gesture.Leave l -> hover(-1);
            case Gesture.Click c -> {
                int hit = nearest(plot(width, height, surface), c.x(), c.y());
                selected.set(hit);
                return hit >= 0;
            }
            case Gesture.Key k -> {
                return key(k);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void hover(int index) {
        hovered.set(index);
        hoveredGroup.set(index < 0 ? -1 : points.get(index).group);
    }

    private boolean key(Gesture.Key key) {
        switch (key.code()) {
            case LEFT -> selected.set(Math.max(0, selected.get() - 1));
            case RIGHT -> selected.set(Math.min(points.size() - 1, selected.get() + 1));
            case ESCAPE -> {
                boolean held = selected.get() >= 0;
                selected.set(-1);
                return held;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private int nearest(Plot plot, double px, double py) {
        int best = -1;
        double reach = REACH;
        for (int i = 0; i < points.size(); i++) {
            double distance = Math.hypot(plot.toX(points.get(i).x) - px, plot.toY(points.get(i).y) - py);
            if (distance < reach) {
                reach = distance;
                best = i;
            }
        }
        return best;
    }

    @Override
    public String description() {
        int told = hovered.get() >= 0 ? hovered.get() : selected.get();
        return told >= 0 && told < points.size() ? readOut(points.get(told)).text()
                : y.name() + " against " + x.name() + ", " + points.size() + " points";
    }

    @Override
    public String csv() {
        Csv csv = new Csv().line("name", "group", x.name(), y.name());
        points.forEach(p -> csv.line(p.name, p.group, p.x, p.y));
        return csv.toString();
    }
}
