package vitrine.core.work.prune.structure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;
import static vitrine.core.work.prune.PruneTrials.IDS;
import static vitrine.core.work.prune.PruneTrials.json;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.prune.PruneForecast;
import vitrine.core.work.prune.PruneTrials;
import vitrine.core.work.prune.report.BeforeAndAfter;

/// Key and value heads that become one with others, as checkpoints: a model whose heads are copies in disorder gives up the copies and computes what it did; elsewhere weights are the means that float64 finds.
class FusedHeadsTest {

    /// Query heads of the disordered model by those of the model in order, four to a key/value head.
    private static final int[] DISORDER = {5, 0, 7, 2, 3, 6, 1, 4};

    @TempDir
    Path folder;

    private ObjectNode task(String model, String settings) throws IOException {
        return PruneTrials.task(model, "dha", PruneTrials.texts(folder, IDS), settings);
    }

    private Path run(String model, String settings) throws IOException {
        return PruneTrials.run(task(model, settings), folder, warnings::add);
    }

    private final List<String> warnings = new ArrayList<>();

    private static float[] logits(String model) {
        try (LoadedModel m = LoadedModel.open(model)) {
            return BeforeAndAfter.logits(m, IDS);
        }
    }

    /// `llama-gqa` with a key and a value head for every query head, all of them in disorder: another order in each layer.
    private Path disordered() throws IOException {
        Path out = Files.createDirectories(folder.resolve("disordered"));
        ObjectNode config = (ObjectNode) json(CASES.resolve("llama-gqa"), "config.json");
        Files.writeString(out.resolve("config.json"), config.put("num_key_value_heads", 8).toString());
        Files.copy(CASES.resolve("llama-gqa/tokenizer.json"), out.resolve("tokenizer.json"));
        try (SafetensorsFile from = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors"))) {
            Map<String, float[]> values = new LinkedHashMap<>();
            Map<String, Declared> declared = new LinkedHashMap<>();
            for (String name : from.tensors().keySet()) {
                float[] w = from.floats(name);
                long[] sizes = from.tensors().get(name).shape().sizes().clone();
                int layer = name.contains("layers.") ? Integer.parseInt(name.replaceAll(".*layers\\.(\\d+)\\..*", "$1")) : 0;
                boolean keys = name.contains("k_proj") || name.contains("v_proj");
                int head = name.contains("q_proj") ? w.length / 8 : keys ? w.length / 2 : 0;
                if (head > 0) {
                    float[] all = new float[8 * head];
                    for (int h = 0; h < 8; h++) {
                        System.arraycopy(w, (keys ? place(h, layer) / 4 : place(h, layer)) * head, all, h * head, head);
                    }
                    w = all;
                    sizes[0] = w.length / sizes[1];
                } else if (name.contains("o_proj")) {
                    float[] all = w.clone();
                    int columns = (int) sizes[1];
                    for (int i = 0; i < w.length; i++) {
                        int c = i % columns;
                        all[i] = w[i - c + place(c / (columns / 8), layer) * (columns / 8) + c % (columns / 8)];
                    }
                    w = all;
                }
                values.put(name, w);
                declared.put(name, new Declared(DType.F32, Shape.of(sizes)));
            }
            try (SafetensorsWriter to = new SafetensorsWriter(out.resolve("model.safetensors"), declared, Map.of("format", "pt"))) {
                for (Map.Entry<String, float[]> e : values.entrySet()) {
                    to.write(e.getKey(), 0, e.getValue());
                }
            }
        }
        return out;
    }

    private static int place(int head, int layer) {
        return DISORDER[(head + 3 * layer) % 8];
    }

    @Test
    void copiesOfHeadsGoAndNothingChanges() throws IOException {
        Path model = disordered();
        float[] whole = logits(CASES.resolve("llama-gqa").toString());
        assertArrayEquals(whole, logits(model.toString()), 2e-5f, "the test's own model");
        Path result = run(model.toString(), "{\"sparsity\": 0.75}");
        assertArrayEquals(whole, logits(result.toString()), 2e-5f);
        assertEquals(2, json(result, "config.json").get("num_key_value_heads").asInt());
        assertEquals(8, json(result, "config.json").get("num_attention_heads").asInt());
        JsonNode report = json(result, "pruning_report.json");
        assertEquals("smaller shapes", report.get("output").asText());
        for (int l = 0; l < 3; l++) {
            assertEquals(0, report.at("/layers/" + l + "/key_fusion_loss").asDouble(), 1e-9);
            for (int h = 0; h < 8; h++) {
                int layer = l;
                int own = place(h, l) / 4;
                int first = IntStream.range(0, 8).filter(o -> place(o, layer) / 4 == own).findFirst().orElseThrow();
                assertEquals(first, report.at("/layers/" + l + "/key_groups/" + h).asInt());
            }
        }
        // As large as the model that the copies were made of.
        JsonNode gqa = json(run("llama-gqa", "{\"sparsity\": 0}"), "pruning_report.json");
        assertEquals(gqa.at("/sparsity/parameters_before"), report.at("/sparsity/parameters"));
        assertEquals(gqa.at("/sparsity/parameters_before"), gqa.at("/sparsity/parameters"));
        assertEquals(0, gqa.at("/evaluations/0/kl").asDouble(), 1e-9);
        PruneForecast foreseen = PruneForecast.of((Task.Prune) Task.fromJson(task(model.toString(), "{\"sparsity\": 0.75}")));
        assertEquals(report.at("/sparsity/parameters").asLong(), foreseen.parameters());
        assertTrue(foreseen.multiplications() < foreseen.multiplicationsBefore());
        // Keys and values by themselves find the same groups here, so the config can say it too.
        Path apart = run(model.toString(), "{\"sparsity\": 0.75, \"even\": false}");
        assertEquals(2, json(apart, "config.json").get("num_key_value_heads").asInt());
        assertArrayEquals(whole, logits(apart.toString()), 2e-5f);
    }

    /// Weights and biases of the first layer are means by the energy of what the heads give, found in float64 from the embedding and the norm.
    @Test
    void whatAGroupBecomes() throws IOException {
        Path result = run("llama-biases", "{\"sparsity\": 0.5}");
        JsonNode config = json(CASES.resolve("llama-biases"), "config.json");
        int hidden = config.get("hidden_size").asInt();
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("llama-biases/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            float[] embedding = before.floats("model.embed_tokens.weight");
            float[] scale = before.floats("model.layers.0.input_layernorm.weight");
            for (String kind : List.of("k_proj", "v_proj")) {
                float[] w = before.floats("model.layers.0.self_attn." + kind + ".weight");
                float[] b = before.floats("model.layers.0.self_attn." + kind + ".bias");
                double[] energy = new double[2];
                for (int id : IDS) {
                    double squares = IntStream.range(0, hidden).mapToDouble(j -> Math.pow(embedding[id * hidden + j], 2)).sum();
                    double by = 1 / Math.sqrt(squares / hidden + config.get("rms_norm_eps").asDouble());
                    for (int o = 0; o < b.length; o++) {
                        int row = o;
                        double k = b[o] + IntStream.range(0, hidden).mapToDouble(j -> w[row * hidden + j] * embedding[id * hidden + j] * by * scale[j]).sum();
                        energy[o / (b.length / 2)] += k * k;
                    }
                }
                double first = energy[0] / (energy[0] + energy[1]);
                assertTrue(Math.abs(first - 0.5) > 1e-3, "else the test could not tell");
                float[] now = after.floats("model.layers.0.self_attn." + kind + ".weight");
                float[] bias = after.floats("model.layers.0.self_attn." + kind + ".bias");
                assertEquals(w.length / 2, now.length);
                for (int i = 0; i < now.length; i++) {
                    assertEquals(first * w[i] + (1 - first) * w[i + now.length], now[i], 1e-6);
                }
                for (int i = 0; i < bias.length; i++) {
                    assertEquals(first * b[i] + (1 - first) * b[i + bias.length], bias[i], 1e-6);
                }
            }
        }
    }

    /// What a config cannot say keeps its shapes; beside it every fused head is written once.
    @Test
    void keysAndValuesByThemselves() throws IOException {
        Path result = run("opt", "{\"sparsity\": 0.5, \"even\": false, \"factorised\": true}");
        JsonNode report = json(result, "pruning_report.json");
        assertEquals("same shapes, heads repeated", report.get("output").asText());
        assertEquals(json(CASES.resolve("opt"), "config.json"), json(result, "config.json"));
        int keys = 0;
        int values = 0;
        long spared = 0;
        try (SafetensorsFile all = SafetensorsFile.open(result.resolve("model.safetensors")); SafetensorsFile once = SafetensorsFile.open(result.resolve("factors.safetensors"))) {
            for (int l = 0; l < 2; l++) {
                keys += (int) IntStream.range(0, 4).filter(groups(report, l, "key_groups")::contains).count();
                values += (int) IntStream.range(0, 4).filter(groups(report, l, "value_groups")::contains).count();
            }
            assertFalse(once.tensors().isEmpty());
            for (String name : once.tensors().keySet()) {
                if (name.endsWith(".heads")) {
                    continue;
                }
                float[] whole = all.floats(name);
                float[] part = once.floats(name);
                int[] which = once.ints(name + ".heads");
                int head = whole.length / which.length;
                spared += whole.length - part.length;
                for (int i = 0; i < whole.length; i++) {
                    assertEquals(whole[i], part[which[i / head] * head + i % head], 0f, name);
                }
            }
        }
        assertEquals(4, keys);
        assertEquals(4, values);
        assertEquals(report.at("/sparsity/parameters_before").asLong() - spared, report.at("/sparsity/factorised_parameters").asLong());
        PruneForecast foreseen = PruneForecast.of((Task.Prune) Task.fromJson(task("opt", "{\"sparsity\": 0.5, \"even\": false}")));
        assertEquals(report.at("/sparsity/factorised_parameters").asLong(), foreseen.factorised());
    }

    private static List<Integer> groups(JsonNode report, int layer, String key) {
        List<Integer> out = new ArrayList<>();
        report.at("/layers/" + layer + "/" + key).forEach(g -> out.add(g.asInt()));
        return out;
    }

    /// A norm over all keys together would not be the same with fewer of them.
    @Test
    void aFamilyThatCannotSayItKeepsItsShapes() throws IOException {
        JsonNode report = json(run("olmoe", "{\"sparsity\": 0.5}"), "pruning_report.json");
        assertEquals("same shapes, heads repeated", report.get("output").asText());
        assertTrue(report.get("note").asText().contains("norm"), report.get("note").asText());
        assertTrue(warnings.getLast().contains("keeps its place"), warnings.toString());
        assertTrue(assertThrows(Refusal.class, () -> run("gpt2", "{\"sparsity\": 0.5}")).getMessage().contains("no key and value matrices of their own"));
    }

    /// On the text that a run is calibrated with the foretold loss is the one that it measures.
    @Test
    void theForetoldLossIsTheLossOfTheRun() throws IOException {
        for (String settings : List.of("{\"sparsity\": 0.5}", "{\"sparsity\": 0.5, \"even\": false}")) {
            ObjectNode preview = task("llama-gqa", settings).put("kind", "preview");
            JsonNode point = null;
            for (JsonNode p : TaskRunner.run(Task.fromJson(preview), folder.resolve("preview" + settings.length()), Progress.NONE, m -> { }).manifest().summary().get("points")) {
                point = p.get("amount").asDouble() == 0.5 ? p : point;
            }
            assertEquals(json(run("llama-gqa", settings), "pruning_report.json").at("/evaluations/0/pruned/loss").asDouble(), point.get("loss").asDouble(), 1e-5);
        }
    }
}
