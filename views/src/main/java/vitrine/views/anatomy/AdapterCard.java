package vitrine.views.anatomy;

import java.util.List;
import java.util.function.Function;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.TableCell;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableView;
import javafx.scene.control.Tooltip;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;

/// What an adapter changes: each module with the shapes of its two factors. Stands where a model has its diagram.
final class AdapterCard {

    private static final double ROW = 26;
    private static final double FACTOR = 70;
    private static final double RANK = 52;
    private static final double PARAMETERS = 70;
    private static final double NAME_LEAST = 150;

    private final Card card = new Card("Modules");
    private final AnatomyViewModel model;
    private final ObservableList<AdapterModules> shown = FXCollections.observableArrayList();
    private final TableView<AdapterModules> table = new TableView<>(shown);
    private boolean quiet;

    AdapterCard(AnatomyViewModel model) {
        this.model = model;
        table.setId("modules");
        table.setFixedCellSize(ROW);
        table.setPlaceholder(new EmptyState(Icons.ADAPTER, "This adapter changes nothing."));
        TableColumn<AdapterModules, AdapterModules> name = column("Module", 0, m -> Visible.name(m.shortName()), null);
        column("A", FACTOR, m -> shape(m.a(), m), m -> m.a());
        column("B", FACTOR, m -> m.b() == null && m.a() == null ? whole(m) : shape(m.b(), m), m -> m.b());
        column("Rank", RANK, m -> m.rank() < 0 ? Numbers.MISSING : Numbers.count(m.rank()), null);
        TableColumn<AdapterModules, AdapterModules> parameters = column("Params", PARAMETERS, m -> Numbers.count(m.parameters()), null);
        table.widthProperty().addListener((o, old, now) -> {
            double rest = now.doubleValue() - 2 * FACTOR - RANK - 12;
            parameters.setVisible(rest - PARAMETERS >= NAME_LEAST);
            name.setPrefWidth(Math.max(60, parameters.isVisible() ? rest - PARAMETERS : rest));
        });
        table.getSelectionModel().selectedItemProperty().addListener((o, old, now) -> {
            if (!quiet && now != null && !now.has(model.selectedProperty().get())) {
                model.selectedProperty().set(now.tensors().getFirst().name());
            }
        });
        model.indexProperty().addListener((o, old, now) -> show());
        model.selectedProperty().addListener((o, old, now) -> select());
        show();
    }

    Card node() {
        return card;
    }

    TableView<AdapterModules> table() {
        return table;
    }

    private static String shape(TensorLine line, AdapterModules m) {
        return line == null ? m.a() == null && m.b() == null ? "whole" : "missing" : line.shape() == null ? "" : Names.tight(line.shape());
    }

    private static String whole(AdapterModules m) {
        return m.others().isEmpty() || m.others().getFirst().shape() == null ? "" : Names.tight(m.others().getFirst().shape());
    }

    /// @param factor whose tensor a click on the cell selects; null for that of the row
    private TableColumn<AdapterModules, AdapterModules> column(String title, double width, Function<AdapterModules, String> text, Function<AdapterModules, TensorLine> factor) {
        TableColumn<AdapterModules, AdapterModules> column = new TableColumn<>(title);
        column.setCellValueFactory(f -> new ReadOnlyObjectWrapper<>(f.getValue()));
        column.setCellFactory(c -> new Cell(text, factor, width == 0));
        column.setSortable(false);
        column.setReorderable(false);
        // A preferred width of 80 would mean "as wide as the content" to the table's skin.
        column.setPrefWidth(81);
        if (width > 0) {
            column.setMinWidth(width);
            column.setMaxWidth(width);
            column.setPrefWidth(width);
            column.getStyleClass().add("vt-number-column");
        }
        table.getColumns().add(column);
        return column;
    }

    private void show() {
        TensorIndex index = model.indexProperty().get();
        if (!model.isAdapter() || index == null) {
            shown.clear();
            return;
        }
        List<AdapterModules> modules = AdapterModules.of(index);
        shown.setAll(modules);
        long dora = modules.stream().filter(m -> m.also().equals("magnitude")).count();
        long whole = modules.stream().filter(m -> m.also().equals("stored whole")).count();
        card.subtitle(Numbers.count(modules.size()) + (dora > 0 ? ", with magnitudes (DoRA)" : "") + (whole > 0 ? ", " + Numbers.count(whole) + " stored whole" : ""));
        ProvenanceAudit.tag(card, Provenance.measured(model.name(), "", "shapes in the header of the file"));
        card.content(table);
        select();
    }

    private void select() {
        String wanted = model.selectedProperty().get();
        quiet = true;
        int row = -1;
        for (int i = 0; i < shown.size() && wanted != null; i++) {
            row = shown.get(i).has(wanted) ? i : row;
        }
        if (row < 0) {
            table.getSelectionModel().clearSelection();
        } else if (table.getSelectionModel().getSelectedIndex() != row) {
            table.getSelectionModel().clearAndSelect(row);
            table.scrollTo(Math.max(0, row - 3));
        }
        quiet = false;
    }

    private final class Cell extends TableCell<AdapterModules, AdapterModules> {

        private final Function<AdapterModules, String> text;

        Cell(Function<AdapterModules, String> text, Function<AdapterModules, TensorLine> factor, boolean isName) {
            this.text = text;
            if (isName) {
                setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
                setEllipsisString("…");
                ProvenanceAudit.notAFigure(this, "name of a module");
            } else {
                getStyleClass().add("vt-number-column");
            }
            setOnMouseClicked(e -> {
                if (factor != null && getItem() != null && factor.apply(getItem()) != null) {
                    model.selectedProperty().set(factor.apply(getItem()).name());
                }
            });
        }

        @Override
        protected void updateItem(AdapterModules item, boolean empty) {
            super.updateItem(item, empty);
            setText(empty || item == null ? null : text.apply(item));
            setTooltip(empty || item == null ? null : new Tooltip(Visible.name(item.name()) + (item.also().isEmpty() ? "" : "\nAlso: " + item.also())));
        }
    }
}
