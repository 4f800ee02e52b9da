package vitrine.app.shell.command;

import java.util.function.Supplier;
import javafx.scene.input.KeyCombination;
import vitrine.views.control.Icons;

/// Something that the user can do.
///
/// @param name a verb with its object: `Export as PNG`
/// @param key the keys that do it, or null
/// @param obstacle why it cannot be done now; empty where it can
public record Command(String name, Icons icon, KeyCombination key, Supplier<String> obstacle, Runnable action) {

    /// Does it, unless it cannot be done now.
    public void run() {
        if (possible()) {
            action.run();
        }
    }

    public boolean possible() {
        return obstacle.get().isEmpty();
    }

    /// The keys as they are written: `Ctrl+Shift+E`; empty for none.
    public String keys() {
        return key == null ? "" : key.getDisplayText();
    }
}
