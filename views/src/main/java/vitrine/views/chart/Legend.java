package vitrine.views.chart;

import java.util.List;
import java.util.function.DoubleFunction;
import javafx.scene.paint.Color;

/// The bar that tells which colour means which value: never missing beside a figure with a colour scale.
///
/// The name and the kind of scale stand left of the bar, or above it where there is no room.
public final class Legend implements Figure {

    /// The height with the name beside the bar.
    public static final double HEIGHT = 24;
    private static final double BAR = 8;
    private static final double NARROWEST = 90;
    private static final double WIDEST = 180;
    private static final double LINE = 16;

    private final String name;
    private final Scale scale;
    private final DoubleFunction<String> format;

    /// @param name what the colours show, such as `attention weight`; may be empty
    public Legend(String name, Scale scale) {
        this(name, scale, value -> tick(value, scale.kind() == Scale.Kind.LOG));
    }

    public Legend(String name, Scale scale, DoubleFunction<String> format) {
        this.name = name;
        this.scale = scale;
        this.format = format;
    }

    private String caption() {
        boolean plain = scale.kind() == Scale.Kind.LINEAR || scale.kind() == Scale.Kind.DIVERGING;
        return name.isEmpty() || plain ? name : name + ", " + scale.kind().label();
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return beside(width, surface) ? HEIGHT : HEIGHT + LINE;
    }

    private boolean beside(double width, Surface surface) {
        String caption = caption();
        return caption.isEmpty() || surface.textWidth(caption, TextStyle.CAPTION) + 10 + NARROWEST <= width;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        String caption = caption();
        double left = 0;
        double top = 0;
        if (!caption.isEmpty()) {
            pen.textMiddle(pen.shortened(caption, TextStyle.CAPTION, width), 0, 5, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
            if (beside(width, pen)) {
                left = pen.textWidth(caption, TextStyle.CAPTION) + 10;
            } else {
                top = LINE;
            }
        }
        // On whole pixels: between two of them a step would be mixed with the ground, and the bar's colours would not be the cells'.
        left = pen.snap(left);
        drawBar(pen, left, top, Math.floor(Math.min(WIDEST, width - left)), palette);
    }

    private void drawBar(Pen pen, double left, double top, double width, Palette palette) {
        int steps = (int) Math.max(1, Math.round(width));
        for (int i = 0; i < steps; i++) {
            double place = (i + 0.5) / steps;
            Color colour = scale.diverges() ? palette.diverging(place) : palette.sequential(place);
            // Half a pixel more, so that no seam shows where a step ends between device pixels.
            double step = width / steps;
            pen.fillRect(left + i * step, top, Math.min(step + 0.5, width - i * step), BAR, colour);
        }
        List<Double> ticks = scale.ticks();
        double clear = Double.NEGATIVE_INFINITY;
        double lastStart = left + width - pen.textWidth(label(ticks.getLast()), TextStyle.CAPTION);
        for (int i = 0; i < ticks.size(); i++) {
            String label = label(ticks.get(i));
            double labelWidth = pen.textWidth(label, TextStyle.CAPTION);
            double x = left + scale.place(ticks.get(i)) * width;
            boolean first = i == 0;
            boolean last = i == ticks.size() - 1;
            double start = first ? left : last ? lastStart : x - labelWidth / 2;
            boolean fits = first || last || start > clear + 6 && start + labelWidth + 6 < lastStart;
            if (fits) {
                pen.textMiddle(label, start, top + BAR + 9, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
                clear = start + labelWidth;
            }
        }
    }

    /// A change says its sign.
    private String label(double value) {
        return (scale.kind() == Scale.Kind.DIVERGING && scale.low() < 0 && value > 0 ? "+" : "") + format.apply(value);
    }

    @Override
    public String description() {
        return caption() + " from " + format.apply(scale.low()) + " to " + format.apply(scale.high());
    }

    private static String tick(double value, boolean decades) {
        if (value == 0.125) {
            return "⅛";
        }
        double size = Math.abs(value);
        if (size > 0 && size < 0.01) {
            int exponent = (int) Math.rint(Math.log10(size));
            return decades && Math.abs(size / Math.pow(10, exponent) - 1) < 1e-9 ? Numbers.decade(exponent) : Numbers.scientific(value);
        }
        String digits = Numbers.fixed(value, 2);
        return digits.contains(".") ? digits.replaceFirst("\\.?0+$", "") : digits;
    }
}
