package vitrine.app.picture;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.function.Function;
import com.fasterxml.jackson.databind.node.ObjectNode;
import javafx.geometry.Insets;
import javafx.scene.Node;
import javafx.scene.Scene;
import javafx.scene.control.Label;
import javafx.scene.layout.Pane;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javax.imageio.ImageIO;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.resources.Styles;
import vitrine.views.chart.SceneSvg;
import vitrine.views.chart.ScenePng;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;
import vitrine.views.view.View;

/// A view as a file: what is shown, hover and lock included, on white without card borders, with a line below that says what it is.
///
/// Files are written whole or not at all. Called on the JavaFX thread, which a large PNG holds up for a moment.
public final class Export {

    private static final double PAD = 16;

    private final View view;
    private final Themes themes;
    private final String caption;

    /// @param caption checkpoint, prompt or text hash, measure, version; empty for none
    public Export(View view, Themes themes, String caption) {
        this.view = view;
        this.themes = themes;
        this.caption = caption;
    }

    /// Writes a PNG with so many pixels per logical pixel: 1, 2 or 4.
    public void png(Path target, Theme look, double scale) throws IOException {
        BufferedImage image = posed(look, node -> ScenePng.take(node, scale));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        Whole.write(target, bytes.toByteArray());
    }

    /// Writes an SVG with outlined letters.
    public void svg(Path target, Theme look) throws IOException {
        String text = posed(look, node -> SceneSvg.of(node, caption.isEmpty() ? view.exportName() : caption));
        Whole.write(target, text.getBytes(StandardCharsets.UTF_8));
    }

    /// Writes the numbers, and beside them a JSON that tells where they come from.
    public void csv(Path target) throws IOException {
        Whole.write(target, view.csv().getBytes(StandardCharsets.UTF_8));
        ObjectNode origin = Json.object().put("figure", view.exportName()).put("caption", caption).put("command", view.command())
                .put("exported", Instant.now().toString());
        view.task().ifPresent(t -> origin.set("task", t.toJson()));
        Path name = target.getFileName();
        Whole.write(target.resolveSibling(name.toString().replaceAll("\\.csv$", "") + ".json"), Json.pretty(origin).getBytes(StandardCharsets.UTF_8));
    }

    /// Does something with the view as it is exported. The view is put into a frame with the caption meanwhile and back again before the
    /// next pulse, so that nobody sees it.
    private <T> T posed(Theme look, Function<Node, T> work) {
        Region body = (Region) view.body();
        Scene scene = body.getScene();
        Pane home = (Pane) body.getParent();
        int place = home.getChildren().indexOf(body);
        double width = body.getWidth();
        double height = body.getHeight();
        Label line = new Label(caption);
        line.getStyleClass().add(Styles.CAPTION);
        line.setPadding(new Insets(10, 0, 0, 0));
        line.setManaged(!caption.isEmpty());
        line.setVisible(!caption.isEmpty());
        VBox frame = new VBox();
        frame.getStyleClass().add("vt-export");
        frame.setPadding(new Insets(PAD));
        StackPane still = new StackPane();
        frame.getChildren().addAll(still, line);
        frame.setManaged(false);
        home.getChildren().set(place, frame);
        still.getChildren().add(body);
        body.setMinSize(width, height);
        body.setMaxSize(width, height);
        try {
            return themes.during(look, scene, () -> {
                frame.applyCss();
                frame.resize(width + 2 * PAD, frame.prefHeight(width + 2 * PAD));
                frame.layout();
                return work.apply(frame);
            });
        } finally {
            body.setMinSize(Region.USE_COMPUTED_SIZE, Region.USE_COMPUTED_SIZE);
            body.setMaxSize(Region.USE_COMPUTED_SIZE, Region.USE_COMPUTED_SIZE);
            still.getChildren().clear();
            home.getChildren().set(place, body);
        }
    }
}
