package vitrine.views.anatomy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.embed.swing.SwingFXUtils;
import javafx.geometry.Insets;
import javafx.scene.Node;
import javafx.scene.Scene;
import javafx.scene.control.Button;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import javax.imageio.ImageIO;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.resources.Styles;
import vitrine.views.chart.FigureCanvas;
import vitrine.views.chart.Theme;
import vitrine.views.control.Buttons;
import vitrine.views.control.Icons;
import vitrine.views.control.Themes;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.view.Subject;
import vitrine.views.tasks.ViewState;

/// Draws the Anatomy view with real checkpoints to PNG files, to be looked at.
///
/// Arguments: an output folder, then checkpoints, each with what to do: `PATH[#TENSOR][@LAYER][?SEARCH][!HOVERED BOX]`. The system property
/// `sizes` lists sizes of the window, such as `1280x800,1440x900`.
public final class AnatomyPictures {

    private record Want(Path path, String tensor, int layer, String search, String box) {

        static Want of(String text) {
            String box = after(text, '!');
            String rest = before(text, '!');
            String search = after(rest, '?');
            rest = before(rest, '?');
            String layer = after(rest, '@');
            rest = before(rest, '@');
            return new Want(Path.of(before(rest, '#')), after(rest, '#'), layer.isEmpty() ? -1 : Integer.parseInt(layer), search, box);
        }

        private static String after(String text, char mark) {
            return text.indexOf(mark) < 0 ? "" : text.substring(text.indexOf(mark) + 1);
        }

        private static String before(String text, char mark) {
            return text.indexOf(mark) < 0 ? text : text.substring(0, text.indexOf(mark));
        }
    }

    private AnatomyPictures() {}

    public static void main(String[] args) throws Exception {
        Path out = Files.createDirectories(Path.of(args[0]));
        Path work = Files.createTempDirectory("pictures");
        CountDownLatch started = new CountDownLatch(1);
        Platform.startup(started::countDown);
        Platform.setImplicitExit(false);
        started.await();
        int[][] sizes = sizes();
        try (InProcessEngine engine = new InProcessEngine(work)) {
            for (int i = 1; i < args.length; i++) {
                Want want = Want.of(args[i]);
                AnatomyView[] view = new AnatomyView[1];
                onFx(() -> {
                    view[0] = new AnatomyView(new TaskBoard(engine, Platform::runLater));
                    view[0].show(new Subject(Anatomy.of(Checkpoints.open(want.path))));
                });
                AnatomyViewModel m = view[0].model();
                await(() -> m.indexProperty().get() != null && !(m.allState().state() instanceof ViewState.Working));
                onFx(() -> choose(m, want));
                await(() -> !(m.selectedValues() instanceof ViewState.Working) && !m.listingProperty().get());
                String name = want.path.getFileName().toString().replace(".safetensors", "") + (want.search.isEmpty() ? "" : "-search");
                for (int[] size : sizes) {
                    for (Theme theme : size[0] == 1440 || size.length > 2 ? Theme.values() : new Theme[] {Theme.DARK}) {
                        picture(view[0], theme, size[0], size[1], out.resolve(name + "-" + theme.name().toLowerCase(java.util.Locale.ROOT) + "-" + size[0] + ".png"), s -> hover(view[0], want.box));
                    }
                }
            }
            AnatomyView[] empty = new AnatomyView[1];
            onFx(() -> empty[0] = new AnatomyView(new TaskBoard(engine, Platform::runLater)));
            picture(empty[0], Theme.DARK, 1280, 800, out.resolve("empty-dark-1280.png"), s -> { });
        }
        System.exit(0);
    }

    private static int[][] sizes() {
        String only = System.getProperty("sizes", "1280x800,1440x900,2560x1440");
        return java.util.Arrays.stream(only.split(",")).map(s -> java.util.Arrays.stream(s.split("x")).mapToInt(Integer::parseInt).toArray()).toArray(int[][]::new);
    }

    private static void choose(AnatomyViewModel m, Want want) {
        if (want.layer >= 0) {
            m.layerProperty().set(want.layer);
        }
        if (!want.tensor.isEmpty()) {
            m.indexProperty().get().lines().stream().map(TensorLine::name).filter(n -> n.endsWith(want.tensor)).findFirst().ifPresent(m.selectedProperty()::set);
        }
        m.searchProperty().set(want.search);
    }

    private static void hover(AnatomyView view, String box) {
        BlockDiagram diagram = view.diagram().diagram();
        FigureCanvas canvas = view.diagram().canvas();
        if (!box.isEmpty()) {
            diagram.layout(canvas.getWidth(), canvas.getHeight(), canvas.surface()).places().stream().filter(p -> p.text().equals(box)).findFirst()
                    .ifPresent(diagram.hoveredProperty()::set);
        }
    }

    private static void await(BooleanSupplier done) throws Exception {
        for (int i = 0; i < 600; i++) {
            boolean[] there = new boolean[1];
            onFx(() -> there[0] = done.getAsBoolean());
            if (there[0]) {
                return;
            }
            Thread.sleep(100);
        }
        throw new IllegalStateException("nothing came");
    }

    static void onFx(Runnable body) throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        Throwable[] failure = new Throwable[1];
        Platform.runLater(() -> {
            try {
                body.run();
            } catch (Throwable e) {
                failure[0] = e;
            }
            done.countDown();
        });
        if (!done.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the JavaFX thread hangs");
        }
        if (failure[0] != null) {
            throw new IllegalStateException(failure[0]);
        }
    }

    /// The view as the window frames it: toolbar, navigator, header, inspector, status.
    static Scene frame(AnatomyView view, Theme theme, int width, int height) {
        Button subject = Buttons.plain(view.subject().map(Subject::name).orElse("nothing"), Icons.CHECKPOINT, () -> { });
        HBox header = new HBox(subject);
        header.getStyleClass().add(Styles.VIEW_HEADER);
        header.getChildren().addAll(view.headerControls());
        StackPane body = new StackPane(view.body());
        body.setPadding(new Insets(16));
        body.getStyleClass().add(Styles.CANVAS);
        VBox.setVgrow(body, Priority.ALWAYS);
        VBox middle = new VBox(header, body);
        BorderPane root = new BorderPane(middle);
        root.setLeft(side(new StackPane(), Styles.NAVIGATOR, width < 1360 ? 216 : 260));
        root.setRight(side(new StackPane(view.inspector()), Styles.INSPECTOR, width < 1360 ? 264 : 300));
        root.setTop(spacer(80));
        root.setBottom(spacer(28));
        Scene scene = new Scene(root, width, height);
        new Themes(theme).dress(scene);
        return scene;
    }

    private static Node side(StackPane pane, String style, double width) {
        pane.getStyleClass().add(style);
        pane.setMinWidth(width);
        pane.setMaxWidth(width);
        return pane;
    }

    private static StackPane spacer(double height) {
        StackPane p = new StackPane();
        p.setMinHeight(height);
        p.setMaxHeight(height);
        p.getStyleClass().add(Styles.FRAME);
        return p;
    }

    private static void picture(AnatomyView view, Theme theme, int width, int height, Path file, Consumer<Scene> last) throws Exception {
        Stage[] stage = new Stage[1];
        onFx(() -> {
            stage[0] = new Stage();
            stage[0].setScene(frame(view, theme, width, height));
            stage[0].show();
            stage[0].getScene().getRoot().applyCss();
            stage[0].getScene().getRoot().layout();
        });
        Thread.sleep(500);
        onFx(() -> last.accept(stage[0].getScene()));
        Thread.sleep(100);
        onFx(() -> {
            try {
                ImageIO.write(SwingFXUtils.fromFXImage(stage[0].getScene().snapshot(null), null), "png", file.toFile());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            stage[0].close();
        });
        System.out.println("wrote " + file);
    }
}
