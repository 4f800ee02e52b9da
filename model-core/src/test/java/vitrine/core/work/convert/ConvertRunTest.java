package vitrine.core.work.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.artifact.Artifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.dataset.Sequences;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskConvertBuilder;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.LossGradients;

/// Checkpoints made of others: where every tensor comes from, and that the result is the model that it should be.
class ConvertRunTest {

    @TempDir
    Path folder;

    private static String reference(String name) {
        return Reference.of(name).checkpoint().toString();
    }

    private static Task.Convert stack(String model, int times, boolean interleave) {
        return TaskConvertBuilder.builder().model(model).how(Task.How.stack).times(times).interleave(interleave).build();
    }

    private static Task.Convert upcycle(String model, double noise) {
        return TaskConvertBuilder.builder().model(model).how(Task.How.upcycle).experts(4).perToken(2).noise(noise).seed(1L).build();
    }

    private static Task.Convert pool(String model, int group) {
        return TaskConvertBuilder.builder().model(model).how(Task.How.pool).group(group).build();
    }

    private static Task.Convert lines(String model, String base, double alpha) {
        return TaskConvertBuilder.builder().model(model).how(Task.How.lines).other(base).alpha(alpha).build();
    }

    private static Task.Convert between(String model, String other, double share) {
        return TaskConvertBuilder.builder().model(model).how(Task.How.interpolate).other(other).share(share).build();
    }

    private static Task.Convert cast(Path model, Task.CastType type) {
        return TaskConvertBuilder.builder().model(model.toString()).how(Task.How.cast).type(type).build();
    }

    private Path run(Task task, String name) throws IOException {
        Artifact a = TaskRunner.run(task, folder.resolve(name), Progress.NONE, w -> { });
        return a.folder();
    }

    private static float[] floats(Path folder, String tensor) throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
            return f.floats(tensor);
        }
    }

    private double loss(Path model) throws IOException {
        Path data = folder.resolve("ids.jsonl");
        if (!Files.exists(data)) {
            StringBuilder ids = new StringBuilder();
            IntStream.range(0, 24).forEach(i -> ids.append(i == 0 ? "" : ", ").append(3 + (7 * i * i + 3 * i) % 250));
            Files.writeString(data, "{\"input_ids\": [" + ids + "]}\n");
        }
        Artifact a = TaskRunner.run(new Task.Evaluate(model.toString(), data.toString(), null), folder.resolve("loss-" + model.getFileName()), Progress.NONE, w -> { });
        return a.manifest().summary().get("loss").asDouble();
    }

    @Test
    void stackingRepeatsLayersBitForBit() throws IOException {
        Path base = Path.of(reference("llama-tied"));
        int layers = Json.readObject(base.resolve("config.json"), base, 1 << 20, Category.CONFIG_INVALID).get("num_hidden_layers").asInt();
        Path stacked = run(stack(base.toString(), 3, false), "stacked");
        Path repeated = run(stack(base.toString(), 2, true), "repeated");
        for (int i = 0; i < 3 * layers; i++) {
            String name = ".mlp.up_proj.weight";
            assertArrayEquals(floats(base, "model.layers." + i % layers + name), floats(stacked, "model.layers." + i + name), "layer " + i);
            if (i < 2 * layers) {
                assertArrayEquals(floats(base, "model.layers." + i / 2 + name), floats(repeated, "model.layers." + i + name), "layer " + i);
            }
        }
        assertArrayEquals(floats(base, "model.embed_tokens.weight"), floats(stacked, "model.embed_tokens.weight"));
        ObjectNode config = Json.readObject(stacked.resolve("config.json"), stacked, 1 << 20, Category.CONFIG_INVALID);
        assertEquals(3 * layers, config.get("num_hidden_layers").asInt());
        assertTrue(Math.abs(loss(stacked) - loss(base)) > 1e-3, "the result is a model, and another one");
    }

    @Test
    void listsWithAValuePerLayerGrowAsTheLayersDo() throws IOException {
        Path base = Path.of(reference("gemma3-text-new"));
        ObjectNode before = Json.readObject(base.resolve("config.json"), base, 1 << 20, Category.CONFIG_INVALID);
        Path stacked = run(stack(base.toString(), 2, false), "stacked");
        ObjectNode after = Json.readObject(stacked.resolve("config.json"), stacked, 1 << 20, Category.CONFIG_INVALID);
        int n = before.get("layer_types").size();
        assertEquals(2 * n, after.get("layer_types").size());
        for (int i = 0; i < 2 * n; i++) {
            assertEquals(before.get("layer_types").get(i % n), after.get("layer_types").get(i));
        }
        loss(stacked);
    }

    @Test
    void copiesBehindARouterGiveTheDenseModelsOutput() throws IOException {
        for (String name : new String[] {"llama-gqa", "qwen3", "mistral"}) {
            Path base = Path.of(reference(name));
            Path same = run(upcycle(base.toString(), 0), "same-" + name);
            assertEquals(loss(base), loss(same), 1e-6 * loss(base), name);
        }
        Path base = Path.of(reference("llama-gqa"));
        Path noisy = run(upcycle(base.toString(), 0.1), "noisy");
        float[] dense = floats(base, "model.layers.1.mlp.up_proj.weight");
        assertArrayEquals(dense, floats(noisy, "model.layers.1.block_sparse_moe.experts.0.w3.weight"), "the first copy is the block itself");
        float[] third = floats(noisy, "model.layers.1.block_sparse_moe.experts.3.w3.weight");
        double change = 0;
        double mean = 0;
        double square = 0;
        for (int i = 0; i < dense.length; i++) {
            change += (third[i] - dense[i]) * (double) (third[i] - dense[i]);
            mean += dense[i];
            square += dense[i] * (double) dense[i];
        }
        double deviation = Math.sqrt(square / dense.length - mean / dense.length * mean / dense.length);
        assertEquals(0.1 * deviation, Math.sqrt(change / dense.length), 0.01 * deviation);
        Refusal refused = assertThrows(Refusal.class, () -> run(upcycle(reference("gpt2"), 0), "none"));
        assertEquals(Category.FAMILY_UNSUPPORTED, refused.category());
        assertTrue(assertThrows(Refusal.class, () -> run(upcycle(reference("llama-rope-llama3"), 0), "none")).getMessage().contains("scaled rotary embeddings"));
    }

    private static float[] gradient(Path model, String tensor) throws IOException {
        int[] ids = IntStream.range(0, 40).map(i -> 3 + (7 * i * i + 3 * i) % 90).toArray();
        List<float[]> found = new ArrayList<>();
        try (LoadedModel loaded = LoadedModel.open(model.toString()); LossGradients gradients = new LossGradients(loaded, Set.of(tensor))) {
            gradients.each(List.of(new Sequences.Labelled(ids, ids, null)), Progress.NONE, tensors -> found.add(tensors.getFirst().gradientToArray()));
        }
        return found.getFirst();
    }

    /// Layers that are copies of each other may share experts without a change; others share the mean of theirs.
    @Test
    void layersShareAPoolOfExperts() throws IOException {
        Path base = Path.of(reference("mixtral"));
        Path deeper = run(stack(base.toString(), 2, true), "deeper");
        Path shared = run(pool(deeper.toString(), 2), "shared");
        assertEquals(loss(deeper), loss(shared), 1e-6 * loss(deeper));
        // What is shared moves by what each of its layers asks of it.
        String matrix = "model.layers.2.block_sparse_moe.experts.1.w3.weight";
        float[][] apart = {gradient(deeper, matrix), gradient(deeper, matrix.replace("layers.2", "layers.3"))};
        float[] together = gradient(shared, matrix);
        for (int i = 0; i < together.length; i++) {
            assertEquals((double) apart[0][i] + apart[1][i], together[i], 1e-6);
        }
        assertTrue(IntStream.range(0, together.length).anyMatch(i -> Math.abs(together[i]) > 1e-3), "the expert is visited");
        int layers = Json.readObject(base.resolve("config.json"), base, 1 << 20, Category.CONFIG_INVALID).get("num_hidden_layers").asInt();
        JsonNode pools = Json.readObject(shared.resolve("config.json"), shared, 1 << 20, Category.CONFIG_INVALID).get("expert_pools");
        for (int l = 0; l < 2 * layers; l++) {
            assertEquals(l / 2 * 2, pools.get(l).asInt());
        }
        Path mean = run(pool(base.toString(), 2), "mean");
        String name = ".block_sparse_moe.experts.3.w2.weight";
        float[] first = floats(base, "model.layers.0" + name);
        float[] second = floats(base, "model.layers.1" + name);
        float[] pooled = floats(mean, "model.layers.0" + name);
        for (int i = 0; i < pooled.length; i++) {
            assertEquals(((double) first[i] + second[i]) / 2, pooled[i], 1e-7 * Math.max(1, Math.abs(pooled[i])));
        }
        try (SafetensorsFile f = SafetensorsFile.open(mean.resolve("model.safetensors"))) {
            assertFalse(f.has("model.layers.1" + name));
            assertTrue(f.has("model.layers.1.block_sparse_moe.gate.weight"));
        }
        assertTrue(Math.abs(loss(mean) - loss(base)) > 1e-4, "the result is a model, and another one");
        assertTrue(assertThrows(Refusal.class, () -> run(pool(reference("qwen3-moe"), 2), "none")).getMessage().contains("only a Mixtral's config"));
        assertTrue(assertThrows(Refusal.class, () -> run(pool(mean.toString(), 2), "none")).getMessage().contains("its layers share experts as it is"));
    }

    /// The numbers of the method page.
    @Test
    void linesScalesGrowFromLayerToLayer() {
        double[] four = IntStream.range(0, 4).mapToDouble(l -> ConvertRun.scale(0.25, l, 4)).toArray();
        assertArrayEquals(new double[] {0.25, 0.5, 0.75, 1}, four, 1e-15);
        assertEquals(0.318182, ConvertRun.scale(0.25, 1, 12), 5e-7);
        assertEquals(0.659091, ConvertRun.scale(0.25, 6, 12), 5e-7);
        assertEquals(0.637097, ConvertRun.scale(0.25, 16, 32), 5e-7);
        assertEquals(0.25, ConvertRun.scale(0.25, -1, 32));
    }

    @Test
    void linesMovesBetweenBaseAndTuned() throws IOException {
        // A tuned model that is the base and 0.5 more everywhere.
        Path base = Path.of(reference("llama-gqa"));
        Path tuned = shifted(base, 0.5f);
        Path all = run(lines(tuned.toString(), base.toString(), 1), "all");
        Path half = run(lines(tuned.toString(), base.toString(), 0.25), "half");
        int layers = Json.readObject(base.resolve("config.json"), base, 1 << 20, Category.CONFIG_INVALID).get("num_hidden_layers").asInt();
        for (int l = 0; l < layers; l++) {
            String name = "model.layers." + l + ".self_attn.q_proj.weight";
            assertArrayEquals(floats(tuned, name), floats(all, name), 1e-6f);
            assertEquals(0.5 * ConvertRun.scale(0.25, l, layers), floats(half, name)[3] - floats(base, name)[3], 1e-6);
        }
        assertEquals(0.5 * 0.25, floats(half, "model.norm.weight")[0] - floats(base, "model.norm.weight")[0], 1e-6);
        assertEquals(0.5, floats(half, "lm_head.weight")[0] - floats(base, "lm_head.weight")[0], 1e-6, "the head keeps its change");
        Path quarter = run(between(base.toString(), tuned.toString(), 0.25), "quarter");
        assertEquals(0.125, floats(quarter, "model.norm.weight")[0] - floats(base, "model.norm.weight")[0], 1e-6);
        Refusal other = assertThrows(Refusal.class, () -> run(between(base.toString(), reference("llama-tied"), 0.5), "none"));
        assertTrue(other.category() == Category.SHAPE_INVALID || other.category() == Category.TENSOR_MISSING, other.getMessage());
    }

    /// The nearest bfloat16, by trying both neighbours; of two as near, the one whose last bit is 0.
    private static float nearest(float v) {
        int low = Float.floatToRawIntBits(v) >>> 16;
        float below = Float.intBitsToFloat(low << 16);
        float above = Float.intBitsToFloat(low + 1 << 16);
        double down = Math.abs((double) v - below);
        double up = Math.abs((double) above - v);
        return down < up || down == up && low % 2 == 0 ? below : above;
    }

    @Test
    void castRoundsEveryValueToTheNearest() throws IOException {
        Path base = Path.of(reference("llama-gqa"));
        Path half = run(cast(base, Task.CastType.bfloat16), "half");
        Path wide = run(cast(half, Task.CastType.float32), "wide");
        ObjectNode config = Json.readObject(half.resolve("config.json"), half, 1 << 20, Category.CONFIG_INVALID);
        assertEquals("bfloat16", config.get("dtype").asText());
        int rounded = 0;
        try (SafetensorsFile f = SafetensorsFile.open(base.resolve("model.safetensors")); SafetensorsFile narrow = SafetensorsFile.open(half.resolve("model.safetensors"))) {
            assertEquals(f.tensors().keySet(), narrow.tensors().keySet());
            for (String name : f.tensors().keySet()) {
                float[] before = f.floats(name);
                float[] after = narrow.floats(name);
                for (int i = 0; i < before.length; i++) {
                    assertEquals(nearest(before[i]), after[i], name);
                    rounded += before[i] == after[i] ? 0 : 1;
                }
                assertEquals(vitrine.core.tensor.DType.BF16, narrow.tensors().get(name).dtype());
                assertArrayEquals(after, floats(wide, name));
            }
        }
        assertTrue(rounded > 100, "the values had more digits than the type holds");
        Path large = shifted(base, 70_000);
        Refusal refused = assertThrows(Refusal.class, () -> run(cast(large, Task.CastType.float16), "none"));
        assertTrue(refused.getMessage().contains("the largest of F16 is 65504"), refused.getMessage());
    }

    private Path shifted(Path base, float by) throws IOException {
        Path out = Files.createDirectory(folder.resolve("tuned"));
        Files.copy(base.resolve("config.json"), out.resolve("config.json"));
        try (SafetensorsFile f = SafetensorsFile.open(base.resolve("model.safetensors"))) {
            java.util.Map<String, vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared> declared = new java.util.LinkedHashMap<>();
            f.tensors().forEach((n, t) -> declared.put(n, new vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared(vitrine.core.tensor.DType.F32, t.shape())));
            try (var w = new vitrine.core.checkpoint.safetensors.SafetensorsWriter(out.resolve("model.safetensors"), declared, java.util.Map.of())) {
                for (String n : declared.keySet()) {
                    float[] v = f.floats(n);
                    for (int i = 0; i < v.length; i++) {
                        v[i] += by;
                    }
                    w.write(n, 0, v);
                }
            }
        }
        return out;
    }
}
