package vitrine.views.chart;

import java.util.Arrays;

/// Makes a curve of any length short enough to draw, and keeps its peaks.
///
/// Of all points that fall into one pixel column, the first, the least, the greatest and the last stay, in their order.
/// A curve of a million points becomes at most four per column and looks the same.
final class Reduction {

    /// The points that stay, in pixels.
    final double[] xs;
    final double[] ys;
    final int count;

    private Reduction(double[] xs, double[] ys, int count) {
        this.xs = xs;
        this.ys = ys;
        this.count = count;
    }

    /// Reduces the points from one index up to another; all must be finite.
    static Reduction of(LineSeries series, int from, int to, Plot plot) {
        Collector out = new Collector(to - from);
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
            i = last + 1;
        }
        return new Reduction(out.xs, out.ys, out.count);
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
