package vitrine.app.engines;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import vitrine.app.preferences.Preferences;
import vitrine.app.preferences.PreferencesFile;
import vitrine.app.program.Folders;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.PythonEngine;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.Pythons;
import vitrine.core.engine.WorkerCommand;
import vitrine.core.engine.WorkerEngine;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.TaskInputs;
import vitrine.resources.PythonPackage;

/// The engines of this machine.
public final class Engines {

    private static final String MAKE = "vitrine engines --make-environment makes one; VITRINE_PYTHON or vitrine preferences set python names one.";

    /// The most bytes that results may take on the disk before the oldest go.
    public static final long STORE_BYTES = 20L << 30;

    private Engines() {}

    /// An engine and with what it computes.
    ///
    /// @param name `embedded` or `pytorch`
    /// @param setting device and precision are of `pytorch`; the embedded engine computes on the CPU in float32
    public record Choice(String name, PythonEngine.Setting setting) {

        public boolean python() {
            return name.equals(PythonEngine.NAME);
        }

        /// The engine's version.
        public String version() {
            return python() ? PythonEngine.VERSION : TaskInputs.ENGINE_VERSION;
        }
    }

    /// The Pythons of this machine.
    public static Pythons pythons() {
        Map<String, String> variables = new HashMap<>(System.getenv());
        preferences().python().ifPresent(p -> variables.putIfAbsent(Pythons.VARIABLE, p.toString()));
        return new Pythons(PythonPackage.location(), variables, Path.of(System.getProperty("user.home")), environment());
    }

    /// What the user prefers to compute with.
    public static Preferences preferences() {
        return new PreferencesFile(Folders.locate().preferences()).read();
    }

    /// Where Vitrine's own Python environment is, or would be.
    public static Path environment() {
        return Folders.locate().python();
    }

    /// Opens an engine whose results are kept where this program keeps all of them.
    ///
    /// @throws Refusal where there is no Python that it could run in
    public static WorkerEngine open(Choice choice) throws IOException {
        return open(choice, new ArtifactStore(Folders.locate().artifacts(), STORE_BYTES));
    }

    /// Opens an engine; its worker starts with the first task.
    ///
    /// @throws Refusal where there is no Python that it could run in
    public static WorkerEngine open(Choice choice, ArtifactStore store) {
        if (!choice.python()) {
            return new EmbeddedEngine(store, WorkerCommand.embedded(choice.setting().threads(), preferences().memoryBytes()));
        }
        PythonInstallation python = pythons().best().orElseThrow(() -> Refusal.of(Category.TASK_INVALID, null, "the pytorch engine needs a Python, and none was found").help(MAKE));
        if (!python.usable()) {
            throw Refusal.of(Category.TASK_INVALID, python.executable(), "the pytorch engine cannot run in this Python: %s", python.problem()).help(MAKE);
        }
        return new PythonEngine(store, python, choice.setting());
    }
}
