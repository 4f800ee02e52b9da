package vitrine.app.program;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import vitrine.core.files.Whole;

/// Where Vitrine keeps its own files: artifacts, logs, settings.
///
/// `VITRINE_HOME` names the folder; without it the platform's place for application data is used.
///
/// @param home exists and can be written to
public record Folders(Path home) {

    private static final int PROMPTS = 50;

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
            throw new UncheckedIOException("no folder can be written to", e);
        }
    }

    public Path artifacts() {
        return home.resolve("artifacts");
    }

    /// Keeps a prompt in a file, for tasks that read their texts from files. The same prompt is the same file; of the prompts before it the latest stay.
    public Path keepPrompt(String prompt) {
        byte[] bytes = prompt.getBytes(StandardCharsets.UTF_8);
        try {
            Path folder = Files.createDirectories(home.resolve("prompts"));
            Path file = folder.resolve(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes), 0, 8) + ".txt");
            Whole.write(file, bytes);
            try (Stream<Path> all = Files.list(folder)) {
                List<Path> oldest = all.sorted(Comparator.comparingLong((Path p) -> p.toFile().lastModified()).reversed()).skip(PROMPTS).toList();
                for (Path p : oldest) {
                    Files.deleteIfExists(p);
                }
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException("the prompt cannot be kept", e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Training runs, a folder each, and their store.
    public Path runs() {
        return home.resolve("runs");
    }

    /// Vitrine's own Python environment, where one was made.
    public Path python() {
        return home.resolve("python");
    }

    public Path logs() {
        return home.resolve("logs");
    }

    /// The database of recent files and window state.
    public Path state() {
        return home.resolve("state.db");
    }
}
