package vitrine.core.forward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.nd4j.Nd4jProducts;
import vitrine.core.testing.Recorder;
import vitrine.core.testing.Reference;

/// What must hold of any forward pass, whatever its numbers are.
class ForwardPassLawsTest {

    private static final int[] IDS = {0, 17, 41, 5, 99, 17, 41, 200, 3, 77, 12};

    private record Model(Checkpoint checkpoint, ModelSpec spec, Weights weights) implements AutoCloseable {
        static Model of(String name) {
            return of(name, ProductsForTests.PRODUCTS);
        }

        static Model of(String name, Products products) {
            Checkpoint c = Checkpoints.open(Reference.of(name).checkpoint());
            return new Model(c, Families.read(c.config(), c.configFile(), c.tensors().keySet()), new Weights(c, products));
        }

        float[] logits(Probe other, int... ids) {
            LastValues logits = new LastValues();
            new ForwardPass(spec, weights).run(Batch.of(ids), Probe.all(List.of(other, logits)), Progress.NONE);
            return logits.values;
        }

        @Override
        public void close() {
            weights.close();
        }
    }

    /// Keeps the logits.
    private static final class LastValues implements Probe {
        private float[] values;

        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.LOGITS;
        }

        @Override
        public void at(Place place, Matrix value) {
            values = value.toArray();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "gpt-neox", "gpt2", "olmo2", "stablelm-parallel", "qwen2-moe", "gpt-oss", "deepseek-v3", "llama4-text"})
    void readingEverythingChangesNothing(String name) {
        try (Model m = Model.of(name)) {
            assertArrayEquals(m.logits(Probe.NONE, IDS), m.logits(new Probe() {
                @Override
                public boolean wants(int layer, Site site) {
                    return true;
                }

                @Override
                public void at(Place place, Matrix value) {
                    value.get(0, 0);
                }
            }, IDS));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "gpt-neox", "gpt2", "phi3", "stablelm-parallel", "mixtral", "qwen2-moe", "gpt-oss", "deepseek-v3", "llama4-text"})
    void lookingAtALayerTellsWhatItsMatricesReadWhenItIsPassed(String name) {
        try (Model m = Model.of(name); Arena arena = Arena.ofShared()) {
            ForwardPass forward = new ForwardPass(m.spec, m.weights);
            Batch batch = Batch.of(IDS);
            for (int layer = 0; layer < m.spec.layers().size(); layer++) {
                List<List<Float>> looked = new ArrayList<>();
                List<List<Float>> passed = new ArrayList<>();
                Matrix x = Matrix.allocate(arena, IDS.length, m.spec.hiddenSize());
                forward.embed(batch, x);
                forward.through(batch, x, 0, layer, Progress.NONE);
                Matrix copy = Matrix.allocate(arena, x.rows(), x.columns());
                copy.copyFrom(x);
                m.weights.observe((weight, expert, read) -> looked.add(values(weight, expert, read)));
                forward.look(batch, copy, layer, Progress.NONE);
                m.weights.observe((weight, expert, read) -> passed.add(values(weight, expert, read)));
                forward.through(batch, x, layer, layer + 1, Progress.NONE);
                assertFalse(passed.isEmpty());
                assertEquals(passed, looked);
            }
        }
    }

    /// Who read, and what.
    private static List<Float> values(String weight, int expert, Matrix read) {
        List<Float> out = new ArrayList<>(List.of((float) weight.hashCode(), (float) expert));
        for (float v : read.toArray()) {
            out.add(v);
        }
        return out;
    }

    @ParameterizedTest
    @EnumSource(value = Site.class, names = {"LOGITS"}, mode = EnumSource.Mode.EXCLUDE)
    void anEditMovesTheLogits(Site site) {
        String name = switch (site) {
            case LATENT -> "deepseek-v3";
            case ROUTER_LOGITS, ROUTER_CHOICE, EXPERT_IDS, EXPERT_WEIGHTS, SHARED_GATE -> "qwen2-moe";
            default -> "gemma2";
        };
        try (Model m = Model.of(name)) {
            float[] before = m.logits(Probe.NONE, IDS);
            Set<Integer> seen = new HashSet<>();
            float[] after = m.logits(new Probe() {
                @Override
                public boolean wants(int layer, Site s) {
                    return s == site && layer != 0;
                }

                @Override
                public void at(Place place, Matrix value) {
                    seen.add(place.layer());
                    for (int c = 0; c < value.columns(); c++) {
                        float v = value.get(value.rows() - 1, c);
                        // Of an expert's number, another expert's; of scores, others that choose others.
                        value.set(value.rows() - 1, c, site == Site.EXPERT_IDS ? (v + 1) % 8 : v * (site == Site.ROUTER_CHOICE ? -1 : 0.5f) + 0.3f * (c % 3));
                    }
                }
            }, IDS);
            assertFalse(Arrays.equals(before, after), "an edit at " + site + " was ignored");
            assertEquals(site.perLayer() ? m.spec.layers().size() - 1 : 1, seen.size());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "mistral", "gpt2", "opt", "ernie4_5", "granite"})
    void laterTokensNeverMoveEarlierLogits(String name) {
        try (Model m = Model.of(name)) {
            float[] whole = m.logits(Probe.NONE, IDS);
            int[] changed = IDS.clone();
            changed[IDS.length - 1] = 150;
            float[] other = m.logits(Probe.NONE, changed);
            int width = m.spec.vocabSize();
            assertArrayEquals(Arrays.copyOf(whole, (IDS.length - 1) * width), Arrays.copyOf(other, (IDS.length - 1) * width));
            assertFalse(Arrays.equals(whole, other));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "mistral", "gpt2", "phi3", "qwen3", "opt", "gpt-neox", "mixtral", "gpt-oss", "deepseek-v3", "llama4-text", "olmo3", "exaone4", "cohere", "hunyuan-dense",
        "falcon", "falcon-alibi", "bloom", "mpt"})
    void cachedAndUncachedDecodingAgree(String name) {
        try (Model m = Model.of(name); KeyValueCache cache = new KeyValueCache(m.spec, IDS.length)) {
            int width = m.spec.vocabSize();
            int[] ids = Arrays.stream(IDS).map(id -> id % width).toArray();
            float[] whole = m.logits(Probe.NONE, ids);
            ForwardPass pass = new ForwardPass(m.spec, m.weights);
            LastValues logits = new LastValues();
            pass.run(Batch.of(Arrays.copyOf(ids, 4)), logits, ForwardPass.LogitRows.LAST, cache, Progress.NONE);
            for (int t = 4; t < ids.length; t++) {
                pass.run(Batch.of(new int[] {ids[t]}), logits, ForwardPass.LogitRows.LAST, cache, Progress.NONE);
                float[] want = Arrays.copyOfRange(whole, t * width, (t + 1) * width);
                assertArrayEquals(want, logits.values, 2e-4f * largest(want));
            }
            assertEquals(IDS.length, cache.length());
        }
    }

    private static float largest(float[] x) {
        float m = 1;
        for (float v : x) {
            m = Math.max(m, Math.abs(v));
        }
        return m;
    }

    @Test
    void sequencesOfABatchDoNotSeeEachOther() {
        try (Model m = Model.of("llama-gqa")) {
            int[] other = {4, 8, 15};
            Recorder together = new Recorder(m.spec);
            new ForwardPass(m.spec, m.weights).run(Batch.of(other, IDS, other), together, Progress.NONE);
            float[] alone = m.logits(Probe.NONE, IDS);
            float[] got = together.get(-1, Site.LOGITS, 1);
            assertArrayEquals(alone, got, 1e-4f * largest(alone));
            assertArrayEquals(together.get(-1, Site.LOGITS, 0), together.get(-1, Site.LOGITS, 2));
        }
    }

    /// Together every expert has so many tokens that they pass in whole blocks and a rest; alone each has fewer than a block.
    @ParameterizedTest
    @ValueSource(strings = {"mixtral", "qwen2-moe", "gpt-oss"})
    void expertsOfManyTokensSayTheSame(String name) {
        try (Model m = Model.of(name)) {
            int[][] sequences = new int[40][];
            for (int s = 0; s < sequences.length; s++) {
                int[] ids = IDS.clone();
                for (int i = 0; i < ids.length; i++) {
                    ids[i] = (ids[i] + 13 * s + s * i) % 400;
                }
                sequences[s] = ids;
            }
            Recorder together = new Recorder(m.spec);
            new ForwardPass(m.spec, m.weights).run(Batch.of(sequences), together, Progress.NONE);
            for (int s = 0; s < sequences.length; s += 13) {
                float[] alone = m.logits(Probe.NONE, sequences[s]);
                assertArrayEquals(alone, together.get(-1, Site.LOGITS, s), 1e-4f * largest(alone));
            }
        }
    }

    @Test
    void theSameTwiceGivesTheSameBits() {
        try (Model m = Model.of("qwen2")) {
            assertArrayEquals(m.logits(Probe.NONE, IDS), m.logits(Probe.NONE, IDS));
        }
    }

    @Test
    void layersPastTheLastWantedOneAreNotComputed() {
        try (Model m = Model.of("llama-gqa")) {
            List<Long> steps = new ArrayList<>();
            Probe firstLayer = new Probe() {
                @Override
                public boolean wants(int layer, Site site) {
                    return layer == 0 && site == Site.PATTERN;
                }

                @Override
                public void at(Place place, Matrix value) {}
            };
            new ForwardPass(m.spec, m.weights).run(Batch.of(IDS), firstLayer, (done, total, unit) -> steps.add(done));
            assertEquals(List.of(0L, (long) m.spec.layers().size()), steps);
        }
    }

    @Test
    void cancellingEndsThePass() {
        try (Model m = Model.of("llama-gqa")) {
            Progress cancelled = new Progress() {
                @Override
                public void step(long done, long total, String unit) {}

                @Override
                public void checkCancelled() {
                    throw new CancelledException();
                }
            };
            assertThrows(Progress.CancelledException.class, () -> new ForwardPass(m.spec, m.weights).run(Batch.of(IDS), Probe.NONE, cancelled));
        }
    }

    @Test
    void aBarredExpertIsVisitedByNoToken() {
        try (Model m = Model.of("mixtral")) {
            int barred = 3;
            Set<Integer> visited = new HashSet<>();
            m.logits(new Probe() {
                @Override
                public boolean wants(int layer, Site s) {
                    return s == Site.ROUTER_LOGITS || s == Site.EXPERT_IDS;
                }

                @Override
                public void at(Place place, Matrix value) {
                    for (int t = 0; t < value.rows(); t++) {
                        if (place.site() == Site.ROUTER_LOGITS) {
                            value.set(t, barred, Float.NEGATIVE_INFINITY);
                        } else {
                            visited.add((int) value.get(t, 0));
                            visited.add((int) value.get(t, 1));
                        }
                    }
                }
            }, IDS);
            assertFalse(visited.contains(barred));
            assertTrue(visited.size() > 2);
        }
    }

    @Test
    void placesPrintAsHookNames() {
        assertEquals("blocks.3.attn.hook_pattern", new Place(3, Site.PATTERN, 0, 0, 0).toString());
        assertEquals("ln_final.hook_normalized", new Place(-1, Site.FINAL_NORM, 0, -1, 0).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gemma2", "gpt2", "fmt-bf16", "llama-f8-e4m3", "gpt-oss", "deepseek-v3"})
    void nd4jProductsGiveTheSameNumbers(String name) {
        // GPT-2 stores [in, out]; bfloat16 and float8 are widened first, since ND4J reads float32 only.
        try (Model one = Model.of(name); Model other = Model.of(name, new Nd4jProducts())) {
            float[] want = one.logits(Probe.NONE, IDS);
            assertArrayEquals(want, other.logits(Probe.NONE, IDS), 1e-4f * largest(want));
        }
    }

    @Test
    void productsAgreeOnStridedOperands() {
        java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofAuto();
        java.util.Random random = new java.util.Random(1);
        Matrix a = filled(arena, random, 12, 20);
        Matrix b = filled(arena, random, 7, 20);
        Matrix c = Matrix.allocate(arena, 12, 9);
        Matrix d = Matrix.allocate(arena, 12, 9);
        Operand left = Operand.of(a.columns(3, 15));
        Operand right = Operand.of(b.columns(5, 15)).transposed();
        ProductsForTests.PRODUCTS.multiply(left, right, Operand.of(c.columns(1, 7)));
        new Nd4jProducts().multiply(left, right, Operand.of(d.columns(1, 7)));
        assertArrayEquals(c.toArray(), d.toArray(), 1e-5f);
        assertEquals(0, c.get(4, 0), "columns outside the result stay");
        assertTrue(c.get(4, 1) != 0);
    }

    private static Matrix filled(java.lang.foreign.Arena arena, java.util.Random random, int rows, int columns) {
        Matrix m = Matrix.allocate(arena, rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int k = 0; k < columns; k++) {
                m.set(r, k, (float) random.nextGaussian());
            }
        }
        return m;
    }
}
