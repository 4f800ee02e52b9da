package vitrine.core.work.evaluate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.PruneSettingsBuilder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskEvaluateBuilder;
import vitrine.core.tensor.DType;
import vitrine.core.work.TaskRunner;

/// Heads and layers that are switched off give what a checkpoint gives in which their weights are zero, or whose layer is not there.
class SwitchedOffTest {

    private static final Path REFERENCE = Path.of("src/test/resources/reference");
    private static final List<Integer> IDS = List.of(5, 9, 17, 33, 8, 4, 21);

    @TempDir
    Path folder;

    private double[] losses(Path model, Task.Off off) throws IOException {
        Task.Capture task = new Task.Capture(model.toAbsolutePath().toString(), Task.Prompt.ofIds(IDS), List.of(Task.What.loss), null, null, off);
        try (SafetensorsFile file = SafetensorsFile.open(TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, w -> { }).tensorFile())) {
            return file.doubles("token_nll");
        }
    }

    /// A copy with other values, or without tensors.
    private Path copy(String of, java.util.function.Consumer<ObjectNode> config, java.util.function.BiFunction<String, float[], float[]> change) throws IOException {
        Path from = REFERENCE.resolve(of);
        Path to = Files.createDirectory(folder.resolve("copy" + System.nanoTime()));
        ObjectNode c = (ObjectNode) Json.mapper().readTree(from.resolve("config.json").toFile());
        config.accept(c);
        Json.mapper().writeValue(to.resolve("config.json").toFile(), c);
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, float[]> values = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(from.resolve("model.safetensors"))) {
            file.tensors().values().forEach(t -> {
                float[] v = change.apply(t.name(), file.floats(t.name()));
                if (v != null) {
                    declared.put(t.name(), new Declared(DType.F32, t.shape()));
                    values.put(t.name(), v);
                }
            });
        }
        try (SafetensorsWriter out = new SafetensorsWriter(to.resolve("model.safetensors"), declared, Map.of())) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                out.write(e.getKey(), 0, e.getValue());
            }
        }
        return to;
    }

    /// o_proj `[hidden, heads * 8]` of llama-gqa: columns of head 3 of layer 1 are zero.
    @Test
    void aHeadThatIsOffIsOneWhoseOutputWeightsAreZero() throws IOException {
        Path zeroed = copy("llama-gqa", c -> { }, (name, v) -> {
            if (name.equals("model.layers.1.self_attn.o_proj.weight")) {
                for (int i = 0; i < v.length; i++) {
                    v[i] = i % 64 >= 24 && i % 64 < 32 ? 0 : v[i];
                }
            }
            return v;
        });
        double[] off = losses(REFERENCE.resolve("llama-gqa"), new Task.Off(List.of(new Task.HeadAt(1, 3)), null));
        assertArrayEquals(losses(zeroed, null), off, 1e-6);
        double[] whole = losses(REFERENCE.resolve("llama-gqa"), null);
        assertTrue(java.util.stream.IntStream.range(0, off.length).anyMatch(i -> Math.abs(off[i] - whole[i]) > 1e-4), "the head does something");
    }

    @Test
    void aLayerThatIsOffIsNotThere() throws IOException {
        // Layer 2 of 3, the last: without it the model has two.
        Path shallow = copy("llama-gqa", c -> c.put("num_hidden_layers", 2), (name, v) -> name.contains("layers.2.") ? null : v);
        assertArrayEquals(losses(shallow, null), losses(REFERENCE.resolve("llama-gqa"), new Task.Off(null, List.of(2))), 1e-6);
    }

    /// Post-norm and parallel layers too: the stream after the layer is that before it.
    @ParameterizedTest
    @CsvSource({"gpt-neox", "opt-post-norm", "gemma2", "olmo2"})
    void allLayersOffIsTheEmbeddingAlone(String model) throws IOException {
        int layers = Json.mapper().readTree(REFERENCE.resolve(model).resolve("config.json").toFile()).path("num_hidden_layers").asInt();
        List<Integer> all = java.util.stream.IntStream.range(0, layers).boxed().toList();
        Task.Capture task = new Task.Capture(REFERENCE.resolve(model).toAbsolutePath().toString(), Task.Prompt.ofIds(IDS), List.of(Task.What.blocks, Task.What.hidden_states), null, null, new Task.Off(null, all));
        try (SafetensorsFile file = SafetensorsFile.open(TaskRunner.run(task, folder.resolve("out"), Progress.NONE, w -> { }).tensorFile())) {
            double[] states = file.doubles("hidden_states");
            double[] after = file.doubles("layer_out");
            int size = after.length / layers;
            assertArrayEquals(java.util.Arrays.copyOf(states, size), java.util.Arrays.copyOfRange(after, after.length - size, after.length), 0);
        }
    }

    /// The loss with fewer directions is that of a checkpoint whose matrix a power iteration of the test's own has brought to that rank; of one tensor two parts by
    /// themselves, and with a head off besides.
    @Test
    void aMatrixThatKeepsItsLargestDirectionsIsOneOfThatRank() throws IOException {
        String q = "model.layers.1.self_attn.q_proj";
        String down = "model.layers.2.mlp.down_proj";
        Map<String, Integer> kept = Map.of(q, 2, down, 1);
        Path low = copy("llama-gqa", c -> { }, (name, v) -> {
            Integer r = kept.get(name.replace(".weight", ""));
            return r == null ? v : largest(v, 64, v.length / 64, r);
        });
        double[] off = losses(REFERENCE.resolve("llama-gqa"), new Task.Off(null, null, kept));
        assertArrayEquals(losses(low, null), off, 2e-5);
        double[] whole = losses(REFERENCE.resolve("llama-gqa"), null);
        assertTrue(java.util.stream.IntStream.range(0, off.length).anyMatch(i -> Math.abs(off[i] - whole[i]) > 1e-3), "the directions do something");
        assertArrayEquals(whole, losses(REFERENCE.resolve("llama-gqa"), new Task.Off(null, null, Map.of(q, 64))), 0, "all of them stay");
        List<Task.HeadAt> head = List.of(new Task.HeadAt(0, 2));
        assertArrayEquals(losses(low, new Task.Off(head, null)), losses(REFERENCE.resolve("llama-gqa"), new Task.Off(head, null, kept)), 2e-5);
    }

    /// The sum of the r leading singular triples of `[rows, columns]`, each by power iteration on what the ones before leave, float64.
    private static float[] largest(float[] w, int rows, int columns, int r) {
        double[] left = new double[w.length];
        double[] sum = new double[w.length];
        for (int i = 0; i < w.length; i++) {
            left[i] = w[i];
        }
        for (int k = 0; k < r; k++) {
            double[] v = new double[columns];
            for (int j = 0; j < columns; j++) {
                v[j] = Math.sin(1 + 3.7 * j);
            }
            double[] u = new double[rows];
            for (int step = 0; step < 2000; step++) {
                java.util.Arrays.fill(u, 0);
                for (int i = 0; i < rows; i++) {
                    for (int j = 0; j < columns; j++) {
                        u[i] += left[i * columns + j] * v[j];
                    }
                }
                unit(u);
                java.util.Arrays.fill(v, 0);
                for (int i = 0; i < rows; i++) {
                    for (int j = 0; j < columns; j++) {
                        v[j] += left[i * columns + j] * u[i];
                    }
                }
                if (step < 1999) {
                    unit(v);
                }
            }
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < columns; j++) {
                    sum[i * columns + j] += u[i] * v[j];
                    left[i * columns + j] -= u[i] * v[j];
                }
            }
        }
        float[] out = new float[w.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) sum[i];
        }
        return out;
    }

    private static void unit(double[] v) {
        double norm = Math.sqrt(java.util.Arrays.stream(v).map(x -> x * x).sum());
        for (int i = 0; i < v.length; i++) {
            v[i] /= norm;
        }
    }

    /// An evaluation with parts off is one of a checkpoint that a pruning run wrote, to the bit; of the first tokens only.
    @Test
    void theLossWithFewerDirectionsIsThatOfThePrunedCheckpoint() throws IOException {
        String model = REFERENCE.resolve("llama-gqa").toAbsolutePath().toString();
        Path text = java.nio.file.Files.writeString(folder.resolve("t.jsonl"), "{\"input_ids\": [5, 9, 17, 33, 8, 4, 21]}\n{\"input_ids\": [7, 7, 3, 60, 41, 12]}\n");
        Map<String, Integer> kept = Map.of("model.layers.0.self_attn.v_proj", 3, "model.layers.1.mlp.up_proj", 7);
        Task.Evaluate off = TaskEvaluateBuilder.builder().model(model).data(text.toString()).maxTokens(10).off(new Task.Off(null, null, kept)).build();
        com.fasterxml.jackson.databind.JsonNode got = TaskRunner.run(off, folder.resolve("off"), Progress.NONE, w -> { }).manifest().summary();
        assertEquals(6 + 2, got.path("predicted_tokens").asInt(), "the second text is cut to 3 tokens");
        PruneSettings ranks = PruneSettingsBuilder.builder().ranks(kept).build();
        Path pruned = TaskRunner.run(new Task.Prune(model, text.toString(), PruneMethod.svd, null, ranks), folder.resolve("pruned"), Progress.NONE, w -> { }).folder();
        Task.Evaluate then = TaskEvaluateBuilder.builder().model(pruned.toString()).data(text.toString()).maxTokens(10).build();
        assertEquals(TaskRunner.run(then, folder.resolve("then"), Progress.NONE, w -> { }).manifest().summary().path("loss").asDouble(), got.path("loss").asDouble(), 0);
    }

    @Test
    void whatIsNotThereCannotBeSwitchedOff() {
        Refusal r = assertThrows(Refusal.class, () -> losses(REFERENCE.resolve("llama-gqa"), new Task.Off(List.of(new Task.HeadAt(2, 8)), null)));
        assertEquals("layer 2, head 8 is to be switched off; the model has 3 layers of 8 heads", r.problem());
        assertThrows(Refusal.class, () -> new Task.Off(null, List.of(-1)));
        r = assertThrows(Refusal.class, () -> losses(REFERENCE.resolve("llama-gqa"), new Task.Off(null, null, Map.of("lm_head", 2))));
        assertEquals("no linear layer of a decoder layer is called lm_head", r.problem());
        assertThrows(Refusal.class, () -> new Task.Off(null, null, Map.of("a", 0)));
    }
}
