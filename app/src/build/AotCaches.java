import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// The AOT caches of the runnable folder: what the JVM learnt in a training run, so that later runs start with it.
///
/// | file | main class | made by |
/// |---|---|---|
/// | `lib/vitrine.aot` | `vitrine.app.Main` | the folder's own command, which runs `vitrine.app.Training` |
/// | `lib/worker.aot` | `vitrine.app.worker.WorkerMain` | that training, in a process of its own |
///
/// A cache holds for one runtime and for one list of jars with their sizes and times; the JVM checks that and goes on without
/// a cache that does not fit. So a cache that is out of date costs time, never a wrong result; [#remove] spares even that.
///
/// Source: JEP 483 (ahead-of-time class loading and linking), JEP 514 (one-step creation), JEP 515 (method profiles).
final class AotCaches {

    static final List<String> NAMES = List.of("vitrine.aot", "worker.aot");
    private static final int MINUTES = 5;

    private final Path image;

    AotCaches(Path image) {
        this.image = image;
    }

    void remove() throws IOException {
        for (String name : NAMES) {
            Files.deleteIfExists(image.resolve("lib").resolve(name));
        }
    }

    /// Makes both caches, unless both are there. Where that fails the program runs without them, only starts later: that is said, and the
    /// build goes on.
    void makeMissing(Path checkpoint) throws IOException, InterruptedException {
        if (NAMES.stream().allMatch(n -> Files.exists(image.resolve("lib").resolve(n)))) {
            return;
        }
        remove();
        long started = System.nanoTime();
        Path log = image.resolveSibling("aot.log");
        boolean windows = System.getProperty("os.name").startsWith("Windows");
        ProcessBuilder training = new ProcessBuilder(image.resolve("bin").resolve(windows ? "vitrine.bat" : "vitrine").toString())
                .redirectErrorStream(true).redirectOutput(log.toFile());
        training.environment().putAll(Map.of("VITRINE_JAVA_OPTIONS",
                "-XX:AOTCacheOutput=" + image.resolve("lib/vitrine.aot") + " -Dvitrine.train=" + checkpoint.toAbsolutePath()));
        Process process = training.start();
        boolean ended = process.waitFor(MINUTES, TimeUnit.MINUTES);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        boolean made = ended && process.exitValue() == 0 && NAMES.stream().allMatch(n -> Files.exists(image.resolve("lib").resolve(n)));
        if (!made) {
            remove();
            System.out.printf("*** BUILT WITHOUT AOT CACHES: Vitrine starts about half a second later. The training %s; %s has its words.%n",
                    ended ? "ended with " + process.exitValue() : "did not end within " + MINUTES + " minutes", log);
            return;
        }
        System.out.printf("AOT caches made in %.0f s%n", (System.nanoTime() - started) / 1e9);
    }
}
