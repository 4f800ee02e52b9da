package vitrine.core.engine;

import vitrine.core.artifact.ArtifactStore;
import vitrine.core.task.TaskInputs;

/// The engine that is always there: its worker is a JVM like this one.
public final class EmbeddedEngine extends WorkerEngine {

    /// Its public name.
    public static final String NAME = "embedded";

    public EmbeddedEngine(ArtifactStore store, WorkerCommand command) {
        this(store, command, WorkerProcess.Patience.NORMAL);
    }

    EmbeddedEngine(ArtifactStore store, WorkerCommand command, WorkerProcess.Patience patience) {
        super(NAME, NAME + " " + TaskInputs.ENGINE_VERSION, store, command, patience);
    }
}
