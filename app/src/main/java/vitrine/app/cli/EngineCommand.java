package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import vitrine.app.program.Folders;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.Ending;
import vitrine.core.engine.TaskHandle;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.task.Task;

/// A subcommand that has an engine run one task.
abstract class EngineCommand extends Subcommand {

    private static final long STORE_BYTES = 20L << 30;

    /// The task that the options describe.
    abstract Task task();

    /// Says the result: copies files to `--out` and prints for people. `result` goes into the result event.
    abstract void finish(Artifact artifact, ObjectNode result, Output output) throws IOException;

    @Override
    int run(Output output) throws IOException {
        Task task = task();
        ArtifactStore store = new ArtifactStore(Folders.locate().artifacts(), STORE_BYTES);
        WorkerCommand worker = WorkerCommand.embedded(common.threadCount(), WorkerCommand.defaultMemoryBytes());
        try (EmbeddedEngine engine = new EmbeddedEngine(store, worker)) {
            TaskHandle handle = engine.submit(task, output::event);
            return switch (handle.ending().join()) {
                case Ending.Finished f -> {
                    ObjectNode result = f.artifact().manifest().summary().deepCopy();
                    result.put("kind", task.kind()).put("cached", f.cached()).put("seconds", f.artifact().manifest().seconds());
                    finish(f.artifact(), result, output);
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

    /// A path as the user wrote it, made absolute: a task does not depend on the folder it was asked for in.
    static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }
}
