package vitrine.core.engine;

import java.util.function.LongSupplier;

/// How long nothing was heard of a worker, not counting time in which nobody listened.
///
/// A program that is stopped (Ctrl-Z) or asleep with its machine hears nothing, and its worker, stopped with it, says nothing; neither is stuck when both go
/// on. So the listener says at short intervals that it is there, and a gap between two of these counts as no time at all.
final class Silence {

    /// Between two signs of the listener more than this is a gap. A busy machine is slow, not deaf.
    private static final long GAP_NANOS = 5_000_000_000L;

    private final LongSupplier clock;
    private long heard;
    private long listened;
    private long missed;

    /// @param clock nanoseconds from any origin
    Silence(LongSupplier clock) {
        this.clock = clock;
        begin();
    }

    /// Nothing is counted from before.
    synchronized void begin() {
        listened = clock.getAsLong();
        heard = listened - missed;
    }

    /// Something was heard just now.
    synchronized void heard() {
        heard = time();
    }

    /// Nanoseconds by a clock that stands still while nobody listens.
    synchronized long time() {
        long now = clock.getAsLong();
        if (now - listened > GAP_NANOS) {
            missed += now - listened;
        }
        listened = now;
        return now - missed;
    }

    /// The listener is there.
    ///
    /// @return nanoseconds since something was heard
    synchronized long nanos() {
        return time() - heard;
    }
}
