package vitrine.core.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// What was predicted of a pruning run and what its report says it came to, both as a rise of the loss over the model as it was; in nats per token.
///
/// @param number of the run
/// @param predicted on the first tokens of the text, before it began
/// @param measured on the report's first text
public record PruneRecord(long number, String method, double predicted, double measured) {

    /// Where a prediction lies in a run's folder.
    static final String FILE = "prediction.json";
    private static final String REPORT = "pruning_report.json";
    private static final int MAX_BYTES = 1 << 26;

    /// The report of a run; nothing where it has none (yet).
    public static Optional<ObjectNode> report(RunRecord run) {
        Path own = run.folder().resolve("result").resolve(REPORT);
        Path file = Files.exists(own) ? own : run.folder().resolve(REPORT);
        return Files.exists(file) ? Optional.of(Json.readObject(file, file, MAX_BYTES, Category.ARTIFACT_INVALID)) : Optional.empty();
    }

    /// Keeps what is predicted of a run that is about to begin.
    ///
    /// @param loss of the model as it is
    /// @param predicted of the pruned one
    public static void predict(RunRecord run, double loss, double predicted) throws IOException {
        Files.write(run.folder().resolve(FILE), Json.line(Json.object().put("loss", loss).put("predicted_loss", predicted)).getBytes(StandardCharsets.UTF_8));
    }

    /// How predictions fared: runs that ended and that something was predicted of, the latest first.
    public static List<PruneRecord> of(List<RunRecord> runs) {
        return runs.stream().filter(r -> r.state() == RunRecord.State.finished && r.task().path("kind").asText().equals("prune")).map(PruneRecord::of).flatMap(Optional::stream).toList();
    }

    private static Optional<PruneRecord> of(RunRecord run) {
        Path file = run.folder().resolve(FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            ObjectNode said = Json.readObject(file, file, MAX_BYTES, Category.ARTIFACT_INVALID);
            JsonNode was = report(run).map(r -> r.path("evaluations").path(0)).orElse(said);
            if (!was.at("/pruned/loss").isNumber() || !was.at("/dense/loss").isNumber()) {
                return Optional.empty();
            }
            return Optional.of(new PruneRecord(run.number(), run.method(), said.path("predicted_loss").asDouble() - said.path("loss").asDouble(), was.at("/pruned/loss").asDouble() - was.at("/dense/loss").asDouble()));
        } catch (Refusal damaged) {
            // What was written by hand into a run's folder says nothing of predictions.
            return Optional.empty();
        }
    }
}
