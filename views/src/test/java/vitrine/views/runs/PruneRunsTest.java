package vitrine.views.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javafx.application.Platform;
import javafx.scene.control.Button;
import javafx.scene.layout.HBox;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.json.Json;
import vitrine.core.run.PruneRecord;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.PruneAmount;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.RunFolder;
import vitrine.views.chart.Theme;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.runs.RunsViewModel.Mode;
import vitrine.views.tasks.TaskBoard;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.InProcessEngine;
import vitrine.views.testing.Shown;

/// Pruning runs in the Runs view: the form with its preview, whose prediction is a real one, and what a run shows.
class PruneRunsTest {

    private static final Path MODEL = Path.of("../model-core/src/test/resources/reference/llama-tied").toAbsolutePath().normalize();

    @TempDir
    Path dir;

    private final List<List<String>> launched = new ArrayList<>();
    private RunStore store;
    private RunBoard board;
    private InProcessEngine engine;
    private RunsView view;
    private Stage stage;

    @BeforeEach
    void open() {
        store = RunStore.open(dir.resolve("runs"));
        board = new RunBoard(dir.resolve("runs"), RunStore.environment("embedded", "3", 2), (arguments, said) -> {
            launched.add(arguments);
            return () -> true;
        }, Platform::runLater);
        engine = new InProcessEngine(dir.resolve("artifacts"));
        view = FxThread.get(() -> new RunsView(board, new TaskBoard(engine, Platform::runLater)));
        stage = FxThread.show(FxThread.get(() -> {
            HBox header = new HBox(8);
            header.getChildren().addAll(view.headerControls());
            StackPane inspector = new StackPane(view.inspector());
            inspector.setPrefWidth(300);
            return new VBox(header, new HBox(view.body(), inspector));
        }), 1300, 860, Theme.DARK);
        FxThread.run(() -> view.body().setPrefSize(980, 780));
    }

    @AfterEach
    void close() {
        FxThread.run(stage::close);
        board.close();
        engine.close();
        store.close();
    }

    private List<String> look() {
        board.look();
        FxThread.run(() -> { });
        board.look();
        FxThread.pulse();
        return texts();
    }

    private List<String> texts() {
        return FxThread.get(() -> Shown.texts(stage.getScene().getRoot()));
    }

    private static void has(List<String> texts, String... wanted) {
        for (String w : wanted) {
            assertTrue(texts.stream().anyMatch(t -> t.contains(w)), "not shown: " + w + "; shown are " + texts);
        }
    }

    private static ObjectNode task(String method, String settings) throws IOException {
        ObjectNode t = Json.object().put("kind", "prune").put("model", MODEL.toString()).put("method", method);
        t.set("settings", Json.mapper().readTree(settings.replace('\'', '"')));
        return t;
    }

    /// A run that ended with a report in the shape of the engine's.
    private RunRecord ended(ObjectNode task, double dense, double pruned, String layers) throws IOException {
        return ended(task, dense, pruned, layers, "{}");
    }

    private RunRecord ended(ObjectNode task, double dense, double pruned, String layers, String inside) throws IOException {
        RunRecord r = store.create(task, RunStore.environment("embedded", "3", 2));
        store.steps(r.number(), 2);
        TreeMap<Long, Map<String, Double>> rows = new TreeMap<>();
        rows.put(1L, Map.of("layer", 0.0, "sparsity", 0.5, "relative_output_error", 0.2));
        rows.put(2L, Map.of("layer", 1.0, "sparsity", 0.5, "relative_output_error", 0.4, "loss", pruned));
        store.record(r.number(), rows);
        Path result = Files.createDirectories(new RunFolder(r.folder()).result());
        ObjectNode report = Json.object().put("recipe", "the recipe").put("note", "A note on sizes.");
        report.putObject("sparsity").put("zeros", 500).put("of_prunable", 0.5).put("parameters", 1200).put("bytes", 4096).put("bytes_before", 8192);
        report.putObject("speed").put("tokens", 512).put("rounds", 2).put("dense_tokens_per_second", 1000).put("pruned_tokens_per_second", 2000);
        ObjectNode e = report.putArray("evaluations").addObject().put("name", "held out").put("file", "/texts/held.txt").put("predicted_tokens", 777).put("kl", 0.25).put("top1_agreement", 0.75);
        e.putObject("dense").put("loss", dense).put("perplexity", Math.exp(dense));
        e.putObject("pruned").put("loss", pruned).put("perplexity", Math.exp(pruned));
        report.set("layers", Json.mapper().readTree(layers.replace('\'', '"')));
        report.setAll((ObjectNode) Json.mapper().readTree(inside.replace('\'', '"')));
        Files.writeString(result.resolve("pruning_report.json"), report.toString());
        Files.writeString(result.resolve("manifest.json"), "{}");
        store.end(r.number(), RunRecord.State.finished, null);
        return r;
    }

    @Test
    void whatARunDidInsideTheModel() throws IOException {
        RunRecord r = ended(task("dha", "{'sparsity': 0.5}"), 1.5, 2.0, """
                [{'layer': 0, 'kept': true, 'hidden_state_error': 0.25, 'key_groups': [0, 1, 0], 'value_groups': [0, 1, 1], 'key_similarity': [[1, 0.1, 0.9], [0.1, 1, 0.2], [0.9, 0.2, 1]], 'value_similarity': [[1, 0.3, 0.4], [0.3, 1, 0.8], [0.4, 0.8, 1]]},
                 {'layer': 1, 'kept': true, 'hidden_state_error': 0.5, 'key_groups': [0, 0, 2], 'value_groups': [0, 0, 2], 'key_similarity': [[1, 0.7, 0.6], [0.7, 1, 0.5], [0.6, 0.5, 1]], 'value_similarity': [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}]""", """
                {'effective_rank': {'accuracy': 'exact', 'measure': 'of sigma', 'normalised_before': 0.5, 'normalised_after': 0.45, 'layers': [{'layer': 0}], 'matrices': [
                  {'name': 'a', 'kind': 'query', 'layer': 0, 'before': 10, 'after': 8, 'normalised_before': 0.5, 'normalised_after': 0.4}, {'name': 'b', 'kind': 'down', 'layer': 0, 'before': 10, 'after': null, 'normalised_before': 0.5, 'normalised_after': null},
                  {'name': 'c', 'kind': 'query', 'layer': 1, 'before': 10, 'after': 10.04, 'normalised_before': 0.5, 'normalised_after': 0.502}]},
                 'attention': {'text': 'held out', 'tokens': 12, 'entropy_before': 1.5, 'entropy_after': 1.25, 'layers': [{'layer': 0, 'entropy_before': [1, 2], 'entropy_after': [1.5, null], 'total_variation': [0.125, null]}, {'layer': 1, 'total_variation': [0.5, 0.75]}]},
                 'routing': {'text': 'held out', 'tokens': 12, 'changed_sets': 0.25, 'layers': [{'layer': 1, 'load_before': [6, 2], 'load_after': [8], 'became': [-1, 0], 'changed_sets': 0.25},
                   {'layer': 2, 'load_before': [1, 3, 4], 'load_after': [6, 2], 'became': [0, 1, 0], 'changed_sets': 0.5}]}}""");
        FxThread.run(() -> view.model().show(r.number()));
        has(look(), "Hidden-state error, by layer");
        InsideCard inside = view.run().pruned().inside();
        assertEquals(Arrays.asList(InsideCard.Of.values()), inside.choices());
        assertEquals("layer,q,down 0,-100.0, 1,2.0,", csv(inside, InsideCard.Of.RANK));
        has(texts(), "Effective rank", "mean 0.500 → 0.450");
        assertEquals("layer,0,1 0,0.125, 1,0.5,0.75", csv(inside, InsideCard.Of.ATTENTION));
        assertEquals("layer,0,1,2 1,,0.75, 2,0.125,-0.125,0.125", csv(inside, InsideCard.Of.ROUTING));
        assertEquals("layer,0 · A,1 · B,2 · B 0 · A,,0.3,0.4 1 · B,0.1,,0.8 2 · A,0.9,0.2,", csv(inside, InsideCard.Of.HEADS));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.body())));
    }

    /// What the chart shows, as one line.
    private static String csv(InsideCard inside, InsideCard.Of of) {
        FxThread.run(() -> inside.choose(of));
        FxThread.pulse();
        return "layer" + FxThread.get(() -> inside.chart().csv()).strip().replaceAll("\\R", " ");
    }

    @Test
    void everySettingIsInTheForm() {
        List<String> components = Arrays.stream(PruneSettings.class.getRecordComponents()).map(java.lang.reflect.RecordComponent::getName).sorted().toList();
        // Named parts are three lists of one setting.
        List<String> fields = PruneFields.LIST.stream().map(s -> s.key().startsWith("drop") ? "drop" : s.key()).distinct().sorted().toList();
        assertEquals(components, fields);
    }

    @Test
    void everyMethodTakesTheFieldsThatItShows() throws IOException {
        Path text = Files.writeString(dir.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8]}\n");
        PruneForm form = view.model().pruneForm();
        Map<String, String> typed = Map.ofEntries(Map.entry("sparsity", "0.5"), Map.entry("targetModules", "q_proj"), Map.entry("calibrationSequences", "3"), Map.entry("sequenceLength", "32"), Map.entry("seed", "1"),
                Map.entry("group", "row"), Map.entry("propagation", "sequential"), Map.entry("blockSize", "16"), Map.entry("damping", "0.1"), Map.entry("even", "off"), Map.entry("parts", "heads"), Map.entry("secondOrder", "on"),
                Map.entry("criterion", "frequency"), Map.entry("factorised", "on"), Map.entry("dropHeads", "0.1"), Map.entry("dropLayers", "1"), Map.entry("dropExperts", "0.2"), Map.entry("against", text.toString()));
        for (PruneMethod m : PruneMethod.values()) {
            FxThread.run(() -> form.filling(() -> {
                form.clear();
                form.text(Form.MODEL).set(MODEL.toString());
                form.text(Form.DATA).set(text.toString());
                form.methodProperty().set(m);
                form.settings().stream().filter(s -> typed.containsKey(s.key())).forEach(s -> form.text(s.key()).set(typed.get(s.key())));
            }));
            assertEquals(Map.of(), FxThread.get(() -> form.problemsProperty().get()), m.name());
            assertNotNull(FxThread.get(form::prune), m.name());
            String command = FxThread.get(form::command);
            assertTrue(command.startsWith("vitrine prune --model " + MODEL + " --method " + m.name() + " --data " + text), command);
            assertEquals(m == PruneMethod.explicit, command.contains(" --drop-layers 1 --drop-heads 0.1 --drop-experts 0.2"), command);
            assertEquals(m == PruneMethod.heads || m == PruneMethod.dha, command.contains(" --uneven"), command);
        }
    }

    @Test
    void trainingThatFollowsIsSaidInTheFormAndTheCommand() throws IOException {
        Path text = Files.writeString(dir.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8]}\n");
        Path learned = Files.writeString(dir.resolve("more.jsonl"), "{\"input_ids\": [5, 6, 7, 8]}\n");
        PruneForm form = view.model().pruneForm();
        FxThread.run(() -> form.filling(() -> {
            form.text(Form.MODEL).set(MODEL.toString());
            form.text(Form.DATA).set(text.toString());
            // Left over from before: without a training that follows it says nothing.
            form.text("recoverSteps").set("3");
        }));
        assertNull(FxThread.get(() -> form.prune().recovery()));
        FxThread.run(() -> form.filling(() -> {
            form.text("recover").set("lora");
            form.text("recoverLr").set("1e-3");
            form.text("recoverBatchSize").set("2");
            form.text("recoverR").set("4");
            form.text("recoverMerge").set("on");
            form.text("recoverData").set(learned.toString());
            form.text("seed").set("7");
        }));
        assertEquals(Map.of(), FxThread.get(() -> form.problemsProperty().get()));
        assertEquals(Json.mapper().readTree("{'method': 'lora', 'data': '%s', 'settings': {'steps': 3, 'lr': 0.001, 'batchSize': 2, 'r': 4, 'seed': 7}, 'merge': true}".formatted(learned).replace('\'', '"')),
                Json.mapper().readTree(FxThread.get(() -> form.prune().toJson()).path("recovery").toString()));
        String command = FxThread.get(form::command);
        assertTrue(command.endsWith(" --sparsity 0.5 --seed 7 --recover lora --recover-data " + learned + " --recover-steps 3 --recover-lr 0.001 --recover-batch-size 2 --recover-r 4 --recover-merge"), command);
        // The same settings again.
        ObjectNode task = FxThread.get(() -> (ObjectNode) form.prune().toJson());
        FxThread.run(() -> {
            form.clear();
            view.model().prune(task.deepCopy());
        });
        assertEquals(task, FxThread.get(() -> form.prune().toJson()));
        FxThread.run(() -> form.text("recover").set("full"));
        assertFalse(FxThread.get(() -> form.prune().toJson().path("recovery").has("merge")), "weights are trained where they are");
        FxThread.run(() -> form.methodProperty().set(PruneMethod.svd));
        assertNull(FxThread.get(form::prune), "full training would give matrices their full rank again");
        FxThread.run(() -> {
            form.methodProperty().set(PruneMethod.wanda);
            view.model().engine().engineProperty().set("pytorch");
        });
        assertTrue(FxThread.get(() -> form.problemsProperty().get()).containsKey("recover"));
    }

    @Test
    void aPredictionIsShownKeptAndHeldAgainstWhatWasMeasured() throws IOException {
        Path text = Files.writeString(dir.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13]}\n");
        PruneForm form = view.model().pruneForm();
        FxThread.run(() -> {
            view.model().pruningProperty().set(true);
            view.model().modeProperty().set(Mode.NEW);
            form.methodProperty().set(PruneMethod.magnitude);
            form.text(Form.MODEL).set(MODEL.toString());
            form.text(Form.EVAL_DATA).set(text.toString());
        });
        // So small a model is looked at without being asked.
        FxThread.await("the prediction", () -> form.predictionProperty().get().valueOrNull() != null);
        FxThread.pulse();
        has(texts(), "Size on disk", "Masks beside it", "Perplexity, predicted", "how far predictions are off is not known yet");
        Prediction all = FxThread.get(() -> form.predictionProperty().get().valueOrNull());
        assertEquals(9, all.points().size());
        assertEquals(all.points().get(4).loss(), FxThread.get(form::foreseen).loss());
        FxThread.run(() -> form.drag(PruneAmount.sparsity, 0.55));
        assertEquals("0.55", form.text("sparsity").get());
        assertEquals((all.points().get(4).loss() + all.points().get(5).loss()) / 2, FxThread.get(form::foreseen).loss(), 1e-9);
        FxThread.run(() -> form.drag(PruneAmount.sparsity, 0));
        assertEquals(all.loss(), FxThread.get(form::foreseen).loss(), 1e-12);
        FxThread.run(() -> form.drag(PruneAmount.sparsity, 0.95));
        assertNull(FxThread.get(form::foreseen), "beyond what was looked at nothing is said");
        FxThread.run(() -> form.text("pattern").set("2:4"));
        assertNull(FxThread.get(form::foreseen), "another amount is another question");
        FxThread.run(() -> {
            form.text("pattern").set("");
            form.drag(PruneAmount.sparsity, 0.5);
        });
        FxThread.await("the prediction", () -> form.predictionProperty().get().valueOrNull() != null && form.foreseen() != null);
        double predicted = FxThread.get(form::foreseen).loss();
        FxThread.run(() -> view.model().start());
        FxThread.await("the run", () -> !launched.isEmpty());
        look();
        RunRecord run = store.get(1).orElseThrow();
        assertEquals(List.of("runs", "resume", "1", "--threads", "2", "--json"), launched.getLast());
        assertEquals("magnitude", run.task().path("method").asText());
        assertEquals("few", run.task().at("/evalData/0/name").asText());
        ObjectNode kept = Json.readObject(run.folder().resolve("prediction.json"), run.folder(), 1000, vitrine.core.refusal.Category.ARTIFACT_INVALID);
        assertEquals(predicted, kept.path("predicted_loss").asDouble());
        // A run with another end than was foretold.
        RunRecord other = ended(task("magnitude", "{'sparsity': 0.3}"), 1.5, 1.75, "[]");
        PruneRecord.predict(other, 1.4, 1.9);
        assertEquals(List.of(new PruneRecord(2, "magnitude", 1.9 - 1.4, 1.75 - 1.5)), PruneRecord.of(store.list()));
        FxThread.run(() -> {
            view.model().modeProperty().set(Mode.NEW);
            form.drag(PruneAmount.sparsity, 0.4);
        });
        FxThread.await("the record", () -> !form.earlierProperty().get().isEmpty() && form.outlookProperty().get() != null);
        FxThread.pulse();
        has(texts(), "#2, predicted +0.500", "+0.250", "As earlier runs went, × 0.50");
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.body())));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.unexplained(view.body())));
    }

    @Test
    void aRunShowsItsLayersAndItsReport() throws IOException {
        ended(task("wanda", "{'sparsity': 0.5}"), 1.5, 2.0, "[{'layer': 0, 'sparsity': 0.5, 'relative_output_error': 0.2, 'matrices': []}, {'layer': 1, 'sparsity': 0.5, 'relative_output_error': 0.4, 'matrices': []}]");
        ended(task("shortgpt", "{'layers': 1}"), 1.5, 1.6, "[{'layer': 0, 'kept': true, 'block_influence': 0.3}, {'layer': 1, 'kept': false, 'block_influence': 0.1}]");
        List<RunRecord> compared = new ArrayList<>();
        FxThread.run(() -> view.compareBeforeWith(compared::add));
        look();
        FxThread.run(() -> view.model().show(1));
        List<String> shown = look();
        has(shown, "#1 Wanda 50", "Perplexity, held out", "was 4.482", "7.389", "50.0", "What went, by layer", "Output error, by layer", "Before and after", "KL 0.250", "the recipe", "2 layers");
        assertFalse(shown.contains("Extend…"));
        assertTrue(FxThread.get(() -> view.run().pruned().erred().csv()).contains("0.4"));
        FxThread.run(() -> ((Button) stage.getScene().getRoot().lookup("#compare-before")).fire());
        assertEquals(List.of(1L), compared.stream().map(RunRecord::number).toList());
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.untagged(view.body())));
        assertEquals(List.of(), FxThread.get(() -> ProvenanceAudit.unexplained(view.body())));
        FxThread.run(() -> view.model().show(2));
        has(look(), "#2 Drop layers, 1 layer", "What stays, by layer", "Block influence, by layer");
        FxThread.run(() -> view.model().prune(store.get(2).orElseThrow().task()));
        assertTrue(view.model().pruningProperty().get());
        assertEquals("1", view.model().pruneForm().text("layers").get());
        FxThread.run(() -> view.model().modeProperty().set(Mode.LIST));
        has(look(), "Wanda 50", "7.389");
    }

    @Test
    void whatATrainingRunSeesOfItsTextIsShownWhenAsked() throws IOException {
        Path text = Files.writeString(dir.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8], \"labels\": [-100, -100, 7, 8]}\n{\"input_ids\": [9]}\n");
        RunForm form = view.model().form();
        FxThread.run(() -> {
            view.model().modeProperty().set(Mode.NEW);
            form.text(Form.MODEL).set(MODEL.toString());
            form.text(Form.DATA).set(text.toString());
        });
        FxThread.pulse();
        FxThread.run(() -> ((Button) view.body().lookup("#preview-text")).fire());
        FxThread.await("the counts", () -> Shown.texts(view.body()).stream().anyMatch(t -> t.contains("Examples with nothing to learn")));
        FxThread.pulse();
        has(texts(), "Line 1, ids: 4 tokens, 2 learned", "Underlined: learned.");
        FxThread.run(() -> form.text("sequenceLength").set("2"));
        FxThread.pulse();
        assertFalse(texts().contains("Underlined: learned. Muted: masked, read but not learned."), "another length is another question");
    }
}
