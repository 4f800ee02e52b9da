package vitrine.views.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import javafx.scene.paint.Color;

/// A small card beside the data that tells exact values: lines of text in a few roles.
public final class ReadOut {

    /// What a piece of a line is.
    public enum Role {
        /// A token or a name.
        NAME(TextStyle.TOKEN_STRONG),
        /// A value: the largest text of the card.
        VALUE(TextStyle.VALUE),
        /// A value among several.
        NUMBER(TextStyle.TOKEN),
        /// An index beside a token.
        INDEX(TextStyle.TOKEN),
        /// Context: a rank, the uniform value, a unit.
        CONTEXT(TextStyle.SMALL);

        private final TextStyle style;

        Role(TextStyle style) {
            this.style = style;
        }

        Color colour(Palette palette) {
            return this == INDEX || this == CONTEXT ? palette.muted() : palette.strong();
        }
    }

    private record Piece(String text, Role role, Color colour) {}

    private static final double PAD_ACROSS = 10;
    private static final double PAD_DOWN = 8;
    private static final double LINE = 18;
    private static final double SPACE = 5;

    private static final double BARS = 34;
    private static final double WIDEST_BAR = 14;

    private final List<List<Piece>> lines = new ArrayList<>();
    private double[] bars = {};
    private double even = Double.NaN;
    private IntFunction<Color> barColour;

    public ReadOut() {
        lines.add(new ArrayList<>());
    }

    /// Starts the next line.
    public ReadOut line() {
        lines.add(new ArrayList<>());
        return this;
    }

    /// Adds a piece to the present line.
    public ReadOut add(Role role, String text) {
        return add(role, text, null);
    }

    /// Adds a piece in a colour of its own, such as a series' name.
    public ReadOut add(Role role, String text, Color colour) {
        lines.getLast().add(new Piece(text, role, colour));
        return this;
    }

    /// Adds bars below the lines, one for each value; `reference` is marked across them.
    ReadOut bars(double[] values, double reference, IntFunction<Color> colour) {
        bars = values;
        even = reference;
        barColour = colour;
        return this;
    }

    /// The words of all lines, for a screen reader.
    public String text() {
        return lines.stream().map(line -> line.stream().map(Piece::text).collect(Collectors.joining(" "))).collect(Collectors.joining("; "));
    }

    double width(Surface surface) {
        double width = 0;
        for (List<Piece> line : lines) {
            double sum = Math.max(0, line.size() - 1) * SPACE;
            for (Piece piece : line) {
                sum += surface.textWidth(piece.text, piece.role.style);
            }
            width = Math.max(width, sum);
        }
        if (bars.length > 0) {
            width = Math.max(width, Math.clamp(bars.length * WIDEST_BAR, 96, 256));
        }
        return Math.ceil(width) + 2 * PAD_ACROSS;
    }

    double height() {
        return lines.size() * LINE + 2 * PAD_DOWN - 2 + (bars.length > 0 ? BARS + 8 : 0);
    }

    void draw(Pen pen, double x, double y, Palette palette) {
        double left = pen.snap(x);
        double top = pen.snap(y);
        double width = width(pen);
        for (int i = 6; i > 0; i--) {
            Color faint = Palette.withOpacity(palette.shadow(), 0.07);
            pen.fillRoundRect(left - i, top - i + 4, width + 2 * i, height() + 2 * i, 6 + i, faint);
        }
        pen.fillRoundRect(left, top, width, height(), 6, palette.card());
        pen.strokeRoundRect(left + 0.5, top + 0.5, width - 1, height() - 1, 6, Stroke.of(palette.border(), 1));
        double middle = top + PAD_DOWN + LINE / 2 - 1;
        for (List<Piece> line : lines) {
            double at = left + PAD_ACROSS;
            for (Piece piece : line) {
                Color colour = piece.colour == null ? piece.role.colour(palette) : piece.colour;
                pen.textMiddle(piece.text, at, middle, piece.role.style, colour, Pen.Align.LEFT);
                at += pen.textWidth(piece.text, piece.role.style) + SPACE;
            }
            middle += LINE;
        }
        if (bars.length > 0) {
            drawBars(pen, left + PAD_ACROSS, top + PAD_DOWN + lines.size() * LINE + 4, width - 2 * PAD_ACROSS, palette);
        }
    }

    private void drawBars(Pen pen, double left, double top, double width, Palette palette) {
        double most = even;
        for (double v : bars) {
            most = Math.max(most, v);
        }
        double each = width / bars.length;
        for (int i = 0; i < bars.length; i++) {
            double tall = Double.isFinite(bars[i]) && most > 0 ? Math.max(0.5, BARS * bars[i] / most) : 0;
            pen.fillRect(left + i * each, top + BARS - tall, Math.max(0.5, each - (each >= 3 ? 1 : 0)), tall, barColour.apply(i));
        }
        pen.hairlineAcross(left, left + width, top + BARS, palette.border());
        if (Double.isFinite(even) && most > 0) {
            double y = top + BARS - BARS * even / most;
            pen.line(left, y, left + width, y, Stroke.dashed(palette.muted(), 1, 3, 3));
        }
    }

    /// Draws the card so that it lies within the figure and 12 pixels off a point, on the side with more room.
    public void drawBeside(Pen pen, double x, double y, double width, double height, Palette palette) {
        double w = width(pen);
        double h = height();
        double left = x + 12 + w <= width || x < width / 2 ? x + 12 : x - 12 - w;
        double top = y + 12 + h <= height || y < height / 2 ? y + 12 : y - 12 - h;
        draw(pen, Math.clamp(left, 0, Math.max(0, width - w)), Math.clamp(top, 0, Math.max(0, height - h)), palette);
    }
}
