package vitrine.core.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;

/// A reference case: a checkpoint with the outputs of the standard implementation and the tolerance of each.
public record Reference(String name, Path folder, JsonNode golden) {

    private static final Path CASES = Path.of("src/test/resources/reference");

    /// A case from the test resources.
    public static Reference of(String name) {
        return at(CASES.resolve(name));
    }

    public static Reference at(Path folder) {
        try {
            return new Reference(folder.getFileName().toString(), folder, Json.mapper().readTree(folder.resolve("golden.json").toFile()));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /// All cases of kind `model`.
    public static List<String> modelCases() throws IOException {
        try (Stream<Path> folders = Files.list(CASES)) {
            return folders.filter(Files::isDirectory).map(p -> p.getFileName().toString())
                    .filter(n -> !n.startsWith("an-") && !n.startsWith("lora-") && !n.equals("gguf-blocks") && !n.startsWith("prune-")).sorted().toList();
        }
    }

    /// Where the checkpoint lies: the case itself, its GGUF file, or its hub cache.
    public Path checkpoint() {
        if (Files.exists(folder.resolve("model.gguf"))) {
            return folder.resolve("model.gguf");
        }
        Path hub = folder.resolve("hub");
        return Files.isDirectory(hub) ? hub.resolve("models--vitrine--tiny-llama") : folder;
    }

    public SafetensorsFile expected() {
        return SafetensorsFile.open(folder.resolve("golden.safetensors"));
    }

    /// Compares a tensor with the golden one, by the rule that stands beside it.
    ///
    /// @return the largest difference in units of the tolerance
    public double compare(SafetensorsFile expected, String tensor, float[] actual) {
        double[] want = expected.doubles(tensor);
        assertEquals(want.length, actual.length, () -> name + " " + tensor + ": number of values");
        JsonNode rule = golden.get("tensors").get(tensor).get("tolerance");
        String kind = rule.get("kind").asText();
        double tol = rule.path("tol").asDouble(0);
        double largest = 0;
        for (double w : want) {
            largest = Math.max(largest, Math.abs(w));
        }
        double worst = 0;
        for (int i = 0; i < want.length; i++) {
            double allowed = switch (kind) {
                case "exact" -> 0;
                case "absolute" -> tol;
                case "scaled" -> tol * Math.max(1, largest);
                case "scaled_floor" -> tol * Math.max(rule.get("floor").asDouble(), largest);
                case "relative" -> tol * Math.max(rule.path("floor").asDouble(0), Math.abs(want[i]));
                default -> throw new IllegalArgumentException(kind);
            };
            double off = Math.abs(want[i] - actual[i]);
            if (!(off <= allowed)) {
                fail(name + " " + tensor + "[" + i + "]: " + actual[i] + " instead of " + want[i] + ", allowed is " + allowed);
            }
            worst = Math.max(worst, allowed == 0 ? 0 : off / allowed);
        }
        return worst;
    }
}
