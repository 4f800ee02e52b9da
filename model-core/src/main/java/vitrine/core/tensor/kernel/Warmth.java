package vitrine.core.tensor.kernel;

import java.util.concurrent.atomic.AtomicLong;

/// Decides when a step is worth its vector form: after it has seen so many values that compiling that form will pay.
///
/// Before the JVM has compiled a vector loop, which takes thousands of rounds, each vector operation costs about a
/// microsecond: more than a whole row of a small model in the plain form.
final class Warmth {

    /// Values that a step computes plainly first: about as long as the vector form takes to be compiled.
    private static final long PLAIN_VALUES = Long.getLong("vitrine.plain.values", 64_000_000);

    private final AtomicLong seen = new AtomicLong();

    /// Whether the next `values` values should be computed on the vector units.
    boolean takesVectors(long values) {
        return seen.addAndGet(values) > PLAIN_VALUES;
    }
}
