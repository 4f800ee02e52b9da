package vitrine.views.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import javafx.application.Platform;
import javafx.scene.control.ToggleButton;
import javafx.scene.layout.HBox;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.engine.PythonInstallation;
import vitrine.core.engine.PythonInstallation.Device;
import vitrine.core.json.Json;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSupport;
import vitrine.core.task.TrainingSupport;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Theme;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.runs.RunsViewModel.Mode;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.Shown;

/// The engine in the form of a new run, with Pythons that are told and none that is started.
class EngineChoiceTest {

    private static final Path MODEL = Path.of("../model-core/src/test/resources/reference/llama-tied").toAbsolutePath().normalize();
    private static final Map<String, String> PACKAGES = Map.of("torch", "2.13.0", "transformers", "5.18.0", "peft", "0.21.0");
    private static final PythonInstallation OLD = new PythonInstallation(Path.of("/usr/bin/python3"), "PATH", Path.of("/library"), "3.12.3", Map.of(), List.of(), "missing: torch, transformers, peft");
    private static final PythonInstallation GOOD = new PythonInstallation(Path.of("/venv/bin/python"), "active virtual environment", Path.of("/library"), "3.13.1", PACKAGES, List.of(), null);
    private static final PythonInstallation ASKED = new PythonInstallation(GOOD.executable(), GOOD.origin(), GOOD.library(), GOOD.version(), PACKAGES,
            List.of(new Device("cpu", "16 threads", 0, 0), new Device("cuda:0", "A card", 80L << 30, 60L << 30)), null);

    @TempDir
    Path dir;

    private final List<List<String>> launched = Collections.synchronizedList(new ArrayList<>());
    private final List<Boolean> looked = Collections.synchronizedList(new ArrayList<>());
    private final CountDownLatch mayAnswer = new CountDownLatch(1);
    private volatile List<PythonInstallation> quick = List.of(OLD, GOOD);
    private volatile List<PythonInstallation> whole = List.of(OLD, ASKED);
    private Path text;
    private RunStore store;
    private RunBoard board;
    private RunsView view;
    private Stage stage;

    @BeforeEach
    void open() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), "Once upon a time");
        store = RunStore.open(dir.resolve("runs"));
        board = new RunBoard(dir.resolve("runs"), RunStore.environment("embedded", "3", 2), (arguments, said) -> {
            launched.add(arguments);
            if (arguments.contains("--export-slurm")) {
                Path script = Path.of(arguments.getLast());
                if (script.getFileName().toString().startsWith("no")) {
                    Files.writeString(said, "task-invalid: the script's name goes into a shell script\n");
                } else {
                    Files.writeString(script, "#!/bin/bash\n");
                    Files.writeString(said, "Wrote it.\nCopy the folder to the cluster and submit it: sbatch " + script.getFileName() + "\n");
                }
                return () -> false;
            }
            return () -> true;
        }, Platform::runLater);
        view = FxThread.get(() -> new RunsView(board));
        FxThread.run(() -> view.findPythonsWith(devices -> {
            assertFalse(Platform.isFxApplicationThread(), "looking takes seconds");
            looked.add(devices);
            try {
                mayAnswer.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return devices ? whole : quick;
        }));
        stage = FxThread.show(FxThread.get(() -> new VBox(new HBox(view.body()))), 1300, 860, Theme.DARK);
        FxThread.run(() -> {
            view.body().setPrefSize(1280, 820);
            for (Form f : List.of(view.model().form(), view.model().pruneForm())) {
                f.text(Form.MODEL).set(MODEL.toString());
                f.text(Form.DATA).set(text.toString());
            }
            view.model().modeProperty().set(Mode.NEW);
        });
        FxThread.pulse();
    }

    @AfterEach
    void close() {
        mayAnswer.countDown();
        FxThread.run(stage::close);
        board.close();
        store.close();
    }

    private EngineChoice engine() {
        return view.model().engine();
    }

    private void answered() {
        mayAnswer.countDown();
        FxThread.await("the Pythons", () -> engine().stateProperty().get().pythons() != null && !engine().stateProperty().get().looking());
        FxThread.pulse();
    }

    private void choosePython() {
        FxThread.run(() -> engine().engineProperty().set("pytorch"));
        FxThread.await("the devices", () -> engine().stateProperty().get().devices());
        FxThread.pulse();
    }

    private ToggleButton pytorch() {
        return FxThread.get(() -> Shown.all(view.body(), ToggleButton.class).stream().filter(b -> b.getText().equals("pytorch")).findFirst().orElseThrow());
    }

    private void has(String... wanted) {
        List<String> texts = FxThread.get(() -> Shown.texts(stage.getScene().getRoot()));
        for (String w : wanted) {
            assertTrue(texts.stream().anyMatch(t -> t.contains(w)), "not shown: " + w + "; shown are " + texts);
        }
    }

    @Test
    void looksOffTheThreadAndStartsWhatWasChosen() throws IOException {
        has("Looking for Pythons…");
        assertTrue(pytorch().isDisabled());
        assertTrue(FxThread.get(() -> !Shown.button(view.body(), "Start run").isDisabled()), "the embedded engine waits for no Python");
        answered();
        assertEquals(List.of(false), looked, "no torch is loaded before its engine is chosen");
        assertFalse(pytorch().isDisabled());
        choosePython();
        assertEquals(List.of(false, true), looked);
        has("Python 3.13.1 (active virtual environment), torch 2.13.0, transformers 5.18.0, peft 0.21.0.", "Not used: Python 3.12.3 (PATH): missing: torch, transformers, peft.",
                "Memory and time are predicted for the embedded engine only.");
        assertEquals(List.of("auto", "cpu", "cuda:0"), FxThread.get(engine()::devices));
        FxThread.run(() -> {
            engine().deviceProperty().set("cuda:0");
            engine().dtypeProperty().set("bfloat16");
        });
        has("cuda:0 · A card", Numbers.bytes(60L << 30) + " of " + Numbers.bytes(80L << 30) + " free when it was asked.");
        String command = "vitrine finetune --model " + MODEL + " --data " + text + " --method lora --steps 200 --engine pytorch --device cuda:0 --dtype bfloat16";
        assertEquals(command, FxThread.get(view::command));
        has(command);
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.body()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.unexplained(view.body()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        FxThread.run(() -> view.model().start());
        FxThread.await("the run", () -> !launched.isEmpty());
        RunRecord run = store.get(1).orElseThrow();
        // What `runs resume` computes with is what the run was entered with.
        assertEquals(List.of("runs", "resume", "1", "--threads", "2", "--json"), launched.getLast());
        assertEquals(Json.object().put("engine", "pytorch").put("version", vitrine.core.engine.PythonEngine.VERSION).put("device", "cuda:0").put("dtype", "bfloat16"),
                store.environment(run.number()).retain("engine", "version", "device", "dtype"));
        // The same settings again are the same engine's.
        board.look();
        FxThread.run(() -> engine().choose(EngineChoice.Chosen.EMBEDDED));
        FxThread.await("the run's data", () -> view.model().data().isPresent());
        FxThread.run(() -> view.model().copy(view.model().data().orElseThrow()));
        assertEquals(command, FxThread.get(view::command));
    }

    @Test
    void saysWhatIsMissingWhereNoneIsUsable() {
        quick = List.of(OLD);
        answered();
        assertTrue(pytorch().isDisabled());
        has("pytorch: not available: no Python has what it needs. vitrine engines --make-environment makes an environment", "Python 3.12.3 (PATH): missing: torch, transformers, peft.");
        // Someone installs it.
        quick = List.of(OLD, GOOD);
        FxThread.run(engine()::again);
        answered();
        assertFalse(pytorch().isDisabled());
        // It has torch, and torch does not load.
        whole = List.of(OLD, new PythonInstallation(GOOD.executable(), GOOD.origin(), GOOD.library(), GOOD.version(), PACKAGES, List.of(), "torch does not load: no libgomp"));
        choosePython();
        has("Not available: no Python has what it needs.", "torch does not load: no libgomp");
        assertNull(FxThread.get(() -> view.model().form().taskProperty().get()), "a run that could not begin is not started");
        // One that is named is the one, whatever it has.
        whole = List.of(new PythonInstallation(Path.of("/named"), vitrine.core.engine.Pythons.VARIABLE, Path.of("/library"), "3.9.1", Map.of(), List.of(), "Python 3.9 is too old"), ASKED);
        FxThread.run(engine()::again);
        FxThread.await("the answer", () -> engine().stateProperty().get().pythons().size() == 2 && engine().stateProperty().get().devices() && !engine().stateProperty().get().looking());
        assertTrue(FxThread.get(engine()::lack).startsWith("Not available: the Python of VITRINE_PYTHON or of the preferences: Python 3.9 is too old."));
    }

    @Test
    void whatAnEngineLacksIsSaidBesideTheField() {
        answered();
        RunForm training = view.model().form();
        PruneForm pruning = view.model().pruneForm();
        for (String name : List.of("embedded", "pytorch")) {
            FxThread.run(() -> engine().engineProperty().set(name));
            FxThread.await("the devices", () -> name.equals("embedded") || engine().stateProperty().get().devices());
            for (FinetuneMethod m : FinetuneMethod.values()) {
                FxThread.run(() -> training.methodProperty().set(m));
                assertEquals(TrainingSupport.lack(name, m).map(why -> Map.of(Form.METHOD, "Not with the " + name + " engine: " + why + ".")).orElse(Map.of()), FxThread.get(() -> training.problemsProperty().get()), m.name());
            }
            for (PruneMethod m : List.of(PruneMethod.wanda, PruneMethod.svd, PruneMethod.shortgpt, PruneMethod.swift_svd, PruneMethod.heads, PruneMethod.slimgpt)) {
                FxThread.run(() -> pruning.methodProperty().set(m));
                assertEquals(PruneSupport.lack(name, m).isEmpty(), FxThread.get(() -> pruning.taskProperty().get() != null), m.name());
                assertEquals(PruneSupport.lack(name, m).isPresent(), FxThread.get(() -> pruning.problemsProperty().get().containsKey(Form.METHOD)), m.name());
            }
        }
        FxThread.run(() -> {
            training.methodProperty().set(FinetuneMethod.lora);
            training.text("init").set("pissa");
            training.text("optimiser").set("mezo");
            pruning.methodProperty().set(PruneMethod.wanda);
            pruning.text("allocation").set("owl");
        });
        assertEquals(Map.of(), FxThread.get(() -> training.problemsProperty().get()), "both engines have both");
        assertEquals(Map.of("allocation", "Not with the pytorch engine: it shares a sparsity out evenly only."), FxThread.get(() -> pruning.problemsProperty().get()));
        FxThread.run(() -> pruning.text("allocation").set(""));
        assertTrue(FxThread.get(pruning::command).endsWith(" --method wanda --data " + text + " --sparsity 0.5 --engine pytorch --device auto --dtype float32"), FxThread.get(pruning::command));
        FxThread.run(() -> engine().engineProperty().set("embedded"));
        assertNotNull(FxThread.get(() -> training.taskProperty().get()));
    }

    @Test
    void aJobForAClusterIsWrittenByTheCommandLine() {
        Path script = dir.resolve("train.sbatch");
        CompletableFuture<String> job = FxThread.get(() -> view.model().exportJob(script));
        FxThread.await("the job", job::isDone);
        String told = job.join();
        assertEquals(List.of("finetune", "--model", MODEL.toString(), "--data", text.toString(), "--method", "lora", "--steps", "200", "--engine", "pytorch", "--device", "auto", "--dtype", "float32",
                "--export-slurm", script.toString()), launched.getLast());
        assertEquals("Copy the folder to the cluster and submit it: sbatch train.sbatch", told);
        FxThread.pulse();
        has(told);
        FxThread.run(() -> view.model().exportJob(dir.resolve("no name")));
        FxThread.await("the refusal", () -> !view.model().refusedProperty().get().isEmpty());
        has("the script's name goes into a shell script");
        FxThread.run(() -> view.model().form().methodProperty().set(FinetuneMethod.beamlora));
        assertFalse(FxThread.get(() -> Shown.button(view.body(), "Export for Slurm…").isDisabled()), "a job on one GPU");
    }
}
