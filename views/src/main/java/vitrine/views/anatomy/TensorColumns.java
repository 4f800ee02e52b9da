package vitrine.views.anatomy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableView;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.views.chart.Numbers;

/// The columns of the table of tensors: as many as have room, those most wanted first.
final class TensorColumns {

    private static final double DIGIT = 7.3;
    private static final double CELL_PAD = 18;
    private static final double SHORT_COUNT = 76;
    private static final double SHAPE_LEAST = 90;
    private static final double SHAPE_MOST = 130;
    private static final double PICTURE = 74;
    /// The name's column needs this much before another column is shown.
    private static final double NAME_LEAST = 128;

    /// A column that is shown where there is room, in the order of wanting it.
    private record Column(TableColumn<TensorRow, TensorRow> column, double width, int place) {}

    private final AnatomyViewModel model;
    private final TableView<TensorRow> table;
    private final TableColumn<TensorRow, TensorRow> name;
    private final List<Column> extra = new ArrayList<>();
    /// Whether parameters are written with three digits, for want of room.
    private boolean shortCounts;
    /// Characters of the longest count of a tensor or a layer.
    private int longestCount;

    TensorColumns(AnatomyViewModel model, TableView<TensorRow> table) {
        this.model = model;
        this.table = table;
        name = column("Tensor", Order.NAME, TensorCells.Name::new, false);
        table.getColumns().add(name);
        add("Shape", Order.SHAPE, 60, 0, () -> new TensorCells.Text(this::shape, this::shape, this::fromHeader));
        add("Type", Order.TYPE, 64, 3, () -> new TensorCells.Text(TensorColumns::type, TensorColumns::type, this::fromHeader));
        add("Params", Order.PARAMETERS, 72, 1, () -> new TensorCells.Text(this::written, r -> Numbers.count(parameters(r)), this::fromHeader));
        add("Size", Order.BYTES, 84, 7, () -> new TensorCells.Text(r -> entry(r, e -> Numbers.bytes(e.bytes())), r -> entry(r, e -> Numbers.count(e.bytes()) + " bytes"), this::fromHeader));
        add("Offset", Order.OFFSET, 116, 9, () -> new TensorCells.Text(r -> entry(r, e -> Numbers.count(e.offset())), r -> entry(r, e -> Numbers.count(e.offset()) + " bytes from the start of its file"), this::fromHeader));
        figure("Mean", Order.MEAN, 4, TensorValues.Figures::mean, TensorColumns::evenly);
        figure("Std", Order.DEVIATION, 5, TensorValues.Figures::deviation, TensorColumns::evenly);
        figure("Min", Order.LEAST, 6, TensorValues.Figures::min, TensorColumns::evenly);
        figure("Max", Order.MOST, 6, TensorValues.Figures::max, TensorColumns::evenly);
        figure("Zeros", Order.ZEROS, 8, TensorValues.Figures::zeros, Numbers::count);
        figure("Non-finite", Order.NON_FINITE, 10, TensorValues.Figures::nonFinite, Numbers::count);
        TableColumn<TensorRow, TensorRow> values = column("Values", null, () -> new TensorCells.Picture(model), true);
        extra.add(new Column(values, PICTURE, 2));
        table.getColumns().add(values);
    }

    /// With five decimals, so that a column can be read down; larger and smaller numbers as they can be.
    private static String evenly(double value) {
        double size = Math.abs(value);
        return size != 0 && (size < 1e-5 || size >= 1000) ? Numbers.general(value) : Numbers.fixed(value, 5);
    }

    private void add(String title, Order order, double width, int place, Supplier<TensorCells.Cell> cell) {
        TableColumn<TensorRow, TensorRow> column = column(title, order, cell, true);
        extra.add(new Column(column, width, place));
        table.getColumns().add(column);
    }

    private void figure(String title, Order order, int place, ToDoubleFunction<TensorValues.Figures> value, DoubleFunction<String> format) {
        TableColumn<TensorRow, TensorRow> column = column(title, order, () -> new TensorCells.Figure(model, value, format), true);
        extra.add(new Column(column, 92, place));
        table.getColumns().add(column);
    }

    private TableColumn<TensorRow, TensorRow> column(String title, Order order, Supplier<TensorCells.Cell> cell, boolean number) {
        TableColumn<TensorRow, TensorRow> column = new TableColumn<>(title);
        column.setCellValueFactory(f -> new ReadOnlyObjectWrapper<>(f.getValue()));
        column.setCellFactory(c -> cell.get());
        column.setReorderable(false);
        column.setSortable(order != null);
        column.setUserData(order);
        if (number) {
            column.getStyleClass().add("vt-number-column");
        }
        return column;
    }

    private String shape(TensorRow row) {
        return switch (row) {
            case TensorRow.Group g -> Numbers.count(g.tensors()) + (g.tensors() == 1 ? " tensor" : g.tensors() < 1000 ? " tensors" : "");
            case TensorRow.Leaf l -> l.tensor().shape() == null ? "" : Names.tight(l.tensor().shape());
        };
    }

    private static long parameters(TensorRow row) {
        return row instanceof TensorRow.Group g ? g.parameters() : ((TensorRow.Leaf) row).tensor().elements();
    }

    /// In full where the column is wide enough; a run of layers may have more than any layer.
    private String written(TensorRow row) {
        String full = Numbers.count(parameters(row));
        return shortCounts || full.length() > longestCount + 1 ? Numbers.si(parameters(row)) : full;
    }

    private static String type(TensorRow row) {
        return row instanceof TensorRow.Leaf l ? l.tensor().dtype() : "";
    }

    private static String entry(TensorRow row, Function<vitrine.core.checkpoint.TensorEntry, String> text) {
        return row instanceof TensorRow.Leaf l && l.tensor().item() != null ? text.apply(l.tensor().item().entry()) : "";
    }

    private Provenance fromHeader(TensorRow row) {
        return row instanceof TensorRow.Leaf l ? Provenance.measured(Visible.name(l.tensor().name()), l.tensor().dtype(), "as the header of the file says")
                : Provenance.measured(model.name(), "", "sum over the tensors of " + row.label());
    }

    /// Shows as many columns as have room, the name's column with the rest.
    void fit() {
        double room = table.getWidth() - 12;
        if (room <= 0) {
            return;
        }
        TensorIndex index = model.indexProperty().get();
        longestCount = Numbers.count(index == null ? 0 : index.mostParameters()).length();
        double digits = longestCount * DIGIT + CELL_PAD;
        double shapes = index == null ? 60 : index.lines().stream().limit(4_000)
                .filter(t -> t.shape() != null).mapToInt(t -> Names.tight(t.shape()).length()).max().orElse(6) * DIGIT + CELL_PAD;
        shapes = Math.clamp(shapes, SHAPE_LEAST, SHAPE_MOST);
        boolean cramped = NAME_LEAST + shapes + digits + PICTURE > room;
        if (cramped != shortCounts) {
            shortCounts = cramped;
            table.refresh();
        }
        double parameters = cramped ? SHORT_COUNT : digits;
        double used = NAME_LEAST;
        boolean full = false;
        Set<Column> fitting = new HashSet<>();
        for (Column c : extra.stream().filter(this::applies).sorted(Comparator.comparingInt(Column::place)).toList()) {
            double width = switch ((Order) c.column.getUserData()) {
                case PARAMETERS -> Math.max(c.width, parameters);
                case SHAPE -> shapes;
                case null, default -> c.width;
            };
            full |= used + width > room && c.place > 2;
            if (!full) {
                used += width;
                fitting.add(c);
                c.column.setMinWidth(width);
                c.column.setMaxWidth(width);
                c.column.setPrefWidth(width);
            }
        }
        // Each change of a column's visibility builds the head anew: only real ones are made.
        extra.stream().filter(c -> c.column.isVisible() != fitting.contains(c)).forEach(c -> c.column.setVisible(fitting.contains(c)));
        double rest = Math.max(80, room - (used - NAME_LEAST));
        name.setMinWidth(60);
        name.setMaxWidth(4000);
        name.setPrefWidth(rest);
    }

    private boolean applies(Column c) {
        Order order = (Order) c.column.getUserData();
        boolean checkpoint = model.anatomy().isPresent();
        return switch (order) {
            case null -> true;
            case SHAPE, BYTES, OFFSET -> checkpoint;
            case TYPE -> checkpoint && (model.anatomy().orElseThrow().byDType().size() > 1 || table.getWidth() > 700);
            default -> true;
        };
    }
}
