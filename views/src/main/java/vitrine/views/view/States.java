package vitrine.views.view;

import javafx.animation.PauseTransition;
import javafx.beans.value.ChangeListener;
import javafx.beans.value.WeakChangeListener;
import javafx.geometry.Pos;
import javafx.scene.Node;
import javafx.scene.control.Label;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.util.Duration;
import vitrine.resources.Styles;
import vitrine.views.chart.Numbers;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.IconButton;
import vitrine.views.control.Icons;
import vitrine.views.control.Meter;
import vitrine.views.control.ProgressRow;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.tasks.TaskRow;
import vitrine.views.tasks.ViewState;

/// What stands in a card that has nothing to draw yet: why, how far it is, or what went wrong.
public final class States {

    private States() {}

    /// The node for a state without a value.
    ///
    /// @param retry tries again after a problem
    public static Node of(ViewState<?> state, Icons icon, Runnable retry) {
        return switch (state) {
            case ViewState.Empty<?> e -> new EmptyState(icon, e.sentence());
            case ViewState.Working<?> w -> working(w.row());
            case ViewState.Problem<?> p -> new StackPane(new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), retry));
            case ViewState.Result<?> ignored -> new StackPane();
        };
    }

    /// A progress row that appears after a second.
    public static Node working(TaskRow task) {
        return working(task, task::cancel);
    }

    /// The same with another way to cancel, for a view that does more then than ending the task.
    public static Node working(TaskRow task, Runnable cancel) {
        ProgressRow row = new ProgressRow(Icons.RUNS, task.title(), cancel);
        row.setMaxWidth(440);
        Runnable show = () -> row.progress(task.done(), task.total(), task.singularUnit(), task.secondsLeftProperty().get());
        follow(task, row, show);
        show.run();
        row.setVisible(false);
        PauseTransition wait = new PauseTransition(Duration.seconds(1));
        wait.setOnFinished(e -> row.setVisible(true));
        wait.play();
        VBox box = new VBox(row);
        box.setAlignment(Pos.CENTER);
        return box;
    }

    /// Bar, bytes and cancel, in a line that fits a card or the inspector; appears when it took a while.
    ///
    /// @param after how long nothing is shown yet
    public static Node reading(TaskRow task, Duration after) {
        Meter meter = new Meter(0).thin();
        meter.setMinWidth(40);
        HBox.setHgrow(meter, Priority.ALWAYS);
        meter.setMaxWidth(160);
        Label words = new Label();
        words.getStyleClass().addAll(Styles.CAPTION);
        words.setMinWidth(Region.USE_PREF_SIZE);
        Runnable tell = () -> {
            meter.shareProperty().set(task.total() > 0 ? (double) task.done() / task.total() : Double.NaN);
            words.setText(task.total() <= 0 ? "waiting" : Numbers.bytes(task.done()) + " of " + Numbers.bytes(task.total()) + left(task));
        };
        follow(task, words, tell);
        tell.run();
        HBox row = new HBox(8, meter, words, new IconButton(Icons.CLOSE, "Cancel " + task.title(), "", task::cancel).compact());
        row.setAlignment(Pos.CENTER_LEFT);
        ProvenanceAudit.notAFigure(row, "progress of a task");
        if (after.greaterThan(Duration.ZERO)) {
            row.setVisible(false);
            PauseTransition wait = new PauseTransition(after);
            wait.setOnFinished(e -> row.setVisible(true));
            wait.play();
        }
        return row;
    }

    /// Tells of progress for as long as the node lives: the board keeps its rows longer than the views that watch them.
    private static void follow(TaskRow task, Node node, Runnable tell) {
        ChangeListener<Number> listener = (o, old, now) -> tell.run();
        node.getProperties().put(States.class, listener);
        task.shareProperty().addListener(new WeakChangeListener<>(listener));
    }

    private static String left(TaskRow task) {
        double seconds = task.secondsLeftProperty().get();
        return Double.isFinite(seconds) && seconds >= 1 ? ", " + Numbers.timeLeft(seconds) + " left" : "";
    }
}
