package vitrine.views.chart;

import java.util.Arrays;

/// Makes a curve of any length short enough to draw, and keeps its peaks.
///
/// Of all points that fall into one pixel column, the first, the least, the greatest and the last stay, in their order.
/// A curve of a million points becomes at most four per column and looks the same. Where nearly every column holds
/// several points, the curve is a band: [#drawDense] fills it column by column, which costs a tenth of stroking it.
final class Reduction {

    /// As many points per column make a band.
    private static final double DENSE = 3;
    /// A column's values lie this far apart, in pixels, where the curve is a band; a smooth curve is a line however many points it has.
    private static final double THICK = 1.5;

    /// The points that stay, in pixels.
    final double[] xs;
    final double[] ys;
    final int count;

    private final boolean dense;

    private Reduction(double[] xs, double[] ys, int count, boolean dense) {
        this.xs = xs;
        this.ys = ys;
        this.count = count;
        this.dense = dense;
    }

    /// Whether the curve is a band.
    boolean dense() {
        return dense;
    }

    /// Fills each pixel column from the least to the greatest value, so far that neighbours touch.
    void drawDense(Pen pen, Stroke stroke) {
        double half = stroke.width() / 2;
        double lastTop = Double.NaN;
        double lastBottom = Double.NaN;
        int i = 0;
        while (i < count) {
            double column = Math.floor(xs[i]);
            double top = ys[i];
            double bottom = ys[i];
            for (i++; i < count && Math.floor(xs[i]) == column; i++) {
                top = Math.min(top, ys[i]);
                bottom = Math.max(bottom, ys[i]);
            }
            double from = lastBottom < top ? lastBottom : top;
            double to = lastTop > bottom ? lastTop : bottom;
            pen.fillRect(column, from - half, 1, to - from + 2 * half, stroke.colour());
            lastTop = top;
            lastBottom = bottom;
        }
    }

    /// Reduces the points from one index up to another; all must be finite.
    static Reduction of(LineSeries series, int from, int to, Plot plot) {
        Collector out = new Collector(to - from);
        double extents = 0;
        int i = from;
        while (i < to) {
            long column = (long) Math.floor(plot.toX(series.xs()[i]));
            int least = i;
            int most = i;
            int last = i;
            while (last + 1 < to && (long) Math.floor(plot.toX(series.xs()[last + 1])) == column) {
                last++;
                least = series.ys()[last] < series.ys()[least] ? last : least;
                most = series.ys()[last] > series.ys()[most] ? last : most;
            }
            int[] kept = {i, Math.min(least, most), Math.max(least, most), last};
            for (int k = 0; k < kept.length; k++) {
                if (k == 0 || kept[k] != kept[k - 1]) {
                    out.add(plot.toX(series.xs()[kept[k]]), plot.toY(series.ys()[kept[k]]));
                }
            }
            extents += Math.abs(plot.toY(series.ys()[most]) - plot.toY(series.ys()[least]));
            i = last + 1;
        }
        double columns = out.count == 0 ? 1 : Math.max(1, out.xs[out.count - 1] - out.xs[0]);
        return new Reduction(out.xs, out.ys, out.count, (to - from) / columns > DENSE && extents / columns > THICK);
    }

    private static final class Collector {

        private double[] xs;
        private double[] ys;
        private int count;

        Collector(int atMost) {
            xs = new double[Math.min(atMost, 4096)];
            ys = new double[xs.length];
        }

        void add(double x, double y) {
            if (count == xs.length) {
                xs = Arrays.copyOf(xs, 2 * count + 1);
                ys = Arrays.copyOf(ys, 2 * count + 1);
            }
            xs[count] = x;
            ys[count++] = y;
        }
    }
}
