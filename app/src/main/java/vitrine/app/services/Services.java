package vitrine.app.services;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import javafx.application.Platform;
import vitrine.app.engines.Engines;
import vitrine.app.preferences.Preferences;
import vitrine.app.preferences.PreferencesFile;
import vitrine.app.program.Folders;
import vitrine.app.state.StateStore;
import vitrine.app.workspace.Workspace;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.DetachedCommand;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.Engine;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.run.RunStore;
import vitrine.core.task.TaskInputs;
import vitrine.views.chart.Theme;
import vitrine.views.control.Languages;
import vitrine.views.control.Themes;
import vitrine.views.runs.RunBoard;
import vitrine.views.tasks.TaskBoard;

/// The window's services, put together in one place. Made on the JavaFX thread.
///
/// @param engine runs what views ask for
/// @param background looks at files, one after the other
/// @param pythons looks for Pythons, told whether they are asked for their devices; takes seconds
public record Services(Folders folders, StateStore state, Engine engine, TaskBoard board, RunBoard runs, Workspace workspace, Themes themes, Languages languages, Settings settings,
        ExecutorService background, Function<Boolean, List<PythonInstallation>> pythons)
        implements AutoCloseable {

    /// The most bytes that results may take on the disk before the oldest go.
    public static final long STORE_BYTES = 20L << 30;

    /// The services of the product.
    public static Services of(Folders folders, Preferences preferences) throws IOException {
        ArtifactStore store = new ArtifactStore(folders.artifacts(), STORE_BYTES);
        return with(folders, new EmbeddedEngine(store, WorkerCommand.embedded(preferences.threads(), preferences.memoryBytes())), preferences.threads(), DETACHED, Settings.look(preferences),
                devices -> Engines.pythons().all(devices));
    }

    /// Runs are processes of their own, which outlive this one.
    private static final RunBoard.Launcher DETACHED = (arguments, said) -> DetachedCommand.start(arguments, said)::isAlive;

    /// The same with another engine, and no Pythons.
    public static Services with(Folders folders, Engine engine, Theme look) {
        return with(folders, engine, Runtime.getRuntime().availableProcessors(), DETACHED, look);
    }

    /// The same with another engine and another way to start runs, and no Pythons.
    public static Services with(Folders folders, Engine engine, int threads, RunBoard.Launcher launcher, Theme look) {
        return with(folders, engine, threads, launcher, look, devices -> List.of());
    }

    /// The same, and Pythons that are told.
    ///
    /// @param pythons finds them, with their devices where they are asked for
    public static Services with(Folders folders, Engine engine, int threads, RunBoard.Launcher launcher, Theme look, Function<Boolean, List<PythonInstallation>> pythons) {
        StateStore state = new StateStore(folders.state());
        ExecutorService background = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("files").factory());
        TaskBoard board = new TaskBoard(engine, Platform::runLater);
        RunBoard runs = new RunBoard(folders.runs(), RunStore.environment("embedded", TaskInputs.ENGINE_VERSION, threads), launcher, Platform::runLater).watch();
        Themes themes = new Themes(look);
        Languages languages = new Languages();
        Settings settings = new Settings(new PreferencesFile(folders.preferences()), themes, languages, engine, background);
        return new Services(folders, state, engine, board, runs, new Workspace(state, background, Platform::runLater), themes, languages, settings, background, pythons);
    }

    /// Ends the worker and writes what is to be remembered.
    @Override
    public void close() {
        engine.close();
        runs.close();
        // What was chosen last is written before the end; what only looks at files is of no use any more.
        settings.finish();
        background.shutdownNow();
        state.close();
    }
}
