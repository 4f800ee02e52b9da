package vitrine.core.work.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.artifact.RankArtifact.Of;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRankBuilder;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;

/// From texts to artifact, against numpy's singular values of what transformers cached.
class RankRunTest {

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private RankArtifact run(Task.Rank task) throws IOException {
        Path out = folder.resolve("artifact-" + Files.list(folder).count());
        return RankArtifact.of(TaskRunner.run(task, out, Progress.NONE, warnings::add));
    }

    private static String model(String name) {
        return Reference.of(name).checkpoint().toString();
    }

    /// A file of ids, one line per sequence.
    private String ids(int[]... sequences) throws IOException {
        return Files.write(Files.createTempFile(folder, "ids", ".jsonl"),
                Arrays.stream(sequences).map(s -> "{\"input_ids\":" + Arrays.toString(s) + "}").toList()).toString();
    }

    private static int[][] sequences(SafetensorsFile golden) {
        int[] all = golden.ints("input_ids");
        int[][] out = new int[64][];
        Arrays.setAll(out, s -> Arrays.copyOfRange(all, 16 * s, 16 * s + 16));
        return out;
    }

    @ParameterizedTest
    @ValueSource(strings = {"an-kv-llama", "an-kv-qwen3"})
    void keysAndValuesAgreeWithTheReference(String name) throws IOException {
        Reference reference = Reference.of(name);
        try (SafetensorsFile golden = reference.expected()) {
            RankArtifact found = run(Task.Rank.of(model(reference.golden().get("base_case").asText()), ids(sequences(golden)), Of.kv));
            assertEquals(1024, found.tokens());
            assertEquals(List.of(), warnings);
            List<String> columns = new ArrayList<>();
            reference.golden().get("columns").fieldNames().forEachRemaining(columns::add);
            assertEquals(columns, RankArtifact.COLUMNS);
            int compared = 0;
            try (SafetensorsFile got = found.artifact().tensors()) {
                for (String tensor : golden.tensors().keySet()) {
                    if (!tensor.equals("input_ids")) {
                        assertEquals(golden.tensors().get(tensor).shape(), got.tensors().get(tensor).shape(), tensor);
                        reference.compare(golden, tensor, got.floats(tensor));
                        compared++;
                    }
                }
            }
            assertEquals(12, compared);

            // What a view reads is what the file holds.
            double[] sv = golden.doubles("k.sv");
            int width = sv.length / 6;
            RankArtifact.Row row = found.site("k").orElseThrow().row(2, 1);
            assertArrayEquals(Arrays.copyOfRange(sv, 5 * width, 6 * width), found.values(row), 1e-4 * sv[0]);
            RankArtifact.Measures m = row.measures().orElseThrow();
            double[] metrics = golden.doubles("k.metrics");
            assertEquals(metrics[5 * 13], m.effectiveRank(), 1e-3 * metrics[5 * 13]);
            assertEquals(metrics[5 * 13] / width, m.normalisedEffectiveRank(), 1e-3);
            assertEquals(metrics[5 * 13 + 10], m.energyRank95());
            assertEquals(4 * 6 + 4 * 3, found.rows().size());
            assertTrue(found.site("k_proj_layer").orElseThrow().label().contains("before key norm and rotary embedding"));
        }
    }

    @Test
    void theOrderOfSequencesAndTheirBatchesDoNotMatter() throws IOException {
        try (SafetensorsFile golden = Reference.of("an-kv-llama").expected()) {
            int[][] some = sequences(golden);
            int[][] reversed = some.clone();
            java.util.Collections.reverse(Arrays.asList(reversed));
            RankArtifact a = run(Task.Rank.of(model("llama-gqa"), ids(some), Of.kv));
            RankArtifact b = run(Task.Rank.of(model("llama-gqa"), ids(reversed), Of.kv));
            for (int i = 0; i < a.rows().size(); i++) {
                assertArrayEquals(a.values(a.rows().get(i)), b.values(b.rows().get(i)), 1e-4);
            }
        }
    }

    @Test
    void growthEndsAtTheWholeContext() throws IOException {
        int[] ids = {5, 9, 13, 44, 2, 77, 101, 3, 250, 19, 8};
        Task.Rank task = TaskRankBuilder.builder().model(model("llama-gqa")).data(ids(ids)).of(Of.kv).growth(true).build();
        RankArtifact found = run(task);
        RankArtifact.Growth g = found.growth().orElseThrow();
        assertArrayEquals(new int[] {1, 2, 3, 4, 6, 8, 11}, g.lengths());
        assertArrayEquals(new int[] {1, 1, 1, 1, 1, 1, 1}, g.sequences());
        assertEquals(List.of("k", "k_proj", "v"), g.sites());
        for (int s = 0; s < 3; s++) {
            RankArtifact.Site site = found.site(g.sites().get(s) + "_layer").orElseThrow();
            for (int l = 0; l < 3; l++) {
                assertEquals(1, g.effectiveRank()[s][l][0], 1e-6, "one token has one direction");
                assertEquals(site.row(l, -1).measures().orElseThrow().effectiveRank(), g.effectiveRank()[s][l][6], 1e-6);
                assertTrue(site.row(l, -1).measures().orElseThrow().normalisedEffectiveRank() <= 1 + 1e-6);
            }
        }
        assertTrue(run(Task.Rank.of(model("llama-gqa"), ids(ids), Of.kv)).growth().isEmpty());
    }

    @Test
    void aLimitCutsTheLastSequence() throws IOException {
        String data = ids(new int[] {1, 2, 3, 4, 5, 6, 7}, new int[] {8, 9, 10, 11, 12});
        RankArtifact cut = run(TaskRankBuilder.builder().model(model("llama-gqa")).data(data).of(Of.kv).maxTokens(9).build());
        RankArtifact same = run(Task.Rank.of(model("llama-gqa"), ids(new int[] {1, 2, 3, 4, 5, 6, 7}, new int[] {8, 9}), Of.kv));
        assertEquals(9, cut.tokens());
        assertEquals(2, cut.sequences());
        assertArrayEquals(same.values(same.rows().getFirst()), cut.values(cut.rows().getFirst()), 1e-9);
    }

    @Test
    void whatHasNoRankIsRefused() throws IOException {
        for (String data : List.of(ids(new int[] {7}), ids())) {
            Refusal one = assertThrows(Refusal.class, () -> run(Task.Rank.of(model("llama-gqa"), data, Of.kv)));
            assertEquals(Category.DATASET_INVALID, one.category());
            assertEquals(1, one.getMessage().lines().count());
        }
        Refusal other = assertThrows(Refusal.class, () -> RankArtifact.of(TaskRunner.run(new Task.Evaluate(model("llama-gqa"), ids(new int[] {1, 2, 3}), null),
                folder.resolve("eval"), Progress.NONE, warnings::add)));
        assertEquals(Category.ARTIFACT_INVALID, other.category());
    }

    @ParameterizedTest
    @org.junit.jupiter.params.provider.EnumSource(Of.class)
    void givingUpLeavesNothing(Of of) throws IOException {
        String data = ids(java.util.stream.IntStream.range(0, 64).map(i -> i % 50).toArray());
        Path out = folder.resolve("given-up");
        int[] asked = new int[1];
        Progress impatient = new Progress() {
            @Override
            public void step(long done, long total, String unit) {}

            @Override
            public void checkCancelled() {
                if (++asked[0] == 4) {
                    throw new CancelledException();
                }
            }
        };
        assertThrows(Progress.CancelledException.class, () -> TaskRunner.run(Task.Rank.of(model("llama-gqa"), data, of), out, impatient, warnings::add));
        assertTrue(Files.notExists(out));
    }

    @Test
    void tokensAreCountedToTheEnd() throws IOException {
        String data = ids(new int[] {1, 2, 3, 4, 5}, new int[] {6, 7, 8});
        List<String> steps = new ArrayList<>();
        TaskRunner.run(Task.Rank.of(model("llama-gqa"), data, Of.kv), folder.resolve("counted"), new Progress() {
            @Override
            public void step(long done, long total, String unit) {
                steps.add(done + "/" + total + " " + unit);
            }

            @Override
            public void checkCancelled() {}
        }, warnings::add);
        assertEquals(List.of("0/8 tokens", "8/8 tokens", "0/3 layers", "1/3 layers", "2/3 layers", "3/3 layers"), steps);
    }

    /// Values of latent attention are not as wide as its keys.
    @Test
    void keysAndValuesOfDifferentWidths() throws IOException {
        int[][] some = {{5, 9, 12, 44, 71, 3, 8, 100}, {7, 31, 200, 16, 90, 14, 2, 66}};
        RankArtifact a = run(Task.Rank.of(model("deepseek-v3"), ids(some), Of.kv));
        assertEquals(List.of(18, 12, 30), List.of(a.site("k").orElseThrow().width(), a.site("v").orElseThrow().width(), a.site("kv").orElseThrow().width()));
        for (int l = 0; l < 3; l++) {
            for (String part : List.of("k", "v", "kv")) {
                double heads = 0;
                for (int h = 0; h < 4; h++) {
                    heads += energy(a, a.site(part).orElseThrow().row(l, h));
                }
                double all = energy(a, a.site(part + "_layer").orElseThrow().row(l, -1));
                assertEquals(all, heads, 1e-6 * all, "the squares of " + part + " add up over heads");
            }
            double both = energy(a, a.site("kv_layer").orElseThrow().row(l, -1));
            assertEquals(both, energy(a, a.site("k_layer").orElseThrow().row(l, -1)) + energy(a, a.site("v_layer").orElseThrow().row(l, -1)), 1e-6 * both);
        }
    }

    private static double energy(RankArtifact a, RankArtifact.Row row) {
        return Arrays.stream(a.values(row)).map(v -> v * v).sum();
    }

    /// Layers with experts have figures of attention and of the residual stream; those of one MLP stay absent.
    @Test
    void activationsOfAModelWithExperts() throws IOException {
        int[][] some = {{5, 9, 12, 44, 71, 3, 8, 100}, {7, 31, 200, 16, 90, 14, 2, 66}};
        RankArtifact sparse = run(TaskRankBuilder.builder().model(model("qwen2-moe")).data(ids(some)).of(Of.activations).ratio(0.5).rankAwareSparsity(0.5).build());
        RankArtifact.Site down = sparse.site("down_out").orElseThrow();
        assertEquals(List.of(true, false, false), List.of(down.row(0, -1).measures().isPresent(), down.row(1, -1).measures().isPresent(), down.row(2, -1).measures().isPresent()));
        assertTrue(sparse.site("o_out").orElseThrow().row(2, -1).measures().isPresent());
        assertTrue(Double.isFinite(sparse.figures("sparsity")[0]) && Double.isNaN(sparse.figures("sparsity")[1]));
        assertTrue(Double.isFinite(sparse.figures("block_influence")[2]));
        assertTrue(warnings.stream().anyMatch(w -> w.contains("Layers with experts")), warnings.toString());
        assertTrue(warnings.stream().anyMatch(w -> w.equals("No ranks are shared out for down_out: not every layer has it.")), warnings.toString());
        RankArtifact all = run(Task.Rank.of(model("mixtral"), ids(some), Of.activations));
        assertEquals(List.of("q_out", "k_out", "v_out", "o_out"), all.sites().stream().map(RankArtifact.Site::name).toList());
    }

    @Test
    void layersAreTakenInGroupsThatFit() {
        assertEquals(List.of("0-4"), text(RankRun.groups(5, l -> 10, 50)));
        assertEquals(List.of("0-1", "2-3", "4-4"), text(RankRun.groups(5, l -> 10, 29)));
        assertEquals(List.of("0-0", "1-1"), text(RankRun.groups(2, l -> 10, 3)), "one layer at least");
    }

    private static List<String> text(List<int[]> groups) {
        return groups.stream().map(g -> g[0] + "-" + g[1]).toList();
    }
}
