package vitrine.views.chart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javafx.scene.paint.Color;

/// Draws a [LineChart].
final class LineChartDrawing {

    private static final double BEHIND_NAMES = 0.6;
    private static final double LINE = 1.75;
    private static final double SELECTED = 2.5;
    private static final double RAW_OPACITY = 0.32;
    private static final double FILL_OPACITY = 0.12;
    private static final double MARKER = 7;
    private static final double SMALL_MARKER = 3.5;
    /// More points than this have no markers.
    private static final int MARKERS_UP_TO = 64;
    /// Reference lines nearer than this would be taken for one.
    private static final double REFERENCES_APART = 12;
    /// From the end of a curve to its label, for the leader.
    private static final double LEADER = 16;
    private static final double LABEL_SHARE = 0.3;
    private static final double NAME_HEIGHT = 13;

    private record Piece(LineSeries series, int from, int to) {}

    private final LineChart chart;
    private final Map<Piece, Reduction> reductions = new HashMap<>();
    private Plot reducedFor;
    private Occupied occupied = new Occupied(1, 1);

    LineChartDrawing(LineChart chart) {
        this.chart = chart;
    }

    /// @param width of the whole figure: names take at most [#LABEL_SHARE] of it, and longer ones are cut (the read-out has them whole)
    static double roomForLabels(LineChart chart, Surface surface, double width) {
        if (chart.labelsFitInside()) {
            return 24;
        }
        double widest = 0;
        for (LineSeries s : chart.series()) {
            if (s.labelled()) {
                widest = Math.max(widest, surface.textWidth(s.name(), TextStyle.CAPTION));
            }
        }
        // Ticks stand centred below the plot's corners and need room too.
        return widest == 0 ? 12 : Math.ceil(Math.min(widest, width * LABEL_SHARE) + LEADER + 2);
    }

    void draw(Pen pen, double width, double height, Palette palette) {
        Plot plot = chart.plot(width, height, pen);
        occupied = new Occupied(width, height);
        drawRemaining(pen, plot, palette);
        plot.drawAxes(pen, palette);
        drawReferenceLines(pen, plot, palette);
        drawMarks(pen, plot, palette);
        pen.save();
        pen.clip(plot.left() - 4, plot.top() - 4, plot.width() + 8, plot.height() + 8);
        List<LineSeries> series = chart.series();
        for (int i = series.size() - 1; i >= 0; i--) {
            drawSeries(pen, plot, series.get(i), palette);
        }
        pen.restore();
        drawPoints(pen, plot, palette);
        drawThreshold(pen, plot, palette);
        drawReferenceNames(pen, plot, palette);
        drawMarkNames(pen, plot, palette);
        drawEndLabels(pen, plot, width, palette);
        drawCursor(pen, plot, width, height, palette);
        if (chart.picking() != null) {
            double from = plot.toX(chart.picking().low());
            pen.fillRect(from, plot.top(), plot.toX(chart.picking().high()) - from, plot.height(),
                    Palette.withOpacity(palette.accent(), 0.15));
        }
    }

    private void drawRemaining(Pen pen, Plot plot, Palette palette) {
        if (Double.isNaN(chart.now())) {
            return;
        }
        double at = Math.clamp(plot.toX(chart.now()), plot.left(), plot.right());
        pen.fillRect(at, plot.top(), plot.right() - at, plot.height(), palette.hover());
        pen.hairlineDown(at, plot.top(), plot.bottom(), palette.accent());
        String name = chart.nowName();
        boolean right = at + 6 + pen.textWidth(name, TextStyle.CAPTION) < plot.right();
        pen.textMiddle(name, right ? at + 6 : at - 6, plot.top() + 7, TextStyle.CAPTION, palette.accent(),
                right ? Pen.Align.LEFT : Pen.Align.RIGHT);
    }

    private void drawReferenceLines(Pen pen, Plot plot, Palette palette) {
        for (LineChart.Reference line : drawnReferences(plot)) {
            double at = pen.snap(plot.toY(line.y())) + 0.5;
            pen.line(plot.left(), at, plot.right(), at, Stroke.dashed(palette.subtle(), 1, 4, 4));
        }
    }

    /// Names stand on their lines or, where data are in the way, below them: at the end where fewest are.
    private void drawReferenceNames(Pen pen, Plot plot, Palette palette) {
        for (LineChart.Reference line : drawnReferences(plot)) {
            double w = pen.textWidth(line.name(), TextStyle.CAPTION);
            double fewest = Double.POSITIVE_INFINITY;
            double y = 0;
            boolean right = false;
            for (double at : new double[] {plot.toY(line.y()) - 8, plot.toY(line.y()) + 9}) {
                for (boolean end : new boolean[] {false, true}) {
                    double share = occupied.share(end ? plot.right() - 6 - w : plot.left() + 6, at - 6, w, 12);
                    if (share < fewest && (fewest == Double.POSITIVE_INFINITY || at + 6 < plot.bottom())) {
                        fewest = share;
                        y = at;
                        right = end;
                    }
                }
            }
            nameOver(pen, line.name(), right ? plot.right() - 6 : plot.left() + 6, y, palette.muted(), right ? Pen.Align.RIGHT : Pen.Align.LEFT, palette);
        }
    }

    /// A name that lines may run behind: it dims them, so that it can be read.
    private static void nameOver(Pen pen, String name, double x, double y, Color colour, Pen.Align align, Palette palette) {
        double w = pen.textWidth(name, TextStyle.CAPTION);
        pen.fillRoundRect((align == Pen.Align.RIGHT ? x - w : x) - 2, y - 7, w + 4, 14, 3, Palette.withOpacity(palette.card(), BEHIND_NAMES));
        pen.textMiddle(name, x, y, TextStyle.CAPTION, colour, align);
    }

    /// Those within the plot; of two that would touch, the one of the selected series.
    private List<LineChart.Reference> drawnReferences(Plot plot) {
        List<LineChart.Reference> drawn = new ArrayList<>();
        String selected = chart.selectedSeriesProperty().get();
        List<LineChart.Reference> byWeight = new ArrayList<>(chart.references());
        byWeight.sort((a, b) -> Boolean.compare(b.series().equals(selected), a.series().equals(selected)));
        for (LineChart.Reference line : byWeight) {
            double y = plot.toY(line.y());
            boolean touches = drawn.stream().anyMatch(d -> Math.abs(plot.toY(d.y()) - y) < REFERENCES_APART);
            if (!touches && y >= plot.top() - 1 && y <= plot.bottom() + 1) {
                drawn.add(line);
            }
        }
        return drawn;
    }

    private void drawMarks(Pen pen, Plot plot, Palette palette) {
        for (LineChart.Mark mark : chart.marks()) {
            double x = pen.snap(plot.toX(mark.x())) + 0.5;
            pen.line(x, plot.top(), x, plot.bottom(), Stroke.dashed(palette.accent(), 1, 2, 3));
        }
    }

    private void drawMarkNames(Pen pen, Plot plot, Palette palette) {
        for (LineChart.Mark mark : chart.marks()) {
            double x = pen.snap(plot.toX(mark.x())) + 0.5;
            boolean left = x - 6 - pen.textWidth(mark.name(), TextStyle.CAPTION) > plot.left();
            nameOver(pen, mark.name(), left ? x - 6 : x + 6, plot.bottom() - 10, palette.accent(), left ? Pen.Align.RIGHT : Pen.Align.LEFT, palette);
        }
    }

    /// Solid, with a grip at its foot, so that it looks like something to take hold of.
    private void drawThreshold(Pen pen, Plot plot, Palette palette) {
        double at = chart.thresholdProperty().get();
        double x = plot.toX(at);
        if (!(x >= plot.left() - 1 && x <= plot.right() + 1)) {
            return;
        }
        double snapped = pen.snap(x) + 0.5;
        pen.line(snapped, plot.top(), snapped, plot.bottom(), Stroke.of(palette.accent(), 1.5));
        double grip = plot.top() + plot.height() * 0.62;
        pen.fillRoundRect(snapped - 4, grip - 9, 8, 18, 4, palette.card());
        pen.strokeRoundRect(snapped - 4, grip - 9, 8, 18, 4, Stroke.of(palette.accent(), 1.5));
        String name = chart.thresholdName();
        boolean right = x + 10 + pen.textWidth(name, TextStyle.CAPTION) < plot.right();
        pen.textMiddle(name, right ? x + 10 : x - 10, grip, TextStyle.CAPTION, palette.accent(), right ? Pen.Align.LEFT : Pen.Align.RIGHT);
    }

    private void drawSeries(Pen pen, Plot plot, LineSeries s, Palette palette) {
        Color colour = s.colour().apply(palette);
        boolean selected = s.name().equals(chart.selectedSeriesProperty().get());
        Stroke stroke = s.raw() ? Stroke.of(Palette.withOpacity(colour, RAW_OPACITY), 1)
                : s.dashed() ? Stroke.dashed(colour, LINE, 5, 3) : Stroke.of(colour, selected ? SELECTED : LINE);
        int first = firstVisible(s, plot);
        int end = endVisible(s, plot);
        int from = first;
        while (from < end) {
            if (!drawable(s, plot, from)) {
                from++;
                continue;
            }
            int to = from;
            while (to < end && drawable(s, plot, to)) {
                to++;
            }
            Reduction line = reduced(s, from, to, plot);
            if (s.filled()) {
                fillBelow(pen, plot, line, Palette.withOpacity(colour, FILL_OPACITY));
            }
            if (line.count == 1) {
                pen.fillCircle(line.xs[0], line.ys[0], 1.5, colour);
            }
            if (line.dense() && stroke.dashes().isEmpty()) {
                line.drawDense(pen, stroke);
            } else {
                pen.polyline(line.xs, line.ys, line.count, stroke);
            }
            for (int i = 1; i < line.count; i++) {
                occupied.line(line.xs[i - 1], line.ys[i - 1], line.xs[i], line.ys[i]);
            }
            if (!s.raw()) {
                drawClipped(pen, plot, line, colour);
            }
            from = to;
        }
        if (s.marker() != null && end - first <= MARKERS_UP_TO) {
            double size = markerSize(s, plot, first, end);
            for (int i = first; i < end; i++) {
                if (drawable(s, plot, i)) {
                    pen.marker(s.marker(), plot.toX(s.xs()[i]), plot.toY(s.ys()[i]), size, colour);
                }
            }
        }
    }

    /// Full size, unless markers would run into each other.
    private static double markerSize(LineSeries s, Plot plot, int from, int to) {
        double tightest = Double.POSITIVE_INFINITY;
        for (int i = from + 1; i < to; i++) {
            tightest = Math.min(tightest, plot.toX(s.xs()[i]) - plot.toX(s.xs()[i - 1]));
        }
        return tightest < MARKER + 2 ? SMALL_MARKER : MARKER;
    }

    /// A small triangle at the edge where a curve leaves the plot.
    private static void drawClipped(Pen pen, Plot plot, Reduction line, Color colour) {
        boolean outside = false;
        for (int i = 0; i < line.count; i++) {
            boolean above = line.ys[i] < plot.top() - 1;
            boolean below = line.ys[i] > plot.bottom() + 1;
            boolean seen = line.xs[i] >= plot.left() && line.xs[i] <= plot.right();
            if ((above || below) && !outside && seen) {
                pen.edgeTriangle(line.xs[i], above ? plot.top() : plot.bottom(), above, colour);
            }
            outside = above || below;
        }
    }

    private static boolean drawable(LineSeries s, Plot plot, int i) {
        return Double.isFinite(s.ys()[i]) && (!plot.y().log() || s.ys()[i] > 0) && (!plot.x().log() || s.xs()[i] > 0);
    }

    /// One point more than is visible at each side, so that the line runs on to the edge.
    private static int firstVisible(LineSeries s, Plot plot) {
        int at = Arrays.binarySearch(s.xs(), plot.x().low());
        return Math.max(0, (at >= 0 ? at : -at - 1) - 1);
    }

    private static int endVisible(LineSeries s, Plot plot) {
        int at = Arrays.binarySearch(s.xs(), plot.x().high());
        return Math.min(s.xs().length, (at >= 0 ? at : -at - 1) + 2);
    }

    /// The cursor moves far more often than the plot or the data, so reduced curves are kept while both stay.
    private Reduction reduced(LineSeries s, int from, int to, Plot plot) {
        if (!plot.equals(reducedFor)) {
            reductions.clear();
            reducedFor = plot;
        }
        return reductions.computeIfAbsent(new Piece(s, from, to), k -> Reduction.of(s, from, to, plot));
    }

    private static void fillBelow(Pen pen, Plot plot, Reduction line, Color colour) {
        double[] xs = Arrays.copyOf(line.xs, line.count + 2);
        double[] ys = Arrays.copyOf(line.ys, line.count + 2);
        xs[line.count] = line.xs[line.count - 1];
        xs[line.count + 1] = line.xs[0];
        ys[line.count] = ys[line.count + 1] = plot.bottom();
        pen.polygon(xs, ys, line.count + 2, colour);
    }

    private void drawPoints(Pen pen, Plot plot, Palette palette) {
        List<double[]> names = new ArrayList<>();
        for (LineChart.Point p : chart.points()) {
            double x = plot.toX(p.x());
            double y = plot.toY(p.y());
            Stroke dashes = Stroke.dashed(palette.subtle(), 1, 4, 3);
            pen.line(pen.snap(x) + 0.5, y, pen.snap(x) + 0.5, plot.bottom(), dashes);
            pen.line(plot.left(), pen.snap(y) + 0.5, x, pen.snap(y) + 0.5, dashes);
            pen.fillCircle(x, y, 4, palette.card());
            pen.strokeCircle(x, y, 3.5, Stroke.of(palette.categorical(p.category()), 1.75));
            boolean right = x + 8 + pen.textWidth(p.name(), TextStyle.CAPTION) < plot.right();
            double w = pen.textWidth(p.name(), TextStyle.CAPTION);
            double left = right ? x + 8 : x - 8 - w;
            // Names of points that lie near each other stand below one another.
            double at = y + 12;
            while (clashes(names, left, at, w)) {
                at += 1;
            }
            names.add(new double[] {left, at, w});
            pen.textMiddle(p.name(), left, at, TextStyle.CAPTION, palette.text(), Pen.Align.LEFT);
        }
    }

    private static boolean clashes(List<double[]> names, double left, double at, double width) {
        return names.stream().anyMatch(n -> Math.abs(n[1] - at) < NAME_HEIGHT && left < n[0] + n[2] + 4 && n[0] < left + width + 4);
    }

    private void drawEndLabels(Pen pen, Plot plot, double width, Palette palette) {
        List<LineSeries> labelled = new ArrayList<>();
        for (LineSeries s : chart.series()) {
            if (s.labelled() && s.last(plot.x().low(), plot.x().high()) >= 0) {
                labelled.add(s);
            }
        }
        double[] ends = new double[labelled.size()];
        double[] starts = new double[labelled.size()];
        for (int i = 0; i < ends.length; i++) {
            LineSeries s = labelled.get(i);
            int last = s.last(plot.x().low(), plot.x().high());
            ends[i] = Math.clamp(plot.toY(s.ys()[last]), plot.top(), plot.bottom());
            starts[i] = plot.toX(s.xs()[last]);
        }
        double[] places = EndLabels.spread(ends, plot.top(), plot.bottom());
        for (int i = 0; i < ends.length; i++) {
            LineSeries s = labelled.get(i);
            // A run in progress ends inside the plot; its labels follow the curve.
            boolean inside = plot.right() - starts[i] > 24;
            // Beyond the line that says how far the run is, where nothing is drawn yet.
            double from = !inside ? plot.right() : Double.isNaN(chart.now()) ? starts[i] : Math.max(starts[i], Math.min(plot.toX(chart.now()), plot.right()));
            pen.line(from + 4, ends[i], from + LEADER - 4, places[i], Stroke.of(palette.axis(), 1));
            boolean bold = s.name().equals(chart.selectedSeriesProperty().get());
            TextStyle style = bold ? TextStyle.CAPTION_STRONG : TextStyle.CAPTION;
            pen.textMiddle(pen.shortened(s.name(), style, width - from - LEADER), from + LEADER, places[i], style, s.colour().apply(palette), Pen.Align.LEFT);
        }
    }

    private void drawCursor(Pen pen, Plot plot, double width, double height, Palette palette) {
        int shown = chart.shownIndex();
        if (shown < 0) {
            return;
        }
        double at = chart.series().getFirst().xs()[shown];
        double x = plot.toX(at);
        if (x < plot.left() - 1 || x > plot.right() + 1) {
            return;
        }
        boolean hovered = chart.hoveredIndexProperty().get() >= 0;
        Color line = hovered ? palette.muted() : palette.accent();
        pen.line(pen.snap(x) + 0.5, plot.top(), pen.snap(x) + 0.5, plot.bottom(), Stroke.dashed(line, 1, 2, 3));
        for (LineSeries s : chart.series()) {
            int i = s.nearest(at);
            if (i >= 0 && s.xs()[i] == at && drawable(s, plot, i) && !s.raw()) {
                pen.fillCircle(x, plot.toY(s.ys()[i]), 4, palette.card());
                pen.strokeCircle(x, plot.toY(s.ys()[i]), 3.5, Stroke.of(s.colour().apply(palette), 1.75));
            }
        }
        if (hovered) {
            drawReadOut(pen, plot, chart.readOut(shown, palette), x, width, palette);
        }
    }

    /// Beside the cursor, where it covers least of the data.
    private void drawReadOut(Pen pen, Plot plot, ReadOut card, double x, double width, Palette palette) {
        double w = card.width(pen);
        double h = card.height();
        double left = Math.max(0, x - 12 - w);
        double right = Math.min(width - w, x + 12);
        double[] bestPlace = {right, plot.top()};
        double best = Double.POSITIVE_INFINITY;
        for (double placeX : right - x >= 12 ? new double[] {right, left} : new double[] {left}) {
            for (int step = 0; step <= 6; step++) {
                double placeY = plot.top() + Math.max(0, plot.height() - h) * step / 6;
                double share = occupied.share(placeX, placeY, w, h);
                if (share < best - 0.005) {
                    best = share;
                    bestPlace = new double[] {placeX, placeY};
                }
            }
        }
        card.draw(pen, bestPlace[0], bestPlace[1], palette);
    }
}
