package vitrine.views.chart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import javafx.beans.Observable;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.paint.Color;

/// Tokens as columns and layers as lanes: each cell shows which categories a token visited there, the heaviest on top, by the height of its parts.
///
/// The wheel scrolls along the tokens, Ctrl+wheel and Shift+Up/Down change the width of a column, 0 shows all of them; where a column is too narrow for a
/// cell of its own, a pixel shows the most frequent first category of the tokens below it. The pointer peeks, a click or the arrows select, Escape
/// releases.
public final class Lanes implements Interactive {

    /// What is drawn: categories of each row and column, by falling weight.
    public interface Source {

        int rows();

        int columns();

        /// Categories per cell.
        int parts();

        /// Counted from 0.
        int category(int row, int column, int part);

        float weight(int row, int column, int part);
    }

    /// The colour of a category in a row.
    @FunctionalInterface
    public interface Colours {
        Color of(int row, int category, Palette palette);
    }

    private static final double LABEL_GAP = 8;
    private static final double TALLEST = 34;
    private static final double WIDEST = 28;
    /// A column is at least so wide until the reader asks for narrower ones.
    private static final double USUAL = 22;
    /// From this size on cells are drawn one by one.
    private static final double CELLS_FROM = 7;
    private static final double NAMES_FROM = 10;
    private static final double SLANTED_NAMES = 46;
    private static final double PLAIN_NAMES = 16;
    private static final double BAR = 9;
    private static final double ZOOM_STEP = 1.25;
    private static final double FAINT = 0.22;
    private static final int NOTHING = 0;

    private final ObjectProperty<Cell> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final ObjectProperty<Cell> selected = new SimpleObjectProperty<>(this, "selected");
    private final ObjectProperty<Cell> emphasis = new SimpleObjectProperty<>(this, "emphasis");
    private final Changes changes = new Changes();
    private Source source;
    private List<String> rowLabels = List.of();
    private List<String> columnLabels = List.of();
    private Colours colours = (row, category, palette) -> palette.categorical(category);
    private boolean numbers = true;
    private int categories;
    private BiFunction<Integer, Integer, ReadOut> readOut = this::plainReadOut;
    private BiFunction<Integer, Integer, Bars> bars = (r, c) -> null;
    private double cell = Double.NaN;
    private double first;
    private Painted painted;
    private Raster raster;

    /// A value for each category of one cell, drawn as bars in its read-out; those that were chosen are given in their colours.
    ///
    /// @param values from 0 to 1; one per category
    /// @param even what each had if all were equal
    public record Bars(double[] values, double even, int[] chosen) {}

    /// What a raster was painted of.
    private record Painted(Source source, double first, double cell, double lane, int width, int height, Theme theme, Cell emphasis, Colours colours) {}

    /// @param all how many categories there are
    public Lanes show(Source shown, int all, List<String> rows, List<String> columns) {
        boolean same = source != null && source.columns() == shown.columns() && source.rows() == shown.rows();
        source = shown;
        categories = all;
        rowLabels = List.copyOf(rows);
        columnLabels = List.copyOf(columns);
        painted = null;
        if (!same) {
            cell = Double.NaN;
            first = 0;
        }
        hovered.set(null);
        selected.set(stillThere(selected.get()));
        changes.tell();
        return this;
    }

    private Cell stillThere(Cell at) {
        return at == null || at.row() >= source.rows() || at.column() >= source.columns() ? null : at;
    }

    public Lanes colours(Colours by, boolean numbered) {
        colours = by;
        numbers = numbered;
        painted = null;
        changes.tell();
        return this;
    }

    /// What is told about a row and column.
    public Lanes readOut(BiFunction<Integer, Integer, ReadOut> teller) {
        readOut = teller;
        return this;
    }

    /// Bars below the read-out; null for none.
    public Lanes bars(BiFunction<Integer, Integer, Bars> teller) {
        bars = teller;
        return this;
    }

    /// Row and column under the pointer, or null.
    public ObjectProperty<Cell> hoveredProperty() {
        return hovered;
    }

    /// Row and column that were clicked, or null.
    public ObjectProperty<Cell> selectedProperty() {
        return selected;
    }

    /// A row and a category (as the cell's column) whose tokens stand out from the others in that row, or null.
    public ObjectProperty<Cell> emphasisProperty() {
        return emphasis;
    }

    /// Shows all columns at once.
    public void fit() {
        cell = 0;
        first = 0;
        changes.tell();
    }

    private record Layout(double left, double top, double width, double lane, double cell, double first, int columns, int rows) {

        double x(double column) {
            return left + (column - first) * cell;
        }

        double y(int row) {
            return top + row * lane;
        }

        double bottom() {
            return top + rows * lane;
        }

        Cell at(double x, double y) {
            int column = (int) Math.floor(first + (x - left) / cell);
            int row = (int) Math.floor((y - top) / lane);
            return x < left || x >= left + width || row < 0 || row >= rows || column < 0 || column >= columns ? null : new Cell(row, column);
        }

        boolean separate() {
            return cell >= CELLS_FROM && lane >= CELLS_FROM;
        }
    }

    private Layout layout(double width, double height, Surface surface) {
        int columns = source == null ? 0 : source.columns();
        int rows = source == null ? 0 : source.rows();
        double left = 0;
        for (String label : rowLabels) {
            left = Math.max(left, surface.textWidth(label, TextStyle.AXIS));
        }
        left = Math.ceil(left + LABEL_GAP);
        double room = Math.max(1, width - left - 1);
        double fitted = room / Math.max(1, columns);
        double wide = Double.isNaN(cell) ? Math.clamp(fitted, USUAL, WIDEST) : Math.clamp(cell, Math.min(fitted, WIDEST), Math.max(WIDEST, 48));
        if (wide >= 2) {
            wide = Math.max(1, Math.floor(wide * surface.pixelRatio() * 2 + 1e-6) / (surface.pixelRatio() * 2));
        }
        double shown = Math.min(room, columns * wide);
        double top = wide >= NAMES_FROM ? SLANTED_NAMES : PLAIN_NAMES;
        double lane = Math.min(TALLEST, (height - top - BAR) / Math.max(1, rows));
        lane = lane >= 2 ? surface.snap(lane - 0.5 / surface.pixelRatio()) : Math.max(0.2, lane);
        return new Layout(left, top, shown, lane, wide, Math.clamp(first, 0, Math.max(0, columns - shown / wide)), columns, rows);
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return source == null ? 0 : SLANTED_NAMES + BAR + source.rows() * TALLEST;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        if (source == null || source.columns() == 0) {
            return;
        }
        Palette palette = theme.palette();
        Layout at = layout(width, height, pen);
        pen.save();
        pen.clip(at.left, at.top, at.width + 1, at.rows * at.lane + 1);
        if (at.separate()) {
            drawCells(pen, at, palette);
        } else {
            drawRaster(pen, at, theme);
        }
        pen.restore();
        outline(pen, at, hovered.get(), palette.strong(), 1);
        outline(pen, at, selected.get(), palette.locked(), 1.75);
        drawNames(pen, at, width, palette);
        drawLanes(pen, at, palette);
        drawBar(pen, at, palette);
        Cell told = hovered.get();
        if (told != null) {
            drawReadOut(pen, at, told, width, height, palette);
        }
    }

    // --- cells

    private Color colour(int row, int category, Palette palette) {
        return colours.of(row, category, palette);
    }

    /// Whether a cell gives way to those that are emphasised.
    private boolean faint(int row, int column) {
        Cell e = emphasis.get();
        if (e == null || e.row() != row) {
            return false;
        }
        for (int p = 0; p < source.parts(); p++) {
            if (source.category(row, column, p) == e.column()) {
                return false;
            }
        }
        return true;
    }

    private double total(int row, int column) {
        double sum = 0;
        for (int p = 0; p < source.parts(); p++) {
            sum += Math.max(0, source.weight(row, column, p));
        }
        return sum > 0 ? sum : 1;
    }

    private void drawCells(Pen pen, Layout at, Palette palette) {
        double gap = at.cell >= 12 ? 2 : 1;
        int from = (int) Math.floor(at.first);
        int to = (int) Math.min(at.columns, Math.ceil(at.first + at.width / at.cell));
        for (int r = 0; r < at.rows; r++) {
            double high = at.lane - gap;
            for (int c = from; c < to; c++) {
                boolean faint = faint(r, c);
                double x = at.x(c) + gap / 2;
                double y = at.y(r) + gap / 2;
                double total = total(r, c);
                double end = y;
                double sum = 0;
                for (int p = 0; p < source.parts(); p++) {
                    sum += Math.max(0, source.weight(r, c, p));
                    double until = p == source.parts() - 1 ? y + high : pen.snap(y + high * sum / total);
                    if (until - end < 0.5) {
                        continue;
                    }
                    Color fill = colour(r, source.category(r, c, p), palette);
                    double tall = until - end - (p < source.parts() - 1 && until - end > 3 ? 0.5 : 0);
                    pen.fillRoundRect(x, end, at.cell - gap, tall, tall > 4 ? 2 : 0, faint ? Palette.over(palette.card(), fill, FAINT) : fill);
                    if (p == 0 && numbers && at.cell >= 14 && tall >= 10) {
                        Color text = faint ? palette.muted() : Palette.textOn(fill);
                        String number = Integer.toString(source.category(r, c, 0));
                        if (pen.textWidth(number, TextStyle.CELL) <= at.cell - gap) {
                            pen.textMiddle(number, x + (at.cell - gap) / 2, end + tall / 2, TextStyle.CELL, text, Pen.Align.CENTRE);
                        }
                    }
                    end = until;
                }
            }
        }
    }

    private void drawRaster(Pen pen, Layout at, Theme theme) {
        int w = (int) Math.max(1, Math.round(at.width * pen.pixelRatio()));
        int h = (int) Math.max(1, Math.round(at.rows * at.lane * pen.pixelRatio()));
        Painted wanted = new Painted(source, at.first, at.cell, at.lane, w, h, theme, emphasis.get(), colours);
        if (!wanted.equals(painted)) {
            if (raster == null || raster.width() != w || raster.height() != h) {
                raster = new Raster(w, h);
            }
            paint(raster, at, pen.pixelRatio(), theme.palette());
            raster.changed();
            painted = wanted;
        }
        pen.image(raster, at.left, at.top, at.width, at.rows * at.lane, false);
    }

    private void paint(Raster into, Layout at, double ratio, Palette palette) {
        int[] pixels = into.pixels();
        int w = into.width();
        int h = into.height();
        int[] table = new int[categories];
        int[] faintTable = new int[categories];
        int[] counts = new int[categories];
        int[] line = new int[w];
        double lane = at.lane * ratio;
        Arrays.fill(pixels, NOTHING);
        for (int r = 0; r < at.rows; r++) {
            for (int k = 0; k < categories; k++) {
                Color fill = colour(r, k, palette);
                table[k] = Palette.argb(fill);
                faintTable[k] = emphasis.get() == null ? table[k] : Palette.argb(Palette.over(palette.card(), fill, FAINT));
            }
            int top = (int) Math.round(r * lane);
            int bottom = Math.min(h, (int) Math.round((r + 1) * lane));
            // Lanes of three pixels or more are parted by one.
            int end = lane >= 3 ? bottom - 1 : bottom;
            for (int x = 0; x < w; x++) {
                int from = Math.min(at.columns - 1, (int) (at.first + x / (at.cell * ratio)));
                int to = Math.clamp((int) (at.first + (x + 1) / (at.cell * ratio)), from + 1, at.columns);
                int c = to - from == 1 ? from : modal(r, from, to, counts);
                int[] colour = faint(r, c) ? faintTable : table;
                line[x] = colour[source.category(r, c, 0)];
                if (to - from == 1 && lane >= 6) {
                    split(pixels, w, x, r, c, top, end, colour);
                } else {
                    for (int y = top; y < end; y++) {
                        pixels[y * w + x] = line[x];
                    }
                }
            }
        }
    }

    private void split(int[] pixels, int w, int x, int row, int column, int top, int end, int[] table) {
        double total = total(row, column);
        double sum = 0;
        int y = top;
        for (int p = 0; p < source.parts(); p++) {
            sum += Math.max(0, source.weight(row, column, p));
            int until = p == source.parts() - 1 ? end : (int) Math.round(top + (end - top) * sum / total);
            for (; y < until; y++) {
                pixels[y * w + x] = table[source.category(row, column, p)];
            }
        }
    }

    /// A column between two whose first category is the most frequent one there.
    private int modal(int row, int from, int to, int[] counts) {
        int best = from;
        for (int c = from; c < to; c++) {
            int k = source.category(row, c, 0);
            counts[k]++;
            if (counts[k] > counts[source.category(row, best, 0)]) {
                best = c;
            }
        }
        for (int c = from; c < to; c++) {
            counts[source.category(row, c, 0)] = 0;
        }
        return best;
    }

    // --- around the cells

    private static void outline(Pen pen, Layout at, Cell cell, Color colour, double thick) {
        if (cell == null || at.x(cell.column() + 1) < at.left || at.x(cell.column()) > at.left + at.width) {
            return;
        }
        double w = Math.max(3, at.cell);
        double h = Math.max(3, at.lane);
        pen.strokeRoundRect(Math.max(at.left, at.x(cell.column())) + 0.5, at.y(cell.row()) + 0.5, w - 1, h - 1, at.separate() ? 3 : 0, Stroke.of(colour, thick));
    }

    private void drawNames(Pen pen, Layout at, double width, Palette palette) {
        if (columnLabels.isEmpty()) {
            return;
        }
        int lock = selected.get() == null ? -1 : selected.get().column();
        int hover = hovered.get() == null ? -1 : hovered.get().column();
        if (at.cell >= NAMES_FROM) {
            int from = (int) Math.ceil(at.first - 0.3);
            int to = (int) Math.min(at.columns, Math.floor(at.first + at.width / at.cell + 0.3));
            for (int c = Math.max(0, from); c < to; c++) {
                Color colour = c == lock ? palette.accent() : c == hover ? palette.strong() : palette.muted();
                double across = (width - at.x(c + 0.5) - 4) / Math.cos(Math.toRadians(55));
                String text = across < 14 ? "" : pen.shortened(columnLabels.get(c), TextStyle.AXIS, Math.min(SLANTED_NAMES + 4, across));
                pen.text(text, at.x(c + 0.5) + 3, at.top - 5, c == lock ? TextStyle.AXIS_STRONG : TextStyle.AXIS, colour, Pen.Align.LEFT, -55);
            }
            return;
        }
        double clear = Double.NEGATIVE_INFINITY;
        for (int c : lock >= 0 && hover >= 0 && lock != hover ? new int[] {Math.min(lock, hover), Math.max(lock, hover)} : new int[] {Math.max(lock, hover)}) {
            if (c < 0 || at.x(c) < at.left || at.x(c) > at.left + at.width) {
                continue;
            }
            String text = columnLabels.get(c) + " at " + c;
            double half = pen.textWidth(text, TextStyle.AXIS) / 2;
            double middle = Math.clamp(at.x(c + 0.5), Math.min(at.left + half, width / 2), Math.max(width - half, width / 2));
            if (middle - half > clear) {
                pen.textMiddle(text, middle, at.top - 9, TextStyle.AXIS, c == lock ? palette.accent() : palette.strong(), Pen.Align.CENTRE);
                clear = middle + half + 8;
            }
        }
    }

    private void drawLanes(Pen pen, Layout at, Palette palette) {
        Cell strong = selected.get() != null ? selected.get() : hovered.get();
        double clear = Double.NEGATIVE_INFINITY;
        for (int r = 0; r < Math.min(rowLabels.size(), at.rows); r++) {
            double middle = at.y(r) + at.lane / 2;
            boolean told = strong != null && strong.row() == r;
            if (middle >= clear) {
                pen.textMiddle(rowLabels.get(r), at.left - LABEL_GAP, middle, TextStyle.AXIS, told ? palette.accent() : palette.muted(), Pen.Align.RIGHT);
                clear = middle + 11;
            }
        }
    }

    private static void drawBar(Pen pen, Layout at, Palette palette) {
        if (at.columns * at.cell <= at.width + 0.5) {
            return;
        }
        double y = at.bottom() + 4;
        double length = Math.max(16, at.width * at.width / (at.columns * at.cell));
        double start = at.left + (at.width - length) * at.first / Math.max(1e-9, at.columns - at.width / at.cell);
        pen.fillRoundRect(at.left, y, at.width, 4, 2, palette.hover());
        pen.fillRoundRect(start, y, length, 4, 2, palette.subtle());
    }

    private void drawReadOut(Pen pen, Layout at, Cell told, double width, double height, Palette palette) {
        ReadOut card = readOut.apply(told.row(), told.column());
        Bars b = bars.apply(told.row(), told.column());
        if (b != null) {
            card.bars(b.values(), b.even(), k -> Arrays.stream(b.chosen()).anyMatch(c -> c == k) ? colour(told.row(), k, palette) : palette.subtle());
        }
        double x = at.x(told.column() + 1);
        double y = at.y(told.row() + 1);
        card.drawBeside(pen, x, y, width, height, palette);
    }

    private ReadOut plainReadOut(int row, int column) {
        ReadOut out = new ReadOut().add(ReadOut.Role.NAME, columnLabels.isEmpty() ? Integer.toString(column) : columnLabels.get(column));
        for (int p = 0; p < source.parts(); p++) {
            out.line().add(ReadOut.Role.CONTEXT, Integer.toString(source.category(row, column, p))).add(ReadOut.Role.NUMBER, Numbers.probability(source.weight(row, column, p)));
        }
        return out;
    }

    // --- gestures

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hovered, selected, emphasis);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        if (source == null) {
            return false;
        }
        Layout at = layout(width, height, surface);
        switch (gesture) {
            case Gesture.Move m -> hovered.set(at.at(m.x(), m.y()));
            case Gesture.Leave l -> hovered.set(null);
            case Gesture.Click c -> {
                Cell hit = at.at(c.x(), c.y());
                if (hit == null) {
                    return false;
                }
                selected.set(hit.equals(selected.get()) ? null : hit);
            }
            case Gesture.Drag d -> scrollTo(at.first - d.dx() / at.cell, at);
            case Gesture.Wheel w when w.command() -> zoom(at, w.x(), Math.pow(ZOOM_STEP, w.notches()), width, height, surface);
            case Gesture.Wheel w -> {
                if (at.columns * at.cell <= at.width + 0.5) {
                    return false;
                }
                scrollTo(at.first - w.notches() * Math.max(1, 0.15 * at.width / at.cell), at);
            }
            case Gesture.Key k -> {
                return key(k, at, width, height, surface);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void scrollTo(double column, Layout at) {
        first = Math.clamp(column, 0, Math.max(0, at.columns - at.width / at.cell));
        changes.tell();
    }

    private void zoom(Layout at, double x, double factor, double width, double height, Surface surface) {
        double under = at.first + (x - at.left) / at.cell;
        cell = at.cell * factor;
        Layout after = layout(width, height, surface);
        cell = after.cell == at.cell && factor != 1 ? cell : Math.max(cell, 1e-3);
        scrollTo(under - (x - after.left) / after.cell, after);
    }

    private boolean key(Gesture.Key key, Layout at, double width, double height, Surface surface) {
        switch (key.code()) {
            case UP, DOWN -> {
                if (key.shift()) {
                    zoom(at, width / 2, key.code() == javafx.scene.input.KeyCode.UP ? ZOOM_STEP : 1 / ZOOM_STEP, width, height, surface);
                } else {
                    move(at, key.code() == javafx.scene.input.KeyCode.UP ? -1 : 1, 0);
                }
            }
            case LEFT -> move(at, 0, -1);
            case RIGHT -> move(at, 0, 1);
            case HOME -> move(at, 0, -at.columns);
            case END -> move(at, 0, at.columns);
            case DIGIT0, NUMPAD0 -> fit();
            case SPACE -> {
                Cell hit = hovered.get();
                if (hit == null) {
                    return false;
                }
                selected.set(hit.equals(selected.get()) ? null : hit);
            }
            case ESCAPE -> {
                boolean held = selected.get() != null;
                selected.set(null);
                return held;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void move(Layout at, int down, int across) {
        Cell now = selected.get() != null ? selected.get() : hovered.get();
        Cell next = now == null ? new Cell(0, 0) : new Cell(Math.clamp(now.row() + down, 0, at.rows - 1), Math.clamp(now.column() + across, 0, at.columns - 1));
        selected.set(next);
        double shown = at.width / at.cell;
        if (next.column() < at.first || next.column() + 1 > at.first + shown) {
            scrollTo(Math.min(next.column(), Math.max(at.first, next.column() + 1 - shown)), at);
        }
    }

    @Override
    public String description() {
        Cell told = hovered.get() != null ? hovered.get() : selected.get();
        return source == null ? "No tokens" : told == null ? "Lanes of " + source.rows() + " layers and " + source.columns() + " tokens" : readOut.apply(told.row(), told.column()).text();
    }

    @Override
    public String csv() {
        if (source == null) {
            return "";
        }
        Csv csv = new Csv().line("position", "token", "layer", "choice", "expert", "weight");
        for (int c = 0; c < source.columns() && (long) c * source.rows() * source.parts() < 500_000; c++) {
            for (int r = 0; r < source.rows(); r++) {
                for (int p = 0; p < source.parts(); p++) {
                    List<Object> line = new ArrayList<>(List.of(c, columnLabels.isEmpty() ? "" : columnLabels.get(c), rowLabels.isEmpty() ? Integer.toString(r) : rowLabels.get(r), p + 1,
                            source.category(r, c, p), source.weight(r, c, p)));
                    csv.line(line);
                }
            }
        }
        return csv.toString();
    }
}
