package vitrine.views.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import javafx.beans.Observable;
import javafx.beans.property.DoubleProperty;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleDoubleProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.paint.Color;
import vitrine.views.chart.Csv;
import vitrine.views.chart.Gesture;
import vitrine.views.chart.Interactive;
import vitrine.views.chart.Legend;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Pen;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.chart.Stroke;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;
import vitrine.views.chart.Theme;

/// Modules down, rank components across: how much each component counts, with the effective rank of each module at its right and the line of the cut.
///
/// Rows become as low as the place allows and then scroll with the wheel. A click selects a module, the arrows go from one to the next, left and right
/// from component to component; the line of the cut can be dragged. Shift and a click, or Delete, switch a component off, which is then drawn empty.
final class ImportanceMap implements Interactive {

    /// A row.
    ///
    /// @param path of the module
    /// @param layer or -1
    /// @param category of its colour
    /// @param values in the order in which they are drawn; NaN is hatched
    /// @param effectiveRank of the delta; NaN where there is none
    /// @param keep how many of the components stay; -1 for no line
    /// @param off which of them are switched off, in the order in which they are drawn; none where it is shorter
    record Line(String path, String kind, int layer, int category, double[] values, double effectiveRank, int keep, boolean[] off) {
        Line(String path, String kind, int layer, int category, double[] values, double effectiveRank, int keep) {
            this(path, kind, layer, category, values, effectiveRank, keep, new boolean[0]);
        }
    }

    private static final double TALLEST = 26;
    private static final double LOWEST = 6;
    private static final double LABELS_FROM = 11;
    private static final double GAPS_FROM = 8;
    private static final double GROUP_GAP = 6;
    private static final double HEAD = 26;
    private static final double TICKS = 18;
    private static final double FOOT = 34;
    private static final double LAYER_ROOM = 30;
    private static final double BAR = 34;
    private static final double TOLD = 34;
    private static final double WIDEST_CELL = 34;
    private static final double GRIP = 6;

    private final ObjectProperty<String> selected = new SimpleObjectProperty<>(this, "selected");
    private final ObjectProperty<String> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final IntegerProperty component = new SimpleIntegerProperty(this, "component", -1);
    private final IntegerProperty cutAt = new SimpleIntegerProperty(this, "cutAt", -1);
    private final DoubleProperty scrolled = new SimpleDoubleProperty(this, "scrolled");
    private final IntegerProperty version = new SimpleIntegerProperty(this, "version");
    private List<Line> lines = List.of();
    private Scale scale = Scale.sqrt(0, 1);
    private String legend = "";
    private String order = "";
    private boolean movable;
    private boolean pointed;
    private boolean moving;
    private int columns;
    private BiFunction<Integer, Integer, ReadOut> readOut = (row, column) -> new ReadOut();
    private BiConsumer<Integer, Integer> switching = (row, column) -> { };

    /// @param name what the colours show, and `sequence` in which order the components stand
    /// @param canMove whether the line of the cut is one that can be dragged
    void show(List<Line> rows, Scale colours, String name, String sequence, boolean canMove) {
        lines = List.copyOf(rows);
        scale = colours;
        legend = name;
        order = sequence;
        movable = canMove;
        columns = rows.stream().mapToInt(l -> l.values.length).max().orElse(0);
        version.set(version.get() + 1);
    }

    /// What is told about a row and a drawn component, or about a row (-1).
    void readOut(BiFunction<Integer, Integer, ReadOut> teller) {
        readOut = teller;
    }

    /// What happens to a row's drawn component that is to be switched off or on: Shift and a click, or Delete.
    void onSwitch(BiConsumer<Integer, Integer> handler) {
        switching = handler;
    }

    /// The path of the selected module, or null.
    ObjectProperty<String> selectedProperty() {
        return selected;
    }

    /// The path of the module under the pointer, here or in another figure; or null.
    ObjectProperty<String> hoveredProperty() {
        return hovered;
    }

    /// Where the line of the cut was dragged to.
    IntegerProperty cutAtProperty() {
        return cutAt;
    }

    private record Layout(double left, double top, double bottom, double cell, double row, double[] tops, double height) {

        double right(int columns) {
            return left + columns * cell;
        }
    }

    private Layout layout(double width, double height, Surface surface) {
        double names = 0;
        for (Line l : lines) {
            names = Math.max(names, surface.textWidth(l.kind, TextStyle.AXIS));
        }
        double left = Math.ceil(LAYER_ROOM + Math.min(names, width * 0.28) + 14);
        double room = width - left - 8 - BAR - 6 - TOLD;
        double cell = Math.max(0.5, Math.min(WIDEST_CELL, room / Math.max(1, columns)));
        cell = cell >= 2 ? surface.snap(cell - 0.5 / surface.pixelRatio()) : cell;
        double top = HEAD;
        double bottom = height - TICKS - FOOT;
        int groups = 0;
        for (int i = 1; i < lines.size(); i++) {
            groups += lines.get(i).layer != lines.get(i - 1).layer ? 1 : 0;
        }
        double gap = groups * GROUP_GAP > (bottom - top) * 0.12 ? 2 : GROUP_GAP;
        double row = Math.clamp(Math.floor((bottom - top - groups * gap) / Math.max(1, lines.size()) * surface.pixelRatio()) / surface.pixelRatio(), LOWEST, TALLEST);
        // What whole pixels leave over parts the layers.
        gap = groups == 0 ? gap : Math.clamp(Math.floor((bottom - top - row * lines.size()) / groups), gap, 2 * GROUP_GAP);
        double[] tops = new double[lines.size()];
        double at = 0;
        for (int i = 0; i < tops.length; i++) {
            at += i > 0 && lines.get(i).layer != lines.get(i - 1).layer ? gap : 0;
            tops[i] = at;
            at += row;
        }
        double shift = Math.clamp(scrolled.get(), 0, Math.max(0, at - (bottom - top)));
        for (int i = 0; i < tops.length; i++) {
            tops[i] += top - shift;
        }
        return new Layout(left, top, Math.min(bottom, top + at), cell, row, tops, at);
    }

    /// Where the line of the cut stands, and how wide a component is, at a size.
    double cutX(double width, double height, Surface surface) {
        Layout at = layout(width, height, surface);
        return at.left + mostKept() * at.cell;
    }

    double cellWidth(double width, double height, Surface surface) {
        return layout(width, height, surface).cell;
    }

    private int rowAt(Layout at, double y) {
        if (y < at.top || y >= at.bottom) {
            return -1;
        }
        for (int i = 0; i < lines.size(); i++) {
            if (y >= at.tops[i] && y < at.tops[i] + at.row) {
                return i;
            }
        }
        return -1;
    }

    private int index(String path) {
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).path.equals(path)) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        if (lines.isEmpty()) {
            return;
        }
        Layout at = layout(width, height, pen);
        pen.textMiddle("layer, module", 0, 6, TextStyle.CAPTION, palette.muted(), Pen.Align.LEFT);
        pen.textMiddle("effective rank", Math.min(width, at.right(columns) + 8 + BAR + 6 + TOLD), 6, TextStyle.CAPTION, palette.muted(), Pen.Align.RIGHT);
        pen.save();
        pen.clip(0, at.top - 1, width, at.bottom - at.top + 2);
        int marked = index(selected.get());
        int over = index(hovered.get());
        for (int i = 0; i < lines.size(); i++) {
            if (at.tops[i] + at.row > at.top && at.tops[i] < at.bottom) {
                drawLine(pen, at, i, i == marked, i == over, palette);
            }
        }
        drawLayers(pen, at, palette);
        drawCut(pen, at, palette);
        if (marked >= 0) {
            pen.strokeRoundRect(at.left - 1.5, at.tops[marked] - 1 + 0.5, lines.get(marked).values.length * at.cell + 2, at.row + 1, 3, Stroke.of(palette.locked(), 1.5));
        }
        if (over >= 0 && over != marked) {
            pen.strokeRoundRect(at.left - 1.5, at.tops[over] - 0.5, lines.get(over).values.length * at.cell + 2, at.row, 3, Stroke.of(palette.muted(), 1));
        }
        pen.restore();
        drawHandle(pen, at, palette);
        drawTicks(pen, at, palette);
        drawFoot(pen, at, width, theme);
        if (at.height > at.bottom - at.top + 1) {
            double share = (at.bottom - at.top) / at.height;
            double first = (at.top - at.tops[0]) / at.height;
            pen.fillRoundRect(width - 4, at.top + first * (at.bottom - at.top), 3, Math.max(12, share * (at.bottom - at.top)), 1.5, palette.border());
        }
        if (pointed && over >= 0) {
            int c = component.get() < lines.get(over).values.length ? component.get() : -1;
            readOut.apply(over, c).drawBeside(pen, at.left + (Math.max(0, c) + 1) * at.cell, at.tops[over] + at.row, width, height, palette);
        }
    }

    private void drawLine(Pen pen, Layout at, int i, boolean marked, boolean over, Palette palette) {
        Line l = lines.get(i);
        double y = at.tops[i];
        double middle = y + at.row / 2;
        boolean label = at.row >= LABELS_FROM || marked || over && pointed;
        if (label) {
            String name = pen.shortened(l.kind, TextStyle.AXIS, at.left - 14 - LAYER_ROOM);
            pen.textMiddle(name, at.left - 12, middle, marked ? TextStyle.AXIS_STRONG : TextStyle.AXIS, marked ? palette.accent() : over ? palette.strong() : palette.muted(), Pen.Align.RIGHT);
        }
        pen.fillRoundRect(at.left - 8, y + (at.row >= LABELS_FROM ? 2 : 0.5), 3, at.row - (at.row >= LABELS_FROM ? 4 : 1), 1, palette.categorical(l.category));
        double gap = at.cell >= GAPS_FROM && at.row >= GAPS_FROM ? 1.5 : 0;
        double down = at.row >= GAPS_FROM ? 1.5 : at.row >= 4 ? 0.5 : 0;
        for (int c = 0; c < l.values.length; c++) {
            double x = at.left + c * at.cell;
            double v = l.values[c];
            double w = gap > 0 ? at.cell - gap : at.cell + (at.cell < 2 ? 0.3 : 0);
            if (Double.isFinite(v)) {
                pen.fillRoundRect(x + gap / 2, y + down / 2, w, at.row - down, gap > 0 ? 2 : 0, scale.colour(v, palette));
            } else {
                pen.fillRoundRect(x + gap / 2, y + down / 2, w, at.row - down, gap > 0 ? 2 : 0, palette.hover());
                pen.line(x + gap / 2, y + at.row - down, x + w, y + down, Stroke.of(palette.danger(), 1));
            }
            if (c < l.off.length && l.off[c]) {
                // As masked cells are: empty, with a frame that says that something was here.
                pen.fillRect(x + gap / 2, y + down / 2, w, at.row - down, palette.theme() == Theme.LIGHT ? palette.inset() : palette.background());
                if (at.cell >= 4 && at.row >= 4) {
                    pen.strokeRoundRect(x + gap / 2 + 0.5, y + down / 2 + 0.5, w - 1, at.row - down - 1, 2, Stroke.of(palette.muted(), 1));
                    pen.line(x + gap / 2 + 1, y + at.row - down / 2 - 1, x + gap / 2 + w - 1, y + down / 2 + 1, Stroke.of(palette.muted(), 1));
                }
            }
        }
        double bar = at.right(columns) + 8;
        if (Double.isFinite(l.effectiveRank)) {
            Color colour = marked ? palette.accent() : palette.subtle();
            double high = Math.min(8, at.row - 2);
            pen.fillRoundRect(bar, middle - high / 2, Math.max(1, l.effectiveRank / Math.max(1, l.values.length) * BAR), high, 1.5, colour);
        }
        if (label) {
            pen.textMiddle(Numbers.fixed(l.effectiveRank, 1), bar + BAR + 6 + TOLD, middle, TextStyle.CELL, marked ? palette.strong() : palette.muted(), Pen.Align.RIGHT);
        }
    }

    /// A layer's number beside a bracket over its modules.
    private void drawLayers(Pen pen, Layout at, Palette palette) {
        int first = 0;
        double clear = Double.NEGATIVE_INFINITY;
        for (int i = 1; i <= lines.size(); i++) {
            if (i == lines.size() || lines.get(i).layer != lines.get(first).layer) {
                double top = at.tops[first] + 1;
                double bottom = at.tops[i - 1] + at.row - 1;
                double middle = Math.clamp((top + bottom) / 2, Math.min(top + 6, bottom), bottom);
                pen.hairlineDown(LAYER_ROOM - 6, top, bottom, palette.border());
                if (middle >= clear) {
                    pen.textMiddle(lines.get(first).layer < 0 ? "–" : Integer.toString(lines.get(first).layer), LAYER_ROOM - 14, middle, TextStyle.AXIS, palette.text(), Pen.Align.RIGHT);
                    clear = middle + 12;
                }
                first = i;
            }
        }
    }

    private boolean oneCut() {
        int most = lines.stream().mapToInt(Line::keep).max().orElse(-1);
        return most >= 0 && lines.stream().allMatch(l -> l.keep < 0 || l.keep == Math.min(most, l.values.length));
    }

    private int mostKept() {
        return lines.stream().mapToInt(Line::keep).max().orElse(-1);
    }

    private void drawCut(Pen pen, Layout at, Palette palette) {
        if (oneCut()) {
            double x = at.left + mostKept() * at.cell;
            pen.line(x, at.top, x, at.bottom, Stroke.dashed(palette.strong(), 2, 2, 3));
            return;
        }
        // Ranks by module: a step per row, and what goes lies under a veil.
        double before = Double.NaN;
        for (int i = 0; i < lines.size(); i++) {
            Line l = lines.get(i);
            if (l.keep >= 0) {
                double x = at.left + l.keep * at.cell;
                pen.line(x, at.tops[i], x, at.tops[i] + at.row, Stroke.of(palette.strong(), 2));
                if (Double.isFinite(before) && before != x && i > 0 && lines.get(i - 1).layer == l.layer) {
                    pen.line(Math.min(before, x), at.tops[i], Math.max(before, x), at.tops[i], Stroke.of(palette.strong(), 1));
                }
                before = x;
            }
        }
    }

    private void drawHandle(Pen pen, Layout at, Palette palette) {
        if (oneCut() && mostKept() >= 0) {
            double x = at.left + mostKept() * at.cell;
            pen.polygon(new double[] {x - 5, x + 5, x}, new double[] {at.top - 8, at.top - 8, at.top - 2}, 3, palette.strong());
        }
    }

    private void drawTicks(Pen pen, Layout at, Palette palette) {
        double clear = Double.NEGATIVE_INFINITY;
        int step = columns <= 8 ? 1 : columns <= 24 ? 4 : columns <= 64 ? 16 : Integer.highestOneBit(columns / 4);
        for (int c = 1; c <= columns; c++) {
            if (c == 1 || c % step == 0) {
                String text = Integer.toString(c);
                double middle = at.left + (c - 0.5) * at.cell;
                double half = pen.textWidth(text, TextStyle.CAPTION) / 2;
                if (middle - half > clear) {
                    pen.textMiddle(text, middle, at.bottom + 9, TextStyle.CAPTION, palette.muted(), Pen.Align.CENTRE);
                    clear = middle + half + 3;
                }
            }
        }
    }

    private void drawFoot(Pen pen, Layout at, double width, Theme theme) {
        Legend bar = new Legend(legend, scale);
        double right = pen.textWidth(order, TextStyle.CAPTION);
        double room = Math.max(160, Math.min(360, width - right - 24));
        pen.save();
        pen.translate(0, at.bottom + TICKS + 4);
        bar.draw(pen, room, Legend.HEIGHT, theme);
        pen.restore();
        if (room + right + 12 <= width) {
            pen.textMiddle(order, width, at.bottom + TICKS + 9, TextStyle.CAPTION, theme.palette().muted(), Pen.Align.RIGHT);
        }
    }

    @Override
    public List<Observable> inputs() {
        return List.of(version, selected, hovered, component, scrolled);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        Layout at = layout(width, height, surface);
        switch (gesture) {
            case Gesture.Move m -> point(at, m.x(), m.y());
            case Gesture.Leave l -> {
                pointed = false;
                component.set(-1);
                hovered.set(null);
            }
            case Gesture.Press p -> {
                moving = movable && Math.abs(at.left + mostKept() * at.cell - p.x()) <= GRIP && p.y() <= at.bottom;
                return moving;
            }
            case Gesture.Drag d when moving -> cutAt.set(Math.clamp(Math.round((d.x() - at.left) / at.cell), 1, Math.max(1, columns)));
            case Gesture.Drop d when moving -> moving = false;
            case Gesture.Click c -> {
                moving = false;
                point(at, c.x(), c.y());
                if (hovered.get() == null) {
                    return false;
                }
                selected.set(hovered.get());
                if (c.extend() && component.get() >= 0) {
                    switching.accept(index(hovered.get()), component.get());
                }
            }
            case Gesture.Wheel w when at.height > at.bottom - at.top + 1 ->
                    scrolled.set(Math.clamp(scrolled.get() - w.notches() * 3 * at.row, 0, at.height - (at.bottom - at.top)));
            case Gesture.Key k -> {
                return key(k, at);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void point(Layout at, double x, double y) {
        int row = rowAt(at, y);
        pointed = row >= 0;
        int c = (int) Math.floor((x - at.left) / at.cell);
        component.set(row >= 0 && c >= 0 && c < lines.get(row).values.length ? c : -1);
        hovered.set(row < 0 ? null : lines.get(row).path);
    }

    private boolean key(Gesture.Key key, Layout at) {
        int row = index(selected.get());
        switch (key.code()) {
            case UP -> go(Math.max(0, row - 1), at);
            case DOWN -> go(Math.min(lines.size() - 1, row + 1), at);
            case HOME -> go(0, at);
            case END -> go(lines.size() - 1, at);
            case LEFT, RIGHT -> {
                if (row < 0) {
                    return false;
                }
                int step = key.code() == javafx.scene.input.KeyCode.LEFT ? -1 : 1;
                pointed = true;
                component.set(Math.clamp(component.get() + step, 0, Math.max(0, lines.get(row).values.length - 1)));
                hovered.set(lines.get(row).path);
            }
            case DELETE -> {
                if (row < 0 || component.get() < 0 || component.get() >= lines.get(row).values.length) {
                    return false;
                }
                switching.accept(row, component.get());
            }
            case ESCAPE -> {
                boolean held = pointed;
                pointed = false;
                component.set(-1);
                hovered.set(null);
                return held;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void go(int row, Layout at) {
        if (lines.isEmpty()) {
            return;
        }
        double above = at.tops[row] - at.top;
        double below = at.tops[row] + at.row - at.bottom;
        if (above < 0) {
            scrolled.set(Math.max(0, scrolled.get() + above));
        } else if (below > 0) {
            scrolled.set(scrolled.get() + below);
        }
        if (pointed) {
            hovered.set(lines.get(row).path);
        }
        selected.set(lines.get(row).path);
    }

    @Override
    public String description() {
        int row = index(hovered.get() != null ? hovered.get() : selected.get());
        return row < 0 || lines.isEmpty() ? legend + ", " + lines.size() + " modules by " + columns + " components" : readOut.apply(row, component.get() < lines.get(row).values.length ? component.get() : -1).text();
    }

    @Override
    public String csv() {
        Csv csv = new Csv();
        List<Object> head = new ArrayList<>(List.of("module", "layer", "effective_rank"));
        for (int c = 1; c <= columns; c++) {
            head.add("component_" + c);
        }
        csv.line(head);
        for (Line l : lines) {
            List<Object> line = new ArrayList<>(List.of(l.path, l.layer, Double.isFinite(l.effectiveRank) ? (Object) l.effectiveRank : ""));
            for (double v : l.values) {
                line.add(v);
            }
            csv.line(line);
        }
        return csv.toString();
    }
}
