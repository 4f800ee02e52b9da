package vitrine.views.compare;

import java.nio.file.Files;
import java.nio.file.Path;
import javafx.application.Platform;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.views.chart.Theme;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.testing.ViewPicture;
import vitrine.views.view.Subject;

/// Draws the Compare view with real figures to PNG files, to be looked at.
///
/// Arguments: a checkpoint, an adapter of it, an output folder, two mixtures (`-` for none), a checkpoint of another kind (`-`), texts.
public final class ComparePictures {

    private ComparePictures() {}

    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[2]));
        try (InProcessEngine engine = new InProcessEngine(Files.createTempDirectory("pictures"))) {
            CompareView view = FxThread.get(() -> new CompareView(new TaskBoard(engine, Platform::runLater)));
            CompareViewModel m = view.model();
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("empty-dark-1280.png"));
            FxThread.run(() -> m.checkpoints().add(open(args[0])));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("one-light-1280.png"));
            FxThread.run(() -> m.adapters().add(open(args[1])));
            await(m);
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("weights-only-dark-1280.png"));
            FxThread.run(() -> {
                m.promptProperty().set("KING HENRY:\nMy lord, I'll be such as");
                for (int i = 6; i < args.length; i++) {
                    Path text = Path.of(args[i]);
                    m.toggle(new ComparedText(text.getFileName().toString(), text));
                }
            });
            await(m);
            for (Theme t : Theme.values()) {
                String name = t.name().toLowerCase(java.util.Locale.ROOT);
                FxThread.run(() -> m.modeProperty().set(Mode.BEHAVIOUR));
                ViewPicture.picture(view, t, 1440, 900, out.resolve("behaviour-" + name + "-1440.png"));
                ViewPicture.picture(view, t, 1280, 800, out.resolve("behaviour-" + name + "-1280.png"));
                ViewPicture.picture(view, t, 2560, 1440, out.resolve("behaviour-" + name + "-2560.png"));
                FxThread.run(() -> m.modeProperty().set(Mode.WEIGHTS));
                ViewPicture.picture(view, t, 1440, 900, out.resolve("weights-" + name + "-1440.png"));
                FxThread.run(() -> m.modeProperty().set(Mode.SETTINGS));
                ViewPicture.picture(view, t, 1280, 800, out.resolve("settings-" + name + "-1280.png"));
            }
            FxThread.run(() -> {
                m.modeProperty().set(Mode.BEHAVIOUR);
                view.maps().of().valueProperty().set(MapsCard.Of.LENS);
                m.tokenProperty().set(10);
            });
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("lens-dark-1440.png"));
            FxThread.run(() -> m.modeProperty().set(Mode.WEIGHTS));
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("weights-dark-2560.png"));
            FxThread.run(() -> m.modeProperty().set(Mode.BEHAVIOUR));
            if (!args[3].equals("-")) {
                FxThread.run(() -> {
                    m.checkpoints().setAll(open(args[3]), open(args[4]));
                    m.adapters().clear();
                    view.maps().of().valueProperty().set(MapsCard.Of.EXPERTS);
                });
                await(m);
                ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("experts-dark-1440.png"));
            }
            if (!args[5].equals("-")) {
                FxThread.run(() -> {
                    m.checkpoints().setAll(open(args[0]), open(args[5]));
                    view.maps().of().valueProperty().set(MapsCard.Of.HEAD);
                });
                await(m);
                ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("other-dark-1440.png"));
                FxThread.run(() -> m.modeProperty().set(Mode.WEIGHTS));
                ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("other-weights-light-1280.png"));
                FxThread.run(() -> m.toggle(new ComparedText("none", Path.of("/no/such/text.txt"))));
                await(m);
                ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("refused-dark-1280.png"));
            }
        }
        System.exit(0);
    }

    private static Subject open(String path) {
        return new Subject(Anatomy.of(Checkpoints.open(Path.of(path))));
    }

    private static void await(CompareViewModel m) throws InterruptedException {
        for (boolean there = false; !there; Thread.sleep(200)) {
            there = FxThread.get(() -> m.stateProperty().get() instanceof ViewState.Result || m.stateProperty().get() instanceof ViewState.Problem);
        }
        FxThread.run(() -> m.failure().ifPresent(f -> System.out.println("PROBLEM " + f)));
    }
}
