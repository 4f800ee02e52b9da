package vitrine.views.runs;

import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import javafx.beans.property.ReadOnlyObjectWrapper;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.collections.transformation.SortedList;
import javafx.scene.control.Button;
import javafx.scene.control.SelectionMode;
import javafx.scene.control.TableCell;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableRow;
import javafx.scene.control.TableView;
import javafx.scene.control.Tooltip;
import javafx.scene.input.KeyCode;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.core.artifact.Provenance;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.SearchField;

/// All runs in a table that can be searched and sorted; several chosen ones are laid over each other or compared.
final class RunsTable {

    /// Narrower tables have no room for when a run was made.
    private static final double WITH_TIME = 850;

    private final Card card = new Card("Runs");
    private final RunsViewModel model;
    private final SearchField search = new SearchField(Icons.SEARCH, "Method, model, text, state", "Ctrl F");
    private final ObservableList<RunRow> shown = FXCollections.observableArrayList();
    private final TableView<RunRow> table = new TableView<>();
    private final Button over = Buttons.plain("Lay over each other", Icons.RUNS, this::layOver);
    private final Button beside = Buttons.plain("Compare", Icons.COMPARE, this::compare);
    private final VBox content;

    RunsTable(RunsViewModel model) {
        this.model = model;
        table.setId("runs");
        table.setFixedCellSize(26);
        table.getSelectionModel().setSelectionMode(SelectionMode.MULTIPLE);
        SortedList<RunRow> sorted = new SortedList<>(shown);
        sorted.comparatorProperty().bind(table.comparatorProperty());
        table.setItems(sorted);
        table.getColumns().add(column("Run", 48, r -> "#" + r.number(), Comparator.comparingLong(RunRow::number), true));
        table.getColumns().add(state());
        table.getColumns().add(column("Method", 128, r -> RunRow.method(r.run()), Comparator.comparing(r -> RunRow.method(r.run())), false));
        table.getColumns().add(column("Model", 92, RunRow::model, Comparator.comparing(RunRow::model), false));
        table.getColumns().add(column("Text", 92, RunRow::data, Comparator.comparing(RunRow::data), false));
        table.getColumns().add(column("Step", 92, r -> r.run().steps() == 0 ? Numbers.MISSING : Numbers.count(r.run().step()) + " / " + Numbers.count(r.run().steps()), Comparator.comparingLong(r -> r.run().step()), true));
        table.getColumns().add(column("Loss", 70, r -> figure(r.run().loss(), Numbers::loss), Comparator.comparingDouble(r -> r.run().loss()), true));
        table.getColumns().add(column("Perplexity", 84, r -> figure(Math.exp(last(r)), Numbers::perplexity), Comparator.comparingDouble(RunsTable::last), true));
        TableColumn<RunRow, RunRow> made = column("Made, UTC", 136, r -> r.run().created().replace('T', ' ').replaceAll(":\\d\\dZ$", ""), Comparator.comparing(r -> r.run().created()), true);
        table.getColumns().add(made);
        table.widthProperty().addListener((o, old, now) -> made.setVisible(now.doubleValue() >= WITH_TIME));
        table.setColumnResizePolicy(TableView.CONSTRAINED_RESIZE_POLICY_FLEX_LAST_COLUMN);
        table.setPlaceholder(ProvenanceAudit.notAFigure(new javafx.scene.control.Label("No run fits the search."), "why nothing is listed"));
        table.setRowFactory(t -> row());
        table.setOnKeyPressed(e -> {
            if (e.getCode() == KeyCode.ENTER) {
                open();
                e.consume();
            }
        });
        ProvenanceAudit.tag(table, Provenance.measured("the store of runs", "", "kept step by step"));
        search.textProperty().bindBidirectional(model.searchProperty());
        search.setPrefWidth(260);
        VBox.setVgrow(table, Priority.ALWAYS);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        content = new VBox(8, table, new HBox(8, over, beside, space));
        card.header(search);
        table.getSelectionModel().getSelectedItems().addListener((javafx.beans.InvalidationListener) o -> reasons());
        model.follow(model.board().rows(), this::show);
        model.follow(model.board().problemProperty(), this::show);
        model.searchProperty().addListener((o, old, now) -> show());
        reasons();
        show();
    }

    /// The loss that perplexity is told of: over the validation text, or over what a pruned model was measured on.
    private static double last(RunRow r) {
        return RunRow.prunes(r.run()) ? r.run().loss() : r.run().validation();
    }

    private static String figure(double value, java.util.function.DoubleFunction<String> format) {
        return Double.isFinite(value) ? format.apply(value) : Numbers.MISSING;
    }

    Card node() {
        return card;
    }

    TableView<RunRow> table() {
        return table;
    }

    void focus() {
        search.field().requestFocus();
    }

    private TableColumn<RunRow, RunRow> column(String title, double width, Function<RunRow, String> text, Comparator<RunRow> order, boolean number) {
        TableColumn<RunRow, RunRow> c = new TableColumn<>(title);
        c.setCellValueFactory(f -> new ReadOnlyObjectWrapper<>(f.getValue()));
        c.setComparator(order);
        c.setPrefWidth(width);
        c.setMinWidth(width);
        c.setReorderable(false);
        if (number) {
            c.getStyleClass().add("vt-number-column");
        }
        c.setCellFactory(x -> new TableCell<>() {
            @Override
            protected void updateItem(RunRow r, boolean empty) {
                super.updateItem(r, empty);
                setText(empty || r == null ? null : text.apply(r));
                setTooltip(empty || r == null ? null : new Tooltip(title.equals("Text") ? r.run().task().path("data").asText() : title.equals("Model") ? r.run().model() : title.equals("Perplexity") ? "exp of the last loss over the validation text; of pruned models, over the first text they were measured on" : text.apply(r)));
            }
        });
        return c;
    }

    private TableColumn<RunRow, RunRow> state() {
        TableColumn<RunRow, RunRow> c = column("State", 112, r -> r.state().word(), Comparator.comparing(RunRow::state), false);
        c.setCellFactory(x -> new TableCell<>() {
            @Override
            protected void updateItem(RunRow r, boolean empty) {
                super.updateItem(r, empty);
                setText(empty || r == null ? null : r.state() == RunRow.State.RUNNING ? r.state().word() + " " + r.fact() : r.state().word());
                setGraphic(empty || r == null ? null : r.state().icon().node());
                getStyleClass().removeAll(Styles.ACCENT_TEXT, Styles.WARNING_TEXT, Styles.DANGER_TEXT);
                if (r != null && !empty) {
                    switch (r.state()) {
                        case STARTING, RUNNING -> getStyleClass().add(Styles.ACCENT_TEXT);
                        case KILLED -> getStyleClass().add(Styles.WARNING_TEXT);
                        case FAILED -> getStyleClass().add(Styles.DANGER_TEXT);
                        default -> { }
                    }
                    setTooltip(r.message() == null ? null : new Tooltip(r.message()));
                }
            }
        });
        return c;
    }

    private TableRow<RunRow> row() {
        TableRow<RunRow> row = new TableRow<>();
        row.setOnMouseClicked(e -> {
            if (e.getClickCount() == 2 && !row.isEmpty()) {
                open();
            }
        });
        return row;
    }

    private void open() {
        RunRow r = table.getSelectionModel().getSelectedItem();
        if (r != null) {
            model.overlays().clear();
            model.show(r.number());
        }
    }

    private List<Long> chosen() {
        return table.getSelectionModel().getSelectedItems().stream().filter(java.util.Objects::nonNull).map(RunRow::number).toList();
    }

    private void layOver() {
        List<Long> all = chosen();
        model.overlays().setAll(all.subList(1, all.size()));
        model.show(all.getFirst());
    }

    private void compare() {
        List<Long> all = chosen();
        model.compare(all.get(0), all.get(1));
    }

    private void reasons() {
        int n = chosen().size();
        Buttons.disableBecause(over, n < 2 ? "Choose two runs or more (Ctrl+click)." : n > 12 ? "At most 12 curves can be told apart." : "", "Draws the curves of the chosen runs in one plot");
        Buttons.disableBecause(beside, n != 2 ? "Choose two runs (Ctrl+click)." : "", "What differs between the two: settings, curves, perplexity");
    }

    private void show() {
        String problem = model.board().problemProperty().get();
        if (!problem.isEmpty()) {
            card.content(new javafx.scene.layout.StackPane(new vitrine.views.control.ErrorCard("The runs cannot be listed", List.of(problem), "", null)));
            return;
        }
        if (model.board().rows().isEmpty()) {
            card.content(new EmptyState(Icons.RUNS, "No runs yet. A run trains, prunes or compresses a checkpoint, here or from the command line.")
                    .button(Buttons.primary("New run…", () -> model.modeProperty().set(RunsViewModel.Mode.NEW))));
            return;
        }
        List<RunRow> found = model.found();
        if (!shown.equals(found)) {
            List<Long> before = chosen();
            shown.setAll(found);
            for (int i = 0; i < table.getItems().size(); i++) {
                if (before.contains(table.getItems().get(i).number())) {
                    table.getSelectionModel().select(i);
                }
            }
        }
        card.subtitle(Numbers.count(found.size()) + (found.size() == model.board().rows().size() ? "" : " of " + Numbers.count(model.board().rows().size())));
        ProvenanceAudit.notAFigure(card, "a list of runs");
        if (card.content() != content) {
            card.content(content);
        }
    }
}
