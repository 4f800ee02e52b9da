package vitrine.app.shell;

import java.nio.file.Files;
import java.nio.file.Path;
import vitrine.views.attention.AttentionView;
import vitrine.views.view.ViewKind;

/// A window's short life: it opens a checkpoint, captures, goes through all views and closes. For tests that look at it from outside.
public final class WindowErrand {

    private WindowErrand() {}

    /// @param args a folder for Vitrine's files, a checkpoint without a tokenizer
    public static void main(String[] args) throws Exception {
        try (WindowHarness h = WindowHarness.real(Files.createDirectories(Path.of(args[0])))) {
            h.open(Path.of(args[1]));
            h.press("Alt+2");
            h.settle();
            WindowHarness.run(() -> {
                AttentionView view = (AttentionView) h.window.present().orElseThrow();
                view.model().promptProperty().set("1 5 9 13 1 5 9 13");
                view.model().run();
            });
            h.settle();
            h.await("attention", () -> h.shows("Mean distance"));
            for (ViewKind kind : ViewKind.values()) {
                WindowHarness.run(() -> h.window.tabs().choose(kind));
                h.settle();
            }
            WindowHarness.run(() -> h.window.commands().named("Open from the hub cache…").run());
        }
        System.out.println("errand done");
        System.exit(0);
    }
}
