package vitrine.views.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;

/// Columns over categories: one series, several side by side, or stacked to a whole.
public final class ColumnChart implements Interactive {

    /// @param values one per category
    public record Series(String name, double[] values, Function<Palette, Color> colour) {

        /// A series in the colour of a category, counted from 0.
        public static Series of(String name, double[] values, int category) {
            return new Series(name, values, p -> p.categorical(category));
        }
    }

    /// Stacked parts taller than this show their value.
    private static final double VALUES_FROM = 60;
    private static final double DIMMED = 0.4;

    private final IntegerProperty hovered = new SimpleIntegerProperty(this, "hovered", -1);
    private final IntegerProperty selected = new SimpleIntegerProperty(this, "selected", -1);
    private final Changes changes = new Changes();
    private List<String> categories = List.of();
    private List<Series> series = List.of();
    private Axis y = Axis.of("");
    private String xName = "";
    private final IntegerProperty linked = new SimpleIntegerProperty(this, "linked", -1);
    private double reference = Double.NaN;
    private String referenceName = "";
    private boolean stacked;
    private int dimmedFrom = Integer.MAX_VALUE;
    private DoubleFunction<String> format = Numbers::general;
    private TextStyle labels = TextStyle.CAPTION;

    /// Names below the columns and the name of their axis.
    public ColumnChart categories(List<String> names, String axis) {
        categories = List.copyOf(names);
        xName = axis;
        changes.tell();
        return this;
    }

    /// Sets the names below as tokens.
    public ColumnChart tokens() {
        labels = TextStyle.AXIS;
        changes.tell();
        return this;
    }

    public ColumnChart series(List<Series> all, Axis down, DoubleFunction<String> writer) {
        series = List.copyOf(all);
        y = down;
        format = writer;
        changes.tell();
        return this;
    }

    /// Puts the series upon each other instead of side by side.
    public ColumnChart stacked() {
        stacked = true;
        changes.tell();
        return this;
    }

    /// Draws columns from an index on faintly, as those that a cut would drop.
    public ColumnChart dimmedFrom(int index) {
        dimmedFrom = index;
        changes.tell();
        return this;
    }

    /// A horizontal line to compare columns with, and its name.
    public ColumnChart reference(double value, String name) {
        reference = value;
        referenceName = name;
        changes.tell();
        return this;
    }

    /// The index of the category under the pointer, or -1.
    public IntegerProperty hoveredProperty() {
        return hovered;
    }

    /// The index of the category that belongs to what is under the pointer in another figure, or -1.
    public IntegerProperty linkedProperty() {
        return linked;
    }

    /// The index of the category that was clicked, or -1.
    public IntegerProperty selectedProperty() {
        return selected;
    }

    private Plot plot(double width, double height, Surface surface) {
        double most = 0;
        double least = 0;
        for (int i = 0; i < categories.size(); i++) {
            double sum = 0;
            for (Series s : series) {
                double value = Double.isFinite(s.values[i]) ? s.values[i] : 0;
                sum = stacked ? sum + value : value;
                most = Math.max(most, Math.max(sum, Double.isFinite(reference) ? reference : 0));
                least = Math.min(least, sum);
            }
        }
        Axis down = y.fittedTo(least, most == least ? 1 : most, true, Plot.ticksDown(height - 40));
        // Columns are named one by one, so the axis itself writes nothing.
        return Plot.within(width, height, 4, new Axis(xName, false, 0, Math.max(1, categories.size()), v -> ""), down, surface);
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        Plot plot = plot(width, height, pen);
        plot.drawAxes(pen, palette);
        double slot = plot.width() / Math.max(1, categories.size());
        for (int i = 0; i < categories.size(); i++) {
            if (i == hovered.get() || i == linked.get()) {
                pen.fillRect(plot.left() + i * slot, plot.top(), slot, plot.height(), palette.hover());
            }
            if (stacked) {
                drawStack(pen, plot, i, slot, palette);
            } else {
                drawSideBySide(pen, plot, i, slot, palette);
            }
        }
        if (Double.isFinite(reference)) {
            double at = plot.toY(Math.clamp(reference, plot.y().low(), plot.y().high()));
            pen.line(plot.left(), at, plot.right(), at, Stroke.dashed(palette.subtle(), 1, 4, 4));
            double text = pen.textWidth(referenceName, TextStyle.CAPTION);
            pen.fillRect(plot.right() - text - 6, at - 15, text + 6, 13, Palette.withOpacity(palette.card(), 0.8));
            pen.textMiddle(referenceName, plot.right() - 2, at - 8, TextStyle.CAPTION, palette.muted(), Pen.Align.RIGHT);
        }
        drawLabels(pen, plot, slot, palette);
        if (hovered.get() >= 0 && hovered.get() < categories.size()) {
            readOut(hovered.get(), palette).drawBeside(pen, plot.left() + (hovered.get() + 0.5) * slot, plot.top(), width, height, palette);
        }
    }

    private Color shade(Series s, int index, Palette palette) {
        Color colour = s.colour.apply(palette);
        return index >= dimmedFrom ? Palette.withOpacity(colour, DIMMED) : colour;
    }

    private void drawSideBySide(Pen pen, Plot plot, int index, double slot, Palette palette) {
        double group = slot - Math.clamp(slot * 0.25, 1, 10);
        double each = group / Math.max(1, series.size());
        double zero = plot.toY(Math.max(0, plot.y().low()));
        for (int s = 0; s < series.size(); s++) {
            double value = series.get(s).values[index];
            if (Double.isFinite(value)) {
                double x = pen.snap(plot.left() + index * slot + (slot - group) / 2 + s * each);
                double y = plot.toY(Math.clamp(value, plot.y().low(), plot.y().high()));
                double w = Math.max(1, pen.snap(each) - (each > 4 && series.size() > 1 ? 1 : 0));
                pen.fillRoundRect(x, Math.min(y, zero), w, Math.max(0.5, Math.abs(zero - y)), w > 4 ? 1.5 : 0,
                        shade(series.get(s), index, palette));
            }
        }
    }

    private void drawStack(Pen pen, Plot plot, int index, double slot, Palette palette) {
        double w = Math.max(1, Math.floor(Math.min(slot - 2, Math.max(4, slot * 0.8))));
        double x = pen.snap(plot.left() + index * slot + (slot - w) / 2);
        double sum = 0;
        for (Series s : series) {
            double value = Double.isFinite(s.values[index]) ? s.values[index] : 0;
            double bottom = plot.toY(sum);
            double top = plot.toY(sum + value);
            sum += value;
            if (bottom - top >= 0.5) {
                Color colour = shade(s, index, palette);
                pen.fillRoundRect(x, top + 0.5, w, Math.max(0.5, bottom - top - 1), 1.5, colour);
                String text = format.apply(value);
                if (bottom - top > VALUES_FROM && pen.textWidth(text, TextStyle.CELL) < w) {
                    pen.textMiddle(text, x + w / 2, (top + bottom) / 2, TextStyle.CELL, Palette.textOn(colour), Pen.Align.CENTRE);
                }
            }
        }
    }

    private void drawLabels(Pen pen, Plot plot, double slot, Palette palette) {
        double clear = Double.NEGATIVE_INFINITY;
        double widest = categories.stream().mapToDouble(c -> pen.textWidth(c, labels)).max().orElse(0);
        // Where not all have room, every second or third one and so on: numbers then count evenly.
        int step = Math.max(1, (int) Math.ceil((widest + 3) / slot));
        for (int i = 0; i < categories.size(); i++) {
            if (i % step != 0 && i != selected.get()) {
                continue;
            }
            double middle = plot.left() + (i + 0.5) * slot;
            double half = pen.textWidth(categories.get(i), labels) / 2;
            if (middle - half > clear || i == selected.get()) {
                Color colour = i == selected.get() ? palette.accent() : palette.muted();
                pen.textMiddle(categories.get(i), middle, plot.bottom() + 12, labels, colour, Pen.Align.CENTRE);
                clear = middle + half + 3;
            }
        }
    }

    private ReadOut readOut(int index, Palette palette) {
        ReadOut card = new ReadOut().add(ReadOut.Role.NAME, categories.get(index));
        if (!xName.isEmpty()) {
            card.add(ReadOut.Role.CONTEXT, xName);
        }
        for (Series s : series) {
            card.line().add(ReadOut.Role.CONTEXT, s.name, s.colour.apply(palette)).add(ReadOut.Role.NUMBER, Numbers.orReason(s.values[index], format));
        }
        return card;
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hovered, selected, linked);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hovered.set(at(plot(width, height, surface), m.x(), m.y()));
            case Gesture.Leave l -> hovered.set(-1);
            case Gesture.Click c -> selected.set(at(plot(width, height, surface), c.x(), c.y()));
            case Gesture.Key k when k.code() == KeyCode.LEFT -> selected.set(Math.max(0, selected.get() - 1));
            case Gesture.Key k when k.code() == KeyCode.RIGHT -> selected.set(Math.min(categories.size() - 1, selected.get() + 1));
            case Gesture.Key k when k.code() == KeyCode.ESCAPE && selected.get() >= 0 -> selected.set(-1);
            default -> {
                return false;
            }
        }
        return true;
    }

    private int at(Plot plot, double x, double y) {
        int index = (int) Math.floor((x - plot.left()) / plot.width() * categories.size());
        return y <= plot.bottom() + 18 && index >= 0 && index < categories.size() ? index : -1;
    }

    @Override
    public String description() {
        int told = hovered.get() >= 0 ? hovered.get() : selected.get();
        return told >= 0 && told < categories.size() ? readOut(told, Palette.of(Theme.LIGHT)).text()
                : y.name() + ", " + categories.size() + " columns";
    }

    @Override
    public String csv() {
        List<Object> head = new ArrayList<>(List.of(xName));
        series.forEach(s -> head.add(s.name));
        Csv csv = new Csv().line(head);
        for (int i = 0; i < categories.size(); i++) {
            List<Object> line = new ArrayList<>(List.of(categories.get(i)));
            for (Series s : series) {
                line.add(s.values[i]);
            }
            csv.line(line);
        }
        return csv.toString();
    }
}
