package vitrine.app.shell;

import javafx.collections.ListChangeListener;
import javafx.stage.Stage;
import javafx.util.Duration;
import org.controlsfx.control.Notifications;
import vitrine.views.chart.Numbers;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.TaskRow;

/// Tells that a long task has ended while nobody looked at the window.
final class Notices {

    /// Shorter tasks are waited for.
    private static final double LONG_SECONDS = 20;
    private static final Duration SHOWN = Duration.seconds(8);

    private Notices() {}

    static void watch(TaskBoard board, Stage stage) {
        board.rows().addListener((ListChangeListener<TaskRow>) c -> {
            while (c.next()) {
                c.getAddedSubList().forEach(row -> row.stateProperty().addListener((o, old, now) -> ended(row, now, stage)));
            }
        });
    }

    private static void ended(TaskRow row, TaskRow.State state, Stage stage) {
        boolean tell = state == TaskRow.State.FINISHED || state == TaskRow.State.FAILED;
        if (tell && row.elapsedSeconds() >= LONG_SECONDS && !stage.isFocused()) {
            String how = state == TaskRow.State.FINISHED ? "Done after " + Numbers.duration(row.elapsedSeconds()) : row.messageProperty().get();
            Notifications.create().owner(stage).title(row.title()).text(how).hideAfter(SHOWN).show();
        }
    }
}
