package vitrine.views.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javafx.application.Platform;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.layout.HBox;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.json.Json;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.RunFolder;
import vitrine.core.train.Schedule;
import vitrine.views.chart.Numbers;
import vitrine.views.chart.Theme;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.runs.RunsViewModel.Mode;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.Shown;

/// The Runs view over a real store, with runs that a test moves by hand: nothing trains here.
class RunsViewTest {

    private static final Path MODEL = Path.of("../model-core/src/test/resources/reference/llama-tied").toAbsolutePath().normalize();

    @TempDir
    Path dir;

    private final List<List<String>> launched = new ArrayList<>();
    private boolean childLives = true;
    private RunStore store;
    private RunBoard board;
    private RunsView view;
    private Stage stage;

    @BeforeEach
    void open() {
        store = RunStore.open(dir.resolve("runs"));
        board = new RunBoard(dir.resolve("runs"), RunStore.environment("embedded", "3", 2), (arguments, said) -> {
            launched.add(arguments);
            Files.writeString(said, "Starting\nthe machine has no room\n");
            return () -> childLives;
        }, Platform::runLater);
        view = FxThread.get(() -> new RunsView(board));
    }

    @AfterEach
    void close() {
        if (stage != null) {
            FxThread.run(stage::close);
        }
        board.close();
        store.close();
    }

    // --- runs made by hand

    private static ObjectNode task(Object... settings) {
        ObjectNode t = Json.object().put("kind", "finetune").put("model", MODEL.toString()).put("data", "/texts/shakespeare-train.txt").put("method", "lora").put("evalData", "/texts/val.txt");
        ObjectNode s = t.putObject("settings").put("steps", 40).put("r", 8);
        for (int i = 0; i < settings.length; i += 2) {
            s.putPOJO((String) settings[i], settings[i + 1]);
        }
        return (ObjectNode) Json.mapper().valueToTree(t);
    }

    private RunRecord make(ObjectNode task, int steps, double factor) throws IOException {
        RunRecord r = store.create(task, RunStore.environment("embedded", "3", 2));
        TreeMap<Long, Map<String, Double>> rows = new TreeMap<>();
        rows.put(0L, new LinkedHashMap<>(Map.of("validation_loss", 5.2, "memory_forecast_bytes", 600.0 * 1048576, "trained_parameters", 46_240.0)));
        for (long s = 1; s <= steps; s++) {
            Map<String, Double> row = new LinkedHashMap<>(Map.of("loss", factor * (2 + 3 * Math.exp(-s / 8.0)), "gradient_norm", 1 + 3 / (double) s, "learning_rate", LearningRate.of(task, 40).at(s),
                    "tokens_per_second", 15_800.0, "tokens", 1024.0, "seconds", s * 0.07, "worker_memory_bytes", 632.0 * 1048576, "cpu_percent", 192.0));
            if (s % 10 == 0) {
                row.put("validation_loss", s == 10 ? 3.6 : 3.7);
            }
            rows.put(s, row);
        }
        store.record(r.number(), rows);
        store.steps(r.number(), 40);
        return r;
    }

    /// The board outlives every view of it: what was closed must not be held by it.
    @Test
    void aClosedViewIsLetGo() throws Exception {
        make(task(), 20, 1);
        look();
        WeakReference<RunsView> closed = new WeakReference<>(view);
        FxThread.run(() -> ((VBox) stage.getScene().getRoot()).getChildren().clear());
        FxThread.pulse();
        FxThread.pulse();
        view = null;
        for (int i = 0; i < 50 && closed.get() != null; i++) {
            System.gc();
            Thread.sleep(20);
            FxThread.run(() -> { });
        }
        assertNull(closed.get(), "the view is still held");
    }

    /// Which layers loop from which step on, what is still to come, and the heads' entropies of the last line.
    @Test
    void aRunOfSgtShowsHowItGrew() throws IOException {
        ObjectNode t = task().put("method", "sgt");
        t.withObject("/settings").remove("r");
        RunRecord plain = make(task(), 30, 1);
        RunRecord r = make(t, 30, 1);
        Files.writeString(r.folder().resolve("loops.jsonl"), """
                {"step":1,"loops":[0,0,0],"entropy":[[0.1,0.2],[0.3,0.4],[0.5,0.6]]}
                {"step":10,"loops":[0,0,1],"entropy":[[0.1,0.2],[0.3,0.4],[0.5,0.6]]}
                {"step":20,"loops":[0,1,1],"entropy":[[0.7,0.2],[0.3,0.4],[0.5,0.25]]}
                {"step":25,"loo""");
        look();
        FxThread.run(() -> view.model().show(r.number()));
        List<String> said = look();
        assertTrue(said.stream().anyMatch(w -> w.endsWith("SGT")), said.toString());
        assertTrue(said.contains("heads, step 20"), said.toString());
        LoopCards cards = view.run().loops();
        List<String[]> lines = FxThread.get(() -> cards.loops().csv()).lines().map(l -> l.split(",", -1)).toList();
        assertEquals("40", lines.getFirst()[40], "a column for each step");
        for (int layer = 0; layer < 3; layer++) {
            for (int step = 1; step <= 40; step++) {
                String expected = step > 30 ? "" : layer == 2 && step >= 10 || layer == 1 && step >= 20 ? "1" : "0";
                assertEquals(expected, lines.get(1 + layer)[step].replaceFirst("\\.0$", ""), "layer " + layer + ", step " + step);
            }
        }
        assertTrue(FxThread.get(() -> cards.entropy().csv()).contains("0.25"));
        assertTrue(FxThread.get(() -> cards.nodes().stream().allMatch(Node::isVisible)));
        FxThread.run(() -> view.model().show(plain.number()));
        look();
        assertTrue(FxThread.get(() -> cards.nodes().stream().noneMatch(Node::isVisible)), "other methods have three figures");
    }

    /// Load, temperature and power of the GPU, and its memory, are in the place of the processor's where one trains.
    @Test
    void aRunOnAGpuShowsTheGpu() throws IOException {
        RunRecord r = make(task(), 30, 1);
        store.record(r.number(), new TreeMap<>(Map.of(10L, Map.of("gpu_memory_bytes", 30_653_955_072.0), 12L, Map.of("gpu_load_percent", 81.0, "gpu_celsius", 49.0, "gpu_watts", 535.94, "gpu_total_bytes", 150_754_820_096.0),
                20L, Map.of("gpu_load_percent", 99.0, "gpu_celsius", 61.0, "gpu_watts", 599.25), 25L, Map.of("gpu_load_percent", 97.0))));
        look();
        FxThread.run(() -> view.model().show(r.number()));
        List<String> said = look();
        for (String text : List.of("GPU", "97", "61 °C, 599 W", "GPU memory, most", "28.5", "of " + Numbers.bytes(150_754_820_096.0))) {
            assertTrue(said.contains(text), text + " is not among " + said);
        }
        assertTrue(said.stream().noneMatch(w -> w.startsWith("CPU") || w.startsWith("Worker memory")), said.toString());
    }

    private List<String> look() {
        board.look();
        FxThread.run(() -> { });
        if (stage == null) {
            stage = FxThread.show(FxThread.get(() -> {
                HBox header = new HBox(8);
                header.getChildren().addAll(view.headerControls());
                StackPane inspector = new StackPane(view.inspector());
                inspector.setPrefWidth(300);
                return new VBox(header, new HBox(view.body(), inspector));
            }), 1300, 860, Theme.DARK);
            FxThread.run(() -> {
                view.body().setPrefSize(980, 780);
                view.body().getScene().getRoot().layout();
            });
        }
        board.look();
        FxThread.pulse();
        return texts();
    }

    private List<String> texts() {
        return FxThread.get(() -> Shown.texts(stage.getScene().getRoot()));
    }

    private void press(String words) {
        FxThread.run(() -> Shown.button(stage.getScene().getRoot(), words).fire());
        FxThread.pulse();
    }

    private static void has(List<String> texts, String... wanted) {
        for (String w : wanted) {
            assertTrue(texts.stream().anyMatch(t -> t.contains(w)), "not shown: " + w + "; shown are " + texts);
        }
    }

    // --- states

    @Test
    void withoutRunsItSaysSoAndOffersTheForm() {
        has(look(), "No runs yet. A run trains, prunes or compresses a checkpoint, here or from the command line.");
        press("New run…");
        has(texts(), "Method", "Checkpoint", "Start run");
    }

    @Test
    void aRunThatIsGoingShowsItsFiguresAndAnswersItsButtons() throws IOException {
        RunRecord r = make(task("lr", 0.002, "warmupSteps", 4), 27, 1);
        store.begin(r.number());
        List<String> t = look();
        has(t, "#1 LoRA r 8", "running", "step 27 of 40", "27.6", "tokens", "15.8", "96", "632", "MiB", "elapsed", "validation lowest at step 10", "Run #1, LoRA r 8", "46,240", "600", "Memory, predicted", "0.002, cosine");
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.body()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.unexplained(view.body()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.inspector()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.unexplained(view.inspector()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        press("Pause");
        FxThread.await("the stop file", () -> Files.exists(new RunFolder(r.folder()).stop()));
        assertEquals(RunFolder.Stop.pause, new RunFolder(r.folder()).asked().orElseThrow());
        Files.delete(new RunFolder(r.folder()).stop());
        look();
        press("Cancel run");
        has(texts(), "Stop run #1 at step 27?");
        FxThread.await("the safe answer to have the focus", () -> stage.getScene().getFocusOwner() instanceof Button b && b.getText().equals("Keep running"));
        press("Keep running");
        assertFalse(Files.exists(new RunFolder(r.folder()).stop()), "nothing was asked of the run");
        press("Cancel run");
        FxThread.run(() -> Shown.only(view.questions(), Button.class, b -> "Cancel run".equals(b.getText())).fire());
        FxThread.await("the stop file", () -> Files.exists(new RunFolder(r.folder()).stop()));
        assertEquals(RunFolder.Stop.discard, new RunFolder(r.folder()).asked().orElseThrow());
        has(look(), "ending");
    }

    @Test
    void newFiguresFollowWithoutReadingTheOldOnesAgain() throws IOException {
        RunRecord r = make(task(), 5, 1);
        store.begin(r.number());
        look();
        TreeMap<Long, Map<String, Double>> more = new TreeMap<>();
        more.put(5L, Map.of("loss", 9.0));
        more.put(6L, Map.of("loss", 8.0, "validation_loss", 4.0));
        store.record(r.number(), more);
        look();
        RunData d = FxThread.get(() -> view.model().data().orElseThrow());
        assertEquals(6, d.loss().steps().length);
        assertEquals(9.0, d.loss().at(5));
        assertEquals(8.0, d.loss().last());
        assertEquals(4.0, d.validation().last());
    }

    @Test
    void aFailedRunNamesStepAndTensorAndAKilledOneGoesOn() throws IOException {
        RunRecord r = make(task(), 12, 1);
        store.begin(r.number());
        store.end(r.number(), RunRecord.State.failed, "step 13: the gradient of model.layers.0.self_attn.q_proj.lora_A.weight holds NaN at 3");
        has(look(), "#1 LoRA r 8 failed", "step 13: the gradient of model.layers.0.self_attn.q_proj.lora_A.weight holds NaN at 3", "Resume", "Same settings…");
        RunRecord killed = make(task(), 12, 1);
        store.end(killed.number(), RunRecord.State.interrupted, null);
        look();
        FxThread.run(() -> view.model().show(killed.number()));
        has(look(), "#2 LoRA r 8 ended without a word at step 12", "killed");
        press("Resume");
        FxThread.await("the launch", () -> !launched.isEmpty());
        assertEquals(List.of("runs", "resume", "2", "--threads", "2", "--json"), launched.getLast());
        has(look(), "starting");
        childLives = false;
        has(look(), "It was not taken up. the machine has no room");
    }

    @Test
    void aPausedRunIsExtendedOnlyForwards() throws IOException {
        RunRecord r = make(task(), 12, 1);
        store.begin(r.number());
        store.end(r.number(), RunRecord.State.stopped, null);
        has(look(), "paused");
        press("Extend…");
        javafx.scene.control.TextField field = FxThread.get(() -> Shown.all(view.questions(), javafx.scene.control.TextField.class).getFirst());
        FxThread.run(() -> field.setText("12"));
        assertTrue(FxThread.get(() -> Shown.button(view.questions(), "Extend").isDisabled()));
        FxThread.run(() -> field.setText("90"));
        press("Extend");
        FxThread.await("the launch", () -> !launched.isEmpty());
        assertEquals(List.of("runs", "extend", "1", "--steps", "90", "--threads", "2", "--json"), launched.getLast());
    }

    // --- list, overlay, compare

    @Test
    void listsSearchesLaysOverAndCompares() throws IOException {
        for (int i = 0; i < 3; i++) {
            RunRecord r = make(task("lr", i == 2 ? 0.01 : 0.002), 40, 1 + i / 10.0);
            store.begin(r.number());
            store.end(r.number(), i == 1 ? RunRecord.State.stopped : RunRecord.State.finished, null);
        }
        look();
        FxThread.run(() -> view.model().modeProperty().set(Mode.LIST));
        has(look(), "#3", "#1", "40 / 40", "40.45");
        FxThread.run(() -> view.model().searchProperty().set("paused"));
        assertEquals(List.of(2L), FxThread.get(() -> view.table().table().getItems().stream().map(RunRow::number).toList()));
        FxThread.run(() -> {
            view.model().searchProperty().set("");
            view.table().table().getSelectionModel().selectIndices(0, 2);
        });
        press("Lay over each other");
        look();
        assertEquals(List.of("#3 train", "#3 validation", "#1 train", "#1 validation"),
                FxThread.get(() -> view.run().loss().chart().csv().lines().skip(1).map(l -> l.split(",")[0]).distinct().filter(n -> !n.contains("raw")).toList()));
        FxThread.run(() -> view.model().compare(3, 1));
        List<String> t = look();
        has(t, "Settings that differ", "Learning rate", "0.01", "0.002", "Perplexity after", "40.45");
        assertFalse(t.contains("Rank r"), "what is the same is not listed");
        assertEquals("vitrine runs compare 3 1", FxThread.get(view::command));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.body()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.unexplained(view.body()).stream().map(ProvenanceAudit.Untold::shown).toList()));
        assertTrue(FxThread.get(view::csv).contains("1,40,validation_loss,3.7"));
    }

    // --- the form

    @Test
    void theFormSaysWhatIsWrongAsOneTypesAndStartsWhatIsRight() throws IOException {
        Path text = Files.writeString(dir.resolve("text.txt"), "Once upon a time");
        look();
        press("New run…");
        RunForm form = view.model().form();
        assertTrue(FxThread.get(() -> Shown.button(view.body(), "Start run").isDisabled()));
        FxThread.run(() -> {
            form.text(RunForm.MODEL).set(MODEL.toString());
            form.text(RunForm.DATA).set(dir.resolve("nowhere.txt").toString());
            form.text("steps").set("many");
        });
        has(texts(), "There is no such file or folder.", "A whole number belongs here.");
        FxThread.run(() -> {
            form.text(RunForm.DATA).set(text.toString());
            form.text("steps").set("30");
            form.text("lr").set("1e-3");
            form.text("earlyStop").set("3");
        });
        has(texts(), "EarlyStop watches losses over evalData: evalData and evalEvery must stand beside it.");
        FxThread.run(() -> {
            form.text("earlyStop").set("");
            form.text("targetModules").set("q_proj, nothing");
        });
        FxThread.await("the refusal", () -> form.outlookProperty().get() != null);
        has(texts(), "no linear layer of the model is called nothing");
        assertTrue(FxThread.get(() -> Shown.button(view.body(), "Start run").isDisabled()));
        FxThread.run(() -> form.text("targetModules").set("q_proj, v_proj"));
        FxThread.await("the forecast", () -> form.outlookProperty().get() != null);
        has(texts(), "Trained values", "Memory, predicted", "(no earlier run)");
        String command = FxThread.get(view::command);
        assertEquals("vitrine finetune --model " + MODEL + " --data " + text + " --method lora --steps 30 --lr 0.001 --target-modules q_proj,v_proj", command);
        FxThread.run(() -> form.methodProperty().set(vitrine.core.task.FinetuneMethod.full));
        FxThread.pulse();
        assertFalse(texts().contains("Rank r"), "full fine-tuning has no rank");
        FxThread.run(() -> form.methodProperty().set(vitrine.core.task.FinetuneMethod.lora));
        FxThread.await("the forecast", () -> form.outlookProperty().get() != null);
        press("Start run");
        FxThread.await("the run", () -> !launched.isEmpty());
        look();
        assertEquals(List.of("runs", "resume", "1", "--threads", "2", "--json"), launched.getLast());
        assertEquals(30, store.get(1).orElseThrow().task().at("/settings/steps").asInt());
        has(texts(), "#1 LoRA r 16", "starting");
    }

    @Test
    void theTimeOfATaskThatWasNeverRunIsToldFromAnotherRun() throws IOException {
        Path text = Files.writeString(dir.resolve("text.txt"), "Once upon a time");
        make(task(), 20, 1);
        look();
        FxThread.run(() -> view.model().modeProperty().set(RunsViewModel.Mode.NEW));
        RunForm form = view.model().form();
        FxThread.run(() -> {
            form.methodProperty().set(vitrine.core.task.FinetuneMethod.full);
            form.text(RunForm.MODEL).set(MODEL.toString());
            form.text(RunForm.DATA).set(text.toString());
        });
        FxThread.await("the forecast", () -> form.outlookProperty().get() != null);
        RunForm.Outlook o = form.outlookProperty().get();
        assertTrue(o.ofAnother());
        // Full tuning takes 6 parts of arithmetic per value, an adapter of rank 8 four and a little.
        double all = o.forecast().all();
        double rank8 = vitrine.core.work.finetune.FinetuneForecast.of((vitrine.core.task.Task.Finetune) vitrine.core.task.Task.fromJson(task())).trained();
        assertEquals(15_800 * (4 * all + 2 * rank8) / (6 * all), o.tokensPerSecond(), 1);
    }

    @Test
    void everySettingIsInTheForm() {
        List<String> keys = java.util.Arrays.stream(vitrine.core.task.FinetuneSettings.class.getRecordComponents()).map(java.lang.reflect.RecordComponent::getName).sorted().toList();
        assertEquals(keys, Setting.LIST.stream().map(Setting::key).sorted().toList());
    }

    @Test
    void aCopyOfARunHasItsSettings() {
        ObjectNode of = task("lr", 0.002, "pack", true, "schedule", "wsd", "targetModules", List.of("q_proj", "k_proj"));
        RunForm form = view.model().form();
        FxThread.run(() -> form.fill(of));
        assertEquals("q_proj, k_proj", form.text("targetModules").get());
        assertEquals("on", form.text("pack").get());
        assertEquals("0.002", form.text("lr").get());
        assertEquals("wsd", form.text("schedule").get());
    }

    // --- figures

    @ParameterizedTest
    @CsvSource({"cosine, 4, 0", "linear, 4, 0", "constant, 0, 0", "wsd, 3, 10", "cosine, 0, 0"})
    void theRateToComeIsTheTrainers(String schedule, int warmup, int decay) {
        LearningRate rate = LearningRate.of(task("lr", 0.002, "schedule", schedule, "warmupSteps", warmup, "decaySteps", decay), 40);
        for (int step = 1; step <= 40; step++) {
            assertEquals(0.002 * Schedule.valueOf(schedule.toUpperCase(java.util.Locale.ROOT)).multiplier(step - 1, warmup, 40, decay), rate.at(step), 1e-15);
        }
    }

    @Test
    void smoothsFromTheFirstValueOnAndPassesOverWhatIsNotFinite() {
        Curve c = new Curve(new double[] {1, 2, 3, 4}, new double[] {2, 4, Double.NaN, 8});
        double[] s = c.smoothed().values();
        // By hand: (0.05 x) sums over their weights.
        assertEquals(2, s[0], 1e-12);
        assertEquals((0.95 * 2 + 4) / 1.95, s[1], 1e-12);
        assertEquals(s[1], s[2], 1e-12);
        assertEquals((0.95 * 0.95 * 2 + 0.95 * 4 + 8) / (0.95 * 0.95 + 0.95 + 1), s[3], 1e-12);
        assertEquals(0, c.lowest());
    }
}
