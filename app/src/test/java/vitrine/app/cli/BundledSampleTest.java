package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.resources.Samples;
import vitrine.resources.Samples.Prompt;
import vitrine.resources.Samples.Sample;

/// The bundled sample is what its card says, by figures that transformers computed (`figures.json` beside it, with versions).
class BundledSampleTest {

    /// Above this a pattern is visible at first sight.
    private static final double CLEAR = 0.5;

    @TempDir
    static Path shared;

    private static Sample sample() {
        return Samples.all().getFirst();
    }

    private static Path folder() {
        return Samples.folder(sample(), shared);
    }

    private static JsonNode figures() throws IOException {
        return Json.mapper().readTree(folder().resolve("figures.json").toFile());
    }

    private static JsonNode result(String... args) {
        Invocation run = Invocation.of(shared, args);
        assertEquals(0, run.exit(), run.toString());
        assertEquals(List.of(), run.events("warning"));
        return run.events("result").getFirst();
    }

    private static double best(JsonNode table, int fromLayer, int toLayer) {
        double best = 0;
        for (int l = fromLayer; l < toLayer; l++) {
            for (JsonNode v : table.get(l)) {
                best = Math.max(best, v.asDouble());
            }
        }
        return best;
    }

    private static void assertTable(JsonNode expected, JsonNode got, String name) {
        assertEquals(expected.size(), got.size(), name);
        for (int l = 0; l < expected.size(); l++) {
            assertEquals(expected.get(l).size(), got.get(l).size(), name);
            for (int h = 0; h < expected.get(l).size(); h++) {
                assertEquals(expected.get(l).get(h).asDouble(), got.get(l).get(h).asDouble(), 1e-4, name + ", layer " + l + ", head " + h);
            }
        }
    }

    @Test
    void opensWithoutAWarning() {
        JsonNode opened = result("open", folder().toString(), "--json");
        assertEquals("llama", opened.path("model_type").asText(opened.path("family").asText()).toLowerCase());
    }

    @Test
    void isTheFileThatTheFiguresAreOf() throws IOException, NoSuchAlgorithmException {
        JsonNode files = figures().get("files");
        for (String name : List.of("config.json", "model.safetensors", "tokenizer.json", "stories.jsonl")) {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(folder().resolve(name)));
            assertEquals(files.get(name).asText(), HexFormat.of().formatHex(digest), name);
        }
        assertTrue(Files.size(folder().resolve("model.safetensors")) <= 3_000_000, "the repository stays small");
    }

    @Test
    void perplexityOnHeldOutStoriesIsThatOfTransformers() throws IOException {
        JsonNode got = result("eval", folder().toString(), "--data", folder().resolve("stories.jsonl").toString(), "--json");
        JsonNode want = figures().get("perplexity");
        assertPerplexity(want.get("all"), got);
        assertPerplexity(want.get("tale"), got.get("labels").get("tale"));
        assertPerplexity(want.get("song"), got.get("labels").get("song"));
    }

    private static void assertPerplexity(JsonNode want, JsonNode got) {
        assertEquals(want.get("predicted_tokens").asLong(), got.get("predicted_tokens").asLong());
        assertEquals(want.get("perplexity").asDouble(), got.get("perplexity").asDouble(), 1e-4 * want.get("perplexity").asDouble());
    }

    @Test
    void headsAreClearAndThoseOfTransformers() throws IOException {
        JsonNode metrics = result("heads", folder().toString(), "--data", folder().resolve("stories.jsonl").toString(), "--json").get("metrics");
        JsonNode want = figures();
        for (String name : List.of("induction_score", "previous_token", "first_token_mass")) {
            assertTable(want.get(name), metrics.get(name), name);
        }
        JsonNode induction = metrics.get("induction_score");
        int layers = induction.size();
        assertTrue(best(induction, 0, layers) > CLEAR, "no clear induction head: " + induction);
        int first = 0;
        while (best(induction, first, first + 1) <= CLEAR) {
            first++;
        }
        // An induction head reads what a previous-token head of an earlier layer wrote.
        assertTrue(best(metrics.get("previous_token"), 0, first) > CLEAR, "no clear previous-token head before layer " + first + ": " + metrics.get("previous_token"));
    }

    @Test
    void promptsShowWhatTheySay() throws IOException {
        JsonNode file = Json.mapper().readTree(folder().resolve("prompts.json").toFile());
        List<Prompt> prompts = sample().prompts();
        assertEquals(file.size(), prompts.size());
        for (int i = 0; i < file.size(); i++) {
            JsonNode f = file.get(i);
            Prompt p = prompts.get(i);
            assertEquals(new Prompt(f.get("title").asText(), f.get("text").asText(), f.get("look").asText(), f.get("layer").asInt(), f.get("head").asInt()), p);
            Path out = shared.resolve("capture-" + i + ".safetensors");
            JsonNode captured = result("capture", folder().toString(), "--prompt", p.text(), "--what", "attentions", "--out", out.toString(), "--json");
            assertEquals(figures().get("prompts").get(f.get("name").asText()).get("tokens").asInt(), captured.get("tokens").asInt(), p.title());
            boolean previous = f.get("which").asText().equals("previous");
            double mass = meanMass(out, p.layer(), p.head(), previous ? BundledSampleTest::isPrevious : BundledSampleTest::followsACopy);
            assertTrue(mass > CLEAR, p.title() + ": the head shows its pattern with a mean weight of " + mass);
        }
    }

    /// Whether a key belongs to a pattern for a query.
    private interface Pattern {
        boolean has(int[] ids, int query, int key);
    }

    private static boolean isPrevious(int[] ids, int query, int key) {
        return key == query - 1;
    }

    /// Whether a key comes next after an earlier copy of the query and of the token before it. One equal token alone is no copy: commas are everywhere.
    private static boolean followsACopy(int[] ids, int query, int key) {
        return key >= 2 && key <= query && ids[key - 1] == ids[query] && ids[key - 2] == ids[query - 1];
    }

    /// The weight on a pattern, mean over the queries that have it.
    private static double meanMass(Path capture, int layer, int head, Pattern pattern) {
        try (SafetensorsFile file = SafetensorsFile.open(capture)) {
            int[] ids = file.ints("input_ids");
            int n = ids.length;
            int heads = (int) file.shape("attentions").orElseThrow().sizes()[1];
            float[] map = file.floats("attentions", (long) (layer * heads + head) * n * n, n * n);
            double sum = 0;
            int queries = 0;
            for (int q = 1; q < n; q++) {
                double mass = 0;
                boolean any = false;
                for (int k = 0; k <= q; k++) {
                    if (pattern.has(ids, q, k)) {
                        any = true;
                        mass += map[q * n + k];
                    }
                }
                sum += mass;
                queries += any ? 1 : 0;
            }
            return sum / queries;
        }
    }
}
