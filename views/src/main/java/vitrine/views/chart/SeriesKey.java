package vitrine.views.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import javafx.scene.paint.Color;

/// Which colour and shape mean which series: a row of small samples with names, for the head of a card.
public final class SeriesKey implements Figure {

    /// How a sample looks.
    public enum Sample { MARKER, LINE, DASHED, RAW, SQUARE }

    /// @param marker used by [Sample#MARKER] only
    private record Entry(String name, Sample sample, Function<Palette, Color> colour, Marker marker) {}

    private static final double LINE = 18;
    private static final double BETWEEN = 8;
    private static final double GAP = 5;

    private final List<Entry> entries = new ArrayList<>();

    /// Adds a category, counted from 0.
    public SeriesKey add(String name, Sample sample, int category) {
        return add(name, sample, p -> p.categorical(category), Marker.of(category));
    }

    /// Adds a sample in any colour of the palette.
    public SeriesKey add(String name, Sample sample, Function<Palette, Color> colour, Marker marker) {
        entries.add(new Entry(name, sample, colour, marker));
        return this;
    }

    /// The width that the key takes on one line.
    public double widthFor(Surface surface) {
        double width = 0;
        for (Entry e : entries) {
            width += (width > 0 ? BETWEEN : 0) + width(e, surface);
        }
        return Math.ceil(width);
    }

    private static double sampleWidth(Sample sample) {
        return switch (sample) {
            case MARKER -> 8;
            case SQUARE -> 10;
            default -> 18;
        };
    }

    private static double width(Entry e, Surface surface) {
        return sampleWidth(e.sample) + GAP + surface.textWidth(e.name, TextStyle.CAPTION);
    }

    @Override
    public double heightFor(double width, Surface surface) {
        double x = 0;
        int lines = 1;
        for (Entry e : entries) {
            double w = width(e, surface);
            if (x > 0 && x + w > width + 0.5) {
                lines++;
                x = 0;
            }
            x += w + BETWEEN;
        }
        return lines * LINE;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        double x = 0;
        double middle = Math.max(0, height - heightFor(width, pen)) / 2 + LINE / 2;
        for (Entry e : entries) {
            double w = width(e, pen);
            if (x > 0 && x + w > width + 0.5) {
                x = 0;
                middle += LINE;
            }
            Color colour = e.colour.apply(palette);
            double sample = sampleWidth(e.sample);
            switch (e.sample) {
                case MARKER -> pen.marker(e.marker, x + 4, middle, 8, colour);
                case SQUARE -> pen.fillRoundRect(x, middle - 5, 10, 10, 2, colour);
                case LINE -> pen.line(x, middle, x + sample, middle, Stroke.of(colour, 1.75));
                case DASHED -> pen.line(x, middle, x + sample, middle, Stroke.dashed(colour, 1.75, 5, 3));
                case RAW -> pen.line(x, middle, x + sample, middle, Stroke.of(Palette.withOpacity(colour, 0.5), 1));
            }
            pen.textMiddle(e.name, x + sample + GAP, middle, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
            x += w + BETWEEN;
        }
    }

    @Override
    public String description() {
        return "Key: " + String.join(", ", entries.stream().map(Entry::name).toList());
    }
}
