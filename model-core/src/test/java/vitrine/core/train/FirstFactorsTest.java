package vitrine.core.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import vitrine.core.adapter.Adapter;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;
import vitrine.core.train.method.FirstFactors;
import vitrine.core.train.method.InnerLora;
import vitrine.core.train.method.Lora;

/// First values of low-rank factors: the numbers of the method page, and that a run begins where the model is.
class FirstFactorsTest {

    @TempDir
    Path folder;

    /// C(8, 6, 0.7) of the method page.
    private static double[] cosines() {
        double[] c = new double[48];
        for (int i = 0; i < 8; i++) {
            for (int j = 0; j < 6; j++) {
                c[i * 6 + j] = Math.cos(0.7 * (i + 1) * (j + 1));
            }
        }
        return c;
    }

    private static double norm(double[] v) {
        return Math.sqrt(Arrays.stream(v).map(x -> x * x).sum());
    }

    /// `X Y`, X `[m, k]`, Y `[k, n]`.
    private static double[] times(double[] x, double[] y, int m, int k, int n) {
        double[] out = new double[m * n];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                for (int l = 0; l < k; l++) {
                    out[i * n + j] += x[i * k + l] * y[l * n + j];
                }
            }
        }
        return out;
    }

    private static double[] transposed(double[] x, int m, int n) {
        double[] out = new double[m * n];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                out[j * m + i] = x[i * n + j];
            }
        }
        return out;
    }

    @Test
    void pissaTakesTheLargestDirections() {
        double[] w = cosines();
        FirstFactors f = FirstFactors.of(FirstFactors.Kind.pissa, w, 8, 6, 2, 1);
        assertEquals(3.987097, norm(times(f.b(), f.a(), 8, 2, 6)), 1e-6);
        double[] rest = new double[48];
        Arrays.setAll(rest, i -> w[i] - f.taken()[i]);
        // Singular values 2.118411, 0.803996, 0.113018, 0.112985: their squares add up to the rest's.
        double squares = 2.118411 * 2.118411 + 0.803996 * 0.803996 + 0.113018 * 0.113018 + 0.112985 * 0.112985;
        assertEquals(Math.sqrt(squares), norm(rest), 2e-6);
        assertEquals(norm(f.a()), norm(f.b()), 1e-9, "each gets the root");
        FirstFactors scaled = FirstFactors.of(FirstFactors.Kind.pissa, w, 8, 6, 2, 4);
        assertArrayEquals(f.taken(), scaled.taken(), 1e-9, "whatever the scaling, the same part is taken");
        assertEquals(norm(f.a()) / 2, norm(scaled.a()), 1e-9);
    }

    @Test
    void oloraTakesTheFirstColumnsAsTheyAre() {
        double[] w = cosines();
        FirstFactors f = FirstFactors.of(FirstFactors.Kind.olora, w, 8, 6, 2, 0.5);
        double[] q = times(transposed(f.b(), 8, 2), f.b(), 2, 8, 2);
        assertArrayEquals(new double[] {1, 0, 0, 1}, q, 1e-12);
        for (int o = 0; o < 8; o++) {
            for (int i = 0; i < 2; i++) {
                assertEquals(w[o * 6 + i], f.taken()[o * 6 + i] / 0.5, 1e-12, "Q R of the first columns is the first columns");
            }
        }
        assertEquals(0, f.a()[6], 1e-15, "R is a triangle");
    }

    @Test
    void loraGaTakesOneSideFromTheFirstDirectionsAndTheOtherFromTheNext() {
        double[] g = cosines();
        FirstFactors f = FirstFactors.of(FirstFactors.Kind.loraga, g, 8, 6, 2, 1);
        double c = Math.pow(8, 0.25) / 4;
        assertEquals(c * Math.sqrt(2), norm(f.a()), 1e-12);
        assertEquals(c * Math.sqrt(2), norm(f.b()), 1e-12);
        // |G V_{1..2}| by singular values 1 and 2, |U_{3..4}^T G| by 3 and 4 (2.118411, 0.803996); together they see nothing of G.
        assertEquals(3.987097, norm(times(g, transposed(f.a(), 2, 6), 8, 6, 2)) / c, 1e-5);
        assertEquals(Math.sqrt(2.118411 * 2.118411 + 0.803996 * 0.803996), norm(times(transposed(f.b(), 8, 2), g, 2, 8, 6)) / c, 1e-5);
        assertEquals(0, norm(times(times(transposed(f.b(), 8, 2), g, 2, 8, 6), transposed(f.a(), 2, 6), 2, 6, 2)), 1e-12);
        assertTrue(assertThrows(Refusal.class, () -> FirstFactors.of(FirstFactors.Kind.loraga, g, 8, 6, 4, 1)).getMessage().startsWith("r is 4; the initialisation loraga takes 8 directions"));
    }

    // --- in a run

    private static final Checkpoint BASE = Checkpoints.open(Reference.of("llama-tied").checkpoint());
    private static final ModelSpec SPEC = Families.read(BASE.config(), BASE.configFile(), BASE.tensors().keySet());

    private static List<List<Sequence>> samples() {
        return Batches.single(java.util.stream.IntStream.range(0, 4).mapToObj(i -> {
            int[] ids = java.util.stream.IntStream.range(0, 9).map(t -> 3 + (17 * i + 5 * t + t * t) % 250).toArray();
            return Sequence.of(ids, ids, false);
        }).toList());
    }

    private static double loss(Lora method, Parameters p) {
        try (LossPass pass = new LossPass(p, 1)) {
            return samples().stream().mapToDouble(s -> pass.evaluate(s, Progress.NONE).sum()).sum();
        }
    }

    @ParameterizedTest
    @EnumSource(FirstFactors.Kind.class)
    void aRunBeginsWhereTheModelIsAndItsResultStandsOnTheModelAsItIs(FirstFactors.Kind kind) throws IOException {
        double base;
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, t -> false)) {
            base = loss(null, p);
        }
        Lora.Settings plain = new Lora.Settings(2, 4, 0f, List.of(Lora.ALL_LINEAR), false, false, null, null);
        Map<String, float[]> gradients = !kind.looksAtGradient() ? null
                : FirstGradient.of(Lora.targets(plain, SPEC).keySet(), BASE, SPEC, ProductsForTests.PRODUCTS, samples(), Progress.NONE);
        Lora.Settings settings = new Lora.Settings(2, 4, 0f, List.of(Lora.ALL_LINEAR), false, false, null, null, kind, gradients);
        Lora method = kind.inner() ? new InnerLora(settings, 1e-3) : new Lora(settings);
        Run run = new Run(3, 2, 1, 1e-2, 0, Schedule.CONSTANT, 0, AdamW.Settings.DEFAULT, 0, 0f, 0, 0, 0, 1);
        double trained;
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, method::trains);
             Trainer t = new Trainer(run, method, p, new Batches(samples(), Batches.Order.SEQUENTIAL, 2, new Randomness(1)), List.of(), 1)) {
            if (kind == FirstFactors.Kind.lorasb) {
                // A step down the gradient's signs has been taken already, as far as two directions of each matrix go.
                assertTrue(loss(method, p) < base - 1e-2, base + " to " + loss(method, p));
            } else {
                assertEquals(base, loss(method, p), 1e-4 * base);
            }
            if (kind.inner()) {
                assertEquals(4L * p.adapters().size(), p.trained().stream().mapToLong(vitrine.core.backward.Parameter::elements).sum(),
                        "r^2 values per module");
            }
            t.train(new Quiet(), Progress.NONE);
            trained = loss(method, p);
            assertTrue(Math.abs(trained - base) > (kind == FirstFactors.Kind.loraxs ? 1e-4 : 1e-2), "three steps change something");
            Files.createDirectories(folder.resolve("out"));
            method.write(p, folder.resolve("out"), Json.object());
        }
        JsonNode config = new ObjectMapper().readTree(folder.resolve("out/adapter_config.json").toFile());
        assertEquals(kind.changesBase() ? 4 : 2, config.get("r").asInt());
        assertEquals(2.0, config.get("lora_alpha").asDouble() / config.get("r").asInt(), "the scaling stays");
        assertTrue(config.get("init_lora_weights").asBoolean(), "the base needs no change to read it");
        Lora again = new Lora(new Lora.Settings(config.get("r").asInt(), config.get("lora_alpha").asDouble(), 0f, List.of(Lora.ALL_LINEAR), false, false, null,
                Adapter.open(folder.resolve("out").toString())));
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, again::trains)) {
            again.prepare(p, new Randomness(1));
            assertEquals(trained, loss(again, p), 1e-4 * trained);
        }
        if (kind.changesBase()) {
            try (SafetensorsFile f = SafetensorsFile.open(folder.resolve("out/adapter_model.safetensors"))) {
                assertEquals(4, f.tensors().values().iterator().next().shape().size(0), "twice the rank");
            }
        }
    }

    private static final class Quiet implements Trainer.Listener {
        @Override
        public void figures(long step, Map<String, Double> values) {}

        @Override
        public void save(Trainer trainer, long step) {}

        @Override
        public boolean stops(long step) {
            return false;
        }
    }
}
