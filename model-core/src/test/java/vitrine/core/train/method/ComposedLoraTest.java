package vitrine.core.train.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.backward.LossPass.Sequence;
import vitrine.core.backward.LossPass;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.testing.Reference;
import vitrine.core.train.Randomness;

/// MultiLoRA, NOLA, SVFT and I-LoRA against their formulas, with differences of the loss for the gradients.
class ComposedLoraTest {

    private static final Checkpoint BASE = Checkpoints.open(Reference.of("llama-tied").checkpoint());
    private static final ModelSpec SPEC = Families.read(BASE.config(), BASE.configFile(), BASE.tensors().keySet());

    private static Lora.Settings settings() {
        return new Lora.Settings(3, 6, 0f, List.of("q_proj", "down_proj"), false, false, null, null);
    }

    private static Lora method(String name) {
        return switch (name) {
            case "multilora" -> new MultiLora(settings(), 2);
            case "nola" -> new Nola(settings(), 5);
            case "svft" -> new Svft(settings());
            default -> new SlowLora(settings());
        };
    }

    private static List<Sequence> samples() {
        return IntStream.range(0, 2).mapToObj(i -> {
            int[] ids = IntStream.range(0, 9).map(t -> 3 + (17 * i + 5 * t + t * t) % 250).toArray();
            return Sequence.of(ids, ids, false);
        }).toList();
    }

    private static double loss(Parameters p) {
        try (LossPass pass = new LossPass(p, 1)) {
            return pass.evaluate(samples(), Progress.NONE).sum();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"multilora", "nola", "svft"})
    void theyBeginAtTheBaseAndTheirGradientsAreThoseOfTheLoss(String name) {
        Lora m = method(name);
        double base;
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, t -> false)) {
            base = loss(p);
        }
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, m::trains)) {
            m.prepare(p, new Randomness(2));
            assertEquals(base, loss(p), 1e-5 * base);
            int seed = 0;
            for (Parameter q : p.trained()) {
                float[] v = q.toArray();
                for (int i = 0; i < v.length; i++) {
                    v[i] += (float) (0.2 * Math.sin(1.3 * i + seed));
                }
                q.set(v);
                seed++;
            }
            m.after(1, 2, null);
            assertTrue(Math.abs(loss(p) - base) > 1e-2, "it changes something");
            p.clearGradients();
            m.choose(1, p.trained(), null);
            try (LossPass pass = new LossPass(p, 1)) {
                pass.backward(samples(), 1f, 0f, null, Progress.NONE);
            }
            m.gradients();
            for (Parameter q : p.trained()) {
                float[] g = q.gradientToArray();
                double squares = IntStream.range(0, g.length).mapToDouble(i -> (double) g[i] * g[i]).sum();
                assertTrue(squares > 0, q.name());
                float[] before = q.toArray();
                double h = 4e-2 / Math.sqrt(squares);
                double[] side = new double[2];
                for (int k = 0; k < 2; k++) {
                    float[] moved = before.clone();
                    for (int i = 0; i < moved.length; i++) {
                        moved[i] += (float) ((k == 0 ? h : -h) * g[i]);
                    }
                    q.set(moved);
                    m.after(1, 2, null);
                    side[k] = loss(p);
                }
                q.set(before);
                m.after(1, 2, null);
                assertEquals(Math.sqrt(squares), (side[0] - side[1]) / 8e-2, 2e-2 * Math.sqrt(squares) + 2e-3, q.name());
            }
        }
    }

    /// W = U S V^T keeps its singular vectors: W + dW has, in them, the values S + m.
    @Test
    void svftOnlyWeightsSingularVectors() {
        Svft m = (Svft) method("svft");
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, m::trains)) {
            m.prepare(p, new Randomness(2));
            Parameter values = p.trained().getFirst();
            float[] raised = new float[(int) values.elements()];
            for (int i = 0; i < raised.length; i++) {
                raised[i] = 2f;
            }
            values.set(raised);
            m.after(1, 2, null);
            Map.Entry<String, LowRank> first = p.adapters().entrySet().iterator().next();
            Linear l = Lora.targets(settings(), SPEC).get(first.getKey());
            double[] w = Lora.rows(p.values(l), l);
            double[] before = FirstFactors.Largest.of(w, l.out(), l.in(), Math.min(l.out(), l.in())).values();
            float[] a = first.getValue().a().toArray();
            float[] b = first.getValue().b().toArray();
            int k = first.getValue().rank();
            for (int o = 0; o < l.out(); o++) {
                for (int j = 0; j < l.in(); j++) {
                    for (int i = 0; i < k; i++) {
                        w[o * l.in() + j] += (double) b[o * k + i] * a[i * l.in() + j];
                    }
                }
            }
            double[] after = FirstFactors.Largest.of(w, l.out(), l.in(), k).values();
            for (int i = 0; i < k; i++) {
                assertEquals(before[i] + 2, after[i], 1e-4 * after[0]);
            }
        }
    }

    @Test
    void theSlowLearnerFollowsAsInThePaper() {
        double[] want = {1, 1.75, 2.6875, 3.671875, 4.66796875, 5.6669921875};
        double slow = 0;
        for (int k = 0; k < want.length; k++) {
            slow = SlowLora.kept(k) * slow + (1 - SlowLora.kept(k)) * (k + 1);
            assertEquals(want[k], slow, 1e-12);
        }
        SlowLora m = (SlowLora) method("ilora");
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, m::trains)) {
            m.prepare(p, new Randomness(2));
            Parameter q = p.trained().getFirst();
            float[] fast = new float[(int) q.elements()];
            for (int k = 0; k < want.length; k++) {
                java.util.Arrays.fill(fast, k + 1f);
                q.set(fast);
                m.after(k + 1, 9, null);
            }
            m.present(true);
            assertEquals(want[5], q.toArray()[0], 1e-6);
            m.present(false);
            assertArrayEquals(fast, q.toArray());
        }
    }

    /// What a run writes is what it validated: read back by the adapter's reader and run by the forward pass.
    @ParameterizedTest
    @ValueSource(strings = {"multilora", "nola", "svft", "ilora"})
    void theResultIsAnOrdinaryAdapter(String name, @TempDir Path folder) throws IOException {
        Path data = Files.write(folder.resolve("data.jsonl"), IntStream.range(0, 4).mapToObj(i -> "{\"input_ids\": "
                + java.util.Arrays.toString(IntStream.range(0, 10).map(t -> 3 + (i * 97 + t * t * 31) % 250).toArray()) + "}").toList());
        ObjectNode task = Json.object().put("kind", "finetune").put("model", BASE.path().toAbsolutePath().toString()).put("data", data.toString()).put("evalData", data.toString()).put("method", name);
        task.putObject("settings").put("steps", 4).put("batchSize", 2).put("lr", 0.05).put("warmupSteps", 0).put("schedule", "constant").putArray("targetModules").add("v_proj").add("up_proj");
        if (name.equals("multilora")) {
            task.withObject("settings").put("rslora", true).put("r", 4);
        }
        Path result = Files.createDirectories(folder.resolve("run")).resolve("result");
        JsonNode summary = vitrine.core.work.TaskRunner.run(vitrine.core.task.Task.fromJson(task), result, Progress.NONE, w -> { }).manifest().summary();
        double before = summary.get("validation_loss_before").asDouble();
        double after = summary.get("validation_loss").asDouble();
        assertTrue(after < before - 1e-3, before + " to " + after);
        JsonNode eval = vitrine.core.work.TaskRunner.run(new vitrine.core.task.Task.Evaluate(task.get("model").asText(), data.toString(), null,
                List.of(vitrine.core.task.Task.AdapterUse.of(result.toString()))), folder.resolve("eval"), Progress.NONE, w -> { }).manifest().summary();
        assertEquals(after, eval.get("loss").asDouble(), 3e-5 * after);
        if (name.equals("nola")) {
            try (SafetensorsFile f = SafetensorsFile.open(result.resolve("coefficients.safetensors"))) {
                assertEquals(64, f.floats("model.layers.0.self_attn.v_proj.nola_alpha").length);
            }
        }
    }

    /// W' against the formula written out, block by block; the gradient of M against differences of the loss; and what is written is M.
    @Test
    void boneMakesItsChangeOfTheMatricesOwnBlocks(@TempDir Path folder) throws IOException {
        Bone m = new Bone(new Lora.Settings(4, 1, 0f, List.of("q_proj", "down_proj"), false, false, null, null), SPEC);
        double base;
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, t -> false)) {
            base = loss(p);
        }
        try (Parameters p = new Parameters(BASE, SPEC, ProductsForTests.PRODUCTS, m::trains)) {
            m.prepare(p, new Randomness(2));
            m.after(1, 2, null);
            assertEquals(base, loss(p), 1e-6 * base);
            Map<String, Linear> matrices = Lora.targets(settings(), SPEC);
            Map<String, float[]> before = new java.util.LinkedHashMap<>();
            matrices.keySet().forEach(n -> before.put(n, p.get(n).toArray()));
            List<Parameter> blocks = p.trained().stream().filter(m::stepped).toList();
            assertEquals(matrices.size(), blocks.size());
            int seed = 0;
            for (Parameter q : blocks) {
                float[] v = q.toArray();
                for (int i = 0; i < v.length; i++) {
                    v[i] = (float) (0.1 * Math.sin(1.3 * i + seed));
                }
                q.set(v);
                seed++;
            }
            m.after(1, 2, null);
            int number = 0;
            for (Linear l : matrices.values()) {
                float[] w = before.get(l.weight());
                float[] got = p.get(l.weight()).toArray();
                float[] b = blocks.get(number++).toArray();
                for (int o = 0; o < l.out(); o++) {
                    for (int c = 0; c < l.in(); c++) {
                        double want = w[o * l.in() + c] + b[(o / 4 * 4 + o % 4) * 4 + c % 4];
                        for (int k = 0; k < 4; k++) {
                            want += (double) w[o * l.in() + c / 4 * 4 + k] * b[(o / 4 * 4 + k) * 4 + c % 4];
                        }
                        assertEquals(want, got[o * l.in() + c], 1e-6, l.weight());
                    }
                }
            }
            p.clearGradients();
            assertEquals(blocks, m.choose(1, p.trained(), null));
            try (LossPass pass = new LossPass(p, 1)) {
                pass.backward(samples(), 1f, 0f, null, Progress.NONE);
            }
            m.gradients();
            for (Parameter q : blocks) {
                float[] g = q.gradientToArray();
                double norm = Math.sqrt(IntStream.range(0, g.length).mapToDouble(i -> (double) g[i] * g[i]).sum());
                float[] own = q.toArray();
                double[] side = new double[2];
                for (int k = 0; k < 2; k++) {
                    float[] moved = own.clone();
                    for (int i = 0; i < moved.length; i++) {
                        moved[i] += (float) ((k == 0 ? 1e-2 : -1e-2) * g[i] / norm);
                    }
                    q.set(moved);
                    m.after(1, 2, null);
                    side[k] = loss(p);
                }
                q.set(own);
                m.after(1, 2, null);
                assertEquals(norm, (side[0] - side[1]) / 2e-2, 1e-2 * norm + 2e-3, q.name());
            }
            m.write(p, folder, Json.object());
            try (SafetensorsFile f = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
                assertEquals(blocks.size(), f.tensors().size());
                assertArrayEquals(blocks.getFirst().toArray(), f.floats("base_model.model." + blocks.getFirst().name()));
            }
        }
        assertTrue(assertThrows(Refusal.class, () -> new Bone(new Lora.Settings(7, 1, 0f, List.of("q_proj"), false, false, null, null), SPEC)).getMessage()
                .contains("r is 7; bone cuts matrices into blocks of r x r, which model.layers.0.self_attn.q_proj cannot be cut into"));
    }
}
