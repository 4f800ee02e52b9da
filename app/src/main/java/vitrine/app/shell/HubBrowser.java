package vitrine.app.shell;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import javafx.css.PseudoClass;
import javafx.geometry.Insets;
import javafx.scene.control.Label;
import javafx.scene.control.ListCell;
import javafx.scene.control.ListView;
import javafx.scene.control.OverrunStyle;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import vitrine.app.workspace.HubCache;
import vitrine.core.refusal.Refusal;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.control.SearchField;

/// Models that are on this machine already, in the hub cache of other programs. Enter or a double click opens one.
final class HubBrowser extends VBox {

    private static final double HEIGHT = 440;
    private static final PseudoClass BROKEN = PseudoClass.getPseudoClass("broken");

    private final SearchField search = new SearchField(Icons.SEARCH, "Search models on this machine", "");
    private final ListView<HubCache.Entry> list = new ListView<>();
    private final Consumer<Path> open;
    private List<HubCache.Entry> entries = List.of();

    HubBrowser(HubCache cache, Executor background, Executor ui, Consumer<Path> open) {
        this.open = open;
        getStyleClass().add(Styles.PALETTE);
        setMaxHeight(HEIGHT);
        ProvenanceAudit.notAFigure(this, "sizes of files as the system tells them");
        Label place = new Label(cache.folder().toString());
        place.getStyleClass().add(Styles.CAPTION);
        place.setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
        place.setPadding(new Insets(8, 16, 4, 16));
        list.setCellFactory(v -> new Cell());
        list.setFixedCellSize(32);
        list.setPadding(new Insets(0, 6, 0, 6));
        list.getStyleClass().add("edge-to-edge");
        list.setPlaceholder(new EmptyState(Icons.FOLDER, "Looking…"));
        VBox.setVgrow(list, Priority.ALWAYS);
        list.setPrefHeight(HEIGHT);
        getChildren().addAll(search, place, list);
        list.setOnMouseClicked(e -> {
            if (e.getClickCount() == 2) {
                openSelected();
            }
        });
        list.addEventHandler(KeyEvent.KEY_PRESSED, this::key);
        search.field().addEventFilter(KeyEvent.KEY_PRESSED, this::key);
        search.textProperty().addListener((o, old, now) -> filter());
        CompletableFuture.supplyAsync(cache::entries, background).whenCompleteAsync((found, failure) -> {
            if (failure != null) {
                Refusal r = failure.getCause() instanceof Refusal known ? known : null;
                getChildren().setAll(search, place, new ErrorCard("The hub cache cannot be read", List.of(r == null ? String.valueOf(failure.getMessage()) : r.getMessage()), "", null));
                return;
            }
            entries = found;
            list.setPlaceholder(new EmptyState(Icons.FOLDER, entries.isEmpty() ? "No downloaded models here. Models that Hugging Face's client downloads are listed in this place."
                    : "No model is called that."));
            filter();
        }, ui);
    }

    /// Puts the cursor where one types.
    void focus() {
        search.field().requestFocus();
    }

    /// What is listed now.
    List<HubCache.Entry> listed() {
        return list.getItems();
    }

    private void filter() {
        String wanted = search.textProperty().get().strip().toLowerCase(Locale.ROOT);
        list.getItems().setAll(entries.stream().filter(e -> e.name().toLowerCase(Locale.ROOT).contains(wanted)).toList());
        list.getSelectionModel().selectFirst();
    }

    private void key(KeyEvent e) {
        if (e.getCode() == KeyCode.ENTER) {
            openSelected();
            e.consume();
        } else if (e.getTarget() == search.field() && (e.getCode() == KeyCode.DOWN || e.getCode() == KeyCode.UP)) {
            int at = list.getSelectionModel().getSelectedIndex() + (e.getCode() == KeyCode.DOWN ? 1 : -1);
            list.getSelectionModel().select(Math.clamp(at, 0, Math.max(0, list.getItems().size() - 1)));
            list.scrollTo(Math.max(0, at));
            e.consume();
        }
    }

    private void openSelected() {
        HubCache.Entry chosen = list.getSelectionModel().getSelectedItem();
        if (chosen != null) {
            open.accept(chosen.path());
        }
    }

    /// One model: name, size, and whether its download was broken off.
    private static final class Cell extends ListCell<HubCache.Entry> {
        Cell() {
            getStyleClass().add(Styles.PALETTE_ROW);
        }

        @Override
        protected void updateItem(HubCache.Entry entry, boolean empty) {
            super.updateItem(entry, empty);
            setText(null);
            pseudoClassStateChanged(BROKEN, entry != null && entry.incomplete());
            if (empty || entry == null) {
                setGraphic(null);
                return;
            }
            Label name = new Label(entry.name());
            name.setTextOverrun(OverrunStyle.CENTER_ELLIPSIS);
            Label size = new Label(Numbers.fileSize(entry.bytes()));
            size.getStyleClass().addAll(Styles.MONO, Styles.MUTED);
            size.setMinWidth(USE_PREF_SIZE);
            Region space = new Region();
            HBox.setHgrow(space, Priority.ALWAYS);
            HBox row = new HBox(10, Icons.CHECKPOINT.node(), name, space);
            if (entry.incomplete()) {
                row.getChildren().add(Pill.warning("incomplete"));
            }
            row.getChildren().add(size);
            row.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
            setGraphic(row);
        }
    }
}
