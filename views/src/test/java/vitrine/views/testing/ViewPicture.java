package vitrine.views.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
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
import vitrine.resources.Styles;
import vitrine.views.chart.ScenePng;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;
import vitrine.views.view.View;

/// Pictures of single views, to be looked at.
public final class ViewPicture {

    private ViewPicture() {}

    /// The view as the window frames it, between its inspector and an empty navigator.
    public static Scene frame(View view, Theme theme, int width, int height) {
        HBox header = new HBox(8);
        header.getStyleClass().add(Styles.VIEW_HEADER);
        for (Node n : view.headerControls()) {
            if (n.getStyleClass().contains(Styles.SPRING)) {
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

    /// Draws the view to a PNG file.
    public static void picture(View view, Theme theme, int width, int height, Path file) {
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
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            stage.close();
        });
        System.out.println("wrote " + file);
    }
}
