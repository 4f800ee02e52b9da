package vitrine.core.engine;

import vitrine.core.artifact.ArtifactStore;

/// The engine of a Python that the user has: its worker is the package `vitrine_engine` on torch, transformers and peft.
public final class PythonEngine extends WorkerEngine {

    /// Its public name.
    public static final String NAME = "pytorch";
    /// The version of the Python package: results of another version are not taken from the cache.
    public static final String VERSION = "1";

    /// What the model computes in.
    public enum Precision {
        float32,
        /// Half the memory, and on many devices a multiple of the speed; figures then agree to two or three digits.
        bfloat16
    }

    /// With what an engine computes.
    ///
    /// @param device `cpu`, `cuda:N` or `auto`
    /// @param threads on the CPU
    public record Setting(String device, int threads, Precision precision) {}

    public PythonEngine(ArtifactStore store, PythonInstallation python, Setting setting) {
        super(NAME, NAME + " " + VERSION + " " + setting.precision + " " + setting.device, store,
                WorkerCommand.python(python, setting), WorkerProcess.Patience.NORMAL);
    }
}
