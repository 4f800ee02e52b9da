package vitrine.app.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// Options that every subcommand takes.
final class CommonOptions {

    @Option(names = "--engine", paramLabel = "NAME", description = "embedded (default) or pytorch")
    String engine = "embedded";

    @Option(names = "--device", paramLabel = "DEVICE", description = "cpu, cuda:N or auto (default)")
    String device = "auto";

    @Option(names = "--threads", paramLabel = "N", description = "threads that compute; all cores by default")
    Integer threads;

    @Option(names = "--json", description = "machine-readable events and result on standard output")
    boolean json;

    @Option(names = "--out", paramLabel = "PATH", description = "where to write the result")
    Path out;

    /// Refuses an engine or a device that is not there.
    void require() {
        if (engine.equals("pytorch")) {
            throw Refusal.of(Category.TASK_INVALID, null, "the pytorch engine is not part of this version").help("Leave --engine out, or say embedded.");
        }
        if (!engine.equals("embedded")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--engine %s is unknown; engines are embedded and pytorch", engine);
        }
        if (!device.equals("cpu") && !device.equals("auto")) {
            throw Refusal.of(Category.TASK_INVALID, null, "--device %s: the embedded engine computes on the cpu only", device);
        }
        if (threads != null && (threads < 1 || threads > 1024)) {
            throw Refusal.of(Category.TASK_INVALID, null, "--threads %d: a number from 1 to 1,024 belongs here", threads);
        }
    }

    int threadCount() {
        return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    }
}
