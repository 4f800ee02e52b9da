package vitrine.views.chart;

import java.util.List;
import java.util.function.Function;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;

/// Names with a bar and a value each, strongest first or in their own order: the keys of a query, information by layer.
public final class BarList implements Interactive {

    /// @param name at the left; a token where the list shows tokens
    /// @param detail muted beside the name, such as a position; may be empty
    /// @param text the value as written at the right
    /// @param colour of the bar, from the palette
    public record Row(String name, String detail, double value, String text, Function<Palette, Color> colour) {}

    private static final double LINE = 26;
    private static final double GAP = 10;

    private final IntegerProperty hovered = new SimpleIntegerProperty(this, "hovered", -1);
    private final IntegerProperty selected = new SimpleIntegerProperty(this, "selected", -1);
    private final Changes changes = new Changes();
    private List<Row> rows = List.of();
    private double longest = Double.NaN;
    private double reference = Double.NaN;
    private boolean tokens;
    private double bar = 6;

    public BarList rows(List<Row> all) {
        rows = List.copyOf(all);
        changes.tell();
        return this;
    }

    /// The value of a bar of full length; the largest value unless set.
    public BarList longest(double value) {
        longest = value;
        changes.tell();
        return this;
    }

    /// A value to compare with, marked across each bar, such as a fair share.
    public BarList reference(double value) {
        reference = value;
        changes.tell();
        return this;
    }

    /// Sets the names as token chips.
    public BarList tokens() {
        tokens = true;
        changes.tell();
        return this;
    }

    /// Bars of this height instead of 6 pixels.
    public BarList thickness(double pixels) {
        bar = pixels;
        changes.tell();
        return this;
    }

    /// The index of the row under the pointer, or -1.
    public IntegerProperty hoveredProperty() {
        return hovered;
    }

    /// The index of the row that was clicked, or -1.
    public IntegerProperty selectedProperty() {
        return selected;
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return rows.size() * LINE;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        TextStyle nameStyle = tokens ? TextStyle.TOKEN : TextStyle.SMALL;
        double names = 0;
        double details = 0;
        double values = 0;
        double most = 0;
        for (Row row : rows) {
            names = Math.max(names, pen.textWidth(row.name, nameStyle));
            details = Math.max(details, pen.textWidth(row.detail, TextStyle.AXIS));
            values = Math.max(values, pen.textWidth(row.text, TextStyle.TOKEN));
            most = Math.max(most, Double.isFinite(row.value) ? row.value : 0);
        }
        names = tokens ? Math.clamp(names + 12, 46, width * 0.4) : Math.min(names, width * 0.5);
        double full = Double.isNaN(longest) ? most : longest;
        double left = names + (details > 0 ? details + GAP : 0) + GAP;
        double room = Math.max(10, width - left - values - GAP);
        for (int i = 0; i < rows.size(); i++) {
            Row row = rows.get(i);
            double middle = (i + 0.5) * LINE;
            if (i == hovered.get()) {
                pen.fillRoundRect(-4, i * LINE, width + 8, LINE, 4, palette.hover());
            }
            Color nameColour = i == selected.get() ? palette.accent() : palette.text();
            if (tokens) {
                Color edge = i == selected.get() ? palette.accent() : palette.border();
                pen.fillRoundRect(0, middle - 10, names, 20, 4, palette.background());
                pen.strokeRoundRect(0.5, middle - 9.5, names - 1, 19, 4, Stroke.of(edge, 1));
                pen.textMiddle(pen.shortened(row.name, nameStyle, names - 8), names / 2, middle, nameStyle, nameColour, Pen.Align.CENTRE);
            } else {
                pen.textMiddle(pen.shortened(row.name, nameStyle, names), 0, middle, nameStyle, nameColour, Pen.Align.LEFT);
            }
            pen.textMiddle(row.detail, names + GAP, middle, TextStyle.AXIS, palette.muted(), Pen.Align.LEFT);
            double length = full > 0 && Double.isFinite(row.value) ? Math.clamp(row.value / full, 0, 1) * room : 0;
            double radius = Math.min(3, bar / 2);
            pen.fillRoundRect(left, middle - bar / 2, room, bar, radius, palette.hover());
            if (length > 0) {
                pen.fillRoundRect(left, middle - bar / 2, Math.max(length, Math.min(bar, 4)), bar, radius, row.colour.apply(palette));
            }
            if (Double.isFinite(reference) && full > 0) {
                double x = left + Math.clamp(reference / full, 0, 1) * room;
                pen.hairlineDown(x, middle - 9, middle + 9, palette.muted());
            }
            pen.textMiddle(row.text, width, middle, TextStyle.TOKEN, palette.strong(), Pen.Align.RIGHT);
        }
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hovered, selected);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hovered.set(at(m.y()));
            case Gesture.Leave l -> hovered.set(-1);
            case Gesture.Click c -> selected.set(at(c.y()) == selected.get() ? -1 : at(c.y()));
            case Gesture.Key k when k.code() == KeyCode.UP -> selected.set(Math.max(0, selected.get() - 1));
            case Gesture.Key k when k.code() == KeyCode.DOWN -> selected.set(Math.min(rows.size() - 1, selected.get() + 1));
            case Gesture.Key k when k.code() == KeyCode.ESCAPE && selected.get() >= 0 -> selected.set(-1);
            default -> {
                return false;
            }
        }
        return true;
    }

    private int at(double y) {
        int index = (int) Math.floor(y / LINE);
        return index >= 0 && index < rows.size() ? index : -1;
    }

    @Override
    public String description() {
        int told = hovered.get() >= 0 ? hovered.get() : selected.get();
        return told >= 0 && told < rows.size() ? rows.get(told).name + " " + rows.get(told).detail + " " + rows.get(told).text
                : rows.size() + " rows";
    }

    @Override
    public String csv() {
        Csv csv = new Csv().line("name", "detail", "value");
        rows.forEach(r -> csv.line(r.name, r.detail, r.value));
        return csv.toString();
    }
}
