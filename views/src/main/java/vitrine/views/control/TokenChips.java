package vitrine.views.control;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.collections.FXCollections;
import javafx.collections.ObservableSet;
import javafx.scene.paint.Color;
import vitrine.views.chart.Cells;
import vitrine.views.chart.Csv;
import vitrine.views.chart.Gesture;
import vitrine.views.chart.Interactive;
import vitrine.views.chart.Palette;
import vitrine.views.chart.Pen;
import vitrine.views.chart.Scale;
import vitrine.views.chart.Stroke;
import vitrine.views.chart.Surface;
import vitrine.views.chart.TextStyle;
import vitrine.views.chart.Theme;

/// The drawing of a [TokenStrip].
final class TokenChips implements Interactive {

    private static final double CHIP = 23;
    private static final double LINE = 27;
    private static final double PAD = 5;
    private static final double GAP = 3;
    private static final double NARROWEST = 16;
    /// A value at the upper end of the scale covers this much of the ground.
    private static final double STRONGEST_FILL = 0.7;
    /// Text needs this contrast on its chip.
    private static final double READABLE = 4.5;
    private static final double EDGE = 2;
    private static final double NOTCH = 3 * LINE;

    private final ObservableSet<Integer> selected = FXCollections.observableSet(new TreeSet<>());
    private final IntegerProperty hovered = new SimpleIntegerProperty(this, "hovered", -1);
    private final IntegerProperty revision = new SimpleIntegerProperty();
    private List<TokenStrip.Token> tokens = List.of();
    private double[] values;
    private Scale scale = Scale.sqrt(0, 1);
    private double scroll;
    private int anchor = -1;

    private Layout layout = new Layout(0, new double[0], new double[0], new int[0], 0);

    /// Where the chips lie; computed once per width.
    ///
    /// @param firstOfLine the index of the first token of each line
    private record Layout(double forWidth, double[] x, double[] width, int[] firstOfLine, int lines) {}

    List<TokenStrip.Token> tokens() {
        return tokens;
    }

    ObservableSet<Integer> selected() {
        return selected;
    }

    IntegerProperty hoveredProperty() {
        return hovered;
    }

    void setTokens(List<TokenStrip.Token> now) {
        tokens = List.copyOf(now);
        values = null;
        scroll = 0;
        anchor = -1;
        hovered.set(-1);
        selected.clear();
        layout = new Layout(0, new double[0], new double[0], new int[0], 0);
        changed();
    }

    void setValues(double[] now, Scale colours) {
        if (now != null && now.length != tokens.size()) {
            throw new IllegalArgumentException(now.length + " values for " + tokens.size() + " tokens");
        }
        values = now == null ? null : now.clone();
        scale = colours;
        changed();
    }

    private void changed() {
        revision.set(revision.get() + 1);
    }

    private static String shown(TokenStrip.Token token) {
        return TokenStrip.shown(token.text());
    }

    private Layout layout(double width, Surface surface) {
        if (layout.forWidth == width && layout.x.length == tokens.size()) {
            return layout;
        }
        double[] xs = new double[tokens.size()];
        double[] widths = new double[tokens.size()];
        int[] firsts = new int[tokens.size() + 1];
        int lines = tokens.isEmpty() ? 0 : 1;
        double x = EDGE;
        for (int i = 0; i < xs.length; i++) {
            String text = shown(tokens.get(i));
            widths[i] = Math.clamp(Math.ceil(surface.textWidth(text, TextStyle.TOKEN)) + 2 * PAD, NARROWEST, Math.max(NARROWEST, width - 2 * EDGE));
            if (x + widths[i] > width - EDGE && x > EDGE) {
                x = EDGE;
                firsts[lines++] = i;
            }
            xs[i] = x;
            x += widths[i] + GAP;
        }
        layout = new Layout(width, xs, widths, Arrays.copyOf(firsts, lines), lines);
        return layout;
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return width <= 0 ? LINE : Math.max(1, layout(width, surface).lines) * LINE - (LINE - CHIP) + 2 * EDGE;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        Layout at = layout(width, pen);
        double needed = heightFor(width, pen);
        scroll = Math.clamp(scroll, 0, Math.max(0, needed - height));
        pen.save();
        pen.clip(0, 0, width, height);
        int lineFrom = Math.max(0, (int) ((scroll - EDGE) / LINE));
        for (int line = lineFrom; line < at.lines; line++) {
            double y = EDGE + line * LINE - scroll;
            if (y > height) {
                break;
            }
            int end = line + 1 < at.lines ? at.firstOfLine[line + 1] : tokens.size();
            for (int i = at.firstOfLine[line]; i < end; i++) {
                drawChip(pen, i, at.x[i], y, at.width[i], palette);
            }
        }
        if (needed > height + 1) {
            double thumb = Math.max(16, height * height / needed);
            double top = (height - thumb) * scroll / (needed - height);
            pen.fillRoundRect(width - 4, top, 4, thumb, 2, palette.border());
        }
        pen.restore();
    }

    private void drawChip(Pen pen, int index, double x, double y, double width, Palette palette) {
        TokenStrip.Token token = tokens.get(index);
        double value = values == null ? Double.NaN : values[index];
        boolean out = value == Cells.NONE;
        Color fill = palette.background();
        if (Double.isFinite(value)) {
            fill = Palette.over(fill, scale.colour(value, palette), STRONGEST_FILL * strength(value));
        }
        Color text = out || token.special() ? palette.muted() : palette.text();
        if (Palette.contrast(text, fill) < READABLE) {
            text = Palette.textOn(fill);
        }
        boolean chosen = selected.contains(index);
        pen.fillRoundRect(x, y, width, CHIP, 4, fill);
        if (chosen) {
            pen.strokeRoundRect(x, y, width, CHIP, 4, Stroke.of(palette.accent(), 2));
        } else {
            Color edge = index == hovered.get() ? palette.muted() : palette.border();
            Stroke stroke = token.special() ? Stroke.dashed(edge, 1, 3, 2) : Stroke.of(edge, 1);
            pen.strokeRoundRect(x + 0.5, y + 0.5, width - 1, CHIP - 1, 4, stroke);
        }
        String words = pen.shortened(shown(token), TextStyle.TOKEN, width - PAD);
        TextStyle style = chosen ? TextStyle.TOKEN_STRONG : TextStyle.TOKEN;
        double left = x + (width - pen.textWidth(words, style)) / 2;
        double middle = y + CHIP / 2;
        int spaces = Math.min(TokenStrip.leadingSpaces(token.text()), words.length());
        if (spaces > 0 && words.startsWith(TokenStrip.SPACE.repeat(spaces))) {
            Color dot = Palette.contrast(palette.muted(), fill) < 3 ? text : palette.muted();
            String dots = TokenStrip.SPACE.repeat(spaces);
            pen.textMiddle(dots, left, middle, style, dot, Pen.Align.LEFT);
            pen.textMiddle(words.substring(spaces), left + pen.textWidth(dots, style), middle, style, text, Pen.Align.LEFT);
        } else {
            pen.textMiddle(words, left, middle, style, text, Pen.Align.LEFT);
        }
    }

    private double strength(double value) {
        double place = scale.place(value);
        return scale.diverges() ? Math.abs(2 * place - 1) : place;
    }

    @Override
    public List<Observable> inputs() {
        return List.of(revision, selected, hovered);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hovered.set(at(m.x(), m.y(), width, surface));
            case Gesture.Leave l -> hovered.set(-1);
            case Gesture.Press p -> anchor = at(p.x(), p.y(), width, surface);
            case Gesture.Click c -> {
                return click(at(c.x(), c.y(), width, surface), c.extend());
            }
            case Gesture.Drag d -> {
                int to = at(d.x(), d.y(), width, surface);
                if (anchor >= 0 && to >= 0) {
                    selectRange(Math.min(anchor, to), Math.max(anchor, to));
                }
            }
            case Gesture.Wheel w -> {
                double needed = heightFor(width, surface);
                double before = scroll;
                scroll = Math.clamp(scroll - w.notches() * NOTCH, 0, Math.max(0, needed - height));
                changed();
                return scroll != before;
            }
            case Gesture.Key k -> {
                return key(k);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean click(int hit, boolean extend) {
        if (hit < 0) {
            return false;
        }
        if (extend) {
            if (!selected.remove(hit)) {
                selected.add(hit);
            }
        } else {
            boolean alone = selected.equals(Set.of(hit));
            selected.clear();
            if (!alone) {
                selected.add(hit);
            }
        }
        return true;
    }

    private boolean key(Gesture.Key key) {
        switch (key.code()) {
            case LEFT -> step(-1);
            case RIGHT -> step(1);
            case ESCAPE -> {
                boolean held = !selected.isEmpty();
                selected.clear();
                return held;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void step(int by) {
        if (!tokens.isEmpty()) {
            int from = selected.isEmpty() ? (by > 0 ? -1 : tokens.size()) : selected.iterator().next();
            int next = Math.clamp(from + by, 0, tokens.size() - 1);
            selectRange(next, next);
        }
    }

    private void selectRange(int from, int to) {
        Set<Integer> wanted = new TreeSet<>();
        for (int i = from; i <= to; i++) {
            wanted.add(i);
        }
        selected.retainAll(wanted);
        selected.addAll(wanted);
    }

    private int at(double px, double py, double width, Surface surface) {
        Layout at = layout(width, surface);
        int line = (int) Math.floor((py + scroll - EDGE) / LINE);
        if (line < 0 || line >= at.lines) {
            return -1;
        }
        int end = line + 1 < at.lines ? at.firstOfLine[line + 1] : tokens.size();
        for (int i = at.firstOfLine[line]; i < end; i++) {
            if (px >= at.x[i] - GAP / 2 && px < at.x[i] + at.width[i] + GAP / 2) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public String description() {
        int told = hovered.get() >= 0 ? hovered.get() : selected.isEmpty() ? -1 : selected.iterator().next();
        return told < 0 || told >= tokens.size() ? tokens.size() + " tokens"
                : "token " + told + ": " + shown(tokens.get(told)) + ", " + tokens.get(told).details();
    }

    @Override
    public String csv() {
        Csv csv = new Csv().line("position", "token", "value");
        for (int i = 0; i < tokens.size(); i++) {
            csv.line(i, tokens.get(i).text(), values == null || !Double.isFinite(values[i]) ? "" : values[i]);
        }
        return csv.toString();
    }
}
