package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.app.engines.Engines;
import vitrine.app.program.Folders;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.Ending;
import vitrine.core.engine.TaskHandle;
import vitrine.core.engine.WorkerEngine;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;

/// A subcommand that has an engine run one task.
abstract class EngineCommand extends Subcommand {

    private static final Logger LOG = LoggerFactory.getLogger(EngineCommand.class);
    private static final long PATIENCE_SECONDS = 3;
    /// A token to predict needs one before it.
    private static final int SHORTEST_SEQUENCE = 2;

    /// The task that the options describe.
    abstract Task task();

    /// Files that `--out` must not replace, beside those of the task itself.
    List<Path> otherInputs() {
        return List.of();
    }

    /// The files that `--out` stands for.
    List<Path> outputs() {
        return common.out == null ? List.of() : List.of(common.out);
    }

    /// Says the result: copies files to `--out` and prints for people. `result` goes into the result event.
    abstract void finish(Artifact artifact, ObjectNode result, Output output) throws IOException;

    @Override
    boolean runsOnEveryEngine() {
        return true;
    }

    @Override
    int run(Output output) throws IOException {
        Task task = task();
        ArtifactStore store = new ArtifactStore(Folders.locate().artifacts(), Engines.STORE_BYTES);
        try (WorkerEngine engine = Engines.open(common.choice(), store)) {
            // Half a second that passes while this process looks at the files; for a result from the cache, or a refusal, it was started in vain.
            engine.warmUp();
            requireWritable(task);
            TaskHandle handle = engine.submit(task, output::event);
            Thread interrupted = new Thread(() -> giveUp(handle, engine, store), "interrupted");
            Runtime.getRuntime().addShutdownHook(interrupted);
            Ending ending = handle.ending().join();
            if (!isOver(interrupted)) {
                // The program is on its way out; the thread that ends it takes care of the rest.
                output.fault("Cancelled.");
                return 1;
            }
            return switch (ending) {
                case Ending.Finished f -> {
                    ObjectNode result = f.artifact().manifest().summary().deepCopy();
                    result.put("kind", task.kind()).put("cached", f.cached()).put("seconds", f.artifact().manifest().seconds());
                    try {
                        finish(f.artifact(), result, output);
                    } catch (IOException e) {
                        output.fault("The result could not be written to " + Visible.name(String.valueOf(common.out)) + ": " + Json.reason(e) + ".");
                        yield 1;
                    }
                    output.result(result);
                    yield 0;
                }
                case Ending.Refused r -> {
                    output.refused(r);
                    yield 2;
                }
                case Ending.Failed f -> {
                    output.fault(f.cause().sentence() + ". " + f.message());
                    yield 1;
                }
                case Ending.Cancelled ignored -> {
                    output.fault("Cancelled.");
                    yield 1;
                }
            };
        }
    }

    private void requireWritable(Task task) {
        List<Path> outputs = outputs();
        if (outputs.stream().noneMatch(Files::exists)) {
            outputs.forEach(out -> Destination.of(out, List.of()));
            return;
        }
        List<Path> inputs = new ArrayList<>(TaskInputs.files(task));
        inputs.addAll(otherInputs());
        outputs.forEach(out -> Destination.of(out, inputs));
    }

    /// Ctrl-C, or a friendly kill: the task is given up, its worker ends, and what it had begun to write goes.
    private static void giveUp(TaskHandle handle, WorkerEngine engine, ArtifactStore store) {
        handle.cancel();
        try {
            handle.ending().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            // The worker is ended either way.
        }
        engine.close();
        try {
            store.removeLeftovers();
        } catch (IOException e) {
            LOG.warn("an unfinished artifact stays until the next start: {}", e.getMessage());
        }
    }

    /// Takes the thread for interruptions away; false where it has begun.
    private static boolean isOver(Thread interrupted) {
        try {
            return Runtime.getRuntime().removeShutdownHook(interrupted);
        } catch (IllegalStateException e) {
            return false;
        }
    }

    /// The value of `--sequence-length`, or null.
    static Integer sequenceLength(Integer length) {
        if (length != null && length < SHORTEST_SEQUENCE) {
            throw Refusal.of(Category.TASK_INVALID, null, "--sequence-length %d: a number from %d belongs here", length, SHORTEST_SEQUENCE);
        }
        return length;
    }

    /// A path as the user wrote it, made absolute: a task does not depend on the folder it was asked for in.
    static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }
}
