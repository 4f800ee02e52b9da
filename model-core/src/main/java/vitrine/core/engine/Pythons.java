package vitrine.core.engine;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import vitrine.core.json.Json;

/// Finds the Pythons of a machine and asks each, in a process of its own and with a time limit, what it has.
///
/// In this order: the one that `VITRINE_PYTHON` names, Vitrine's own environment, the active virtual environment, the active conda environment, conda's
/// other environments, pyenv's, uv's, and those on the `PATH`. A Python that answers that something is missing is found all the same: its problem says what.
public final class Pythons {

    /// The environment variable that names a Python before all others.
    public static final String VARIABLE = "VITRINE_PYTHON";

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int MAX_PER_PLACE = 20;
    private static final int SIDE_BY_SIDE = 4;
    private static final boolean WINDOWS = System.getProperty("os.name").startsWith("Windows");

    private final Path library;
    private final Map<String, String> environment;
    private final Path user;
    private final Path own;
    private final Duration patience;

    /// @param library the folder, or the path into a jar, that holds the package `vitrine_engine`
    /// @param environment the environment variables to go by
    /// @param user the user's home folder
    /// @param own the folder of Vitrine's own environment, whether it is there or not
    public Pythons(Path library, Map<String, String> environment, Path user, Path own) {
        this(library, environment, user, own, PATIENCE);
    }

    Pythons(Path library, Map<String, String> environment, Path user, Path own, Duration patience) {
        this.patience = patience;
        this.library = library;
        this.environment = environment;
        this.user = user;
        this.own = own;
    }

    /// A Python that might be there.
    record Candidate(Path executable, String origin) {}

    /// All Pythons, in order; those that do not answer too.
    ///
    /// @param devices whether each is asked for its devices, for which it must load torch: that takes seconds
    public List<PythonInstallation> all(boolean devices) {
        List<Candidate> candidates = candidates();
        ExecutorService probes = Executors.newFixedThreadPool(SIDE_BY_SIDE, Thread.ofPlatform().daemon().name("python-probe").factory());
        try {
            List<Future<PythonInstallation>> asked = candidates.stream().map(c -> probes.submit(() -> ask(c, devices))).toList();
            List<PythonInstallation> found = new ArrayList<>();
            for (Future<PythonInstallation> f : asked) {
                found.add(f.get());
            }
            return found;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return List.of();
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException("a probe answers whatever happens", e);
        } finally {
            probes.shutdownNow();
        }
    }

    /// The first Python that has what the engine needs; its devices are not asked for, since that takes seconds. Where `VITRINE_PYTHON` names one, that
    /// one and no other.
    ///
    /// @return or the first that has not, whose problem says why; nothing where there is no Python at all
    public Optional<PythonInstallation> best() {
        PythonInstallation first = null;
        for (Candidate c : candidates()) {
            PythonInstallation p = ask(c, false);
            if (p.usable() || c.origin.equals(VARIABLE)) {
                return Optional.of(p);
            }
            first = first == null ? p : first;
        }
        return Optional.ofNullable(first);
    }

    /// The one of several that the engine runs in: the first that has what it needs, or the one that was named, whatever it has.
    ///
    /// @param all in the order of [#all]
    /// @return nothing where none has what it needs and none was named
    public static Optional<PythonInstallation> chosen(List<PythonInstallation> all) {
        return all.stream().filter(p -> p.usable() || p.origin().equals(VARIABLE)).findFirst();
    }

    /// Why the engine can run in none of several, a sentence without its full stop; empty where it can.
    public static Optional<String> lack(List<PythonInstallation> all) {
        Optional<PythonInstallation> chosen = chosen(all);
        if (chosen.isPresent() && chosen.get().usable()) {
            return Optional.empty();
        }
        return Optional.of(all.isEmpty() ? "no Python was found" : chosen.map(p -> "the Python of VITRINE_PYTHON or of the preferences: " + p.problem()).orElse("no Python has what it needs"));
    }

    // --- where they may be

    List<Candidate> candidates() {
        Map<Path, Candidate> found = new LinkedHashMap<>();
        String named = environment.get(VARIABLE);
        if (named != null && !named.isBlank()) {
            // Also where nothing is there: whoever named it wants to know.
            Path path = Path.of(named).toAbsolutePath().normalize();
            found.put(path, new Candidate(Files.isDirectory(path) ? inside(path) : path, VARIABLE));
        }
        add(found, inside(own), "Vitrine's own environment");
        folder("VIRTUAL_ENV").ifPresent(f -> add(found, inside(f), "active virtual environment"));
        folder("CONDA_PREFIX").ifPresent(f -> add(found, conda(f), "active conda environment"));
        for (Path f : lines(user.resolve(".conda").resolve("environments.txt"))) {
            add(found, conda(f), "conda environment " + f.getFileName());
        }
        for (Path f : children(folder("PYENV_ROOT").orElse(user.resolve(".pyenv")).resolve("versions"))) {
            add(found, inside(f), "pyenv " + f.getFileName());
        }
        Path data = folder("XDG_DATA_HOME").orElse(user.resolve(".local").resolve("share"));
        for (Path f : children(folder("UV_PYTHON_INSTALL_DIR").orElse(data.resolve("uv").resolve("python")))) {
            add(found, WINDOWS ? f.resolve("python.exe") : inside(f), "uv " + f.getFileName());
        }
        for (String part : environment.getOrDefault("PATH", "").split(java.io.File.pathSeparator)) {
            if (!part.isBlank() && Path.of(part).isAbsolute()) {
                Path folder = Path.of(part).normalize();
                Stream.of(WINDOWS ? new String[] {"python.exe"} : new String[] {"python3", "python"}).map(folder::resolve).filter(Files::isExecutable).findFirst()
                        .ifPresent(p -> add(found, p, "PATH"));
            }
        }
        return List.copyOf(found.values());
    }

    private static void add(Map<Path, Candidate> found, Path executable, String origin) {
        Path path = executable.toAbsolutePath().normalize();
        if (Files.isExecutable(path) && !Files.isDirectory(path)) {
            found.putIfAbsent(path, new Candidate(path, origin));
        }
    }

    /// The Python of a virtual environment or an installation.
    static Path inside(Path folder) {
        Path plain = WINDOWS ? folder.resolve("Scripts").resolve("python.exe") : folder.resolve("bin").resolve("python");
        Path third = folder.resolve("bin").resolve("python3");
        return !WINDOWS && !Files.exists(plain) && Files.exists(third) ? third : plain;
    }

    private static Path conda(Path folder) {
        return WINDOWS ? folder.resolve("python.exe") : inside(folder);
    }

    private Optional<Path> folder(String variable) {
        String value = environment.get(variable);
        return value == null || value.isBlank() ? Optional.empty() : Optional.of(Path.of(value));
    }

    private static List<Path> children(Path folder) {
        try (Stream<Path> list = Files.list(folder)) {
            return list.filter(Files::isDirectory).sorted(java.util.Comparator.reverseOrder()).limit(MAX_PER_PLACE).toList();
        } catch (IOException e) {
            // Not there, or not for us: no Pythons there.
            return List.of();
        }
    }

    private static List<Path> lines(Path file) {
        try (Stream<String> list = Files.lines(file, StandardCharsets.UTF_8)) {
            return list.map(String::strip).filter(l -> !l.isEmpty()).limit(MAX_PER_PLACE).map(Path::of).toList();
        } catch (IOException | java.io.UncheckedIOException e) {
            return List.of();
        }
    }

    // --- what they have

    /// Asks a Python; whatever it does, there is an answer.
    PythonInstallation ask(Candidate c, boolean devices) {
        List<String> command = new ArrayList<>(List.of(c.executable.toString(), "-m", "vitrine_engine.probe"));
        if (!devices) {
            command.add("--quick");
        }
        try {
            Program.Ended ended = new Program(command, WorkerCommand.pythonEnvironment(library), c.executable.getParent()).run(patience, l -> {});
            JsonNode answer = ended.output().isEmpty() ? null : json(ended.output().getLast());
            if (answer == null || !answer.path("python").isTextual()) {
                return silent(c, ended.exit() < 0 ? "did not answer within " + patience.toSeconds() + " s"
                        : ended.lastError().isEmpty() ? "ended with exit code " + ended.exit() : firstWords(ended.lastError()));
            }
            Map<String, String> packages = new LinkedHashMap<>();
            answer.path("packages").properties().forEach(e -> packages.put(e.getKey(), e.getValue().asText()));
            List<PythonInstallation.Device> found = new ArrayList<>();
            answer.path("devices").forEach(d -> found.add(new PythonInstallation.Device(d.path("name").asText(), d.path("description").asText(), d.path("memory_bytes").asLong(),
                    d.path("free_bytes").asLong())));
            return new PythonInstallation(c.executable, c.origin, library, answer.path("python").asText(), packages, found, answer.path("problem").asText(null));
        } catch (IOException e) {
            return silent(c, "cannot be started (" + Json.reason(e) + ")");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return silent(c, "was not asked to the end");
        }
    }

    private static JsonNode json(String line) {
        try {
            return Json.mapper().readTree(line);
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    private PythonInstallation silent(Candidate c, String problem) {
        return new PythonInstallation(c.executable, c.origin, library, "", Map.of(), List.of(), problem);
    }

    private static String firstWords(String line) {
        String one = line.strip().replaceAll("\\s+", " ");
        return one.length() <= 200 ? one : String.format(Locale.ROOT, "%.199s…", one);
    }
}
