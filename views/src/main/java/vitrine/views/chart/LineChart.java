package vitrine.views.chart;

import java.util.List;
import java.util.function.DoubleFunction;
import javafx.beans.Observable;
import javafx.beans.property.DoubleProperty;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleDoubleProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.input.KeyCode;

/// Curves over a common x axis.
///
/// A million points are drawn as fast as a thousand, and peaks survive ([Reduction]). The pointer snaps to the nearest
/// index of the first series and lists all series; a click locks it. The wheel zooms x at the pointer, dragging pans,
/// dragging along the axis picks a range, a double click or 0 fits. Bind [#hoveredIndexProperty] of several charts to
/// link them. A threshold ([#thresholdProperty]) is a line that the pointer can move.
public final class LineChart implements Interactive {

    /// A horizontal line at a value that curves are to be compared with.
    ///
    /// @param series the curve that it belongs to; empty for all. Of two lines that would touch, the one of the hovered
    ///     or selected series is drawn
    public record Reference(double y, String name, String series) {}

    /// A vertical line at a place, in the accent colour, with its name.
    public record Mark(double x, String name) {}

    /// A ringed point with dashed lines down and left to the axes.
    ///
    /// @param category whose colour it takes, counted from 0
    public record Point(double x, double y, String name, int category) {}

    /// A part of x.
    record Range(double low, double high) {}

    private static final double ZOOM_STEP = 1.25;
    /// The pointer takes hold of the threshold this near to it, in pixels.
    private static final double GRIP = 8;

    private final IntegerProperty hoveredIndex = new SimpleIntegerProperty(this, "hoveredIndex", -1);
    private final IntegerProperty lockedIndex = new SimpleIntegerProperty(this, "lockedIndex", -1);
    private final DoubleProperty threshold = new SimpleDoubleProperty(this, "threshold", Double.NaN);
    private final ObjectProperty<String> selectedSeries = new SimpleObjectProperty<>(this, "selectedSeries", "");
    private final Changes changes = new Changes();
    private final LineChartDrawing drawing = new LineChartDrawing(this);

    private Axis x = Axis.of("");
    private Axis y = Axis.of("");
    private List<LineSeries> series = List.of();
    private List<Reference> references = List.of();
    private List<Mark> marks = List.of();
    private List<Point> points = List.of();
    private double now = Double.NaN;
    private double end = Double.NaN;
    private String nowName = "";
    private Range visible;
    private Range picking;
    private boolean moving;
    private DoubleFunction<String> thresholdName = v -> "";
    private Laid laid;
    private DoubleFunction<String> xFormat = Numbers::general;
    private DoubleFunction<String> yFormat = Numbers::general;

    public LineChart axes(Axis across, Axis down) {
        x = across;
        y = down;
        changed();
        return this;
    }

    /// The curves, the first on top and the one whose indices the cursor snaps to.
    public LineChart series(List<LineSeries> curves) {
        series = List.copyOf(curves);
        changed();
        return this;
    }

    public LineChart references(List<Reference> lines) {
        references = List.copyOf(lines);
        changed();
        return this;
    }

    public LineChart marks(List<Mark> lines) {
        marks = List.copyOf(lines);
        changed();
        return this;
    }

    public LineChart points(List<Point> ringed) {
        points = List.copyOf(ringed);
        changed();
        return this;
    }

    /// Shades what a run in progress has not reached yet.
    ///
    /// @param at how far the run is
    /// @param until where it will end
    /// @param name stands beside the line, such as `now, step 410`
    public LineChart remaining(double at, double until, String name) {
        now = at;
        end = until;
        nowName = name;
        changed();
        return this;
    }

    /// How x and y are written in the read-out, such as `step 250` and [Numbers#loss].
    public LineChart formats(DoubleFunction<String> across, DoubleFunction<String> down) {
        xFormat = across;
        yFormat = down;
        changed();
        return this;
    }

    /// What stands beside the threshold's line.
    public LineChart thresholdName(DoubleFunction<String> naming) {
        thresholdName = naming;
        changed();
        return this;
    }

    private void changed() {
        laid = null;
        changes.tell();
    }

    /// The index under the pointer, or -1; shared by linked charts.
    public IntegerProperty hoveredIndexProperty() {
        return hoveredIndex;
    }

    /// The index that was clicked, or -1.
    public IntegerProperty lockedIndexProperty() {
        return lockedIndex;
    }

    /// Where a line stands that the pointer can drag along x, or NaN for none. Whoever listens may put it on a nearby whole number.
    public DoubleProperty thresholdProperty() {
        return threshold;
    }

    /// The name of the curve that is drawn bolder; empty for none.
    public ObjectProperty<String> selectedSeriesProperty() {
        return selectedSeries;
    }

    /// Shows the whole range.
    public void fit() {
        visible = null;
        changed();
    }

    List<LineSeries> series() {
        return series;
    }

    List<Reference> references() {
        return references;
    }

    List<Mark> marks() {
        return marks;
    }

    List<Point> points() {
        return points;
    }

    double now() {
        return now;
    }

    String nowName() {
        return nowName;
    }

    Range picking() {
        return picking;
    }

    String thresholdName() {
        return thresholdName.apply(threshold.get());
    }

    /// The index that is to be told: the hovered one, else the locked one, else -1.
    int shownIndex() {
        int index = hoveredIndex.get() >= 0 ? hoveredIndex.get() : lockedIndex.get();
        return series.isEmpty() || index >= series.getFirst().xs().length ? -1 : index;
    }

    private record Laid(double width, double height, Surface surface, double pixelRatio, Plot plot) {}

    /// Whether a run in progress leaves a fifth of the plot or more for the labels of its curves.
    boolean labelsFitInside() {
        return visible == null && !Double.isNaN(now) && now < 0.8 * end;
    }

    /// The plot at a size; kept until data, axes or visible range change, since fitting y reads every point.
    Plot plot(double width, double height, Surface surface) {
        Laid l = laid;
        if (l == null || l.width != width || l.height != height || l.surface != surface || l.pixelRatio != surface.pixelRatio()) {
            laid = new Laid(width, height, surface, surface.pixelRatio(), layOut(width, height, surface));
        }
        return laid.plot;
    }

    private Plot layOut(double width, double height, Surface surface) {
        Axis across = visible != null ? x.between(visible.low, visible.high) : wholeX();
        return Plot.within(width, height, LineChartDrawing.roomForLabels(this, surface, width), across, fittedY(across, height), surface);
    }

    private Axis wholeX() {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (LineSeries s : series) {
            if (s.xs().length > 0) {
                least = Math.min(least, s.xs()[0]);
                most = Math.max(most, s.xs()[s.xs().length - 1]);
            }
        }
        return x.fittedTo(least, Double.isNaN(end) ? most : Math.max(most, end), false, 6);
    }

    private Axis fittedY(Axis across, double height) {
        if (!y.fits()) {
            return y;
        }
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (LineSeries s : series) {
            for (int i = 0; i < s.ys().length; i++) {
                boolean seen = s.xs()[i] >= across.low() && s.xs()[i] <= across.high();
                if (seen && Double.isFinite(s.ys()[i]) && (!y.log() || s.ys()[i] > 0)) {
                    least = Math.min(least, s.ys()[i]);
                    most = Math.max(most, s.ys()[i]);
                }
            }
        }
        for (Reference line : references) {
            least = Math.min(least, line.y);
            most = Math.max(most, line.y);
        }
        return y.fittedTo(least, most, true, Plot.ticksDown(height - 40));
    }

    /// All series at an index of the first one, or null.
    ReadOut readOut(int index, Palette palette) {
        if (index < 0) {
            return null;
        }
        double at = series.getFirst().xs()[index];
        ReadOut card = new ReadOut().add(ReadOut.Role.VALUE, xFormat.apply(at));
        if (!x.name().isEmpty()) {
            card.add(ReadOut.Role.CONTEXT, x.name());
        }
        for (LineSeries s : series) {
            int i = s.nearest(at);
            // A series that is measured more seldom is listed only where it has a value.
            if (i >= 0 && s.xs()[i] == at) {
                card.line().add(ReadOut.Role.CONTEXT, s.name(), s.colour().apply(palette))
                        .add(ReadOut.Role.NUMBER, Numbers.orReason(s.ys()[i], yFormat));
            }
        }
        return card;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        drawing.draw(pen, width, height, theme.palette());
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hoveredIndex, lockedIndex, selectedSeries, threshold);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        Plot plot = plot(width, height, surface);
        return switch (gesture) {
            case Gesture.Move m -> hover(plot, m.x(), m.y());
            case Gesture.Leave l -> {
                hoveredIndex.set(-1);
                yield false;
            }
            case Gesture.Press p -> {
                moving = plot.holds(p.x(), p.y()) && Math.abs(plot.toX(threshold.get()) - p.x()) <= GRIP;
                yield moving;
            }
            case Gesture.Drag d when moving -> {
                threshold.set(Math.clamp(plot.xAt(d.x()), plot.x().low(), plot.x().high()));
                yield true;
            }
            case Gesture.Drop d when moving -> {
                moving = false;
                yield true;
            }
            case Gesture.Click c when c.count() > 1 -> {
                fit();
                yield true;
            }
            case Gesture.Click c -> {
                boolean hit = hover(plot, c.x(), c.y());
                lockedIndex.set(!hit || lockedIndex.get() == hoveredIndex.get() ? -1 : hoveredIndex.get());
                yield hit;
            }
            case Gesture.Wheel w -> {
                zoom(plot, plot.xAt(w.x()), Math.pow(ZOOM_STEP, w.notches()));
                yield true;
            }
            case Gesture.Drag d when d.startY() > plot.bottom() -> {
                picking = new Range(Math.min(plot.xAt(d.startX()), plot.xAt(d.x())), Math.max(plot.xAt(d.startX()), plot.xAt(d.x())));
                changed();
                yield true;
            }
            case Gesture.Drag d -> {
                pan(plot, -d.dx() / plot.width());
                yield visible != null;
            }
            case Gesture.Drop d -> {
                if (picking != null) {
                    see(picking.low, picking.high);
                    picking = null;
                }
                yield true;
            }
            case Gesture.Key k -> key(k, plot);
            default -> false;
        };
    }

    private boolean hover(Plot plot, double px, double py) {
        boolean inside = plot.holds(px, py) && !series.isEmpty();
        hoveredIndex.set(inside ? series.getFirst().nearest(plot.xAt(px)) : -1);
        return inside;
    }

    private void zoom(Plot plot, double around, double factor) {
        Axis a = plot.x();
        double place = a.place(around);
        see(a.value(place - place / factor), a.value(place + (1 - place) / factor));
    }

    private void pan(Plot plot, double places) {
        if (visible != null) {
            Axis whole = wholeX();
            double room = places < 0 ? plot.x().place(whole.low()) : plot.x().place(whole.high()) - 1;
            double step = places < 0 ? Math.max(places, Math.min(0, room)) : Math.min(places, Math.max(0, room));
            visible = new Range(plot.x().value(step), plot.x().value(1 + step));
            changed();
        }
    }

    private void see(double low, double high) {
        Axis whole = wholeX();
        double from = Math.max(low, whole.low());
        double to = Math.min(high, whole.high());
        if (from < to) {
            visible = from <= whole.low() && to >= whole.high() ? null : new Range(from, to);
            changed();
        }
    }

    private boolean key(Gesture.Key key, Plot plot) {
        int shown = lockedIndex.get() >= 0 ? lockedIndex.get() : hoveredIndex.get();
        switch (key.code()) {
            case LEFT, RIGHT -> {
                int step = key.code() == KeyCode.LEFT ? -1 : 1;
                int last = series.isEmpty() ? -1 : series.getFirst().xs().length - 1;
                lockedIndex.set(shown < 0 ? Math.min(0, last) : Math.clamp(shown + step, 0, Math.max(0, last)));
            }
            case UP, DOWN -> {
                if (!key.shift()) {
                    return false;
                }
                double factor = key.code() == KeyCode.UP ? ZOOM_STEP : 1 / ZOOM_STEP;
                zoom(plot, plot.x().value(0.5), factor);
            }
            case DIGIT0, NUMPAD0 -> fit();
            case SPACE -> lockedIndex.set(lockedIndex.get() >= 0 && hoveredIndex.get() < 0 ? -1 : hoveredIndex.get());
            case ESCAPE -> {
                boolean held = lockedIndex.get() >= 0;
                lockedIndex.set(-1);
                return held;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    public String description() {
        ReadOut told = readOut(shownIndex(), Palette.of(Theme.LIGHT));
        return told != null ? told.text() : y.name() + " against " + x.name() + ", " + series.size() + " curves";
    }

    @Override
    public String csv() {
        Csv csv = new Csv().line("series", x.name().isEmpty() ? "x" : x.name(), y.name().isEmpty() ? "y" : y.name());
        for (LineSeries s : series) {
            for (int i = 0; i < s.xs().length; i++) {
                csv.line(s.name(), s.xs()[i], s.ys()[i]);
            }
        }
        return csv.toString();
    }
}
