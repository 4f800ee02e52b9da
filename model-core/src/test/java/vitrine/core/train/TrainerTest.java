package vitrine.core.train;

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
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.progress.Progress;
import vitrine.core.testing.Reference;
import vitrine.core.train.method.Apex;
import vitrine.core.train.method.BeamLora;
import vitrine.core.train.method.FirstFactors;
import vitrine.core.train.method.FullTuning;
import vitrine.core.train.method.HalfTuning;
import vitrine.core.train.method.InnerLora;
import vitrine.core.train.method.Lora;
import vitrine.core.train.method.MultiLora;
import vitrine.core.train.method.Nola;
import vitrine.core.train.method.SlowLora;
import vitrine.core.train.method.SparseGrowing;
import vitrine.core.train.method.Svft;

/// What every method of training must keep to.
class TrainerTest {

    private static final Randomness RANDOM = new Randomness(4);

    @TempDir
    Path folder;

    private static Parameters open(Method m) {
        Checkpoint c = Checkpoints.open(Reference.of("llama-tied").checkpoint());
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        return new Parameters(c, spec, ProductsForTests.PRODUCTS, m::trains);
    }

    private static Lora.Settings lora(float dropout, boolean dora) {
        return new Lora.Settings(4, 8, dropout, List.of(Lora.ALL_LINEAR), false, dora, null, null);
    }

    private static Method method(String name) {
        return switch (name) {
            case "full" -> new FullTuning();
            case "lora", "zosam" -> new Lora(lora(0.1f, false));
            case "pissa" -> new Lora(new Lora.Settings(4, 8, 0f, List.of(Lora.ALL_LINEAR), false, false, null, null, FirstFactors.Kind.pissa, null));
            case "loraxs" -> new InnerLora(new Lora.Settings(4, 8, 0f, List.of(Lora.ALL_LINEAR), false, false, null, null, FirstFactors.Kind.loraxs, null), 0);
            case "multilora" -> new MultiLora(lora(0.1f, false), 2);
            case "nola" -> new Nola(lora(0f, false), 8);
            case "svft" -> new Svft(lora(0f, false));
            case "ilora" -> new SlowLora(lora(0f, false));
            case "mezo" -> new FullTuning();
            case "sgt" -> new SparseGrowing(3, 1, 2, 1);
            case "apex" -> new Apex(3, 6, RANDOM);
            case "dora" -> new Lora(lora(0f, true));
            case "beamlora" -> new BeamLora(lora(0f, false), new BeamLora.Beam(4, 8, 0.05f), RANDOM);
            default -> new HalfTuning(4, RANDOM);
        };
    }

    private static List<List<Sequence>> samples() {
        return IntStream.range(0, 12).mapToObj(i -> {
            int[] ids = IntStream.range(0, 6 + i % 3).map(t -> 3 + (17 * i + 5 * t + t * t) % 250).toArray();
            return List.of(Sequence.of(ids, ids, false));
        }).toList();
    }

    private static Run run(long steps, int batch, int accumulate) {
        return new Run(steps, batch, accumulate, 5e-3, 2, Schedule.COSINE, 0, new AdamW.Settings(0.9, 0.999, 1e-8, 0.01, false, null), 1, 0f, 0, 0, 0, 4);
    }

    private static Run probing(long steps, ZerothOrder.Kind kind, double rho) {
        Run r = run(steps, 2, 1);
        return new Run(steps, 2, 1, kind == ZerothOrder.Kind.MEZO ? 1e-4 : r.rate(), r.warmupSteps(), r.schedule(), 0, r.optimiser(), 1, 0f, 0, 0, 0, 4, new ZerothOrder(kind, 1e-3, 2, rho));
    }

    /// Figures as lines, without what depends on the clock.
    private static class Log implements Trainer.Listener {
        final List<String> lines = new ArrayList<>();
        final long until;

        Log(long until) {
            this.until = until;
        }

        @Override
        public void figures(long step, Map<String, Double> values) {
            lines.add(step + " " + Double.toHexString(values.get("loss")) + " " + Double.toHexString(values.getOrDefault("gradient_norm", values.get("slope"))));
        }

        @Override
        public void save(Trainer trainer, long step) {}

        @Override
        public boolean stops(long step) {
            return step == until;
        }
    }

    private record State(List<float[]> values, List<String> lines) {}

    private static State state(Trainer t, List<String> lines) {
        List<float[]> values = new ArrayList<>();
        for (Parameter p : t.parameters().trained()) {
            values.add(p.toArray());
            if (!t.method().stepped(p)) {
                continue;
            }
            values.add(new float[] {t.optimiser().moments(p).steps()});
            values.add(t.optimiser().moments(p).m().asSlice(0, 4 * p.elements()).toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT));
            values.add(t.optimiser().moments(p).v().asSlice(0, 4 * p.elements()).toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT));
        }
        return new State(values, lines);
    }

    private static <T> T with(Supplier<Method> method, Run run, java.util.function.Function<Trainer, T> work) {
        Method m = method.get();
        try (Parameters p = open(m); Trainer t = new Trainer(run, m, p, new Batches(samples(), Batches.Order.SHUFFLED, run.batchSize() * run.accumulate(), new Randomness(run.seed())),
                List.of(), 1)) {
            return work.apply(t);
        }
    }

    private static State train(Trainer t, long until) {
        Log log = new Log(until);
        try {
            t.train(log, Progress.NONE);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return state(t, log.lines);
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "lora", "dora", "beamlora", "hft", "pissa", "loraxs", "mezo", "zosam", "apex", "multilora", "nola", "svft", "ilora", "sgt"})
    void aRunThatGoesOnGivesTheSameBits(String name) {
        Run run = name.equals("mezo") ? probing(12, ZerothOrder.Kind.MEZO, 0.05) : name.equals("zosam") ? probing(12, ZerothOrder.Kind.SAM, 0.05) : run(12, 2, 1);
        State whole = with(() -> method(name), run, t -> train(t, -1));
        for (long at : new long[] {3, 4, 7}) {
            Path steps = folder.resolve(name + at);
            List<String> first = with(() -> method(name), run, t -> {
                State s = train(t, at);
                save(steps, t);
                return s.lines;
            });
            State second = with(() -> method(name), run, t -> {
                restore(steps, t);
                return train(t, -1);
            });
            List<String> lines = new ArrayList<>(first);
            lines.addAll(second.lines);
            assertEquals(whole.lines, lines);
            for (int i = 0; i < whole.values.size(); i++) {
                assertArrayEquals(whole.values.get(i), second.values.get(i), "broken off after step " + at);
            }
        }
    }

    private static void save(Path steps, Trainer t) {
        try {
            SavedStep.write(steps, t, "the run", List.of());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void restore(Path steps, Trainer t) {
        try {
            SavedStep last = SavedStep.list(steps).getLast();
            assertEquals(null, last.problem("the run"));
            last.restore(t);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void zoSamThatGoesNowhereIsAdamW() {
        State plain = with(() -> new FullTuning(), run(4, 2, 1), t -> train(t, -1));
        State sam = with(() -> new FullTuning(), probing(4, ZerothOrder.Kind.SAM, 0), t -> train(t, -1));
        // The probes come back up to rounding; 4 steps of 5e-3 move values by 2e-2.
        for (int i = 0; i < plain.values.size(); i += 4) {
            assertArrayEquals(plain.values.get(i), sam.values.get(i), 2e-4f);
        }
    }

    @Test
    void mezoLearnsFromLossesAlone() {
        Run r = new Run(80, 12, 1, 3e-4, 0, Schedule.CONSTANT, 0, AdamW.Settings.DEFAULT, 0, 0f, 0, 0, 0, 4, new ZerothOrder(ZerothOrder.Kind.MEZO, 1e-3, 1, 0));
        with(() -> new FullTuning(), r, t -> {
            State s = train(t, -1);
            double before = Double.parseDouble(s.lines.getFirst().split(" ")[1]);
            double after = Double.parseDouble(s.lines.getLast().split(" ")[1]);
            assertTrue(after < before - 0.1, before + " to " + after);
            assertTrue(t.parameters().trained().stream().noneMatch(Parameter::touched), "no gradient was computed");
            return null;
        });
    }

    @Test
    void aDamagedOrForeignSavedStepIsTold() throws IOException {
        with(() -> method("lora"), run(3, 2, 1), t -> {
            save(folder, t);
            return null;
        });
        SavedStep step = SavedStep.list(folder).getFirst();
        assertTrue(step.problem("another").contains("another task"));
        byte[] bytes = Files.readAllBytes(step.folder().resolve("state.safetensors"));
        bytes[bytes.length / 2] ^= 1;
        Files.write(step.folder().resolve("state.safetensors"), bytes);
        assertEquals("its checksum does not fit", step.problem("the run"));
    }

    /// Batch 6 at once, and 6 passes of 1: every token counts the same, however long its sequence.
    @Test
    void accumulatingChangesNothingButRounding() {
        State at = with(() -> new FullTuning(), run(2, 6, 1), t -> train(t, -1));
        State inParts = with(() -> new FullTuning(), run(2, 1, 6), t -> train(t, -1));
        for (int i = 0; i < 2; i++) {
            String[] a = at.lines.get(i).split(" ");
            String[] b = inParts.lines.get(i).split(" ");
            assertEquals(Double.parseDouble(a[1]), Double.parseDouble(b[1]), 2e-6 * Double.parseDouble(a[1]));
            assertEquals(Double.parseDouble(a[2]), Double.parseDouble(b[2]), 2e-5 * Double.parseDouble(a[2]));
        }
    }

    @Test
    void withBAtZeroTheFirstStepChangesBOnly() {
        Run run = new Run(1, 2, 1, 1e-2, 0, Schedule.CONSTANT, 0, AdamW.Settings.DEFAULT, 0, 0f, 0, 0, 0, 1);
        with(() -> new Lora(lora(0f, false)), run, t -> {
            List<float[]> before = t.parameters().trained().stream().map(Parameter::toArray).toList();
            train(t, -1);
            for (int i = 0; i < before.size(); i++) {
                Parameter p = t.parameters().trained().get(i);
                assertEquals(p.name().contains("lora_A"), Arrays.equals(before.get(i), p.toArray()), p.name());
            }
            return null;
        });
    }

    @Test
    void doraAndBeamBeginAtTheBase() {
        double base = loss(new FullTuning());
        assertEquals(base, loss(method("lora")), 1e-9);
        assertEquals(base, loss(method("dora")), 1e-5);
        assertEquals(base, loss(method("beamlora")), 1e-9);
    }

    private static double loss(Method m) {
        try (Parameters p = open(m); Trainer t = new Trainer(run(1, 1, 1), m, p, new Batches(samples(), Batches.Order.SEQUENTIAL, 1, RANDOM), samples(), 1)) {
            return t.validate(Progress.NONE);
        }
    }

    @Test
    void whatRestsIsNotTouched() {
        with(() -> method("hft"), run(4, 2, 1), t -> {
            List<float[]> before = t.parameters().trained().stream().map(Parameter::toArray).toList();
            train(t, -1);
            int same = 0;
            for (int i = 0; i < before.size(); i++) {
                same += Arrays.equals(before.get(i), t.parameters().trained().get(i).toArray()) ? 1 : 0;
            }
            long resting = t.parameters().trained().stream().filter(p -> !p.trained()).count();
            assertTrue(resting >= before.size() / 3);
            assertEquals(resting, same);
            return null;
        });
    }

    @Test
    void aRunEndsAtTheFirstNumberThatIsNone() {
        Run run = new Run(3, 2, 1, 1e-2, 0, Schedule.CONSTANT, 0, AdamW.Settings.DEFAULT, 0, 0f, 0, 0, 0, 1);
        with(() -> new FullTuning(), run, t -> {
            Parameter p = t.parameters().get("model.layers.0.mlp.up_proj.weight");
            float[] values = p.toArray();
            values[5] = Float.NaN;
            p.set(values);
            NonFinite e = assertThrows(NonFinite.class, () -> t.train(new Log(-1), Progress.NONE));
            assertEquals(1, e.step());
            assertTrue(e.getMessage().contains("model.layers.0.mlp.up_proj.weight") && e.getMessage().contains("NaN at 5"), e.getMessage());
            return null;
        });
    }

    /// Eight samples are learned by heart.
    @Test
    void aFewSamplesAreLearnedByHeart() {
        Run run = new Run(60, 4, 1, 3e-3, 0, Schedule.CONSTANT, 0, AdamW.Settings.DEFAULT, 1, 0f, 0, 0, 0, 1);
        Method m = new FullTuning();
        try (Parameters p = open(m); Trainer t = new Trainer(run, m, p, new Batches(samples().subList(0, 8), Batches.Order.SHUFFLED, 4, RANDOM), samples().subList(0, 8), 1)) {
            double before = t.validate(Progress.NONE);
            Log log = new Log(-1) {
                @Override
                public void figures(long step, Map<String, Double> values) {
                    // The loss alone matters here.
                }
            };
            t.train(log, Progress.NONE);
            double after = t.validate(Progress.NONE);
            assertTrue(before > 5 && after < 0.05, before + " to " + after);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
