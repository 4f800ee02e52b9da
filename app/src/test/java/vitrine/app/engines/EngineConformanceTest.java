package vitrine.app.engines;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.app.schema.Schemas;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.artifact.RankTrail;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.engine.Ending;
import vitrine.core.engine.EngineEvent;
import vitrine.core.engine.TaskHandle;
import vitrine.core.engine.WorkerEngine;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.tensor.DType;
import vitrine.core.testing.Reference;

/// One suite of tasks on both engines: their results agree with the reference, and with each other. It runs where a Python with torch is found, and says
/// loudly where none is.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(240)
class EngineConformanceTest {

    private static final Path RESOURCES = Path.of("../model-core/src/test/resources").toAbsolutePath().normalize();
    private static final Path CASES = RESOURCES.resolve("reference");
    private static final List<Task.What> ALL = List.of(Task.What.attentions, Task.What.hidden_states, Task.What.logits, Task.What.kv, Task.What.loss, Task.What.blocks);
    private static final int STEPS = 20;

    private Path folder;
    private BothEngines engines;
    private WorkerEngine pytorch;
    private WorkerEngine embedded;
    private Path text;
    private Path ids;

    @BeforeAll
    void open(@TempDir Path temporary) throws IOException {
        folder = temporary;
        engines = BothEngines.open(folder, "THE PYTORCH ENGINE");
        pytorch = engines.pytorch();
        embedded = engines.embedded();
        text = Files.writeString(folder.resolve("text.txt"), "The lantern over the wall went out, and the street was dark again.\n".repeat(3)
                + "<|endoftext|>\nfor i in range(3): print(x, i)\nThe wall was long, and the wall was old.\n");
        ids = Files.writeString(folder.resolve("ids.jsonl"), IntStream.range(0, 8).mapToObj(s -> Json.object().set("input_ids",
                Json.mapper().valueToTree(IntStream.range(0, 10 + 2 * s).map(i -> (7 * i + s * i * i + 3 * s) % 32).toArray())).toString()).collect(Collectors.joining("\n")));
    }

    @AfterAll
    void close() {
        if (engines != null) {
            engines.close();
        }
    }

    private static Artifact run(WorkerEngine engine, Task task) {
        return assertInstanceOf(Ending.Finished.class, engine.submit(task, e -> {}).ending().join(), () -> engine.name() + " on " + task).artifact();
    }

    private static Artifact checked(Artifact artifact) throws IOException {
        Schemas.MANIFEST.accepts(Files.readString(artifact.folder().resolve(Manifest.FILE)));
        return artifact;
    }

    // --- captures

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "gpt2", "qwen3-moe", "deepseek-v3", "llama4-text", "glm4-moe", "cohere", "gptj", "falcon", "falcon-alibi", "bloom", "mpt"})
    void capturesAgreeWithTheReference(String name) throws IOException {
        Reference reference = Reference.at(CASES.resolve(name));
        List<Task.What> what = new ArrayList<>(ALL);
        try (SafetensorsFile golden = reference.expected()) {
            if (golden.tensors().containsKey("p0.router_logits")) {
                what.add(Task.What.router);
            }
            List<Integer> ids = Arrays.stream(golden.ints("p0.input_ids")).boxed().toList();
            Task task = Task.fromJson(Json.object().put("kind", "capture").put("model", reference.folder().toString()).<ObjectNode>set("what", Json.mapper().valueToTree(what))
                    .set("prompt", Json.object().set("ids", Json.mapper().valueToTree(ids))));
            Artifact artifact = checked(run(pytorch, task));
            assertEquals(TaskInputs.fingerprints(task), artifact.manifest().inputs());
            int compared = 0;
            try (SafetensorsFile got = artifact.tensors()) {
                for (String tensor : golden.tensors().keySet()) {
                    String bare = tensor.substring(tensor.indexOf('.') + 1);
                    if (tensor.startsWith("p0.") && got.tensors().containsKey(bare)) {
                        assertEquals(golden.shape(tensor), got.shape(bare), bare);
                        reference.compare(golden, tensor, got.floats(bare));
                        assertTrue(artifact.manifest().provenance().containsKey(bare), bare);
                        compared++;
                    }
                }
                // The smallest cases keep less.
                assertTrue(compared >= (Files.exists(reference.folder().resolve("tokenizer.json")) ? 10 : 6), "compared " + compared);
                assertEquals(got.tensors().keySet(), artifact.manifest().provenance().keySet());
            }
        }
    }

    // --- both engines

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "qwen3-moe", "falcon-alibi", "bloom", "mpt"})
    void lossesAgree(String name) throws IOException {
        Task task = Task.fromJson(Json.object().put("kind", "eval").put("model", CASES.resolve(name).toString()).put("data", data(name)).put("maxLength", 32));
        JsonNode a = run(embedded, task).manifest().summary();
        JsonNode b = checked(run(pytorch, task)).manifest().summary();
        agree("", a, b, 1e-5, true);
    }

    /// Text, or ids for the cases that have no tokenizer.
    private String data(String name) {
        return (Files.exists(CASES.resolve(name).resolve("tokenizer.json")) ? text : ids).toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "falcon-alibi", "bloom", "mpt"})
    void headsAgree(String name) throws IOException {
        compare(Task.fromJson(Json.object().put("kind", "heads").put("model", CASES.resolve(name).toString()).put("data", data(name)).put("maxLength", 32)));
    }

    /// Linear biases stand in the scores alone, so that cached keys know nothing of positions.
    @ParameterizedTest
    @ValueSource(strings = {"falcon-alibi", "bloom", "mpt"})
    void ranksOfModelsWithLinearBiasesAgree(String name) throws IOException {
        for (RankArtifact.Of of : List.of(RankArtifact.Of.kv, RankArtifact.Of.hidden)) {
            compare(Task.fromJson(Json.object().put("kind", "rank").put("model", CASES.resolve(name).toString()).put("data", ids.toString()).put("of", of.name())));
        }
    }

    /// What transformers leaves out without a word is run by neither engine.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"mpt | {\"attn_config\": {\"alibi_bias_max\": 16}} | attn_config.alibi_bias_max", "mpt | {\"logit_scale\": 0.5} | logit_scale", "bloom | {\"slow_but_exact\": true} | slow_but_exact"})
    void whatIsLeftOutIsRefusedByBoth(String name, String change, String key) throws IOException {
        Path model = Files.createDirectories(folder.resolve("left-out-" + name + "-" + key));
        Files.copy(CASES.resolve(name).resolve("model.safetensors"), model.resolve("model.safetensors"));
        ObjectNode config = (ObjectNode) Json.mapper().readTree(CASES.resolve(name).resolve("config.json").toFile());
        config.setAll((ObjectNode) Json.mapper().readTree(change));
        Files.writeString(model.resolve("config.json"), config.toString());
        for (WorkerEngine engine : List.of(embedded, pytorch)) {
            Task task = Task.fromJson(Json.object().put("kind", "eval").put("model", model.toString()).put("data", ids.toString()));
            Ending.Refused refused = assertInstanceOf(Ending.Refused.class, engine.submit(task, e -> {}).ending().join(), engine.name());
            assertEquals(Category.FAMILY_UNSUPPORTED, refused.category());
            assertTrue(refused.message().startsWith("config.json: " + key + ": "), refused.message());
        }
    }

    @Test
    void ranksAgree() throws IOException {
        compare(Task.fromJson(Json.object().put("kind", "rank").put("model", CASES.resolve("qwen3").toString()).put("data", text.toString())
                .put("of", RankArtifact.Of.kv.name()).put("growth", true)));
        compare(Task.fromJson(Json.object().put("kind", "rank").put("model", CASES.resolve("gemma2").toString()).put("data", text.toString())
                .put("of", RankArtifact.Of.hidden.name()).put("centred", true)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3-moe", "llama4-text"})
    void routingAgrees(String model) throws IOException {
        ObjectNode json = Json.object().put("kind", "routing").put("model", CASES.resolve(model).toString()).put("maxLength", 32);
        json.putArray("data").addObject().put("name", "prose").put("file", text.toString());
        json.putArray("expertsPerToken").add(1).add(3);
        // Paths, distributions and what else the embedded engine alone tells is not compared.
        compare(Task.fromJson(json), false);
    }

    private void compare(Task task) throws IOException {
        compare(task, true);
    }

    /// @param whole whether both tell the same; else whether what pytorch tells is what embedded tells
    private void compare(Task task, boolean whole) throws IOException {
        Artifact a = run(embedded, task);
        Artifact b = checked(run(pytorch, task));
        agree("", a.manifest().summary(), b.manifest().summary(), 1e-4, whole);
        try (SafetensorsFile x = a.tensors(); SafetensorsFile y = b.tensors()) {
            assertTrue(x.tensors().keySet().containsAll(y.tensors().keySet()));
            assertTrue(y.tensors().size() >= 8 || whole);
            if (whole) {
                assertEquals(a.manifest().provenance().keySet(), b.manifest().provenance().keySet());
                assertEquals(x.tensors().keySet(), y.tensors().keySet());
            }
            for (String tensor : y.tensors().keySet()) {
                assertEquals(x.shape(tensor), y.shape(tensor), tensor);
                double[] want = x.doubles(tensor);
                double[] got = y.doubles(tensor);
                double scale = Math.max(1, Arrays.stream(want).filter(Double::isFinite).map(Math::abs).max().orElse(1));
                for (int i = 0; i < want.length; i++) {
                    if (Double.isNaN(want[i]) || Double.isInfinite(want[i])) {
                        assertEquals(want[i], got[i], tensor + " at " + i);
                    } else {
                        assertEquals(want[i], got[i], 1e-4 * scale, tensor + " at " + i);
                    }
                }
            }
        }
    }

    /// Whether two summaries hold the same keys and, to a relative tolerance, the same numbers.
    private static void agree(String path, JsonNode a, JsonNode b, double tolerance, boolean whole) {
        if (a.isObject()) {
            assertTrue(names(a).containsAll(names(b)), path + ": " + names(b) + " and " + names(a));
            assertTrue(!whole || names(b).containsAll(names(a)), path + ": " + names(b) + " and " + names(a));
            b.properties().forEach(e -> agree(path + "." + e.getKey(), a.get(e.getKey()), e.getValue(), tolerance, whole));
        } else if (a.isArray()) {
            assertEquals(a.size(), b.size(), path);
            for (int i = 0; i < a.size(); i++) {
                agree(path + "[" + i + "]", a.get(i), b.get(i), tolerance, whole);
            }
        } else if (a.isNumber()) {
            assertEquals(a.asDouble(), b.asDouble(), tolerance * Math.max(1e-2, Math.abs(a.asDouble())), path);
        } else {
            assertEquals(a, b, path);
        }
    }

    private static List<String> names(JsonNode n) {
        List<String> names = new ArrayList<>();
        n.fieldNames().forEachRemaining(names::add);
        return names.stream().sorted().toList();
    }

    // --- training

    @ParameterizedTest
    @CsvSource({"train-llama, full, 0.004", "train-llama, lora, 0.015", "train-qwen3-moe, full, 0.004", "train-qwen3-moe, lora, 0.015"})
    void followsTheReferenceCurve(String name, String method, double rate) throws IOException {
        Reference training = Reference.at(RESOURCES.resolve("training").resolve(name));
        Path run = Files.createDirectories(folder.resolve("run-" + name + "-" + method));
        try (SafetensorsFile golden = training.expected()) {
            ObjectNode task = Json.object().put("kind", "finetune").put("model", CASES.resolve(training.golden().get("base_case").asText()).toString())
                    .put("data", data(golden, run).toString()).put("method", method);
            task.putObject("settings").put("steps", STEPS).put("batchSize", 4).put("sequenceLength", 16).put("lr", rate).put("warmupSteps", 4).put("schedule", "cosine")
                    .put("weightDecay", 0.01).put("maxGradNorm", 1.0).put("order", "sequential").put("saveEvery", 50);
            if (method.equals("lora")) {
                task.put("initAdapter", adapter(training, golden, run).toString());
            }
            List<ObjectNode> steps = new ArrayList<>();
            Artifact artifact = checked(train(pytorch, Task.fromJson(task), run, steps));
            float[] losses = golden.floats(method + ".loss");
            assertEquals(losses.length, steps.size());
            for (int i = 0; i < losses.length; i++) {
                assertEquals(losses[i], steps.get(i).get("loss").asDouble(), 1e-4 * losses[i], "loss of step " + (i + 1));
            }
            boolean full = method.equals("full");
            try (SafetensorsFile weights = SafetensorsFile.open(artifact.folder().resolve(full ? "model.safetensors" : "adapter_model.safetensors"))) {
                int compared = 0;
                for (String tensor : golden.tensors().keySet()) {
                    if (tensor.startsWith(method + ".final.")) {
                        float[] want = golden.floats(tensor);
                        float[] got = weights.floats((full ? "" : "base_model.model.") + tensor.substring(method.length() + 7));
                        for (int i = 0; i < want.length; i++) {
                            assertEquals(want[i], got[i], full ? 2e-4 : 1e-3, tensor);
                        }
                        compared++;
                    }
                }
                assertTrue(compared >= 4);
            }
        }
    }

    /// Shuffled, cut, accumulated, with a schedule of its own, from the values that either engine begins with: every method, first values and optimiser; packed with DoRA,
    /// and adapters of embedding, head and experts. Biases of keys that no rope turns have no gradient but rounding, which Adam makes steps of: such models learn slowly here. Losses, norms and slopes of every step, the ranks along the run, the results.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-tied | dora | {'pack': true}",
        "qwen3-moe | lora | {'targetModules': ['q_proj', 'embed_tokens', 'lm_head'], 'targetParameters': ['all-experts']}",
        "llama-gqa | lora | {'init': 'pissa', 'rslora': true}",
        "llama-gqa | layra | {'init': 'olora'}",
        "gpt2 | lora | {'init': 'loraga', 'targetModules': ['c_attn', 'c_fc']}",
        "llama-gqa | lora | {'init': 'orthogonal', 'optimiser': 'zosam', 'rho': 0.2}",
        "llama-gqa | lora | {'init': 'loraxs'}",
        "llama-gqa | lora | {'init': 'lorasb', 'lr': 0.001}",
        "llama-gqa | full | {'optimiser': 'mezo', 'lr': 0.0001, 'probes': 2}",
        "llama-gqa | full | {'gradientNoise': 0.01, 'lr': 0.001}",
        "llama-gqa | beamlora | {'beamPeriod': 2, 'beamEnd': 20, 'dropout': 0}",
        "llama-gqa | ilora | {}",
        "llama-gqa | multilora | {'parallel': 2}",
        "llama-gqa | nola | {'bases': 8}",
        "llama-gqa | svft | {}",
        "llama-gqa | bone | {'r': 4, 'weightDecay': 0.1, 'lr': 0.001}",
        "qwen3 | hft | {'rounds': 3, 'lr': 0.001, 'weightDecay': 0.1}",
        "llama-gqa | apex | {'stages': 2, 'assessed': 4, 'lr': 0.001}",
        "falcon-alibi | lora | {}",
        "falcon-alibi | full | {'lr': 0.0001}",
        "bloom | lora | {}",
        "bloom | full | {'lr': 0.0001}",
        "mpt | dora | {}",
        "mpt | full | {'lr': 0.001}"})
    void trainingAgrees(String base, String method, String settings) throws IOException {
        ObjectNode task = Json.object().put("kind", "finetune").put("model", CASES.resolve(base).toString()).put("data", data(base)).put("method", method)
                .put("evalData", data(base));
        ObjectNode own = task.putObject("settings").put("steps", 6).put("batchSize", 2).put("accumulate", 2).put("sequenceLength", 24).put("lr", 0.01).put("seed", 5)
                .put("schedule", "wsd").put("warmupSteps", 1);
        if (FinetuneMethod.valueOf(method).ranked()) {
            own.put("r", 4);
        }
        own.setAll((ObjectNode) Json.mapper().readTree(settings.replace('\'', '"')));
        List<ObjectNode> a = new ArrayList<>();
        List<ObjectNode> b = new ArrayList<>();
        Artifact x = train(embedded, Task.fromJson(task), Files.createDirectories(folder.resolve("run-a-" + base + method + settings.hashCode())), a);
        Artifact y = checked(train(pytorch, Task.fromJson(task), Files.createDirectories(folder.resolve("run-b-" + base + method + settings.hashCode())), b));
        assertEquals(a.size(), b.size());
        for (int i = 0; i < a.size(); i++) {
            assertEquals(names(a.get(i)), names(b.get(i)));
            for (String figure : List.of("loss", "learning_rate", "gradient_norm", "pruned_ranks", "stage", "tokens")) {
                assertEquals(a.get(i).path(figure).asDouble(), b.get(i).path(figure).asDouble(), 1e-4 * a.get(i).path(figure).asDouble(), figure + " of step " + (i + 1));
            }
            // A difference of two losses, each exact to seven digits, over twice a thousandth.
            assertEquals(a.get(i).path("slope").asDouble(), b.get(i).path("slope").asDouble(), 0.02, "slope of step " + (i + 1));
        }
        assertEquals(x.manifest().summary().get("validation_loss").asDouble(), y.manifest().summary().get("validation_loss").asDouble(), 1e-4);
        agree("", x.manifest().summary(), y.manifest().summary(), 1e-4, true);
        agree(RankTrail.in(x.folder()), RankTrail.in(y.folder()));
        String file = FinetuneMethod.valueOf(method).adapts() ? "adapter_model.safetensors" : "model.safetensors";
        try (SafetensorsFile p = SafetensorsFile.open(x.folder().resolve(file)); SafetensorsFile q = SafetensorsFile.open(y.folder().resolve(file))) {
            assertEquals(p.tensors().keySet(), q.tensors().keySet());
            for (String tensor : p.tensors().keySet()) {
                float[] want = p.floats(tensor);
                float[] got = q.floats(tensor);
                assertEquals(want.length, got.length, tensor);
                for (int i = 0; i < want.length; i++) {
                    assertEquals(want[i], got[i], 1e-3, tensor);
                }
            }
        }
    }

    private static void agree(Optional<Path> a, Optional<Path> b) {
        assertEquals(a.isPresent(), b.isPresent());
        if (a.isPresent()) {
            List<RankTrail.Step> x = RankTrail.read(a.get()).steps();
            List<RankTrail.Step> y = RankTrail.read(b.get()).steps();
            assertEquals(7, x.size());
            assertEquals(7, y.size());
            for (int i = 0; i < x.size(); i++) {
                Map<String, RankTrail.Module> other = new LinkedHashMap<>();
                y.get(i).modules().forEach(m -> other.put(m.module(), m));
                for (RankTrail.Module m : x.get(i).modules().stream().filter(m -> !m.module().contains(".experts.")).toList()) {
                    RankTrail.Module n = other.remove(m.module());
                    assertEquals(List.of(m.layer(), m.out(), m.in()), List.of(n.layer(), n.out(), n.in()), m.module());
                    double scale = Math.max(1e-2, Arrays.stream(m.sigma()).max().orElse(1));
                    assertArrayEquals(m.sigma(), n.sigma(), 1e-3 * scale, m.module());
                    assertArrayEquals(m.normProduct(), n.normProduct(), 1e-3 * scale, m.module());
                    assertArrayEquals(m.gate(), n.gate(), 1e-3, m.module());
                }
                assertEquals(Map.of(), other);
            }
        }
    }

    private static Artifact train(WorkerEngine engine, Task task, Path run, List<ObjectNode> steps) {
        Consumer<EngineEvent> listener = e -> {
            if (e instanceof EngineEvent.Metric m && m.values().has("loss")) {
                steps.add(m.values());
            }
        };
        return assertInstanceOf(Ending.Finished.class, engine.submitTo(task, run.resolve("result"), listener).ending().join(), () -> engine.name() + " on " + task).artifact();
    }

    private static Path data(SafetensorsFile golden, Path run) throws IOException {
        int[] ids = golden.ints("batch_ids");
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < ids.length; i += 16) {
            lines.add("{\"input_ids\": " + Arrays.toString(Arrays.copyOfRange(ids, i, i + 16)) + "}");
        }
        return Files.write(run.resolve("data.jsonl"), lines);
    }

    /// The reference's first factors as a PEFT folder; the second ones are zeros.
    private static Path adapter(Reference training, SafetensorsFile golden, Path run) throws IOException {
        Path out = Files.createDirectories(run.resolve("start"));
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, float[]> values = new LinkedHashMap<>();
        for (String name : golden.tensors().keySet()) {
            if (name.startsWith("lora.init.")) {
                String a = "base_model.model." + name.substring("lora.init.".length());
                String last = name.replace("init", "final").replace("lora_A", "lora_B");
                declared.put(a, new Declared(DType.F32, golden.shape(name).orElseThrow()));
                values.put(a, golden.floats(name));
                declared.put(a.replace("lora_A", "lora_B"), new Declared(DType.F32, golden.shape(last).orElseThrow()));
                values.put(a.replace("lora_A", "lora_B"), new float[(int) golden.shape(last).orElseThrow().elements()]);
            }
        }
        try (SafetensorsWriter w = new SafetensorsWriter(out.resolve("adapter_model.safetensors"), declared, Map.of())) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                w.write(e.getKey(), 0, e.getValue());
            }
        }
        Files.writeString(out.resolve("adapter_config.json"), Json.pretty(((ObjectNode) training.golden().at("/lora/config")).deepCopy().put("peft_type", "LORA")));
        return out;
    }

    // --- what is refused, and what is given up

    @Test
    void refusesInOneSentenceWhatItDoesNotDo() {
        String model = CASES.resolve("llama-gqa").toString();
        refused(Json.object().put("kind", "spectrum").put("model", model).put("accuracy", "fast"), "the pytorch engine does not run tasks of the kind spectrum. The embedded engine does.");
        ObjectNode capture = Json.object().put("kind", "capture").put("model", model);
        capture.putObject("prompt").put("text", "The wall");
        capture.putArray("what").add("rollout");
        refused(capture, "the pytorch engine does not make rollout; it makes attentions, hidden_states, logits, kv, router, loss, blocks, metrics. The embedded engine does.");
        refused(Json.object().put("kind", "rank").put("model", model).put("data", text.toString()).put("of", "activations"),
                "the pytorch engine finds ranks of kv and hidden, not of activations. The embedded engine finds those of activations.");
        refused(Json.object().put("kind", "eval").put("model", CASES.resolve("bert").toString()).put("data", text.toString()),
                "bert: BERT sees the tokens that it would have to predict, so it has no perplexity. Evaluate a decoder.");
        refused(Json.object().put("kind", "eval").put("model", model).put("data", folder.resolve("absent.txt").toString()), "absent.txt: there is no such file.");
    }

    private void refused(ObjectNode task, String message) {
        Ending.Refused r = assertInstanceOf(Ending.Refused.class, pytorch.submit(Task.fromJson(task), e -> {}).ending().join());
        assertEquals(message, r.message());
        assertTrue(List.of(Category.TASK_INVALID, Category.FAMILY_UNSUPPORTED, Category.NOT_FOUND).contains(r.category()));
    }

    @Test
    void givesATaskUpAndGoesOn() throws Exception {
        Path many = Files.writeString(folder.resolve("many.txt"), "The lantern over the wall went out, and the street was dark again.\n".repeat(4_000));
        Task task = Task.fromJson(Json.object().put("kind", "heads").put("model", CASES.resolve("llama-gqa").toString()).put("data", many.toString()));
        java.util.concurrent.CountDownLatch begun = new java.util.concurrent.CountDownLatch(1);
        TaskHandle handle = pytorch.submit(task, e -> {
            if (e instanceof EngineEvent.Progress p && p.done() > 0) {
                begun.countDown();
            }
        });
        assertTrue(begun.await(60, TimeUnit.SECONDS));
        long pid = pytorch.workerPid().orElseThrow();
        handle.cancel();
        assertInstanceOf(Ending.Cancelled.class, handle.ending().get(10, TimeUnit.SECONDS));
        run(pytorch, Task.fromJson(Json.object().put("kind", "eval").put("model", CASES.resolve("llama-gqa").toString()).put("data", text.toString())));
        assertEquals(pid, pytorch.workerPid().orElseThrow(), "the worker that was cancelled goes on");
    }
}
