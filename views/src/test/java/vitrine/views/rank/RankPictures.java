package vitrine.views.rank;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import javafx.application.Platform;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.views.chart.Theme;
import vitrine.views.rank.Item.Place;
import vitrine.views.rank.RankViewModel.Mode;
import vitrine.views.rank.RankViewModel.Values;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.testing.ViewPicture;
import vitrine.views.view.Subject;

/// Draws the Rank view with real figures to PNG files, to be looked at.
///
/// Arguments: a checkpoint folder, a text (`-` for pictures of weights only), an output folder, and perhaps a second checkpoint to lay over.
public final class RankPictures {

    private RankPictures() {}

    public static void main(String[] args) throws Exception {
        Path model = Path.of(args[0]);
        Path out = Files.createDirectories(Path.of(args[2]));
        try (InProcessEngine engine = new InProcessEngine(Files.createTempDirectory("pictures"))) {
            RankView view = FxThread.get(() -> new RankView(new TaskBoard(engine, Platform::runLater)));
            RankViewModel m = view.model();
            FxThread.run(() -> view.show(open(model)));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("empty-dark-1280.png"));
            FxThread.run(m::compute);
            await(m);
            FxThread.run(() -> m.selectedProperty().set(at(m, 3)));
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("weights-dark-1440.png"));
            ViewPicture.picture(view, Theme.LIGHT, 1440, 900, out.resolve("weights-light-1440.png"));
            ViewPicture.picture(view, Theme.DARK, 1280, 800, out.resolve("weights-dark-1280.png"));
            ViewPicture.picture(view, Theme.LIGHT, 2560, 1440, out.resolve("weights-light-2560.png"));
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("weights-dark-2560.png"));
            if (args[1].equals("-")) {
                System.exit(0);
            }
            FxThread.run(() -> m.computeHeads());
            await(m);
            FxThread.run(() -> m.columnsProperty().set(RankViewModel.Columns.HEADS));
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("heads-dark-1440.png"));
            FxThread.run(() -> {
                m.modeProperty().set(Mode.CACHE);
                m.textProperty().set(new CalibrationText(Path.of(args[1]).getFileName().toString(), Path.of(args[1])));
            });
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("cache-empty-light-1280.png"));
            FxThread.run(m::compute);
            await(m);
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("cache-dark-1440.png"));
            ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("cache-dark-2560.png"));
            FxThread.run(() -> m.acrossProperty().set(RankViewModel.Across.OTHER));
            ViewPicture.picture(view, Theme.LIGHT, 1280, 800, out.resolve("growth-light-1280.png"));
            FxThread.run(() -> {
                m.modeProperty().set(Mode.ACTIVATIONS);
                m.compute();
            });
            await(m);
            ViewPicture.picture(view, Theme.LIGHT, 1440, 900, out.resolve("hidden-light-1440.png"));
            FxThread.run(() -> {
                m.valuesProperty().set(Values.OUTPUTS);
                m.compute();
            });
            await(m);
            FxThread.run(() -> m.acrossProperty().set(RankViewModel.Across.OTHER));
            ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("outputs-dark-1440.png"));
            if (args.length > 3) {
                FxThread.run(() -> m.overlay(List.of(open(Path.of(args[3])))));
                await(m);
                ViewPicture.picture(view, Theme.DARK, 1440, 900, out.resolve("overlay-dark-1440.png"));
                FxThread.run(() -> m.overlay(List.of(open(Path.of(args[3])), open(model))));
                await(m);
                FxThread.run(() -> m.acrossProperty().set(RankViewModel.Across.OTHER));
                ViewPicture.picture(view, Theme.DARK, 2560, 1440, out.resolve("series-dark-2560.png"));
                FxThread.run(() -> m.against(open(Path.of(args[3]))));
                await(m);
                ViewPicture.picture(view, Theme.LIGHT, 1440, 900, out.resolve("change-light-1440.png"));
            }
        }
        System.exit(0);
    }

    private static Subject open(Path model) {
        return new Subject(Anatomy.of(Checkpoints.open(model)));
    }

    private static Place at(RankViewModel m, int layer) {
        Place p = m.selectedProperty().get();
        return m.at(0, p.atLayer(layer)).isPresent() ? p.atLayer(layer) : p;
    }

    private static void await(RankViewModel m) {
        BooleanSupplier there = () -> m.stateProperty().get() instanceof ViewState.Result || m.stateProperty().get() instanceof ViewState.Problem;
        FxThread.await("the result", there);
        FxThread.run(() -> {
            if (m.stateProperty().get() instanceof ViewState.Problem<Spectra> p) {
                System.out.println("PROBLEM " + p);
            }
        });
        FxThread.await("the singular values", () -> m.stateProperty().get() instanceof ViewState.Problem || m.spectra().map(s -> s.saves() == WhatIf.Saves.NOTHING).orElse(true) || !m.truncationsProperty().get().isEmpty());
    }
}
