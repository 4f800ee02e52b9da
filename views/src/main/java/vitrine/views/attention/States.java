package vitrine.views.attention;

import javafx.animation.PauseTransition;
import javafx.scene.Node;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.util.Duration;
import vitrine.views.control.EmptyState;
import vitrine.views.control.ErrorCard;
import vitrine.views.control.Icons;
import vitrine.views.control.ProgressRow;
import vitrine.views.tasks.TaskRow;
import vitrine.views.tasks.ViewState;

/// What stands in a card that has nothing to draw yet: why, how far it is, or what went wrong.
final class States {

    private States() {}

    /// The node for a state without a value.
    ///
    /// @param retry tries again after a problem
    static Node of(ViewState<?> state, Icons icon, Runnable retry) {
        return switch (state) {
            case ViewState.Empty<?> e -> new EmptyState(icon, e.sentence());
            case ViewState.Working<?> w -> working(w.row());
            case ViewState.Problem<?> p -> new StackPane(new ErrorCard(p.what(), p.details(), p.help() == null ? "" : p.help(), retry));
            case ViewState.Result<?> ignored -> new StackPane();
        };
    }

    /// A progress row that appears after a second.
    static Node working(TaskRow task) {
        ProgressRow row = new ProgressRow(Icons.RUNS, task.title(), task::cancel);
        row.setMaxWidth(440);
        Runnable show = () -> row.progress(task.done(), task.total(), task.singularUnit(), task.secondsLeftProperty().get());
        task.shareProperty().addListener((o, old, now) -> show.run());
        show.run();
        row.setVisible(false);
        PauseTransition wait = new PauseTransition(Duration.seconds(1));
        wait.setOnFinished(e -> row.setVisible(true));
        wait.play();
        VBox box = new VBox(row);
        box.setAlignment(javafx.geometry.Pos.CENTER);
        return box;
    }
}
