package vitrine.app.services;

import java.io.IOException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javafx.application.Platform;
import vitrine.app.program.Folders;
import vitrine.app.state.StateStore;
import vitrine.app.workspace.Workspace;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.Engine;
import vitrine.core.engine.WorkerCommand;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;
import vitrine.views.tasks.TaskBoard;

/// The window's services, put together in one place. Made on the JavaFX thread.
///
/// @param engine runs what views ask for
/// @param background looks at files, one after the other
public record Services(Folders folders, StateStore state, Engine engine, TaskBoard board, Workspace workspace, Themes themes, ExecutorService background)
        implements AutoCloseable {

    /// The most bytes that results may take on the disk before the oldest go.
    public static final long STORE_BYTES = 20L << 30;

    /// The services of the product.
    ///
    /// @param threads how many threads compute
    public static Services of(Folders folders, int threads, Theme look) throws IOException {
        ArtifactStore store = new ArtifactStore(folders.artifacts(), STORE_BYTES);
        return with(folders, new EmbeddedEngine(store, WorkerCommand.embedded(threads, WorkerCommand.defaultMemoryBytes())), look);
    }

    /// The same with another engine.
    public static Services with(Folders folders, Engine engine, Theme look) {
        StateStore state = new StateStore(folders.state());
        ExecutorService background = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("files").factory());
        TaskBoard board = new TaskBoard(engine, Platform::runLater);
        return new Services(folders, state, engine, board, new Workspace(state, background, Platform::runLater), new Themes(look), background);
    }

    /// Ends the worker and writes what is to be remembered.
    @Override
    public void close() {
        engine.close();
        background.shutdownNow();
        state.close();
    }
}
