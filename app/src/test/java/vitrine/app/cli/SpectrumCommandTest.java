package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// `vitrine spectrum` from end to end.
@Timeout(180)
class SpectrumCommandTest {

    private static final Path CASES = Path.of("../model-core/src/test/resources/reference").toAbsolutePath().normalize();
    private static final List<String> PUBLIC = List.of("tensor", "shape", "effective_rank", "effective_rank_squared", "normalised_effective_rank", "stable_rank", "participation_ratio",
            "spectral_norm", "frobenius_norm", "alpha");

    @TempDir
    Path folder;

    private Invocation run(Object... arguments) {
        List<String> args = new ArrayList<>();
        for (Object a : arguments) {
            args.add(String.valueOf(a));
        }
        return Invocation.of(folder, args);
    }

    private Invocation succeed(Object... arguments) {
        Invocation run = run(arguments);
        assertEquals(0, run.exit(), run.toString());
        return run;
    }

    @Test
    void writesAListAndTheValues() throws IOException {
        Path out = folder.resolve("llama.safetensors");
        succeed("spectrum", CASES.resolve("llama-gqa"), "--out", out);
        JsonNode list = Json.mapper().readTree(folder.resolve("llama.json").toFile());
        assertTrue(list.isArray());
        JsonNode golden = Json.mapper().readTree(CASES.resolve("an-weights-llama/golden.json").toFile());
        assertEquals(golden.get("matrices").size(), list.size());
        Map<String, JsonNode> byName = new HashMap<>();
        list.forEach(n -> byName.put(n.get("tensor").asText(), n));
        try (SafetensorsFile expected = SafetensorsFile.open(CASES.resolve("an-weights-llama/golden.safetensors")); SafetensorsFile got = SafetensorsFile.open(out)) {
            double[] metrics = expected.doubles("metrics");
            for (int i = 0; i < list.size(); i++) {
                String name = golden.get("matrices").get(i).asText();
                JsonNode row = byName.get(name);
                PUBLIC.forEach(k -> assertTrue(row.hasNonNull(k), name + " " + k));
                assertEquals(metrics[13 * i], row.get("effective_rank").doubleValue(), 1e-6 * metrics[13 * i], name);
                double[] want = expected.doubles("sv." + name);
                double[] s = got.doubles("sv." + name);
                for (int k = 0; k < want.length; k++) {
                    assertEquals(want[k], s[k], 1e-9 * want[0], name);
                }
            }
        }
    }

    @Test
    void jsonHoldsProgressAndTheResult() {
        Invocation run = succeed("spectrum", CASES.resolve("phi3"), "--tensors", "*qkv*,lm_head*", "--accuracy", "fast", "--json");
        JsonNode result = run.events("result").getFirst();
        assertEquals("spectrum", result.get("kind").asText());
        assertEquals(10, result.get("matrices").size(), "query, key and value of three layers, and the head");
        assertEquals("query", result.get("matrices").get(0).get("kind").asText());
        assertEquals(9, result.get("curves").size());
        assertEquals(0, result.get("curves").get(0).get("layer").asInt());
        assertTrue(result.get("seconds_per_gigabyte").doubleValue() > 0);
        JsonNode last = run.events("progress").getLast();
        assertEquals(last.get("total"), last.get("done"));
        assertTrue(succeed("spectrum", CASES.resolve("phi3"), "--tensors", "*qkv*,lm_head*", "--accuracy", "fast", "--json").events("result").getFirst().get("cached").asBoolean());
    }

    @Test
    void printsATableForPeople() {
        List<String> lines = succeed("spectrum", CASES.resolve("llama-gqa"), "--tensors", "*layers.0*", "--heads").out().lines().toList();
        assertTrue(lines.getFirst().matches("matrix +shape +eff\\. rank +/ r +stable +partic\\. +norm +Frobenius +alpha"), lines.getFirst());
        assertTrue(lines.get(1).startsWith("model.layers.0.self_attn.q_proj.weight "), lines.get(1));
        assertTrue(lines.get(2).startsWith("model.layers.0.self_attn.q_proj.weight#head.0 "), lines.get(2));
        assertTrue(lines.getLast().matches("\\d+ matrices, exact, \\d+\\.\\d s, [0-9.,]+ s/GB"), lines.getLast());
    }

    private Path scaled(String name, double factor, int rows) throws IOException {
        Path model = Files.createDirectories(folder.resolve(name));
        Map<String, SafetensorsWriter.Declared> declared = new LinkedHashMap<>();
        for (int l = 0; l < 2; l++) {
            declared.put("model.layers." + l + ".mlp.up_proj.weight", new SafetensorsWriter.Declared(DType.F32, Shape.of(rows, 12)));
        }
        try (SafetensorsWriter out = new SafetensorsWriter(model.resolve("model.safetensors"), declared, Map.of())) {
            for (String tensor : declared.keySet()) {
                double[] w = new Random(tensor.hashCode()).doubles(12L * rows, -1, 1).toArray();
                float[] v = new float[w.length];
                for (int i = 0; i < v.length; i++) {
                    v[i] = (float) w[i] * (float) factor;
                }
                out.write(tensor, 0, v);
            }
        }
        return model;
    }

    @Test
    void aSeriesHasCurvesAndGrowth() throws IOException {
        Path out = folder.resolve("series");
        Path a = scaled("checkpoint-10", 1, 20);
        Path b = scaled("checkpoint-20", 2, 20);
        Path c = scaled("checkpoint-30", 8, 20);
        Invocation run = succeed("spectrum", a, b, c, "--out", out);
        assertTrue(run.out().contains("step 10") && run.out().contains("step 30") && run.out().contains("Spectral norm, mean over layers"), run.out());
        JsonNode json = Json.mapper().readTree(folder.resolve("series.json").toFile());
        assertEquals(6, json.get("matrices").size());
        assertEquals(3, json.get("series").size());
        assertEquals(6, json.get("curves").size());
        JsonNode first = json.get("curves").get(0);
        JsonNode last = json.get("curves").get(4);
        assertEquals(30, last.get("step").asInt());
        assertEquals(8, last.get("spectral_norm").doubleValue() / first.get("spectral_norm").doubleValue(), 1e-9);
        assertEquals(first.get("effective_rank").doubleValue(), last.get("effective_rank").doubleValue(), 1e-9);
        assertEquals(2, json.get("growth").size());
        assertEquals(8, json.get("growth").get(0).get("spectral_norm_growth").doubleValue(), 1e-9);
        try (SafetensorsFile f = SafetensorsFile.open(folder.resolve("series.safetensors"))) {
            assertTrue(f.has("c1.sv.model.layers.1.mlp.up_proj.weight"));
        }
    }

    @Test
    void deltasAreOfTheDifference() throws IOException {
        Path a = scaled("a", 1, 20);
        Path b = scaled("b", 1.5, 20);
        double norm = succeed("spectrum", a, "--json").events("result").getFirst().get("matrices").get(0).get("spectral_norm").doubleValue();
        JsonNode delta = succeed("spectrum", b, "--against", a, "--json").events("result").getFirst();
        assertEquals("a", delta.get("against").asText());
        assertEquals(norm / 2, delta.get("matrices").get(0).get("spectral_norm").doubleValue(), 1e-6 * norm);
        assertEquals(0.5, delta.get("matrices").get(0).get("relative_change").doubleValue(), 1e-6);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "--tensors *.nothing|task-invalid|none of its 23 weight matrices has a name that *.nothing matches",
        "--accuracy rough|task-invalid|--accuracy rough is unknown; there are exact, fast and estimate",
        "--against /no/such/model|not-found|no such file or folder",
        "--device cuda:0|task-invalid|the cpu only",
    })
    void wrongInputIsOneClearLine(String options, String category, String message) {
        List<String> args = new ArrayList<>(List.of("spectrum", CASES.resolve("llama-gqa").toString()));
        args.addAll(Arrays.asList(options.split(" ")));
        Invocation plain = Invocation.of(folder, args);
        assertEquals(2, plain.exit(), plain.toString());
        assertEquals(1, plain.errorLines().size(), plain.toString());
        assertTrue(plain.err().contains(message), plain.err());
        args.add("--json");
        assertEquals(category, Invocation.of(folder, args).events("error").getFirst().get("category").asText());
    }

    @Test
    void withoutAModelItSaysHow() {
        Invocation none = run("spectrum");
        assertEquals(2, none.exit());
        assertTrue(none.err().contains("MODEL"), none.err());
        assertTrue(succeed("spectrum", "--help").out().contains("--accuracy"));
        assertTrue(succeed("--help").out().contains("spectrum"));
    }

    @Test
    void anInputIsNeverReplaced() throws IOException {
        Path model = scaled("precious", 1, 20);
        byte[] before = Files.readAllBytes(model.resolve("model.safetensors"));
        Invocation run = run("spectrum", model, "--out", model.resolve("model.safetensors"));
        assertEquals(2, run.exit(), run.toString());
        assertTrue(Arrays.equals(before, Files.readAllBytes(model.resolve("model.safetensors"))));
    }

    /// Killed in the middle, without a chance to tidy up: the next run goes on, and comes to the same values as one that was left alone.
    @ParameterizedTest
    @CsvSource({"KILL", "INT"})
    void aKilledRunIsContinued(String signal) throws IOException, InterruptedException {
        Assumptions.assumeFalse(System.getProperty("os.name").startsWith("Windows"), "signals are a matter of Unix");
        Path model = Files.createDirectories(folder.resolve("model"));
        Map<String, SafetensorsWriter.Declared> declared = new LinkedHashMap<>();
        for (int l = 0; l < 20; l++) {
            declared.put("model.layers." + l + ".mlp.up_proj.weight", new SafetensorsWriter.Declared(DType.F32, Shape.of(900, 880)));
        }
        Random random = new Random(3);
        try (SafetensorsWriter out = new SafetensorsWriter(model.resolve("model.safetensors"), declared, Map.of())) {
            for (String tensor : declared.keySet()) {
                float[] v = new float[900 * 880];
                for (int i = 0; i < v.length; i++) {
                    v[i] = (float) random.nextGaussian();
                }
                out.write(tensor, 0, v);
            }
        }
        Process command = InterruptedCommandTest.start(folder, "spectrum", model.toString(), "--json");
        BufferedReader events = new BufferedReader(new InputStreamReader(command.getInputStream()));
        long total = Long.MAX_VALUE;
        long done = 0;
        for (String line = events.readLine(); line != null && done < total / 3; line = events.readLine()) {
            JsonNode event = Json.mapper().readTree(line);
            total = event.path("total").asLong(total);
            done = event.path("done").asLong(done);
        }
        assertTrue(done > 0 && done < total, done + " of " + total);
        List<ProcessHandle> workers = command.descendants().toList();
        assertEquals(0, new ProcessBuilder("kill", "-" + signal, String.valueOf(command.pid())).start().waitFor());
        assertTrue(command.waitFor(15, TimeUnit.SECONDS));
        for (ProcessHandle w : workers) {
            w.onExit().orTimeout(15, TimeUnit.SECONDS).join();
        }
        Path out = folder.resolve("continued");
        JsonNode result = succeed("spectrum", model, "--json", "--out", out).events("result").getFirst();
        int continued = result.get("continued").asInt();
        assertTrue(continued > 3 && continued < 20, continued + " matrices were kept");
        assertEquals(20, result.get("matrices").size());
        Path fresh = folder.resolve("fresh");
        Invocation again = Invocation.of(folder.resolve("elsewhere"), "spectrum", model.toString(), "--out", fresh.toString());
        assertEquals(0, again.exit(), again.toString());
        try (SafetensorsFile one = SafetensorsFile.open(folder.resolve("continued.safetensors")); SafetensorsFile other = SafetensorsFile.open(folder.resolve("fresh.safetensors"))) {
            for (String tensor : other.tensors().keySet()) {
                assertArrayEquals(other.doubles(tensor), one.doubles(tensor), "the same to the bit: " + tensor);
            }
        }
        try (Stream<Path> left = Files.list(folder.resolve("home/artifacts"))) {
            assertFalse(left.anyMatch(p -> p.getFileName().toString().endsWith(".kept")), "what was kept has done its service");
        }
    }
}
