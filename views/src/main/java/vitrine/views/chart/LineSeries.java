package vitrine.views.chart;

import java.util.Arrays;
import java.util.function.Function;
import javafx.scene.paint.Color;

/// One curve of a [LineChart].
///
/// @param name as it stands at the curve's end and in the read-out
/// @param xs ascending
/// @param ys one for each x; NaN leaves a gap
/// @param colour from the palette, so that it follows the look
/// @param marker at each point of up to 64; null for none
/// @param dashed whether it is drawn 5-3, as the second of two series is
/// @param raw whether it is the unsmoothed background of another curve: thin and faint
/// @param filled whether the area below is tinted
/// @param labelled whether its name stands at its end
public record LineSeries(String name, double[] xs, double[] ys, Function<Palette, Color> colour, Marker marker, boolean dashed,
        boolean raw, boolean filled, boolean labelled) {

    public LineSeries {
        if (xs.length != ys.length) {
            throw new IllegalArgumentException(name + ": " + xs.length + " x values, " + ys.length + " y values");
        }
    }

    /// A solid curve in the colour and with the marker of a category, counted from 0.
    public static LineSeries of(String name, double[] xs, double[] ys, int category) {
        return new LineSeries(name, xs, ys, p -> p.categorical(category), Marker.of(category % 4), false, false, false, true);
    }

    /// The same over 0, 1, 2 and so on, such as layers.
    public static LineSeries of(String name, double[] ys, int category) {
        double[] xs = new double[ys.length];
        for (int i = 0; i < xs.length; i++) {
            xs[i] = i;
        }
        return of(name, xs, ys, category);
    }

    public LineSeries asDashed() {
        return new LineSeries(name, xs, ys, colour, marker, true, raw, filled, labelled);
    }

    /// As the raw values under their smoothed curve; without a label of its own.
    public LineSeries asRaw() {
        return new LineSeries(name, xs, ys, colour, null, dashed, true, filled, false);
    }

    public LineSeries asFilled() {
        return new LineSeries(name, xs, ys, colour, marker, dashed, raw, true, labelled);
    }

    public LineSeries withoutMarkers() {
        return new LineSeries(name, xs, ys, colour, null, dashed, raw, filled, labelled);
    }

    public LineSeries withoutLabel() {
        return new LineSeries(name, xs, ys, colour, marker, dashed, raw, filled, false);
    }

    /// The index of the x nearest to a value, or -1 for an empty series.
    int nearest(double x) {
        int at = Arrays.binarySearch(xs, x);
        if (at >= 0 || xs.length == 0) {
            return at >= 0 ? at : -1;
        }
        int above = Math.min(-at - 1, xs.length - 1);
        int below = Math.max(0, above - 1);
        return Math.abs(xs[below] - x) <= Math.abs(xs[above] - x) ? below : above;
    }

    /// The last point that is a number, or -1.
    int last(double xLow, double xHigh) {
        for (int i = xs.length - 1; i >= 0; i--) {
            if (Double.isFinite(ys[i]) && xs[i] >= xLow && xs[i] <= xHigh) {
                return i;
            }
        }
        return -1;
    }
}
