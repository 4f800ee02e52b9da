package vitrine.views.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.scene.layout.Region;
import javafx.stage.Stage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskEvaluateBuilder;
import vitrine.core.work.TaskRunner;
import vitrine.views.chart.Theme;
import vitrine.views.control.ProvenanceAudit;
import vitrine.views.testing.FxThread;
import vitrine.views.testing.Shown;

/// A real evaluation of a small model, opened as a folder and as the JSON of the command line.
class EvaluationViewTest {

    private static final Path CASES = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();

    @TempDir
    static Path dir;

    private static Path artifact;
    private static JsonNode summary;

    @BeforeAll
    static void evaluate() throws IOException {
        Path data = Files.writeString(dir.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13]}\n{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63]}\n");
        Task task = TaskEvaluateBuilder.builder().model(CASES.resolve("llama-gqa").toString()).data(data.toString()).lazy(new Task.Lazy(List.of(0.01, 0.6), null, null))
                .heterogeneity(new Task.Impact(data.toString())).build();
        artifact = TaskRunner.run(task, dir.resolve("artifact"), Progress.NONE, w -> { }).folder();
        summary = Json.mapper().readTree(artifact.resolve("manifest.json").toFile()).get("summary");
    }

    private static void shown(Path path, java.util.function.Consumer<EvaluationView> look) {
        EvaluationView view = FxThread.get(() -> {
            EvaluationView v = new EvaluationView();
            v.open(path);
            return v;
        });
        Stage stage = FxThread.show((Region) view.body(), 1000, 700, Theme.DARK);
        FxThread.pulse();
        try {
            look.accept(view);
        } finally {
            FxThread.run(stage::close);
        }
    }

    @Test
    void weightsByLayerAndMatrix() {
        assertTrue(EvaluationView.shows(artifact));
        shown(artifact, v -> {
            String[] lines = FxThread.get(v::csv).strip().split("\\R");
            assertEquals(4, lines.length, "three layers");
            JsonNode first = summary.at("/heterogeneity/matrices/0");
            assertEquals("query", first.get("kind").asText());
            assertTrue(lines[0].contains("q") && lines[0].contains("down"), lines[0]);
            assertEquals(first.get("impact").asDouble(), Double.parseDouble(lines[1].split(",")[1]), 1e-5 * first.get("impact").asDouble());
            FxThread.run(() -> v.impact().scoreProperty().set(ImpactCards.Score.OVERLAP));
            assertEquals(1, Double.parseDouble(FxThread.get(v::csv).strip().split("\\R")[1].split(",")[1]), "the texts are the same");
            assertTrue(v.command().contains(" --heterogeneity --against ") && v.command().contains("--lazy 0.01,0.6"), v.command());
            assertTrue(FxThread.get(() -> ProvenanceAudit.untagged(v.body())).isEmpty());
        });
    }

    @Test
    void layersThatAttendAlike() {
        shown(artifact, v -> {
            FxThread.run(() -> {
                ((vitrine.views.control.Segments<String>) v.headerControls().getFirst()).valueProperty().set(Evaluated.LAZY);
            });
            FxThread.pulse();
            String[] lines = FxThread.get(v::csv).strip().split("\\R");
            double wanted = summary.at("/lazy/divergence/2").get(0).asDouble();
            assertTrue(wanted > 0);
            assertEquals(wanted, Double.parseDouble(lines[3].split(",")[1]), 1e-6);
            List<String> texts = FxThread.get(() -> Shown.texts(v.body()));
            double perplexity = summary.at("/lazy/thresholds/1/attention/perplexity").asDouble();
            assertTrue(texts.contains(vitrine.views.chart.Numbers.perplexity(perplexity)), texts.toString());
            assertTrue(FxThread.get(() -> ProvenanceAudit.untagged(v.body())).isEmpty());
        });
    }

    @Test
    void theCommandsJsonAndWhatIsNone() throws IOException {
        Path json = Files.writeString(dir.resolve("result.json"), summary.toString());
        assertTrue(EvaluationView.shows(json));
        shown(json, v -> assertEquals("", v.command(), "the task is not known"));
        Path none = Files.writeString(dir.resolve("none.json"), "{\"perplexity\": 3}");
        assertFalse(EvaluationView.shows(none));
        assertTrue(assertThrows(Refusal.class, () -> Evaluated.read(none)).getMessage().contains("no map"));
        assertFalse(EvaluationView.shows(CASES.resolve("llama-gqa")));
    }
}
