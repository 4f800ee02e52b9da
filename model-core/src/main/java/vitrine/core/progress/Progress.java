package vitrine.core.progress;

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

    /// The user wants no result any more.
    final class CancelledException extends RuntimeException {
        public CancelledException() {
            super("cancelled");
        }
    }
}
