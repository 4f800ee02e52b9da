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
import java.util.Optional;
import java.util.stream.Stream;
import vitrine.app.preferences.PreferencesFile;
import vitrine.core.files.Whole;

/// Where Vitrine keeps its own files: artifacts, logs, settings.
///
/// `VITRINE_HOME` names the folder; without it the one that the preferences name; without that the platform's place for application data. The
/// preferences themselves lie in the first of `VITRINE_HOME` and the platform's place, so that they are found before they are read.
///
/// @param home exists and can be written to
/// @param preferences the file of the user's preferences, which need not be there
public record Folders(Path home, Path preferences) {

    /// The environment variable that names the folder before all else.
    public static final String VARIABLE = "VITRINE_HOME";

    private static final int PROMPTS = 50;

    /// Everything in one folder.
    public Folders(Path home) {
        this(home, home.resolve(PreferencesFile.NAME));
    }

    /// The folder from the environment or the preferences, made where it is missing; a temporary one where it cannot be made.
    public static Folders locate() {
        Optional<Path> named = named();
        Path place = named.orElseGet(Folders::ofPlatform);
        Path preferences = place.resolve(PreferencesFile.NAME);
        // Who names a folder for this process means it.
        Optional<Path> preferred = named.isPresent() ? Optional.empty() : new PreferencesFile(preferences).read().dataFolder();
        for (Path folder : preferred.map(p -> List.of(p, place)).orElse(List.of(place))) {
            if (writable(folder)) {
                return new Folders(folder, preferences);
            }
        }
        return new Folders(temporary());
    }

    /// Whether files can be written into a folder, which is made where it is missing.
    private static boolean writable(Path folder) {
        try {
            Files.createDirectories(folder);
            return Files.isWritable(folder);
        } catch (IOException unwritable) {
            // A read-only home is no reason not to run.
            return false;
        }
    }

    /// The folder that the environment names, if it names one; the preferences can then not move it.
    public static Optional<Path> named() {
        String set = System.getProperty("vitrine.home", System.getenv(VARIABLE));
        return set == null || set.isBlank() ? Optional.empty() : Optional.of(Path.of(set));
    }

    private static Path ofPlatform() {
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
