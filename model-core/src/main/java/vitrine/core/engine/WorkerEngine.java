package vitrine.core.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;

/// An engine with one worker process, started when first needed, kept warm, replaced when it dies.
///
/// Tasks run one after the other: two native-threaded jobs at once would slow each other several times over.
public class WorkerEngine implements Engine {

    /// The number of the workers' protocol (docs/protocol.md): `hello` says it, and a worker with another number is not used.
    public static final int PROTOCOL = 1;

    private static final Logger LOG = LoggerFactory.getLogger(WorkerEngine.class);

    private final String name;
    private final String identity;
    private final ArtifactStore store;
    private volatile WorkerCommand command;
    private volatile WorkerCommand started;
    private final WorkerProcess.Patience patience;
    private final ExecutorService queue;
    private final AtomicLong ids = new AtomicLong();
    private volatile WorkerProcess worker;
    private volatile TaskHandle current;
    private boolean closed;

    /// @param identity what results depend on beside task and inputs: name and version, and with what is computed
    WorkerEngine(String name, String identity, ArtifactStore store, WorkerCommand command, WorkerProcess.Patience patience) {
        this.name = name;
        this.identity = identity;
        this.store = store;
        this.command = command;
        this.patience = patience;
        queue = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name(name + "-engine").factory());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public TaskHandle submit(Task task, Consumer<EngineEvent> events) {
        return enqueue(task, h -> run(h, events));
    }

    /// Takes a task whose result belongs at `artifact` and nowhere else: a training run, which lives in a folder of its own and is never taken from
    /// the cache.
    public TaskHandle submitTo(Task task, Path artifact, Consumer<EngineEvent> events) {
        return enqueue(task, h -> {
            try {
                return warm().run(h, artifact, events);
            } catch (IOException e) {
                LOG.error("the worker could not be started", e);
                return new Ending.Failed(Ending.Cause.NOT_STARTED, String.valueOf(e.getMessage()));
            }
        });
    }

    private TaskHandle enqueue(Task task, Function<TaskHandle, Ending> work) {
        TaskHandle handle = new TaskHandle(ids.incrementAndGet(), task);
        queue.execute(() -> {
            current = handle;
            Ending ending = new Ending.Failed(Ending.Cause.FAULT, "");
            try {
                ending = handle.isCancelled() ? new Ending.Cancelled() : work.apply(handle);
            } catch (Refusal r) {
                ending = new Ending.Refused(r.category(), r.getMessage(), r.file() == null ? null : r.file().toString());
            } catch (RuntimeException e) {
                LOG.error("task {} failed in this process", task.kind(), e);
                ending = new Ending.Failed(Ending.Cause.FAULT, String.valueOf(e.getMessage()));
            } finally {
                current = null;
                handle.end(ending);
            }
        });
        return handle;
    }

    private Ending run(TaskHandle handle, Consumer<EngineEvent> events) {
        String key = TaskInputs.key(handle.task(), identity);
        Optional<Artifact> known = store.find(key);
        if (known.isPresent()) {
            known.get().manifest().warnings().forEach(w -> events.accept(new EngineEvent.Warning(w)));
            return new Ending.Finished(known.get(), true);
        }
        WorkerProcess w;
        try {
            w = warm();
        } catch (IOException e) {
            LOG.error("the worker could not be started", e);
            return new Ending.Failed(Ending.Cause.NOT_STARTED, String.valueOf(e.getMessage()));
        }
        Ending ending = w.run(handle, store.folder(key), events);
        tidy(ending, key);
        return ending;
    }

    /// What a dead worker had begun to write goes at once: it may be large. The result stands whether tidying works or not.
    private void tidy(Ending ending, String key) {
        try {
            if (ending instanceof Ending.Finished) {
                store.trim(key);
            } else {
                store.removeLeftovers();
            }
        } catch (IOException | UncheckedIOException e) {
            LOG.warn("the artifact store could not be tidied: {}", e.getMessage());
        }
    }

    private synchronized WorkerProcess warm() throws IOException {
        if (closed) {
            throw new IOException("the engine is closed");
        }
        if (worker != null && !command.equals(started)) {
            worker.stop();
        }
        if (worker == null || !worker.alive() || !command.equals(started)) {
            started = command;
            worker = IdleWorkers.take(started, patience);
        }
        return worker;
    }

    /// Starts workers another way, such as with more threads, from the next task on. A task under way ends as it began.
    public void startWith(WorkerCommand next) {
        command = next;
    }

    /// Starts the worker ahead of its first task, which then finds it on its way. Returns at once: the process is not waited for.
    public void warmUp() {
        try {
            warm();
        } catch (IOException e) {
            // Whoever runs a task is told why.
            LOG.warn("the worker could not be started ahead of its first task: {}", e.getMessage());
        }
    }

    /// The worker's process id, if one runs: for tests and diagnostics.
    public Optional<Long> workerPid() {
        WorkerProcess w = worker;
        return w != null && w.alive() ? Optional.of(w.pid()) : Optional.empty();
    }

    @Override
    public void close() {
        TaskHandle running = current;
        if (running != null) {
            running.cancel();
        }
        queue.shutdownNow();
        synchronized (this) {
            closed = true;
            if (worker != null) {
                IdleWorkers.leave(started, worker, running == null);
            }
        }
    }
}
