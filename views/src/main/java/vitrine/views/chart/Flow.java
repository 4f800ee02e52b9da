package vitrine.views.chart;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.IntFunction;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.paint.Color;

/// What goes from the places of one column to those of the next, as bands whose thickness is their amount.
///
/// The pointer over a band or a place tells its amount and lifts it from the others; a click on a place selects it.
public final class Flow implements Interactive {

    /// A band from a place in one column to a place in the next.
    ///
    /// @param column the one it starts in
    public record Band(int column, int from, int to, double amount) {}

    private static final double HEAD = 20;
    private static final double NODE = 12;
    private static final double GAP = 3;
    private static final int STEPS = 18;

    private final IntegerProperty hoveredBand = new SimpleIntegerProperty(this, "hoveredBand", -1);
    private final ObjectProperty<Cell> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final ObjectProperty<Cell> selected = new SimpleObjectProperty<>(this, "selected");
    private final Changes changes = new Changes();
    private List<String> names = List.of();
    private double[][] amounts = {};
    private List<Band> bands = List.of();
    private BiFunction<Integer, Integer, java.util.function.Function<Palette, Color>> colours = (c, n) -> p -> p.categorical(n);
    private IntFunction<ReadOut> bandReadOut = b -> new ReadOut().add(ReadOut.Role.VALUE, Numbers.general(bands.get(b).amount()));
    private BiFunction<Integer, Integer, ReadOut> nodeReadOut = (c, n) -> new ReadOut().add(ReadOut.Role.NAME, Integer.toString(n));
    private Laid laid;

    /// @param columns a name each
    /// @param ofPlaces the amount in each place of each column; the same sum in each
    public Flow show(List<String> columns, double[][] ofPlaces, List<Band> all) {
        names = List.copyOf(columns);
        amounts = ofPlaces.clone();
        bands = List.copyOf(all);
        hoveredBand.set(-1);
        hovered.set(null);
        laid = null;
        changes.tell();
        return this;
    }

    public Flow colours(BiFunction<Integer, Integer, java.util.function.Function<Palette, Color>> of) {
        colours = of;
        changes.tell();
        return this;
    }

    public Flow readOuts(IntFunction<ReadOut> ofBand, BiFunction<Integer, Integer, ReadOut> ofPlace) {
        bandReadOut = ofBand;
        nodeReadOut = ofPlace;
        return this;
    }

    /// The index of the band under the pointer, or -1.
    public IntegerProperty hoveredBandProperty() {
        return hoveredBand;
    }

    /// Place (as the cell's column) and column (as its row) under the pointer, or null.
    public ObjectProperty<Cell> hoveredProperty() {
        return hovered;
    }

    /// Place (as the cell's column) and column (as its row) that were clicked, or null.
    public ObjectProperty<Cell> selectedProperty() {
        return selected;
    }

    /// Where everything lies: tops and heights of places, upper edges of bands at both ends, and their thickness.
    private record Laid(double width, double height, double step, double[][] top, double[][] tall, double[] start, double[] end, double[] thick, int[] columns) {

        int columnOf(int band) {
            return columns[band];
        }

        double x(int column) {
            return column * step;
        }

        /// The upper edge of a band at a share of its way.
        double edge(int band, double t) {
            double s = t * t * (3 - 2 * t);
            return start[band] + (end[band] - start[band]) * s;
        }
    }

    private Laid layout(double width, double height) {
        if (laid != null && laid.width == width && laid.height == height) {
            return laid;
        }
        int columns = amounts.length;
        int places = columns == 0 ? 0 : amounts[0].length;
        double room = Math.max(8, height - HEAD);
        double gap = Math.min(GAP, 0.3 * room / Math.max(1, places));
        double sum = 0;
        for (double[] of : amounts) {
            double here = 0;
            for (double a : of) {
                here += a;
            }
            sum = Math.max(sum, here);
        }
        double scale = sum > 0 ? (room - gap * Math.max(0, places - 1)) / sum : 0;
        double[][] top = new double[columns][places];
        double[][] tall = new double[columns][places];
        for (int c = 0; c < columns; c++) {
            double y = HEAD;
            for (int n = 0; n < places; n++) {
                top[c][n] = y;
                tall[c][n] = amounts[c][n] * scale;
                y += tall[c][n] + gap;
            }
        }
        double[] start = new double[bands.size()];
        double[] end = new double[bands.size()];
        double[] thick = new double[bands.size()];
        for (int c = 0; c + 1 < columns; c++) {
            double[] out = top[c].clone();
            double[] in = top[c + 1].clone();
            int column = c;
            List<Integer> here = new ArrayList<>();
            for (int b = 0; b < bands.size(); b++) {
                if (bands.get(b).column == column) {
                    here.add(b);
                    thick[b] = bands.get(b).amount * scale;
                }
            }
            here.sort(Comparator.comparingInt((Integer b) -> bands.get(b).from).thenComparingInt(b -> bands.get(b).to));
            for (int b : here) {
                start[b] = out[bands.get(b).from];
                out[bands.get(b).from] += thick[b];
            }
            here.sort(Comparator.comparingInt((Integer b) -> bands.get(b).to).thenComparingInt(b -> bands.get(b).from));
            for (int b : here) {
                end[b] = in[bands.get(b).to];
                in[bands.get(b).to] += thick[b];
            }
        }
        laid = new Laid(width, height, columns < 2 ? width : (width - NODE) / (columns - 1), top, tall, start, end, thick, bands.stream().mapToInt(Band::column).toArray());
        return laid;
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        if (amounts.length == 0) {
            return;
        }
        Palette palette = theme.palette();
        Laid at = layout(width, height);
        boolean told = hoveredBand.get() >= 0 || hovered.get() != null || selected.get() != null;
        for (int pass = 0; pass < 2; pass++) {
            for (int b = 0; b < bands.size(); b++) {
                boolean strong = isTold(b);
                if (strong == (pass == 1)) {
                    Color colour = colours.apply(bands.get(b).column, bands.get(b).from).apply(palette);
                    drawBand(pen, at, b, Palette.withOpacity(colour, strong ? 0.85 : told ? 0.14 : 0.42));
                }
            }
        }
        for (int c = 0; c < amounts.length; c++) {
            Pen.Align align = c == 0 ? Pen.Align.LEFT : c == amounts.length - 1 ? Pen.Align.RIGHT : Pen.Align.CENTRE;
            double middle = align == Pen.Align.LEFT ? 0 : align == Pen.Align.RIGHT ? at.x(c) + NODE : at.x(c) + NODE / 2;
            pen.textMiddle(names.get(c), middle, 7, TextStyle.CAPTION, palette.muted(), align);
            for (int n = 0; n < amounts[c].length; n++) {
                double tall = at.tall[c][n];
                if (tall <= 0) {
                    continue;
                }
                Color colour = colours.apply(c, n).apply(palette);
                pen.fillRoundRect(at.x(c), at.top[c][n], NODE, Math.max(0.75, tall), tall > 5 ? 2 : 0, colour);
                String text = Integer.toString(n);
                if (tall >= 11 && pen.textWidth(text, TextStyle.CELL) <= NODE + 2) {
                    pen.textMiddle(text, at.x(c) + NODE / 2, at.top[c][n] + tall / 2, TextStyle.CELL, Palette.textOn(colour), Pen.Align.CENTRE);
                }
                Cell here = new Cell(c, n);
                if (here.equals(selected.get()) || here.equals(hovered.get())) {
                    pen.strokeRoundRect(at.x(c) - 1, at.top[c][n] - 1, NODE + 2, Math.max(3, tall + 2), 3, Stroke.of(here.equals(selected.get()) ? palette.locked() : palette.strong(), 1.5));
                }
            }
        }
        if (hoveredBand.get() >= 0) {
            int b = hoveredBand.get();
            bandReadOut.apply(b).drawBeside(pen, at.x(bands.get(b).column) + at.step / 2, at.edge(b, 0.5) + at.thick[b], width, height, palette);
        } else if (hovered.get() != null) {
            Cell n = hovered.get();
            nodeReadOut.apply(n.row(), n.column()).drawBeside(pen, at.x(n.row()) + NODE, at.top[n.row()][n.column()], width, height, palette);
        }
    }

    private boolean isTold(int b) {
        Cell node = hovered.get() != null ? hovered.get() : hoveredBand.get() >= 0 ? null : selected.get();
        Band band = bands.get(b);
        return b == hoveredBand.get() || node != null && (node.row() == band.column && node.column() == band.from || node.row() == band.column + 1 && node.column() == band.to);
    }

    private static void drawBand(Pen pen, Laid at, int b, Color colour) {
        // A polygon along both edges.
        double[] xs = new double[2 * STEPS + 2];
        double[] ys = new double[2 * STEPS + 2];
        double left = at.x(at.columnOf(b)) + NODE;
        double room = at.step - NODE;
        double thick = Math.max(0.5, at.thick[b]);
        for (int i = 0; i <= STEPS; i++) {
            double t = (double) i / STEPS;
            xs[i] = left + t * room;
            ys[i] = at.edge(b, t);
            xs[2 * STEPS + 1 - i] = xs[i];
            ys[2 * STEPS + 1 - i] = ys[i] + thick;
        }
        pen.polygon(xs, ys, xs.length, colour);
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hoveredBand, hovered, selected);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        if (amounts.length == 0) {
            return false;
        }
        Laid at = layout(width, height);
        switch (gesture) {
            case Gesture.Move m -> {
                hovered.set(placeAt(at, m.x(), m.y()));
                hoveredBand.set(hovered.get() != null ? -1 : bandAt(at, m.x(), m.y()));
            }
            case Gesture.Leave l -> {
                hovered.set(null);
                hoveredBand.set(-1);
            }
            case Gesture.Click c -> {
                Cell hit = placeAt(at, c.x(), c.y());
                if (hit == null) {
                    return false;
                }
                selected.set(hit.equals(selected.get()) ? null : hit);
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

    private boolean key(Gesture.Key k) {
        Cell now = selected.get() == null ? new Cell(0, 0) : selected.get();
        switch (k.code()) {
            case LEFT -> selected.set(new Cell(Math.max(0, now.row() - 1), now.column()));
            case RIGHT -> selected.set(new Cell(Math.min(amounts.length - 1, now.row() + 1), now.column()));
            case UP -> selected.set(new Cell(now.row(), Math.max(0, now.column() - 1)));
            case DOWN -> selected.set(new Cell(now.row(), Math.min(amounts[0].length - 1, now.column() + 1)));
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

    private Cell placeAt(Laid at, double x, double y) {
        for (int c = 0; c < amounts.length; c++) {
            if (x >= at.x(c) - 2 && x <= at.x(c) + NODE + 2) {
                for (int n = 0; n < amounts[c].length; n++) {
                    if (at.tall[c][n] > 0 && y >= at.top[c][n] - 0.5 && y <= at.top[c][n] + at.tall[c][n] + 0.5) {
                        return new Cell(c, n);
                    }
                }
            }
        }
        return null;
    }

    private int bandAt(Laid at, double x, double y) {
        int best = -1;
        for (int b = 0; b < bands.size(); b++) {
            double t = (x - at.x(bands.get(b).column) - NODE) / Math.max(1, at.step - NODE);
            double slack = Math.max(0, 3 - at.thick[b] / 2);
            if (t >= 0 && t <= 1 && y >= at.edge(b, t) - slack && y <= at.edge(b, t) + at.thick[b] + slack && (best < 0 || at.thick[b] < at.thick[best])) {
                best = b;
            }
        }
        return best;
    }

    @Override
    public String description() {
        Cell node = hovered.get() != null ? hovered.get() : selected.get();
        return hoveredBand.get() >= 0 ? bandReadOut.apply(hoveredBand.get()).text() : node != null ? nodeReadOut.apply(node.row(), node.column()).text()
                : bands.size() + " bands between " + amounts.length + " columns";
    }

    @Override
    public String csv() {
        Csv csv = new Csv().line("from", "place", "to", "place", "amount");
        bands.forEach(b -> csv.line(names.get(b.column), b.from, names.get(b.column + 1), b.to, b.amount));
        return csv.toString();
    }
}
