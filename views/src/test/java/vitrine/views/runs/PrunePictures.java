package vitrine.views.runs;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.application.Platform;
import vitrine.core.run.RunStore;
import vitrine.core.task.PruneMethod;
import vitrine.views.chart.Theme;
import vitrine.views.runs.RunsViewModel.Mode;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.testing.ViewPicture;

/// Draws pruning runs of a store, and the form of a new one with its preview, to PNG files, to be looked at.
///
/// Arguments: a folder of runs, an output folder, a checkpoint, a text.
public final class PrunePictures {

    private PrunePictures() {}

    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[1]));
        RunBoard board = new RunBoard(Path.of(args[0]), RunStore.environment("embedded", "3", 2), (a, s) -> () -> true, Platform::runLater);
        InProcessEngine engine = new InProcessEngine(out.resolve("artifacts"));
        RunsView view = FxThread.get(() -> new RunsView(board, new TaskBoard(engine, Platform::runLater)));
        board.look();
        FxThread.run(() -> { });
        board.look();
        FxThread.run(() -> { });
        for (RunRow r : args.length > 4 ? List.<RunRow>of() : FxThread.get(() -> view.model().board().rows().stream().filter(row -> RunRow.prunes(row.run())).toList())) {
            FxThread.run(() -> view.model().show(r.number()));
            board.look();
            FxThread.run(() -> { });
            ViewPicture.picture(view, r.number() % 2 == 0 ? Theme.LIGHT : Theme.DARK, 1280, 800, out.resolve("run" + r.number() + "-1280.png"));
            InsideCard inside = view.run().pruned().inside();
            for (InsideCard.Of of : FxThread.get(inside::choices)) {
                FxThread.run(() -> inside.choose(of));
                ViewPicture.picture(view, of.ordinal() % 2 == 0 ? Theme.DARK : Theme.LIGHT, 1280, 800, out.resolve("run" + r.number() + "-" + of.name().toLowerCase() + "-1280.png"));
                if (of == InsideCard.Of.HEADS || of == InsideCard.Of.ROUTING) {
                    ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("run" + r.number() + "-" + of.name().toLowerCase() + "-2560.png"));
                }
            }
            FxThread.run(() -> inside.choose(InsideCard.Of.ATTENTION));
            if (r.number() == 1) {
                ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("run1-dark-2560.png"));
                ViewPicture.picture(view, Theme.LIGHT, 2560, 1440, out.resolve("run1-light-2560.png"));
            }
        }
        FxThread.run(() -> view.model().modeProperty().set(Mode.LIST));
        ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("list-1280.png"));
        FxThread.run(() -> {
            view.model().pruningProperty().set(true);
            view.model().modeProperty().set(Mode.NEW);
        });
        ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("form-empty-1280.png"));
        PruneForm form = view.model().pruneForm();
        FxThread.run(() -> {
            form.text(Form.MODEL).set(args[2]);
            form.text(Form.DATA).set(args[3]);
        });
        predicted(form);
        for (Theme theme : List.of(Theme.DARK, Theme.LIGHT)) {
            ViewPicture.picture(view, theme, 1280, 800, out.resolve("form-" + theme.name().toLowerCase() + "-1280.png"));
            ViewPicture.picture(view, theme, 2560, 1440, out.resolve("form-" + theme.name().toLowerCase() + "-2560.png"));
        }
        FxThread.run(() -> {
            form.methodProperty().set(PruneMethod.shortgpt);
            form.drag(vitrine.core.task.PruneAmount.layers, 2);
        });
        predicted(form);
        ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("form-layers-1280.png"));
        FxThread.run(() -> {
            form.methodProperty().set(PruneMethod.slimgpt);
            form.drag(vitrine.core.task.PruneAmount.sparsity, 0.4);
        });
        predicted(form);
        ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("form-slimgpt-1280.png"));
        System.exit(0);
    }

    /// Waits as long as it takes, and says what stands in the way.
    private static void predicted(PruneForm form) throws InterruptedException {
        while (FxThread.get(() -> form.predictionProperty().get().valueOrNull()) == null) {
            if (FxThread.get(() -> form.predictionProperty().get()) instanceof vitrine.views.tasks.ViewState.Problem<Prediction> p) {
                throw new IllegalStateException(p.what() + p.details());
            }
            Thread.sleep(200);
        }
    }
}
