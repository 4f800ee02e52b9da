package vitrine.views.runs;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.application.Platform;
import vitrine.core.run.RunStore;
import vitrine.views.chart.Theme;
import vitrine.views.runs.RunsViewModel.Mode;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.ViewPicture;

/// Draws the Runs view with the runs of a store to PNG files, to be looked at.
///
/// Arguments: a folder of runs, an output folder, a checkpoint, a text.
public final class RunsPictures {

    private RunsPictures() {}

    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[1]));
        RunBoard board = new RunBoard(Path.of(args[0]), RunStore.environment("embedded", "3", 2), (a, s) -> () -> true, Platform::runLater);
        RunsView view = FxThread.get(() -> new RunsView(board));
        board.look();
        FxThread.run(() -> { });
        board.look();
        FxThread.run(() -> { });
        for (RunRow r : FxThread.get(() -> List.copyOf(view.model().board().rows()))) {
            FxThread.run(() -> view.model().show(r.number()));
            board.look();
            String name = "run" + r.number() + "-" + r.state().word();
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve(name + "-dark-1440.png"));
            if (r.number() == 1) {
                ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve(name + "-light-1280.png"));
                ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve(name + "-dark-1280.png"));
                ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve(name + "-dark-2560.png"));
                ViewPicture.picture(view, Theme.LIGHT, 2560, 1440, out.resolve(name + "-light-2560.png"));
                FxThread.run(() -> view.model().logProperty().set(true));
                ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve(name + "-log-dark-1440.png"));
                FxThread.run(() -> view.model().logProperty().set(false));
            }
        }
        FxThread.run(() -> view.model().modeProperty().set(Mode.LIST));
        ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("list-dark-1440.png"));
        ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("list-light-1280.png"));
        FxThread.run(() -> {
            view.model().overlays().setAll(2L);
            view.model().show(1);
        });
        board.look();
        ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("overlay-dark-1440.png"));
        FxThread.run(() -> view.model().overlays().clear());
        FxThread.run(() -> view.model().compare(1, 2));
        board.look();
        ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("compare-dark-1440.png"));
        ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("compare-light-1280.png"));
        FxThread.run(() -> view.model().modeProperty().set(Mode.NEW));
        ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("form-empty-dark-1280.png"));
        FxThread.run(() -> {
            view.model().form().text(RunForm.MODEL).set(args[2]);
            view.model().form().text(RunForm.DATA).set(args[3]);
            view.model().form().text("lr").set("fast");
        });
        ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("form-wrong-light-1280.png"));
        FxThread.run(() -> view.model().form().text("lr").set("2e-3"));
        FxThread.await("the forecast", () -> view.model().form().outlookProperty().get() != null);
        ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("form-dark-1440.png"));
        FxThread.run(() -> ((javafx.scene.control.Button) view.body().lookup("#advanced")).fire());
        ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("form-advanced-dark-2560.png"));
        System.exit(0);
    }
}
