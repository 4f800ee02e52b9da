package vitrine.app.engines;

import java.io.IOException;
import java.nio.file.Path;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.PythonEngine;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.engine.WorkerEngine;

/// Both engines, one thread each, with stores of their own.
record BothEngines(WorkerEngine embedded, WorkerEngine pytorch) implements AutoCloseable {

    /// Opens them; gives the test up, loudly, where no Python with torch is found.
    ///
    /// @param what is not tested then
    static BothEngines open(Path folder, String what) throws IOException {
        PythonInstallation python = PythonNeeded.orGivenUp(what);
        return new BothEngines(new EmbeddedEngine(new ArtifactStore(folder.resolve("embedded"), 1L << 30), WorkerCommand.embedded(1, 2L << 30)),
                new PythonEngine(new ArtifactStore(folder.resolve("pytorch"), 1L << 30), python, new PythonEngine.Setting("cpu", 1, PythonEngine.Precision.float32)));
    }

    @Override
    public void close() {
        pytorch.close();
        embedded.close();
    }
}
