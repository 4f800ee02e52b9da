package vitrine.app.program;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Where Vitrine keeps its own files: artifacts, logs, settings.
///
/// `VITRINE_HOME` names the folder; without it the platform's place for application data is used.
///
/// @param home exists and can be written to
public record Folders(Path home) {

    /// The folder from the environment, made where it is missing; a temporary one where it cannot be made.
    public static Folders locate() {
        Path wanted = wanted();
        try {
            Files.createDirectories(wanted);
            if (Files.isWritable(wanted)) {
                return new Folders(wanted);
            }
        } catch (IOException unwritable) {
            // Fall through: a read-only home is no reason not to run.
        }
        return new Folders(temporary());
    }

    private static Path wanted() {
        String set = System.getProperty("vitrine.home", System.getenv("VITRINE_HOME"));
        if (set != null && !set.isBlank()) {
            return Path.of(set);
        }
        String user = System.getProperty("user.home");
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        if (os.contains("win")) {
            String local = System.getenv("LOCALAPPDATA");
            return Path.of(local == null ? user : local, "Vitrine");
        }
        if (os.contains("mac")) {
            return Path.of(user, "Library", "Application Support", "Vitrine");
        }
        String data = System.getenv("XDG_DATA_HOME");
        return data == null || data.isBlank() ? Path.of(user, ".local", "share", "vitrine") : Path.of(data, "vitrine");
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory("vitrine-");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException("no folder can be written to", e);
        }
    }

    public Path artifacts() {
        return home.resolve("artifacts");
    }

    /// Training runs, a folder each, and their store.
    public Path runs() {
        return home.resolve("runs");
    }

    public Path logs() {
        return home.resolve("logs");
    }

    /// The database of recent files and window state.
    public Path state() {
        return home.resolve("state.db");
    }
}
