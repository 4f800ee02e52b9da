package vitrine.app.shell;

import java.lang.management.ManagementFactory;
import java.util.List;
import javafx.animation.KeyFrame;
import javafx.animation.Timeline;
import javafx.collections.ListChangeListener;
import javafx.scene.control.Label;
import javafx.scene.control.OverrunStyle;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.util.Duration;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.Icons;
import vitrine.views.control.Meter;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.runs.RunBoard;
import vitrine.views.runs.RunRow;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.TaskRow;

/// The bottom line: the task under way at the left, memory, network and version at the right. A click on the left opens the drawer.
final class StatusBar extends HBox {

    private final TaskBoard board;
    private final RunBoard runs;
    private final Label icon = new Label();
    private final Label title = new Label();
    private final Meter meter = new Meter(0).thin();
    private final Label progress = new Label();
    private final Label memory = new Label();
    private final ProcessMemory used;

    StatusBar(TaskBoard board, RunBoard runs, ProcessMemory used, String version, Runnable toggleDrawer) {
        this.board = board;
        this.runs = runs;
        this.used = used;
        getStyleClass().add(Styles.STATUS_BAR);
        ProvenanceAudit.notAFigure(this, "state of the program");
        icon.setGraphic(Icons.RUNS.node());
        title.setTextOverrun(OverrunStyle.ELLIPSIS);
        title.setMinWidth(80);
        meter.setMinWidth(120);
        meter.setMaxWidth(120);
        progress.getStyleClass().add(Styles.MUTED);
        progress.setMinWidth(USE_PREF_SIZE);
        // An empty label would still stick out of the bar.
        progress.managedProperty().bind(progress.textProperty().isNotEmpty());
        progress.visibleProperty().bind(progress.managedProperty());
        HBox task = new HBox(8, icon, title, meter, progress);
        task.setAlignment(javafx.geometry.Pos.CENTER_LEFT);
        task.setOnMouseClicked(e -> toggleDrawer.run());
        Tooltip.install(task, new Tooltip("Tasks (Ctrl+J)"));
        HBox.setHgrow(task, Priority.ALWAYS);
        Region space = new Region();
        Label offline = new Label("Offline");
        offline.setTooltip(new Tooltip("Nothing leaves this machine: Vitrine opens no connection."));
        Label number = new Label(version);
        for (Label l : List.of(memory, offline, number)) {
            l.getStyleClass().add(Styles.MUTED);
            l.setMinWidth(USE_PREF_SIZE);
        }
        getChildren().addAll(task, space, memory, offline, number);
        board.rows().addListener((ListChangeListener<TaskRow>) c -> {
            while (c.next()) {
                c.getAddedSubList().forEach(r -> {
                    r.stateProperty().addListener((o, old, now) -> show());
                    r.shareProperty().addListener((o, old, now) -> show());
                });
            }
            show();
        });
        runs.rows().addListener((javafx.beans.InvalidationListener) o -> show());
        Timeline tick = new Timeline(new KeyFrame(Duration.seconds(2), e -> showMemory()));
        tick.setCycleCount(Timeline.INDEFINITE);
        // It runs only while the bar is in a window.
        sceneProperty().addListener((o, old, now) -> {
            if (now == null) {
                tick.stop();
            } else {
                tick.play();
            }
        });
        show();
        showMemory();
    }

    private void show() {
        TaskRow running = board.rows().stream().filter(r -> !r.state().over()).findFirst().orElse(null);
        long waiting = board.rows().stream().filter(r -> !r.state().over()).count();
        RunRow run = running != null ? null : runs.rows().stream().filter(r -> r.state().going()).findFirst().orElse(null);
        if (run != null) {
            showRun(run);
            return;
        }
        boolean any = running != null;
        icon.setVisible(any);
        icon.setManaged(any);
        boolean known = any && running.shareProperty().get() >= 0;
        meter.setVisible(known);
        meter.setManaged(known);
        title.getStyleClass().remove(Styles.MUTED);
        if (!any) {
            TaskRow last = board.rows().isEmpty() ? null : board.rows().getLast();
            boolean failed = last != null && last.state() == TaskRow.State.FAILED;
            title.setText(failed ? last.title() + ": " + last.messageProperty().get() : "No tasks under way");
            title.getStyleClass().add(Styles.MUTED);
            progress.setText("");
            return;
        }
        title.setText(running.title() + (waiting > 1 ? " and " + (waiting - 1) + " more" : ""));
        meter.shareProperty().set(running.shareProperty().get());
        double left = running.secondsLeftProperty().get();
        progress.setText((known ? Numbers.count(running.done()) + " / " + Numbers.count(running.total()) + " " + running.unit() : "")
                + (Double.isFinite(left) && left >= 1 ? "   " + Numbers.timeLeft(left) + " left" : ""));
    }

    /// A training run, while no task of a view is under way.
    private void showRun(RunRow r) {
        icon.setVisible(true);
        icon.setManaged(true);
        boolean known = r.run().steps() > 0;
        meter.setVisible(known);
        meter.setManaged(known);
        title.getStyleClass().remove(Styles.MUTED);
        title.setText(r.title() + (known ? "" : " " + r.state().word()));
        meter.shareProperty().set(known ? (double) r.run().step() / r.run().steps() : 0);
        progress.setText(known ? "step " + Numbers.count(r.run().step()) + " / " + Numbers.count(r.run().steps()) : "");
    }

    private void showMemory() {
        long total = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
        memory.setText("Memory " + gibi(used.bytes()) + " of " + Numbers.fixed(total / 1073741824.0, 0) + " GiB");
        memory.setTooltip(new Tooltip(used.tooltip()));
    }

    private static String gibi(long bytes) {
        return Numbers.fixed(bytes / 1073741824.0, 1);
    }
}
