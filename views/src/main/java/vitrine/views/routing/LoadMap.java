package vitrine.views.routing;

import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.resources.Styles;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.control.ProvenanceAudit;

/// One map of layers down and experts across, under its name: with values in its cells while they are few, as a picture that zooms beyond.
final class LoadMap extends VBox {

    /// From here on experts get no cell that could hold a value.
    private static final int VALUES_UP_TO_COLUMNS = 32;
    private static final int VALUES_UP_TO_ROWS = 24;

    private final MatrixChart small = new MatrixChart().withoutLegend().largestCell(80, 36);
    private final HeatMap large = new HeatMap().stretched().withoutLegend().largestCell(32).readOutOnHover();
    private final FigureCanvas canvas = new FigureCanvas(small);
    private final Consumer<Cell> select;
    private boolean quiet;
    private boolean few = true;

    /// @param category of the colour before the name, or -1
    /// @param hover hears of the cell under the pointer or null, `select` of the one that was chosen
    LoadMap(String name, String detail, int category, Consumer<Cell> hover, Consumer<Cell> select) {
        super(4);
        this.select = select;
        HBox head = new HBox(6);
        head.setAlignment(Pos.CENTER_LEFT);
        head.setMinHeight(20);
        // Where something else names the map, it has no head of its own.
        head.setVisible(!name.isEmpty());
        head.setManaged(!name.isEmpty());
        if (category >= 0) {
            Region swatch = new Region();
            swatch.getStyleClass().addAll("vt-part", "vt-square", "vt-part-" + (category % 12 + 1));
            head.getChildren().add(swatch);
        }
        Label title = new Label(name);
        title.getStyleClass().add(Styles.SMALL);
        Label about = new Label(detail);
        about.getStyleClass().add(Styles.CAPTION);
        head.getChildren().addAll(title, about);
        title.setMinWidth(0);
        ProvenanceAudit.notAFigure(title, "name of a text");
        VBox.setVgrow(canvas, Priority.ALWAYS);
        getChildren().addAll(head, canvas);
        setMinWidth(0);
        // Maps beside each other are equally wide.
        setPrefWidth(100);
        HBox.setHgrow(this, Priority.ALWAYS);
        small.hoveredProperty().addListener((o, old, now) -> hover.accept(now));
        large.hoveredCellProperty().addListener((o, old, now) -> hover.accept(now));
        small.selectedProperty().addListener((o, old, now) -> chosen(old, now));
        large.lockedCellProperty().addListener((o, old, now) -> chosen(old, now));
    }

    FigureCanvas canvas() {
        return canvas;
    }

    private void chosen(Cell old, Cell now) {
        if (quiet) {
            return;
        }
        if (now == null) {
            // One expert is always told of: clicking it again keeps it.
            mark(old);
        } else {
            select.accept(now);
        }
    }

    void show(Cells cells, Scale scale, List<String> layers, String name, BiFunction<Integer, Integer, ReadOut> readOut) {
        few = cells.columns() <= VALUES_UP_TO_COLUMNS && cells.rows() <= VALUES_UP_TO_ROWS;
        quiet = true;
        List<String> experts = java.util.stream.IntStream.range(0, cells.columns()).mapToObj(String::valueOf).toList();
        if (few) {
            small.labels(layers, experts).format(Numbers::inCell).legend(name).readOut(readOut).show(cells, scale);
        } else {
            large.scaleProperty().set(scale);
            large.rowLabels(layers).columnLabels(List.of()).name(name).readOut(readOut).show(cells);
        }
        canvas.figureProperty().set(few ? small : large);
        quiet = false;
    }


    /// Marks the cell that is under the pointer in another figure.
    void link(Cell cell) {
        if (few) {
            small.linkedProperty().set(cell);
        }
    }

    void mark(Cell cell) {
        quiet = true;
        if (few) {
            small.selectedProperty().set(cell);
        } else {
            large.lockedCellProperty().set(cell);
        }
        quiet = false;
    }
}
