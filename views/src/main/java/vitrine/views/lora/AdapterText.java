package vitrine.views.lora;

import java.nio.file.Path;
import vitrine.core.refusal.Visible;

/// A text over which losses can be measured.
///
/// @param name on screen, and of its curve
/// @param path a text file or JSONL
public record AdapterText(String name, Path path) {

    /// A text's name without the ending that says only that it is one, safe to show.
    static String shown(String name) {
        return Visible.name(name.replaceFirst("\\.(jsonl|txt|ndjson|md)$", ""));
    }
}
