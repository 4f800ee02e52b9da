package vitrine.views.chart;

import java.util.List;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.scene.input.KeyCode;
import javafx.scene.paint.Color;

/// One bar split into parts, with a list of the parts below: the share of parameters, or the layout of a file.
public final class BarStack implements Interactive {

    /// @param colour from the palette, so that it follows the look
    public record Part(String name, double value, Function<Palette, Color> colour) {

        /// A part in the colour of its kind of matrix.
        public static Part of(String name, double value, Palette.Kind kind) {
            return new Part(name, value, p -> p.kind(kind));
        }
    }

    private static final double BAR = 20;
    private static final double LINE = 21;
    private static final double COLUMN = 118;
    private static final double COLUMN_GAP = 24;
    private static final double SWATCH = 10;

    private final IntegerProperty hovered = new SimpleIntegerProperty(this, "hovered", -1);
    private final IntegerProperty selected = new SimpleIntegerProperty(this, "selected", -1);
    private final Changes changes = new Changes();
    private List<Part> parts = List.of();
    private DoubleFunction<String> format = Numbers::count;
    private boolean listed = true;

    public BarStack parts(List<Part> all) {
        parts = List.copyOf(all);
        changes.tell();
        return this;
    }

    /// How the value of the hovered part is written; shares are always percentages.
    public BarStack format(DoubleFunction<String> writer) {
        format = writer;
        changes.tell();
        return this;
    }

    /// Shows the bar alone, where colours are known from elsewhere.
    public BarStack withoutList() {
        listed = false;
        changes.tell();
        return this;
    }

    /// The index of the part under the pointer, or -1.
    public IntegerProperty hoveredProperty() {
        return hovered;
    }

    /// The index of the part that was clicked, or -1.
    public IntegerProperty selectedProperty() {
        return selected;
    }

    private double total() {
        return parts.stream().mapToDouble(Part::value).sum();
    }

    private static int columns(double width) {
        return Math.max(1, (int) ((width + COLUMN_GAP) / (COLUMN + COLUMN_GAP)));
    }

    @Override
    public double heightFor(double width, Surface surface) {
        int lines = (int) Math.ceil(parts.size() / (double) columns(width));
        return listed ? BAR + 10 + lines * LINE : BAR;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        double total = total();
        double bar = listed ? BAR : height;
        // Parts of less than a pixel come last: their neighbours would cover the one that they get.
        drawParts(pen, width, bar, false, palette);
        drawParts(pen, width, bar, true, palette);
        if (listed) {
            drawList(pen, width, total, palette);
        } else if (hovered.get() >= 0 && hovered.get() < parts.size()) {
            readOut(parts.get(hovered.get())).drawBeside(pen, edges(hovered.get(), width)[0], 0, width, height, palette);
        }
    }

    private void drawParts(Pen pen, double width, double bar, boolean tiny, Palette palette) {
        for (int i = 0; i < parts.size(); i++) {
            double[] edges = edges(i, width);
            double left = pen.snap(edges[0]);
            double right = pen.snap(edges[1]);
            if (right - left < 1 != tiny || parts.get(i).value <= 0) {
                continue;
            }
            left = Math.min(left, width - 1);
            double gap = right - left > 3 ? 1 : 0;
            pen.fillRoundRect(left, 0, Math.max(1, right - left - gap), bar, right - left > 6 ? 2 : 0, parts.get(i).colour.apply(palette));
            if (i == selected.get() || i == hovered.get()) {
                Color outline = i == selected.get() ? palette.accent() : palette.strong();
                pen.strokeRoundRect(left + 1, 1, Math.max(2, right - left - gap - 2), bar - 2, 2, Stroke.of(palette.card(), 3));
                pen.strokeRoundRect(left + 0.5, 0.5, Math.max(2, right - left - gap - 1), bar - 1, 2, Stroke.of(outline, 1.5));
            }
        }
    }

    private void drawList(Pen pen, double width, double total, Palette palette) {
        int columns = columns(width);
        double columnWidth = (width + COLUMN_GAP) / columns - COLUMN_GAP;
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            double left = i % columns * (columnWidth + COLUMN_GAP);
            double middle = BAR + 10 + (i / columns + 0.5) * LINE;
            boolean strong = i == hovered.get() || i == selected.get();
            String value = i == hovered.get() ? format.apply(part.value) : total > 0 ? Numbers.percent(part.value / total) : Numbers.MISSING;
            double valueWidth = pen.textWidth(value, TextStyle.AXIS);
            String name = pen.shortened(part.name, TextStyle.SMALL, columnWidth - valueWidth - SWATCH - 12);
            pen.fillRoundRect(left, middle - SWATCH / 2, SWATCH, SWATCH, 2, part.colour.apply(palette));
            pen.textMiddle(name, left + SWATCH + 6, middle, TextStyle.SMALL, strong ? palette.strong() : palette.text(), Pen.Align.LEFT);
            pen.textMiddle(value, left + columnWidth, middle, TextStyle.AXIS, strong ? palette.strong() : palette.muted(), Pen.Align.RIGHT);
        }
    }

    private ReadOut readOut(Part part) {
        return new ReadOut().add(ReadOut.Role.NAME, part.name).line().add(ReadOut.Role.NUMBER, format.apply(part.value))
                .add(ReadOut.Role.CONTEXT, Numbers.percent(part.value / total()));
    }

    private double[] edges(int index, double width) {
        double before = parts.stream().limit(index).mapToDouble(Part::value).sum();
        return new double[] {before / total() * width, (before + parts.get(index).value) / total() * width};
    }

    private int partAt(double x, double y, double width, double height) {
        if (y < 0 || x < 0 || x > width) {
            return -1;
        }
        if (!listed || y <= BAR) {
            for (int i = 0; i < parts.size(); i++) {
                if (x < edges(i, width)[1]) {
                    return i;
                }
            }
            return -1;
        }
        int columns = columns(width);
        int line = (int) Math.floor((y - BAR - 10) / LINE);
        int index = line * columns + (int) (x / ((width + COLUMN_GAP) / columns));
        return line >= 0 && index < parts.size() ? index : -1;
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hovered, selected);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hovered.set(partAt(m.x(), m.y(), width, height));
            case Gesture.Leave l -> hovered.set(-1);
            case Gesture.Click c -> {
                int hit = partAt(c.x(), c.y(), width, height);
                selected.set(hit == selected.get() ? -1 : hit);
                return hit >= 0;
            }
            case Gesture.Key k when k.code() == KeyCode.LEFT -> selected.set(Math.max(0, selected.get() - 1));
            case Gesture.Key k when k.code() == KeyCode.RIGHT -> selected.set(Math.min(parts.size() - 1, selected.get() + 1));
            case Gesture.Key k when k.code() == KeyCode.ESCAPE && selected.get() >= 0 -> selected.set(-1);
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    public String description() {
        int told = hovered.get() >= 0 ? hovered.get() : selected.get();
        return told >= 0 && told < parts.size() ? readOut(parts.get(told)).text() : parts.size() + " parts of " + format.apply(total());
    }

    @Override
    public String csv() {
        Csv csv = new Csv().line("part", "value", "share");
        parts.forEach(p -> csv.line(p.name, Numbers.exact(p.value), p.value / total()));
        return csv.toString();
    }
}
