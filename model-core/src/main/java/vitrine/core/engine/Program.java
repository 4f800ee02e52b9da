package vitrine.core.engine;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// A program that is run to its end: a Python that is asked what it has, or pip.
///
/// @param command program and arguments
/// @param environment added to this process's own
/// @param folder where it runs, or null for where this process does
record Program(List<String> command, Map<String, String> environment, Path folder) {

    private static final int KEPT_LINES = 20;

    /// How it ended.
    ///
    /// @param exit its exit code, -1 where it was ended because it took too long
    /// @param output the last lines of standard output, and those of standard error
    record Ended(int exit, List<String> output, List<String> errors) {
        String lastError() {
            return errors.isEmpty() ? "" : errors.getLast();
        }
    }

    /// Runs it, and tells every line of standard output as it comes.
    ///
    /// @param patience after which it is ended by force
    Ended run(Duration patience, Consumer<String> line) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        if (folder != null) {
            builder.directory(folder.toFile());
        }
        Process process = builder.start();
        process.getOutputStream().close();
        Deque<String> output = new ArrayDeque<>();
        Deque<String> errors = new ArrayDeque<>();
        Thread out = reader(process.inputReader(StandardCharsets.UTF_8), output, line);
        Thread err = reader(new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8)), errors, l -> {});
        boolean ended = false;
        try {
            ended = process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS);
        } finally {
            if (!ended) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        }
        out.join(2000);
        err.join(2000);
        synchronized (output) {
            synchronized (errors) {
                return new Ended(ended ? process.exitValue() : -1, List.copyOf(output), List.copyOf(errors));
            }
        }
    }

    private static Thread reader(BufferedReader from, Deque<String> kept, Consumer<String> line) {
        return Thread.ofPlatform().daemon().name("program-output").start(() -> {
            try (from) {
                for (String l = from.readLine(); l != null; l = from.readLine()) {
                    synchronized (kept) {
                        kept.add(l);
                        if (kept.size() > KEPT_LINES) {
                            kept.removeFirst();
                        }
                    }
                    line.accept(l);
                }
            } catch (IOException e) {
                // The stream ends with its process: what was said is there.
            }
        });
    }
}
