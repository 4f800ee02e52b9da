package vitrine.core.train.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.architecture.AttentionLoops;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.backward.LastQueries;
import vitrine.core.backward.Looping;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;
import vitrine.core.train.AdamW;
import vitrine.core.train.Batches;
import vitrine.core.train.Method;
import vitrine.core.train.Randomness;
import vitrine.core.train.Run;
import vitrine.core.train.Schedule;
import vitrine.core.train.Trainer;

/// SGT: entropies, schedule and fading by hand, the repeated attention's gradients, and what a run leaves behind.
class SparseGrowingTest {

    @TempDir
    Path folder;

    private static Parameters open(Method m) {
        Checkpoint c = Checkpoints.open(Reference.of("llama-gqa").checkpoint());
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        return new Parameters(c, spec, ProductsForTests.PRODUCTS, m::trains);
    }

    private static List<List<Sequence>> samples() {
        return IntStream.range(0, 8).mapToObj(i -> {
            int[] ids = IntStream.range(0, 6 + i % 3).map(t -> 3 + (17 * i + 5 * t + t * t) % 60).toArray();
            return List.of(Sequence.of(ids, ids, false));
        }).toList();
    }

    private static Trainer trainer(Method m, Parameters p, long steps) {
        Run run = new Run(steps, 2, 1, 1e-3, 0, Schedule.CONSTANT, 0, new AdamW.Settings(0.9, 0.999, 1e-8, 0, false, null), 1, 0f, 0, 0, 0, 4);
        return new Trainer(run, m, p, new Batches(samples(), Batches.Order.SEQUENTIAL, 2, new Randomness(4)), List.of(), 1);
    }

    private static List<String> train(Trainer t) throws IOException {
        List<String> lines = new ArrayList<>();
        t.train(new Trainer.Listener() {
            @Override
            public void figures(long step, Map<String, Double> values) {
                lines.add(Double.toHexString(values.get("loss")) + " " + Double.toHexString(values.get("gradient_norm")));
            }

            @Override
            public void save(Trainer trainer, long step) {}

            @Override
            public boolean stops(long step) {
                return false;
            }
        }, Progress.NONE);
        return lines;
    }

    /// A fixed structure, and the entropies that it is told.
    private record Fixed(int layer, int loops, float[] factors, List<double[]> told) implements Looping {
        @Override
        public int loops(int l) {
            return l == layer ? loops : 0;
        }

        @Override
        public float[] factors(int l) {
            return factors;
        }

        @Override
        public void entropies(int l, int run, double[] entropies, int sequences) {
            double[] line = new double[3 + entropies.length];
            line[0] = l;
            line[1] = run;
            line[2] = sequences;
            System.arraycopy(entropies, 0, line, 3, entropies.length);
            told.add(line);
        }
    }

    @Test
    void entropyIsRelativeToEqualWeights() {
        assertEquals(1, LastQueries.entropy(new float[] {0.25f, 0.25f, 0.25f, 0.25f}), 1e-12);
        assertEquals(0.678390, LastQueries.entropy(new float[] {0.7f, 0.1f, 0.1f, 0.1f}), 1e-6);
        assertEquals(0, LastQueries.entropy(new float[] {0, 1, 0}));
    }

    @Test
    void headsFadeOverAWindow() {
        Growth g = new Growth(new Growth.Settings(4, 1, 1, 1, 1), new int[] {2, 2});
        g.after(4, new float[][] {{0.9f, 0.9f}, {0.2f, 0.3f}});
        double[] expected = {1, 0.853553, 0.5, 0.146447, 0, 0};
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], g.factors(1, 4 + i)[0], 1e-6);
            assertEquals(1f, g.factors(1, 4 + i)[1], "the head of highest entropy stays");
        }
    }

    /// Six layers, two heads of the same entropy; the top 3 are looked at.
    @Test
    void layersAreChosenFromTheDeepestDown() {
        Growth g = new Growth(new Growth.Settings(10, 3, 3, 1, 1), new int[] {2, 2, 2, 2, 2, 2});
        g.after(9, scores(9, 1, 1, 1, 1, 1));
        assertEquals(List.of(0, 0, 0, 0, 0, 0), loops(g), "no window ends");
        g.after(10, scores(9, 1, 5, 3, 4, 2));
        assertEquals(List.of(0, 0, 0, 0, 1, 0), loops(g), "of 2, 4 and 3 the deepest; the first layer never");
        g.after(20, scores(9, 1, 5, 3, 2, 8));
        assertEquals(List.of(0, 0, 0, 1, 1, 0), loops(g), "5 is deeper than the shallowest chosen one");
        g.after(30, scores(9, 6, 5, 3, 2, 8));
        assertEquals(List.of(0, 0, 1, 1, 1, 0), loops(g));
        assertFalse(g.fixed());
        Growth copy = new Growth(new Growth.Settings(10, 3, 3, 1, 1), new int[] {2, 2, 2, 2, 2, 2});
        copy.set(g.toArray());
        assertArrayEquals(g.toArray(), copy.toArray());
        assertEquals(30, copy.chosenAfter(2));
        g.after(40, scores(9, 6, 5, 3, 2, 8));
        assertTrue(g.fixed(), "three are chosen and none has loops left");
        assertEquals(List.of(0, 0, 1, 1, 1, 0), loops(g));
    }

    @Test
    void aChosenLayerWithLoopsLeftLoopsAgain() {
        Growth g = new Growth(new Growth.Settings(10, 2, 2, 2, 1), new int[] {2, 2, 2, 2});
        g.after(10, scores(0, 1, 2, 3));
        g.after(20, scores(0, 1, 2, 3));
        assertEquals(List.of(0, 0, 0, 2), loops(g));
        g.after(30, scores(0, 1, 2, 3));
        assertEquals(List.of(0, 0, 1, 2), loops(g));
        Growth none = new Growth(new Growth.Settings(10, 1, 3, 1, 1), new int[] {2, 2, 2, 2});
        none.after(10, scores(0, 1, 3, 2));
        none.after(20, scores(0, 1, 2, 3));
        assertTrue(none.fixed(), "the only one looked at is deeper");
        none.after(30, scores(0, 9, 2, 3));
        assertEquals(List.of(0, 0, 1, 0), loops(none), "for good");
    }

    private static float[][] scores(float... of) {
        float[][] out = new float[of.length][];
        for (int l = 0; l < of.length; l++) {
            out[l] = new float[] {of[l] / 10, of[l] / 10};
        }
        return out;
    }

    private static List<Integer> loops(Growth g) {
        return IntStream.range(0, (g.toArray().length - 1) / 5).mapToObj(g::loops).toList();
    }

    @Test
    void withoutALoopItIsFullFineTuningToTheBit() throws IOException {
        Method full = new FullTuning();
        Method sgt = new SparseGrowing(100, 3, 1, 2);
        try (Parameters a = open(full); Trainer at = trainer(full, a, 3); Parameters b = open(sgt); Trainer bt = trainer(sgt, b, 3)) {
            assertEquals(train(at), train(bt));
            for (int i = 0; i < a.trained().size(); i++) {
                assertArrayEquals(a.trained().get(i).gradientToArray(), b.trained().get(i).gradientToArray());
                assertArrayEquals(a.trained().get(i).toArray(), b.trained().get(i).toArray());
            }
            ObjectNode summary = Json.object();
            sgt.write(b, folder, summary);
            assertFalse(summary.path("needs_loop_runtime").asBoolean(true));
            assertFalse(Files.exists(folder.resolve(AttentionLoops.FILE)));
        }
    }

    /// Every tensor along its own gradient: the loss must rise as fast as the gradient is long; kept and recomputed layers alike.
    @Test
    void gradientsOfALoopedBlockAreTheDifferencesOfTheLoss() {
        Method m = new FullTuning();
        for (int kept : new int[] {1, 99}) {
            try (Parameters p = open(m); LossPass pass = new LossPass(p, kept)) {
                int heads = p.spec().layers().getFirst().attention().heads();
                float[] factors = new float[heads];
                for (int h = 0; h < heads; h++) {
                    factors[h] = 1f / (1 + h);
                }
                List<Sequence> two = List.of(samples().get(0).getFirst(), samples().get(2).getFirst());
                double plain = pass.evaluate(two, Progress.NONE).sum();
                Fixed by = new Fixed(0, 2, factors, new ArrayList<>());
                pass.loop(by);
                double looped = pass.evaluate(two, Progress.NONE).sum();
                assertNotEquals(plain, looped);
                assertTrue(by.told.isEmpty(), "a loss alone tells nothing");
                double again = pass.backward(two, 1f, 0f, null, Progress.NONE).sum();
                assertEquals(looped, again, 1e-5 * looped);
                assertEquals(p.spec().layers().size() + 2, by.told.size(), "once for every run of attention");
                for (double[] t : by.told) {
                    assertEquals(2, t[2]);
                    for (int h = 0; h < heads; h++) {
                        assertTrue(t[3 + h] > 0 && t[3 + h] <= 2 + 1e-6);
                    }
                }
                for (Parameter t : p.trained()) {
                    if (!t.name().contains("layers.0.")) {
                        continue;
                    }
                    float[] g = t.gradientToArray();
                    float[] w = t.toArray();
                    double norm = 0;
                    for (float v : g) {
                        norm += (double) v * v;
                    }
                    norm = Math.sqrt(norm);
                    double step = 2e-2 / Math.max(1, norm);
                    double up = moved(pass, two, t, w, g, step / norm);
                    double down = moved(pass, two, t, w, g, -step / norm);
                    t.set(w);
                    assertEquals(norm, (up - down) / (2 * step), 2e-2 * norm, t.name());
                }
            }
        }
    }

    private static double moved(LossPass pass, List<Sequence> of, Parameter t, float[] w, float[] g, double by) {
        float[] to = new float[w.length];
        for (int i = 0; i < w.length; i++) {
            to[i] = (float) (w[i] + by * g[i]);
        }
        t.set(to);
        return pass.evaluate(of, Progress.NONE).sum();
    }

    /// A longer run has a longer default: the run that is extended goes on with its own.
    @Test
    void anExtendedRunKeepsItsWindow() throws IOException {
        Method began = new SparseGrowing(2, 2, 1, 1);
        Method extended = new SparseGrowing(5, 2, 1, 1);
        try (Parameters p = open(began); Parameters q = open(extended); Trainer t = trainer(began, p, 1); Trainer u = trainer(extended, q, 1)) {
            train(t);
            extended.remember(began.memory());
            assertEquals(2, ((SparseGrowing) extended).window());
            u.method().after(2, 9, null);
            assertEquals(1, IntStream.of(((SparseGrowing) extended).loops()).sum(), "the window of 2 steps ends");
            began.memory().forEach((k, v) -> assertEquals(v.length, extended.memory().get(k).length, k));
        }
    }

    @Test
    void theResultSaysWhatLoops() throws IOException {
        Method sgt = new SparseGrowing(2, 1, 1, 1);
        try (Parameters p = open(sgt); Trainer t = trainer(sgt, p, 5)) {
            train(t);
            assertEquals(1.0, sgt.figures().get("attention_loops"));
            ObjectNode summary = Json.object();
            sgt.write(p, folder, summary);
            assertTrue(summary.path("needs_loop_runtime").asBoolean());
            JsonNode n = Json.mapper().readTree(folder.resolve(AttentionLoops.FILE).toFile());
            assertTrue(n.path("needs_loop_runtime").asBoolean());
            JsonNode layer = n.path("layers").get(0);
            assertEquals(1, n.path("layers").size());
            assertTrue(layer.path("layer").asInt() > 0);
            assertEquals(2, layer.path("chosen_after_step").asInt());
            int head = layer.path("heads").get(0).asInt();
            for (int h = 0; h < layer.path("factors").size(); h++) {
                assertEquals(h == head ? 1.0 : 0.0, layer.path("factors").get(h).asDouble(), "a window later the others are gone");
            }
            assertTrue(Files.exists(folder.resolve("model.safetensors")));
        }
    }

    @Test
    void refusesWhatItDoesNotRepeat() {
        Checkpoint c = Checkpoints.open(Reference.of("mixtral").checkpoint());
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        Refusal r = assertThrows(Refusal.class, () -> SparseGrowing.requireTrainable(spec, c.path()));
        assertEquals("layer 0 has experts, which sgt does not repeat", r.problem());
    }
}
