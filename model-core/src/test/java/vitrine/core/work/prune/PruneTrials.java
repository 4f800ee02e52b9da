package vitrine.core.work.prune;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;

/// Pruning runs over the reference cases, as the tests of methods make them.
public final class PruneTrials {

    public static final Path CASES = Path.of("src/test/resources/reference").toAbsolutePath().normalize();
    /// A text of the cases' vocabulary.
    public static final int[] IDS = {5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13};

    private PruneTrials() {}

    /// Texts of ids in a file.
    public static Path texts(Path folder, int[]... texts) throws IOException {
        return Files.writeString(folder.resolve("few.jsonl"), Arrays.stream(texts).map(ids -> "{\"input_ids\": " + Arrays.toString(ids) + "}\n").collect(Collectors.joining()));
    }

    /// @param model a case's name, or a path
    /// @param data calibration texts, or null
    /// @param settings as JSON
    public static ObjectNode task(String model, String method, Path data, String settings) throws IOException {
        ObjectNode n = Json.object().put("kind", "prune").put("model", CASES.resolve(model).toString()).put("method", method);
        if (data != null) {
            n.put("data", data.toString());
        }
        n.set("settings", Json.mapper().readTree(settings));
        return n;
    }

    /// Runs a task in a folder of its own within `folder`.
    ///
    /// @return the result
    public static Path run(ObjectNode task, Path folder, Consumer<String> warn) throws IOException {
        return TaskRunner.run(Task.fromJson(task), folder.resolve("run" + Integer.toHexString(task.toString().hashCode())).resolve("result"), Progress.NONE, warn).folder();
    }

    public static JsonNode json(Path result, String file) throws IOException {
        return Json.mapper().readTree(result.resolve(file).toFile());
    }

    public static JsonNode report(Path result) throws IOException {
        return json(result, "pruning_report.json");
    }

    /// Cancels a run once so many of its layers were told.
    public static final class BreakAfter implements Progress {
        private final int layers;
        private final List<Long> told = new ArrayList<>();

        public BreakAfter(int layers) {
            this.layers = layers;
        }

        /// Steps of the layers that were told.
        public List<Long> told() {
            return told;
        }

        @Override
        public void step(long done, long total, String unit) {}

        @Override
        public void figures(long step, Map<String, Double> values) {
            if (values.containsKey("layer")) {
                told.add(step);
            }
        }

        @Override
        public void checkCancelled() {
            if (told.size() >= layers) {
                throw new CancelledException();
            }
        }
    }
}
