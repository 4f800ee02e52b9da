package vitrine.core.engine;

import java.util.concurrent.CompletableFuture;
import vitrine.core.task.Task;

/// A task that an engine has taken.
public final class TaskHandle {

    private final long id;
    private final Task task;
    private final CompletableFuture<Ending> ending;
    private volatile boolean cancelled;
    private volatile Runnable onCancel = () -> {};

    TaskHandle(long id, Task task) {
        this(id, task, new CompletableFuture<>());
    }

    private TaskHandle(long id, Task task, CompletableFuture<Ending> ending) {
        this.id = id;
        this.task = task;
        this.ending = ending;
    }

    /// A handle of an engine of another kind, which completes `ending` itself.
    public static TaskHandle of(long id, Task task, CompletableFuture<Ending> ending) {
        return new TaskHandle(id, task, ending);
    }

    public long id() {
        return id;
    }

    public Task task() {
        return task;
    }

    /// Completes when the task ends, however it ends; it never completes with an exception.
    public CompletableFuture<Ending> ending() {
        return ending;
    }

    /// Gives the task up. A running one stops within two seconds, or its worker is ended.
    public void cancel() {
        cancelled = true;
        onCancel.run();
    }

    /// Whether the task was given up; an engine looks here before and while it runs.
    public boolean isCancelled() {
        return cancelled;
    }

    /// Says how the engine stops this task; done at once where it was given up already.
    public void whenCancelled(Runnable action) {
        onCancel = action;
        if (cancelled) {
            action.run();
        }
    }

    void end(Ending how) {
        ending.complete(how);
    }
}
