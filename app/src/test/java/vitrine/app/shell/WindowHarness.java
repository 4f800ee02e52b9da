package vitrine.app.shell;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import javafx.event.Event;
import javafx.event.EventTarget;
import javafx.scene.Node;
import javafx.scene.Parent;
import javafx.scene.control.Labeled;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyCombination;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.MouseButton;
import javafx.scene.input.MouseEvent;
import javafx.stage.Stage;
import vitrine.app.cli.CommandLineTool;
import vitrine.app.program.Folders;
import vitrine.app.program.SampleOffer;
import vitrine.app.services.Services;
import vitrine.app.picture.Toolkit;
import vitrine.core.artifact.ArtifactStore;
import vitrine.core.engine.EmbeddedEngine;
import vitrine.core.engine.Engine;
import vitrine.core.engine.IdleWorkers;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.WorkerCommand;
import vitrine.views.chart.Theme;

/// The window on the headless platform, with somebody who answers its questions. Faults on the JavaFX thread are counted: a test that
/// ends with one fails.
final class WindowHarness implements AutoCloseable {

    static final Path REFERENCE = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();
    static final Path BAD = Path.of("../model-core/src/test/resources/badinputs").toAbsolutePath().normalize();
    private static final double PATIENCE_SECONDS = Integer.getInteger("vitrine.patience", 60);

    /// What the user answers.
    static final class Answers implements Questions {
        Path folder;
        List<Path> files = List.of();
        Path target;

        @Override
        public Optional<Path> folder() {
            return Optional.ofNullable(folder);
        }

        @Override
        public List<Path> files() {
            return files;
        }

        @Override
        public Optional<Path> target(String name, String description) {
            return Optional.ofNullable(target);
        }
    }

    final Answers answers = new Answers();
    final List<Throwable> faults = Collections.synchronizedList(new ArrayList<>());
    final Services services;
    final MainWindow window;
    final Stage stage;

    /// With the real engine.
    static WindowHarness real(Path home) throws Exception {
        IdleWorkers.keep();
        return new WindowHarness(home, new EmbeddedEngine(new ArtifactStore(home.resolve("artifacts"), 1L << 30), WorkerCommand.embedded(2, 4L << 30)), List.of());
    }

    /// With the real engine and a Python in which runs may be computed; the command line that trains is called in this process.
    static WindowHarness real(Path home, PythonInstallation python) throws Exception {
        IdleWorkers.keep();
        Engine engine = new EmbeddedEngine(new ArtifactStore(home.resolve("artifacts"), 1L << 30), WorkerCommand.embedded(2, 4L << 30));
        return new WindowHarness(() -> Services.with(new Folders(home), engine, 2, WindowHarness::inThisProcess, Theme.DARK, devices -> List.of(python)), List.of());
    }

    private static BooleanSupplier inThisProcess(List<String> arguments, Path said) {
        return Thread.ofPlatform().daemon().name("command line").start(() -> {
            try (PrintWriter out = new PrintWriter(said.toFile(), StandardCharsets.UTF_8)) {
                CommandLineTool.run(arguments.toArray(String[]::new), out, out);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        })::isAlive;
    }

    WindowHarness(Path home, Engine engine, List<SampleOffer> samples) {
        this(() -> Services.with(new Folders(home), engine, Theme.DARK), samples);
    }

    private WindowHarness(Callable<Services> made, List<SampleOffer> samples) {
        Toolkit.startHeadless();
        services = fx(made);
        Object[] shown = fx(() -> {
            Thread.currentThread().setUncaughtExceptionHandler((t, e) -> {
                if (!isOfThePlatform(e)) {
                    faults.add(e);
                }
            });
            Stage s = new Stage();
            MainWindow w = new MainWindow(services, s, answers, samples);
            s.setWidth(1440);
            s.setHeight(900);
            s.show();
            size(w, 1440, 900);
            return new Object[] {w, s};
        });
        window = (MainWindow) shown[0];
        stage = (Stage) shown[1];
    }

    private static void size(MainWindow w, double width, double height) {
        Parent root = w.scene().getRoot();
        root.resize(width, height);
        root.applyCss();
        root.layout();
    }

    void resize(double width, double height) {
        fx(() -> {
            size(window, width, height);
            return null;
        });
    }

    static <T> T fx(Callable<T> work) {
        return Toolkit.onThread(work);
    }

    static void run(Runnable work) {
        Toolkit.onThread(() -> {
            work.run();
            return null;
        });
    }

    void await(String what, BooleanSupplier condition) {
        if (!Toolkit.await(condition, PATIENCE_SECONDS)) {
            throw new AssertionError("waited in vain for: " + what + "; shown are " + fx(this::texts));
        }
    }

    /// Until nothing is under way.
    void settle() {
        await("tasks to end", () -> services.board().rows().stream().allMatch(r -> r.state().over()));
    }

    void open(Path... paths) {
        var opened = fx(() -> window.open(List.of(paths)));
        opened.join();
        fx(() -> null);
    }

    /// Presses keys as the scene's focus owner would get them: `Shortcut+K`, `Esc`, `Down`.
    void press(String keys) {
        run(() -> {
            KeyCombination k = KeyCombination.valueOf(keys);
            KeyCode code = ((javafx.scene.input.KeyCodeCombination) k).getCode();
            boolean shift = k.getShift() == KeyCombination.ModifierValue.DOWN;
            boolean control = k.getShortcut() == KeyCombination.ModifierValue.DOWN;
            boolean alt = k.getAlt() == KeyCombination.ModifierValue.DOWN;
            Node focus = window.scene().getFocusOwner();
            EventTarget target = focus == null ? window.scene() : focus;
            Event.fireEvent(target, new KeyEvent(KeyEvent.KEY_PRESSED, "", "", code, shift, control, alt, false));
        });
    }

    static void click(Node node) {
        run(() -> node.fireEvent(new MouseEvent(MouseEvent.MOUSE_CLICKED, 4, 4, 4, 4, MouseButton.PRIMARY, 1, false, false, false, false, true, false, false, true,
                false, true, null)));
    }

    /// All texts that can be seen.
    List<String> texts() {
        List<String> out = new ArrayList<>();
        // A scroll pane has its content once it has been styled, which would be at the next frame.
        window.scene().getRoot().applyCss();
        window.scene().getRoot().layout();
        collect(window.scene().getRoot(), out);
        return out;
    }

    private static void collect(Node node, List<String> out) {
        if (!node.isVisible()) {
            return;
        }
        if (node instanceof Labeled l && l.getText() != null && !l.getText().isEmpty()) {
            out.add(l.getText());
        }
        if (node instanceof javafx.scene.control.TextInputControl t && !t.getText().isEmpty()) {
            out.add(t.getText());
        }
        if (node instanceof Parent p) {
            p.getChildrenUnmodifiable().forEach(c -> collect(c, out));
        }
    }

    boolean shows(String text) {
        return fx(() -> texts().stream().anyMatch(t -> t.contains(text)));
    }

    /// JavaFX 26's headless platform copies a finished frame into a window that has become smaller since, and runs over its end; so it does when
    /// it clears where a pop-up was that reached beyond the screen. Windows of real platforms do not come that way.
    private static boolean isOfThePlatform(Throwable e) {
        return e instanceof IndexOutOfBoundsException
                && Arrays.stream(e.getStackTrace()).anyMatch(f -> f.getClassName().equals("com.sun.glass.ui.headless.HeadlessWindow") && Set.of("blit", "clearRect").contains(f.getMethodName()));
    }

    @Override
    public void close() {
        run(() -> {
            stage.close();
            services.close();
        });
        if (!faults.isEmpty()) {
            AssertionError e = new AssertionError(faults.size() + " faults on the JavaFX thread");
            faults.forEach(e::addSuppressed);
            throw e;
        }
    }
}
