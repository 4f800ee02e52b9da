package vitrine.views.routing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.IntConsumer;
import javafx.application.Platform;
import javafx.scene.Scene;
import javafx.scene.image.WritableImage;
import javafx.scene.layout.Pane;
import javafx.stage.Stage;
import vitrine.views.chart.Cell;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Gesture;
import vitrine.views.chart.HeatMap;
import vitrine.views.chart.Lanes;
import vitrine.views.chart.Theme;
import vitrine.views.routing.RoutingViewModel.Lower;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.HeldEngine;
import vitrine.views.testing.Shown;
import vitrine.views.testing.ViewPicture;

/// How long a frame of the whole view takes with 64 layers, 256 experts of which 8 are chosen, and 10,000 tokens: what a gesture changes, the layout, and the
/// software rendering of the scene, timed by a snapshot that also copies the picture; every figure is drawn anew in each frame, so this errs upwards. Medians and 95th percentiles in milliseconds.
public final class RoutingFrames {

    private static final int FRAMES = 40;
    private static final int WARM_UP = 12;

    private RoutingFrames() {}

    public static void main(String[] args) throws Exception {
        Path made = Cases.random(Files.createTempDirectory("frames").resolve("a"), new Cases.Size(64, 256, 8, 10_000, 3)).folder();
        RoutingView view = FxThread.get(() -> new RoutingView(new TaskBoard(new HeldEngine(), Platform::runLater)));
        long opened = System.nanoTime();
        FxThread.run(() -> view.open(made));
        long shown = System.nanoTime();
        FxThread.await("the tokens", view.model()::settled);
        System.out.printf(Locale.ROOT, "open: %.0f ms on the JavaFX thread, %.0f ms until the tokens are there%n", (shown - opened) / 1e6, (System.nanoTime() - opened) / 1e6);
        Stage stage = FxThread.get(() -> {
            Stage s = new Stage();
            s.setScene(ViewPicture.frame(view, Theme.DARK, 1440, 900));
            s.show();
            return s;
        });
        FxThread.pulse();
        RoutingViewModel m = view.model();
        Lanes lanes = view.paths().lanes();
        Platform.runLater(() -> {
            HeatMap map = (HeatMap) view.load().maps().getFirst().canvas().getFigure();
            measure(stage, "nothing changes", i -> { });
            measure(stage, "hover over the load map", i -> map.hoveredCellProperty().set(new Cell(i % 64, i * 5 % 256)));
            map.hoveredCellProperty().set(null);
            measure(stage, "hover over the tokens of a row", i -> lanes.hoveredProperty().set(new Cell(i % 64, i % 30)));
            m.rowProperty().set(-1);
            measure(stage, "scroll through all tokens", i -> lanes.handle(new Gesture.Wheel(300, 80, i % 20 < 10 ? -1 : 1, false), 800, 200, view.body().lookup("#paths") instanceof FigureCanvas c ? c.surface() : null));
            lanes.fit();
            measure(stage, "hover over all tokens at once", i -> lanes.hoveredProperty().set(new Cell(i % 64, i * 200 % 10_000)));
            lanes.hoveredProperty().set(null);
            measure(stage, "another expert of the layer", i -> m.select(5, i));
            measure(stage, "another layer", i -> m.select(i % 64, 3));
            m.lowerProperty().set(Lower.EXPERTS);
            measure(stage, "hover over the flow", i -> view.flow().flow().hoveredBandProperty().set(i % 40));
            view.flow().flow().hoveredBandProperty().set(-1);
            measure(stage, "another layer, with the flow", i -> m.select(i % 64, 3));
            System.exit(0);
        });
    }

    private static void measure(Stage stage, String name, IntConsumer change) {
        Scene scene = stage.getScene();
        Pane root = (Pane) scene.getRoot();
        root.resize(1440, 900);
        WritableImage into = new WritableImage(1440, 900);
        double[] work = new double[FRAMES];
        double[] frame = new double[FRAMES];
        for (int i = -WARM_UP; i < FRAMES; i++) {
            long start = System.nanoTime();
            change.accept(Math.floorMod(i, 1000));
            // A snapshot draws no figure anew by itself: here all of them are, also those that would not have to be.
            Shown.all(root, FigureCanvas.class).forEach(FigureCanvas::requestLayout);
            root.applyCss();
            root.layout();
            long done = System.nanoTime();
            scene.snapshot(into);
            if (i >= 0) {
                work[i] = (done - start) / 1e6;
                frame[i] = (System.nanoTime() - start) / 1e6;
            }
        }
        Arrays.sort(work);
        Arrays.sort(frame);
        System.out.printf(Locale.ROOT, "%-36s change %6.1f (p95 %6.1f)   frame %6.1f (p95 %6.1f)%n", name, work[FRAMES / 2], work[FRAMES * 95 / 100], frame[FRAMES / 2], frame[FRAMES * 95 / 100]);
    }
}
