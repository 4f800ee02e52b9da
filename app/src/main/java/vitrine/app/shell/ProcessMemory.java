package vitrine.app.shell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import vitrine.views.chart.Numbers;

/// The memory that the window and its worker hold. Where the system tells it (Linux), it is what both have resident; elsewhere the
/// window's own Java heap.
///
/// @param workerPid the worker's process, while one runs
record ProcessMemory(Supplier<Optional<Long>> workerPid) {

    private static final long KIBI = 1024;

    long bytes() {
        return window() + worker();
    }

    String tooltip() {
        return "Window " + Numbers.bytes(window()) + (worker() > 0 ? "\nWorker " + Numbers.bytes(worker()) + ", mapped weights included" : "\nNo worker runs.");
    }

    private long window() {
        long resident = resident(ProcessHandle.current().pid());
        return resident > 0 ? resident : Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private long worker() {
        return workerPid.get().map(ProcessMemory::resident).orElse(0L);
    }

    /// Resident bytes of a process, 0 where the system does not tell.
    private static long resident(long pid) {
        Path status = Path.of("/proc/" + pid + "/status");
        try {
            return Files.readAllLines(status).stream().filter(l -> l.startsWith("VmRSS:")).findFirst()
                    .map(l -> Long.parseLong(l.replaceAll("\\D", "")) * KIBI).orElse(0L);
        } catch (IOException notLinux) {
            return 0;
        }
    }
}
