package vitrine.app.state;

import java.nio.file.Path;
import java.time.Instant;

/// Something that was opened before.
///
/// @param what what it was, such as `Llama checkpoint`
/// @param facts such as `260,032 parameters`
/// @param bytes size of its files
public record RecentItem(Path path, Kind kind, String name, String what, String facts, long bytes, Instant opened) {

    /// Where an item belongs in the navigator.
    public enum Kind {
        CHECKPOINT, ADAPTER, TEXT
    }

    /// The same, opened at another time.
    public RecentItem at(Instant when) {
        return new RecentItem(path, kind, name, what, facts, bytes, when);
    }
}
