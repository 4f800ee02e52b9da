package vitrine.core.tensor.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Shares a loop among the threads of this process.
public final class Parallel {

    /// How many threads share a loop; all the CPU's by default.
    public static final String THREADS_PROPERTY = "vitrine.threads";

    private static final int THREADS = Integer.getInteger(THREADS_PROPERTY, Runtime.getRuntime().availableProcessors());
    private static final ExecutorService POOL = Executors.newFixedThreadPool(Math.max(1, THREADS - 1),
            Thread.ofPlatform().daemon().name("kernel-", 0).factory());

    private Parallel() {}

    /// A part of a loop, from `from` to before `to`.
    @FunctionalInterface
    public interface Range {
        void run(int from, int to);
    }

    /// The number of threads that share a loop.
    public static int threads() {
        return THREADS;
    }

    /// Runs `body` over `[0, count)`, in parts of at least `least` when that pays; returns when all parts are done.
    public static void over(int count, int least, Range body) {
        int parts = Math.min(THREADS, Math.max(1, count / Math.max(1, least)));
        if (parts == 1) {
            body.run(0, count);
            return;
        }
        List<Future<?>> others = new ArrayList<>(parts - 1);
        for (int p = 1; p < parts; p++) {
            int from = (int) ((long) count * p / parts);
            int to = (int) ((long) count * (p + 1) / parts);
            others.add(POOL.submit(() -> body.run(from, to)));
        }
        try {
            body.run(0, (int) ((long) count / parts));
        } finally {
            for (Future<?> other : others) {
                join(other);
            }
        }
    }

    private static void join(Future<?> part) {
        try {
            part.get();
        } catch (InterruptedException e) {
            // A part still works on shared memory: wait for it before anyone may free that memory.
            Thread.currentThread().interrupt();
            awaitUninterrupted(part);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        }
    }

    private static void awaitUninterrupted(Future<?> part) {
        while (!part.isDone()) {
            Thread.onSpinWait();
        }
    }
}
