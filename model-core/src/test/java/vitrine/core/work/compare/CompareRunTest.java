package vitrine.core.work.compare;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.CompareArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskCompareBuilder;
import vitrine.core.tensor.DType;
import vitrine.core.testing.Reference;
import vitrine.core.testing.SharedReference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.output.KeptSpectra;

/// Two models against each other: the figures of transformers, and what is said where models cannot be compared.
class CompareRunTest {

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private CompareArtifact run(Task task) throws IOException {
        return CompareArtifact.of(TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, warnings::add));
    }

    private static Path reference(String name) {
        return Path.of("src/test/resources/reference").resolve(name).toAbsolutePath();
    }

    private static Task.Compare compare(Path a, Path b, Task.Prompt prompt) {
        return TaskCompareBuilder.builder().model(a.toString()).other(b.toString()).prompt(prompt).spectra(Accuracy.exact).build();
    }

    /// A copy of a checkpoint with the tensors that are kept, values changed as the reference cases' maker changes them.
    private Path copy(Path from, String name, Predicate<String> kept, Predicate<String> changed, java.util.function.Consumer<ObjectNode> config) throws IOException {
        Path to = Files.createDirectory(folder.resolve(name));
        for (String f : List.of("tokenizer.json", "tokenizer_config.json")) {
            if (Files.exists(from.resolve(f))) {
                Files.copy(from.resolve(f), to.resolve(f));
            }
        }
        ObjectNode c = (ObjectNode) Json.mapper().readTree(from.resolve("config.json").toFile());
        config.accept(c);
        Json.mapper().writeValue(to.resolve("config.json").toFile(), c);
        Map<String, Declared> declared = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(from.resolve("model.safetensors"))) {
            file.tensors().values().stream().filter(t -> kept.test(t.name())).forEach(t -> declared.put(t.name(), new Declared(DType.F32, t.shape())));
            try (SafetensorsWriter out = new SafetensorsWriter(to.resolve("model.safetensors"), declared, Map.of("format", "pt"))) {
                for (String t : declared.keySet()) {
                    float[] v = file.floats(t);
                    for (int i = 0; changed.test(t) && i < v.length; i++) {
                        v[i] = (float) (v[i] * (1 + 0.3 * ((7919L * i % 101) - 50) / 50));
                    }
                    out.write(t, 0, v);
                }
            }
        }
        return to;
    }

    private Path changed(Path from) throws IOException {
        return copy(from, "b", t -> true, t -> t.contains(".layers.1.") || t.contains("o_proj") || t.contains("block_sparse_moe.gate"), c -> {});
    }

    private static void close(double want, double got, double tolerance, String what) {
        assertEquals(want, got, tolerance * Math.max(1, Math.abs(want)), what);
    }

    // --- the figures of transformers

    @ParameterizedTest
    @CsvSource({"llama-gqa, an-compare-llama", "mixtral, an-compare-mixtral"})
    void theFiguresOfTransformers(String checkpoint, String golden) throws IOException {
        JsonNode want = Reference.of(golden).golden();
        List<Integer> ids = new ArrayList<>();
        want.get("ids").forEach(i -> ids.add(i.asInt()));
        Path a = reference(checkpoint);
        Path data = Files.writeString(folder.resolve("ids.jsonl"), "{\"input_ids\":" + want.get("ids") + "}\n");
        Task.Compare task = TaskCompareBuilder.builder().model(a.toString()).other(changed(a).toString()).data(List.of(new Task.Domain("ids", data.toString())))
                .prompt(Task.Prompt.ofIds(ids)).spectra(Accuracy.exact).build();
        CompareArtifact got = run(task);
        assertEquals(List.of(), warnings);
        assertTrue(got.sameTokenizer() && got.sameArchitecture());
        assertEquals(want.get("changed").size(), got.tensors().changed());
        assertEquals(want.get("equal").size(), got.tensors().equal());
        int n = ids.size();
        try (SafetensorsFile file = Reference.of(golden).expected()) {
            for (String t : file.tensors().keySet()) {
                if (t.startsWith("top") || t.startsWith("lens_top") || t.startsWith("lens_rank")) {
                    int[] w = file.ints(t);
                    int[] g = got.ids(t);
                    // A rank of a target stands in the golden file where there is a target only.
                    int columns = t.startsWith("lens_rank") ? n - 1 : n;
                    for (int i = 0; i < w.length; i++) {
                        assertEquals(w[i], g[i / columns * n + i % columns], t + " at " + i);
                    }
                } else {
                    double[] w = file.doubles(t);
                    double[] g = got.values(t);
                    int columns = t.startsWith("lens_target") ? n - 1 : w.length;
                    int wide = t.startsWith("lens_target") ? n : w.length;
                    for (int i = 0; i < w.length; i++) {
                        close(w[i], g[i / columns * wide + i % columns], 2e-5, t + " at " + i);
                    }
                }
            }
        }
        assertEquals(want.get("agreement").asDouble(), got.prompt().agreement(), 1e-12);
        close(want.get("perplexity_a").asDouble(), got.texts().getFirst().a().perplexity(), 1e-4, "perplexity of A");
        close(want.get("perplexity_b").asDouble(), got.texts().getFirst().b().perplexity(), 1e-4, "perplexity of B");
        close(want.get("perplexity_b").asDouble() / want.get("perplexity_a").asDouble(), got.texts().getFirst().ratio(), 1e-4, "ratio");
        assertTrue(Double.isNaN(got.texts().getFirst().a().bitsPerByte()), "ids have no bytes");
        for (CompareArtifact.Matrix m : got.matrices()) {
            JsonNode w = want.at("/matrices").get(m.name());
            close(w.get("relative_change").asDouble(), m.relative(), 1e-6, m.name());
            close(w.get("rank_b").asDouble() - w.get("rank_a").asDouble(), m.rankChange(), 1e-6, m.name());
            if (m.relative() > 0) {
                close(w.get("rank_a").asDouble(), m.rankA(), 1e-6, m.name());
            }
        }
        assertEquals(want.get("routing").size(), got.routing().size());
        for (int l = 0; l < got.routing().size(); l++) {
            JsonNode w = want.at("/routing/" + l);
            assertEquals(w.get("layer").asInt(), got.routing().get(l).layer());
            close(w.get("moved").asDouble(), got.routing().get(l).moved(), 1e-9, "load of layer " + l);
            assertArrayEquals(IntStream.range(0, w.get("load_b").size()).mapToDouble(e -> w.at("/load_b/" + e).asDouble()).toArray(), got.routing().get(l).loadB(), 1e-9);
        }
    }

    @Test
    void mapsOfBothAreKept() throws IOException {
        Path a = reference("llama-gqa");
        CompareArtifact got = run(compare(a, changed(a), Task.Prompt.ofIds(List.of(5, 9, 17, 33))));
        float[] p = got.map(false, 2, 7);
        float[] q = got.map(true, 2, 7);
        double moved = 0;
        for (int i = 0; i < 4; i++) {
            double row = 0;
            for (int j = 0; j < 4; j++) {
                row += p[4 * i + j];
                moved += Math.abs(q[4 * i + j] - p[4 * i + j]) / 2 / 4;
            }
            assertEquals(1, row, 1e-6);
        }
        assertEquals(got.rows("attention_total_variation")[2][7], moved, 1e-7);
    }

    /// The cells of a kind of matrix gather all its experts: norms add up as squares do.
    @Test
    void expertsOfALayerAreOneCell() throws IOException {
        Path a = reference("mixtral");
        CompareArtifact got = run(compare(a, changed(a), null));
        double[] squares = new double[2];
        got.matrices().stream().filter(m -> m.layer() == 1 && m.kind().equals("up")).forEach(m -> {
            squares[0] += m.normA() * m.normA();
            squares[1] += m.delta() * m.delta();
        });
        assertTrue(squares[1] > 0);
        assertEquals(Math.sqrt(squares[1] / squares[0]), got.relativeChange()[1][got.kinds().indexOf("up")], 1e-12);
        assertEquals(0, got.relativeChange()[0][got.kinds().indexOf("up")]);
    }

    // --- adapters

    /// An adapter on its base and the checkpoint that it was merged into are one model: nothing differs beyond rounding to float32.
    @ParameterizedTest
    @CsvSource({"lora-base-llama, lora-own-layers", "lora-base-gpt2, lora-own-conv1d-dora", "lora-base-llama-biases, lora-own-bias", "lora-base-llama-tied, lora-own-embedding-saved-tied"})
    void anAdapterAndItsMergeAreOne(String base, String adapter) throws IOException {
        List<Task.AdapterUse> uses = List.of(Task.AdapterUse.of(reference(adapter).toString()));
        Artifact merged = TaskRunner.run(new Task.AdapterMerge(reference(base).toString(), uses), folder.resolve("merged"), Progress.NONE, w -> {});
        Task.Prompt prompt = Task.Prompt.ofIds(List.of(3, 1, 4, 1, 5, 9, 2));
        CompareArtifact got = run(TaskCompareBuilder.builder().model(reference(base).toString()).other(merged.folder().toString()).prompt(prompt).spectra(Accuracy.exact).adapters(uses)
                .build());
        assertTrue(got.matrices().stream().allMatch(m -> m.relative() < 1e-7), got.matrices()::toString);
        assertEquals(1, got.prompt().agreement());
        assertTrue(got.prompt().js() < 1e-9);
        CompareArtifact without = run(TaskCompareBuilder.builder().model(reference(base).toString()).other(merged.folder().toString()).prompt(prompt).spectra(Accuracy.exact).build());
        assertTrue(without.matrices().stream().anyMatch(m -> m.relative() > 1e-3), "the adapter changes something");
        assertTrue(without.prompt().js() > 1e-6);
    }

    @Test
    void theTrainedAdapterHasItsFigures() throws IOException {
        Path base = SharedReference.require("stories260k");
        Path adapter = SharedReference.require("stories260k-lora-shakespeare");
        List<Task.Domain> texts = Stream.of("shakespeare", "stories").map(t -> new Task.Domain(t, adapter.resolve("eval/" + t + ".jsonl").toString())).toList();
        CompareArtifact got = run(TaskCompareBuilder.builder().model(base.toString()).other(base.toString()).data(texts)
                .prompt(Task.Prompt.ofText("KING HENRY:\nMy lord, I'll be such as")).spectra(Accuracy.exact)
                .otherAdapters(List.of(Task.AdapterUse.of(adapter.toString()))).build());
        JsonNode golden = Reference.at(adapter).golden();
        for (CompareArtifact.Text t : got.texts()) {
            close(golden.at("/before/" + t.name() + "/perplexity").asDouble(), t.a().perplexity(), 1e-4, t.name());
            close(golden.at("/after/" + t.name() + "/perplexity").asDouble(), t.b().perplexity(), 1e-4, t.name());
        }
        for (JsonNode m : golden.get("modules")) {
            CompareArtifact.Matrix row = got.matrices().stream().filter(x -> x.name().contains(m.get("module").asText() + ".")).findFirst().orElseThrow();
            close(m.get("relative_to_weight").asDouble(), row.relative(), 1e-5, row.name());
        }
        assertEquals(35, got.tensors().changed());
        assertEquals(12, got.tensors().equal());
        // The figures of the picture of the Compare view.
        assertEquals(0.531, got.rows("attention_total_variation")[4][7], 5e-4);
        assertEquals(0.094, got.rows("first_token_mass_a")[4][7], 5e-4);
        assertEquals(0.181, got.rows("first_token_mass_b")[4][7], 5e-4);
        assertEquals(6.26, got.prompt().lossA(), 5e-3);
        assertEquals(1.09, got.prompt().lossB(), 5e-3);
        assertEquals(-12.442, got.values("token_nll_b")[2] - got.values("token_nll_a")[2], 5e-4);
        assertEquals(0.027, got.largestRankChange().orElseThrow(), 5e-4);
    }

    // --- what is the same, and what cannot be compared

    @Test
    void aModelAgainstItself() throws IOException {
        Path a = reference("llama-gqa");
        CompareArtifact got = run(compare(a, a, Task.Prompt.ofIds(List.of(5, 9, 17))));
        assertEquals(0, got.tensors().changed());
        assertEquals(0, got.prompt().klAb());
        assertEquals(0, got.rows("attention_total_variation")[0][0]);
        assertTrue(got.matrices().stream().allMatch(m -> m.relative() == 0 && m.rankChange() == 0));
        assertEquals(List.of(), got.settings());
    }

    @Test
    void modelsOfOtherDepthShareWhatTheyCan() throws IOException {
        Path a = reference("llama-gqa");
        Path b = copy(a, "shallow", t -> !t.contains("layers.2."), t -> false, c -> c.put("num_hidden_layers", 2));
        CompareArtifact got = run(compare(a, b, Task.Prompt.ofIds(List.of(5, 9, 17))));
        assertFalse(got.sameArchitecture());
        assertEquals("layers 3 and 2", got.architecture());
        assertEquals("Heads are not compared: A has 3 layers and B 2.", got.absent().get("heads"));
        assertTrue(warnings.contains("Heads are not compared: A has 3 layers and B 2."));
        assertEquals(0, got.rows("attention_total_variation").length);
        assertEquals(4, got.rows("lens_kl_a").length);
        assertEquals(3, got.rows("lens_kl_b").length);
        assertEquals(9, got.tensors().onlyA().size());
        assertTrue(got.tensors().onlyA().contains("model.layers.2.mlp.up_proj.weight"));
        assertEquals(List.of(new CompareArtifact.Setting("config", "num_hidden_layers", "3", "2")), got.settings());
    }

    @Test
    void otherTokenizersHaveBitsPerByte() throws IOException {
        Path text = Files.writeString(folder.resolve("text.txt"), "the cat sat on the mat, and then the dog sat on the cat.");
        Path a = reference("llama-gqa");
        Path b = reference("qwen2");
        CompareArtifact got = run(TaskCompareBuilder.builder().model(a.toString()).other(b.toString()).data(List.of(new Task.Domain("text", text.toString())))
                .prompt(Task.Prompt.ofText("the cat")).build());
        assertFalse(got.sameTokenizer());
        assertNull(got.prompt());
        assertTrue(got.absent().get("prompt").startsWith("No figures per token: "), got.absent()::toString);
        CompareArtifact.Text t = got.texts().getFirst();
        assertTrue(Double.isNaN(t.ratio()), "perplexities of other tokens do not stand for each other");
        assertEquals(t.b().bitsPerByte() / t.a().bitsPerByte(), t.bitsRatio(), 1e-12);
        assertEquals(t.a().loss() * t.a().predictedTokens() / Math.log(2) / 56, t.a().bitsPerByte(), 1e-12);
        assertFalse(got.tensors().shapes().isEmpty(), "embeddings of other vocabularies");
        assertTrue(got.tensors().shapes().stream().anyMatch(s -> s.startsWith("model.embed_tokens.weight: [448, 64] and [")), got.tensors().shapes()::toString);
    }

    /// A tokenizer of three letters makes little of prose: its nats are not those of the prose's bytes.
    @Test
    void aTokenizerThatLeavesCharactersOutHasNoBitsPerByte() throws IOException {
        Path sort = SharedReference.require("gpt2-sort");
        Path text = Files.writeString(folder.resolve("text.txt"), "A cat and A bat sat, ABC they said.");
        CompareArtifact got = run(TaskCompareBuilder.builder().model(reference("llama-gqa").toString()).other(sort.toString()).data(List.of(new Task.Domain("prose", text.toString())))
                .build());
        assertTrue(got.absent().get("bits").startsWith("No bits per byte for prose: tokens of B hold "), got.absent()::toString);
        assertTrue(Double.isNaN(got.texts().getFirst().a().bitsPerByte()) && Double.isNaN(got.texts().getFirst().bitsRatio()));
    }

    @Test
    void aFamilyThatCannotBeRunStillHasWeights() throws IOException {
        Path a = reference("llama-gqa");
        Path b = copy(a, "unknown", t -> true, t -> t.contains("up_proj"), c -> c.put("model_type", "nobody-knows").putArray("architectures").add("Nobody"));
        CompareArtifact got = run(compare(a, b, Task.Prompt.ofIds(List.of(5, 9))));
        assertNull(got.prompt());
        assertTrue(got.absent().get("prompt").contains("nobody-knows"), got.absent()::toString);
        assertEquals(3, got.tensors().changed());
        assertEquals(2, got.settings().size());
    }

    @Test
    void anAdapterIsNoModel() {
        Refusal r = assertThrows(Refusal.class, () -> run(compare(reference("lora-llama"), reference("llama-gqa"), null)));
        assertEquals(Category.TASK_INVALID, r.category());
        assertTrue(r.getMessage().contains("this is an adapter; what is compared are models"), r.getMessage());
    }

    @Test
    void valuesThatAreNoNumbersHaveNoFigures() throws IOException {
        Path a = reference("llama-gqa");
        Path b = copy(a, "nan", t -> true, t -> false, c -> {});
        Map<String, Declared> declared = new LinkedHashMap<>();
        Map<String, float[]> values = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(b.resolve("model.safetensors"))) {
            file.tensors().values().forEach(t -> {
                declared.put(t.name(), new Declared(DType.F32, t.shape()));
                values.put(t.name(), file.floats(t.name()));
            });
        }
        values.get("model.layers.1.mlp.up_proj.weight")[7] = Float.NaN;
        Files.delete(b.resolve("model.safetensors"));
        try (SafetensorsWriter out = new SafetensorsWriter(b.resolve("model.safetensors"), declared, Map.of())) {
            for (Map.Entry<String, float[]> e : values.entrySet()) {
                out.write(e.getKey(), 0, e.getValue());
            }
        }
        CompareArtifact got = run(compare(a, b, Task.Prompt.ofIds(List.of(5, 9, 17))));
        CompareArtifact.Matrix m = got.matrices().stream().filter(x -> x.name().equals("model.layers.1.mlp.up_proj.weight")).findFirst().orElseThrow();
        assertTrue(Double.isNaN(m.relative()) && Double.isNaN(m.rankChange()));
        assertEquals("1 values are not finite", m.absent());
        assertTrue(warnings.stream().anyMatch(w -> w.startsWith("B: After layer 1, ")), warnings::toString);
        assertTrue(Double.isNaN(got.prompt().lossB()) && Double.isFinite(got.prompt().lossA()));
    }

    @Test
    void aCancelledComparisonLeavesNothingAndGoesOnFromItsSpectra() throws IOException {
        Path a = reference("llama-gqa");
        Task task = compare(a, changed(a), null);
        Path out = folder.resolve("cancelled");
        int[] steps = {0};
        Progress cancelling = new Progress() {
            @Override
            public void step(long done, long total, String unit) {
                steps[0]++;
            }

            @Override
            public void checkCancelled() {
                if (steps[0] > 60) {
                    throw new CancelledException();
                }
            }
        };
        assertThrows(Progress.CancelledException.class, () -> TaskRunner.run(task, out, cancelling, warnings::add));
        assertFalse(Files.exists(out));
        assertTrue(Files.size(KeptSpectra.beside(out)) > 200, "some spectra are kept");
        CompareArtifact got = CompareArtifact.of(TaskRunner.run(task, out, Progress.NONE, warnings::add));
        CompareArtifact whole = run(task);
        assertArrayEquals(whole.matrices().stream().mapToDouble(CompareArtifact.Matrix::rankB).toArray(), got.matrices().stream().mapToDouble(CompareArtifact.Matrix::rankB).toArray());
    }
}
