package vitrine.app.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.app.shell.WindowHarness.fx;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.IntStream;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.TextField;
import javafx.scene.control.ToggleButton;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vitrine.app.cli.CommandLineTool;
import vitrine.app.engines.PythonNeeded;
import vitrine.core.artifact.RankTrail;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.RunFolder;
import vitrine.views.control.NavigatorRow;
import vitrine.views.control.Picker;
import vitrine.views.control.Segments;
import vitrine.views.runs.RunRow;
import vitrine.views.runs.RunsView;
import vitrine.views.runs.RunsViewModel.Mode;

/// A real run, small, from the window's form to its result in another view: through a process of its own.
@Timeout(180)
class RunsWindowTest {

    @TempDir
    Path home;

    @Test
    void aRunGoesFromTheFormToItsResultAndOutlivesTheWindow() throws Exception {
        System.setProperty("vitrine.home", home.toString());
        Path model = WindowHarness.REFERENCE.resolve("llama-tied");
        Random r = new Random(1);
        Path data = Files.write(home.resolve("data.jsonl"), IntStream.range(0, 20).mapToObj(i -> "{\"input_ids\": " + java.util.Arrays.toString(r.ints(12, 3, 250).toArray()) + "}").toList());
        try (WindowHarness h = WindowHarness.real(home)) {
            h.open(model);
            h.press("Alt+6");
            assertTrue(h.shows("No runs yet."));
            RunsView view = (RunsView) fx(() -> h.window.present()).orElseThrow();
            WindowHarness.run(() -> {
                view.model().modeProperty().set(Mode.NEW);
                view.offerText(java.util.List.of("data"), java.util.List.of(data));
            });
            h.await("the form", () -> ((Button) view.body().lookup("#start-run")) != null);
            h.await("a task", () -> view.task().isPresent());
            WindowHarness.run(() -> ((Button) view.body().lookup("#start-run")).fire());
            h.await("the run in the list", () -> h.services.runs().row(1).isPresent());
            h.await("figures of the run", () -> h.services.runs().row(1).orElseThrow().run().step() > 3);
            assertTrue(h.shows("#1 LoRA r 16"), "the navigator lists it");
        }
        // The window is gone; the run is not.
        Path folder = home.resolve("runs/1");
        try (WindowHarness h = WindowHarness.real(home)) {
            h.await("the run to be listed again", () -> h.services.runs().row(1).isPresent());
            NavigatorRow row = fx(() -> h.window.navigator().rows().stream().filter(n -> n.getAccessibleText().startsWith("#1 LoRA")).findFirst().orElseThrow());
            WindowHarness.click(row);
            h.await("its view", () -> h.window.present().filter(RunsView.class::isInstance).isPresent());
            if (fx(() -> h.services.runs().row(1).orElseThrow().state()) == RunRow.State.RUNNING) {
                new RunFolder(folder).ask(RunFolder.Stop.finish);
            }
            h.await("the end", () -> h.services.runs().row(1).orElseThrow().state() == RunRow.State.FINISHED);
            h.open(folder.resolve("result"));
            assertEquals(1, h.services.workspace().adapters().size(), "its result opens as an adapter");
            assertTrue(h.services.workspace().refused().isEmpty());
        }
        java.io.StringWriter said = new java.io.StringWriter();
        Path picture = home.resolve("run.png");
        assertEquals(0, CommandLineTool.run(new String[] {"snapshot", "runs", "1", "--size", "900x700", "--scale", "1", "--out", picture.toString()}, new java.io.PrintWriter(said), new java.io.PrintWriter(said)), said.toString());
        assertTrue(Files.size(picture) > 10_000);
        assertEquals(0, CommandLineTool.run(new String[] {"snapshot", "runs", folder.resolve("result").toString(), "--size", "900x700", "--scale", "1", "--out", picture.toString()}, new java.io.PrintWriter(said), new java.io.PrintWriter(said)), said.toString());
        assertEquals(2, CommandLineTool.run(new String[] {"snapshot", "runs", "77", "--out", picture.toString()}, new java.io.PrintWriter(said), new java.io.PrintWriter(said)));
    }

    /// The same on a Python of the user's, by a method that was the embedded engine's alone: the form, the engine, the run, its ranks, its result.
    @Test
    void aRunOnThePytorchEngineGoesFromTheFormToItsResult() throws Exception {
        System.setProperty("vitrine.home", home.toString());
        PythonInstallation python = PythonNeeded.orGivenUp("A RUN OF THE WINDOW ON THE PYTORCH ENGINE");
        Random r = new Random(2);
        Path data = Files.write(home.resolve("data.jsonl"), IntStream.range(0, 12).mapToObj(i -> "{\"input_ids\": " + java.util.Arrays.toString(r.ints(8, 3, 250).toArray()) + "}").toList());
        try (WindowHarness h = WindowHarness.real(home, python)) {
            h.open(WindowHarness.REFERENCE.resolve("llama-tied"));
            h.press("Alt+6");
            RunsView view = (RunsView) fx(() -> h.window.present()).orElseThrow();
            WindowHarness.run(() -> {
                view.model().modeProperty().set(Mode.NEW);
                view.offerText(java.util.List.of("data"), java.util.List.of(data));
            });
            h.await("the form", () -> view.body().lookup("#run-engine") != null);
            WindowHarness.run(() -> view.body().lookupAll(".button").stream().filter(n -> n instanceof Picker<?> p && p.valueProperty().get() instanceof FinetuneMethod).map(RunsWindowTest::methods)
                    .findFirst().orElseThrow().valueProperty().set(FinetuneMethod.beamlora));
            WindowHarness.run(() -> ((TextField) view.body().lookup("#form-steps")).setText("6"));
            h.await("the Pythons", () -> !h.shows("Looking for Pythons"));
            WindowHarness.run(() -> ((Segments<?>) view.body().lookup("#run-engine")).getChildrenUnmodifiable().stream().filter(n -> n instanceof ToggleButton t && t.getText().equals("pytorch"))
                    .map(ToggleButton.class::cast).findFirst().orElseThrow().fire());
            h.await("a run that can begin", () -> !((Button) view.body().lookup("#start-run")).isDisabled());
            assertTrue(h.shows("Python " + python.version()), "what it runs in is told");
            WindowHarness.run(() -> ((Button) view.body().lookup("#start-run")).fire());
            h.await("the end", () -> h.services.runs().row(1).filter(row -> row.state() == RunRow.State.FINISHED).isPresent());
            h.await("its figures", () -> h.shows("pytorch engine"));
            Path result = home.resolve("runs/1/result");
            assertEquals(7, RankTrail.read(RankTrail.in(result).orElseThrow()).steps().size());
            h.open(result);
            assertEquals(1, h.services.workspace().adapters().size(), "its result opens as an adapter");
        }
    }

    @SuppressWarnings("unchecked")
    private static Picker<FinetuneMethod> methods(Node picker) {
        return (Picker<FinetuneMethod>) picker;
    }
}
