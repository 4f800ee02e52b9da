package vitrine.app;

import java.lang.management.ManagementFactory;
import javafx.application.Platform;
import javafx.scene.Scene;

/// For the benchmark of the window's start: with `-Dvitrine.bench.firstPaint=true` the time from the start of the JVM to the first
/// painted frame is printed on standard error, and the window closes.
final class FirstPaint {

    private static final String PROPERTY = "vitrine.bench.firstPaint";

    private FirstPaint() {}

    static void watch(Scene scene) {
        if (!Boolean.getBoolean(PROPERTY)) {
            return;
        }
        Runnable[] once = new Runnable[1];
        once[0] = () -> {
            scene.removePostLayoutPulseListener(once[0]);
            // The pulse that laid the scene out paints it too: what is queued behind it runs after the frame was handed over.
            Platform.runLater(() -> {
                long millis = System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime();
                System.err.println("first paint after " + millis + " ms");
                Platform.exit();
            });
        };
        scene.addPostLayoutPulseListener(once[0]);
    }
}
