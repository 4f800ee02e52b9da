package vitrine.views.routing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javafx.application.Platform;
import vitrine.core.task.Task;
import vitrine.views.chart.Cell;
import vitrine.views.chart.Theme;
import vitrine.views.routing.RoutingViewModel.Lower;
import vitrine.views.routing.RoutingViewModel.Maps;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.testing.ViewPicture;

/// Draws the Routing view to PNG files, to be looked at.
///
/// Arguments: an output folder and `made-up`, or an output folder, a checkpoint with experts and texts.
public final class RoutingPictures {

    private RoutingPictures() {}

    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[0]));
        Path work = Files.createTempDirectory("pictures");
        try (InProcessEngine engine = new InProcessEngine(work)) {
            RoutingView view = FxThread.get(() -> new RoutingView(new TaskBoard(engine, Platform::runLater)));
            RoutingViewModel m = view.model();
            if (args[1].equals("made-up")) {
                for (Cases.Size size : List.of(new Cases.Size(4, 8, 2, 600, 3), new Cases.Size(24, 64, 8, 3000, 2), new Cases.Size(64, 256, 8, 10_000, 3))) {
                    String name = size.layers() + "x" + size.experts();
                    Path made = Cases.random(work.resolve(name), size).folder();
                    FxThread.run(() -> view.open(made));
                    FxThread.await("the tokens", m::settled);
                    ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve(name + "-dark-1440.png"));
                    FxThread.run(() -> m.lowerProperty().set(Lower.EXPERTS));
                    ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve(name + "-experts-light-1280.png"));
                    FxThread.run(() -> m.lowerProperty().set(Lower.TEXTS));
                    FxThread.run(() -> m.rowProperty().set(-1));
                    FxThread.run(() -> view.paths().lanes().fit());
                    ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve(name + "-dark-2560.png"));
                }
                System.exit(0);
            }
            FxThread.run(() -> view.show(Cases.open(Path.of(args[1]))));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("empty-dark-1280.png"));
            FxThread.run(() -> {
                for (String text : Arrays.asList(args).subList(2, args.length)) {
                    m.chosen().add(new Task.Domain(TextChoice.domainName(Path.of(text)), text));
                }
                m.compute();
            });
            await(m);
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("first-dark-1280.png"));
            FxThread.run(() -> {
                view.paths().lanes().selectedProperty().set(new Cell(2, 17));
            });
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("token-dark-1440.png"));
            FxThread.run(() -> view.paths().lanes().hoveredProperty().set(new Cell(1, 9)));
            ViewPicture.picture(view, Theme.LIGHT, 1440, 900, out.resolve("hover-light-1440.png"));
            FxThread.run(() -> {
                view.paths().lanes().hoveredProperty().set(null);
                m.mapsProperty().set(Maps.DIFFERENCE);
            });
            FxThread.run(m::sweep);
            await(m);
            FxThread.run(m::compareExperts);
            await(m);
            FxThread.run(() -> m.lowerProperty().set(Lower.EXPERTS));
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("experts-dark-1440.png"));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("experts-light-1280.png"));
            FxThread.run(() -> m.mapsProperty().set(Maps.EACH));
            FxThread.run(m::switchOff);
            awaitWhatIf(m);
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("all-dark-2560.png"));
            FxThread.run(() -> m.ask(new Change.Swap(2, 3, 4)));
            awaitWhatIf(m);
            FxThread.run(() -> m.rowProperty().set(-1));
            FxThread.run(() -> view.paths().lanes().fit());
            ViewPicture.picture(view, Theme.LIGHT, 2560, 1440, out.resolve("all-light-2560.png"));
        }
        System.exit(0);
    }

    private static void awaitWhatIf(RoutingViewModel m) {
        awaitLong("the change", () -> !(m.whatIfProperty().get() instanceof ViewState.Working));
        FxThread.run(() -> {
            if (m.whatIfProperty().get() instanceof ViewState.Problem<?> p) {
                System.out.println("PROBLEM " + p);
            }
        });
    }

    /// A model takes minutes on a busy machine.
    private static void awaitLong(String what, java.util.function.BooleanSupplier holds) {
        for (int i = 0; !FxThread.get(holds::getAsBoolean) && i < 6; i++) {
            try {
                FxThread.await(what, holds);
            } catch (AssertionError e) {
                System.out.println("still waiting for " + what);
            }
        }
    }

    static void await(RoutingViewModel m) {
        awaitLong("the result", () -> m.stateProperty().get() instanceof ViewState.Result || m.stateProperty().get() instanceof ViewState.Problem);
        FxThread.run(() -> {
            if (m.stateProperty().get() instanceof ViewState.Problem<RoutingData> p) {
                System.out.println("PROBLEM " + p);
            }
        });
        FxThread.await("the tokens", m::settled);
    }
}
