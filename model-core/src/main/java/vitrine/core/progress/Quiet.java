package vitrine.core.progress;

/// Cancels like the progress behind it, and leaves counting to the caller.
public record Quiet(Progress behind) implements Progress {
    @Override
    public void step(long done, long total, String unit) {}

    @Override
    public void checkCancelled() {
        behind.checkCancelled();
    }
}
