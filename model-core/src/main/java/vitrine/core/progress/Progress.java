package vitrine.core.progress;

import java.nio.file.Path;

/// Told by long work in its outer loops. The work knows no threads, no window and no protocol.
public interface Progress {

    /// Work that nobody watches.
    Progress NONE = (done, total, unit) -> {};

    /// `done` of `total` are finished, counted in the unit that the user thinks in: layers, tokens, tensors.
    void step(long done, long total, String unit);

    /// Ends the work if its user has cancelled it.
    ///
    /// @throws CancelledException where that is so
    default void checkCancelled() {}

    /// Figures of a step of a run, counted from 1; step 0 is what was measured before the first.
    default void figures(long step, java.util.Map<String, Double> values) {}

    /// Says that native code begins to work on a file that came from elsewhere: should it end the process or take longer than
    /// `seconds`, the file is to blame. What is said ends with [#safe].
    default void risky(Path file, int seconds) {}

    /// What [#risky] announced is over.
    default void safe() {}

    /// The user wants no result any more.
    final class CancelledException extends RuntimeException {
        public CancelledException() {
            super("cancelled");
        }
    }
}
