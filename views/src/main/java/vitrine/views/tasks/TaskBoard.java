package vitrine.views.tasks;

import java.util.concurrent.Executor;
import java.util.function.Consumer;
import javafx.collections.FXCollections;
import javafx.collections.ObservableList;
import vitrine.core.engine.Ending;
import vitrine.core.engine.Engine;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.TaskHandle;
import vitrine.core.task.Task;

/// Everything that was asked of an engine, newest last. The drawer shows it, views add to it.
public final class TaskBoard {

    /// Finished rows beyond this many are forgotten, oldest first.
    private static final int KEPT = 50;

    private final Engine engine;
    private final Executor ui;
    private final ObservableList<TaskRow> rows = FXCollections.observableArrayList();

    /// @param ui runs on the JavaFX thread; a test may run in place
    public TaskBoard(Engine engine, Executor ui) {
        this.engine = engine;
        this.ui = ui;
    }

    /// All rows, changed on the JavaFX thread.
    public ObservableList<TaskRow> rows() {
        return rows;
    }

    /// Asks for a task. Called on the JavaFX thread, as is `whenOver`.
    ///
    /// @param title what the task does, in words
    public TaskRow ask(String title, Task task, Consumer<Ending> whenOver) {
        TaskRow row = new TaskRow(title);
        rows.add(row);
        forget();
        TaskHandle handle = engine.submit(task, event -> ui.execute(() -> row.event(event)));
        row.started(handle);
        // Not as an asynchronous stage of the future, which would keep to itself what is thrown.
        handle.ending().thenAccept(ending -> ui.execute(() -> {
            end(row, ending);
            whenOver.accept(ending);
        }));
        return row;
    }

    private static void end(TaskRow row, Ending ending) {
        switch (ending) {
            case Ending.Finished f -> {
                f.artifact().manifest().warnings().stream().filter(w -> !row.warnings().contains(w)).forEach(w -> row.event(new EngineEvent.Warning(w)));
                row.end(TaskRow.State.FINISHED, f.cached() ? "known already" : "");
            }
            case Ending.Refused r -> row.end(TaskRow.State.FAILED, r.message());
            case Ending.Failed f -> row.end(TaskRow.State.FAILED, f.cause().sentence() + ". " + f.message());
            case Ending.Cancelled ignored -> row.end(TaskRow.State.CANCELLED, "cancelled");
        }
    }

    private void forget() {
        for (int i = 0; rows.size() > KEPT && i < rows.size(); ) {
            if (rows.get(i).state().over()) {
                rows.remove(i);
            } else {
                i++;
            }
        }
    }
}
