package vitrine.core.task;

import java.nio.file.Path;

/// Where a training run lives, beside its result: `steps/` holds saved steps, and a file `stop` asks the run to save its state and end.
public record RunFolder(Path folder) {

    /// The folder of the run whose result is to be at `result`.
    public static RunFolder of(Path result) {
        return new RunFolder(result.toAbsolutePath().getParent());
    }

    /// Where the result is, once it is there.
    public Path result() {
        return folder.resolve("result");
    }

    public Path steps() {
        return folder.resolve("steps");
    }

    public Path stop() {
        return folder.resolve("stop");
    }
}
