package vitrine.core.engine;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.core.artifact.Artifact;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// One worker process and what is under way in it: at most one task.
///
/// Two threads read it, one per stream; nothing they read is trusted.
final class WorkerProcess {

    private static final Logger LOG = LoggerFactory.getLogger(WorkerProcess.class);
    private static final int MAX_LINE_BYTES = 4 << 20;
    private static final int MAX_STDERR_LINE_BYTES = 4096;
    private static final int KEPT_STDERR_LINES = 200;
    private static final int MAX_NONSENSE = 100;
    private static final int EXIT_OUT_OF_MEMORY = 3;
    /// The exit value of a process that signal 9 ended.
    private static final int KILLED = 137;

    /// How patient the reader is.
    ///
    /// @param silence after which a running worker counts as stuck
    /// @param stop how long a cancelled task may take before the worker is told to end
    /// @param kill how long after that before it is killed
    record Patience(Duration silence, Duration stop, Duration kill) {
        static final Patience NORMAL = new Patience(Duration.ofSeconds(60), Duration.ofSeconds(2), Duration.ofSeconds(8));
    }

    private final Process process;
    private final OutputStream input;
    private final Patience patience;
    private final Deque<String> lastWords = new ArrayDeque<>();
    private final CompletableFuture<Integer> exit;
    private final Thread reader;
    private final Silence silence = new Silence(System::nanoTime);
    private volatile Running running;
    private volatile boolean killed;
    private int nonsense;

    private record Running(long id, Path artifact, Consumer<EngineEvent> events, CompletableFuture<Ending> ending, AtomicReference<Stage> stage) {}

    /// Why this worker cannot be used at all; found perhaps before there is a task, as in its `hello`.
    private volatile String unfit;

    /// Native code is at work on a file.
    ///
    /// @param untilNanos when that should be over, by the time of [Silence]
    private record Stage(String file, int seconds, long untilNanos) {}

    private WorkerProcess(Process process, Patience patience) {
        this.process = process;
        this.patience = patience;
        input = process.getOutputStream();
        exit = process.onExit().thenApply(Process::exitValue);
        reader = Thread.ofPlatform().daemon().name("worker-events").start(this::readEvents);
        Thread.ofPlatform().daemon().name("worker-stderr").start(this::readErrors);
    }

    /// Starts a worker.
    static WorkerProcess start(WorkerCommand command, Patience patience) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command.command());
        builder.environment().putAll(command.environment());
        if (command.folder() != null) {
            builder.directory(command.folder().toFile());
        }
        return new WorkerProcess(builder.start(), patience);
    }

    /// Whether it can take another task. One that was killed takes none, even while the system still counts it as running.
    boolean alive() {
        return !killed && process.isAlive();
    }

    Patience patience() {
        return patience;
    }

    long pid() {
        return process.pid();
    }

    /// Runs a task and waits for its end, which is told however the worker behaves.
    Ending run(TaskHandle handle, Path artifact, Consumer<EngineEvent> events) {
        Running r = new Running(handle.id(), artifact, events, new CompletableFuture<>(), new AtomicReference<>());
        silence.begin();
        running = r;
        try {
            ObjectNode request = Json.object().put("request", "run").put("id", handle.id()).put("artifact", artifact.toString());
            request.set("task", handle.task().toJson());
            send(request);
            handle.whenCancelled(() -> cancel(r));
            return await(r, handle);
        } finally {
            running = null;
        }
    }

    private Ending await(Running r, TaskHandle handle) {
        while (true) {
            try {
                return r.ending.get(200, TimeUnit.MILLISECONDS);
            } catch (java.util.concurrent.TimeoutException e) {
                Duration quiet = Duration.ofNanos(silence.nanos());
                if (exit.isDone()) {
                    // The last lines may still be on their way through the reader.
                    joinReader();
                    return r.ending.getNow(handle.isCancelled() ? new Ending.Cancelled()
                            : unfit != null ? new Ending.Failed(Ending.Cause.PROTOCOL, unfit) : death(r, exit.join()));
                }
                Stage stage = r.stage.get();
                if (stage != null && silence.time() - stage.untilNanos > 0) {
                    kill();
                    return broken(stage, String.format("it kept the tokenizer busy for more than %,d s with this text", stage.seconds));
                }
                if (quiet.compareTo(patience.silence) > 0) {
                    kill();
                    return new Ending.Failed(Ending.Cause.STUCK, "It said nothing for " + quiet.toSeconds() + " s.");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                kill();
                return new Ending.Cancelled();
            } catch (java.util.concurrent.ExecutionException e) {
                throw new IllegalStateException("endings are never exceptions", e);
            }
        }
    }

    private void joinReader() {
        try {
            reader.join(2000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// Asks the worker to give the task up, and makes sure of it.
    private void cancel(Running r) {
        send(Json.object().put("request", "cancel").put("id", r.id));
        Thread.ofVirtual().start(() -> {
            if (!endsWithin(r, patience.stop)) {
                killed = true;
                process.destroy();
                if (!endsWithin(r, patience.kill)) {
                    kill();
                }
            }
        });
    }

    private boolean endsWithin(Running r, Duration time) {
        try {
            CompletableFuture.anyOf(r.ending, exit).get(time.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (java.util.concurrent.TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException("neither future fails", e);
        }
    }

    private static Ending broken(Stage stage, String problem) {
        Path file = Path.of(stage.file);
        Refusal r = Refusal.of(Category.TOKENIZER_INVALID, file, "%s", problem).help("Give token ids instead (--ids), or mend the tokenizer.");
        return new Ending.Refused(r.category(), r.getMessage(), stage.file);
    }

    private Ending death(Running r, int exitValue) {
        Stage stage = r.stage.get();
        if (stage != null && exitValue != KILLED) {
            return broken(stage, "its rules broke the tokenizer off in the middle of this text");
        }
        String last = String.join("\n", lastWords());
        boolean heap = exitValue == EXIT_OUT_OF_MEMORY || last.contains("java.lang.OutOfMemoryError");
        if (heap || exitValue == KILLED) {
            return new Ending.Failed(Ending.Cause.OUT_OF_MEMORY, heap ? "Its memory limit was reached." : "The system killed it (signal 9), as it does when memory runs out.");
        }
        if (exitValue == 134 || exitValue == 139 || exitValue == 135 || exitValue == 136 || exitValue == 132) {
            return new Ending.Failed(Ending.Cause.CRASHED, "It ended with signal " + (exitValue - 128) + ".");
        }
        return new Ending.Failed(Ending.Cause.LOST, "It ended with exit code " + exitValue + ".");
    }

    /// The last lines of the worker's standard error.
    private java.util.List<String> lastWords() {
        synchronized (lastWords) {
            return java.util.List.copyOf(lastWords);
        }
    }

    private synchronized void send(ObjectNode request) {
        try {
            input.write((Json.line(request) + "\n").getBytes(StandardCharsets.UTF_8));
            input.flush();
        } catch (IOException e) {
            // The worker is gone or going: its end is told by its exit.
            LOG.info("worker {} takes no requests any more: {}", pid(), e.getMessage());
        }
    }

    private void readEvents() {
        BoundedLines lines = new BoundedLines(process.getInputStream(), MAX_LINE_BYTES);
        try {
            for (String line = lines.next(); line != null; line = lines.next()) {
                silence.heard();
                read(line);
            }
        } catch (IOException e) {
            LOG.info("the events of worker {} ended: {}", pid(), e.getMessage());
        }
    }

    private void read(String line) {
        JsonNode event;
        try {
            event = line.equals(BoundedLines.TOO_LONG) ? null : Json.mapper().readTree(line);
        } catch (JsonProcessingException e) {
            event = null;
        }
        if (!(event instanceof ObjectNode o) || !o.path("event").isTextual()) {
            LOG.warn("worker {} printed something that is no event", pid());
            if (++nonsense > MAX_NONSENSE) {
                condemn("It printed " + nonsense + " lines that are no events.");
            }
            return;
        }
        if (o.path("event").asText().equals("hello") && o.path("protocol").asInt() != WorkerEngine.PROTOCOL) {
            condemn("It speaks protocol " + o.path("protocol").asText("unknown") + "; this program speaks " + WorkerEngine.PROTOCOL + ".");
            return;
        }
        Running r = running;
        if (r == null || o.path("id").asLong(-1) != r.id) {
            return;
        }
        switch (o.path("event").asText()) {
            case "progress" -> r.events.accept(new EngineEvent.Progress(o.path("done").asLong(), o.path("total").asLong(), o.path("unit").asText()));
            case "metric" -> r.events.accept(new EngineEvent.Metric(o));
            case "warning" -> r.events.accept(new EngineEvent.Warning(o.path("message").asText()));
            case "stage" -> r.stage.set(o.hasNonNull("file") ? stage(o) : null);
            case "log" -> LOG.info("worker {}: {}", pid(), o.path("message").asText());
            case "result" -> r.ending.complete(result(r));
            case "error" -> r.ending.complete(refused(o));
            case "cancelled" -> r.ending.complete(new Ending.Cancelled());
            case "fault" -> r.ending.complete(new Ending.Failed(Ending.Cause.FAULT, o.path("message").asText()));
            default -> LOG.warn("worker {} sent an unknown event {}", pid(), o.path("event").asText());
        }
    }

    private Stage stage(ObjectNode o) {
        int seconds = Math.clamp(o.path("seconds").asInt(), 1, 24 * 3600);
        return new Stage(o.path("file").asText(), seconds, silence.time() + TimeUnit.SECONDS.toNanos(seconds));
    }

    /// A result counts when its artifact is where it was to be, and whole.
    private static Ending result(Running r) {
        try {
            return new Ending.Finished(Artifact.open(r.artifact), false);
        } catch (Refusal e) {
            return new Ending.Failed(Ending.Cause.PROTOCOL, "It reported a result that is not there: " + e.getMessage());
        }
    }

    private static Ending refused(ObjectNode o) {
        Category category = Category.ofCodeOrNull(o.path("category").asText());
        if (category == null) {
            return new Ending.Failed(Ending.Cause.PROTOCOL, "It refused with the unknown category " + o.path("category").asText() + ".");
        }
        return new Ending.Refused(category, o.path("message").asText(), o.path("file").asText(null));
    }

    /// Ends a worker that does not keep to the protocol. Its task ends with the process, so that the next one finds no half-dead worker.
    private void condemn(String why) {
        if (unfit == null) {
            unfit = why;
        }
        kill();
    }

    private void readErrors() {
        BoundedLines lines = new BoundedLines(process.getErrorStream(), MAX_STDERR_LINE_BYTES);
        try {
            for (String line = lines.next(); line != null; line = lines.next()) {
                LOG.debug("worker {} stderr: {}", pid(), line);
                synchronized (lastWords) {
                    lastWords.add(line);
                    if (lastWords.size() > KEPT_STDERR_LINES) {
                        lastWords.removeFirst();
                    }
                }
            }
        } catch (IOException e) {
            LOG.debug("standard error of worker {} ended: {}", pid(), e.getMessage());
        }
    }

    /// Ends an idle worker by closing its input, and a deaf one by force.
    void stop() {
        try {
            input.close();
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
                kill();
            }
        } catch (IOException e) {
            kill();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            kill();
        }
    }

    void kill() {
        killed = true;
        process.destroyForcibly();
    }
}
