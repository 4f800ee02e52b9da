package vitrine.core.work.prune.structure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.prune.method.TaylorImportance;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.Task;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.LossGradients;
import vitrine.core.work.output.KeptSums;
import vitrine.core.work.prune.PruneTrials;

/// Models without some of their layers, heads, channels and experts. That a result computes what the model in memory does without those parts is checked by every run itself
/// (`load_back`); here it is checked that the right parts go, and that files and configs say so.
class StructuredPruneTest {

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private Path data(String model) throws IOException {
        return json(CASES.resolve(model), "config.json").get("vocab_size").asInt() >= 91 ? PruneTrials.texts(folder, IDS, new int[] {1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63})
                : PruneTrials.texts(folder, new int[] {5, 6, 7, 8, 9, 10, 11, 12, 30, 3, 27, 21, 2, 13}, new int[] {1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 23});
    }

    private Path run(String model, String method, String settings) throws IOException {
        return PruneTrials.run(PruneTrials.task(model, method, data(model), settings), folder, warnings::add);
    }

    /// A run that is broken off after a layer goes on after it, and ends with the bytes of one that was not.
    @ParameterizedTest
    @CsvSource({"slimgpt,2", "lorap,1"})
    void goesOnFromFinishedLayersToTheSameBits(String method, int layers) throws IOException {
        Path whole = run("llama-gqa", method, "{\"sparsity\": 0.4}");
        ObjectNode n = PruneTrials.task("llama-gqa", method, data("llama-gqa"), "{\"sparsity\": 0.4}");
        Path result = folder.resolve("broken" + method).resolve("result");
        assertThrows(Progress.CancelledException.class, () -> TaskRunner.run(Task.fromJson(n), result, new PruneTrials.BreakAfter(layers), warnings::add));
        assertTrue(!Files.exists(result) && Files.exists(result.resolveSibling("steps/0000000" + layers + "/layer.json")), "whole or absent, and the layer is kept");
        // What is kept is used: a later write of its file would be a layer that was computed again.
        java.nio.file.attribute.FileTime written = Files.getLastModifiedTime(result.resolveSibling("steps/00000001/layer.safetensors"));
        PruneTrials.BreakAfter again = new PruneTrials.BreakAfter(99);
        TaskRunner.run(Task.fromJson(n), result, again, warnings::add);
        assertEquals(written, Files.getLastModifiedTime(result.resolveSibling("steps/00000001/layer.safetensors")));
        assertEquals(List.of(1L, 2L, 3L), again.told(), "figures without gap or double");
        assertArrayEquals(Files.readAllBytes(whole.resolve("model.safetensors")), Files.readAllBytes(result.resolve("model.safetensors")));
        assertEquals(json(whole, "pruning_report.json").get("layers"), json(result, "pruning_report.json").get("layers"));
        assertEquals(json(whole, "pruning_report.json").get("sparsity"), json(result, "pruning_report.json").get("sparsity"));
    }

    @ParameterizedTest
    @CsvSource({"llama-gqa,num_hidden_layers", "gpt2,n_layer", "qwen2-layer-types,num_hidden_layers", "gemma2,num_hidden_layers", "mixtral,num_hidden_layers", "phi3,num_hidden_layers",
        "qwen2-moe,num_hidden_layers", "bloom,n_layer", "mpt,n_layers", "falcon-alibi,num_hidden_layers"})
    void layersGoAndTheRestIsRenumbered(String model, String key) throws IOException {
        Path result = run(model, "shortgpt", "{\"layers\": 1}");
        JsonNode report = json(result, "pruning_report.json");
        int layers = report.get("layers").size();
        List<Integer> kept = new ArrayList<>();
        double least = Double.MAX_VALUE;
        for (JsonNode l : report.get("layers")) {
            if (l.get("kept").asBoolean()) {
                kept.add(l.get("layer").asInt());
                least = Math.min(least, l.get("block_influence").asDouble());
            }
        }
        assertEquals(layers - 1, kept.size());
        for (JsonNode l : report.get("layers")) {
            assertTrue(l.get("kept").asBoolean() || l.get("block_influence").asDouble() <= least);
        }
        assertEquals(kept.size(), json(result, "config.json").get(key).asInt());
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve(model + "/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            for (String name : after.tensors().keySet()) {
                String old = name.replaceAll("^(.*?\\.|)(\\d+)\\..*", "$2");
                String from = old.equals(name) ? name : name.replaceFirst("(^|\\.)" + old + "\\.", "$1" + kept.get(Integer.parseInt(old)) + ".");
                assertArrayEquals(before.floats(from), after.floats(name), name);
            }
        }
        assertTrue(report.at("/load_back/passed").asBoolean());
        assertEquals(report.at("/sparsity/parameters_before").asLong() - report.at("/sparsity/removed_parameters").asLong(), report.at("/sparsity/parameters").asLong());
        assertTrue(report.at("/sparsity/bytes").asLong() < report.at("/sparsity/bytes_before").asLong());
    }

    @ParameterizedTest
    @CsvSource({"llama-gqa,heads,1,4", "qwen2,heads,1,2", "qwen3,heads,1,2", "llama-gqa,taylor,1,4", "qwen2,slimgpt,1,2"})
    void headsGoWithTheirKeysAndValues(String model, String method, int groups, int heads) throws IOException {
        Path result = run(model, method, "{\"sparsity\": 0.5" + (!method.equals("heads") ? ", \"parts\": \"heads\"}" : "}"));
        JsonNode config = json(result, "config.json");
        assertEquals(groups, config.get("num_key_value_heads").asInt());
        assertEquals(heads, config.get("num_attention_heads").asInt());
        assertTrue(config.get("head_dim").asInt() > 0);
        JsonNode report = json(result, "pruning_report.json");
        assertEquals("smaller shapes", report.get("output").asText());
        assertTrue(report.at("/load_back/passed").asBoolean());
        assertTrue(report.at("/load_back/largest_logit_difference").asDouble() < 1e-4);
    }

    @Test
    void slimGptMakesUpForWhatGoes() throws IOException {
        double[] loss = new double[2];
        for (String method : List.of("slimgpt", "taylor")) {
            Path result = run("llama-gqa", method, "{\"sparsity\": 0.3, \"parts\": \"channels\"}");
            JsonNode report = json(result, "pruning_report.json");
            assertEquals(112, json(result, "config.json").get("intermediate_size").asInt());
            assertTrue(report.at("/load_back/passed").asBoolean());
            loss[method.equals("slimgpt") ? 0 : 1] = report.at("/evaluations/0/kl").asDouble();
        }
        assertTrue(loss[0] > 0 && loss[0] < loss[1], loss[0] + " and " + loss[1]);
    }

    @Test
    void whatLosesNothingIsSaidToBeAsItWas() throws IOException {
        assertEquals("same shapes, unchanged", json(run("llama-gqa", "shortgpt", "{\"layers\": 0}"), "pruning_report.json").get("output").asText());
    }

    /// Channels are the shared expert's own: routed experts, which have the same width here or another, keep every weight, and the count of zeros is that of the file.
    @Test
    void channelsOfASharedExpertLeaveRoutedOnesAlone() throws IOException {
        Path result = run("qwen2-moe", "slimgpt", "{\"sparsity\": 0.4, \"parts\": \"channels\"}");
        JsonNode report = json(result, "pruning_report.json");
        assertTrue(report.at("/load_back/passed").asBoolean());
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve("qwen2-moe/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            for (JsonNode row : report.get("layers")) {
                Set<Integer> kept = new TreeSet<>();
                row.path("kept_channels").forEach(c -> kept.add(c.asInt()));
                long zeros = 0;
                String mlp = "model.layers." + row.get("layer").asInt() + ".mlp.";
                for (String name : after.tensors().keySet().stream().filter(n -> n.startsWith(mlp)).toList()) {
                    float[] w = after.floats(name);
                    if (name.contains(".experts.")) {
                        assertArrayEquals(before.floats(name), w, name);
                    }
                    if (name.endsWith("shared_expert.down_proj.weight") || name.equals(mlp + "down_proj.weight")) {
                        int width = w.length / 48;
                        for (int i = 0; i < w.length; i++) {
                            assertEquals(kept.contains(i % width), w[i] != 0, name + " at " + i);
                            zeros += w[i] == 0 ? 1 : 0;
                        }
                    }
                }
                assertTrue(zeros > 0, mlp);
                assertEquals(zeros, row.get("zeros").asLong(), mlp);
            }
        }
    }

    /// Later layers lose more; their widths differ, so what goes is 0 in its place.
    @Test
    void slimGptTakesMoreOfLaterLayers() throws IOException {
        JsonNode report = json(run("llama-gqa", "slimgpt", "{\"sparsity\": 0.3, \"parts\": \"channels\", \"allocation\": \"incremental\", \"allocationSpread\": 0.3}"), "pruning_report.json");
        double curve = (Math.log(2) + Math.log(3)) / Math.log(3) / 3;
        for (int l = 0; l < 3; l++) {
            double share = 0.3 + 0.3 * (Math.log(l + 1) / Math.log(3) - curve);
            assertEquals(share, report.at("/allocation/layers/" + l + "/sparsity").asDouble(), 1e-9);
            assertEquals(160 - Math.round(share * 160), report.at("/layers/" + l + "/kept_channels").size());
        }
        assertEquals("same shapes, with zeros", report.get("output").asText());
        assertThrows(Refusal.class, () -> run("llama-gqa", "slimgpt", "{\"sparsity\": 0.1, \"allocation\": \"incremental\", \"allocationSpread\": 0.9}"));
    }

    @Test
    void headsThatAConfigCannotLeaveOutAreSetToZero() throws IOException {
        Path fused = run("gpt2", "heads", "{\"sparsity\": 0.5}");
        assertEquals("same shapes, with zeros", json(fused, "pruning_report.json").get("output").asText());
        assertTrue(warnings.getLast().contains("fused"), warnings.toString());
        assertEquals(json(CASES.resolve("gpt2"), "config.json"), json(fused, "config.json"));
        Path uneven = run("llama-tied", "heads", "{\"sparsity\": 0.4, \"even\": false}");
        JsonNode report = json(uneven, "pruning_report.json");
        int kept = 0;
        for (JsonNode l : report.get("layers")) {
            kept += l.get("kept_groups").size();
            assertTrue(l.get("kept_groups").size() >= 1);
        }
        int all = report.get("layers").size() * 3;
        assertEquals(all - Math.round(0.4f * all), kept);
    }

    /// Slopes of linear biases go by the number of heads, so that a model of fewer heads would attend otherwise; widths of BLOOM's and MPT's feed-forward blocks no config can say.
    @ParameterizedTest
    @CsvSource({"falcon-alibi,heads,fused", "bloom,heads,fused", "mpt,heads,fused", "bloom,channels,four times as wide", "mpt,channels,intermediate_size"})
    void whatLinearBiasesLeaveNoRoomForIsSetToZero(String model, String parts, String why) throws IOException {
        Path result = run(model, parts.equals("heads") ? "heads" : "taylor", "{\"sparsity\": 0.5" + (parts.equals("heads") ? "}" : ", \"parts\": \"channels\"}"));
        JsonNode report = json(result, "pruning_report.json");
        assertEquals("same shapes, with zeros", report.get("output").asText());
        assertTrue(warnings.getLast().contains(why), warnings.toString());
        assertEquals(json(CASES.resolve(model), "config.json"), json(result, "config.json"));
        assertTrue(report.at("/load_back/passed").asBoolean());
    }

    @ParameterizedTest
    @CsvSource({"llama-gqa,intermediate_size", "qwen2,intermediate_size", "gpt2,n_inner", "gemma2,intermediate_size", "starcoder2,intermediate_size", "phi,intermediate_size",
        "falcon,ffn_hidden_size", "falcon-alibi,ffn_hidden_size"})
    void channelsGoFromAllThreeMatrices(String model, String key) throws IOException {
        Path result = run(model, "taylor", "{\"sparsity\": 0.25, \"parts\": \"channels\", \"secondOrder\": " + model.equals("qwen2") + "}");
        JsonNode report = json(result, "pruning_report.json");
        assertEquals("smaller shapes", report.get("output").asText(), warnings.toString());
        int width = report.at("/layers/0/kept_channels").size();
        assertEquals(width, json(result, "config.json").get(key).asInt());
        assertTrue(report.at("/load_back/passed").asBoolean());
        assertTrue(report.at("/sparsity/of_prunable").asDouble() > 0.1);
    }

    @ParameterizedTest
    @CsvSource({"mixtral,num_local_experts,frequency", "mixtral,num_local_experts,saliency", "qwen3-moe,num_local_experts,saliency", "olmoe,num_experts,saliency",
        "qwen3-moe-stacked,num_experts,frequency", "gpt-oss,num_local_experts,saliency"})
    void expertsGoWithTheirRouterRows(String model, String key, String criterion) throws IOException {
        JsonNode before = json(CASES.resolve(model), "config.json");
        int stay = before.path("num_experts_per_tok").asInt(2) + 1;
        Path result = run(model, "experts", "{\"experts\": " + stay + ", \"criterion\": \"" + criterion + "\"}");
        assertEquals(stay, json(result, "config.json").get(key).asInt());
        JsonNode report = json(result, "pruning_report.json");
        assertTrue(report.at("/load_back/passed").asBoolean());
        for (JsonNode l : report.get("layers")) {
            if (l.has("kept_experts")) {
                double least = Double.MAX_VALUE;
                double largest = -1;
                List<Integer> kept = new ArrayList<>();
                l.get("kept_experts").forEach(e -> kept.add(e.asInt()));
                JsonNode scores = l.get("expert_" + criterion);
                for (int e = 0; e < scores.size(); e++) {
                    least = kept.contains(e) ? Math.min(least, scores.get(e).asDouble()) : least;
                    largest = kept.contains(e) ? largest : Math.max(largest, scores.get(e).asDouble());
                }
                assertTrue(least >= largest);
            }
        }
    }

    /// An expert that no token of a text visits may go, and nothing changes for that text.
    @Test
    void anExpertThatNobodyVisitsIsNotMissed() throws IOException {
        Path one = Files.writeString(folder.resolve("one.jsonl"), "{\"input_ids\": [5, 6]}\n");
        ObjectNode n = Json.object().put("kind", "prune").put("model", CASES.resolve("mixtral").toString()).put("method", "experts").put("data", one.toString());
        n.set("settings", Json.mapper().readTree("{\"experts\": 4, \"criterion\": \"frequency\"}"));
        JsonNode report = json(TaskRunner.run(Task.fromJson(n), folder.resolve("unvisited/result"), Progress.NONE, warnings::add).folder(), "pruning_report.json");
        for (JsonNode l : report.get("layers")) {
            int visited = 0;
            for (JsonNode f : l.get("expert_frequency")) {
                visited += f.asDouble() > 0 ? 1 : 0;
            }
            assertTrue(visited <= 4, "two tokens visit at most four experts");
        }
        assertEquals(report.at("/evaluations/0/dense/loss").asDouble(), report.at("/evaluations/0/pruned/loss").asDouble(), 1e-6);
        assertEquals(0, report.at("/evaluations/0/kl").asDouble(), 1e-9);
    }

    /// In the place of each group stands the mean of its experts by their visits, and the mean of their router rows.
    @ParameterizedTest
    @CsvSource({"mixtral,num_local_experts", "qwen3-moe-stacked,num_experts"})
    void expertsThatDoAlikeBecomeOne(String model, String key) throws IOException {
        Path result = run(model, "submoe", "{\"experts\": 3}");
        assertEquals(3, json(result, "config.json").get(key).asInt());
        JsonNode report = json(result, "pruning_report.json");
        assertTrue(report.at("/load_back/passed").asBoolean());
        boolean stacked = model.contains("stacked");
        try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve(model + "/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
            JsonNode into = report.at("/layers/1/merged_into");
            List<Integer> kept = new ArrayList<>();
            report.at("/layers/1/kept_experts").forEach(e -> kept.add(e.asInt()));
            float[] routerBefore = before.floats("model.layers.1." + (stacked ? "mlp" : "block_sparse_moe") + ".gate.weight");
            float[] routerAfter = after.floats("model.layers.1." + (stacked ? "mlp" : "block_sparse_moe") + ".gate.weight");
            int hidden = routerAfter.length / 3;
            for (int g = 0; g < 3; g++) {
                double visits = 0;
                int members = 0;
                for (int e = 0; e < into.size(); e++) {
                    visits += into.get(e).asInt() == kept.get(g) ? report.at("/layers/1/expert_frequency/" + e).asDouble() : 0;
                    members += into.get(e).asInt() == kept.get(g) ? 1 : 0;
                }
                float[] down = stacked ? after.floats("model.layers.1.mlp.experts.down_proj") : after.floats("model.layers.1.block_sparse_moe.experts." + g + ".w2.weight");
                int size = stacked ? down.length / 3 : down.length;
                double[] expected = new double[size];
                double[] row = new double[hidden];
                for (int e = 0; e < into.size(); e++) {
                    if (into.get(e).asInt() == kept.get(g)) {
                        double f = visits == 0 ? 1.0 / members : report.at("/layers/1/expert_frequency/" + e).asDouble() / visits;
                        float[] w = stacked ? before.floats("model.layers.1.mlp.experts.down_proj") : before.floats("model.layers.1.block_sparse_moe.experts." + e + ".w2.weight");
                        for (int i = 0; i < size; i++) {
                            expected[i] += f * w[stacked ? e * size + i : i];
                        }
                        for (int i = 0; i < hidden; i++) {
                            row[i] += routerBefore[e * hidden + i] / members;
                        }
                    }
                }
                for (int i = 0; i < size; i++) {
                    assertEquals(expected[i], down[stacked ? g * size + i : i], 1e-6);
                }
                for (int i = 0; i < hidden; i++) {
                    assertEquals(row[i], routerAfter[g * hidden + i], 1e-6);
                }
            }
        }
    }

    @Test
    void tokensVisitFewerExperts() throws IOException {
        Path result = run("mixtral", "experts", "{\"expertsPerToken\": 1}");
        assertEquals(1, json(result, "config.json").get("num_experts_per_tok").asInt());
        assertEquals(8, json(result, "config.json").get("num_local_experts").asInt());
        JsonNode report = json(result, "pruning_report.json");
        assertTrue(report.at("/load_back/passed").asBoolean() && report.at("/evaluations/0/kl").asDouble() > 0);
        assertEquals("same shapes, fewer experts per token", report.get("output").asText());
    }

    @Test
    void taylorsExample() {
        TaylorImportance first = new TaylorImportance(1, false);
        TaylorImportance second = new TaylorImportance(1, true);
        for (float g : new float[] {0.2f, -0.1f, 0.3f}) {
            first.add(new float[] {g});
            second.add(new float[] {g});
        }
        assertEquals(0.2, first.of(0, 0.5), 1e-7);
        assertEquals(0.1825, second.of(0, 0.5), 1e-7);
    }

    /// The gate of a head is as good as its output columns: finite differences of the loss.
    @Test
    void headImportanceIsTheLossesSlope() throws IOException {
        Path one = Files.writeString(folder.resolve("one.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12]}\n");
        try (LoadedModel model = LoadedModel.open(CASES.resolve("llama-gqa").toString())) {
            CalibrationTexts texts = CalibrationTexts.read(one.toString(), PruneSettings.DEFAULTS, model, Progress.NONE);
            StructureScores scores = new StructureScores(model, texts, KeptSums.NONE, Progress.NONE);
            double[][] heads;
            double[] slopes = new double[8];
            try (LossGradients gradients = new LossGradients(model, scores.outputs())) {
                heads = scores.heads(gradients, "heads");
                var output = gradients.tensors().stream().filter(p -> p.name().contains(".1.")).findFirst().orElseThrow();
                float[] w = output.toArray();
                for (int h = 0; h < 8; h++) {
                    double[] loss = new double[2];
                    for (int side = 0; side < 2; side++) {
                        float[] moved = w.clone();
                        for (int i = 0; i < moved.length; i++) {
                            moved[i] *= i % 64 / 8 == h ? side == 0 ? 1.01f : 0.99f : 1f;
                        }
                        output.set(moved);
                        loss[side] = gradients.loss(texts.pieces());
                    }
                    slopes[h] = Math.abs(loss[0] - loss[1]) / 0.02;
                }
            }
            double norm = Math.sqrt(java.util.Arrays.stream(slopes).map(v -> v * v).sum());
            for (int h = 0; h < 8; h++) {
                assertEquals(slopes[h] / norm, heads[1][h], 0.01);
            }
        }
    }

    @Test
    void refusesWhatCannotBe() {
        assertThrows(Refusal.class, () -> run("llama-gqa", "experts", "{\"sparsity\": 0.5}"));
        assertThrows(Refusal.class, () -> run("mixtral", "experts", "{\"experts\": 1}"));
        assertThrows(Refusal.class, () -> run("mixtral", "submoe", "{\"experts\": 1}"));
        assertThrows(Refusal.class, () -> run("gpt-oss", "submoe", "{\"experts\": 3}"));
        assertThrows(Refusal.class, () -> run("llama-gqa", "shortgpt", "{\"layers\": 3}"));
        assertThrows(Refusal.class, () -> run("phi3", "taylor", "{\"sparsity\": 0.5}"));
    }
}
