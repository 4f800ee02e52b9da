package vitrine.app.shell;

import static vitrine.app.shell.WindowHarness.fx;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import vitrine.app.preferences.Preference;
import vitrine.app.program.Folders;
import vitrine.app.program.SampleOffer;
import vitrine.app.workspace.HubCache;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.WorkerCommand;
import vitrine.resources.Language;
import vitrine.resources.Sentences;
import vitrine.views.chart.ScenePng;
import vitrine.views.chart.Theme;
import vitrine.views.view.ViewKind;

/// Draws what somebody sees in the first minutes, in both languages and at several scales, to be looked at.
public final class FirstMinutesPictures {

    private final WindowHarness h;
    private final Path out;

    private FirstMinutesPictures(WindowHarness h, Path out) {
        this.h = h;
        this.out = out;
    }

    /// @param args the folder to write to, then things to open: a mixture of experts, an adapter and its base, texts
    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[0]));
        Path home = Files.createTempDirectory("vitrine-pictures");
        EmbeddedEngine engine = new EmbeddedEngine(new ArtifactStore(home.resolve("artifacts"), 1L << 30), WorkerCommand.embedded(2, 4L << 30));
        try (WindowHarness h = new WindowHarness(home, engine, SampleOffer.all(new Folders(home)))) {
            List<Path> more = java.util.Arrays.stream(args).skip(1).map(Path::of).toList();
            new FirstMinutesPictures(h, out).draw(more);
        }
        System.exit(0);
    }

    private void draw(List<Path> more) throws Exception {
        if (System.getProperty("only.words") != null) {
            words(more);
            return;
        }
        more.forEach(h::open);
        WindowHarness.run(() -> h.window.commands().named("Start page").run());
        WindowHarness.run(() -> h.window.startPage().showDownloaded(List.of(new HubCache.Entry(Path.of("models--meta-llama--Llama-3.2-1B"), "meta-llama/Llama-3.2-1B", 2_480_000_000L, false),
                new HubCache.Entry(Path.of("models--Qwen--Qwen3-0.6B"), "Qwen/Qwen3-0.6B", 1_200_000_000L, true))));
        h.settle();
        both("start", 1440, 900);
        one("start", 1280, 800);
        WindowHarness.run(() -> h.window.commands().named("Preferences").run());
        both("preferences", 1440, 900);
        one("preferences", 1024, 680);
        h.press("Esc");
        WindowHarness.run(() -> h.window.commands().named("Take the tour").run());
        h.settle();
        for (int i = 0; i < 8; i++) {
            Thread.sleep(200);
            h.settle();
            one("tour-" + (i + 1), 1440, 900);
            h.press("Right");
        }
        for (ViewKind kind : ViewKind.values()) {
            WindowHarness.run(() -> h.window.tabs().choose(kind));
            Thread.sleep(300);
            h.settle();
            one("view-" + kind.label().toLowerCase(Locale.ROOT), 1440, 900);
        }
        WindowHarness.run(() -> h.services.settings().choose(Preference.LANGUAGE, Language.CHINESE.tag(), s -> { }));
        WindowHarness.run(() -> h.window.commands().named("Start page").run());
        both("zh-start", 1440, 900);
        WindowHarness.run(() -> h.window.commands().named("Preferences").run());
        both("zh-preferences", 1440, 900);
        h.press("Esc");
        WindowHarness.run(() -> h.window.commands().named("Take the tour").run());
        Thread.sleep(200);
        h.settle();
        h.press("Right");
        h.press("Right");
        one("zh-tour", 1440, 900);
        h.press("Esc");
        for (ViewKind kind : ViewKind.values()) {
            WindowHarness.run(() -> h.window.tabs().choose(kind));
            Thread.sleep(300);
            h.settle();
            one("zh-" + kind.label().toLowerCase(Locale.ROOT), 1440, 900);
        }
        // What a screen of 1920 x 1080 leaves at a scale of 150 and 200 %, drawn at that scale.
        for (int percent : new int[] {100, 150, 200}) {
            for (Language language : Language.values()) {
                WindowHarness.run(() -> h.services.settings().choose(Preference.LANGUAGE, language.tag(), s -> { }));
                for (ViewKind kind : List.of(ViewKind.ATTENTION, ViewKind.ANATOMY)) {
                    WindowHarness.run(() -> h.window.tabs().choose(kind));
                    draw("scale-" + percent + "-" + language.tag() + "-" + kind.label().toLowerCase(Locale.ROOT), 1920 * 100 / percent, 1080 * 100 / percent, percent / 100.0);
                }
            }
        }
        WindowHarness.run(() -> h.services.settings().choose(Preference.LANGUAGE, "en", s -> { }));
    }

    /// Prints the words on screen that have no Chinese.
    private void words(List<Path> more) throws Exception {
        Sentences chinese = Sentences.of(Language.CHINESE);
        java.util.Set<String> unknown = new java.util.TreeSet<>();
        WindowHarness.run(() -> h.window.openSample(h.window.samples().getFirst()));
        Thread.sleep(2000);
        h.settle();
        more.forEach(h::open);
        for (int s = 0; s < h.services.workspace().subjects().size(); s++) {
            int n = s;
            WindowHarness.run(() -> h.services.workspace().currentProperty().set(h.services.workspace().subjects().get(n)));
            for (ViewKind kind : ViewKind.values()) {
                WindowHarness.run(() -> h.window.tabs().choose(kind));
                Thread.sleep(200);
                h.settle();
                if (kind == ViewKind.RUNS) {
                    WindowHarness.run(() -> h.window.scene().getRoot().lookupAll(".button").stream().filter(b -> b instanceof javafx.scene.control.Button x && "New run…".equals(x.getText()))
                            .findFirst().ifPresent(b -> ((javafx.scene.control.Button) b).fire()));
                }
                WindowHarness.run(() -> {
                    h.window.scene().getRoot().applyCss();
                    h.window.scene().getRoot().layout();
                    ShownWords.of(h.window.scene().getRoot()).stream().filter(w -> !chinese.knows(w)).forEach(w -> unknown.add(kind.label() + ": " + w.replace("\n", "\\n")));
                });
            }
        }
        unknown.forEach(System.out::println);
    }

    private void both(String name, int width, int height) throws Exception {
        one(name, width, height);
        WindowHarness.run(() -> h.services.themes().themeProperty().set(Theme.LIGHT));
        one(name + "-light", width, height);
        WindowHarness.run(() -> h.services.themes().themeProperty().set(Theme.DARK));
    }

    private void one(String name, int width, int height) throws Exception {
        draw(name + "-" + width, width, height, 1);
    }

    private void draw(String name, int width, int height, double scale) throws Exception {
        h.resize(width, height);
        Thread.sleep(150);
        h.resize(width, height);
        Thread.sleep(50);
        ImageIO.write(fx(() -> ScenePng.take(h.window.scene().getRoot(), scale)), "png", out.resolve(name + ".png").toFile());
        h.resize(1440, 900);
    }
}
