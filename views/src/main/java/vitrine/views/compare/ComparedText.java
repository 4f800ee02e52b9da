package vitrine.views.compare;

import java.nio.file.Path;
import vitrine.core.task.Task;

/// A text that perplexities are measured over.
///
/// @param name on screen
public record ComparedText(String name, Path path) {

    Task.Domain domain() {
        return new Task.Domain(name, path.toAbsolutePath().normalize().toString());
    }
}
