package vitrine.core.work.prune.structure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;
import static vitrine.core.work.prune.PruneTrials.IDS;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.SharedReference;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.prune.PruneTrials;
import vitrine.core.work.prune.report.BeforeAndAfter;

/// Sub-layers that are skipped: what the written checkpoint says next is held against what the whole model does, token by token, by passes of its own.
class SkipPruneTest {

    @TempDir
    Path folder;

    private static Path model(String name) {
        return name.equals("stories260k") ? SharedReference.require(name) : CASES.resolve(name);
    }

    private Path run(String model, double share) throws IOException {
        return PruneTrials.run(PruneTrials.task(model(model).toString(), "swift_skip", PruneTrials.texts(folder, IDS), "{\"sparsity\": " + share + "}"), folder, w -> { });
    }

    /// The likeliest token after each place.
    private static int[] says(LoadedModel model, int[] ids) {
        float[] logits = BeforeAndAfter.logits(model, ids);
        int width = logits.length / ids.length;
        return IntStream.range(0, ids.length).map(t -> IntStream.range(0, width).reduce(0, (a, b) -> logits[t * width + b] > logits[t * width + a] ? b : a)).toArray();
    }

    /// Three of the four that gemma2 could skip are a whole layer, which no config can leave out, and half of another; those of gpt2 have biases; four of the six of stories260k are a whole layer at least.
    @ParameterizedTest
    @CsvSource({"gemma2,0.8", "gpt2,0.5", "stories260k,0.67"})
    void whatIsWrittenMatchesAsOftenAsWasFound(String name, double share) throws IOException {
        Path result = run(name, share);
        JsonNode report = Json.mapper().readTree(result.resolve("pruning_report.json").toFile());
        assertTrue(report.at("/load_back/passed").asBoolean());
        int units = 2 * (report.get("layers").size() - 2);
        assertEquals(units, report.at("/allocation/sublayers").asInt());
        int skipped = 0;
        int whole = 0;
        for (JsonNode l : report.get("layers")) {
            skipped += l.path("skipped_sublayers").size();
            whole += l.path("skipped_sublayers").size() == 2 ? 1 : 0;
            assertEquals(name.equals("gemma2") || l.path("skipped_sublayers").size() != 2, l.get("kept").asBoolean());
        }
        assertEquals((int) (units * share), skipped);
        assertTrue(name.equals("gpt2") ? whole == 0 : whole >= 1);
        assertEquals(0, report.at("/layers/0/skipped_sublayers").size());
        try (LoadedModel before = LoadedModel.open(model(name).toString()); LoadedModel after = LoadedModel.open(result.toString())) {
            assertEquals(before.spec().layers().size() - (name.equals("gemma2") ? 0 : whole), after.spec().layers().size());
            int[] ids = IDS;
            for (int i = 0; i < 32; i++) {
                int[] said = says(before, ids);
                ids = Arrays.copyOf(ids, ids.length + 1);
                ids[ids.length - 1] = said[said.length - 1];
            }
            int[] now = says(after, ids);
            int[] text = ids;
            long same = IntStream.range(IDS.length, ids.length).filter(i -> now[i - 1] == text[i]).count();
            assertEquals(same / 32.0, report.at("/allocation/matchness").asDouble(), 1e-12);
            assertEquals(32, report.at("/allocation/compared_tokens").asInt());
        }
    }

    @Test
    void nothingSkippedIsTheModelAndTwoLayersAreTooFew() throws IOException {
        Path result = run("llama-gqa", 0);
        assertEquals(1, Json.mapper().readTree(result.resolve("pruning_report.json").toFile()).at("/allocation/matchness").asDouble());
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            for (String name : before.tensors().keySet()) {
                assertArrayEquals(before.floats(name), after.floats(name), name);
            }
        }
        assertTrue(assertThrows(Refusal.class, () -> run("llama-tied", 0.5)).getMessage().contains("the first and the last are never skipped"));
    }
}
