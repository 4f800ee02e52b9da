package vitrine.app.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// What a worker takes of the machine, looked at about once a second: cheap, and beside the training.
///
/// Memory is what Linux has resident, mapped weights included; where the system does not tell, there is no figure.
final class WorkerMeter {

    private static final long EVERY_NANOS = 1_000_000_000;
    private static final long KIBI = 1024;

    private final Supplier<Optional<Long>> pid;
    private long looked = System.nanoTime();
    private Duration spent;

    WorkerMeter(Supplier<Optional<Long>> pid) {
        this.pid = pid;
    }

    /// Adds `worker_memory_bytes` and `cpu_percent` (of one core: two busy threads are 200) where it is time to.
    void read(Map<String, Double> row) {
        long now = System.nanoTime();
        Optional<ProcessHandle> worker = now - looked < EVERY_NANOS ? Optional.empty() : pid.get().flatMap(ProcessHandle::of);
        if (worker.isEmpty()) {
            return;
        }
        Optional<Duration> cpu = worker.get().info().totalCpuDuration();
        if (cpu.isPresent() && spent != null) {
            row.put("cpu_percent", 100.0 * cpu.get().minus(spent).toNanos() / (now - looked));
        }
        spent = cpu.orElse(null);
        looked = now;
        long resident = resident(worker.get().pid());
        if (resident > 0) {
            row.put("worker_memory_bytes", (double) resident);
        }
    }

    private static long resident(long process) {
        try {
            return Files.readAllLines(Path.of("/proc/" + process + "/status")).stream().filter(l -> l.startsWith("VmRSS:")).findFirst()
                    .map(l -> Long.parseLong(l.replaceAll("\\D", "")) * KIBI).orElse(0L);
        } catch (IOException notLinux) {
            return 0;
        }
    }
}
