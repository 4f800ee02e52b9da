package vitrine.views.chart;

import java.util.List;
import java.util.function.Function;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;

/// How often values fall into each of many even bins; the ends and 0 are written below.
///
/// Without [#labelled] it is a small picture for a table row.
public final class Histogram implements Interactive {

    private static final double LABELS = 18;

    private final IntegerProperty hovered = new SimpleIntegerProperty(this, "hovered", -1);
    private final double low;
    private final double high;
    private final long[] counts;
    private final Function<Palette, Color> colour;
    private boolean labelled;

    /// @param low the lower edge of the first bin
    /// @param high the upper edge of the last bin
    /// @param colour from the palette, such as that of the matrix kind; [Palette#subtle] in table rows
    public Histogram(double low, double high, long[] counts, Function<Palette, Color> colour) {
        this.low = low;
        this.high = high;
        this.counts = counts.clone();
        this.colour = colour;
    }

    /// Writes the ends and 0 below, and answers the pointer.
    public Histogram labelled() {
        labelled = true;
        return this;
    }

    /// The index of the bin under the pointer, or chosen by the arrows, or -1.
    public IntegerProperty hoveredProperty() {
        return hovered;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        double bottom = labelled ? height - LABELS : height;
        long most = 1;
        for (long count : counts) {
            most = Math.max(most, count);
        }
        double slot = width / counts.length;
        double gap = slot >= 3 ? 1 : 0;
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0) {
                double left = pen.snap(i * slot);
                double right = pen.snap((i + 1) * slot);
                // A single value must not vanish beside millions.
                double tall = Math.max(1, (double) counts[i] / most * (bottom - 1));
                Color shown = i == hovered.get() ? palette.strong() : colour.apply(palette);
                pen.fillRect(left, bottom - tall, Math.max(0.5, right - left - gap), tall, shown);
            }
        }
        if (!labelled) {
            return;
        }
        pen.hairlineAcross(0, width, bottom, palette.axis());
        double middle = bottom + 11;
        pen.textMiddle(end(low), 0, middle, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
        pen.textMiddle(end(high), width, middle, TextStyle.CAPTION, palette.muted(), Pen.Align.RIGHT);
        double zero = -low / (high - low) * width;
        if (zero > 60 && zero < width - 60) {
            pen.textMiddle("0", zero, middle, TextStyle.CAPTION, palette.muted(), Pen.Align.CENTRE);
        }
        if (hovered.get() >= 0) {
            readOut(hovered.get()).drawBeside(pen, (hovered.get() + 0.5) * slot, 0, width, height, palette);
        }
    }

    private static String end(double value) {
        return Math.abs(value) >= 0.1 && Math.abs(value) < 1000 ? Numbers.significant(value, 3) : Numbers.general(value);
    }

    private double edge(int bin) {
        return low + (high - low) * bin / counts.length;
    }

    private ReadOut readOut(int bin) {
        return new ReadOut().add(ReadOut.Role.NUMBER, Numbers.count(counts[bin])).add(ReadOut.Role.CONTEXT, "values")
                .line().add(ReadOut.Role.CONTEXT, Numbers.general(edge(bin)) + " to " + Numbers.general(edge(bin + 1)));
    }

    @Override
    public List<Observable> inputs() {
        return List.of(hovered);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        if (!labelled) {
            return false;
        }
        if (gesture instanceof Gesture.Move m) {
            hovered.set(Math.clamp((int) (m.x() / width * counts.length), 0, counts.length - 1));
            return true;
        }
        if (gesture instanceof Gesture.Leave) {
            hovered.set(-1);
        }
        return gesture instanceof Gesture.Key k && key(k.code());
    }

    private boolean key(KeyCode code) {
        int at = hovered.get();
        switch (code) {
            case LEFT -> hovered.set(Math.max(0, at - 1));
            case RIGHT -> hovered.set(Math.min(counts.length - 1, at + 1));
            case ESCAPE -> hovered.set(-1);
            default -> {
                return false;
            }
        }
        return code != KeyCode.ESCAPE || at >= 0;
    }

    @Override
    public String description() {
        return hovered.get() >= 0 ? readOut(hovered.get()).text()
                : "Histogram of " + counts.length + " bins from " + Numbers.general(low) + " to " + Numbers.general(high);
    }

    @Override
    public String csv() {
        Csv csv = new Csv().line("from", "to", "values");
        for (int i = 0; i < counts.length; i++) {
            csv.line(edge(i), edge(i + 1), counts[i]);
        }
        return csv.toString();
    }
}
