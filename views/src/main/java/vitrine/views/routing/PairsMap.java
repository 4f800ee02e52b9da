package vitrine.views.routing;

import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Cells;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.MatrixChart;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.ReadOut;
import vitrine.views.chart.Scale;
import vitrine.views.routing.RoutingData.Pairs;

/// A map of the pairs of one layer's experts, in the order that puts those together that belong together.
final class PairsMap {

    private static final int LABELLED_UP_TO = 40;
    private static final int VALUES_UP_TO = 12;

    private final MatrixChart small = new MatrixChart().largestCell(64, 40);
    private final HeatMap large = new HeatMap().stretched().largestCell(20).readOutOnHover();
    private final FigureCanvas canvas = new FigureCanvas(small);
    private final Consumer<Integer> hover;
    private final Consumer<Integer> select;
    private int[] order = {};
    private boolean quiet;

    /// @param hover hears of the row's expert under the pointer, -1 for none; `select` of the one that was chosen
    PairsMap(String id, Consumer<Integer> hover, Consumer<Integer> select) {
        this.hover = hover;
        this.select = select;
        canvas.setId(id);
        small.hoveredProperty().addListener((o, old, now) -> hovered(now));
        large.hoveredCellProperty().addListener((o, old, now) -> hovered(now));
        small.selectedProperty().addListener((o, old, now) -> chosen(old, now));
        large.lockedCellProperty().addListener((o, old, now) -> chosen(old, now));
    }

    FigureCanvas canvas() {
        return canvas;
    }

    int[] order() {
        return order;
    }

    private void hovered(Cell cell) {
        hover.accept(cell == null ? -1 : order[cell.row()]);
    }

    private void chosen(Cell old, Cell now) {
        if (!quiet && now != null) {
            select.accept(order[now.row()]);
        }
    }

    /// @param diagonal what stands there, or [Cells#NONE]
    /// @param readOut of two experts by their numbers
    void show(Pairs pairs, float diagonal, Scale scale, String name, BiFunction<Integer, Integer, ReadOut> readOut) {
        order = pairs.order();
        int n = order.length;
        float[] values = new float[n * n];
        for (int r = 0; r < n; r++) {
            for (int c = 0; c < n; c++) {
                double v = pairs.values()[order[r] * n + order[c]];
                // NaN stands for an expert that nobody visits: there is no figure, and nothing went wrong.
                values[r * n + c] = r == c ? diagonal : Double.isNaN(v) ? Cells.NONE : (float) v;
            }
        }
        Cells cells = Cells.of(n, n, values);
        List<String> labels = Arrays.stream(order).mapToObj(String::valueOf).toList();
        BiFunction<Integer, Integer, ReadOut> byPlace = (r, c) -> readOut.apply(order[r], order[c]);
        quiet = true;
        boolean few = n <= LABELLED_UP_TO;
        if (few) {
            small.labels(labels, labels).legend(name).format(n <= VALUES_UP_TO ? Numbers::inCell : v -> "").readOut(byPlace).show(cells, scale);
        } else {
            large.scaleProperty().set(scale);
            large.name(name).readOut(byPlace).show(cells);
        }
        canvas.figureProperty().set(few ? small : large);
        quiet = false;
    }

    /// Marks the row of an expert at the diagonal.
    void mark(int expert) {
        int at = -1;
        for (int i = 0; i < order.length; i++) {
            at = order[i] == expert ? i : at;
        }
        quiet = true;
        Cell cell = at < 0 ? null : new Cell(at, at);
        if (canvas.getFigure() == small) {
            small.selectedProperty().set(cell);
        } else {
            large.lockedCellProperty().set(cell);
        }
        quiet = false;
    }
}
