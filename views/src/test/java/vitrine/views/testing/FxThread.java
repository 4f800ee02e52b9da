package vitrine.views.testing;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import javafx.application.Platform;
import javafx.scene.Parent;
import javafx.scene.Scene;
import javafx.stage.Stage;
import vitrine.views.chart.Theme;
import vitrine.views.control.Themes;

/// The JavaFX thread of all tests: started once, without a display, and left running until the tests are over.
///
/// What fails on it, asked for by a test or not, fails the test: nothing that is thrown there gets lost.
public final class FxThread {

    private static final long PATIENCE_SECONDS = 60;
    private static final AtomicReference<Throwable> UNHANDLED = new AtomicReference<>();

    /// One for each look: they also dress pop-ups, so two of one look would do the same twice.
    private static final Map<Theme, Themes> LOOKS = new EnumMap<>(Theme.class);
    private static boolean started;

    private FxThread() {}

    /// Starts the toolkit unless that was done. Not in an initialiser of this class: the JavaFX thread would wait for its end.
    private static synchronized void start() {
        if (started) {
            return;
        }
        CountDownLatch there = new CountDownLatch(1);
        Platform.startup(() -> {
            Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> {
                if (!beyondTheScreen(e)) {
                    UNHANDLED.compareAndSet(null, e);
                }
            });
            Platform.setImplicitExit(false);
            there.countDown();
        });
        await(there, "the toolkit does not start");
        started = true;
    }

    /// JavaFX 26's screen without a display is an array of 1000 x 1000 pixels, whatever the size of a window: copying a larger one there fails, after it
    /// was drawn well.
    private static boolean beyondTheScreen(Throwable e) {
        return e instanceof IndexOutOfBoundsException
                && Arrays.stream(e.getStackTrace()).anyMatch(f -> f.getClassName().equals("com.sun.glass.ui.headless.HeadlessWindow") && f.getMethodName().equals("blit"));
    }

    private static void await(CountDownLatch latch, String otherwise) {
        try {
            if (!latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException(otherwise);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Does something on the JavaFX thread and waits for it.
    public static void run(Runnable body) {
        get(() -> {
            body.run();
            return null;
        });
    }

    /// Asks for something on the JavaFX thread and waits for it.
    public static <T> T get(Callable<T> body) {
        start();
        FutureTask<T> task = new FutureTask<>(body);
        if (Platform.isFxApplicationThread()) {
            task.run();
        } else {
            Platform.runLater(task);
        }
        try {
            T result = task.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            failForUnhandled();
            return result;
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case Error error -> throw error;
                case RuntimeException runtime -> throw runtime;
                default -> throw new IllegalStateException(e.getCause());
            }
        } catch (InterruptedException | TimeoutException e) {
            throw new IllegalStateException("the JavaFX thread does not answer", e);
        }
    }

    /// Waits until something holds, looking on the JavaFX thread.
    ///
    /// @param what completes the sentence `waited in vain for …`
    public static void await(String what, BooleanSupplier holds) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!get(holds::getAsBoolean)) {
            if (System.nanoTime() > end) {
                throw new AssertionError("waited in vain for " + what);
            }
            pause();
        }
    }

    /// Waits until what was changed is laid out and drawn: two pulses.
    public static void pulse() {
        for (int i = 0; i < 2; i++) {
            CountDownLatch drawn = new CountDownLatch(1);
            run(() -> {
                new javafx.animation.AnimationTimer() {
                    @Override
                    public void handle(long now) {
                        stop();
                        drawn.countDown();
                    }
                }.start();
                Platform.requestNextPulse();
            });
            await(drawn, "no pulse comes");
        }
        run(() -> { });
    }

    /// Shows a node in a dressed window of this size, laid out and drawn.
    public static Stage show(Parent root, double width, double height, Theme theme) {
        Stage stage = get(() -> {
            Scene scene = new Scene(root, width, height);
            LOOKS.computeIfAbsent(theme, Themes::new).dress(scene);
            Stage window = new Stage();
            window.setScene(scene);
            window.show();
            root.applyCss();
            root.layout();
            return window;
        });
        pulse();
        return stage;
    }

    private static void pause() {
        try {
            Thread.sleep(10);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void failForUnhandled() {
        Throwable e = UNHANDLED.getAndSet(null);
        if (e != null) {
            throw new AssertionError("nobody handled what was thrown on the JavaFX thread", e);
        }
    }
}
