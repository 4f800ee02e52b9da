package vitrine.core.tensor.kernel;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import vitrine.core.tensor.Matrix;

/// Decides when a step takes its vector form: after it has seen so many values that compiling that form will pay, and once it
/// has been compiled.
///
/// Before the JVM has compiled a vector loop, which takes thousands of rounds and a second of the compiler's time, each vector
/// operation costs about a microsecond: more than a whole row of a small model in the plain form. So the vector form is practised
/// on rows of zeros in a thread of its own, while the work goes on in the plain form. A single prompt of a small model never
/// gets that far, and a long run hardly notices. A process that waits for its next task practises earlier ([#practiseWhatWasUsed]).
public final class Warmth {

    /// Values that a step computes plainly first: about as long as compiling the vector form takes.
    private static final long PLAIN_VALUES = Long.getLong("vitrine.plain.values", 200_000_000);
    /// A vector form that takes no longer than this for one value has been compiled: the plain forms take about as long, those that are
    /// not compiled a hundred times as long.
    private static final double COMPILED_NANOS = 3;
    /// As many rounds in a row must be fast.
    private static final int FAST_ROUNDS = 50;
    /// Values after which a step is practised where nothing else is to be done: a step that is hardly used is not worth it.
    private static final long USED_VALUES = Math.min(PLAIN_VALUES, 5_000_000);
    private static final long PATIENCE_NANOS = 20_000_000_000L;
    private static final int ROWS = 4;

    private static final ExecutorService PRACTICE = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("practice").priority(Thread.MIN_PRIORITY).factory());

    private static final List<Warmth> ALL = new CopyOnWriteArrayList<>();

    private record Practice(int columns, Consumer<Matrix> vectors) {}

    private final AtomicLong seen = new AtomicLong();
    private final AtomicBoolean begun = new AtomicBoolean();
    private volatile Practice latest;
    private volatile boolean compiled;

    Warmth() {
        ALL.add(this);
    }

    /// Practises the vector forms of all steps that work has been done with, in the background: for when a process is idle.
    public static void practiseWhatWasUsed() {
        for (Warmth w : ALL) {
            if (w.seen.get() > USED_VALUES) {
                w.begin();
            }
        }
    }

    /// Whether the next values, those of `x`, should be computed on the vector units.
    ///
    /// @param vectors the vector form, for a few rows as long as those of `x`; it must not use other memory, which may be gone by then
    boolean takesVectors(Matrix x, Consumer<Matrix> vectors) {
        return takesVectors(x.size(), x.columns(), vectors);
    }

    /// Whether the next `values` values should be computed on the vector units; practice is on rows of `columns`.
    boolean takesVectors(long values, int columns, Consumer<Matrix> vectors) {
        if (compiled) {
            return true;
        }
        latest = new Practice(columns, vectors);
        if (seen.addAndGet(values) > PLAIN_VALUES) {
            begin();
        }
        return false;
    }

    private void begin() {
        if (begun.compareAndSet(false, true)) {
            Practice practice = latest;
            PRACTICE.execute(() -> practise(practice.columns, practice.vectors));
        }
    }

    private void practise(int columns, Consumer<Matrix> vectors) {
        // Of the kind that the forward pass uses: code compiled for another kind would be thrown away at the first real call.
        try (Arena arena = Arena.ofShared()) {
            Matrix rows = Matrix.allocate(arena, ROWS, columns);
            long start = System.nanoTime();
            int fast = 0;
            while (fast < FAST_ROUNDS && System.nanoTime() - start < PATIENCE_NANOS) {
                long round = System.nanoTime();
                vectors.accept(rows);
                fast = System.nanoTime() - round < COMPILED_NANOS * rows.size() ? fast + 1 : 0;
            }
        }
        compiled = true;
    }
}
