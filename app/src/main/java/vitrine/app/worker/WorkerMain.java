package vitrine.app.worker;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import vitrine.core.artifact.Artifact;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.tensor.kernel.Warmth;
import vitrine.core.tensor.onednn.OneDnn;
import vitrine.core.tensor.openblas.OpenBlas;
import vitrine.core.work.TaskRunner;

/// The worker's entry point. Standard output carries events only; whatever a library prints goes to standard error.
///
/// The protocol is described in the package `vitrine.core.engine`. The worker ends when its input ends, so none outlives the
/// program that started it.
public final class WorkerMain {

    private static final long HEARTBEAT_MILLIS = 5000;
    private static final long PROGRESS_NANOS = 100_000_000;

    private final PrintStream events;
    private final ExecutorService tasks = Executors.newSingleThreadExecutor(Thread.ofPlatform().name("task").factory());
    private volatile long cancelled = -1;
    private volatile boolean busy;

    private WorkerMain(PrintStream events) {
        this.events = events;
    }

    public static void main(String[] args) throws IOException {
        PrintStream events = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        quietLogging();
        // Nearly every task multiplies matrices: the libraries are loaded while the program still reads what is asked for.
        Thread.ofPlatform().daemon().name("natives").start(WorkerMain::loadNatives);
        WorkerMain worker = new WorkerMain(events);
        if (worker.serve()) {
            // A normal end: the JVM can write what it has learnt (the AOT cache of the installed program is made so).
            worker.finish();
            System.exit(0);
        }
        // The end of input means that nobody listens any more: whatever still runs is of no use.
        Runtime.getRuntime().halt(0);
    }

    /// A library that does not load is said by the task that needs it.
    private static void loadNatives() {
        try {
            OneDnn oneDnn = OneDnn.openOrNull();
            if (oneDnn != null) {
                oneDnn.close();
            }
            OpenBlas.open();
        } catch (RuntimeException | LinkageError e) {
            System.err.println("not loaded ahead of its use: " + e);
        }
    }

    private static void quietLogging() {
        for (var handler : java.util.logging.Logger.getLogger("").getHandlers()) {
            handler.setLevel(java.util.logging.Level.WARNING);
        }
    }

    /// Serves requests until it is told to stop (true) or its input ends (false).
    private boolean serve() throws IOException {
        say(Json.object().put("event", "hello").put("protocol", EmbeddedEngine.PROTOCOL).put("engine", "embedded").put("version", TaskInputs.ENGINE_VERSION)
                .put("threads", Parallel.threads()).put("java", Runtime.version().toString()));
        Thread.ofPlatform().daemon().name("heartbeat").start(this::beat);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode request;
            try {
                request = Json.mapper().readTree(line);
            } catch (JsonProcessingException e) {
                System.err.println("not a request: " + e.getOriginalMessage());
                continue;
            }
            switch (request.path("request").asText()) {
                case "run" -> tasks.execute(() -> run(request));
                case "cancel" -> cancelled = request.path("id").asLong();
                case "stop" -> {
                    return true;
                }
                default -> System.err.println("unknown request " + request.path("request").asText());
            }
        }
        return false;
    }

    /// Waits for the tasks that were asked for.
    private void finish() {
        tasks.close();
    }

    private void beat() {
        try {
            while (true) {
                Thread.sleep(HEARTBEAT_MILLIS);
                say(Json.object().put("event", "heartbeat"));
                if (!busy) {
                    Warmth.practiseWhatWasUsed();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run(JsonNode request) {
        long id = request.path("id").asLong();
        busy = true;
        try {
            Task task = Task.fromJson(request.path("task"));
            if (!request.path("artifact").isTextual()) {
                throw Refusal.of(Category.TASK_INVALID, null, "the request has no artifact: it does not say where the result belongs");
            }
            Artifact artifact = TaskRunner.run(task, Path.of(request.path("artifact").asText()), new Reporting(id),
                    w -> say(event("warning", id).put("message", w)));
            ObjectNode result = event("result", id).put("artifact", artifact.folder().toString());
            result.set("summary", artifact.manifest().summary());
            say(result);
        } catch (Refusal r) {
            ObjectNode error = event("error", id).put("category", r.category().code()).put("message", r.getMessage());
            if (r.file() != null) {
                error.put("file", r.file().toString());
            }
            say(error);
        } catch (Progress.CancelledException e) {
            say(event("cancelled", id));
        } catch (IOException e) {
            e.printStackTrace();
            say(event("fault", id).put("message", "The result could not be written: " + Json.reason(e) + "."));
        } catch (RuntimeException | Error e) {
            // A native library that does not load, a file that shrank under its map, a LAPACK call that fails (ND4J throws an Error
            // for it): without a word the task would seem to run for ever.
            e.printStackTrace();
            say(event("fault", id).put("message", e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + e.getMessage())));
        } finally {
            busy = false;
        }
    }

    private static ObjectNode event(String kind, long id) {
        return Json.object().put("event", kind).put("id", id);
    }

    private synchronized void say(ObjectNode event) {
        events.println(Json.line(event));
    }

    /// Progress as events, at most ten a second.
    private final class Reporting implements Progress {
        private final long id;
        private long said;
        private boolean ended;

        Reporting(long id) {
            this.id = id;
        }

        @Override
        public void step(long done, long total, String unit) {
            checkCancelled();
            long now = System.nanoTime();
            // The end is said at once, but once only: what is left after it may still have many small parts.
            if (now - said > PROGRESS_NANOS || done == total && !ended) {
                said = now;
                ended = done == total;
                say(event("progress", id).put("done", done).put("total", total).put("unit", unit));
            }
        }

        @Override
        public void figures(long step, java.util.Map<String, Double> values) {
            ObjectNode metric = event("metric", id).put("step", step);
            values.forEach((name, v) -> {
                if (Double.isFinite(v)) {
                    metric.put(name, v);
                } else {
                    metric.putNull(name);
                }
            });
            say(metric);
        }

        @Override
        public void risky(Path file, int seconds) {
            say(event("stage", id).put("file", file.toString()).put("seconds", seconds));
        }

        @Override
        public void safe() {
            say(event("stage", id));
        }

        @Override
        public void checkCancelled() {
            if (cancelled == id) {
                throw new CancelledException();
            }
        }
    }
}
