package vitrine.views.chart;

import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.DoubleFunction;
import javafx.beans.Observable;
import javafx.beans.property.ObjectProperty;
import javafx.beans.property.SimpleObjectProperty;
import javafx.scene.input.KeyCode;

/// A matrix as colours: rows down, columns across, `[rows, columns]`.
///
/// Set the data with [#show], then what surrounds it: labels, strips, the name for the legend. The wheel zooms at the
/// pointer, dragging pans, a double click or 0 fits; the pointer peeks at a cell, a click or Space locks it, arrows move
/// the lock, Escape releases it. Empty cells ([Cells#NONE]) are never drawn in 0's colour, NaN is hatched.
///
/// Show it with [HeatMapView].
public final class HeatMap implements Interactive {

    /// The largest cell at zoom 1, unless [#largestCell] says otherwise.
    private static final double LARGEST_CELL = 24;
    private static final double ZOOM_STEP = 1.25;

    private final ObjectProperty<Cell> hoveredCell = new SimpleObjectProperty<>(this, "hoveredCell");
    private final ObjectProperty<Cell> lockedCell = new SimpleObjectProperty<>(this, "lockedCell");
    private final ObjectProperty<Scale> scale = new SimpleObjectProperty<>(this, "scale", Scale.sqrt(0, 1));
    private final Changes changes = new Changes();

    private Pyramid pyramid = new MaxPyramid(Cells.of(1, 1, new float[] {Cells.NONE}), Pooling.MAX);
    private Cells cells;
    private List<String> rowLabels = List.of();
    private List<String> columnLabels = List.of();
    private double longestLabel = 96;
    private Strip rowStrip;
    private Strip columnStrip;
    private String name = "value";
    private DoubleFunction<String> format = Numbers::probability;
    private BiFunction<Integer, Integer, ReadOut> readOut = this::plainReadOut;
    private double largestCell = LARGEST_CELL;
    private boolean square = true;
    private boolean legend = true;
    private boolean toldWhenLocked = true;

    private double zoom = 1;
    private double firstRow;
    private double firstColumn;

    private final HeatMapDrawing drawing = new HeatMapDrawing(this);

    public HeatMap() {
        scale.addListener((o, old, now) -> {
            if (cells != null && Pooling.suiting(old) != Pooling.suiting(now)) {
                show(cells);
            }
        });
    }

    /// Shows cells that are all in memory. Keeps zoom and lock where the size stays the same.
    public HeatMap show(Cells shown) {
        cells = shown;
        return show(new MaxPyramid(shown, Pooling.suiting(scale.get())));
    }

    /// Shows a matrix tile by tile as it is looked at.
    public HeatMap show(TileSource source) {
        cells = null;
        return show(new TiledPyramid(source, () -> {
            drawing.valuesChanged();
            changes.tell();
        }));
    }

    private HeatMap show(Pyramid shown) {
        if (shown.rows(0) != rows() || shown.columns(0) != columns()) {
            lockedCell.set(null);
            hoveredCell.set(null);
            zoom = 1;
        }
        pyramid = shown;
        drawing.valuesChanged();
        changes.tell();
        return this;
    }

    /// Text for each row, such as its token; empty for none.
    public HeatMap rowLabels(List<String> labels) {
        rowLabels = List.copyOf(labels);
        changes.tell();
        return this;
    }

    /// Text for each column; empty for none.
    public HeatMap columnLabels(List<String> labels) {
        columnLabels = List.copyOf(labels);
        changes.tell();
        return this;
    }

    /// Pixels from which labels are shortened, 96 where nothing is said; the read-out has them whole.
    public HeatMap longestLabel(double pixels) {
        longestLabel = pixels;
        changes.tell();
        return this;
    }

    /// Bars at the right, one per row; null for none.
    public HeatMap rowStrip(Strip strip) {
        rowStrip = strip;
        changes.tell();
        return this;
    }

    /// Bars below, one per column; null for none.
    public HeatMap columnStrip(Strip strip) {
        columnStrip = strip;
        changes.tell();
        return this;
    }

    /// What the colours show, for the legend and for screen readers.
    public HeatMap name(String text) {
        name = text;
        changes.tell();
        return this;
    }

    /// How a value is written in the read-out.
    public HeatMap format(DoubleFunction<String> writer) {
        format = writer;
        changes.tell();
        return this;
    }

    /// What is told about a row and column, instead of labels and value.
    public HeatMap readOut(BiFunction<Integer, Integer, ReadOut> teller) {
        readOut = teller;
        changes.tell();
        return this;
    }

    /// The largest cell before zooming, in pixels.
    public HeatMap largestCell(double pixels) {
        largestCell = pixels;
        changes.tell();
        return this;
    }

    /// Lets cells be wider or narrower than high, to fill the figure.
    public HeatMap stretched() {
        square = false;
        changes.tell();
        return this;
    }

    /// Keeps cells as wide as they are high, as they are unless [#stretched] was asked for.
    public HeatMap square() {
        square = true;
        changes.tell();
        return this;
    }

    /// Leaves out the legend, where one legend serves several maps.
    public HeatMap withoutLegend() {
        legend = false;
        changes.tell();
        return this;
    }

    /// Tells only of the cell under the pointer, where the locked one is told of elsewhere.
    public HeatMap readOutOnHover() {
        toldWhenLocked = false;
        changes.tell();
        return this;
    }

    boolean toldWhenLocked() {
        return toldWhenLocked;
    }

    /// The cell under the pointer, or null.
    public ObjectProperty<Cell> hoveredCellProperty() {
        return hoveredCell;
    }

    /// The cell that was clicked, or null.
    public ObjectProperty<Cell> lockedCellProperty() {
        return lockedCell;
    }

    /// How values become colours.
    public ObjectProperty<Scale> scaleProperty() {
        return scale;
    }

    /// Shows the whole map.
    public void fit() {
        zoom = 1;
        changes.tell();
    }

    int rows() {
        return pyramid.rows(0);
    }

    int columns() {
        return pyramid.columns(0);
    }

    Pyramid pyramid() {
        return pyramid;
    }

    List<String> rowLabels() {
        return rowLabels;
    }

    List<String> columnLabels() {
        return columnLabels;
    }

    double longestLabel() {
        return longestLabel;
    }

    double largestCell() {
        return largestCell;
    }

    Strip rowStrip() {
        return rowStrip;
    }

    Strip columnStrip() {
        return columnStrip;
    }

    Legend legend() {
        return legend ? new Legend(name, scale.get()) : null;
    }

    /// The read-out of a cell that holds a value, or null.
    ReadOut readOut(Cell cell) {
        return cell == null || pyramid.at(cell.row(), cell.column()) == Cells.NONE ? null : readOut.apply(cell.row(), cell.column());
    }

    private ReadOut plainReadOut(int row, int column) {
        return new ReadOut()
                .add(ReadOut.Role.NAME, label(rowLabels, row)).add(ReadOut.Role.INDEX, "→")
                .add(ReadOut.Role.NAME, label(columnLabels, column)).line()
                .add(ReadOut.Role.VALUE, Numbers.orReason(pyramid.at(row, column), format))
                .add(ReadOut.Role.CONTEXT, name);
    }

    private static String label(List<String> labels, int index) {
        return index < labels.size() ? labels.get(index) : Integer.toString(index);
    }

    HeatMapGeometry geometry(double width, double height, Surface surface) {
        HeatMapMargins m = HeatMapMargins.around(this, width, surface);
        return HeatMapGeometry.fit(m.left(), m.top(), Math.max(1, width - m.left() - m.right()),
                Math.max(1, height - m.top() - m.bottom()), rows(), columns(), largestCell, square, zoom, firstRow, firstColumn, surface);
    }

    @Override
    public void draw(Pen pen, double width, double height, Theme theme) {
        drawing.draw(pen, width, height, theme.palette());
    }

    @Override
    public List<Observable> inputs() {
        return List.of(changes, hoveredCell, lockedCell, scale);
    }

    @Override
    public boolean handle(Gesture gesture, double width, double height, Surface surface) {
        HeatMapGeometry g = geometry(width, height, surface);
        return switch (gesture) {
            case Gesture.Move m -> hover(g.cellAt(m.x(), m.y()));
            case Gesture.Leave l -> hover(null);
            case Gesture.Click c when c.count() > 1 -> {
                fit();
                yield true;
            }
            case Gesture.Click c -> lock(g.cellAt(c.x(), c.y()));
            case Gesture.Wheel w -> {
                zoomAt(w.x(), w.y(), Math.pow(ZOOM_STEP, w.notches()), width, height, surface);
                yield true;
            }
            case Gesture.Drag d -> {
                firstRow = g.firstRow() - d.dy() / g.cellHeight();
                firstColumn = g.firstColumn() - d.dx() / g.cellWidth();
                changes.tell();
                yield true;
            }
            case Gesture.Key k -> key(k, width, height, surface);
            default -> false;
        };
    }

    private boolean hover(Cell cell) {
        hoveredCell.set(cell);
        return cell != null;
    }

    private boolean lock(Cell cell) {
        if (cell == null) {
            return false;
        }
        lockedCell.set(cell.equals(lockedCell.get()) ? null : cell);
        return true;
    }

    private boolean key(Gesture.Key key, double width, double height, Surface surface) {
        switch (key.code()) {
            case UP, DOWN -> {
                if (key.shift()) {
                    zoomAt(width / 2, height / 2, key.code() == KeyCode.UP ? ZOOM_STEP : 1 / ZOOM_STEP, width, height, surface);
                } else {
                    moveLock(key.code() == KeyCode.UP ? -1 : 1, 0, width, height, surface);
                }
            }
            case LEFT, RIGHT -> moveLock(0, key.code() == KeyCode.LEFT ? -1 : 1, width, height, surface);
            case DIGIT0, NUMPAD0 -> fit();
            case SPACE -> {
                return lock(hoveredCell.get() != null ? hoveredCell.get() : lockedCell.get());
            }
            case ESCAPE -> {
                boolean held = lockedCell.get() != null;
                lockedCell.set(null);
                return held;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void moveLock(int down, int across, double width, double height, Surface surface) {
        Cell at = lockedCell.get() != null ? lockedCell.get() : hoveredCell.get();
        Cell next = at == null ? new Cell(0, 0)
                : new Cell(Math.clamp(at.row() + down, 0, rows() - 1), Math.clamp(at.column() + across, 0, columns() - 1));
        lockedCell.set(next);
        HeatMapGeometry g = geometry(width, height, surface);
        firstRow = broughtIntoView(g.firstRow(), next.row(), g.height() / g.cellHeight());
        firstColumn = broughtIntoView(g.firstColumn(), next.column(), g.width() / g.cellWidth());
        changes.tell();
    }

    private static double broughtIntoView(double first, int index, double shown) {
        return Math.min(index, Math.max(first, index + 1 - shown));
    }

    private void zoomAt(double x, double y, double factor, double width, double height, Surface surface) {
        HeatMapGeometry before = geometry(width, height, surface);
        double row = before.rowAt(y);
        double column = before.columnAt(x);
        double largest = 96 / Math.min(fitted(before.cellWidth()), fitted(before.cellHeight()));
        zoom = Math.clamp(zoom * factor, 1, Math.max(1, largest));
        HeatMapGeometry after = geometry(width, height, surface);
        firstRow = row - (y - after.top()) / after.cellHeight();
        firstColumn = column - (x - after.left()) / after.cellWidth();
        changes.tell();
    }

    private double fitted(double cell) {
        return cell / zoom;
    }

    @Override
    public String description() {
        Cell cell = hoveredCell.get() != null ? hoveredCell.get() : lockedCell.get();
        ReadOut told = readOut(cell);
        String map = name + ", " + rows() + " by " + columns();
        return told != null ? told.text() : cell != null ? Objects.toString(map + ": no value at " + cell.row() + ", " + cell.column()) : map;
    }

    @Override
    public String csv() {
        if (cells == null) {
            return "";
        }
        return Csv.matrix(cells, rowLabels, columnLabels);
    }
}
