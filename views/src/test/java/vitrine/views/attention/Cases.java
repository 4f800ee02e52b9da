package vitrine.views.attention;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import vitrine.core.analysis.anatomy.Anatomy;
import vitrine.core.artifact.Artifact;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.TaskRunner;
import vitrine.views.view.Subject;

/// What the tests of this view look at: the reference cases of the model core with the attention of the standard
/// implementation, and small captures made here.
final class Cases {

    private static final Path REFERENCE = Path.of("../model-core/src/test/resources/reference");

    private Cases() {}

    /// The checkpoint of a reference case.
    static Subject subject(String name) {
        return open(REFERENCE.resolve(name));
    }

    static Subject open(Path checkpoint) {
        return new Subject(Anatomy.of(Checkpoints.open(checkpoint)));
    }

    private static JsonNode golden(String name) {
        try {
            return Json.mapper().readTree(REFERENCE.resolve(name).resolve("golden.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The first prompt of a case, or the second.
    static String prompt(String name, int index) {
        return golden(name).get("prompts").get(index).get("text").asText();
    }

    static List<Integer> ids(String name, int index) {
        return list(golden(name).get("prompts").get(index).get("ids"));
    }

    private static List<Integer> list(JsonNode ids) {
        return IntStream.range(0, ids.size()).mapToObj(i -> ids.get(i).asInt()).toList();
    }

    /// The prompt as the case fed it: its text, or ids with some masked and in two segments.
    static Task.Prompt fed(String name, int index) {
        JsonNode prompt = golden(name).get("prompts").get(index);
        return prompt.has("ids_fed") ? new Task.Prompt(null, null, list(prompt.get("ids_fed")), list(prompt.get("token_type_ids")))
                : Task.Prompt.ofText(prompt.get("text").asText());
    }

    /// Attention as the standard implementation computed it.
    ///
    /// @param tolerance the largest difference that the case allows
    record Golden(double[] values, int layers, int heads, int tokens, double tolerance) {

        double at(int layer, int head, int query, int key) {
            return values[((layer * heads + head) * tokens + query) * tokens + key];
        }
    }

    /// How many of a case's prompts have kept their attention: one or two.
    static int promptsWithAttention(String name) {
        return golden(name).get("tensors").has("p1.attentions") ? 2 : 1;
    }

    static Golden attentions(String name, int index) {
        String tensor = "p" + index + ".attentions";
        JsonNode rule = golden(name).get("tensors").get(tensor).get("tolerance");
        if (!rule.get("kind").asText().equals("absolute")) {
            throw new IllegalStateException(rule.toString());
        }
        try (SafetensorsFile file = SafetensorsFile.open(REFERENCE.resolve(name).resolve("golden.safetensors"))) {
            Shape shape = file.shape(tensor).orElseThrow();
            return new Golden(file.doubles(tensor), (int) shape.size(0), (int) shape.size(1), (int) shape.size(2), rule.get("tol").asDouble());
        }
    }

    /// Runs a capture here and now.
    static Artifact capture(Path folder, Subject subject, String prompt, List<Task.What> what, Task.LayerRange layers) {
        return capture(folder, subject, Task.Prompt.ofText(prompt), what, layers);
    }

    static Artifact capture(Path folder, Subject subject, Task.Prompt prompt, List<Task.What> what, Task.LayerRange layers) {
        try {
            return TaskRunner.run(new Task.Capture(subject.path(), prompt, what, layers), folder, Progress.NONE, w -> { });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A tensor of a made-up capture.
    record Made(Shape shape, float[] values) {

        static Made of(float[] values, long... sizes) {
            return new Made(Shape.of(sizes), values);
        }
    }

    /// Writes a capture's file as the worker does.
    static Path write(Path file, Map<String, String> metadata, Map<String, Made> tensors) {
        Map<String, Declared> declared = new LinkedHashMap<>();
        tensors.forEach((name, t) -> declared.put(name, new Declared(DType.F32, t.shape())));
        try (SafetensorsWriter out = new SafetensorsWriter(file, declared, metadata)) {
            for (Map.Entry<String, Made> t : tensors.entrySet()) {
                out.write(t.getKey(), 0, t.getValue().values());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    /// The metadata of a capture of so many layers over these tokens.
    static Map<String, String> metadata(int layers, String... tokens) {
        var list = Json.mapper().createArrayNode();
        for (int i = 0; i < tokens.length; i++) {
            list.addObject().put("id", i).put("text", tokens[i]).put("start", i).put("end", i + 1).put("special", false);
        }
        Map<String, String> m = new LinkedHashMap<>();
        m.put("format", "vitrine-capture");
        m.put("model", "made-up");
        m.put("family", "llama");
        m.put("layers", "0-" + (layers - 1));
        m.put("tokens", Json.line(list));
        m.put("kv_heads", IntStream.range(0, layers).mapToObj(i -> "2").toList().toString());
        m.put("windows", IntStream.range(0, layers).mapToObj(i -> "0").toList().toString());
        m.put("causal", "true");
        return m;
    }
}
