package vitrine.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// One run of a command and of the processes that it started.
///
/// @param seconds from its start to its end
/// @param cpuSeconds of all its processes, user and system
/// @param peakBytes the sum of the largest resident sizes that each of its processes had (they need not have had them at once);
///        0 where the system does not tell
/// @param out its standard output
/// @param err its standard error
record Measured(double seconds, double cpuSeconds, long peakBytes, String out, String err) {

    private static final int MINUTES = 60;
    private static final long POLL_MILLIS = 15;
    /// Looking for new processes takes longer than reading those known.
    private static final int POLLS_PER_SEARCH = 8;
    private static final double TICKS_PER_SECOND = 100;

    /// Runs a command to its end.
    ///
    /// @throws IllegalStateException where it fails, with what it said
    static Measured run(List<String> command, Map<String, String> environment, Path folder) {
        return run(command, environment, folder, (line, seconds) -> {});
    }

    /// What is told of each line of standard output as it comes, with the seconds since the start.
    interface Listener {
        void line(String line, double seconds);
    }

    /// The same, with each line of standard output told as it comes.
    static Measured run(List<String> command, Map<String, String> environment, Path folder, Listener listener) {
        try {
            Path err = Files.createTempFile("vitrine-bench-", ".err");
            ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile()).redirectError(err.toFile());
            builder.environment().putAll(environment);
            long start = System.nanoTime();
            Process process = builder.start();
            process.getOutputStream().close();
            StringBuilder out = new StringBuilder();
            Thread reading = Thread.ofPlatform().daemon().name("lines").start(() -> process.inputReader(StandardCharsets.UTF_8).lines().forEach(line -> {
                listener.line(line, (System.nanoTime() - start) / 1e9);
                out.append(line).append('\n');
            }));
            Watch watch = new Watch(process.toHandle());
            Thread watching = Thread.ofPlatform().daemon().name("watch").start(watch);
            boolean ended = process.waitFor(MINUTES, TimeUnit.MINUTES);
            double seconds = (System.nanoTime() - start) / 1e9;
            if (!ended) {
                process.destroyForcibly();
            }
            watching.join();
            reading.join();
            Measured m = new Measured(seconds, watch.cpuSeconds(), watch.peakBytes(), out.toString(), take(err));
            if (!ended || process.exitValue() != 0) {
                throw new IllegalStateException(String.join(" ", command) + (ended ? " ended with " + process.exitValue() : " did not end") + "\n" + m.out + m.err);
            }
            return m;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String take(Path file) throws IOException {
        String text = Files.readString(file, StandardCharsets.UTF_8);
        Files.delete(file);
        return text;
    }

    /// Looks at a process and its descendants until it ends. Linux only: elsewhere it sees nothing.
    private static final class Watch implements Runnable {
        private final ProcessHandle root;
        private final Map<Long, Long> peaks = new HashMap<>();
        private final Map<Long, Double> cpu = new HashMap<>();

        Watch(ProcessHandle root) {
            this.root = root;
            peaks.put(root.pid(), 0L);
        }

        @Override
        public void run() {
            for (int i = 1; root.isAlive(); i++) {
                if (i % POLLS_PER_SEARCH == 0) {
                    root.descendants().forEach(p -> peaks.putIfAbsent(p.pid(), 0L));
                }
                peaks.keySet().forEach(this::look);
                try {
                    Thread.sleep(POLL_MILLIS);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }

        private void look(long pid) {
            try {
                for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
                    if (line.startsWith("VmHWM:")) {
                        peaks.merge(pid, Long.parseLong(line.replaceAll("\\D", "")) * 1024, Math::max);
                    }
                }
                String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
                String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
                cpu.put(pid, (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND);
            } catch (IOException gone) {
                // It has ended, or this is no Linux: what was seen last stays.
            }
        }

        long peakBytes() {
            return peaks.values().stream().mapToLong(Long::longValue).sum();
        }

        double cpuSeconds() {
            return cpu.values().stream().mapToDouble(Double::doubleValue).sum();
        }
    }
}
