package vitrine.app.drop;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import vitrine.app.workspace.Recognised;
import vitrine.resources.Styles;
import vitrine.views.control.Icons;
import vitrine.views.control.Pill;
import vitrine.views.control.ProvenanceAudit;

/// Says what each held file is and where it will open, or why it will not. Rows fill in as files are looked at.
public final class DropOverlay extends StackPane {

    /// Files that are looked at while they are held; a drop opens them all.
    private static final int SHOWN = 6;

    private final Function<Path, CompletableFuture<Recognised>> look;
    private final Executor ui;
    private final Label title = new Label();
    private final VBox rows = new VBox();
    private List<Path> held = List.of();
    private int looked;
    private int openable;

    /// @param look says what a path is, off the JavaFX thread
    public DropOverlay(Function<Path, CompletableFuture<Recognised>> look, Executor ui) {
        this.look = look;
        this.ui = ui;
        getStyleClass().add(Styles.DROP_SCRIM);
        ProvenanceAudit.notAFigure(this, "what the held files say of themselves");
        setVisible(false);
        setMouseTransparent(true);
        title.getStyleClass().add("vt-drop-title");
        Label about = new Label("Headers are read now, weights only when a view asks for them.");
        about.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        StackPane icon = new StackPane(Icons.DROP.node());
        icon.getStyleClass().add("vt-drop-icon");
        HBox head = new HBox(14, icon, new VBox(2, title, about));
        head.setAlignment(Pos.CENTER_LEFT);
        HBox keys = new HBox(8, key("Esc"), muted("cancel"));
        keys.setAlignment(Pos.CENTER_LEFT);
        VBox card = new VBox(head, rows, keys);
        card.getStyleClass().add(Styles.DROP_CARD);
        card.setMaxHeight(USE_PREF_SIZE);
        getChildren().add(card);
    }

    private static Label key(String name) {
        Label key = new Label(name);
        key.getStyleClass().add(Styles.KEY_CAP);
        return key;
    }

    private static Label muted(String text) {
        Label label = new Label(text);
        label.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        return label;
    }

    /// Whether files are held over the window.
    public boolean isShown() {
        return isVisible();
    }

    /// Shows what is held; the same files again change nothing.
    public void show(List<Path> paths) {
        if (isVisible() && paths.equals(held)) {
            return;
        }
        held = List.copyOf(paths);
        looked = 0;
        openable = 0;
        rows.getChildren().clear();
        for (Path path : held.stream().limit(SHOWN).toList()) {
            Row row = new Row(path);
            rows.getChildren().add(row);
            look.apply(path).thenAcceptAsync(found -> {
                if (held.contains(path)) {
                    row.show(found);
                    looked++;
                    openable += found instanceof Recognised.Refused ? 0 : 1;
                    showTitle();
                }
            }, ui);
        }
        if (held.size() > SHOWN) {
            rows.getChildren().add(muted((held.size() - SHOWN) + " more"));
        }
        showTitle();
        setVisible(true);
    }

    private void showTitle() {
        boolean all = looked == Math.min(SHOWN, held.size()) && held.size() <= SHOWN;
        title.setText(!all ? "Release to open " + (held.size() == 1 ? held.getFirst().getFileName() : held.size() + " items")
                : openable == held.size() ? "Release to open" + (openable == 1 ? "" : " " + openable)
                : openable == 0 ? (held.size() == 1 ? "This cannot be opened" : "None of these can be opened") : "Release to open " + openable + " of " + held.size());
    }

    /// Takes the overlay away.
    public void hide() {
        held = List.of();
        setVisible(false);
    }

    /// One held file.
    private static final class Row extends HBox {
        private final Label what = new Label("Looking…");

        Row(Path path) {
            super(12);
            getStyleClass().add("vt-drop-row");
            Path name = path.getFileName();
            Label title = new Label(name == null ? path.toString() : name.toString());
            title.getStyleClass().add(Styles.PANEL_TITLE);
            what.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
            what.setWrapText(true);
            what.setMinHeight(Region.USE_PREF_SIZE);
            VBox words = new VBox(2, title, what);
            HBox.setHgrow(words, Priority.ALWAYS);
            getChildren().addAll(Icons.FILE.node(), words);
        }

        void show(Recognised found) {
            what.setText(found.what());
            Icons icon = switch (found) {
                case Recognised.Model m -> m.subject().isAdapter() ? Icons.ADAPTER : Icons.CHECKPOINT;
                case Recognised.Text ignored -> Icons.TEXT;
                case Recognised.Result r -> r.view().icon();
                case Recognised.Refused ignored -> Icons.FILE;
            };
            getChildren().set(0, icon.node());
            Pill pill = switch (found) {
                case Recognised.Model ignored -> Pill.success("opens in Anatomy");
                case Recognised.Text ignored -> Pill.success("opens under Texts");
                case Recognised.Result r -> Pill.success("opens in " + r.view().label());
                case Recognised.Refused ignored -> Pill.warning("left out");
            };
            getChildren().add(pill);
        }
    }
}
