package vitrine.views.testing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import vitrine.core.engine.Ending;
import vitrine.core.engine.Engine;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.TaskHandle;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;

/// Runs tasks in this process, for tests and pictures of views with real figures. The product never does.
public final class InProcessEngine implements Engine {

    private final Path folder;
    private final ExecutorService queue = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
    private final AtomicInteger number = new AtomicInteger();

    public InProcessEngine(Path folder) {
        this.folder = folder;
    }

    @Override
    public String name() {
        return "in-process";
    }

    @Override
    public TaskHandle submit(Task task, Consumer<EngineEvent> events) {
        int n = number.incrementAndGet();
        CompletableFuture<Ending> ending = new CompletableFuture<>();
        TaskHandle handle = TaskHandle.of(n, task, ending);
        queue.execute(() -> ending.complete(run(task, n, events)));
        return handle;
    }

    private Ending run(Task task, int n, Consumer<EngineEvent> events) {
        try {
            Progress progress = (done, total, unit) -> events.accept(new EngineEvent.Progress(done, total, unit));
            return new Ending.Finished(TaskRunner.run(task, folder.resolve("artifact-" + n), progress, w -> events.accept(new EngineEvent.Warning(w))), false);
        } catch (Refusal r) {
            return new Ending.Refused(r.category(), r.getMessage(), null);
        } catch (IOException | RuntimeException e) {
            return new Ending.Failed(Ending.Cause.FAULT, e.toString());
        }
    }

    /// Waits for the task under way, whose files lie in a folder that the test deletes.
    @Override
    public void close() {
        queue.shutdownNow();
        try {
            if (!queue.awaitTermination(60, TimeUnit.SECONDS)) {
                throw new IllegalStateException("a task does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
