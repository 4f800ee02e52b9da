package vitrine.core.testing;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Path;
import java.util.Locale;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;

/// Opens one checkpoint in a JVM of its own, as the first thing that it does, and says how long that took and how much heap.
public final class OpenOnce {

    private OpenOnce() {}

    /// Prints `tensors=N bytes=N open=SECONDS anatomy=SECONDS heap=MIB`: seconds of each step, and the sum of the largest sizes that the
    /// heap's pools have had, garbage included.
    public static void main(String[] args) {
        long start = System.nanoTime();
        Checkpoint checkpoint = Checkpoints.open(Path.of(args[0]));
        long opened = System.nanoTime();
        Anatomy anatomy = Anatomy.of(checkpoint);
        long known = System.nanoTime();
        long heap = ManagementFactory.getMemoryPoolMXBeans().stream().filter(p -> p.getType() == MemoryType.HEAP)
                .map(MemoryPoolMXBean::getPeakUsage).mapToLong(java.lang.management.MemoryUsage::getUsed).sum();
        System.out.printf(Locale.ROOT, "tensors=%d bytes=%d open=%.3f anatomy=%.3f heap=%d%n", anatomy.tensors().size(), checkpoint.tensorBytes(),
                (opened - start) / 1e9, (known - opened) / 1e9, heap >> 20);
    }
}
