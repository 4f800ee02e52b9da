package vitrine.app.shell;

import java.util.HashMap;
import java.util.Map;
import javafx.animation.PauseTransition;
import javafx.collections.ListChangeListener;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Label;
import javafx.scene.control.ScrollPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.VBox;
import javafx.util.Duration;
import vitrine.resources.Styles;
import vitrine.views.control.Buttons;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.ProgressRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.TaskRow;

/// Tasks under way and those that ended lately. Finished rows leave after some seconds, failed ones stay until they are closed.
final class TaskDrawer extends VBox {

    private static final Duration DONE_STAYS = Duration.seconds(8);

    private final VBox rows = new VBox(2);
    private final Label none = new Label("No tasks under way. What a view asks for appears here, with progress and cancel.");
    private final Map<TaskRow, ProgressRow> shown = new HashMap<>();

    TaskDrawer(TaskBoard board, Runnable close) {
        getStyleClass().addAll(Styles.FRAME, "vt-drawer");
        ProvenanceAudit.notAFigure(this, "state of tasks");
        Label title = new Label("Tasks");
        title.getStyleClass().add(Styles.PANEL_TITLE);
        Region space = new Region();
        HBox.setHgrow(space, Priority.ALWAYS);
        HBox head = new HBox(8, title, space, Buttons.plain("Clear ended", () -> clearEnded()), new IconButton(Icons.CLOSE, "Close the drawer", "Ctrl+J", close).compact());
        ((Region) head.getChildren().get(2)).getStyleClass().add(Styles.COMPACT);
        head.setAlignment(Pos.CENTER_LEFT);
        none.getStyleClass().addAll(Styles.SMALL, Styles.MUTED);
        ScrollPane scroll = new ScrollPane(rows);
        scroll.setFitToWidth(true);
        scroll.getStyleClass().add("edge-to-edge");
        VBox.setVgrow(scroll, Priority.ALWAYS);
        setPadding(new Insets(8, 12, 8, 12));
        setSpacing(4);
        setMinHeight(160);
        setPrefHeight(180);
        setMaxHeight(320);
        getChildren().addAll(head, scroll);
        board.rows().addListener((ListChangeListener<TaskRow>) c -> {
            while (c.next()) {
                c.getRemoved().forEach(this::remove);
                c.getAddedSubList().forEach(this::add);
            }
        });
        board.rows().forEach(this::add);
        showNone();
    }

    private void add(TaskRow task) {
        ProgressRow row = new ProgressRow(Icons.RUNS, task.title(), task::cancel);
        shown.put(task, row);
        rows.getChildren().addFirst(row);
        task.shareProperty().addListener((o, old, now) -> progress(task, row));
        task.stateProperty().addListener((o, old, now) -> state(task, row));
        progress(task, row);
        state(task, row);
        showNone();
    }

    private static void progress(TaskRow task, ProgressRow row) {
        if (!task.state().over()) {
            row.progress(task.done(), task.total(), task.singularUnit(), task.secondsLeftProperty().get());
        }
    }

    private void state(TaskRow task, ProgressRow row) {
        switch (task.state()) {
            case WAITING, RUNNING -> { }
            case FINISHED -> {
                String warnings = task.warnings().isEmpty() ? "" : "  " + String.join(" ", task.warnings());
                row.done((task.messageProperty().get().isEmpty() ? "done" : task.messageProperty().get()) + warnings);
                leaveLater(task);
            }
            case CANCELLED -> {
                row.done("cancelled");
                leaveLater(task);
            }
            case FAILED -> row.failed(task.messageProperty().get());
        }
    }

    private void leaveLater(TaskRow task) {
        PauseTransition pause = new PauseTransition(DONE_STAYS);
        pause.setOnFinished(e -> remove(task));
        pause.play();
    }

    private void clearEnded() {
        shown.keySet().stream().filter(t -> t.state().over()).toList().forEach(this::remove);
    }

    private void remove(TaskRow task) {
        ProgressRow row = shown.remove(task);
        if (row != null) {
            rows.getChildren().remove(row);
        }
        showNone();
    }

    private void showNone() {
        rows.getChildren().remove(none);
        if (shown.isEmpty()) {
            rows.getChildren().add(none);
        }
    }
}
