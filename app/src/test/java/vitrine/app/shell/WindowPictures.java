package vitrine.app.shell;

import static vitrine.app.shell.WindowHarness.fx;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javafx.scene.Parent;
import javafx.stage.PopupWindow;
import javafx.stage.Window;
import javax.imageio.ImageIO;
import vitrine.app.picture.Toolkit;
import vitrine.app.program.SampleOffer;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.WorkerCommand;
import vitrine.resources.Samples;
import vitrine.views.attention.AttentionView;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.chart.ScenePng;
import vitrine.views.chart.Theme;

/// Draws the whole window in its states, to be looked at.
public final class WindowPictures {

    private static final int[][] SIZES = {{1440, 900}, {1280, 800}, {2560, 1440}, {1100, 700}, {960, 540}};

    private final WindowHarness h;
    private final Path out;

    private WindowPictures(WindowHarness h, Path out) {
        this.h = h;
        this.out = out;
    }

    /// @param args the folder to write to, a checkpoint with a tokenizer, more things to open
    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[0]));
        Path home = Files.createTempDirectory("vitrine-pictures");
        Path model = Path.of(args[1]);
        List<Path> more = java.util.Arrays.stream(args).skip(2).map(Path::of).toList();
        Samples.Prompt prompt = new Samples.Prompt("A question", "\"Can I have the red ball?\" asked Ben.", "", 2, 4);
        SampleOffer sample = new SampleOffer(new Samples.Sample("sample", "A sample", "A small model with clear previous-token and induction heads.", Samples.Best.ATTENTION, null, List.of(), List.of(prompt)), model, java.util.Optional.empty());
        EmbeddedEngine engine = new EmbeddedEngine(new ArtifactStore(home.resolve("artifacts"), 1L << 30), WorkerCommand.embedded(2, 4L << 30));
        try (WindowHarness h = new WindowHarness(home, engine, List.of(sample))) {
            new WindowPictures(h, out).draw(model, more);
        }
        System.exit(0);
    }

    private void draw(Path model, List<Path> more) throws Exception {
        h.settle();
        all("start");
        for (Path p : more) {
            h.open(p);
        }
        h.open(model);
        h.settle();
        all("anatomy");
        WindowHarness.run(() -> h.window.dropOverlay().show(java.util.stream.Stream.concat(java.util.stream.Stream.of(model), more.stream()).toList()));
        Toolkit.await(() -> h.texts().stream().noneMatch(t -> t.equals("Looking…")), 20);
        one("drop", 1440, 900);
        WindowHarness.run(() -> h.window.dropOverlay().hide());
        h.press("Alt+2");
        h.settle();
        one("attention-empty", 1440, 900);
        AttentionView view = (AttentionView) fx(() -> h.window.present()).orElseThrow();
        WindowHarness.run(() -> {
            view.model().promptProperty().set("\"Can I have the red ball?\" asked Ben. Mom smiled and said,\n");
            view.model().run();
        });
        h.settle();
        WindowHarness.run(() -> {
            view.model().headProperty().set(new HeadId(2, 4));
            view.model().queryProperty().set(26);
            view.model().pin(new HeadId(1, 6));
            view.model().pin(new HeadId(3, 6));
        });
        all("attention");
        h.press("Shortcut+K");
        WindowHarness.run(() -> ((javafx.scene.control.TextField) h.window.scene().getFocusOwner()).setText("layer 2"));
        one("palette", 1440, 900);
        h.press("Esc");
        h.press("Shortcut+J");
        one("drawer", 1440, 900);
        h.press("Shortcut+J");
        h.press("Alt+4");
        one("rank-absent", 1440, 900);
        for (String name : List.of("Help", "Show the command")) {
            h.press("Alt+2");
            WindowHarness.run(() -> h.window.commands().named(name).run());
            popup(name.toLowerCase(Locale.ROOT).replace(' ', '-'));
        }
        WindowHarness.run(() -> ((javafx.scene.control.ButtonBase) h.window.scene().getRoot().lookup("#engine")).fire());
        Thread.sleep(300);
        popup("engine");
        WindowHarness.run(() -> h.window.commands().named("Guide").run());
        one("guide", 1440, 900);
        one("guide-small", 960, 540);
        h.press("Esc");
        WindowHarness.run(() -> h.window.commands().named("Preferences").run());
        one("preferences", 1440, 900);
        h.press("Esc");
        WindowHarness.run(() -> h.services.workspace().refused().stream().findFirst().ifPresent(r -> h.window.navigator().selectedProperty().set(r)));
        one("refused", 1440, 900);
        WindowHarness.run(() -> h.services.workspace().texts().stream().findFirst().ifPresent(t -> h.window.navigator().selectedProperty().set(t)));
        one("text", 1440, 900);
        WindowHarness.run(() -> h.window.commands().named("Open from the hub cache…").run());
        Thread.sleep(300);
        one("hub", 1440, 900);
    }

    private void all(String name) throws Exception {
        for (int[] size : SIZES) {
            one(name, size[0], size[1]);
        }
    }

    private void one(String name, int width, int height) throws Exception {
        for (Theme theme : Theme.values()) {
            WindowHarness.run(() -> h.services.themes().themeProperty().set(theme));
            h.resize(width, height);
            Thread.sleep(150);
            h.resize(width, height);
            Path file = out.resolve(name + "-" + theme.name().toLowerCase(Locale.ROOT) + "-" + width + ".png");
            ImageIO.write(fx(() -> ScenePng.take(h.window.scene().getRoot(), 1)), "png", file.toFile());
            if (width != 1440) {
                break;
            }
        }
        WindowHarness.run(() -> h.services.themes().themeProperty().set(Theme.DARK));
    }

    /// The pop-up that is open, alone.
    private void popup(String name) throws Exception {
        Thread.sleep(200);
        Parent root = fx(() -> Window.getWindows().stream().filter(PopupWindow.class::isInstance).map(w -> w.getScene().getRoot()).reduce((a, b) -> b).orElseThrow());
        ImageIO.write(fx(() -> ScenePng.take(root, 1)), "png", out.resolve(name + ".png").toFile());
        WindowHarness.run(() -> List.copyOf(Window.getWindows()).stream().filter(PopupWindow.class::isInstance).forEach(Window::hide));
    }
}
