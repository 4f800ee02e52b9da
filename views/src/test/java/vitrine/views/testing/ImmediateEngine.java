package vitrine.views.testing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import vitrine.core.engine.Ending;
import vitrine.core.engine.Engine;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.TaskHandle;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;

/// Runs each task at once on the thread that asks: real figures in tests of what a view decides, without any waiting.
public final class ImmediateEngine implements Engine {

    private final Path folder;
    private final List<Task> asked = new ArrayList<>();

    public ImmediateEngine(Path folder) {
        this.folder = folder;
    }

    @Override
    public String name() {
        return "immediate";
    }

    @Override
    public TaskHandle submit(Task task, Consumer<EngineEvent> events) {
        asked.add(task);
        return TaskHandle.of(asked.size(), task, CompletableFuture.completedFuture(run(task)));
    }

    private Ending run(Task task) {
        try {
            return new Ending.Finished(TaskRunner.run(task, folder.resolve("artifact-" + asked.size()), Progress.NONE, w -> { }), false);
        } catch (Refusal r) {
            return new Ending.Refused(r.category(), r.getMessage(), null);
        } catch (IOException e) {
            return new Ending.Failed(Ending.Cause.FAULT, e.toString());
        }
    }

    /// All tasks so far, the first one first.
    public List<Task> asked() {
        return asked;
    }

    @Override
    public void close() {}
}
