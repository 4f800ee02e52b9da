package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.core.artifact.Artifact;
import vitrine.core.engine.Ending;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.TaskHandle;
import vitrine.core.engine.WorkerEngine;
import vitrine.core.files.Whole;
import vitrine.core.refusal.Visible;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunRecord.State;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;
import vitrine.core.task.Task;

/// A training or pruning run at work: from the store through a worker and back, whether it begins or goes on.
final class RunSession {

    private static final long PATIENCE_SECONDS = 8;
    private static final long FLUSH_NANOS = 500_000_000;
    private static final int LINES = 20;
    private static final long LOOK_MILLIS = 200;
    private static final Logger LOG = LoggerFactory.getLogger(RunSession.class);

    private final RunStore store;
    private final RunRecord run;
    private final Output output;
    private final SortedMap<Long, Map<String, Double>> unwritten = new TreeMap<>();
    private long written = System.nanoTime();
    private long total;
    /// Figures up to here were told before: their time is known.
    private long known = -1;
    private double secondsBefore;
    private long began = -1;
    private WorkerMeter meter;

    RunSession(RunStore store, RunRecord run, Output output) {
        this.store = store;
        this.run = run;
        this.output = output;
    }

    /// Runs until the end, with an engine that is closed then; `out` is where the result goes beside the run's folder, or null.
    int run(WorkerEngine with, Path out) throws IOException {
        Task task = Task.fromJson(run.task());
        RunFolder folder = new RunFolder(run.folder());
        try (WorkerEngine engine = with) {
            store.begin(run.number());
            Whole.removeLeftovers(run.folder());
            Files.deleteIfExists(folder.stop());
            takeUpTime();
            meter = new WorkerMeter(engine::workerPid);
            TaskHandle handle = engine.submitTo(task, folder.result(), this::event);
            Thread hook = new Thread(() -> giveUp(handle), "interrupted");
            Runtime.getRuntime().addShutdownHook(hook);
            Thread.ofVirtual().start(() -> watchForDiscard(folder, handle));
            Ending ending = handle.ending().join();
            flush();
            if (!removed(hook)) {
                store.end(run.number(), State.stopped, null);
                output.fault("Stopped. " + howToGoOn());
                return 1;
            }
            return finish(ending, out);
        }
    }

    /// The time that earlier sessions of this run took counts. A run without saved steps begins anew, and its figures with it.
    private void takeUpTime() throws IOException {
        Path steps = new RunFolder(run.folder()).steps();
        boolean saved = false;
        if (Files.isDirectory(steps)) {
            try (Stream<Path> all = Files.list(steps)) {
                saved = all.findAny().isPresent();
            }
        }
        if (!saved) {
            store.forgetAfter(run.number(), -1);
        }
        SortedMap<Long, Double> seconds = store.figures(run.number()).get("seconds");
        if (seconds != null) {
            known = seconds.lastKey();
            secondsBefore = seconds.get(known);
        }
    }

    /// A run that is given up ends within its step; all else waits until the step is done.
    private static void watchForDiscard(RunFolder folder, TaskHandle handle) {
        try {
            while (!handle.ending().isDone()) {
                if (folder.asked().filter(RunFolder.Stop.discard::equals).isPresent()) {
                    handle.cancel();
                    return;
                }
                Thread.sleep(LOOK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            LOG.warn("the run's stop file cannot be read: {}", e.getMessage());
        }
    }

    private static boolean removed(Thread hook) {
        try {
            return Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            return false;
        }
    }

    private void giveUp(TaskHandle handle) {
        handle.cancel();
        try {
            handle.ending().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            store.end(run.number(), State.stopped, null);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            // The worker is ended either way; its last saved step stands.
        }
    }

    private String howToGoOn() {
        return "vitrine runs resume " + run.number() + " goes on.";
    }

    private int finish(Ending ending, Path out) throws IOException {
        switch (ending) {
            case Ending.Finished f -> {
                store.end(run.number(), State.finished, null);
                ObjectNode result = f.artifact().manifest().summary().deepCopy();
                result.put("kind", run.task().path("kind").asText()).put("cached", f.cached()).put("seconds", f.artifact().manifest().seconds()).put("run", run.number());
                Path at = f.artifact().folder();
                if (out != null) {
                    copy(f.artifact(), out);
                    at = out;
                }
                result.put("out", at.toString());
                say(result, at);
                output.result(result);
                return 0;
            }
            case Ending.Refused r -> {
                store.end(run.number(), State.failed, r.message());
                output.refused(r);
                return 2;
            }
            case Ending.Failed f -> {
                store.end(run.number(), State.interrupted, f.cause().sentence() + ". " + f.message());
                output.fault(f.cause().sentence() + ". " + f.message() + " " + howToGoOn());
                return 1;
            }
            case Ending.Cancelled ignored -> {
                RunFolder folder = new RunFolder(run.folder());
                boolean discarded = folder.asked().filter(RunFolder.Stop.discard::equals).isPresent();
                Files.deleteIfExists(folder.stop());
                if (discarded) {
                    discard(store, run);
                    output.fault("Given up. Its figures are kept, its saved steps are not.");
                } else {
                    store.end(run.number(), State.stopped, null);
                    output.fault("Stopped. " + howToGoOn());
                }
                return 1;
            }
        }
    }

    /// Gives up a run that nobody is at work on: saved steps go.
    static void discard(RunStore store, RunRecord run) throws IOException {
        RunFolder folder = new RunFolder(run.folder());
        for (Path saved : new Path[] {folder.steps(), folder.best(), folder.pruned()}) {
            if (Files.exists(saved)) {
                Whole.delete(saved);
            }
        }
        store.end(run.number(), State.cancelled, null);
    }

    private boolean prunes() {
        return run.task().path("kind").asText().equals("prune");
    }

    private void say(ObjectNode r, Path at) {
        if (prunes()) {
            PruneText.say(run.number(), r, at, output);
            return;
        }
        output.text(String.format(Locale.ROOT, "Run %d, %s: %,d steps, loss %s to %s nats per token%s", run.number(), r.path("method").asText(), r.path("steps").asLong(),
                Words.figure(r.path("first_loss"), "%.4f"), Words.figure(r.path("loss"), "%.4f"), r.has("validation_perplexity")
                        ? String.format(Locale.ROOT, "; validation perplexity %s to %s", Words.figure(r.path("validation_perplexity_before"), "%.4g"),
                                Words.figure(r.path("validation_perplexity"), "%.4g")) : ""));
        output.text("Wrote " + Visible.name(at.toString()) + (r.path("result").asText().equals("adapter") ? ", a PEFT adapter" : ", a checkpoint"));
    }

    /// A copy of the result, whole or not at all.
    private static void copy(Artifact artifact, Path out) throws IOException {
        try (Whole whole = Whole.folder(out)) {
            try (Stream<Path> files = Files.walk(artifact.folder())) {
                for (Path file : files.filter(f -> !f.equals(artifact.folder())).toList()) {
                    Files.copy(file, whole.staging().resolve(artifact.folder().relativize(file).toString()));
                }
            }
            whole.commit();
        }
    }

    // --- what is told on the way

    private synchronized void event(EngineEvent event) {
        output.event(event);
        switch (event) {
            case EngineEvent.Metric m -> metric(m.values());
            case EngineEvent.Progress p -> {
                // Training that follows pruning counts on from its layers.
                if ((p.unit().equals("steps") || prunes() && p.unit().equals("layers")) && p.total() != total) {
                    total = p.total();
                    store.steps(run.number(), total);
                }
            }
            case EngineEvent.Warning w -> store.event(run.number(), "warning", w.message());
        }
    }

    private void metric(ObjectNode values) {
        long step = values.path("step").asLong();
        Map<String, Double> row = new LinkedHashMap<>();
        values.properties().forEach(e -> {
            if (e.getValue().isNumber() && !e.getKey().equals("step") && !e.getKey().equals("id")) {
                row.put(e.getKey(), e.getValue().asDouble());
            }
        });
        if (step > known) {
            began = began < 0 ? System.nanoTime() : began;
            row.put("seconds", secondsBefore + (System.nanoTime() - began) / 1e9);
            meter.read(row);
        }
        unwritten.computeIfAbsent(step, s -> new LinkedHashMap<>()).putAll(row);
        if (step == 0 && row.containsKey("memory_forecast_bytes")) {
            output.text(String.format(Locale.ROOT, "Run %d: %,.0f values are trained; about %s of memory", run.number(), row.getOrDefault("trained_parameters", 0.0),
                    Words.bytes(row.get("memory_forecast_bytes").longValue())));
        } else if (prunes() && !row.containsKey("learning_rate") ? row.containsKey("layer") : row.containsKey("validation_loss") || step == 1 || step == total || total > 0 && step % Math.max(1, total / LINES) == 0) {
            line(step, row);
        }
        if (System.nanoTime() - written > FLUSH_NANOS) {
            flush();
        }
    }

    private void line(long step, Map<String, Double> row) {
        StringBuilder t = new StringBuilder(String.format(Locale.ROOT, row.containsKey("layer") ? "layer %,d of " + total : "step %,d", step));
        append(t, row, "sparsity", "  sparsity %.4f");
        append(t, row, "relative_output_error", "  output error %.4f");
        append(t, row, "loss", "  loss %.4f");
        append(t, row, "gradient_norm", "  norm %.3g");
        append(t, row, "learning_rate", "  rate %.3g");
        append(t, row, "tokens_per_second", "  %,.0f tokens/s");
        append(t, row, "validation_loss", "  validation %.4f");
        output.text(t.toString());
    }

    private static void append(StringBuilder t, Map<String, Double> row, String name, String format) {
        if (row.containsKey(name)) {
            t.append(String.format(Locale.ROOT, format, row.get(name)));
        }
    }

    private synchronized void flush() {
        store.record(run.number(), unwritten);
        unwritten.clear();
        written = System.nanoTime();
    }
}
