package vitrine.views.anatomy;

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

/// Engines without a process, for tests.
final class Engines {

    private Engines() {}

    /// Runs each task at once, on the thread that asks.
    static final class AtOnce implements Engine {

        final List<Task> asked = new ArrayList<>();
        private final Path folder;

        AtOnce(Path folder) {
            this.folder = folder;
        }

        @Override
        public String name() {
            return "at once";
        }

        @Override
        public TaskHandle submit(Task task, Consumer<EngineEvent> events) {
            asked.add(task);
            Ending ending;
            try {
                ending = new Ending.Finished(TaskRunner.run(task, folder.resolve("artifact-" + asked.size()), Progress.NONE, w -> { }), false);
            } catch (Refusal r) {
                ending = new Ending.Refused(r.category(), r.getMessage(), null);
            } catch (IOException e) {
                ending = new Ending.Failed(Ending.Cause.FAULT, e.toString());
            }
            return TaskHandle.of(asked.size(), task, CompletableFuture.completedFuture(ending));
        }

        @Override
        public void close() {}
    }

    /// Takes tasks and leaves them to the test.
    static final class Held implements Engine {

        final List<TaskHandle> handles = new ArrayList<>();
        final List<Consumer<EngineEvent>> listeners = new ArrayList<>();

        @Override
        public String name() {
            return "held";
        }

        @Override
        public TaskHandle submit(Task task, Consumer<EngineEvent> events) {
            TaskHandle handle = TaskHandle.of(handles.size() + 1, task, new CompletableFuture<>());
            handles.add(handle);
            listeners.add(events);
            return handle;
        }

        TaskHandle last() {
            return handles.getLast();
        }

        @Override
        public void close() {}
    }
}
