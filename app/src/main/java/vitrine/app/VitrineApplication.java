package vitrine.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javafx.application.Application;
import javafx.application.Platform;
import javafx.geometry.Rectangle2D;
import javafx.scene.Scene;
import javafx.scene.layout.Background;
import javafx.scene.layout.Region;
import javafx.stage.Screen;
import javafx.stage.Stage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.app.preferences.Preferences;
import vitrine.app.preferences.PreferencesFile;
import vitrine.app.program.Folders;
import vitrine.app.services.Services;
import vitrine.app.services.Settings;
import vitrine.app.shell.MainWindow;
import vitrine.app.shell.Mark;
import vitrine.app.shell.Questions;
import vitrine.app.program.SampleOffer;
import vitrine.app.state.StateStore;
import vitrine.views.chart.Theme;

/// The window's program. Its arguments are paths to open.
public final class VitrineApplication extends Application {

    private static final Logger LOG = LoggerFactory.getLogger(VitrineApplication.class);
    /// Where the window was, per size of the screen.
    private static final String BOUNDS = "window@";

    private Services services;

    @Override
    public void start(Stage stage) throws IOException {
        Thread.currentThread().setUncaughtExceptionHandler((t, e) -> LOG.error("a fault in the window", e));
        Folders folders = Folders.locate();
        // Read before the window is made, so that it never changes its look before the user's eyes; it takes some milliseconds.
        Preferences preferences = new PreferencesFile(folders.preferences()).read();
        Optional<String> bounds;
        try (StateStore state = new StateStore(folders.state())) {
            bounds = state.setting(boundsKey()).join();
        }
        Theme theme = Settings.look(preferences);
        Services made = Services.of(folders, preferences);
        services = made;
        // The window is there at once, as an empty frame; what belongs into it takes a moment more.
        Region ground = new Region();
        ground.setBackground(Background.fill(theme.palette().inset()));
        Scene frame = new Scene(ground, theme.palette().inset());
        stage.setTitle("Vitrine");
        stage.setScene(frame);
        place(stage, bounds);
        FirstPaint.after(frame, () -> {
            FirstPaint.tell("first paint");
            try {
                fill(stage, made, folders);
            } catch (RuntimeException e) {
                // An empty frame that stays empty helps nobody.
                LOG.error("the window could not be made", e);
                System.err.println("The window could not be made: " + e.getMessage() + ". The log has more.");
                System.exit(1);
            }
        });
        stage.show();
    }

    private void fill(Stage stage, Services made, Folders folders) {
        List<SampleOffer> samples = SampleOffer.all(folders);
        MainWindow window = new MainWindow(made, stage, Questions.ofSystem(stage), samples);
        stage.setOnHidden(e -> made.state().set(boundsKey(), bounds(stage)));
        List<Path> paths = getParameters().getRaw().stream().map(Path::of).toList();
        FirstPaint.window(window.scene(), !paths.isEmpty());
        if (!paths.isEmpty()) {
            long asked = System.nanoTime();
            window.open(paths).thenRun(() -> FirstPaint.opened(window.scene(), asked));
        } else {
            openSampleAtFirstStart(window, samples);
        }
        for (int size : new int[] {16, 32, 48, 128}) {
            stage.getIcons().add(Mark.image(size));
        }
    }

    /// The very first window shows the sample; later ones the start page with what was opened before.
    private void openSampleAtFirstStart(MainWindow window, List<SampleOffer> samples) {
        services.state().recent().thenAcceptAsync(known -> {
            if (known.isEmpty() && !samples.isEmpty()) {
                window.openSample(samples.getFirst());
            }
        }, Platform::runLater);
    }

    private static String boundsKey() {
        Rectangle2D screen = Screen.getPrimary().getBounds();
        return BOUNDS + (int) screen.getWidth() + "x" + (int) screen.getHeight();
    }

    private static String bounds(Stage stage) {
        return stage.isMaximized() ? "maximised" : (int) stage.getX() + "," + (int) stage.getY() + "," + (int) stage.getWidth() + "," + (int) stage.getHeight();
    }

    /// As it was left on a screen of this size; else as large as fits, up to 1440 x 900.
    private static void place(Stage stage, Optional<String> bounds) {
        Rectangle2D screen = Screen.getPrimary().getVisualBounds();
        if (bounds.filter(b -> b.equals("maximised")).isPresent()) {
            stage.setMaximized(true);
        } else if (bounds.filter(b -> b.matches("-?\\d{1,5},-?\\d{1,5},\\d{3,5},\\d{3,5}")).isPresent()) {
            String[] b = bounds.get().split(",");
            stage.setX(Double.parseDouble(b[0]));
            stage.setY(Double.parseDouble(b[1]));
            stage.setWidth(Double.parseDouble(b[2]));
            stage.setHeight(Double.parseDouble(b[3]));
        } else {
            stage.setWidth(Math.min(1440, screen.getWidth()));
            stage.setHeight(Math.min(900, screen.getHeight()));
            stage.centerOnScreen();
        }
    }

    @Override
    public void stop() {
        if (services != null) {
            services.close();
        }
    }
}
