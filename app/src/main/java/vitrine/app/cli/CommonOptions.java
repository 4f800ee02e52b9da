package vitrine.app.cli;

import java.nio.file.Path;
import java.util.Arrays;
import picocli.CommandLine.Option;
import vitrine.app.engines.Engines;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.PythonEngine;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Options that every subcommand takes.
final class CommonOptions {

    @Option(names = "--engine", paramLabel = "NAME", description = "embedded (default) or pytorch, the user's own Python")
    String engine;

    @Option(names = "--device", paramLabel = "DEVICE", description = "cpu, cuda:N or auto (default)")
    String device;

    @Option(names = "--dtype", paramLabel = "TYPE", description = "what pytorch computes in: float32 (default) or bfloat16")
    String dtype;

    @Option(names = "--threads", paramLabel = "N", description = "threads that compute; all cores by default, or what the preferences say")
    Integer threads;

    @Option(names = "--json", description = "machine-readable events and result on standard output")
    boolean json;

    @Option(names = "--out", paramLabel = "PATH", description = "where to write the result")
    Path out;

    /// Refuses an engine or a device that is not there.
    ///
    /// @param both whether the command runs on every engine; the others compute nothing, or know the embedded one only
    void require(boolean both) {
        if (engine != null && !engine.equals(EmbeddedEngine.NAME) && !engine.equals(PythonEngine.NAME)) {
            throw Refusal.of(Category.TASK_INVALID, null, "--engine %s is unknown; engines are embedded and pytorch", engine);
        }
        if (!both && PythonEngine.NAME.equals(engine)) {
            throw Refusal.of(Category.TASK_INVALID, null, "this command does not run on the pytorch engine").help("Leave --engine out.");
        }
        if (device != null && !device.matches("auto|cpu|cuda(:\\d{1,3})?")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--device %s is unknown; a device is cpu, cuda:N or auto", device);
        }
        if (dtype != null && Arrays.stream(PythonEngine.Precision.values()).noneMatch(p -> p.name().equals(dtype))) {
            throw Refusal.of(Category.TASK_INVALID, null, "--dtype %s is unknown; known are float32 and bfloat16", dtype);
        }
        if (threads != null && (threads < 1 || threads > 1024)) {
            throw Refusal.of(Category.TASK_INVALID, null, "--threads %d: a number from 1 to 1,024 belongs here", threads);
        }
        if (engine == null || engine.equals(EmbeddedEngine.NAME)) {
            requireEmbedded();
        }
    }

    private void requireEmbedded() {
        if (device != null && device.startsWith("cuda")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--device %s: the embedded engine computes on the cpu only", device).help("Say --engine pytorch.");
        }
        if (dtype != null && !dtype.equals(PythonEngine.Precision.float32.name())) {
            throw Refusal.of(Category.TASK_INVALID, null, "--dtype %s: the embedded engine computes in float32 only", dtype).help("Say --engine pytorch.");
        }
    }

    /// The engine that was asked for.
    Engines.Choice choice() {
        return choice(EmbeddedEngine.NAME, "auto", PythonEngine.Precision.float32.name());
    }

    /// The engine that was asked for; what was not said is as given.
    Engines.Choice choice(String usualEngine, String usualDevice, String usualType) {
        return new Engines.Choice(engine == null ? usualEngine : engine, new PythonEngine.Setting(device == null ? usualDevice : device, threadCount(),
                PythonEngine.Precision.valueOf(dtype == null ? usualType : dtype)));
    }

    int threadCount() {
        return threads == null ? Engines.preferences().threads() : threads;
    }
}
