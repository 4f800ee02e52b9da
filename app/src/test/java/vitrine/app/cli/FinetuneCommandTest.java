package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.app.schema.Schemas;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.testing.Reference;
import vitrine.core.work.finetune.FinetuneForecast;

/// Training from the command line: the reference curves of transformers and peft, and runs that are broken off.
@Timeout(240)
class FinetuneCommandTest {

    private static final Path RESOURCES = Path.of("../model-core/src/test/resources").toAbsolutePath().normalize();
    private static final Path BASE = RESOURCES.resolve("reference/llama-tied");

    @TempDir
    Path folder;

    /// One line per sequence of the reference's batches, in their order.
    private Path data(SafetensorsFile golden) throws IOException {
        int[] ids = golden.ints("batch_ids");
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < ids.length; i += 16) {
            lines.add("{\"input_ids\": " + Arrays.toString(Arrays.copyOfRange(ids, i, i + 16)) + "}");
        }
        return Files.write(folder.resolve("data.jsonl"), lines);
    }

    /// The reference's first factors as a PEFT folder.
    private Path adapter(Reference training, SafetensorsFile golden) throws IOException {
        Path out = Files.createDirectories(folder.resolve("start"));
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, float[]> values = new LinkedHashMap<>();
        for (String name : golden.tensors().keySet()) {
            if (name.startsWith("lora.init.")) {
                String a = "base_model.model." + name.substring("lora.init.".length());
                String b = a.replace("lora_A", "lora_B");
                declared.put(a, new Declared(DType.F32, golden.shape(name).orElseThrow()));
                values.put(a, golden.floats(name));
                String last = name.replace("init", "final").replace("lora_A", "lora_B");
                declared.put(b, new Declared(DType.F32, golden.shape(last).orElseThrow()));
                values.put(b, new float[(int) golden.shape(last).orElseThrow().elements()]);
            }
        }
        try (SafetensorsWriter w = new SafetensorsWriter(out.resolve("adapter_model.safetensors"), declared, Map.of())) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                w.write(e.getKey(), 0, e.getValue());
            }
        }
        ObjectNode config = ((ObjectNode) training.golden().at("/lora/config")).deepCopy().put("peft_type", "LORA");
        Files.writeString(out.resolve("adapter_config.json"), Json.pretty(config));
        return out;
    }

    @ParameterizedTest
    @CsvSource({"train-llama, full, 0.004", "train-llama, lora, 0.015", "train-qwen3-moe, full, 0.004", "train-qwen3-moe, lora, 0.015"})
    void followsTheReferenceCurve(String name, String method, String rate) throws IOException {
        Reference training = Reference.at(RESOURCES.resolve("training").resolve(name));
        Path base = RESOURCES.resolve("reference").resolve(training.golden().get("base_case").asText());
        try (SafetensorsFile golden = training.expected()) {
            Path out = folder.resolve("out");
            List<String> args = new ArrayList<>(List.of("finetune", "--model", base.toString(), "--data", data(golden).toString(), "--method", method, "--steps", "20", "--batch-size", "4",
                    "--sequence-length", "16", "--lr", rate, "--warmup-steps", "4", "--schedule", "cosine", "--weight-decay", "0.01", "--max-grad-norm", "1", "--order", "sequential",
                    "--save-every", "50", "--json", "--out", out.toString()));
            if (method.equals("lora")) {
                args.addAll(List.of("--init-adapter", adapter(training, golden).toString()));
            }
            Invocation run = Invocation.of(folder, args);
            assertEquals(0, run.exit(), run.toString());
            run.out().lines().forEach(Schemas.COMMAND_LINE_EVENT::accepts);
            List<JsonNode> steps = run.events("metric").stream().filter(e -> e.has("loss")).toList();
            assertEquals(20, steps.size());
            training.compare(golden, method + ".loss", figures(steps, "loss"));
            training.compare(golden, method + ".grad_norm", figures(steps, "gradient_norm"));
            assertArrayEquals(golden.doubles(method + ".lr"), steps.stream().mapToDouble(e -> e.get("learning_rate").asDouble()).toArray(), 1e-12);
            try (SafetensorsFile weights = SafetensorsFile.open(out.resolve(method.equals("full") ? "model.safetensors" : "adapter_model.safetensors"))) {
                int compared = 0;
                for (String tensor : golden.tensors().keySet()) {
                    if (tensor.startsWith(method + ".final.")) {
                        training.compare(golden, tensor, weights.floats((method.equals("full") ? "" : "base_model.model.") + tensor.substring(method.length() + 7)));
                        compared++;
                    }
                }
                assertTrue(compared >= 4);
            }
            assertTrue(Files.exists(out.resolve(method.equals("full") ? "config.json" : "adapter_config.json")) && Files.exists(out.resolve("README.md")));
        }
    }

    private static float[] figures(List<JsonNode> steps, String name) {
        float[] out = new float[steps.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) steps.get(i).get(name).asDouble();
        }
        return out;
    }

    // --- broken off

    private List<String> longer(Path data, Path task) throws IOException {
        Random r = new Random(3);
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            lines.add("{\"input_ids\": " + Arrays.toString(r.ints(12, 3, 250).toArray()) + "}");
        }
        Files.write(data, lines);
        Files.writeString(task, """
                {"kind": "finetune", "model": "%s", "data": "data.jsonl", "method": "beamlora", "evalData": "data.jsonl",
                 "settings": {"steps": 24, "batchSize": 3, "accumulate": 2, "lr": 0.01, "r": 4, "dropout": 0.1, "beamPeriod": 6, "saveEvery": 2, "evalEvery": 5}}
                """.formatted(BASE));
        return List.of("finetune", "--task", task.toString(), "--json");
    }

    private static List<String> curve(List<JsonNode> events) {
        return events.stream().filter(e -> e.has("loss")).map(e -> e.get("step") + " " + Double.toHexString(e.get("loss").asDouble()) + " " + Double.toHexString(e.get("gradient_norm").asDouble())
                + " " + e.path("validation_loss")).toList();
    }

    @Test
    void aKilledRunGoesOnToTheSameBits() throws IOException, InterruptedException {
        Assumptions.assumeFalse(System.getProperty("os.name").startsWith("Windows"), "signals are a matter of Unix");
        List<String> args = longer(folder.resolve("data.jsonl"), folder.resolve("task.json"));
        Invocation whole = Invocation.of(folder, args);
        assertEquals(0, whole.exit(), whole.toString());

        long seed = System.nanoTime();
        Random r = new Random(seed);
        killAfter(2 + r.nextInt(8), args);
        killAfter(12 + r.nextInt(8), List.of("runs", "resume", "2", "--json"));
        Invocation list = Invocation.of(folder, "runs", "list", "--json");
        assertEquals("interrupted", list.events("result").getFirst().at("/runs/0/state").asText());
        Invocation rest = Invocation.of(folder, "runs", "resume", "2", "--json");
        assertEquals(0, rest.exit(), rest.toString());

        assertEquals(curve(whole.events("metric")), curve(rest.events("metric")), "figures without gap or double; seed " + seed);
        for (String file : List.of("adapter_model.safetensors", "gates.safetensors")) {
            assertArrayEquals(Files.readAllBytes(folder.resolve("home/runs/1/result").resolve(file)), Files.readAllBytes(folder.resolve("home/runs/2/result").resolve(file)), file + ", seed " + seed);
        }
        Invocation shown = Invocation.of(folder, "runs", "show", "2", "--json");
        Schemas.COMMAND_LINE_EVENT.accepts(shown.out().strip());
        JsonNode result = shown.events("result").getFirst();
        assertEquals("finished", result.get("state").asText());
        assertEquals(24, result.at("/figures/loss").size());
        Invocation compared = Invocation.of(folder, "runs", "compare", "1", "2", "--json");
        assertEquals(0, compared.events("result").getFirst().get("differences").size(), compared.toString());
        assertEquals(2, Invocation.of(folder, "runs", "resume", "2").exit(), "a finished run has nothing to go on with");
    }

    // --- stopped, extended, copied, exported

    @Test
    void aRunIsExtendedCopiedAndExported() throws IOException {
        List<String> args = longer(folder.resolve("data.jsonl"), folder.resolve("task.json"));
        Invocation first = Invocation.of(folder, args);
        assertEquals(0, first.exit(), first.toString());
        JsonNode task = Json.mapper().readTree(folder.resolve("home/runs/1/task.json").toFile()).get("task");
        assertEquals(first.events("metric").stream().filter(e -> e.has("trained_parameters")).findFirst().orElseThrow().get("trained_parameters").asLong(),
                FinetuneForecast.of((Task.Finetune) Task.fromJson(task)).trained(), "the forecast counts BeamLoRA's gates");
        Path result = folder.resolve("home/runs/1/result");
        byte[] before = Files.readAllBytes(result.resolve("adapter_model.safetensors"));

        Invocation extended = Invocation.of(folder, "runs", "extend", "1", "--steps", "30", "--json");
        assertEquals(0, extended.exit(), extended.toString());
        JsonNode shown = Invocation.of(folder, "runs", "show", "1", "--json").events("result").getFirst();
        assertEquals(30, shown.at("/figures/loss").size());
        assertEquals("finished", shown.get("state").asText());
        assertArrayEquals(before, Files.readAllBytes(folder.resolve("home/runs/1/result-at-24/adapter_model.safetensors")), "the result so far is kept");
        assertFalse(Arrays.equals(before, Files.readAllBytes(result.resolve("adapter_model.safetensors"))));
        assertEquals(30, Json.mapper().readTree(result.resolve("manifest.json").toFile()).at("/summary/steps").asInt());
        assertEquals(List.of("run 1 is at step 30 already; --steps 30 is no more."), Invocation.of(folder, "runs", "extend", "1", "--steps", "30").errorLines());

        Invocation copied = Invocation.of(folder, "runs", "clone", "1", "--set", "steps=4", "--set", "lr=0.5", "--json");
        assertEquals(0, copied.exit(), copied.toString());
        JsonNode differ = Invocation.of(folder, "runs", "compare", "1", "2", "--json").events("result").getFirst().get("differences");
        assertEquals("[30,4]", differ.get("settings.steps").toString());
        assertEquals(0.5, differ.at("/settings.lr/1").asDouble());
        assertEquals(List.of("speed is no key of a task of this kind"), Invocation.of(folder, "runs", "clone", "1", "--set", "speed=1").errorLines().stream()
                .map(l -> l.replaceAll("^settings\\.|;.*$", "")).toList());

        Path csv = folder.resolve("figures.csv");
        assertEquals(0, Invocation.of(folder, "runs", "export", "1", "--out", csv.toString()).exit());
        List<String> lines = Files.readAllLines(csv);
        assertTrue(lines.getFirst().startsWith("step,") && lines.getFirst().contains("loss"), lines.getFirst());
        assertTrue(lines.getLast().startsWith("30,"), lines.getLast());
        assertEquals(0, Invocation.of(folder, "runs", "export", "1", "--tensorboard", "--out", folder.resolve("events").toString()).exit());
        assertTrue(Files.size(folder.resolve("events")) > 30 * 40);
        assertEquals(List.of("--steps goes with vitrine runs extend only."), Invocation.of(folder, "runs", "export", "1", "--steps", "3").errorLines());
        assertEquals(2, Invocation.of(folder, "runs", "stop", "2", "--discard").exit(), "a finished run is not given up");
    }

    /// A rate so high that the loss over the validation text rises at once: the run ends after two validations, with the weights of before them.
    @Test
    void earlyStopTakesTheLowestAndTheForecastIsTheRuns() throws IOException {
        Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12]}\n");
        Path held = Files.writeString(folder.resolve("held.jsonl"), "{\"input_ids\": [40, 3, 77, 21, 90, 13]}\n");
        Invocation run = Invocation.of(folder, "finetune", "--model", BASE.toString(), "--data", data.toString(), "--method", "full", "--steps", "40", "--batch-size", "1", "--lr", "0.05",
                "--warmup-steps", "0", "--schedule", "constant", "--eval-data", held.toString(), "--eval-every", "1", "--early-stop", "2", "--json");
        assertEquals(0, run.exit(), run.toString());
        JsonNode result = run.events("result").getFirst();
        List<JsonNode> validations = run.events("metric").stream().filter(e -> e.has("validation_loss")).toList();
        double lowest = validations.stream().mapToDouble(e -> e.get("validation_loss").asDouble()).min().orElseThrow();
        assertTrue(result.get("steps").asLong() < 40, result.toString());
        assertEquals(lowest, result.get("validation_loss").asDouble(), 1e-12);
        Invocation measured = Invocation.of(folder, "eval", result.get("out").asText(), "--data", held.toString(), "--json");
        assertEquals(lowest, measured.events("result").getFirst().get("loss").asDouble(), 1e-5, "the weights are those of the lowest");
        JsonNode forecast = run.events("metric").stream().filter(e -> e.has("memory_forecast_bytes")).findFirst().orElseThrow();
        JsonNode task = Json.mapper().readTree(folder.resolve("home/runs/1/task.json").toFile()).get("task");
        FinetuneForecast told = FinetuneForecast.of((Task.Finetune) Task.fromJson(task));
        assertEquals(forecast.get("memory_forecast_bytes").asLong(), told.bytes());
        assertEquals(forecast.get("trained_parameters").asLong(), told.trained());
        assertEquals(List.of("earlyStop watches losses over evalData: evalData and evalEvery must stand beside it."),
                Invocation.of(folder, "finetune", "--model", BASE.toString(), "--data", data.toString(), "--early-stop", "2").errorLines());
    }

    @ParameterizedTest
    @CsvSource({"dora", "layra"})
    void forecastsWhatAnAdapterTrains(String method) throws IOException {
        Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"input_ids\": [5, 6, 7]}\n");
        Invocation run = Invocation.of(folder, "finetune", "--model", BASE.toString(), "--data", data.toString(), "--method", method, "--steps", "2", "--r", "4", "--json");
        assertEquals(0, run.exit(), run.toString());
        JsonNode forecast = run.events("metric").stream().filter(e -> e.has("trained_parameters")).findFirst().orElseThrow();
        JsonNode task = Json.mapper().readTree(folder.resolve("home/runs/1/task.json").toFile()).get("task");
        assertEquals(forecast.get("trained_parameters").asLong(), FinetuneForecast.of((Task.Finetune) Task.fromJson(task)).trained());
    }

    @Test
    void aRunIsAskedToFinishOrGivenUp() throws Exception {
        List<String> args = new ArrayList<>(longer(folder.resolve("data.jsonl"), folder.resolve("task.json")));
        Invocation first = Invocation.of(folder, args);
        assertEquals(0, first.exit(), first.toString());
        for (String how : List.of("--finish", "--discard")) {
            int number = how.equals("--finish") ? 2 : 3;
            Process going = InterruptedCommandTest.start(folder, "runs", "clone", "1", "--set", "steps=100000", "--set", "saveEvery=1000", "--json");
            BufferedReader events = new BufferedReader(new InputStreamReader(going.getInputStream(), StandardCharsets.UTF_8));
            Thread drain = Thread.ofVirtual().unstarted(() -> events.lines().forEach(l -> { }));
            for (String line = events.readLine(); line != null && !line.contains("\"step\":3,"); line = events.readLine()) {
                assertFalse(line.contains("fault"), line);
            }
            drain.start();
            Invocation stop = Invocation.of(folder, "runs", "stop", String.valueOf(number), how);
            assertEquals(0, stop.exit(), stop.toString());
            assertTrue(going.waitFor(60, TimeUnit.SECONDS), "it goes on");
            JsonNode run = Invocation.of(folder, "runs", "show", String.valueOf(number), "--json").events("result").getFirst();
            Path home = folder.resolve("home/runs/" + number);
            if (number == 2) {
                assertEquals("finished", run.get("state").asText());
                assertEquals(run.get("step").asLong(), Json.mapper().readTree(home.resolve("result/manifest.json").toFile()).at("/summary/steps").asLong());
            } else {
                assertEquals("cancelled", run.get("state").asText());
                assertFalse(Files.exists(home.resolve("result")) || Files.exists(home.resolve("steps")));
                assertTrue(run.at("/figures/loss").size() >= 3, "its figures are kept");
            }
            assertFalse(Files.exists(home.resolve("stop")));
        }
    }

    /// Starts a command and kills it, with no warning, after so many steps.
    private void killAfter(int steps, List<String> args) throws IOException, InterruptedException {
        Process command = InterruptedCommandTest.start(folder, args.toArray(String[]::new));
        BufferedReader events = new BufferedReader(new InputStreamReader(command.getInputStream(), StandardCharsets.UTF_8));
        String line = events.readLine();
        int step = -1;
        while (line != null && step < steps) {
            JsonNode event = Json.mapper().readTree(line);
            step = event.path("event").asText().equals("metric") ? event.path("step").asInt() : step;
            line = step < steps ? events.readLine() : line;
        }
        assertTrue(line != null, () -> "it ended too soon");
        List<ProcessHandle> workers = command.descendants().toList();
        command.destroyForcibly();
        assertTrue(command.waitFor(20, TimeUnit.SECONDS));
        for (ProcessHandle worker : workers) {
            for (int i = 0; i < 200 && worker.isAlive(); i++) {
                Thread.sleep(100);
            }
            assertFalse(worker.isAlive(), "the worker lives on");
        }
    }

    // --- what cannot be run

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--method magic|--method magic is unknown; known are full, lora, beamlora, dora, layra, hft, apex, sgt, multilora, nola, svft, ilora, bone.",
        "--method full --r 4|r does not go with the method full.",
        "--pack maybe|--pack maybe: on or off belongs here.",
        "--target-modules q_proj,nothing|no linear layer of the model is called nothing; there are down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj, embed_tokens, lm_head.",
        "--steps 0|steps is 0; a whole number from 1 belongs here.",
    })
    void refusesInOneLine(String options, String message) throws IOException {
        Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"input_ids\": [5, 6, 7]}\n");
        List<String> args = new ArrayList<>(List.of("finetune", "--model", BASE.toString(), "--data", data.toString()));
        args.addAll(List.of(options.split(" ")));
        Invocation run = Invocation.of(folder, args);
        assertEquals(2, run.exit(), run.toString());
        assertEquals(List.of(message), run.errorLines());
    }

    @Test
    void aLossThatIsNoNumberEndsTheRun() throws IOException {
        Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"input_ids\": [5, 6, 7, 8]}\n");
        Invocation run = Invocation.of(folder, "finetune", "--model", BASE.toString(), "--data", data.toString(), "--method", "full", "--steps", "6", "--batch-size", "1", "--lr", "1e30",
                "--warmup-steps", "0", "--schedule", "constant");
        assertEquals(2, run.exit(), run.toString());
        assertTrue(run.errorLines().getLast().matches("step \\d+: the (tensor|gradient of) .* holds .*"), run.err());
        assertEquals("failed", Invocation.of(folder, "runs", "list", "--json").events("result").getFirst().at("/runs/0/state").asText());
    }
}
