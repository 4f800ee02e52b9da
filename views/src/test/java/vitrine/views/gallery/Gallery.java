package vitrine.views.gallery;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.DoubleFunction;
import javafx.application.Platform;
import javafx.scene.Parent;
import javafx.scene.Scene;
import javafx.stage.Stage;
import javax.imageio.ImageIO;
import vitrine.views.chart.SceneSvg;
import vitrine.views.chart.ScenePng;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;

/// Writes every page in both looks and three sizes as PNG, and one of them as SVG.
public final class Gallery {

    private static final int[][] SIZES = {{1280, 800}, {1440, 900}, {2560, 1440}};

    private Gallery() {}

    /// @param args the folder to write to, then names of pages; all pages without
    public static void main(String[] args) throws Exception {
        Path folder = Files.createDirectories(Path.of(args[0]));
        CountDownLatch done = new CountDownLatch(1);
        Exception[] failure = new Exception[1];
        Platform.startup(() -> {
            try {
                write(folder, args);
            } catch (IOException e) {
                failure[0] = e;
            } finally {
                done.countDown();
            }
        });
        done.await();
        Platform.exit();
        if (failure[0] != null) {
            throw failure[0];
        }
    }

    private static void write(Path folder, String[] args) throws IOException {
        Map<String, DoubleFunction<Parent>> pages = new LinkedHashMap<>();
        pages.put("attention", AttentionPage::build);
        pages.put("rank", RankPage::build);
        pages.put("runs", RunsPage::build);
        pages.put("charts", ChartsPage::build);
        pages.put("controls", ControlsPage::build);
        Themes themes = new Themes(Theme.DARK);
        for (Map.Entry<String, DoubleFunction<Parent>> page : pages.entrySet()) {
            if (args.length > 1 && !java.util.List.of(args).contains(page.getKey())) {
                continue;
            }
            for (Theme theme : Theme.values()) {
                themes.themeProperty().set(theme);
                for (int[] size : SIZES) {
                    String name = page.getKey() + "-" + theme.name().toLowerCase(java.util.Locale.ROOT) + "-" + size[0];
                    Scene scene = new Scene(page.getValue().apply(size[0]), size[0], size[1]);
                    themes.dress(scene);
                    Stage stage = new Stage();
                    stage.setScene(scene);
                    stage.show();
                    scene.getRoot().resize(size[0], size[1]);
                    scene.getRoot().applyCss();
                    scene.getRoot().layout();
                    ImageIO.write(ScenePng.take(scene.getRoot(), 1), "png", folder.resolve(name + ".png").toFile());
                    if (size[0] == 1440 && theme == Theme.LIGHT) {
                        Files.writeString(folder.resolve(name + ".svg"), SceneSvg.of(scene.getRoot(), page.getKey()));
                    }
                    stage.close();
                }
            }
        }
    }
}
