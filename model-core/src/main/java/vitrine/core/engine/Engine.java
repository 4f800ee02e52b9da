package vitrine.core.engine;

import java.util.function.Consumer;
import vitrine.core.task.Task;

/// Runs tasks in worker processes.
public interface Engine extends AutoCloseable {

    /// The engine's public name, such as `embedded`.
    String name();

    /// Takes a task. Its result comes from the artifact store where it is known, else from a worker.
    ///
    /// @param events told what happens while it runs, on a thread of the engine's
    TaskHandle submit(Task task, Consumer<EngineEvent> events);

    /// Ends the worker; tasks under way are cancelled.
    @Override
    void close();
}
