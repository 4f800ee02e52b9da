package vitrine.app;

import java.lang.management.ManagementFactory;
import javafx.application.Platform;
import javafx.scene.Scene;

/// For the benchmark of the window's start: with `-Dvitrine.bench.firstPaint=true` the times from the start of the JVM to the window's
/// first frame, and to the first with all that belongs into it, are printed on standard error, and with a path how long what it names took from
/// being asked for to being drawn; then the window closes.
final class FirstPaint {

    private static final String PROPERTY = "vitrine.bench.firstPaint";

    private FirstPaint() {}

    /// Runs something once, behind the next frame of a scene that is shown or about to be.
    static void after(Scene scene, Runnable then) {
        Runnable[] once = new Runnable[1];
        once[0] = () -> {
            scene.removePostLayoutPulseListener(once[0]);
            // The pulse that laid the scene out paints it too: what is queued behind it runs after the frame was handed over.
            Platform.runLater(then);
        };
        scene.addPostLayoutPulseListener(once[0]);
        Platform.requestNextPulse();
    }

    /// Tells the time of a frame that was painted now.
    static void tell(String what) {
        if (Boolean.getBoolean(PROPERTY)) {
            System.err.println(what + " after " + (System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime()) + " ms");
        }
    }

    /// Tells when a scene is painted; where nothing is opened the measure is taken, and the program ends.
    static void window(Scene scene, boolean opens) {
        if (Boolean.getBoolean(PROPERTY)) {
            after(scene, () -> {
                tell("whole window");
                if (!opens) {
                    Platform.exit();
                }
            });
        }
    }

    /// Tells when what was asked for is drawn, and ends the program.
    ///
    /// @param askedNanos when it was asked for
    static void opened(Scene scene, long askedNanos) {
        if (Boolean.getBoolean(PROPERTY)) {
            after(scene, () -> {
                System.err.println("opened and drawn after " + (System.nanoTime() - askedNanos) / 1_000_000 + " ms");
                Platform.exit();
            });
        }
    }
}
