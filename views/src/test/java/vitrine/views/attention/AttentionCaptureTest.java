package vitrine.views.attention;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.analysis.attention.HeadMetric;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Provenance;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task.What;
import vitrine.core.task.Task;
import vitrine.views.attention.Cases.Made;
import vitrine.views.chart.Cells;
import vitrine.views.view.Subject;

/// What a capture's file holds reaches the view as it is: against the attention of the standard implementations, and with made-up
/// files, whole and damaged.
class AttentionCaptureTest {

    private static final List<What> ALL = List.of(What.attentions, What.metrics, What.thumbnails, What.similarity, What.arank, What.rollout);

    @TempDir
    Path folder;

    // --- real captures

    /// Whether a key is visible, by the family's definition: `windows` has the window of each layer, 0 for none.
    private static boolean visible(boolean causal, int window, int query, int key) {
        return !causal || key <= query && (window == 0 || key > query - window);
    }

    @ParameterizedTest
    @CsvSource({"llama-gqa, true, 0 0 0", "gemma2, true, 6 0 6 0", "mistral, true, 7 7 7", "phi3, true, 0 0 0", "gpt2, true, 0 0 0", "bert, false, 0 0 0"})
    void everyWeightIsThatOfTheStandardImplementation(String name, boolean causal, String windows) {
        Subject subject = Cases.subject(name);
        String[] perLayer = windows.split(" ");
        for (int p = 0; p < Cases.promptsWithAttention(name); p++) {
            Cases.Golden golden = Cases.attentions(name, p);
            Artifact artifact = Cases.capture(folder.resolve("p" + p), subject, Cases.fed(name, p), ALL, null);
            try (AttentionCapture c = AttentionCapture.of(artifact)) {
                assertEquals(golden.layers(), c.layers());
                assertEquals(golden.heads(), c.heads());
                assertEquals(causal, c.causal());
                assertEquals(Cases.fed(name, p).ids() == null ? Cases.ids(name, p) : Cases.fed(name, p).ids(), c.tokens().stream().map(AttentionCapture.PromptToken::id).toList());
                int masked = 0;
                for (int l = 0; l < golden.layers(); l++) {
                    assertEquals(Integer.parseInt(perLayer[l]), c.window(l));
                    assertTrue(c.hasMap(l));
                    for (int h = 0; h < golden.heads(); h++) {
                        Cells map = c.map(l, h);
                        for (int q = 0; q < golden.tokens(); q++) {
                            for (int k = 0; k < golden.tokens(); k++) {
                                String where = name + ", layer " + l + ", head " + h + ", " + q + " → " + k;
                                if (visible(causal, c.window(l), q, k)) {
                                    assertEquals(golden.at(l, h, q, k), map.at(q, k), golden.tolerance(), where);
                                } else {
                                    masked++;
                                    assertEquals(0, golden.at(l, h, q, k), where);
                                    assertEquals(Cells.NONE, map.at(q, k), where + " is masked");
                                }
                            }
                        }
                    }
                }
                assertEquals(causal, masked > 0);
                checkMeasures(c, golden);
            }
        }
    }

    /// What stands beside the maps, computed here from the golden weights.
    private static void checkMeasures(AttentionCapture c, Cases.Golden golden) {
        int n = golden.tokens();
        for (int l = 0; l < golden.layers(); l++) {
            for (int h = 0; h < golden.heads(); h++) {
                double[] entropy = c.queryEntropy(l, h);
                double[] received = c.receivedMass(l, h);
                double self = 0;
                double distance = 0;
                for (int q = 0; q < n; q++) {
                    double sum = 0;
                    for (int k = 0; k < n; k++) {
                        double a = golden.at(l, h, q, k);
                        sum -= a > 0 ? a * Math.log(a) : 0;
                        distance += a * Math.abs(q - k) / n;
                    }
                    self += golden.at(l, h, q, q) / n;
                    assertEquals(sum, entropy[q], 2e-4, "entropy of query " + q);
                }
                for (int k = 0; k < n; k++) {
                    double sum = 0;
                    int queries = 0;
                    for (int q = 0; q < n; q++) {
                        if (visible(c.causal(), c.window(l), q, k)) {
                            sum += golden.at(l, h, q, k);
                            queries++;
                        }
                    }
                    assertEquals(sum / queries, received[k], 2e-5, "mass of key " + k);
                }
                assertEquals(self, c.metric(HeadMetric.SELF_ATTENTION, l, h), 2e-5);
                assertEquals(distance, c.metric(HeadMetric.DISTANCE, l, h), 1e-3);
                assertEquals((float) c.metric(HeadMetric.DISTANCE, l, h), c.metric(HeadMetric.DISTANCE).at(l, h));
            }
        }
        assertEquals(1, c.layerMatrix("layer_cosine").at(1, 1), 1e-6);
        assertEquals(0, c.layerMatrix("layer_divergence").at(1, 1), 1e-6);
        assertEquals(cosine(golden, 0, 1), c.layerMatrix("layer_cosine").at(0, 1), 1e-4);
    }

    private static double cosine(Cases.Golden g, int a, int b) {
        int size = g.tokens() * g.tokens();
        double[] sums = new double[3];
        for (int i = 0; i < size; i++) {
            double x = 0;
            double y = 0;
            for (int h = 0; h < g.heads(); h++) {
                x += g.at(a, h, i / g.tokens(), i % g.tokens()) / g.heads();
                y += g.at(b, h, i / g.tokens(), i % g.tokens()) / g.heads();
            }
            sums[0] += x * y;
            sums[1] += x * x;
            sums[2] += y * y;
        }
        return sums[0] / Math.sqrt(sums[1] * sums[2]);
    }

    /// Above 64 tokens each pixel of a thumbnail is the strongest of the cells that it stands for; where all are masked it is
    /// empty, in a sliding window too.
    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "llama-gqa"})
    void thumbnailsAreTheStrongestOfTheirCells(String name) {
        String prompt = "the wall over the lantern went out and the ".repeat(5).strip();
        Artifact artifact = Cases.capture(folder.resolve("long"), Cases.subject(name), prompt, ALL, null);
        try (AttentionCapture c = AttentionCapture.of(artifact)) {
            int n = c.tokens().size();
            assertTrue(n > 64 && n <= 128, n + " tokens");
            for (int l = 0; l < c.layers(); l++) {
                for (int h = 0; h < c.heads(); h++) {
                    Cells map = c.map(l, h);
                    Cells small = c.thumbnail(l, h);
                    assertEquals(64, small.rows());
                    float[] wanted = new float[64 * 64];
                    java.util.Arrays.fill(wanted, Cells.NONE);
                    for (int q = 0; q < n; q++) {
                        for (int k = 0; k < n; k++) {
                            int at = q * 64 / n * 64 + k * 64 / n;
                            wanted[at] = Math.max(wanted[at], map.at(q, k));
                        }
                    }
                    for (int i = 0; i < wanted.length; i++) {
                        assertEquals(wanted[i], small.at(i / 64, i % 64), name + ", layer " + l + ", head " + h + " at " + i / 64 + ", " + i % 64);
                    }
                }
            }
        }
    }

    @Test
    void aShortPromptsThumbnailIsItsMap() {
        try (AttentionCapture c = AttentionCapture.of(Cases.capture(folder.resolve("a"), Cases.subject("gemma2"), Cases.prompt("gemma2", 0), ALL, null))) {
            for (int q = 0; q < 18; q++) {
                for (int k = 0; k < 18; k++) {
                    assertEquals(c.map(2, 1).at(q, k), c.thumbnail(2, 1).at(q, k));
                }
            }
        }
    }

    @Test
    void aCaptureOfSomeLayersKnowsWhich() {
        Artifact artifact = Cases.capture(folder.resolve("a"), Cases.subject("llama-gqa"), Cases.prompt("llama-gqa", 0), List.of(What.attentions),
                new Task.LayerRange(1, 2));
        Cases.Golden golden = Cases.attentions("llama-gqa", 0);
        try (AttentionCapture c = AttentionCapture.of(artifact)) {
            assertEquals(3, c.layers());
            assertFalse(c.hasMap(0));
            assertTrue(c.hasMap(1));
            assertTrue(c.hasMap(2));
            assertEquals(golden.at(1, 3, 9, 4), c.map(1, 3).at(9, 4), golden.tolerance());
            assertEquals(golden.at(2, 7, 17, 0), c.map(2, 7).at(17, 0), golden.tolerance());
            assertNull(c.thumbnail(0, 0));
            assertNotNull(c.thumbnail(1, 0), "a short prompt's map serves");
            assertFalse(c.has(HeadMetric.ENTROPY));
            assertTrue(Double.isNaN(c.metric(HeadMetric.ENTROPY, 1, 1)));
            assertEquals(Cells.NONE, c.metric(HeadMetric.ENTROPY).at(1, 1));
            assertNull(c.queryEntropy(1, 1));
            assertNull(c.layerMatrix("layer_cosine"));
            assertNull(c.layerMeans("attention_rank"));
            assertNull(c.rollout(1));
        }
    }

    @Test
    void rolloutIsThatOfItsDefinition() {
        Cases.Golden g = Cases.attentions("llama-gqa", 0);
        int n = g.tokens();
        double[][] rolled = new double[n][n];
        for (int i = 0; i < n; i++) {
            rolled[i][i] = 1;
        }
        try (AttentionCapture c = AttentionCapture.of(Cases.capture(folder.resolve("a"), Cases.subject("llama-gqa"), Cases.prompt("llama-gqa", 0), ALL, null))) {
            for (int l = 0; l < g.layers(); l++) {
                double[][] next = new double[n][n];
                for (int q = 0; q < n; q++) {
                    for (int m = 0; m < n; m++) {
                        double step = q == m ? 0.5 : 0;
                        for (int h = 0; h < g.heads(); h++) {
                            step += 0.5 * g.at(l, h, q, m) / g.heads();
                        }
                        for (int k = 0; k < n; k++) {
                            next[q][k] += step * rolled[m][k];
                        }
                    }
                }
                rolled = next;
                Cells shown = c.rollout(l);
                for (int q = 0; q < n; q++) {
                    for (int k = 0; k < n; k++) {
                        assertEquals(k > q ? Cells.NONE : (float) rolled[q][k], shown.at(q, k), 2e-5f, "after layer " + l + ", " + q + " from " + k);
                    }
                }
            }
            double[] ranks = c.layerMeans("attention_rank");
            assertEquals(3, ranks.length);
            assertTrue(ranks[0] > 0 && ranks[0] <= n - 1, "at most tokens − 1: " + ranks[0]);
        }
    }

    @Test
    void everyTensorTellsWhereItComesFrom() {
        try (AttentionCapture c = AttentionCapture.of(Cases.capture(folder.resolve("a"), Cases.subject("llama-gqa"), Cases.prompt("llama-gqa", 0), ALL, null))) {
            assertEquals(Provenance.Kind.MEASURED, c.provenance("attentions").kind());
            assertEquals("F32", c.provenance("attentions").dtype());
            for (String derived : List.of("entropy", "thumbnails", "layer_cosine", "attention_rank", "rollout", "query_entropy")) {
                assertEquals(Provenance.Kind.DERIVED, c.provenance(derived).kind(), derived);
                assertFalse(c.provenance(derived).method().isBlank());
            }
        }
    }

    @Test
    void aFileOfTheCommandLineOpensToo() {
        Artifact artifact = Cases.capture(folder.resolve("a"), Cases.subject("llama-gqa"), Cases.prompt("llama-gqa", 0), ALL, null);
        try (AttentionCapture folderOpened = AttentionCapture.of(artifact.folder()); AttentionCapture file = AttentionCapture.of(artifact.tensorFile())) {
            assertEquals(folderOpened.map(1, 2).at(5, 3), file.map(1, 2).at(5, 3));
            assertEquals(folderOpened.tokens(), file.tokens());
        }
    }

    /// A capture says the same in its artifact and as a file by itself.
    @Test
    void provenanceTravelsWithTheFile() {
        Artifact artifact = Cases.capture(folder.resolve("a"), Cases.subject("llama-gqa"), "The lantern over the wall",
                List.of(What.attentions, What.metrics, What.similarity, What.thumbnails), null);
        try (AttentionCapture whole = AttentionCapture.of(artifact); AttentionCapture alone = AttentionCapture.of(artifact.tensorFile())) {
            Set<String> tensors = artifact.manifest().provenance().keySet();
            assertTrue(tensors.contains("layer_cosine"));
            for (String tensor : tensors) {
                assertEquals(whole.provenance(tensor), alone.provenance(tensor), tensor);
            }
            assertEquals(Provenance.Kind.MEASURED, alone.provenance("attentions").kind());
            assertEquals(Provenance.Kind.DERIVED, alone.provenance("layer_cosine").kind());
        }
    }

    // --- made-up ones

    private Path made(Consumer<Map<String, String>> metadata, Consumer<Map<String, Made>> tensors) {
        Map<String, String> m = Cases.metadata(2, "a", "b", "c");
        metadata.accept(m);
        Map<String, Made> t = new LinkedHashMap<>();
        t.put("attentions", Made.of(new float[2 * 2 * 9], 2, 2, 3, 3));
        t.put("entropy", Made.of(new float[] {1, 2, 3, Float.NaN}, 2, 2));
        tensors.accept(t);
        return Cases.write(folder.resolve("made-" + System.nanoTime() + ".safetensors"), m, t);
    }

    @Test
    void headsThatALayerLacksHaveNoFigure() {
        try (AttentionCapture c = AttentionCapture.of(made(m -> { }, t -> { }))) {
            assertEquals(2, c.layers());
            assertEquals(2, c.heads());
            assertTrue(Double.isNaN(c.metric(HeadMetric.ENTROPY, 1, 1)));
            assertEquals(Cells.NONE, c.metric(HeadMetric.ENTROPY).at(1, 1));
            assertArrayEquals(new double[] {1.5, 3}, c.layerMeans("entropy"), 1e-9, "a mean over the heads that there are");
        }
    }

    @Test
    void layersOfDifferentSizeHaveATensorEach() {
        Path file = made(m -> m.put("kv_heads", "[1, 2]"), t -> {
            t.clear();
            float[] first = new float[9];
            first[3] = 0.25f;
            float[] second = new float[2 * 9];
            second[9 + 3] = 0.75f;
            t.put("attentions.0", Made.of(first, 1, 3, 3));
            t.put("attentions.1", Made.of(second, 2, 3, 3));
        });
        try (AttentionCapture c = AttentionCapture.of(file)) {
            assertEquals(2, c.heads(), "of the widest layer");
            assertEquals(1, c.keyValueHeads(0));
            assertEquals(0.25f, c.map(0, 0).at(1, 0));
            assertEquals(0.75f, c.map(1, 1).at(1, 0));
            assertEquals(Cells.NONE, c.map(1, 1).at(0, 1));
        }
    }

    /// One sentence that names the file, and no fault.
    private void refused(Path file) {
        Refusal refusal = assertThrows(Refusal.class, () -> AttentionCapture.of(file).close());
        assertTrue(refusal.getMessage().contains(file.getFileName().toString()), refusal.getMessage());
        assertTrue(refusal.getMessage().length() <= 500 && !refusal.getMessage().contains("\n"), refusal.getMessage());
    }

    @Test
    void whatIsNoCaptureIsRefused() throws Exception {
        refused(made(m -> m.remove("format"), t -> { }));
        refused(made(m -> m.put("format", "vitrine-heads"), t -> { }));
        Path text = Files.writeString(folder.resolve("notes.safetensors"), "no tensors");
        refused(text);
        assertThrows(Refusal.class, () -> AttentionCapture.of(folder.resolve("absent.safetensors")));
        // A folder of another kind of result, with a file of the usual name.
        Artifact statistics = vitrine.core.work.TaskRunner.run(new Task.Statistics(Cases.subject("llama-gqa").path(), null, 8), folder.resolve("statistics"),
                vitrine.core.progress.Progress.NONE, w -> { });
        assertThrows(Refusal.class, () -> AttentionCapture.of(statistics.folder()));
        assertThrows(Refusal.class, () -> AttentionCapture.of(statistics));
    }

    @Test
    void damagedMetadataAreRefused() {
        refused(made(m -> m.put("tokens", "[{"), t -> { }));
        refused(made(m -> m.put("tokens", "{\"id\": 1}"), t -> { }));
        refused(made(m -> m.remove("tokens"), t -> { }));
        refused(made(m -> m.put("layers", "all"), t -> { }));
        refused(made(m -> m.put("layers", "1"), t -> { }));
        refused(made(m -> m.put("layers", "-3-1"), t -> { }));
        refused(made(m -> m.put("layers", "99999999999-1"), t -> { }));
        refused(made(m -> m.put("kv_heads", "[2, many]"), t -> { }));
        refused(made(m -> m.put("windows", "2 2"), t -> { }));
    }

    @Test
    void tensorsThatDoNotFitTogetherAreRefused() {
        refused(made(m -> { }, t -> t.put("attentions", Made.of(new float[2 * 2 * 16], 2, 2, 4, 4))));
        refused(made(m -> { }, t -> t.put("attentions", Made.of(new float[12], 12))));
        refused(made(m -> { }, t -> t.put("entropy", Made.of(new float[3], 3))));
        refused(made(m -> { }, t -> t.put("entropy", Made.of(new float[2], 1, 2))));
        refused(made(m -> { }, t -> t.put("distance", Made.of(new float[6], 2, 3))));
        refused(made(m -> { }, t -> t.put("thumbnails", Made.of(new float[2 * 2 * 6], 2, 2, 2, 3))));
        refused(made(m -> { }, t -> t.put("thumbnails", Made.of(new float[3 * 2 * 4], 3, 2, 2, 2))));
        refused(made(m -> { }, t -> t.put("query_entropy", Made.of(new float[8], 2, 2, 2))));
        refused(made(m -> { }, t -> t.put("layer_cosine", Made.of(new float[9], 3, 3))));
        refused(made(m -> { }, t -> t.put("rollout", Made.of(new float[9], 1, 3, 3))));
        refused(made(m -> { }, t -> t.put("attentions.1", Made.of(new float[2 * 4], 2, 2, 2))));
    }

    @Test
    void aFileThatShrankIsARefusalAndNoFault() throws Exception {
        Path file = made(m -> { }, t -> { });
        try (AttentionCapture c = AttentionCapture.of(file)) {
            try (var channel = java.nio.channels.FileChannel.open(file, java.nio.file.StandardOpenOption.WRITE)) {
                channel.truncate(channel.size() - 100);
            }
            assertThrows(Refusal.class, () -> c.map(1, 1));
        }
    }

    @Test
    void whatIsNotANumberStaysSo() {
        try (AttentionCapture c = AttentionCapture.of(made(m -> { }, t -> {
            float[] values = new float[2 * 2 * 9];
            values[3] = Float.NaN;
            t.put("attentions", Made.of(values, 2, 2, 3, 3));
        }))) {
            assertTrue(Float.isNaN(c.map(0, 0).at(1, 0)));
            assertEquals(0, c.map(0, 0).at(1, 1));
        }
    }
}
