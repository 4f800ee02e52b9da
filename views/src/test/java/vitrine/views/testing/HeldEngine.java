package vitrine.views.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import vitrine.core.engine.Ending;
import vitrine.core.engine.Engine;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.TaskHandle;
import vitrine.core.task.Task;

/// Takes tasks and does nothing: the test says what happens to each and when.
public final class HeldEngine implements Engine {

    /// A task that was asked for.
    public record Asked(Task task, TaskHandle handle, Consumer<EngineEvent> events) {

        public void progress(long done, long total, String unit) {
            events.accept(new EngineEvent.Progress(done, total, unit));
        }

        public void warn(String message) {
            events.accept(new EngineEvent.Warning(message));
        }

        public void end(Ending how) {
            handle.ending().complete(how);
        }
    }

    private final List<Asked> asked = new ArrayList<>();

    @Override
    public String name() {
        return "held";
    }

    @Override
    public TaskHandle submit(Task task, Consumer<EngineEvent> events) {
        TaskHandle handle = TaskHandle.of(asked.size() + 1, task, new CompletableFuture<>());
        asked.add(new Asked(task, handle, events));
        return handle;
    }

    /// All tasks so far, the first one first.
    public List<Asked> asked() {
        return asked;
    }

    public Asked last() {
        return asked.getLast();
    }

    @Override
    public void close() {
        asked.forEach(a -> a.end(new Ending.Cancelled()));
    }
}
