package vitrine.app.shell.command;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import javafx.scene.Scene;
import javafx.scene.input.KeyCharacterCombination;
import javafx.scene.input.KeyCombination;
import javafx.scene.input.KeyEvent;
import vitrine.views.control.Icons;

/// All commands of the window, in the order in which the palette lists them.
public final class Commands {

    private static final Supplier<String> ALWAYS = () -> "";

    private final List<Command> all = new ArrayList<>();

    /// Adds a command that can always be done.
    public Commands add(String name, Icons icon, String key, Runnable action) {
        return add(name, icon, key, ALWAYS, action);
    }

    /// @param key such as `Shortcut+Shift+E`; empty for none
    /// @param obstacle why it cannot be done now; empty where it can
    public Commands add(String name, Icons icon, String key, Supplier<String> obstacle, Runnable action) {
        // A key that has no name would silently become a combination by character, which depends on the keyboard's layout.
        KeyCombination keys = key.isEmpty() ? null : KeyCombination.valueOf(key);
        if (keys instanceof KeyCharacterCombination) {
            throw new IllegalArgumentException("no key is called " + key);
        }
        all.add(new Command(name, icon, keys, obstacle, action));
        return this;
    }

    public List<Command> all() {
        return List.copyOf(all);
    }

    /// The command with this name.
    ///
    /// @throws IllegalArgumentException where there is none
    public Command named(String name) {
        return all.stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow(() -> new IllegalArgumentException("no command is called " + name));
    }

    /// Has the scene's keys do the commands. Keys with Ctrl, Cmd or Alt come first; plain ones, such as Escape and Backspace, only where
    /// nothing below the scene had a use for them.
    public void listen(Scene scene) {
        scene.addEventFilter(KeyEvent.KEY_PRESSED, e -> run(e, true));
        scene.addEventHandler(KeyEvent.KEY_PRESSED, e -> run(e, false));
    }

    private void run(KeyEvent e, boolean modified) {
        all.stream().filter(c -> c.key() != null && isModified(c.key()) == modified && c.key().match(e)).findFirst().ifPresent(c -> {
            c.run();
            e.consume();
        });
    }

    private static boolean isModified(KeyCombination key) {
        return key.getShortcut() == KeyCombination.ModifierValue.DOWN || key.getAlt() == KeyCombination.ModifierValue.DOWN
                || key.getControl() == KeyCombination.ModifierValue.DOWN;
    }
}
