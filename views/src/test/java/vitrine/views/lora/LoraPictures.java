package vitrine.views.lora;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.application.Platform;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.views.chart.Theme;
import vitrine.views.lora.LoraViewModel.Mode;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.testing.ViewPicture;
import vitrine.views.view.Subject;

/// Draws the LoRA view with real figures to PNG files, to be looked at.
///
/// With one argument more than `run` before it, only the ranks along that run, its folder.
///
/// Arguments: an adapter, its base, an output folder, another adapter of the base (`-` for none), a checkpoint that is not its base (`-`), texts.
public final class LoraPictures {

    private LoraPictures() {}

    public static void main(String[] args) throws Exception {
        if (args[0].equals("compare")) {
            compare(args, Files.createDirectories(Path.of(args[4])));
            System.exit(0);
        }
        if (args[0].equals("run")) {
            along(Path.of(args[1]), Files.createDirectories(Path.of(args[2])));
            System.exit(0);
        }
        Path out = Files.createDirectories(Path.of(args[2]));
        try (InProcessEngine engine = new InProcessEngine(Files.createTempDirectory("pictures"))) {
            LoraView view = FxThread.get(() -> new LoraView(new TaskBoard(engine, Platform::runLater)));
            LoraViewModel m = view.model();
            FxThread.run(() -> view.show(open(Path.of(args[0]))));
            await(m);
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("alone-dark-1280.png"));
            FxThread.run(() -> m.bases().add(open(Path.of(args[1]))));
            await(m);
            for (int i = 5; i < args.length; i++) {
                Path text = Path.of(args[i]);
                FxThread.run(() -> m.toggle(new AdapterText(text.getFileName().toString(), text)));
            }
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("base-light-1280.png"));
            FxThread.run(m::measure);
            for (boolean there = false; !there; Thread.sleep(500)) {
                there = FxThread.get(() -> m.leftOutProperty().get() instanceof ViewState.Result || m.failure().isPresent());
            }
            FxThread.run(() -> m.failure().ifPresent(f -> System.out.println("PROBLEM " + f)));
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("ranks-dark-1440.png"));
            ViewPicture.picture(view, Theme.LIGHT, 1440, 900, out.resolve("ranks-light-1440.png"));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("ranks-dark-1280.png"));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("ranks-light-1280.png"));
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("ranks-dark-2560.png"));
            ViewPicture.picture(view, Theme.LIGHT, 2560, 1440, out.resolve("ranks-light-2560.png"));
            FxThread.run(() -> {
                m.ruleProperty().set(Cut.Rule.ENERGY);
                view.body().third().valueProperty().set(LoraLayout.Third.ENERGY);
            });
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("energy-dark-1440.png"));
            FxThread.run(() -> {
                m.importanceProperty().set(Importance.SHARE);
                view.body().third().valueProperty().set(LoraLayout.Third.SPECTRUM);
            });
            ViewPicture.picture(view, Theme.LIGHT, 1440, 900, out.resolve("spectrum-light-1440.png"));
            FxThread.run(() -> {
                m.importanceProperty().set(Importance.ACTIVATION);
                m.sortedProperty().set(false);
                m.modeProperty().set(Mode.RANKS);
            });
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("activation-dark-1280.png"));
            FxThread.run(() -> m.modeProperty().set(Mode.ALIGNMENT));
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("alignment-dark-1440.png"));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("alignment-light-1280.png"));
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("alignment-dark-2560.png"));
            FxThread.run(() -> m.modeProperty().set(Mode.COMPARE));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("compare-empty-dark-1280.png"));
            if (!args[3].equals("-")) {
                FxThread.run(() -> {
                    m.adapters().setAll(List.of(open(Path.of(args[0])), open(Path.of(args[3]))));
                    m.compareWith(m.adapters().getLast());
                });
                FxThread.await("comparison", () -> !(m.comparisonProperty().get() instanceof ViewState.Working));
                FxThread.run(() -> m.failure().ifPresent(f -> System.out.println("PROBLEM " + f)));
                ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("compare-dark-1440.png"));
                ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("compare-light-1280.png"));
            }
            if (!args[4].equals("-")) {
                FxThread.run(() -> {
                    m.modeProperty().set(Mode.RANKS);
                    m.on(open(Path.of(args[4])));
                });
                FxThread.await("refusal", () -> !(m.stateProperty().get() instanceof ViewState.Working));
                ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("refused-dark-1280.png"));
                FxThread.run(() -> view.show(open(Path.of(args[4]))));
                ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("checkpoint-light-1280.png"));
            }
        }
        System.exit(0);
    }

    /// Without losses: what is quickly drawn. Arguments after `compare`: an adapter, its base, another adapter, an output folder, a checkpoint that is not its base.
    private static void compare(String[] args, Path out) throws Exception {
        try (InProcessEngine engine = new InProcessEngine(Files.createTempDirectory("pictures"))) {
            LoraView view = FxThread.get(() -> new LoraView(new TaskBoard(engine, Platform::runLater)));
            LoraViewModel m = view.model();
            FxThread.run(() -> {
                m.bases().add(open(Path.of(args[2])));
                view.show(open(Path.of(args[1])));
            });
            await(m);
            FxThread.run(() -> {
                m.ruleProperty().set(Cut.Rule.PARAMETERS);
                m.importanceProperty().set(Importance.NORM_PRODUCT);
            });
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("share-dark-1280.png"));
            FxThread.run(() -> {
                m.ruleProperty().set(Cut.Rule.LOSS);
                m.importanceProperty().set(Importance.SINGULAR);
            });
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("budget-light-1280.png"));
            FxThread.run(() -> {
                m.adapters().setAll(List.of(open(Path.of(args[1])), open(Path.of(args[3]))));
                m.compareWith(m.adapters().getLast());
            });
            FxThread.await("comparison", () -> !(m.comparisonProperty().get() instanceof ViewState.Working));
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("compare-dark-1440.png"));
            FxThread.run(() -> {
                m.modeProperty().set(Mode.RANKS);
                m.on(open(Path.of(args[5])));
            });
            FxThread.await("refusal", () -> !(m.stateProperty().get() instanceof ViewState.Working));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("refused-dark-1280.png"));
            FxThread.run(() -> view.show(open(Path.of(args[5]))));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("checkpoint-light-1280.png"));
        }
    }

    private static void along(Path run, Path out) throws Exception {
        try (InProcessEngine engine = new InProcessEngine(Files.createTempDirectory("pictures"))) {
            LoraView view = FxThread.get(() -> new LoraView(new TaskBoard(engine, Platform::runLater)));
            LoraViewModel m = view.model();
            FxThread.run(() -> m.modeProperty().set(Mode.RUN));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("along-empty-dark-1280.png"));
            FxThread.run(() -> view.open(run));
            FxThread.await("steps", () -> m.along().shownProperty().get() != null);
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("along-dark-1440.png"));
            FxThread.run(() -> m.along().measureProperty().set(Along.Measure.GATE));
            FxThread.run(() -> m.along().atProperty().set(m.along().shownProperty().get().steps().size() / 2));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("along-gate-light-1280.png"));
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("along-dark-2560.png"));
        }
    }

    private static Subject open(Path path) {
        return new Subject(Anatomy.of(Checkpoints.open(path)));
    }

    private static void await(LoraViewModel m) {
        FxThread.await("the result", () -> m.stateProperty().get() instanceof ViewState.Result || m.stateProperty().get() instanceof ViewState.Problem);
        FxThread.run(() -> m.failure().ifPresent(f -> System.out.println("PROBLEM " + f)));
    }
}
