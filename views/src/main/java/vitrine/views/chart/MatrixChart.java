package vitrine.views.chart;

import java.util.List;
import java.util.function.BiFunction;
import java.util.function.DoubleFunction;
import javafx.beans.Observable;
import javafx.beans.property.IntegerProperty;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleIntegerProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.paint.Color;

/// A small matrix whose cells show their values, such as layers against matrices or layers against layers.
///
/// The pointer peeks, a click or the arrows select, Escape releases. For a matrix of tokens use [HeatMap].
public final class MatrixChart implements Interactive {

    private static final double LABEL_GAP = 8;
    private static final double LABEL_LINE = 20;
    private static final double GAP = 2;
    private static final double LEGEND_GAP = 12;
    /// Cells smaller than this hold no text.
    private static final double VALUES_FROM_WIDTH = 20;
    private static final double VALUES_FROM_HEIGHT = 14;

    private final ObjectProperty<Cell> hovered = new SimpleObjectProperty<>(this, "hovered");
    private final ObjectProperty<Cell> selected = new SimpleObjectProperty<>(this, "selected");
    private final IntegerProperty markedRow = new SimpleIntegerProperty(this, "markedRow", -1);
    private final ObjectProperty<Cell> linked = new SimpleObjectProperty<>(this, "linked");
    private final Changes changes = new Changes();
    private Cells cells = Cells.of(0, 0, new float[0]);
    private Scale scale = Scale.linear(0, 1);
    private List<String> rowLabels = List.of();
    private List<String> columnLabels = List.of();
    private boolean labelsOnTop;
    private String legend = "";
    private boolean legendShown = true;
    private double widestCell = 44;
    private double tallestCell = 32;
    private DoubleFunction<String> format = Numbers::inCell;
    private BiFunction<Integer, Integer, ReadOut> readOut = this::plainReadOut;

    public MatrixChart show(Cells values, Scale colours) {
        cells = values;
        scale = colours;
        hovered.set(stillThere(hovered.get()));
        selected.set(stillThere(selected.get()));
        changes.tell();
        return this;
    }

    private Cell stillThere(Cell cell) {
        return cell == null || cell.row() >= cells.rows() || cell.column() >= cells.columns() ? null : cell;
    }

    public MatrixChart labels(List<String> rows, List<String> columns) {
        rowLabels = List.copyOf(rows);
        columnLabels = List.copyOf(columns);
        changes.tell();
        return this;
    }

    /// Puts the names of the columns above instead of below.
    public MatrixChart labelsOnTop() {
        labelsOnTop = true;
        changes.tell();
        return this;
    }

    /// What the colours show; stands at the legend.
    public MatrixChart legend(String name) {
        legend = name;
        changes.tell();
        return this;
    }

    /// Leaves out the legend, where one legend serves several charts.
    public MatrixChart withoutLegend() {
        legendShown = false;
        changes.tell();
        return this;
    }

    /// The largest cell, in pixels.
    public MatrixChart largestCell(double width, double height) {
        widestCell = width;
        tallestCell = height;
        changes.tell();
        return this;
    }

    /// How values are written in cells; give a function to nothing to leave cells blank.
    public MatrixChart format(DoubleFunction<String> writer) {
        format = writer;
        changes.tell();
        return this;
    }

    /// What is told about a cell, instead of labels and value.
    public MatrixChart readOut(BiFunction<Integer, Integer, ReadOut> teller) {
        readOut = teller;
        changes.tell();
        return this;
    }

    /// The cell under the pointer, or null.
    public ObjectProperty<Cell> hoveredProperty() {
        return hovered;
    }

    /// A cell that is outlined because the pointer is over what belongs to it in another figure, or null.
    public ObjectProperty<Cell> linkedProperty() {
        return linked;
    }

    /// The cell that was clicked, or null.
    public ObjectProperty<Cell> selectedProperty() {
        return selected;
    }

    /// A row that another figure points at, or -1; a line in the accent colour goes round it.
    public IntegerProperty markedRowProperty() {
        return markedRow;
    }

    private record Layout(double left, double top, double cellWidth, double cellHeight) {

        Cell at(double x, double y, Cells cells) {
            int column = (int) Math.floor((x - left) / cellWidth);
            int row = (int) Math.floor((y - top) / cellHeight);
            return row >= 0 && row < cells.rows() && column >= 0 && column < cells.columns() ? new Cell(row, column) : null;
        }
    }

    private Layout layout(double width, double height, Surface surface) {
        double left = 0;
        for (String label : rowLabels) {
            left = Math.max(left, surface.textWidth(label, TextStyle.AXIS) + LABEL_GAP);
        }
        double top = labelsOnTop && !columnLabels.isEmpty() ? LABEL_LINE : 0;
        double below = (labelsOnTop || columnLabels.isEmpty() ? 0 : LABEL_LINE) + legendHeight(width, surface);
        double cellWidth = Math.min(widestCell, (width - left) / Math.max(1, cells.columns()));
        double cellHeight = Math.min(tallestCell, (height - top - below) / Math.max(1, cells.rows()));
        return new Layout(Math.ceil(left), top, Math.max(1, surface.snap(cellWidth - 0.5 / surface.pixelRatio())),
                Math.max(1, surface.snap(cellHeight - 0.5 / surface.pixelRatio())));
    }

    private double legendHeight(double width, Surface surface) {
        return legendShown ? new Legend(legend, scale).heightFor(width, surface) + LEGEND_GAP : 0;
    }

    @Override
    public double heightFor(double width, Surface surface) {
        return cells.rows() * tallestCell + (columnLabels.isEmpty() ? 0 : LABEL_LINE) + legendHeight(width, surface);
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        Palette palette = theme.palette();
        Layout at = layout(width, height, pen);
        boolean values = at.cellWidth >= VALUES_FROM_WIDTH && at.cellHeight >= VALUES_FROM_HEIGHT;
        for (int r = 0; r < cells.rows(); r++) {
            for (int c = 0; c < cells.columns(); c++) {
                drawCell(pen, at, r, c, values, palette);
            }
        }
        int marked = markedRow.get();
        if (hovered.get() == null && marked >= 0 && marked < cells.rows()) {
            pen.strokeRoundRect(at.left + 0.5, at.top + marked * at.cellHeight + 0.5, cells.columns() * at.cellWidth - 1, at.cellHeight - 1, 3.5, Stroke.of(palette.accent(), 1));
        }
        outline(pen, at, hovered.get() == null ? stillThere(linked.get()) : null, Stroke.of(palette.muted(), 1));
        outline(pen, at, hovered.get(), Stroke.of(palette.strong(), 1));
        outline(pen, at, selected.get(), Stroke.of(palette.locked(), 1.75));
        drawLabels(pen, at, palette);
        if (legendShown) {
            Legend bar = new Legend(legend, scale);
            double bottom = at.top + cells.rows() * at.cellHeight + (labelsOnTop || columnLabels.isEmpty() ? 0 : LABEL_LINE) + LEGEND_GAP;
            pen.save();
            pen.translate(legend.isEmpty() ? at.left : 0, bottom);
            bar.draw(pen, Math.min(width - at.left, 260 + at.left), bar.heightFor(width, pen), theme);
            pen.restore();
        }
        Cell told = hovered.get();
        if (told != null && cells.at(told.row(), told.column()) != Cells.NONE) {
            readOut.apply(told.row(), told.column()).drawBeside(pen, at.left + (told.column() + 1) * at.cellWidth,
                    at.top + (told.row() + 1) * at.cellHeight, width, height, palette);
        }
    }

    private void drawCell(Pen pen, Layout at, int row, int column, boolean values, Palette palette) {
        float value = cells.at(row, column);
        double x = at.left + column * at.cellWidth + GAP / 2;
        double y = at.top + row * at.cellHeight + GAP / 2;
        double w = at.cellWidth - GAP;
        double h = at.cellHeight - GAP;
        double radius = Math.min(w, h) >= 12 ? 3 : 1;
        if (value == Cells.NONE) {
            pen.fillRoundRect(x, y, w, h, radius, palette.hover());
            return;
        }
        if (!Float.isFinite(value)) {
            pen.fillRoundRect(x, y, w, h, radius, palette.hover());
            HeatMapDrawing.hatch(pen, x, y, w, h, palette.danger());
            return;
        }
        pen.fillRoundRect(x, y, w, h, radius, scale.colour(value, palette));
        String text = values ? format.apply(value) : "";
        if (!text.isEmpty()) {
            pen.textMiddle(text, x + w / 2, y + h / 2, TextStyle.CELL, scale.textOn(value, palette), Pen.Align.CENTRE);
        }
    }

    private static void outline(Pen pen, Layout at, Cell cell, Stroke stroke) {
        if (cell != null) {
            pen.strokeRoundRect(at.left + cell.column() * at.cellWidth + 0.5, at.top + cell.row() * at.cellHeight + 0.5,
                    at.cellWidth - 1, at.cellHeight - 1, 3.5, stroke);
        }
    }

    private void drawLabels(Pen pen, Layout at, Palette palette) {
        Cell strong = selected.get() != null ? selected.get() : hovered.get();
        double clear = Double.NEGATIVE_INFINITY;
        for (int r = 0; r < Math.min(rowLabels.size(), cells.rows()); r++) {
            double middle = at.top + (r + 0.5) * at.cellHeight;
            if (middle >= clear) {
                Color colour = r == markedRow.get() ? palette.accent() : strong != null && strong.row() == r ? palette.strong() : palette.muted();
                pen.textMiddle(rowLabels.get(r), at.left - LABEL_GAP, middle, TextStyle.AXIS, colour, Pen.Align.RIGHT);
                clear = middle + 11;
            }
        }
        double y = labelsOnTop ? at.top - LABEL_LINE / 2 - 1 : at.top + cells.rows() * at.cellHeight + LABEL_LINE / 2;
        double edge = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < Math.min(columnLabels.size(), cells.columns()); c++) {
            double middle = at.left + (c + 0.5) * at.cellWidth;
            double half = pen.textWidth(columnLabels.get(c), TextStyle.AXIS) / 2;
            if (middle - half > edge) {
                Color colour = strong != null && strong.column() == c ? palette.strong() : palette.muted();
                pen.textMiddle(columnLabels.get(c), middle, y, TextStyle.AXIS, colour, Pen.Align.CENTRE);
                edge = middle + half + 2;
            }
        }
    }

    private ReadOut plainReadOut(int row, int column) {
        return new ReadOut().add(ReadOut.Role.NAME, label(rowLabels, row)).add(ReadOut.Role.INDEX, "×")
                .add(ReadOut.Role.NAME, label(columnLabels, column)).line()
                .add(ReadOut.Role.VALUE, Numbers.orReason(cells.at(row, column), Numbers::general)).add(ReadOut.Role.CONTEXT, legend);
    }

    private static String label(List<String> labels, int index) {
        return index < labels.size() ? labels.get(index) : Integer.toString(index);
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hovered, selected, linked, markedRow);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        switch (gesture) {
            case Gesture.Move m -> hovered.set(layout(width, height, surface).at(m.x(), m.y(), cells));
            case Gesture.Leave l -> hovered.set(null);
            case Gesture.Click c -> {
                Cell hit = layout(width, height, surface).at(c.x(), c.y(), cells);
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

    private boolean key(Gesture.Key key) {
        switch (key.code()) {
            case UP -> move(-1, 0);
            case DOWN -> move(1, 0);
            case LEFT -> move(0, -1);
            case RIGHT -> move(0, 1);
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

    private void move(int down, int across) {
        Cell at = selected.get();
        if (cells.rows() > 0 && cells.columns() > 0) {
            selected.set(at == null ? new Cell(0, 0) : new Cell(Math.clamp(at.row() + down, 0, cells.rows() - 1),
                    Math.clamp(at.column() + across, 0, cells.columns() - 1)));
        }
    }

    @Override
    public String description() {
        Cell told = hovered.get() != null ? hovered.get() : selected.get();
        return told != null && cells.at(told.row(), told.column()) != Cells.NONE ? readOut.apply(told.row(), told.column()).text()
                : legend + ", " + cells.rows() + " by " + cells.columns();
    }

    @Override
    public String csv() {
        return Csv.matrix(cells, rowLabels, columnLabels);
    }
}
