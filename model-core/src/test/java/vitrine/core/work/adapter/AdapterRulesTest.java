package vitrine.core.work.adapter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.adapter.Adapter;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.artifact.Artifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.StoredValues;
import vitrine.core.work.TaskRunner;

/// Rules of PEFT 0.21 that decide about numbers and are easily read otherwise; found by `fuzz_adapters.py`. Expected values follow from PEFT's own formulas.
class AdapterRulesTest {

    private static final double EXACT = 1e-12;
    private static final List<Integer> IDS = List.of(3, 9, 1, 17, 9, 4);

    @TempDir
    Path folder;

    private int made;

    private static Path of(String name) {
        return Path.of("src/test/resources/reference", name).toAbsolutePath();
    }

    /// A copy of an adapter with another config, and perhaps other tensors.
    private Path edited(String name, Consumer<ObjectNode> config, Consumer<Map<String, float[]>> values, Map<String, Shape> joining) throws IOException {
        Path to = Files.createDirectories(folder.resolve("adapter" + made++));
        ObjectNode json = (ObjectNode) Json.mapper().readTree(of(name).resolve("adapter_config.json").toFile());
        config.accept(json);
        Map<String, Shape> shapes = new LinkedHashMap<>();
        Map<String, float[]> all = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(of(name).resolve("adapter_model.safetensors"))) {
            file.tensors().values().forEach(t -> {
                shapes.put(t.name(), t.shape());
                all.put(t.name(), file.floats(t.name()));
            });
        }
        shapes.putAll(joining);
        values.accept(all);
        shapes.keySet().retainAll(all.keySet());
        write(to, json, all, shapes);
        return to;
    }

    private Path edited(String name, Consumer<ObjectNode> config) throws IOException {
        return edited(name, config, v -> { }, Map.of());
    }

    private static void write(Path to, ObjectNode json, Map<String, float[]> values, Map<String, Shape> shapes) throws IOException {
        Files.write(to.resolve("adapter_config.json"), Json.pretty(json).getBytes(StandardCharsets.UTF_8));
        Map<String, Declared> declared = new LinkedHashMap<>();
        values.keySet().forEach(n -> declared.put(n, new Declared(DType.F32, shapes.get(n))));
        try (SafetensorsWriter out = new SafetensorsWriter(to.resolve("adapter_model.safetensors"), declared, Map.of("format", "pt"))) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                double[] wide = new double[e.getValue().length];
                for (int i = 0; i < wide.length; i++) {
                    wide[i] = e.getValue()[i];
                }
                out.write(e.getKey(), 0, StoredValues.of(wide, DType.F32));
            }
        }
    }

    private static double scaling(Path adapter, String end) {
        return Adapter.open(adapter.toString()).modules().stream().filter(m -> m.path().endsWith(end)).findFirst().orElseThrow().scaling();
    }

    private float[] told(Path model, Path adapter, Task.What what) throws IOException {
        Task.Capture task = new Task.Capture(model.toString(), Task.Prompt.ofIds(IDS), List.of(what), null, adapter == null ? null : List.of(Task.AdapterUse.of(adapter.toString())));
        try (SafetensorsFile file = TaskRunner.run(task, folder.resolve("capture" + made++), Progress.NONE, w -> { }).tensors()) {
            return file.floats(what.name());
        }
    }

    private Artifact merged(Path model, Path adapter) throws IOException {
        return TaskRunner.run(new Task.AdapterMerge(model.toString(), List.of(Task.AdapterUse.of(adapter.toString()))), folder.resolve("merged" + made++), Progress.NONE, w -> { });
    }

    private static float[] random(int count, long seed) {
        Random random = new Random(seed);
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = (float) (0.3 * random.nextGaussian());
        }
        return out;
    }

    /// PEFT matches `(.*\.)?(KEY)$`: each of several alternatives is bound to the end of the path, and to the beginning of a part of it.
    @Test
    void alternativesOfAPatternAreBoundAsOne() throws IOException {
        Path both = edited("lora-llama", c -> c.putObject("alpha_pattern").put("x_proj|v_proj", 4));
        assertEquals(4 / 8.0, scaling(both, "v_proj"), EXACT);
        assertEquals(16 / 8.0, scaling(both, "q_proj"), EXACT);
        Path first = edited("lora-llama", c -> c.putObject("alpha_pattern").put("_proj|q_proj", 4));
        assertEquals(4 / 8.0, scaling(first, "q_proj"), EXACT);
        assertEquals(16 / 8.0, scaling(first, "v_proj"), EXACT);
    }

    /// AdaLoRA divides by the rank that training began with, whatever is left of it, and looks at no pattern; without an alpha above 0 it takes that rank.
    @Test
    void adaloraKeepsItsFirstRank() throws IOException {
        assertEquals(8 / (7 + 1e-5), scaling(edited("lora-own-adalora", c -> c.put("init_r", 7)), "q_proj"), EXACT);
        assertEquals(8 / (4 + 1e-5), scaling(edited("lora-own-adalora", c -> c.putObject("alpha_pattern").put("q_proj", 3)), "q_proj"), EXACT);
        assertEquals(4 / (4 + 1e-5), scaling(edited("lora-own-adalora", c -> c.put("lora_alpha", -2)), "q_proj"), EXACT);
    }

    /// A module that training has left without a component changes nothing, and the others are there.
    @Test
    void adaloraMayLeaveNothingOfAModule() throws IOException {
        String stem = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
        Path without = edited("lora-own-adalora", c -> { }, v -> v.keySet().removeIf(n -> n.startsWith(stem)), Map.of());
        Path empty = edited("lora-own-adalora", c -> { }, v -> List.of("A", "B", "E").forEach(f -> v.put(stem + f, new float[0])),
                Map.of(stem + "A", Shape.of(0, 64), stem + "B", Shape.of(64, 0), stem + "E", Shape.of(0, 1)));
        assertEquals(Adapter.open(without.toString()).modules().stream().map(AdapterModule::path).toList(), Adapter.open(empty.toString()).modules().stream().map(AdapterModule::path).toList());
        assertTrue(Adapter.open(empty.toString()).notes().toString().contains("layers.0.self_attn.q_proj"));
    }

    /// Patterns see the name of a parameter of stacked experts, not that of the module around it; a bare name means that parameter wherever experts are.
    @Test
    void patternsReachParametersOfExperts() throws IOException {
        Path alphas = edited("lora-own-experts", c -> c.putObject("alpha_pattern").put("experts.down_proj", 8));
        assertEquals(8 / 2.0, scaling(alphas, "experts.1.down_proj"), EXACT);
        assertEquals(3 / 2.0, scaling(alphas, "experts.1.up_proj"), EXACT);
        // As peft writes adapters that were asked for by the names of separate experts: twice the rank, twice the alpha.
        Path ranks = edited("lora-own-experts", c -> {
            c.put("r", 1).put("lora_alpha", 1.5);
            c.putObject("rank_pattern").put(".*\\.gate_up_proj", 2).put("down_proj|v_proj", 2);
            c.putObject("alpha_pattern").put(".*\\.gate_up_proj", 3).put("down_proj|v_proj", 3);
            c.putArray("target_parameters").add("gate_up_proj").add("down_proj");
        });
        Path base = of("lora-base-qwen3-moe");
        assertArrayEquals(told(base, of("lora-own-experts"), Task.What.logits), told(base, ranks, Task.What.logits));
    }

    /// What is no B A, or not added to every token of this base, is refused by the name of its key.
    @Test
    void variantsAreRefusedByName() throws IOException {
        for (String key : List.of("kasa_config", "use_bdlora")) {
            Path adapter = edited("lora-llama", c -> c.putObject(key));
            assertTrue(assertThrows(Refusal.class, () -> Adapter.open(adapter.toString())).getMessage().contains(key), key);
        }
        for (String key : List.of("alora_invocation_tokens", "arrow_config", "layer_replication")) {
            Path adapter = edited("lora-llama", c -> c.putArray(key).add(1));
            assertEquals(6, Adapter.open(adapter.toString()).modules().size(), "it can be shown");
            assertTrue(assertThrows(Refusal.class, () -> told(of("llama-gqa"), adapter, Task.What.logits)).getMessage().contains(key), key);
        }
    }

    /// What only training reads, and the base's own biases beside modules that were saved whole, change nothing.
    @Test
    void tensorsOfTrainingAreLeftOut() throws IOException {
        String stem = "base_model.model.model.layers.0.self_attn.q_proj.";
        List<String> more = List.of(stem + "lora_velora_embed", stem + "lora_monteclora_sampler.expert_weights", stem + "original_module.bias");
        Path adapter = edited("lora-llama", c -> { }, v -> more.forEach(n -> v.put(n, new float[] {1, 2})), Map.of(more.get(0), Shape.of(2), more.get(1), Shape.of(2), more.get(2), Shape.of(2)));
        assertArrayEquals(told(of("llama-gqa"), of("lora-llama"), Task.What.logits), told(of("llama-gqa"), adapter, Task.What.logits));
    }

    /// PEFT loads an adapter's copy of the embedding in the place of the base's: one that is another is refused, one that was rounded is the base's.
    @Test
    void aCopyOfTheTableMustBeTheBasesOwn() throws IOException {
        String copy = "base_model.model.model.embed_tokens.base_layer.weight";
        Path base = of("lora-base-llama-tied");
        Path other = edited("lora-own-embedding-tied", c -> { }, v -> v.get(copy)[5] += 0.25f, Map.of());
        Refusal r = assertThrows(Refusal.class, () -> told(base, other, Task.What.logits));
        assertTrue(r.getMessage().contains("1 of 768 values of its copy") && r.getMessage().contains("embed_tokens"), r.getMessage());
    }

    /// A head that shares the embedding's table has the same rows; others would be left out without a word.
    @Test
    void rowsOfATiedHeadAreThoseOfTheEmbedding() throws IOException {
        String table = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta";
        String head = "base_model.model.lm_head.token_adapter.trainable_tokens_delta";
        Path base = of("lora-base-llama-tied");
        Path same = edited("lora-own-rows-tied", c -> c.putObject("trainable_token_indices").putArray("embed_tokens").add(1).add(9), v -> v.put(head, v.get(table)), Map.of(head, Shape.of(2, 32)));
        assertArrayEquals(told(base, of("lora-own-rows-tied"), Task.What.logits), told(base, same, Task.What.logits));
        for (boolean alone : List.of(true, false)) {
            Path others = edited("lora-own-rows-tied", c -> {
                ObjectNode named = c.putObject("trainable_token_indices");
                named.putArray("lm_head").add(2).add(3);
                named.putArray("embed_tokens").add(1).add(9);
            }, v -> {
                v.put(head, v.get(table));
                if (alone) {
                    v.remove(table);
                }
            }, Map.of(head, Shape.of(2, 32)));
            assertTrue(assertThrows(Refusal.class, () -> told(base, others, Task.What.logits)).getMessage().contains("rows of lm_head"));
        }
    }

    /// Trained rows are float32 in PEFT, and stay so on a base in bfloat16: what the model begins with is the row itself.
    @Test
    void rowsAreNotRoundedToTheBasesType() throws IOException {
        Path adapter = Files.createDirectories(folder.resolve("rows"));
        ObjectNode config = Json.object().put("peft_type", "LORA").put("r", 2).put("lora_alpha", 4);
        config.putArray("trainable_token_indices").add(9).add(17);
        String name = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta";
        float[] rows = random(64, 5);
        write(adapter, config, Map.of(name, rows), Map.of(name, Shape.of(2, 32)));
        float[] states = told(of("fmt-bf16"), adapter, Task.What.hidden_states);
        for (int c = 0; c < 32; c++) {
            assertEquals(rows[c], states[32 + c], 0, "token 9, at place 1");
            assertEquals(rows[32 + c], states[3 * 32 + c], 0, "token 17, at place 3");
        }
        // Merged they are rounded once.
        try (SafetensorsFile file = SafetensorsFile.open(merged(of("fmt-bf16"), adapter).folder().resolve("model.safetensors"))) {
            float[] table = file.floats("model.embed_tokens.weight");
            assertEquals(rows[0], table[9 * 32], Math.abs(rows[0]) / 256);
        }
    }

    /// The head of GPT-NeoX is `embed_out` in checkpoints and in older libraries, and `lm_head` since transformers 5.
    @Test
    void theHeadHasTwoNames() throws IOException {
        float[][] logits = new float[2][];
        for (int i = 0; i < 2; i++) {
            String stem = "base_model.model." + List.of("embed_out", "lm_head").get(i);
            Path adapter = Files.createDirectories(folder.resolve("head" + i));
            write(adapter, Json.object().put("peft_type", "LORA").put("r", 2).put("lora_alpha", 4), Map.of(stem + ".lora_A.weight", random(128, 1), stem + ".lora_B.weight", random(800, 2)),
                    Map.of(stem + ".lora_A.weight", Shape.of(2, 64), stem + ".lora_B.weight", Shape.of(400, 2)));
            logits[i] = told(of("gpt-neox"), adapter, Task.What.logits);
        }
        assertArrayEquals(logits[0], logits[1]);
        assertTrue(Math.abs(logits[0][0] - told(of("gpt-neox"), null, Task.What.logits)[0]) > 1e-3);
    }

    /// BERT's own head, once its embedding alone has changed, is called as transformers reads it, with its bias.
    @Test
    void aPartedHeadIsNamedAsItsFamilyHasIt() throws IOException {
        Path adapter = Files.createDirectories(folder.resolve("embedding"));
        String stem = "base_model.model.bert.embeddings.word_embeddings.lora_embedding_";
        write(adapter, Json.object().put("peft_type", "LORA").put("r", 2).put("lora_alpha", 4), Map.of(stem + "A", random(840, 1), stem + "B", random(96, 2)),
                Map.of(stem + "A", Shape.of(2, 420), stem + "B", Shape.of(48, 2)));
        Artifact merged = merged(of("bert"), adapter);
        try (SafetensorsFile file = SafetensorsFile.open(merged.folder().resolve("model.safetensors")); SafetensorsFile base = SafetensorsFile.open(of("bert").resolve("model.safetensors"))) {
            assertArrayEquals(base.floats("bert.embeddings.word_embeddings.weight"), file.floats("cls.predictions.decoder.weight"));
            assertArrayEquals(base.floats("cls.predictions.bias"), file.floats("cls.predictions.decoder.bias"));
        }
        float[] want = told(of("bert"), adapter, Task.What.logits);
        float[] got = told(merged.folder(), null, Task.What.logits);
        assertArrayEquals(want, got, 2e-4f * 10);
    }
}
