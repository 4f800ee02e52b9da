package vitrine.core.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.NamedTensor;
import vitrine.core.architecture.Part;
import vitrine.core.architecture.family.Families;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.tensor.Shape;
import vitrine.core.testing.Reference;
import vitrine.core.train.method.BeamLora;
import vitrine.core.train.method.HalfTuning;
import vitrine.core.train.method.Lora;

/// The rules of training against the check numbers of the method pages (torch 2.13, transformers 5.18 and the methods' published code).
class TrainingNumbersTest {

    private static Parameter parameter(Arena arena, float... values) {
        // Two dimensions, so that it decays.
        Parameter p = Parameter.zeros("theta", Shape.of(values.length, 1), arena);
        p.set(values);
        return p;
    }

    private static void gradient(Parameter p, float... g) {
        for (int i = 0; i < g.length; i++) {
            p.gradient().setAtIndex(JAVA_FLOAT, i, g[i]);
        }
    }

    @Test
    void adamWithDecoupledDecay() {
        try (Arena arena = Arena.ofShared(); AdamW adam = new AdamW(new AdamW.Settings(0.9, 0.999, 1e-8, 0.01, false, null))) {
            Parameter p = parameter(arena, 1f, -2f);
            float[][] gradients = {{0.5f, -1f}, {0.25f, 3f}, {-0.1f, 0f}};
            double[][] want = {{0.899000002, -1.898000001}, {0.804883040475, -1.945520984108}, {0.744407055608, -1.981776480260}};
            for (int t = 0; t < 3; t++) {
                gradient(p, gradients[t]);
                adam.step(p, 0.1, 1f, t + 1);
                assertEquals(want[t][0], p.toArray()[0], 4e-7);
                assertEquals(want[t][1], p.toArray()[1], 4e-7);
            }
            assertEquals(0.0530, adam.moments(p).m().getAtIndex(JAVA_FLOAT, 0), 1e-6);
            assertEquals(0.1890, adam.moments(p).m().getAtIndex(JAVA_FLOAT, 1), 1e-6);
            assertEquals(0.0003219378, adam.moments(p).v().getAtIndex(JAVA_FLOAT, 0), 1e-9);
            assertEquals(0.0099890010, adam.moments(p).v().getAtIndex(JAVA_FLOAT, 1), 1e-8);
        }
    }

    @Test
    void vectorsDoNotDecay() {
        try (Arena arena = Arena.ofShared(); AdamW adam = new AdamW(new AdamW.Settings(0.9, 0.999, 1e-8, 0.5, false, null))) {
            Parameter norm = Parameter.zeros("norm", Shape.of(1), arena);
            norm.set(new float[] {3f});
            gradient(norm, 0f);
            adam.step(norm, 0.1, 1f, 1);
            assertEquals(3f, norm.toArray()[0]);
        }
    }

    @Test
    void schedules() {
        long[] k = {1, 11, 55, 80, 90, 99};
        double[][] want = {{0.1, 0.988889, 0.5, 0.222222, 0.111111, 0.011111}, {0.1, 0.999695, 0.5, 0.116978, 0.030154, 0.000305}, {0.1, 1, 1, 1, 1, 1}, {0.1, 1, 1, 1, 0.5, 0.006156}};
        for (Schedule s : Schedule.values()) {
            for (int i = 0; i < k.length; i++) {
                assertEquals(want[s.ordinal()][i], s.multiplier(k[i], 10, 100, 20), 1e-6, s + " " + k[i]);
            }
            assertEquals(0, s.multiplier(0, 10, 100, 20));
        }
    }

    /// The update is the same up to signs, so decay is where the direction and the weight agree: m / sqrt(v) of a first step is the sign of the gradient.
    @Test
    void cautiousDecayOnlyWhereTheStepMovesTowardsZero() {
        try (Arena arena = Arena.ofShared(); AdamW adam = new AdamW(new AdamW.Settings(0, 0, 0, 0.1, true, null))) {
            Parameter p = parameter(arena, 1f, -1f, 0.5f, -0.5f);
            gradient(p, 0.2f, 0.2f, -0.1f, -0.3f);
            adam.step(p, 0.1, 1f, 1);
            // With both betas 0 the direction is the gradient's sign: +1, +1, -1, -1.
            float[] want = {1f - 0.1f - 0.01f, -1f - 0.1f, 0.5f + 0.1f, -0.5f + 0.1f + 0.005f};
            assertArrayEquals(want, p.toArray(), 1e-6f);
        }
    }

    @Test
    void spamScalesStepsAfterAResetAndCutsSpikes() {
        AdamW.Spam spam = new AdamW.Spam(5000, 500, 150);
        double[][] want = {{0, 0.01}, {1, 0.010107}, {10, 0.020675}, {37, 0.149563}, {75, 0.499851}, {112, 0.845798}, {149, 0.999572}, {150, 1}};
        for (double[] w : want) {
            assertEquals(w[1], spam.scale((long) w[0]), 1e-6);
        }
        try (Arena arena = Arena.ofShared(); AdamW adam = new AdamW(new AdamW.Settings(0.9, 0.999, 1e-6, 0, false, new AdamW.Spam(5000, 0, 150)))) {
            Parameter p = parameter(arena, 0f, 0f);
            adam.moments(p).v().setAtIndex(JAVA_FLOAT, 0, 1e-4f);
            gradient(p, 100f, 100f);
            adam.step(p, 0, 1f, 20);
            assertEquals(1, adam.spikes(), "where v is 0 nothing is a spike");
            assertEquals(0.1 * 0.707107, adam.moments(p).m().getAtIndex(JAVA_FLOAT, 0), 1e-6);
            assertEquals(10, adam.moments(p).m().getAtIndex(JAVA_FLOAT, 1), 1e-5);
        }
    }

    @Test
    void annealedNoise() {
        double[][] want = {{0.01, 0, 0.1}, {0.01, 10, 0.051715}, {0.01, 100, 0.028107}, {0.01, 1000, 0.014958}, {1, 0, 1}, {1, 10, 0.517151}};
        for (double[] w : want) {
            assertEquals(w[2], Math.sqrt(Trainer.noiseVariance(w[0], (long) w[1])), 1e-6);
        }
    }

    @Test
    void randomNumbersAreNormalAndTheSameEveryTime() {
        Randomness r = new Randomness(5);
        double[] x = IntStream.range(0, 20_000).mapToDouble(i -> r.normal(Randomness.Stream.NOISE, 3, i)).toArray();
        double mean = Arrays.stream(x).average().orElseThrow();
        double variance = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
        assertEquals(0, mean, 0.03);
        assertEquals(1, variance, 0.03);
        assertEquals(x[7], new Randomness(5).normal(Randomness.Stream.NOISE, 3, 7));
        int[] permutation = r.permutation(50, Randomness.Stream.ORDER, 1);
        assertArrayEquals(IntStream.range(0, 50).toArray(), Arrays.stream(permutation).sorted().toArray());
    }

    // --- BeamLoRA

    private static float[] weights(float temperature, float... gate) {
        try (Arena arena = Arena.ofShared()) {
            Parameter a = Parameter.zeros("a", Shape.of(gate.length, 1), arena);
            Parameter g = Parameter.zeros("g", Shape.of(gate.length, 1), arena);
            g.set(gate);
            return new LowRank(a, a, 1f, 0f, g, temperature, null, 0).weights();
        }
    }

    @Test
    void beamGates() {
        assertArrayEquals(new float[] {0.848565f, 1.036439f, 0.568810f, 1.546186f}, weights(0.05f, 0f, 0.01f, -0.02f, 0.03f), 1e-5f);
        assertArrayEquals(new float[] {0.710819f, 0.992028f, 0.364947f, 1.932206f}, weights(0.03f, 0f, 0.01f, -0.02f, 0.03f), 1e-5f);
        assertArrayEquals(new float[] {1f, 1f, 1f}, weights(0.05f, 0f, 0f, 0f));
    }

    @Test
    void beamThreshold() {
        BeamLora.Beam beam = new BeamLora.Beam(3000, 24688, 0.05f);
        double[][] want = {{0, 0.95}, {3000, 0.951800}, {6000, 0.956940}, {9000, 0.964680}, {12344, 0.975}, {18000, 0.991480}, {24000, 0.999904}, {24688, 1}, {30000, 1}};
        for (double[] w : want) {
            assertEquals(w[1], beam.threshold((long) w[0]), 1e-6);
        }
    }

    @Test
    void beamPrunesFromOnePool() {
        double[][] scores = {{2.649090, 0.974546, 0.358515, 0.017849}, {1, 1, 1, 1}};
        for (double p : new double[] {0.95, 0.975, 0.99}) {
            int[][] pruned = BeamLora.pruned(scores, p);
            assertEquals(Set.of(2, 3), Arrays.stream(pruned[0]).boxed().collect(Collectors.toSet()), "p = " + p);
            assertEquals(0, pruned[1].length);
        }
        assertEquals(0, BeamLora.pruned(scores, 1)[0].length, "p = 1 never prunes");
    }

    // --- which layers and tensors

    @Test
    void outerLayers() {
        assertEquals(List.of(0, 1, 6, 7), Lora.outerLayers(8, 2, 2));
        assertEquals(List.of(0, 1, 2), Lora.outerLayers(3, 2, 2));
    }

    @Test
    void halfOfEveryCategoryIsTrained() {
        Checkpoint c = Checkpoints.open(Reference.of("llama-gqa").checkpoint());
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        Set<Set<String>> rounds = new HashSet<>();
        for (int round = 0; round < 6; round++) {
            Set<String> chosen = HalfTuning.choose(spec, round, new Randomness(1));
            rounds.add(new TreeSet<>(chosen));
            int feedForward = 0;
            for (int l = 0; l < 3; l++) {
                int layer = l;
                List<NamedTensor> of = NamedTensor.of(spec).stream().filter(t -> t.layer() == layer && chosen.contains(t.name()) && t.shape().rank() == 2).toList();
                assertEquals(2, of.stream().filter(t -> Set.of(Part.QUERY, Part.KEY, Part.VALUE, Part.OUTPUT).contains(t.mainPart())).count());
                feedForward += (int) of.stream().filter(t -> Set.of(Part.GATE, Part.UP, Part.DOWN).contains(t.mainPart())).count();
            }
            assertEquals(4, feedForward, "two in one of three layers, one in the others");
            assertTrue(chosen.contains("model.embed_tokens.weight") && chosen.contains("lm_head.weight"));
            assertEquals(4, chosen.stream().filter(n -> n.contains("norm")).count(), "half of 7 norms");
        }
        assertTrue(rounds.size() > 3, "another half each round");
    }

    // --- samples

    private static Sequence sequence(int length) {
        return Sequence.of(new int[length], new int[length], false);
    }

    @Test
    void packingFillsSamplesLongestFirst() {
        List<List<Sequence>> bins = Batches.packed(List.of(sequence(3), sequence(9), sequence(4), sequence(6), sequence(1)), 10);
        assertEquals(List.of(List.of(9, 1), List.of(6, 4), List.of(3)), bins.stream().map(b -> b.stream().map(s -> s.ids().length).toList()).toList());
    }

    @Test
    void everySampleIsSeenOncePerEpoch() {
        List<List<Sequence>> samples = IntStream.range(2, 9).mapToObj(i -> List.of(sequence(i))).toList();
        Batches b = new Batches(samples, Batches.Order.SHUFFLED, 7, new Randomness(2));
        for (int step = 1; step < 4; step++) {
            assertEquals(Set.copyOf(samples), new HashSet<>(b.step(step)));
        }
        assertTrue(!b.step(1).equals(b.step(2)), "another order each epoch");
        Batches sequential = new Batches(samples, Batches.Order.SEQUENTIAL, 3, new Randomness(2));
        assertEquals(List.of(samples.get(6), samples.get(0), samples.get(1)), sequential.step(3));
    }

    @Test
    void theFirstAnswerTokenIsPredictedFromTheLastOfThePrompt() {
        assertArrayEquals(new int[] {-1, 7, 8, -1}, Sequence.of(new int[] {5, 6, 7, 8}, new int[] {-100, -100, 7, 8}, false).targets());
    }
}
