package vitrine.views.chart;

import java.util.function.Function;
import javafx.scene.paint.Color;

/// A curve without axes, beside a number: only its shape speaks. Values that are not finite leave gaps.
public final class Sparkline implements Figure {

    private final double[] values;
    private final Function<Palette, Color> colour;

    public Sparkline(double[] values, Function<Palette, Color> colour) {
        this.values = values.clone();
        this.colour = colour;
    }

    /// In the colour of a category, counted from 0.
    public Sparkline(double[] values, int category) {
        this(values, p -> p.categorical(category));
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (double v : values) {
            if (Double.isFinite(v)) {
                least = Math.min(least, v);
                most = Math.max(most, v);
            }
        }
        if (least > most) {
            return;
        }
        double span = most > least ? most - least : 1;
        Color line = colour.apply(theme.palette());
        double[] xs = new double[values.length + 2];
        double[] ys = new double[values.length + 2];
        int count = 0;
        for (int i = 0; i <= values.length; i++) {
            if (i < values.length && Double.isFinite(values[i])) {
                xs[count] = values.length == 1 ? width / 2 : (double) i / (values.length - 1) * width;
                ys[count++] = height - 1 - (values[i] - least) / span * (height - 3);
            } else if (count > 0) {
                drawRun(pen, xs, ys, count, height, line);
                count = 0;
            }
        }
    }

    private static void drawRun(Pen pen, double[] xs, double[] ys, int count, double height, Color line) {
        xs[count] = xs[count - 1];
        xs[count + 1] = xs[0];
        ys[count] = ys[count + 1] = height;
        pen.polygon(xs, ys, count + 2, Palette.withOpacity(line, 0.12));
        pen.polyline(xs, ys, count, Stroke.of(line, 1.5));
    }
}
