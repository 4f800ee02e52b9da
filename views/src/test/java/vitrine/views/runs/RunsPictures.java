package vitrine.views.runs;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.application.Platform;
import javafx.geometry.Insets;
import javafx.scene.Node;
import javafx.scene.Scene;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Pane;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import javax.imageio.ImageIO;
import vitrine.core.run.RunStore;
import vitrine.resources.Styles;
import vitrine.views.chart.ScenePng;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;
import vitrine.views.runs.RunsViewModel.Mode;
import vitrine.views.testing.FxThread;

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
            picture(view, Theme.DARK, 1440, 900, out.resolve(name + "-dark-1440.png"));
            if (r.number() == 1) {
                picture(view, Theme.LIGHT, 1280, 800, out.resolve(name + "-light-1280.png"));
                picture(view, Theme.DARK, 1280, 800, out.resolve(name + "-dark-1280.png"));
                picture(view, Theme.DARK, 2560, 1440, out.resolve(name + "-dark-2560.png"));
                picture(view, Theme.LIGHT, 2560, 1440, out.resolve(name + "-light-2560.png"));
                FxThread.run(() -> view.model().logProperty().set(true));
                picture(view, Theme.DARK, 1440, 900, out.resolve(name + "-log-dark-1440.png"));
                FxThread.run(() -> view.model().logProperty().set(false));
            }
        }
        FxThread.run(() -> view.model().modeProperty().set(Mode.LIST));
        picture(view, Theme.DARK, 1440, 900, out.resolve("list-dark-1440.png"));
        picture(view, Theme.LIGHT, 1280, 800, out.resolve("list-light-1280.png"));
        FxThread.run(() -> {
            view.model().overlays().setAll(2L);
            view.model().show(1);
        });
        board.look();
        picture(view, Theme.DARK, 1440, 900, out.resolve("overlay-dark-1440.png"));
        FxThread.run(() -> view.model().overlays().clear());
        FxThread.run(() -> view.model().compare(1, 2));
        board.look();
        picture(view, Theme.DARK, 1440, 900, out.resolve("compare-dark-1440.png"));
        picture(view, Theme.LIGHT, 1280, 800, out.resolve("compare-light-1280.png"));
        FxThread.run(() -> view.model().modeProperty().set(Mode.NEW));
        picture(view, Theme.DARK, 1280, 800, out.resolve("form-empty-dark-1280.png"));
        FxThread.run(() -> {
            view.model().form().text(RunForm.MODEL).set(args[2]);
            view.model().form().text(RunForm.DATA).set(args[3]);
            view.model().form().text("lr").set("fast");
        });
        picture(view, Theme.LIGHT, 1280, 800, out.resolve("form-wrong-light-1280.png"));
        FxThread.run(() -> view.model().form().text("lr").set("2e-3"));
        FxThread.await("the forecast", () -> view.model().form().outlookProperty().get() != null);
        picture(view, Theme.DARK, 1440, 900, out.resolve("form-dark-1440.png"));
        FxThread.run(() -> ((javafx.scene.control.Button) view.body().lookup("#advanced")).fire());
        picture(view, Theme.DARK, 2560, 1440, out.resolve("form-advanced-dark-2560.png"));
        System.exit(0);
    }

    private static Scene frame(RunsView view, Theme theme, int width, int height) {
        HBox header = new HBox(8);
        header.getStyleClass().add(Styles.VIEW_HEADER);
        for (Node n : view.headerControls()) {
            if (n.getStyleClass().contains("vt-spring")) {
                HBox.setHgrow(n, Priority.ALWAYS);
                ((Region) n).setMaxWidth(Double.MAX_VALUE);
            }
            header.getChildren().add(n);
        }
        StackPane body = new StackPane(view.body());
        body.setPadding(new Insets(16));
        body.getStyleClass().add(Styles.CANVAS);
        VBox.setVgrow(body, Priority.ALWAYS);
        VBox middle = new VBox(header, body);
        middle.setMinSize(0, 0);
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
        return scene;
    }

    private static Node spacer(double height) {
        StackPane p = new StackPane();
        p.setMinHeight(height);
        p.getStyleClass().add(Styles.TOOLBAR);
        return p;
    }

    private static void picture(RunsView view, Theme theme, int width, int height, Path file) throws Exception {
        Stage stage = FxThread.get(() -> {
            Stage s = new Stage();
            s.setScene(frame(view, theme, width, height));
            s.show();
            return s;
        });
        FxThread.pulse();
        FxThread.run(() -> {
            Pane root = (Pane) stage.getScene().getRoot();
            root.resize(width, height);
            for (int i = 0; i < 3; i++) {
                root.applyCss();
                root.layout();
            }
            try {
                ImageIO.write(ScenePng.take(root, 1), "png", file.toFile());
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
            stage.close();
        });
        System.out.println("wrote " + file);
    }
}
