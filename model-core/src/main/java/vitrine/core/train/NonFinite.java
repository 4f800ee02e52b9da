package vitrine.core.train;

/// A run whose numbers are no numbers any more.
public final class NonFinite extends RuntimeException {
    private final long step;

    NonFinite(long step, String message) {
        super(message);
        this.step = step;
    }

    /// The step, counted from 1.
    public long step() {
        return step;
    }
}
