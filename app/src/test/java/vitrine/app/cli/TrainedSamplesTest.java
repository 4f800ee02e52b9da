package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.resources.Samples;
import vitrine.resources.Samples.Sample;

/// The samples that Vitrine trained are what their cards say, by figures that transformers and peft computed (`figures.json` beside them, with versions).
class TrainedSamplesTest {

    @TempDir
    static Path shared;

    private static Sample sample(String id) {
        return Samples.all().stream().filter(s -> s.id().equals(id)).findFirst().orElseThrow();
    }

    private static Path folder(String id) {
        return Samples.folder(sample(id), shared);
    }

    private static JsonNode figures(String id) throws IOException {
        return Json.mapper().readTree(folder(id).resolve("figures.json").toFile());
    }

    private static JsonNode result(Object... args) {
        Invocation run = Invocation.of(shared, java.util.Arrays.stream(args).map(Object::toString).toArray(String[]::new));
        assertEquals(0, run.exit(), run.toString());
        assertEquals(List.of(), run.events("warning"));
        return run.events("result").getFirst();
    }

    private static void assertPerplexity(JsonNode want, JsonNode got) {
        assertEquals(want.get("predicted_tokens").asLong(), got.get("predicted_tokens").asLong());
        assertEquals(want.get("perplexity").asDouble(), got.get("perplexity").asDouble(), 1e-4 * want.get("perplexity").asDouble());
    }

    @Test
    void theFilesAreThoseThatTheFiguresAreOf() throws IOException, NoSuchAlgorithmException {
        for (String id : List.of("little-experts", "little-letters")) {
            for (Map.Entry<String, JsonNode> file : figures(id).get("files").properties()) {
                byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(folder(id).resolve(file.getKey())));
                assertEquals(file.getValue().asText(), HexFormat.of().formatHex(digest), file.getKey());
            }
        }
        assertTrue(Files.size(folder("little-experts").resolve("model.safetensors")) <= 3_000_000, "the repository stays small");
        assertTrue(Files.size(folder("little-letters").resolve("adapter_model.safetensors")) <= 1_000_000, "the repository stays small");
    }

    /// The shares and perplexities of the card are transformers'; that an expert belongs to a kind of text is plain to see.
    @Test
    void expertsPartTheKindsOfText() throws IOException {
        Path out = shared.resolve("routing");
        JsonNode routed = result("routing", folder("little-experts"), "--data", folder("little-experts").resolve("kinds.jsonl"), "--json", "--out", out);
        JsonNode want = figures("little-experts");
        int kinds = want.get("kinds").size();
        List<String> names = routed.get("domains").findValuesAsText("name");
        for (JsonNode domain : routed.get("domains")) {
            double perplexity = want.get("perplexity").get(domain.get("name").asText()).get("perplexity").asDouble();
            assertEquals(perplexity, Math.exp(domain.get("loss").asDouble()), 1e-4 * perplexity, domain.get("name").asText());
        }
        try (SafetensorsFile file = SafetensorsFile.open(shared.resolve("routing.safetensors"))) {
            double[] load = file.doubles("domain_load");
            double[] tokens = file.doubles("domain_tokens");
            int layers = want.get("expert_shares").size();
            int experts = load.length / layers / kinds;
            for (int l = 0; l < layers; l++) {
                for (int k = 0; k < kinds; k++) {
                    int domain = names.indexOf(want.get("kinds").get(k).asText());
                    for (int e = 0; e < experts; e++) {
                        // A choice between two experts that are nearly even may fall otherwise.
                        assertEquals(want.at("/expert_shares/" + l + "/" + k + "/" + e).asDouble(), load[(l * kinds + domain) * experts + e] / tokens[domain], 2e-3, "layer " + l + ", " + names.get(domain) + ", expert " + e);
                    }
                }
            }
        }
        JsonNode clearest = want.get("clearest");
        JsonNode rows = want.get("expert_shares").get(clearest.get(0).asInt());
        for (int k = 0; k < kinds; k++) {
            double share = rows.get(k).get(clearest.get(2).asInt()).asDouble();
            assertTrue(k == clearest.get(1).asInt() ? share > 0.6 : share < 0.4, "the clearest expert: " + share + " of " + want.get("kinds").get(k).asText());
        }
    }

    @Test
    void theAdapterTeachesWhatItsCardSays() throws IOException {
        JsonNode config = Json.mapper().readTree(folder("little-letters").resolve("adapter_config.json").toFile());
        assertEquals("little-stories", config.get("base_model_name_or_path").asText());
        assertFalse(config.toString().contains("/"), "it names no folder of the machine that made it");
        JsonNode want = figures("little-letters").get("perplexity");
        Path base = folder("little-stories");
        Path letters = folder("little-letters").resolve("letters.jsonl");
        assertPerplexity(want.at("/letters/after"), result("eval", base, "--adapter", folder("little-letters"), "--data", letters, "--json"));
        assertTrue(want.at("/letters/after/perplexity").asDouble() < 0.1 * want.at("/letters/before/perplexity").asDouble());
    }
}
