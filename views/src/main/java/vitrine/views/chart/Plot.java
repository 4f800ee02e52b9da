package vitrine.views.chart;

import java.util.List;

/// The rectangle of a plot between its axes, and the axes' drawing.
///
/// The axis line runs below only; gridlines run across only. The y name stands above the axis at its left end, the x
/// name at the right below: neither is ever turned.
record Plot(double left, double top, double width, double height, Axis x, Axis y) {

    private static final double TICK_GAP = 6;
    private static final double LINE = 16;

    /// Lays the plot out within a figure.
    ///
    /// @param right room to keep free at the right, for labels at the ends of lines
    static Plot within(double width, double height, double right, Axis x, Axis y, Surface surface) {
        double top = y.name().isEmpty() ? 6 : LINE + 6;
        double bottom = LINE + 2 + (x.name().isEmpty() ? 0 : LINE);
        double plotHeight = Math.max(8, height - top - bottom);
        double left = 0;
        for (String label : y.labels(y.ticks(ticksDown(plotHeight)))) {
            left = Math.max(left, surface.textWidth(label, TextStyle.CAPTION));
        }
        left = Math.ceil(left + TICK_GAP + 2);
        return new Plot(left, top, Math.max(8, width - left - right), plotHeight, x, y);
    }

    /// Steps between ticks at most: five make six ticks, three make three or four.
    static int ticksDown(double height) {
        return height < 45 ? 2 : Math.clamp((int) (height / 42), 3, 5);
    }

    private int ticksAcross() {
        return Math.clamp((int) (width / 56), 2, 5);
    }

    double toX(double value) {
        return left + x.place(value) * width;
    }

    double toY(double value) {
        return top + (1 - y.place(value)) * height;
    }

    double xAt(double pixel) {
        return x.value((pixel - left) / width);
    }

    double bottom() {
        return top + height;
    }

    double right() {
        return left + width;
    }

    boolean holds(double px, double py) {
        return px >= left - 2 && px <= right() + 2 && py >= top - 2 && py <= bottom() + 2;
    }

    /// Gridlines, ticks and names.
    void drawAxes(Pen pen, Palette palette) {
        List<Double> down = y.ticks(ticksDown(height));
        List<String> downLabels = y.labels(down);
        for (int i = 0; i < down.size(); i++) {
            double at = toY(down.get(i));
            if (at < bottom() - 1) {
                pen.hairlineAcross(left, right(), at, palette.grid());
            }
            pen.textMiddle(downLabels.get(i), left - TICK_GAP, at, TextStyle.CAPTION, palette.muted(), Pen.Align.RIGHT);
        }
        pen.hairlineAcross(left, right(), bottom(), palette.axis());
        List<Double> across = x.ticks(ticksAcross());
        List<String> acrossLabels = x.labels(across);
        double clear = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < across.size(); i++) {
            double at = toX(across.get(i));
            double half = pen.textWidth(acrossLabels.get(i), TextStyle.CAPTION) / 2;
            if (half > 0 && at - half > clear) {
                pen.hairlineDown(at, bottom(), bottom() + 4, palette.axis());
                pen.textMiddle(acrossLabels.get(i), at, bottom() + 12, TextStyle.CAPTION, palette.muted(), Pen.Align.CENTRE);
                clear = at + half + 8;
            }
        }
        if (!y.name().isEmpty()) {
            pen.textMiddle(y.name(), left, 6, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
        }
        if (!x.name().isEmpty()) {
            pen.textMiddle(x.name(), right(), bottom() + 12 + LINE, TextStyle.CAPTION, palette.muted(), Pen.Align.RIGHT);
        }
    }
}
