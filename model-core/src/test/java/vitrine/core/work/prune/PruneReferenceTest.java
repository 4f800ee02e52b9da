package vitrine.core.work.prune;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vitrine.core.work.prune.PruneTrials.CASES;
import static vitrine.core.work.prune.PruneTrials.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;

/// Pruned models against the masks, weights and perplexities that PyTorch and numpy get, and what must hold of every run.
class PruneReferenceTest {

    @TempDir
    Path folder;

    private final Reference llama = Reference.of("prune-llama");

    private Path lines(String name, JsonNode rows) throws IOException {
        List<String> lines = new ArrayList<>();
        rows.forEach(r -> lines.add("{\"input_ids\": " + r + "}"));
        return Files.write(folder.resolve(name), lines);
    }

    private Path lines(SafetensorsFile golden, String tensor) throws IOException {
        int[] ids = golden.ints(tensor);
        int width = (int) golden.shape(tensor).orElseThrow().size(1);
        JsonNode rows = Json.mapper().valueToTree(ids);
        var all = Json.mapper().createArrayNode();
        for (int i = 0; i < ids.length; i += width) {
            var row = all.addArray();
            for (int j = 0; j < width; j++) {
                row.add(rows.get(i + j));
            }
        }
        return lines(tensor + ".jsonl", all);
    }

    /// A task from a method and settings in JSON.
    private static Task.Prune task(Path model, Path data, Path eval, String method, String settings) throws IOException {
        ObjectNode n = Json.object().put("kind", "prune").put("model", model.toString()).put("method", method);
        if (data != null) {
            n.put("data", data.toString());
        }
        if (eval != null) {
            n.putArray("evalData").addObject().put("name", "held out").put("file", eval.toString());
        }
        n.set("settings", Json.mapper().readTree(settings));
        return (Task.Prune) Task.fromJson(n);
    }

    private Path run(Task.Prune task, String name) throws IOException {
        return run(task, name, Progress.NONE);
    }

    private Path run(Task.Prune task, String name, Progress progress) throws IOException {
        Artifact a = TaskRunner.run(task, folder.resolve(name).resolve("result"), progress, w -> { });
        assertEquals("prune", a.manifest().kind());
        return a.folder();
    }

    private static JsonNode row(JsonNode report, String matrix) {
        for (JsonNode l : report.get("layers")) {
            for (JsonNode m : l.get("matrices")) {
                if (m.get("name").asText().equals(matrix)) {
                    return m;
                }
            }
        }
        throw new AssertionError("no row of " + matrix);
    }

    private static String sha(float[] mask) {
        try {
            byte[] bytes = new byte[mask.length];
            for (int i = 0; i < mask.length; i++) {
                assertTrue(mask[i] == 0 || mask[i] == 1);
                bytes[i] = (byte) mask[i];
            }
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Masks by the names of the weights, and zeros in the weights where they say so and nowhere else.
    private static void assertMasks(JsonNode expected, Path result, Path base) {
        try (SafetensorsFile masks = SafetensorsFile.open(result.resolve("masks.safetensors")); SafetensorsFile weights = SafetensorsFile.open(result.resolve("model.safetensors"));
             SafetensorsFile before = SafetensorsFile.open(base.resolve("model.safetensors"))) {
            Set<String> names = new LinkedHashSet<>();
            expected.fieldNames().forEachRemaining(names::add);
            assertEquals(names, masks.tensors().keySet());
            for (String name : names) {
                float[] mask = masks.floats(name);
                assertEquals(expected.get(name).asText(), sha(mask), name);
                assertEquals(before.shape(name), masks.shape(name));
                float[] w = weights.floats(name);
                float[] b = before.floats(name);
                for (int i = 0; i < w.length; i++) {
                    assertEquals(mask[i] == 0 ? 0 : b[i], w[i], name);
                }
            }
            for (String name : before.tensors().keySet()) {
                if (!names.contains(name)) {
                    assertArrayEquals(before.floats(name), weights.floats(name), name);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "magnitude50|magnitude|{\"sparsity\": 0.5}",
        "wanda50.dense|wanda|{\"sparsity\": 0.5}",
        "wanda50.seq|wanda|{\"sparsity\": 0.5, \"propagation\": \"sequential\"}",
        "wanda2of4.dense|wanda|{\"pattern\": \"2:4\"}",
        "magnitude2of4|magnitude|{\"pattern\": \"2:4\"}",
    })
    void masksAndPerplexitiesOfTheReference(String variant, String method, String settings) throws IOException {
        try (SafetensorsFile golden = llama.expected()) {
            Path base = CASES.resolve("llama-gqa");
            Path result = run(task(base, method.equals("magnitude") ? null : lines(golden, "calibration_ids"), lines(golden, "evaluation_ids"), method, settings), variant);
            assertMasks(llama.golden().at("/mask_sha256").get(variant), result, base);
            JsonNode report = report(result);
            JsonNode expected = llama.golden().at("/results").get(variant);
            JsonNode measured = report.at("/evaluations/0");
            close(llama.golden().at("/results/dense/perplexity").asDouble(), measured.at("/dense/perplexity").asDouble(), 1e-4);
            close(expected.get("perplexity").asDouble(), measured.at("/pruned/perplexity").asDouble(), 1e-3);
            assertEquals(expected.get("of").asLong(), report.at("/sparsity/prunable_weights").asLong());
            assertEquals(expected.get("of").asLong() - expected.get("kept").asLong(), report.at("/sparsity/zeros").asLong());
            assertTrue(measured.get("kl").asDouble() > 0.1 && measured.get("top1_agreement").asDouble() < 1);
        }
    }

    private static void close(double expected, double actual, double relative) {
        assertEquals(expected, actual, relative * Math.abs(expected));
    }

    @Test
    void sparseGptOfTheReference() throws IOException {
        String matrix = "model.layers.1.mlp.down_proj.weight";
        try (SafetensorsFile golden = llama.expected()) {
            for (String variant : List.of("sparsegpt50", "sparsegpt50.block32")) {
                boolean small = variant.endsWith("32");
                Path result = run(task(CASES.resolve("llama-gqa"), lines(golden, "calibration_ids"), lines(golden, "evaluation_ids"), "sparsegpt",
                        "{\"sparsity\": 0.5, \"targetModules\": [\"layers.1.mlp.down_proj\"]" + (small ? ", \"blockSize\": 32}" : "}")), variant);
                try (SafetensorsFile masks = SafetensorsFile.open(result.resolve("masks.safetensors")); SafetensorsFile weights = SafetensorsFile.open(result.resolve("model.safetensors"))) {
                    llama.compare(golden, variant + ".model.layers.1.mlp.down_proj.weight", weights.floats(matrix));
                    llama.compare(golden, variant + ".model.layers.1.mlp.down_proj.mask", masks.floats(matrix));
                    assertEquals(Set.of(matrix), masks.tensors().keySet());
                }
                JsonNode expected = llama.golden().at("/results/sparsegpt50");
                close(expected.get(small ? "relative_output_error_block32" : "relative_output_error").asDouble(), row(report(result), matrix).get("relative_output_error").asDouble(), 1e-4);
                if (!small) {
                    close(expected.get("perplexity_with_this_matrix_replaced").asDouble(), report(result).at("/evaluations/0/pruned/perplexity").asDouble(), 1e-3);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"svd,svd", "whitened_svd,whitened_svd", "swift_svd,whitened_svd"})
    void lowRankOfTheReference(String method, String expectedName) throws IOException {
        String matrix = "model.layers.1.mlp.up_proj.weight";
        try (SafetensorsFile golden = llama.expected()) {
            Path result = run(task(CASES.resolve("llama-gqa"), lines(golden, "calibration_ids"), lines(golden, "evaluation_ids"), method,
                    "{\"rank\": 16, \"targetModules\": [\"layers.1.mlp.up_proj\"], \"factorised\": true}"), method);
            JsonNode expected = llama.golden().at("/results/low_rank").get(expectedName);
            JsonNode row = row(report(result), matrix);
            try (SafetensorsFile weights = SafetensorsFile.open(result.resolve("model.safetensors")); SafetensorsFile factors = SafetensorsFile.open(result.resolve("factors.safetensors"))) {
                float[] w = weights.floats(matrix);
                llama.compare(golden, expectedName + ".model.layers.1.mlp.up_proj.weight", w);
                float[] a = factors.floats(matrix + ".a");
                float[] b = factors.floats(matrix + ".b");
                for (int o = 0; o < 160; o++) {
                    for (int i = 0; i < 64; i++) {
                        double sum = 0;
                        for (int k = 0; k < 16; k++) {
                            sum += (double) a[o * 16 + k] * b[k * 64 + i];
                        }
                        assertEquals(sum, w[o * 64 + i], 1e-4);
                    }
                }
            }
            close(expected.get("relative_output_error").asDouble(), row.get("relative_output_error").asDouble(), 1e-4);
            if (!method.equals("svd")) {
                close(expected.get("output_error").asDouble(), row.get("predicted_output_error").asDouble(), 1e-4);
                close(row.get("predicted_output_error").asDouble(), row.get("output_error").asDouble(), 1e-5);
            }
            close(expected.get("perplexity_with_this_matrix_replaced").asDouble(), report(result).at("/evaluations/0/pruned/perplexity").asDouble(), 1e-3);
            assertEquals(16, row.get("rank").asInt());
            assertEquals(16 * (160 + 64), row.get("factor_parameters").asInt());
        }
    }

    /// Weights stored the other way round, fused projections, and experts.
    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "phi3", "mixtral"})
    void masksOfOtherFamilies(String name) throws IOException {
        JsonNode golden = Json.mapper().readTree(CASES.resolve("prune-" + name + "/golden.json").toFile());
        Path data = lines("calibration.jsonl", golden.get("calibration_ids"));
        for (String variant : List.of("magnitude50", "wanda50.dense", "wanda2of4.dense")) {
            Path result = run(task(CASES.resolve(name), data, null, variant.startsWith("m") ? "magnitude" : "wanda", variant.contains("2of4") ? "{\"pattern\": \"2:4\"}" : "{\"sparsity\": 0.5}"), variant);
            assertMasks(golden.at("/mask_sha256").get(variant), result, CASES.resolve(name));
            JsonNode report = report(result);
            golden.get("tokens").properties().forEach(e -> {
                JsonNode row = row(report, e.getKey());
                assertEquals(e.getValue().asLong(), row.get("tokens").asLong(), e.getKey());
                if (e.getValue().asLong() < 100 && !variant.startsWith("m")) {
                    assertTrue(row.get("note").asText().startsWith("only " + e.getValue().asLong() + " calibration tokens reach this expert"));
                }
            });
        }
    }

    // --- what must hold of every run

    private Path few() throws IOException {
        return Files.writeString(folder.resolve("few.jsonl"), "{\"input_ids\": [5, 6, 7, 8, 9, 10, 11, 12, 40, 3, 77, 21, 90, 13]}\n{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63]}\n");
    }

    private static byte[] weights(Path result) throws IOException {
        return Files.readAllBytes(result.resolve("model.safetensors"));
    }

    @Test
    void nothingGoesAndNothingChanges() throws IOException {
        Path base = CASES.resolve("llama-gqa");
        for (String task : List.of("magnitude|{\"sparsity\": 0}", "wanda|{\"sparsity\": 0}", "sparsegpt|{\"sparsity\": 0}", "svd|{\"rank\": 4096}", "whitened_svd|{\"rank\": 4096}", "swift_svd|{\"rank\": 4096}")) {
            String[] t = task.split("\\|");
            Path result = run(task(base, few(), null, t[0], t[1]), t[0]);
            try (SafetensorsFile before = SafetensorsFile.open(base.resolve("model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
                assertEquals(List.copyOf(before.tensors().keySet()), List.copyOf(after.tensors().keySet()));
                for (String name : before.tensors().keySet()) {
                    assertArrayEquals(before.floats(name), after.floats(name), t[0] + " " + name);
                }
            }
            assertEquals(0, report(result).at("/evaluations/0/kl").asDouble(), 1e-12);
            assertEquals(1, report(result).at("/evaluations/0/top1_agreement").asDouble());
        }
    }

    @Test
    void skippedTensorsAreListedWithTheirReason() throws IOException {
        JsonNode report = report(run(task(CASES.resolve("mixtral"), null, null, "magnitude", "{\"sparsity\": 0.3, \"targetModules\": [\"q_proj\", \"*experts.3*\"]}"), "some"));
        Map<String, String> reasons = new java.util.TreeMap<>();
        report.get("skipped").forEach(s -> reasons.put(s.get("tensor").asText(), s.get("reason").asText()));
        assertEquals("embedding", reasons.get("model.embed_tokens.weight"));
        assertEquals("output head", reasons.get("lm_head.weight"));
        assertEquals("norm", reasons.get("model.norm.weight"));
        assertEquals("router", reasons.get("model.layers.0.block_sparse_moe.gate.weight"));
        assertEquals("not among the target modules", reasons.get("model.layers.0.block_sparse_moe.experts.2.w1.weight"));
        assertFalse(reasons.containsKey("model.layers.0.self_attn.q_proj.weight"));
        Set<String> all = new java.util.TreeSet<>(reasons.keySet());
        report.get("layers").forEach(l -> l.get("matrices").forEach(m -> all.add(m.get("name").asText())));
        try (SafetensorsFile model = SafetensorsFile.open(CASES.resolve("mixtral/model.safetensors"))) {
            assertEquals(new java.util.TreeSet<>(model.tensors().keySet()), all, "every tensor is pruned or listed");
        }
        assertTrue(report.at("/load_back/passed").asBoolean());
    }

    @Test
    void storedTypesStay() throws IOException {
        for (String name : List.of("fmt-bf16", "fmt-f16")) {
            for (String method : List.of("magnitude", "sparsegpt", "svd")) {
                Path result = run(task(CASES.resolve(name), few(), null, method, "{\"sparsity\": 0.5}"), name + method);
                try (SafetensorsFile before = SafetensorsFile.open(CASES.resolve(name + "/model.safetensors")); SafetensorsFile after = SafetensorsFile.open(result.resolve("model.safetensors"))) {
                    before.tensors().values().forEach(t -> assertEquals(t.dtype(), after.tensors().get(t.name()).dtype()));
                }
            }
        }
    }

    /// A run that is broken off after any layer goes on after it, and ends with the bytes of one that was not.
    @ParameterizedTest
    @ValueSource(strings = {"dense", "sequential"})
    void goesOnFromFinishedLayersToTheSameBits(String propagation) throws IOException {
        String settings = "{\"sparsity\": 0.5, \"propagation\": \"" + propagation + "\"}";
        Task.Prune task = task(CASES.resolve("llama-gqa"), few(), null, "sparsegpt", settings);
        Path whole = run(task, "whole");
        for (int layers = 1; layers <= 2; layers++) {
            String name = "broken" + layers;
            PruneTrials.BreakAfter broken = new PruneTrials.BreakAfter(layers);
            assertThrows(Progress.CancelledException.class, () -> run(task, name, broken));
            assertFalse(Files.exists(folder.resolve(name + "/result")), "whole or absent");
            PruneTrials.BreakAfter again = new PruneTrials.BreakAfter(99);
            Path result = run(task, name, again);
            assertArrayEquals(weights(whole), weights(result), propagation + " " + layers);
            assertArrayEquals(Files.readAllBytes(whole.resolve("masks.safetensors")), Files.readAllBytes(result.resolve("masks.safetensors")));
            assertEquals(report(whole).get("layers"), report(result).get("layers"));
            assertEquals(List.of(1L, 2L, 3L), again.told(), "figures without gap or double");
        }
    }

    @Test
    void damagedAndForeignLayersAreComputedAgain() throws IOException {
        Task.Prune task = task(CASES.resolve("llama-gqa"), few(), null, "wanda", "{\"sparsity\": 0.5}");
        Path whole = run(task, "whole");
        Task.Prune other = task(CASES.resolve("llama-gqa"), few(), null, "wanda", "{\"sparsity\": 0.25}");
        assertThrows(Progress.CancelledException.class, () -> run(other, "again", new PruneTrials.BreakAfter(2)));
        Path first = folder.resolve("again/steps/00000001/layer.safetensors");
        assertTrue(Files.exists(first));
        assertArrayEquals(weights(whole), weights(run(task, "again")), "layers of another task are not taken up");
        assertThrows(Progress.CancelledException.class, () -> run(task, "damaged", new PruneTrials.BreakAfter(2)));
        Path damaged = folder.resolve("damaged/steps/00000001/layer.safetensors");
        byte[] bytes = Files.readAllBytes(damaged);
        bytes[bytes.length - 5] ^= 1;
        Files.write(damaged, bytes);
        assertArrayEquals(weights(whole), weights(run(task, "damaged")));
    }

    @Test
    void aSeedChoosesThePieces() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            lines.add("{\"input_ids\": [" + (i + 1) + ", " + (2 * i + 3) + ", " + (90 - i) + ", 7, " + (i * 3 % 90) + "]}");
        }
        Path data = Files.write(folder.resolve("many.jsonl"), lines);
        String[] masks = new String[3];
        for (int i = 0; i < 3; i++) {
            Path result = run(task(CASES.resolve("llama-gqa"), data, null, "wanda", "{\"sparsity\": 0.5, \"calibrationSequences\": 4, \"seed\": " + (i == 2 ? 2 : 1) + "}"), "seed" + i);
            masks[i] = Manifest.read(result).inputs().size() + HexFormat.of().formatHex(Files.readAllBytes(result.resolve("masks.safetensors")));
            assertEquals(4, report(result).at("/calibration/chosen").size());
            assertEquals(30, report(result).at("/calibration/of_sequences").asInt());
        }
        assertEquals(masks[0], masks[1]);
        assertNotEquals(masks[0], masks[2]);
    }
}
