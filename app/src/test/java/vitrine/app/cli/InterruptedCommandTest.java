package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A command that is stopped leaves no worker behind and nothing half written.
@Timeout(120)
class InterruptedCommandTest {

    private static final Path MODEL = Path.of("../model-core/src/test/resources/reference/llama-gqa").toAbsolutePath().normalize();
    /// Orphans are gone after this at the latest.
    private static final int SECONDS = 10;

    @TempDir
    Path folder;

    /// The command as a process of its own, with its data in `folder`.
    static Process start(Path folder, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Dvitrine.home=" + folder.resolve("home")));
        for (String property : List.of("vitrine.natives", "java.library.path", "DJL_CACHE_DIR")) {
            if (System.getProperty(property) != null) {
                command.add("-D" + property + "=" + System.getProperty(property));
            }
        }
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), "vitrine.app.Main"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectError(folder.resolve("stderr").toFile()).start();
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143", "KILL, 137"})
    void leavesNothingBehind(String signal, int exit) throws IOException, InterruptedException {
        Assumptions.assumeFalse(System.getProperty("os.name").startsWith("Windows"), "signals are a matter of Unix");
        String line = "{\"input_ids\": [" + "5, 6, 7, 8, ".repeat(31) + "9]}\n";
        Path data = Files.writeString(folder.resolve("data.jsonl"), line.repeat(20_000));
        Path out = folder.resolve("heads.safetensors");
        Process command = start(folder, "heads", MODEL.toString(), "--data", data.toString(), "--out", out.toString(), "--json");
        BufferedReader events = new BufferedReader(new InputStreamReader(command.getInputStream(), StandardCharsets.UTF_8));
        String event = events.readLine();
        while (event != null && !event.matches(".*\"done\":[1-9].*")) {
            event = events.readLine();
        }
        assertTrue(event != null, () -> "it ended too soon: " + read(folder.resolve("stderr")));
        List<ProcessHandle> workers = command.descendants().toList();
        assertFalse(workers.isEmpty());
        assertEquals(0, new ProcessBuilder("kill", "-" + signal, String.valueOf(command.pid())).start().waitFor());
        assertTrue(command.waitFor(SECONDS, TimeUnit.SECONDS));
        assertEquals(exit, command.exitValue());
        for (ProcessHandle worker : workers) {
            for (int i = 0; i < 10 * SECONDS && worker.isAlive(); i++) {
                Thread.sleep(100);
            }
            assertFalse(worker.isAlive(), "the worker lives on");
        }
        assertFalse(Files.exists(out));
        if (!signal.equals("KILL")) {
            // Nobody can tidy up after SIGKILL; the next start does.
            try (Stream<Path> left = Files.list(folder.resolve("home/artifacts"))) {
                assertEquals(List.of(), left.toList());
            }
            assertEquals(0, Invocation.of(folder, "engines", "--quick").exit());
        } else {
            Path tiny = Files.writeString(folder.resolve("tiny.jsonl"), "{\"input_ids\": [5, 6, 7]}");
            assertEquals(0, Invocation.of(folder, "heads", MODEL.toString(), "--data", tiny.toString()).exit());
            try (Stream<Path> left = Files.list(folder.resolve("home/artifacts"))) {
                assertEquals(0, left.filter(p -> p.getFileName().toString().endsWith(".partial")).count(), "the next start removes leftovers");
            }
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
