package vitrine.app.shell;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.app.shell.WindowHarness.BAD;
import static vitrine.app.shell.WindowHarness.REFERENCE;
import static vitrine.app.shell.WindowHarness.fx;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.control.ButtonBase;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.app.shell.command.Command;
import vitrine.views.attention.AttentionView;

/// Somebody who presses everything and opens everything, good and bad, in any order: the window never faults and never loses what is
/// open. The seed is printed; `-Dvitrine.monkey.seed` gives it back, `-Dvitrine.monkey.actions` makes it last.
class MonkeyTest {

    private static final List<String> KEYS = List.of("Up", "Down", "Left", "Right", "Enter", "Space", "Esc", "Tab", "P", "Delete", "Backspace", "Shift+Up", "Page Down");

    @TempDir
    Path home;

    @Test
    void nothingThatIsPressedOrOpenedBreaksTheWindow() throws Exception {
        long seed = Long.getLong("vitrine.monkey.seed", System.nanoTime());
        int actions = Integer.getInteger("vitrine.monkey.actions", 150);
        System.out.println("monkey seed " + seed);
        Random random = new Random(seed);
        List<Path> files = files();
        try (WindowHarness h = WindowHarness.real(home)) {
            h.answers.target = home.resolve("export.png");
            for (int i = 0; i < actions; i++) {
                act(h, random, files);
                int open = fx(() -> h.services.workspace().subjects().size());
                if (open > 12) {
                    WindowHarness.run(() -> h.services.workspace().close(h.services.workspace().subjects().getFirst()));
                }
            }
            h.settle();
            assertTrue(h.shows("Vitrine"));
        }
    }

    private static List<Path> files() throws IOException {
        List<Path> out = new ArrayList<>();
        for (Path root : List.of(REFERENCE, BAD.resolve("safetensors"), BAD.resolve("config"), BAD.resolve("tokenizer"), BAD.resolve("dataset"), BAD.resolve("impostor"), BAD.resolve("adapter"), BAD.resolve("gguf"), BAD.resolve("pickle"))) {
            try (Stream<Path> all = Files.list(root)) {
                all.sorted().forEach(out::add);
            }
        }
        return out;
    }

    private static void act(WindowHarness h, Random random, List<Path> files) {
        switch (random.nextInt(8)) {
            case 0, 1 -> h.open(files.get(random.nextInt(files.size())));
            case 2 -> {
                List<Command> safe = fx(() -> h.window.commands().all().stream().filter(c -> !c.name().equals("Quit")).toList());
                Command c = safe.get(random.nextInt(safe.size()));
                WindowHarness.run(c::run);
            }
            case 3, 4 -> h.press(KEYS.get(random.nextInt(KEYS.size())));
            case 5 -> h.resize(1024 + random.nextInt(1600), 680 + random.nextInt(800));
            case 6 -> WindowHarness.run(() -> {
                List<ButtonBase> buttons = new ArrayList<>();
                collect(h.window.scene().getRoot(), buttons);
                if (!buttons.isEmpty()) {
                    buttons.get(random.nextInt(buttons.size())).fire();
                }
            });
            default -> WindowHarness.run(() -> {
                if (h.window.present().orElse(null) instanceof AttentionView view) {
                    view.model().promptProperty().set(random.nextBoolean() ? "The lantern over the wall" : "\u0000 \ud800 1 2 3");
                    view.model().run();
                }
            });
        }
    }

    private static void collect(Node node, List<ButtonBase> out) {
        if (!node.isVisible() || node.isDisabled()) {
            return;
        }
        if (node instanceof ButtonBase b) {
            out.add(b);
        }
        if (node instanceof Parent p) {
            p.getChildrenUnmodifiable().forEach(c -> collect(c, out));
        }
    }
}
