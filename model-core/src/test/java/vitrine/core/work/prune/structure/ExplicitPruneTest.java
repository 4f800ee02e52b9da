package vitrine.core.work.prune.structure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;
import static vitrine.core.work.prune.PruneTrials.json;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.refusal.Refusal;
import vitrine.core.work.prune.PruneTrials;

/// Parts that are named one by one, without any text: which numbers of which tensors stay is checked number by number.
class ExplicitPruneTest {

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private Path run(String model, String method, String settings) throws IOException {
        return PruneTrials.run(PruneTrials.task(model, method, null, settings), folder, warnings::add);
    }

    /// Columns `from` to before `to` of a matrix `[rows, width]`.
    private static float[] columns(float[] w, int width, int from, int to) {
        float[] out = new float[w.length / width * (to - from)];
        for (int r = 0; r < w.length / width; r++) {
            System.arraycopy(w, r * width + from, out, r * (to - from), to - from);
        }
        return out;
    }

    /// llama-gqa: hidden 64, 8 heads of 8 in 2 groups. A layer goes, and of each that stays the second group: rows of query, key and value, columns of output.
    @Test
    void wholeGroupsAndLayersLeave() throws IOException {
        Path result = run("llama-gqa", "explicit", "{\"drop\": {\"layers\": [1], \"heads\": [\"0.4\",\"0.5\",\"0.6\",\"0.7\",\"2.4\",\"2.5\",\"2.6\",\"2.7\"]}}");
        JsonNode config = json(result, "config.json");
        assertEquals(2, config.get("num_hidden_layers").asInt());
        assertEquals(4, config.get("num_attention_heads").asInt());
        assertEquals(1, config.get("num_key_value_heads").asInt());
        JsonNode report = json(result, "pruning_report.json");
        assertTrue(report.at("/load_back/passed").asBoolean());
        assertEquals("smaller shapes", report.get("output").asText());
        assertEquals(0, report.at("/sparsity/zeros").asLong());
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            for (int l = 0; l < 2; l++) {
                String was = "model.layers." + 2 * l + ".";
                String is = "model.layers." + l + ".";
                assertArrayEquals(java.util.Arrays.copyOf(before.floats(was + "self_attn.q_proj.weight"), 32 * 64), after.floats(is + "self_attn.q_proj.weight"));
                assertArrayEquals(java.util.Arrays.copyOf(before.floats(was + "self_attn.v_proj.weight"), 8 * 64), after.floats(is + "self_attn.v_proj.weight"));
                assertArrayEquals(columns(before.floats(was + "self_attn.o_proj.weight"), 64, 0, 32), after.floats(is + "self_attn.o_proj.weight"));
                assertArrayEquals(before.floats(was + "mlp.down_proj.weight"), after.floats(is + "mlp.down_proj.weight"));
            }
        }
    }

    /// Single heads: the columns of the output projection that read them are 0, and nothing else changes. Beside them a layer may go.
    @Test
    void singleHeadsAreSetToZero() throws IOException {
        Path result = run("llama-gqa", "explicit", "{\"drop\": {\"layers\": [2], \"heads\": [\"0.3\", \"1.0\", \"2.5\"]}}");
        assertEquals(2, json(result, "config.json").get("num_hidden_layers").asInt());
        assertEquals(8, json(result, "config.json").get("num_attention_heads").asInt());
        JsonNode report = json(result, "pruning_report.json");
        assertTrue(report.at("/load_back/passed").asBoolean());
        assertEquals(2 * 8 * 64, report.at("/sparsity/zeros").asLong());
        assertEquals(3, report.at("/layers/0/silenced_heads/0").asInt());
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            for (String name : after.tensors().keySet()) {
                float[] w = before.floats(name);
                int head = name.equals("model.layers.0.self_attn.o_proj.weight") ? 3 : name.equals("model.layers.1.self_attn.o_proj.weight") ? 0 : -1;
                for (int i = 0; i < w.length; i++) {
                    w[i] = head >= 0 && i % 64 / 8 == head ? 0 : w[i];
                }
                assertArrayEquals(w, after.floats(name), name);
            }
        }
    }

    /// What is packed in four bits is written as plain numbers, which are those that auto-gptq reads, but for the head.
    @Test
    void headsOfPackedWeightsAreSetToZero() throws IOException {
        Path result = run("packed-gptq", "explicit", "{\"drop\": {\"heads\": [\"0.1\"]}}");
        assertTrue(json(result, "pruning_report.json").at("/load_back/passed").asBoolean());
        String output = "model.layers.0.self_attn.o_proj.weight";
        try (SafetensorsFile golden = SafetensorsFile.open(CASES.resolve("packed-gptq/golden.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            assertArrayEquals(golden.floats("weight.model.layers.1.mlp.down_proj.weight"), after.floats("model.layers.1.mlp.down_proj.weight"), 1e-3f);
            float[] w = after.floats(output);
            int zeros = 0;
            for (int i = 0; i < w.length; i++) {
                zeros += w[i] == 0 && i % 32 / 8 != 1 ? 1 : 0;
                assertTrue(w[i] == 0 || i % 32 / 8 != 1, output + " at " + i);
            }
            assertTrue(zeros < w.length / 8, "few codes stand for 0, and " + zeros + " values are 0");
        }
    }

    @Test
    void headsOfAFusedProjectionAreSetToZero() throws IOException {
        Path result = run("gpt2", "explicit", "{\"drop\": {\"heads\": [\"0.0\", \"1.1\"]}}");
        assertEquals("same shapes, with zeros", json(result, "pruning_report.json").get("output").asText());
        assertTrue(json(result, "pruning_report.json").at("/load_back/passed").asBoolean());
        assertEquals(json(CASES.resolve("gpt2"), "config.json"), json(result, "config.json"));
    }

    @Test
    void expertsThatAreNamedLeave() throws IOException {
        Path result = run("mixtral", "explicit", "{\"drop\": {\"layers\": [0], \"experts\": [\"1.0\", \"1.3\", \"2.7\", \"2.6\"]}}");
        assertEquals(6, json(result, "config.json").get("num_local_experts").asInt());
        assertEquals(2, json(result, "config.json").get("num_hidden_layers").asInt());
        assertTrue(json(result, "pruning_report.json").at("/load_back/passed").asBoolean());
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("mixtral/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            int[] kept = {1, 2, 4, 5, 6, 7};
            for (int e = 0; e < 6; e++) {
                assertArrayEquals(before.floats("model.layers.1.block_sparse_moe.experts." + kept[e] + ".w2.weight"), after.floats("model.layers.0.block_sparse_moe.experts." + e + ".w2.weight"));
                assertArrayEquals(java.util.Arrays.copyOfRange(before.floats("model.layers.1.block_sparse_moe.gate.weight"), kept[e] * 48, kept[e] * 48 + 48),
                        java.util.Arrays.copyOfRange(after.floats("model.layers.0.block_sparse_moe.gate.weight"), e * 48, e * 48 + 48));
            }
        }
    }

    /// A rank of its own for a matrix; what is not named stays bit for bit.
    @Test
    void ranksOfSingleMatrices() throws IOException {
        Path result = run("llama-gqa", "svd", "{\"ranks\": {\"o_proj\": 5, \"layers.1.self_attn.o_proj\": 3}}");
        JsonNode report = json(result, "pruning_report.json");
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("llama-gqa/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            for (int l = 0; l < 3; l++) {
                assertEquals(l == 1 ? 3 : 5, report.at("/layers/" + l + "/matrices/0/rank").asInt());
                assertEquals(1, report.at("/layers/" + l + "/matrices").size());
                assertArrayEquals(before.floats("model.layers." + l + ".mlp.up_proj.weight"), after.floats("model.layers." + l + ".mlp.up_proj.weight"));
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-gqa|{\"drop\": {\"layers\": [3]}}|layer 3 is to go, and the model has 3 layers, from 0",
        "llama-gqa|{\"drop\": {\"layers\": [0, 1, 2]}}|all of its 3 layers are to go",
        "llama-gqa|{\"drop\": {\"heads\": [\"0.8\"]}}|head 0.8 is to go, and layer 0 has 8 heads, from 0",
        "llama-gqa|{\"drop\": {\"heads\": [\"7\"]}}|the head to drop is 7; LAYER.HEAD belongs here, such as 3.0",
        "llama-gqa|{\"drop\": {\"experts\": [\"0.1\"]}}|expert 0.1 is to go, and layer 0 has no experts",
        "llama-gqa|{\"drop\": {\"heads\": []}}|drop names nothing; layers, heads or experts belong there",
        "llama-gqa|{}|nothing says how much goes: drop is missing",
        "mixtral|{\"drop\": {\"experts\": [\"0.1\"]}}|layers keep different numbers of experts, which the config cannot say",
        "mixtral|{\"drop\": {\"experts\": [\"1.0\",\"1.1\",\"1.2\",\"1.3\",\"1.4\",\"1.5\",\"1.6\"]}}|1 experts are to stay in layer 1, and a token visits 2",
    })
    void refusesPartsThatAreNotThere(String model, String settings, String message) {
        Refusal refusal = assertThrows(Refusal.class, () -> run(model, "explicit", settings));
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
    }
}
