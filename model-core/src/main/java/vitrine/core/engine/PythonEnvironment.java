package vitrine.core.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import vitrine.core.files.Whole;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Vitrine's own Python environment: a virtual environment with what the `pytorch` engine needs, made on request. Making it is the only thing that uses
/// the network, by pip and from the index that pip is configured with.
public final class PythonEnvironment {

    /// What is installed.
    public static final List<String> PACKAGES = List.of("torch", "transformers", "peft", "safetensors", "tokenizers", "numpy");

    private static final Duration PATIENCE = Duration.ofHours(2);

    private PythonEnvironment() {}

    /// Makes the environment anew.
    ///
    /// @param base the Python that it is made with; 3.10 or newer, with the module venv
    /// @param folder where; what is there is replaced only where it is an environment of ours or nothing
    /// @param line told what pip says
    /// @throws Refusal where it cannot be made; nothing is left then
    public static void make(Path base, Path folder, Consumer<String> line) throws IOException {
        if (Files.exists(folder) && !Files.exists(folder.resolve("pyvenv.cfg"))) {
            throw Refusal.of(Category.TASK_INVALID, folder, "there is something here that is no Python environment").help("Move it away.");
        }
        Whole.delete(folder);
        boolean made = false;
        try {
            run(List.of(base.toString(), "-m", "venv", folder.toString()), folder, line);
            List<String> install = new java.util.ArrayList<>(List.of(Pythons.inside(folder).toString(), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
                    "--progress-bar", "off"));
            install.addAll(PACKAGES);
            run(install, folder, line);
            made = true;
        } finally {
            if (!made) {
                Whole.delete(folder);
            }
        }
    }

    private static void run(List<String> command, Path folder, Consumer<String> line) throws IOException {
        try {
            Program.Ended ended = new Program(command, Map.of("PYTHONUTF8", "1", "PYTHONUNBUFFERED", "1"), null).run(PATIENCE, line);
            if (ended.exit() != 0) {
                String why = ended.lastError().isEmpty() && !ended.output().isEmpty() ? ended.output().getLast() : ended.lastError();
                throw Refusal.of(Category.UNREADABLE, folder, "the environment could not be made (%s)", why.strip())
                        .help("pip goes by its own configuration and environment (PIP_INDEX_URL).");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
