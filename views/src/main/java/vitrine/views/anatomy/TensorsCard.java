package vitrine.views.anatomy;

import java.util.List;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ContextMenu;
import javafx.scene.control.IndexedCell;
import javafx.scene.control.Label;
import javafx.scene.control.MenuItem;
import javafx.scene.control.TableColumn;
import javafx.scene.control.TableRow;
import javafx.scene.control.TableView;
import javafx.scene.control.Tooltip;
import javafx.scene.control.skin.VirtualFlow;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseButton;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import javafx.util.Duration;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Visible;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Buttons;
import vitrine.views.control.Card;
import vitrine.views.control.EmptyState;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.SearchField;
import vitrine.views.view.States;
import vitrine.views.tasks.ViewState;

/// All tensors in a table that can be searched and sorted: layers as groups that open, values as small histograms.
///
/// The table is virtual: however many tensors there are, only the visible rows are nodes.
final class TensorsCard {

    private static final double ROW = 26;

    private final Card card = new Card("Tensors");
    private final AnatomyViewModel model;
    private final SearchField search = new SearchField(Icons.SEARCH, "Search", "");
    private final ObservableList<TensorRow> shown = FXCollections.observableArrayList();
    private final TableView<TensorRow> table = new TableView<>(shown);
    private final HBox below = new HBox(8);
    private final VBox content = new VBox(6);
    private final TensorColumns columns;
    private boolean quiet;

    TensorsCard(AnatomyViewModel model) {
        this.model = model;
        table.setId("tensors");
        table.setFixedCellSize(ROW);
        table.setRowFactory(t -> new Row());
        columns = new TensorColumns(model, table);
        table.setSortPolicy(t -> {
            sort();
            return true;
        });
        table.widthProperty().addListener((o, old, now) -> columns.fit());
        table.addEventFilter(KeyEvent.KEY_PRESSED, this::key);
        table.getSelectionModel().selectedItemProperty().addListener((o, old, now) -> {
            if (!quiet && now instanceof TensorRow.Leaf leaf) {
                model.selectedProperty().set(leaf.tensor().name());
            }
        });
        search.textProperty().bindBidirectional(model.searchProperty());
        search.setPrefWidth(150);
        search.setMinWidth(90);
        card.header(search);
        card.actions(new IconButton(Icons.COPY, "Copy the listed tensors as CSV", "Ctrl+Shift+C", () -> copy(model.csv())).compact());
        below.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        below.setMinHeight(24);
        VBox.setVgrow(table, Priority.ALWAYS);
        table.setMinHeight(0);
        content.getChildren().add(table);
        model.rowsProperty().addListener((o, old, now) -> take(now));
        model.selectedProperty().addListener((o, old, now) -> select());
        model.indexProperty().addListener((o, old, now) -> show());
        model.subjectProperty().addListener((o, old, now) -> show());
        model.matchesProperty().addListener((o, old, now) -> count());
        model.partProperty().addListener((o, old, now) -> part());
        model.listingProperty().addListener((o, old, now) -> placeholder());
        model.searchProperty().addListener((o, old, now) -> placeholder());
        model.orderProperty().addListener((o, old, now) -> {
            if (now == Order.MODEL && !table.getSortOrder().isEmpty()) {
                table.getSortOrder().clear();
            }
        });
        model.valuesRevisionProperty().addListener((o, old, now) -> {
            eachCell(TensorCells.Figure::renew);
            values();
        });
        show();
    }

    Card node() {
        return card;
    }

    TableView<TensorRow> table() {
        return table;
    }

    SearchField search() {
        return search;
    }

    private void sort() {
        if (table.getSortOrder().isEmpty()) {
            model.orderProperty().set(Order.MODEL);
            return;
        }
        TableColumn<TensorRow, ?> by = table.getSortOrder().getFirst();
        model.descendingProperty().set(by.getSortType() == TableColumn.SortType.DESCENDING);
        model.orderProperty().set((Order) by.getUserData());
    }

    // --- what is shown

    private void show() {
        boolean empty = model.indexProperty().get() == null && !model.listingProperty().get();
        if (empty) {
            card.subtitle("");
            card.content(new EmptyState(Icons.TABLE, "Open a checkpoint to see its tensors."));
            return;
        }
        ProvenanceAudit.tag(content, Provenance.measured(model.name(), "", "read from headers"));
        if (card.content() != content) {
            card.content(content);
        }
        columns.fit();
        count();
        part();
        placeholder();
        values();
    }

    private void count() {
        TensorIndex index = model.indexProperty().get();
        if (index == null) {
            card.subtitle("");
            return;
        }
        int matches = model.matchesProperty().get();
        boolean filtered = model.partProperty().get() != null || !model.searchProperty().get().isBlank();
        card.subtitle(filtered ? Numbers.count(matches) + " of " + Numbers.count(index.size()) : Numbers.count(index.size()));
        ProvenanceAudit.tag(card, Provenance.measured(model.name(), "", "tensors counted in the headers"));
    }

    /// A filter that hides rows must be seen, and be easy to take away.
    private void part() {
        if (model.partProperty().get() == null) {
            card.besideTitle();
        } else {
            Button chip = Buttons.plain(ShareCard.label(model.partProperty().get()), Icons.CLOSE, () -> model.partProperty().set(null));
            chip.getStyleClass().add(Styles.COMPACT);
            chip.setId("part-filter");
            chip.setContentDisplay(javafx.scene.control.ContentDisplay.RIGHT);
            chip.setTooltip(new Tooltip("List all parts again"));
            card.besideTitle(chip);
        }
        count();
    }

    private void placeholder() {
        String text = model.searchProperty().get();
        if (model.listingProperty().get() && shown.isEmpty()) {
            table.setPlaceholder(new EmptyState(Icons.TABLE, "Listing the tensors."));
        } else if (!text.isBlank() || model.partProperty().get() != null) {
            table.setPlaceholder(new EmptyState(Icons.SEARCH, text.isBlank() ? "No tensor has values of this part alone." : "No tensor matches " + Visible.name(text) + ".")
                    .button(Buttons.plain("List all tensors", () -> {
                        model.searchProperty().set("");
                        model.partProperty().set(null);
                    })));
        } else {
            table.setPlaceholder(new EmptyState(Icons.TABLE, "This checkpoint holds no tensors."));
        }
    }

    /// Under the table: how to get values, how far their reading is, or why there are none.
    private void values() {
        below.getChildren().clear();
        switch (model.allState().state()) {
            case ViewState.Working<TensorValues> w -> {
                Label reading = new Label("Values");
                reading.getStyleClass().addAll(Styles.CAPTION);
                Node progress = States.reading(w.row(), Duration.seconds(1));
                progress.setId("reading-values");
                HBox.setHgrow(progress, Priority.ALWAYS);
                below.getChildren().addAll(reading, progress);
            }
            case ViewState.Problem<TensorValues> p -> {
                Label words = new Label(p.what() + (p.details().isEmpty() ? "" : ". " + String.join(" ", p.details())));
                words.getStyleClass().addAll(Styles.CAPTION, Styles.DANGER_TEXT);
                words.setTooltip(new Tooltip(words.getText() + (p.help() == null ? "" : "\n" + p.help())));
                words.setGraphic(Icons.FAILED.node());
                words.setMinWidth(0);
                HBox.setHgrow(words, Priority.ALWAYS);
                words.setMaxWidth(Double.MAX_VALUE);
                ProvenanceAudit.notAFigure(words, "message of a failure");
                below.getChildren().addAll(words, compact(Buttons.plain("Retry", Icons.RETRY, model::askAll)));
            }
            case ViewState.Empty<TensorValues> ignored when model.anatomy().isPresent() -> {
                Anatomy a = model.anatomy().orElseThrow();
                boolean readable = a.tensors().stream().anyMatch(t -> t.entry().dtype().readable());
                Label words = new Label(readable ? "Values of all tensors: " + Numbers.bytes(a.checkpoint().tensorBytes()) + " to read" : "Values of these types cannot be read here");
                words.getStyleClass().addAll(Styles.CAPTION);
                words.setMinWidth(0);
                Button read = compact(Buttons.plain("Read values", model::askAll));
                read.setId("read-values");
                Region space = new Region();
                HBox.setHgrow(space, Priority.ALWAYS);
                below.getChildren().addAll(words, space);
                if (readable && !a.tensors().isEmpty()) {
                    below.getChildren().add(read);
                }
            }
            default -> {
            }
        }
        boolean any = !below.getChildren().isEmpty() && model.indexProperty().get() != null;
        if (any != content.getChildren().contains(below)) {
            if (any) {
                content.getChildren().add(below);
            } else {
                content.getChildren().remove(below);
            }
        }
    }

    private static Button compact(Button button) {
        button.getStyleClass().add(Styles.COMPACT);
        return button;
    }

    /// Replaces what differs, so that the table keeps its place where a layer opens or closes.
    private void take(List<TensorRow> now) {
        quiet = true;
        int least = Math.min(shown.size(), now.size());
        int same = 0;
        while (same < least && shown.get(same).equals(now.get(same))) {
            same++;
        }
        int tail = 0;
        while (tail < least - same && shown.get(shown.size() - 1 - tail).equals(now.get(now.size() - 1 - tail))) {
            tail++;
        }
        if (same == 0 && tail == 0) {
            shown.setAll(now);
        } else {
            if (same + tail < shown.size()) {
                shown.remove(same, shown.size() - tail);
            }
            if (same + tail < now.size()) {
                shown.addAll(same, now.subList(same, now.size() - tail));
            }
        }
        quiet = false;
        select();
        placeholder();
    }

    // --- selecting

    private int rowOf(String tensor) {
        for (int i = 0; i < shown.size() && tensor != null; i++) {
            if (shown.get(i) instanceof TensorRow.Leaf l && l.tensor().name().equals(tensor)) {
                return i;
            }
        }
        return -1;
    }

    private void select() {
        TensorRow at = table.getSelectionModel().getSelectedItem();
        String wanted = model.selectedProperty().get();
        if (at instanceof TensorRow.Leaf l && l.tensor().name().equals(wanted)) {
            return;
        }
        int row = rowOf(wanted);
        quiet = true;
        if (row >= 0) {
            table.getSelectionModel().clearAndSelect(row);
            table.getFocusModel().focus(row);
            reveal(row);
        } else if (at instanceof TensorRow.Leaf) {
            table.getSelectionModel().clearSelection();
        }
        quiet = false;
    }

    /// Scrolls only as far as it takes.
    private void reveal(int row) {
        VirtualFlow<?> flow = (VirtualFlow<?>) table.lookup(".virtual-flow");
        if (flow == null || flow.getFirstVisibleCell() == null) {
            table.scrollTo(Math.max(0, row - 2));
            return;
        }
        IndexedCell<?> first = flow.getFirstVisibleCell();
        IndexedCell<?> last = flow.getLastVisibleCell();
        if (row <= first.getIndex() || row >= last.getIndex()) {
            int seen = last.getIndex() - first.getIndex();
            int top = Math.max(0, row <= first.getIndex() ? row - 2 : row - Math.max(1, seen - 3));
            // The flow reaches its very end only when it is asked for the last row.
            table.scrollTo(top + seen >= shown.size() - 1 ? shown.size() - 1 : top);
        }
    }

    private void key(KeyEvent e) {
        if (!(table.getSelectionModel().getSelectedItem() instanceof TensorRow row) || e.isShortcutDown()) {
            return;
        }
        switch (e.getCode()) {
            case RIGHT, LEFT, ENTER, SPACE -> {
                if (row instanceof TensorRow.Group g) {
                    boolean opens = e.getCode() == javafx.scene.input.KeyCode.RIGHT;
                    boolean closes = e.getCode() == javafx.scene.input.KeyCode.LEFT;
                    if (!opens && !closes || opens != g.open()) {
                        toggle(g);
                    }
                } else if (e.getCode() == javafx.scene.input.KeyCode.LEFT && row instanceof TensorRow.Leaf l && l.depth() > 0) {
                    toParent();
                }
                e.consume();
            }
            default -> {
            }
        }
    }

    private void toParent() {
        for (int i = table.getSelectionModel().getSelectedIndex(); i >= 0; i--) {
            if (shown.get(i) instanceof TensorRow.Group) {
                table.getSelectionModel().clearAndSelect(i);
                table.getFocusModel().focus(i);
                reveal(i);
                return;
            }
        }
    }

    private void toggle(TensorRow.Group group) {
        int at = shown.indexOf(group);
        model.toggle(group);
        if (at >= 0 && at < shown.size()) {
            quiet = true;
            table.getSelectionModel().clearAndSelect(at);
            table.getFocusModel().focus(at);
            quiet = false;
        }
    }

    private void eachCell(java.util.function.Consumer<TensorCells.Figure> action) {
        table.lookupAll(".table-cell").forEach(n -> {
            if (n instanceof TensorCells.Figure f) {
                action.accept(f);
            } else if (n instanceof TensorCells.Picture p) {
                p.renew();
            }
        });
    }

    private static void copy(String text) {
        ClipboardContent copied = new ClipboardContent();
        copied.putString(text);
        Clipboard.getSystemClipboard().setContent(copied);
    }

    /// A row: a click on a group opens or closes it.
    private final class Row extends TableRow<TensorRow> {

        private final ContextMenu menu = new ContextMenu();

        Row() {
            setOnMouseClicked(e -> {
                if (e.getButton() == MouseButton.PRIMARY && getItem() instanceof TensorRow.Group g) {
                    toggle(g);
                }
            });
            MenuItem copyName = new MenuItem("Copy name", Icons.COPY.node());
            copyName.setOnAction(e -> copy(getItem() instanceof TensorRow.Leaf l ? l.tensor().name() : getItem() == null ? "" : getItem().label()));
            MenuItem copyAll = new MenuItem("Copy listed tensors as CSV", Icons.COPY.node());
            copyAll.setOnAction(e -> copy(model.csv()));
            menu.getItems().addAll(copyName, copyAll);
        }

        @Override
        protected void updateItem(TensorRow item, boolean empty) {
            super.updateItem(item, empty);
            getStyleClass().remove("vt-group-row");
            if (item instanceof TensorRow.Group) {
                getStyleClass().add("vt-group-row");
            }
            setContextMenu(empty ? null : menu);
        }
    }
}
