package vitrine.views.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.Provenance;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;

/// The result of an evaluation that holds a map: an artifact's folder, or the JSON that `vitrine eval --out` wrote.
///
/// @param figures of the whole result
/// @param task behind it, null where only the JSON is there
record Evaluated(Path path, ObjectNode figures, Task.Evaluate task) {

    private static final int MAX_BYTES = 1 << 26;
    static final String IMPACT = "heterogeneity";
    static final String LAZY = "lazy";

    /// @throws Refusal where it is no such result
    static Evaluated read(Path path) {
        boolean folder = Files.isDirectory(path);
        Manifest manifest = folder ? Manifest.read(path) : null;
        if (manifest != null && !manifest.kind().equals("eval")) {
            throw Refusal.of(Category.ARTIFACT_INVALID, path, "it is the result of %s, not of an evaluation", manifest.kind());
        }
        ObjectNode figures = folder ? manifest.summary() : Json.readObject(path, path, MAX_BYTES, Category.ARTIFACT_INVALID);
        if (!holdsMap(figures)) {
            throw Refusal.of(Category.ARTIFACT_INVALID, path, "it holds a perplexity and no map to draw").help("vitrine eval --heterogeneity and --lazy make one.");
        }
        return new Evaluated(path, figures, folder && Task.fromJson(manifest.task()) instanceof Task.Evaluate t ? t : null);
    }

    /// Whether a JSON file is a result with a map. Reads the file where it is a small one.
    static boolean isOne(Path file) {
        try {
            return Files.size(file) <= MAX_BYTES && holdsMap(Json.readObject(file, file, MAX_BYTES, Category.ARTIFACT_INVALID));
        } catch (Refusal | java.io.IOException other) {
            // Whatever else it is, it says so where it is opened as that.
            return false;
        }
    }

    static boolean holdsMap(JsonNode figures) {
        return figures.path(IMPACT).path("matrices").isArray() || figures.path(LAZY).path("divergence").isArray();
    }

    boolean has(String map) {
        return figures.has(map);
    }

    String model() {
        return figures.path("model").asText("model");
    }

    JsonNode lazy() {
        return figures.path(LAZY);
    }

    List<JsonNode> matrices() {
        return StreamSupport.stream(figures.path(IMPACT).path("matrices").spliterator(), false).toList();
    }

    Provenance measured(String what) {
        return Provenance.measured(model(), "F32", what).of(figures.path("predicted_tokens").asLong());
    }

    /// The command that makes it, as far as the task is known.
    Optional<String> command() {
        if (task == null) {
            return Optional.empty();
        }
        StringBuilder t = new StringBuilder("vitrine eval ").append(quoted(task.model())).append(" --data ").append(quoted(task.data()));
        if (task.maxLength() != null) {
            t.append(" --sequence-length ").append(task.maxLength());
        }
        if (task.lazy() != null) {
            t.append(" --lazy ").append(String.join(",", task.lazy().thresholds().stream().map(String::valueOf).toList()));
            if (task.lazy().longest() != null) {
                t.append(" --lazy-longest ").append(task.lazy().longest());
            }
            if (Boolean.TRUE.equals(task.lazy().withoutFirst())) {
                t.append(" --lazy-without-first");
            }
        }
        if (task.heterogeneity() != null) {
            t.append(" --heterogeneity").append(task.heterogeneity().against() == null ? "" : " --against " + quoted(task.heterogeneity().against()));
        }
        return Optional.of(t.toString());
    }

    private static String quoted(String path) {
        return path.matches("[\\w./:+-]+") ? path : "'" + path.replace("'", "'\\''") + "'";
    }
}
