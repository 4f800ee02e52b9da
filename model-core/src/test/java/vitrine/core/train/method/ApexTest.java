package vitrine.core.train.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Shape;
import vitrine.core.testing.Reference;
import vitrine.core.train.AdamW;
import vitrine.core.train.Batches;
import vitrine.core.train.Randomness;
import vitrine.core.train.Run;
import vitrine.core.train.Schedule;
import vitrine.core.train.Trainer;

/// APEX: the operator's size, values and gradients, which units are chosen, and a run of two stages.
class ApexTest {

    private static final Randomness RANDOM = new Randomness(3);

    @TempDir
    Path folder;

    @Test
    void aMonarchMatrixOf1024Has65536Values() {
        Monarch m = Monarch.of(1024);
        assertEquals(32, m.blocks());
        assertEquals(65_536, m.first() + m.second());
        assertEquals(new Monarch(2, 3), Monarch.of(6));
        assertEquals(new Monarch(1, 7), Monarch.of(7));
    }

    @Test
    void refusesWhatItCannotTakeApart() {
        Checkpoint c = Checkpoints.open(Reference.of("mixtral").checkpoint());
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        vitrine.core.refusal.Refusal r = org.junit.jupiter.api.Assertions.assertThrows(vitrine.core.refusal.Refusal.class, () -> Apex.requireTrainable(spec, c.path()));
        assertEquals("layer 0 has experts, which apex does not take apart", r.problem());
    }

    /// n = 4: two blocks of two in either factor.
    @Test
    void aMonarchMatrixIsTheProductOfItsFactors() {
        Monarch m = Monarch.of(4);
        float[] first = {1, 2, 3, 4, 5, 6, 7, 8};
        float[] second = {1, 0, 2, 1, 0, 3, 1, 1};
        // x -> blocks: [1 2; 3 4] on (x0 x1), [5 6; 7 8] on (x2 x3); then places: [1 0; 2 1] on firsts, [0 3; 1 1] on seconds.
        double[] expected = {1, 2, 0, 0, 0, 0, 21, 24, 2, 4, 5, 6, 3, 4, 7, 8};
        assertArrayEquals(expected, m.dense(first, second), 1e-12);
    }

    @Test
    void choosesTheHighestTheLowestAndTheNextLowest() {
        float[] scores = {5, -3, 0, 4, -2, 1, -1, 2};
        assertArrayEquals(new int[] {1, 4, 0, 3, 6}, Apex.choose(scores, new float[8], 2, 5));
        assertArrayEquals(new int[] {4, 6, 0, 3, 1}, Apex.choose(scores, new float[] {0, 1, 0, 0, 0, 0, 0, 0}, 2, 5), "who was weak once is tuned, but not weak again");
    }

    /// L = sum of w .* W for fixed w: gradients of all that is trained against differences.
    @Test
    void gradientsAreTheDifferencesOfTheLoss() {
        try (Arena arena = Arena.ofShared()) {
            Parameter rows = Parameter.zeros("rows", Shape.of(8, 3), arena);
            Parameter columns = Parameter.zeros("columns", Shape.of(3, 16), arena);
            Parameter plain = Parameter.zeros("plain", Shape.of(8, 3), arena);
            List<Parameter> all = List.of(rows, columns, plain);
            for (Parameter p : all) {
                p.set(numbers((int) p.elements(), 7 + p.name().length()));
            }
            List<float[]> before = all.stream().map(Parameter::toArray).toList();
            Expansion e = new Expansion("e", 2, 5, arena);
            e.add("rows", rows, false, false, 1);
            e.add("columns", columns, true, false, 2);
            e.add("plain", plain, false, true, 1);
            int[] lanes = {6, 1, 3, 0, 4};
            e.begin(new int[][][] {{lanes}, {lanes, Arrays.stream(lanes).map(l -> l + 8).toArray()}, {lanes}}, RANDOM, 1);
            e.apply();
            for (int i = 0; i < all.size(); i++) {
                assertArrayEquals(before.get(i), all.get(i).toArray(), "at first nothing is changed");
            }
            // Anywhere else than at the beginning.
            int number = 0;
            for (Parameter p : e.trained()) {
                float[] v = p.toArray();
                float[] by = numbers(v.length, 50 + number++);
                for (int i = 0; i < v.length; i++) {
                    v[i] += 0.3f * by[i];
                }
                p.set(v);
            }
            e.apply();
            for (Parameter p : all) {
                float[] w = weights(p);
                for (int i = 0; i < w.length; i++) {
                    p.gradient().setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i, w[i]);
                }
            }
            e.gradients();
            for (Parameter p : e.trained()) {
                float[] g = p.gradientToArray();
                float[] v = p.toArray();
                for (int i = 0; i < v.length; i++) {
                    float old = v[i];
                    v[i] = old + 0.5f;
                    p.set(v);
                    e.apply();
                    double above = loss(all);
                    v[i] = old - 0.5f;
                    p.set(v);
                    e.apply();
                    double below = loss(all);
                    v[i] = old;
                    p.set(v);
                    // The loss is linear in each value alone.
                    assertEquals(above - below, g[i], 2e-5 + 2e-5 * Math.abs(g[i]), p.name() + " " + i);
                }
            }
        }
    }

    private static float[] numbers(int n, int seed) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) Math.sin(seed + 1.7 * i);
        }
        return out;
    }

    private static float[] weights(Parameter p) {
        return numbers((int) p.elements(), 100 + p.name().length());
    }

    private static double loss(List<Parameter> all) {
        double sum = 0;
        for (Parameter p : all) {
            float[] v = p.toArray();
            float[] w = weights(p);
            for (int i = 0; i < v.length; i++) {
                sum += v[i] * (double) w[i];
            }
        }
        return sum;
    }

    @Test
    void aRunBeginsAtTheModelAndLearnsAndItsResultIsTheModelThatWasTrained() throws IOException {
        Checkpoint c = Checkpoints.open(Reference.of("llama-gqa").checkpoint());
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        List<List<Sequence>> samples = Batches.single(IntStream.range(0, 8).mapToObj(i -> {
            int[] ids = IntStream.range(0, 8).map(t -> 3 + (17 * i + 5 * t + t * t) % 250).toArray();
            return Sequence.of(ids, ids, false);
        }).toList());
        Apex m = new Apex(2, 8, RANDOM);
        Run run = new Run(20, 4, 1, 5e-3, 0, Schedule.CONSTANT, 0, AdamW.Settings.DEFAULT, 1, 0f, 0, 0, 0, 4);
        try (Parameters p = new Parameters(c, spec, ProductsForTests.PRODUCTS, m::trains);
             Trainer t = new Trainer(run, m, p, new Batches(samples, Batches.Order.SEQUENTIAL, 4, RANDOM), samples.subList(0, 4), 1)) {
            double before = t.validate(Progress.NONE);
            float[] norm = p.get("model.norm.weight") == null ? null : p.get("model.norm.weight").toArray();
            t.train(new Trainer.Listener() {
                @Override
                public void figures(long step, Map<String, Double> values) {
                    if (step == 1) {
                        // The first step's loss is that of the model: choosing and building changed nothing.
                        assertEquals(before, values.get("loss"), 1e-5);
                    }
                }

                @Override
                public void save(Trainer trainer, long step) {}

                @Override
                public boolean stops(long step) {
                    return false;
                }
            }, Progress.NONE);
            double after = t.validate(Progress.NONE);
            assertTrue(after < before - 0.5, before + " to " + after);
            assertArrayEquals(norm, p.get("model.norm.weight").toArray(), "norms rest");
            Files.createDirectories(folder.resolve("out"));
            m.write(p, folder.resolve("out"), Json.object());
            Checkpoint written = Checkpoints.open(folder.resolve("out"));
            FullTuning none = new FullTuning();
            try (Parameters q = new Parameters(written, spec, ProductsForTests.PRODUCTS, none::trains);
                 Trainer u = new Trainer(run, none, q, new Batches(samples, Batches.Order.SEQUENTIAL, 4, RANDOM), samples.subList(0, 4), 1)) {
                assertEquals(after, u.validate(Progress.NONE), 1e-6);
            }
            // Rows that no unit owns are those of the checkpoint: less than half of the channels is tuned.
            float[] up = q(written, "model.layers.0.mlp.up_proj.weight");
            float[] base = q(c, "model.layers.0.mlp.up_proj.weight");
            int width = spec.hiddenSize();
            long same = IntStream.range(0, up.length / width).filter(r -> Arrays.equals(Arrays.copyOfRange(up, r * width, (r + 1) * width), Arrays.copyOfRange(base, r * width, (r + 1) * width))).count();
            assertTrue(same > 0, "some channels rest");
        }
    }

    private static float[] q(Checkpoint c, String tensor) throws IOException {
        try (vitrine.core.checkpoint.safetensors.SafetensorsFile f = vitrine.core.checkpoint.safetensors.SafetensorsFile.open(c.files().getFirst().path())) {
            return f.floats(tensor);
        }
    }
}
