package vitrine.core.train.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.architecture.ExpertParameter;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;
import vitrine.core.train.Randomness;

/// Adapters beyond the linear layers of blocks: on embeddings, heads and routed experts, however they are stored.
class AdaptedPlacesTest {

    private static Lora.Settings settings(List<String> modules, List<String> parameters, float dropout, boolean dora, FirstFactors.Kind kind) {
        return new Lora.Settings(3, 6, dropout, modules, false, dora, null, null, kind, null, parameters);
    }

    private static Parameters open(String name, java.util.function.Predicate<vitrine.core.architecture.NamedTensor> trains) {
        Checkpoint c = Checkpoints.open(Reference.of(name).checkpoint());
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        return new Parameters(c, spec, ProductsForTests.PRODUCTS, trains);
    }

    private static List<Sequence> samples() {
        return IntStream.range(0, 3).mapToObj(i -> {
            int[] ids = IntStream.range(0, 14).map(t -> 3 + (17 * i + 5 * t + t * t) % 250).toArray();
            return Sequence.of(ids, ids, false);
        }).toList();
    }

    private static void fill(Parameter p, int seed) {
        float[] v = new float[(int) p.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) (0.3 * Math.sin(1.7 * (i + 1) + seed));
        }
        p.set(v);
    }

    /// Where an adapter's value (output o, input j) is in the tensor that it adds to.
    private interface Cell {
        int at(int o, int j);
    }

    private static Cell cell(String place, LowRank l, ModelSpec spec) {
        int in = (int) l.a().shape().size(1);
        int out = (int) l.b().shape().size(0);
        if (place.endsWith("#table")) {
            return (o, j) -> j * out + o;
        }
        int mark = place.indexOf('#');
        if (mark < 0 || place.endsWith("#head")) {
            return (o, j) -> o * in + j;
        }
        int e = Integer.parseInt(place.substring(mark + 1));
        Experts.Stack s = ExpertParameter.of(spec).values().stream().flatMap(p -> p.matrices().stream()).map(m -> (Experts.Stack) m)
                .filter(m -> m.weight().equals(place.substring(0, mark))).findFirst().orElseThrow();
        return s.inputMajor() ? (o, j) -> (e * in + j) * out + o : (o, j) -> (e * out + o) * in + j;
    }

    /// With W' = W + s B A in the place of W, dA = s B^T G and dB = s G A^T, where G is the gradient of W', which GradientsTest checks against transformers.
    @ParameterizedTest
    @CsvSource({"qwen3-moe, true", "mixtral, true", "granitemoe, false", "gpt-oss, true", "llama4-text, false", "gemma, false"})
    void gradientsAreThoseOfTheMatricesThatTheyAddTo(String name, boolean untied) {
        boolean dense = name.equals("gemma");
        List<String> modules = untied ? List.of("q_proj", "embed_tokens", "lm_head") : dense ? List.of("embed_tokens") : List.of("q_proj");
        Lora method = new Lora(settings(modules, dense ? List.of() : List.of(Lora.ALL_EXPERTS), 0f, false, FirstFactors.Kind.kaiming));
        try (Parameters adapted = open(name, method::trains); Parameters full = open(name, t -> true)) {
            method.prepare(adapted, new Randomness(3));
            int seed = 0;
            for (Parameter p : adapted.trained()) {
                fill(p, seed++);
            }
            boolean tied = adapted.spec().head().tied();
            assertEquals(untied, !tied);
            adapted.adapters().forEach((place, l) -> {
                Parameter w = full.get(place.replaceAll("#.*", ""));
                float[] values = w.toArray();
                Cell cell = cell(place, l, adapted.spec());
                each(l, (o, j, delta) -> values[cell.at(o, j)] += (float) delta);
                w.set(values);
            });
            double weight = 1.0 / samples().stream().mapToInt(Sequence::predicted).sum();
            double loss;
            try (LossPass pass = new LossPass(adapted, 1)) {
                loss = pass.backward(samples(), (float) weight, 0f, null, Progress.NONE).sum();
            }
            if (dense) {
                differences(adapted, weight);
                return;
            }
            try (LossPass pass = new LossPass(full, 1)) {
                assertEquals(loss, pass.backward(samples(), (float) weight, 0f, null, Progress.NONE).sum(), 1e-4 * loss);
            }
            Map<Parameter, double[]> wanted = new IdentityHashMap<>();
            adapted.adapters().forEach((place, l) -> {
                float[] g = full.get(place.replaceAll("#.*", "")).gradientToArray();
                Cell cell = cell(place, l, adapted.spec());
                int r = l.rank();
                int in = (int) l.a().shape().size(1);
                double[] da = wanted.computeIfAbsent(l.a(), p -> new double[(int) p.elements()]);
                double[] db = wanted.computeIfAbsent(l.b(), p -> new double[(int) p.elements()]);
                float[] a = l.a().toArray();
                float[] b = l.b().toArray();
                each(l, (o, j, ignored) -> {
                    double d = l.scale() * (double) g[cell.at(o, j)];
                    for (int i = 0; i < r; i++) {
                        da[i * in + j] += d * b[o * r + i];
                        db[o * r + i] += d * a[i * in + j];
                    }
                });
            });
            assertEquals(adapted.trained().size(), wanted.size());
            int touched = 0;
            for (Parameter p : adapted.trained()) {
                float[] g = p.gradientToArray();
                double[] want = wanted.get(p);
                double error = 0;
                double norm = 0;
                for (int i = 0; i < g.length; i++) {
                    error += Math.pow(g[i] - want[i], 2);
                    norm += want[i] * want[i];
                }
                assertTrue(Math.sqrt(error) <= 2e-4 * Math.sqrt(norm) + 1e-8, p + ": " + Math.sqrt(error) + " of " + Math.sqrt(norm));
                touched += norm > 0 ? 1 : 0;
            }
            assertTrue(touched > 0.7 * wanted.size(), touched + " of " + wanted.size());
        }
    }

    private interface Delta {
        void at(int o, int j, double value);
    }

    private static void each(LowRank l, Delta to) {
        int r = l.rank();
        int in = (int) l.a().shape().size(1);
        float[] a = l.a().toArray();
        float[] b = l.b().toArray();
        for (int o = 0; o < l.b().shape().size(0); o++) {
            for (int j = 0; j < in; j++) {
                double sum = 0;
                for (int i = 0; i < r; i++) {
                    sum += (double) b[o * r + i] * a[i * in + j];
                }
                to.at(o, j, l.scale() * sum);
            }
        }
    }

    /// A table whose rows are multiplied, and which the head shares: along the gradient the loss rises by the gradient's square.
    private static void differences(Parameters adapted, double weight) {
        for (Parameter p : adapted.trained()) {
            float[] before = p.toArray();
            float[] g = p.gradientToArray();
            double squares = IntStream.range(0, g.length).mapToDouble(i -> (double) g[i] * g[i]).sum();
            double h = 2e-3 / Math.sqrt(squares);
            double[] loss = new double[2];
            for (int side = 0; side < 2; side++) {
                float[] moved = before.clone();
                for (int i = 0; i < moved.length; i++) {
                    moved[i] += (float) ((side == 0 ? h : -h) * g[i]);
                }
                p.set(moved);
                try (LossPass pass = new LossPass(adapted, 1)) {
                    loss[side] = weight * pass.evaluate(samples(), Progress.NONE).sum();
                }
            }
            p.set(before);
            assertEquals(squares, (loss[0] - loss[1]) / (2 * h), 2e-2 * squares, p.name());
        }
    }

    @Test
    void whatTheyAreNotDefinedForIsRefused() {
        refused("embed_tokens", new Lora(settings(List.of("embed_tokens"), List.of(), 0f, true, FirstFactors.Kind.kaiming)), "DoRA of an embedding");
        refused("lm_head", new Lora(settings(List.of("lm_head"), List.of(), 0f, false, FirstFactors.Kind.pissa)), "the initialisation pissa");
        refused("experts.gate_up_proj", new Lora(settings(List.of(), List.of("experts.gate_up_proj"), 0.1f, false, FirstFactors.Kind.kaiming)), "no dropout for adapters of experts");
        refused("experts.down_proj", new Lora(settings(List.of(), List.of("down_proj"), 0f, true, FirstFactors.Kind.kaiming)), "no DoRA for parameters of experts");
        refused("experts.up", new Lora(settings(List.of(), List.of("experts.up"), 0f, false, FirstFactors.Kind.kaiming)), "there are experts.gate_up_proj and experts.down_proj");
    }

    private static void refused(String what, Lora method, String reason) {
        try (Parameters p = open("qwen3-moe", method::trains)) {
            String said = assertThrows(Refusal.class, () -> method.prepare(p, new Randomness(1))).getMessage();
            assertTrue(said.contains(what) && said.contains(reason), said);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dbrx", "llama-gqa"})
    void modelsWithoutSuchParametersAreRefused(String name) {
        Lora method = new Lora(settings(List.of(), List.of(Lora.ALL_EXPERTS), 0f, false, FirstFactors.Kind.kaiming));
        try (Parameters p = open(name, method::trains)) {
            assertThrows(Refusal.class, () -> method.prepare(p, new Randomness(1)));
        }
    }
}
