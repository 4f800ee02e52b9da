package vitrine.views.attention;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javafx.application.Platform;
import javafx.embed.swing.SwingFXUtils;
import javafx.geometry.Insets;
import javafx.scene.Scene;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import javax.imageio.ImageIO;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.resources.Styles;
import vitrine.views.attention.AttentionViewModel.Comparison;
import vitrine.views.attention.AttentionViewModel.Drawing;
import vitrine.views.attention.AttentionViewModel.HeadId;
import vitrine.views.attention.AttentionViewModel.Show;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.tasks.ViewState;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.view.Subject;

/// Draws the Attention view with real figures to PNG files, to be looked at.
///
/// Arguments: a checkpoint folder, a prompt, an output folder.
public final class AttentionPictures {

    private AttentionPictures() {}

    public static void main(String[] args) throws Exception {
        Path model = Path.of(args[0]);
        Path out = Files.createDirectories(Path.of(args[2]));
        Path work = Files.createTempDirectory("pictures");
        CountDownLatch started = new CountDownLatch(1);
        Platform.startup(started::countDown);
        Platform.setImplicitExit(false);
        started.await();
        try (InProcessEngine engine = new InProcessEngine(work)) {
            AttentionView[] view = new AttentionView[1];
            onFx(() -> {
                view[0] = new AttentionView(new TaskBoard(engine, Platform::runLater));
                view[0].model().promptProperty().set(args[1]);
                view[0].show(new Subject(Anatomy.of(Checkpoints.open(model))));
            });
            await(view[0], () -> view[0].model().captureState().state() instanceof ViewState.Result);
            AttentionViewModel m = view[0].model();
            onFx(() -> {
                m.headProperty().set(new HeadId(Math.min(2, m.capture().orElseThrow().layers() - 1), Math.min(4, m.capture().orElseThrow().heads() - 1)));
                m.queryProperty().set(Math.max(0, m.capture().orElseThrow().tokens().size() - 4));
                m.pin(new HeadId(1, 6 % m.capture().orElseThrow().heads()));
            });
            picture(view[0], Theme.DARK, 1440, 900, out.resolve("weights-dark-1440.png"));
            picture(view[0], Theme.LIGHT, 1440, 900, out.resolve("weights-light-1440.png"));
            picture(view[0], Theme.DARK, 1280, 800, out.resolve("weights-dark-1280.png"));
            picture(view[0], Theme.DARK, 2560, 1440, out.resolve("weights-dark-2560.png"));
            onFx(() -> m.drawingProperty().set(Drawing.LINKS));
            picture(view[0], Theme.DARK, 1440, 900, out.resolve("links-dark-1440.png"));
            onFx(() -> {
                m.drawingProperty().set(Drawing.MAP);
                m.compareWith(new Comparison(m.subjectProperty().get(), args[1].replaceFirst("the", "a")));
                m.askRank();
            });
            await(view[0], () -> m.otherState().state() instanceof ViewState.Result && m.rankState().state() instanceof ViewState.Result);
            picture(view[0], Theme.DARK, 1440, 900, out.resolve("difference-dark-1440.png"));
            onFx(() -> m.showProperty().set(Show.ROLLOUT));
            await(view[0], () -> m.rolloutState().state() instanceof ViewState.Result);
            picture(view[0], Theme.LIGHT, 1440, 900, out.resolve("rollout-light-1440.png"));
            onFx(() -> {
                m.showProperty().set(Show.WEIGHTS);
                m.editingProperty().set(true);
            });
            picture(view[0], Theme.DARK, 1280, 800, out.resolve("editing-dark-1280.png"));
            AttentionView[] empty = new AttentionView[1];
            onFx(() -> {
                empty[0] = new AttentionView(new TaskBoard(engine, Platform::runLater));
                empty[0].show(new Subject(Anatomy.of(Checkpoints.open(model))));
            });
            picture(empty[0], Theme.DARK, 1280, 800, out.resolve("empty-dark-1280.png"));
        }
        System.exit(0);
    }

    private static void await(AttentionView view, java.util.function.BooleanSupplier done) throws Exception {
        for (int i = 0; i < 600; i++) {
            boolean[] there = new boolean[1];
            onFx(() -> there[0] = done.getAsBoolean());
            if (there[0]) {
                return;
            }
            Thread.sleep(100);
        }
        throw new IllegalStateException("nothing came: " + view.model().captureState().state());
    }

    private static void onFx(Runnable body) throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        RuntimeException[] failure = new RuntimeException[1];
        Platform.runLater(() -> {
            try {
                body.run();
            } catch (RuntimeException e) {
                failure[0] = e;
            }
            done.countDown();
        });
        if (!done.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the JavaFX thread hangs");
        }
        if (failure[0] != null) {
            throw failure[0];
        }
    }

    /// The view between an inspector and an empty navigator, as the window frames it.
    private static void picture(AttentionView view, Theme theme, int width, int height, Path file) throws Exception {
        onFx(() -> {
            HBox header = new HBox(8);
            header.getStyleClass().add(Styles.VIEW_HEADER);
            header.getChildren().addAll(view.headerControls());
            StackPane body = new StackPane(view.body());
            body.setPadding(new Insets(16));
            body.getStyleClass().add(Styles.CANVAS);
            VBox.setVgrow(body, javafx.scene.layout.Priority.ALWAYS);
            VBox middle = new VBox(header, body);
            StackPane inspector = new StackPane(view.inspector());
            inspector.getStyleClass().add(Styles.INSPECTOR);
            double side = width < 1360 ? 264 : 300;
            inspector.setMinWidth(side);
            inspector.setMaxWidth(side);
            StackPane navigator = new StackPane();
            navigator.getStyleClass().add(Styles.NAVIGATOR);
            navigator.setMinWidth(width < 1360 ? 216 : 260);
            BorderPane root = new BorderPane(middle);
            root.setLeft(navigator);
            root.setRight(inspector);
            root.setTop(spacer(80));
            root.setBottom(spacer(28));
            Scene scene = new Scene(root, width, height);
            new Themes(theme).dress(scene);
            Stage stage = new Stage();
            stage.setScene(scene);
            stage.show();
            root.applyCss();
            root.layout();
        });
        Thread.sleep(400);
        onFx(() -> {
            try {
                Scene scene = view.body().getScene();
                ImageIO.write(SwingFXUtils.fromFXImage(scene.snapshot(null), null), "png", file.toFile());
                ((Stage) scene.getWindow()).close();
                view.body().getParent();
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        System.out.println("wrote " + file);
    }

    private static StackPane spacer(double height) {
        StackPane p = new StackPane();
        p.setMinHeight(height);
        p.getStyleClass().add(Styles.TOOLBAR);
        return p;
    }
}
