package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.app.schema.Schemas;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;

/// Pruning from the command line: what lies where, runs that are broken off, and refusals.
@Timeout(240)
class PruneCommandTest {

    private static final Path BASE = Path.of("../model-core/src/test/resources/reference/llama-gqa").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    private Path data() throws IOException {
        return Files.writeString(folder.resolve("data.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13]}\n{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63]}\n");
    }

    @Test
    void leavesACheckpointMasksAndAReportAndIsARun() throws IOException {
        Path out = folder.resolve("pruned");
        Invocation run = Invocation.of(folder, "prune", "--model", BASE.toString(), "--method", "wanda", "--sparsity", "0.5", "--data", data().toString(), "--eval-data", "few=" + data(), "--out", out.toString(), "--json");
        assertEquals(0, run.exit(), run.toString());
        for (String line : run.out().lines().toList()) {
            Schemas.COMMAND_LINE_EVENT.accepts(Json.mapper().readTree(line));
        }
        JsonNode result = run.events("result").getFirst();
        assertEquals("prune", result.get("kind").asText());
        assertEquals(0.5, result.at("/sparsity/of_prunable").asDouble());
        assertEquals("few", result.at("/evaluations/0/name").asText());
        assertEquals(List.of(1, 2, 3), run.events("metric").stream().filter(e -> e.has("layer")).map(e -> e.get("step").asInt()).toList());
        try (Stream<Path> files = Files.list(out)) {
            assertEquals(new TreeSet<>(Set.of("README.md", "config.json", "manifest.json", "masks.safetensors", "model.safetensors", "pruning_report.json", "tokenizer.json", "tokenizer_config.json")),
                    new TreeSet<>(files.map(p -> p.getFileName().toString()).toList()));
        }
        Schemas.MANIFEST.accepts(Json.mapper().readTree(out.resolve("manifest.json").toFile()));
        assertEquals(Json.mapper().readTree(BASE.resolve("config.json").toFile()), Json.mapper().readTree(out.resolve("config.json").toFile()));
        // The result opens and gives the perplexity that was reported.
        Invocation measured = Invocation.of(folder, "eval", out.toString(), "--data", data().toString(), "--json");
        assertEquals(result.get("perplexity").asDouble(), measured.events("result").getFirst().get("perplexity").asDouble(), 1e-9);
        JsonNode listed = Invocation.of(folder, "runs", "list", "--json").events("result").getFirst().at("/runs/0");
        assertEquals("wanda", listed.get("method").asText());
        assertEquals("finished", listed.get("state").asText());
        assertEquals(3, listed.get("steps").asInt());
        assertEquals(3, listed.get("step").asInt());
        assertEquals(result.get("loss").asDouble(), listed.get("loss").asDouble(), 1e-12);
        // A run's own task file makes the same again, and a copy with a change another.
        Invocation again = Invocation.of(folder, "prune", "--task", folder.resolve("home/runs/1/task.json").toString(), "--out", folder.resolve("again").toString());
        assertEquals(0, again.exit(), again.toString());
        assertArrayEquals(Files.readAllBytes(out.resolve("model.safetensors")), Files.readAllBytes(folder.resolve("again/model.safetensors")));
        assertTrue(again.out().contains("50.00 %"), again.out());
        Invocation copied = Invocation.of(folder, "runs", "clone", "1", "--set", "sparsity=0.25", "--json");
        assertEquals(0, copied.exit(), copied.toString());
        assertEquals(0.25, copied.events("result").getFirst().at("/sparsity/of_prunable").asDouble());
        assertEquals(List.of("run 1 is no training run: it has as many steps as the model has layers."), Invocation.of(folder, "runs", "extend", "1", "--steps", "30").errorLines());
    }

    /// What the views' buttons hand over: parts by number, no method and no text.
    @Test
    void dropsPartsThatAreNamed() throws IOException {
        Path out = folder.resolve("fewer");
        Invocation run = Invocation.of(folder, "prune", "--model", BASE.toString(), "--drop-layers", "1", "--drop-heads", "0.3,2.5", "--out", out.toString());
        assertEquals(0, run.exit(), run.toString());
        assertTrue(run.out().contains("explicit: smaller shapes"), run.out());
        assertEquals(2, Json.mapper().readTree(out.resolve("config.json").toFile()).get("num_hidden_layers").asInt());
    }

    @Test
    void killedAfterALayerItGoesOnToTheSameBits() throws Exception {
        Path data = data();
        String[] args = {"prune", "--model", BASE.toString(), "--method", "sparsegpt", "--pattern", "2:4", "--propagation", "sequential", "--data", data.toString(), "--json"};
        Invocation whole = Invocation.of(folder, args);
        assertEquals(0, whole.exit(), whole.toString());
        Process command = InterruptedCommandTest.start(folder, args);
        BufferedReader events = new BufferedReader(new InputStreamReader(command.getInputStream(), StandardCharsets.UTF_8));
        String line = events.readLine();
        while (line != null && !(line.contains("\"metric\"") && line.contains("\"layer\""))) {
            line = events.readLine();
        }
        assertTrue(line != null, "it ended too soon");
        List<ProcessHandle> workers = command.descendants().toList();
        command.destroyForcibly();
        assertTrue(command.waitFor(20, TimeUnit.SECONDS));
        for (ProcessHandle worker : workers) {
            worker.onExit().get(20, TimeUnit.SECONDS);
        }
        Path home = folder.resolve("home/runs/2");
        assertFalse(Files.exists(home.resolve("result/manifest.json")) && !Files.exists(home.resolve("result/model.safetensors")), "whole or absent");
        if (!Files.exists(home.resolve("result"))) {
            Invocation resumed = Invocation.of(folder, "runs", "resume", "2", "--json");
            assertEquals(0, resumed.exit(), resumed.toString());
        }
        for (String file : List.of("model.safetensors", "masks.safetensors")) {
            assertArrayEquals(Files.readAllBytes(folder.resolve("home/runs/1/result").resolve(file)), Files.readAllBytes(home.resolve("result").resolve(file)), file);
        }
        try (SafetensorsFile masks = SafetensorsFile.open(home.resolve("result/masks.safetensors"))) {
            assertEquals(21, masks.tensors().size());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--method magic --sparsity 0.5|--method magic is unknown; known are ",
        "--method wanda --sparsity 0.5|--data is missing: wanda works by calibration texts. A text file or JSONL.",
        "--method magnitude|nothing says how much goes: sparsity is missing. A pattern such as 2:4 says it too.",
        "--method magnitude --sparsity 1.5|sparsity is 1.5; a number from 0 to below 1 belongs here.",
        "--method magnitude --pattern 4:2|pattern is 4:2; fewer than all of a group are kept, and at least one.",
        "--method magnitude --sparsity 0.3 --pattern 2:4|sparsity is 0.3 and the pattern 2:4 leaves out 2 of every 4. Leave sparsity out.",
        "--method magnitude --rank 3|rank does not go with the method magnitude.",
        "--method svd --sparsity 0.5 --target-modules nothing|no linear layer of a decoder layer is called nothing; there are down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj.",
        "--method magnitude --pattern 2:7|llama-gqa: it holds no matrix that the method magnitude can prune.",
        "--drop-heads 0.9|head 0.9 is to go, and layer 0 has 8 heads, from 0.",
        "--drop-layers 1 --sparsity 0.5|sparsity does not go with the method explicit.",
        "--method wanda --sparsity 0.5 --drop-heads 0.1 --data d|drop does not go with the method wanda.",
    })
    void refusesInOneLine(String options, String message) {
        List<String> args = new ArrayList<>(List.of("prune", "--model", BASE.toString()));
        args.addAll(List.of(options.split(" ")));
        Invocation run = Invocation.of(folder, args);
        assertEquals(2, run.exit(), run.toString());
        assertEquals(1, run.errorLines().size(), run.toString());
        assertTrue(run.errorLines().getFirst().startsWith(message), run.errorLines().getFirst());
    }
}
