package vitrine.core.backward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.family.Families;
import vitrine.core.checkpoint.Checkpoint;
import vitrine.core.checkpoint.Checkpoints;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.forward.ProductsForTests;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.testing.Reference;

/// Gradients against those of transformers, tensor by tensor.
class GradientsTest {

    private static final Path DIGESTS = Path.of("src/test/resources/training/gradients.json");
    private static final Path CASES = Path.of("src/test/resources/training");

    static List<String> digested() throws IOException {
        List<String> names = new ArrayList<>();
        Json.mapper().readTree(DIGESTS.toFile()).fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static Parameters open(Path folder) {
        Checkpoint c = Checkpoints.open(folder);
        ModelSpec spec = Families.read(c.config(), c.configFile(), c.tensors().keySet());
        return new Parameters(c, spec, ProductsForTests.PRODUCTS, t -> true);
    }

    /// Of every family: the norm of each tensor's gradient and a weighted sum of it, computed in float64 by `make_gradient_digests.py`.
    @ParameterizedTest
    @MethodSource("digested")
    void everyFamilyHasTheGradientsOfTransformers(String name) throws IOException {
        JsonNode want = Json.mapper().readTree(DIGESTS.toFile()).get(name);
        Reference reference = Reference.of(name);
        try (Parameters parameters = open(reference.checkpoint()); SafetensorsFile golden = reference.expected(); LossPass pass = new LossPass(parameters, 1)) {
            boolean encoder = parameters.spec().encoder();
            List<LossPass.Sequence> prompts = new ArrayList<>();
            for (String p : List.of("p0.", "p1.")) {
                int[] ids = golden.ints(p + "input_ids");
                LossPass.Sequence s = LossPass.Sequence.of(ids, ids, encoder);
                prompts.add(new LossPass.Sequence(ids, golden.has(p + "token_type_ids") ? golden.ints(p + "token_type_ids") : null, s.targets()));
            }
            int count = prompts.stream().mapToInt(LossPass.Sequence::predicted).sum();
            LossPass.Loss loss = pass.backward(prompts, 1f / count, 0f, null, Progress.NONE);
            assertEquals(want.get("loss").asDouble(), loss.sum() / count, 1e-4);
            List<String> wrong = new ArrayList<>();
            for (Parameter p : parameters.trained()) {
                JsonNode digest = want.get("gradients").get(p.name());
                if (digest == null || digest.get(0).asDouble() == 0 && p.name().endsWith("bias")) {
                    continue;
                }
                float[] g = p.gradientToArray();
                double norm = Math.sqrt(IntStream.range(0, g.length).mapToDouble(i -> (double) g[i] * g[i]).sum());
                double sum = IntStream.range(0, g.length).mapToDouble(i -> g[i] * Math.cos(0.37 * (i + 1))).sum();
                double wanted = digest.get(0).asDouble();
                double allowed = 1e-3 * Math.max(wanted, 1e-3);
                if (!(Math.abs(norm - wanted) <= allowed) || !(Math.abs(sum - digest.get(1).asDouble()) <= allowed)) {
                    wrong.add(p.name() + ": norm " + norm + " instead of " + wanted + ", sum " + sum + " instead of " + digest.get(1).asDouble());
                }
            }
            assertEquals(List.of(), wrong);
            assertTrue(parameters.trained().size() >= 14);
        }
    }

    private static List<LossPass.Sequence> firstBatch(SafetensorsFile golden) {
        int[] ids = golden.ints("batch_ids");
        return IntStream.range(0, 4).mapToObj(i -> Arrays.copyOfRange(ids, i * 16, (i + 1) * 16)).map(s -> LossPass.Sequence.of(s, s, false)).toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"train-llama", "train-qwen3-moe"})
    void everyEntryAgreesWithTheReference(String name) throws IOException {
        Reference training = Reference.at(CASES.resolve(name));
        Reference base = Reference.of(training.golden().get("base_case").asText());
        try (Parameters parameters = open(base.checkpoint()); SafetensorsFile golden = training.expected(); LossPass pass = new LossPass(parameters, 1)) {
            LossPass.Loss loss = pass.backward(firstBatch(golden), 1f / 60, 0f, null, Progress.NONE);
            training.compare(golden, "grad_loss", new float[] {(float) (loss.sum() / 60)});
            int compared = 0;
            for (Parameter p : parameters.trained()) {
                training.compare(golden, "grad." + p.name(), p.gradientToArray());
                compared++;
            }
            assertEquals(training.golden().get("parameters").size(), compared);
        }
    }

    @Test
    void theBalanceLossReachesTheRouters() throws IOException {
        Reference training = Reference.at(CASES.resolve("train-qwen3-moe"));
        try (Parameters parameters = open(Reference.of("qwen3-moe").checkpoint()); SafetensorsFile golden = training.expected(); LossPass pass = new LossPass(parameters, 1)) {
            LossPass.Loss loss = pass.backward(firstBatch(golden), 1f / 60, 0.001f, null, Progress.NONE);
            assertEquals(training.golden().get("auxiliary_loss").get("auxiliary").asDouble(), loss.balance(), 1e-4);
            for (int l = 0; l < 3; l++) {
                String router = "model.layers." + l + ".mlp.gate.weight";
                training.compare(golden, "grad_aux." + router, parameters.get(router).gradientToArray());
            }
        }
    }

    @Test
    void computingLayersTwiceChangesNoBit() {
        List<float[]> once = gradients(3);
        List<float[]> twice = gradients(1);
        for (int i = 0; i < once.size(); i++) {
            assertArrayEquals(once.get(i), twice.get(i));
        }
    }

    private static List<float[]> gradients(int kept) {
        try (Parameters parameters = open(Reference.of("qwen3-moe").checkpoint());
             SafetensorsFile golden = Reference.at(CASES.resolve("train-qwen3-moe")).expected(); LossPass pass = new LossPass(parameters, kept)) {
            pass.backward(firstBatch(golden), 1f / 60, 0.01f, new Noise(3), Progress.NONE);
            return parameters.trained().stream().map(Parameter::gradientToArray).toList();
        }
    }

    /// A pass over sequences together is the sum of passes over each alone: they do not see each other.
    @Test
    void packedSequencesDoNotSeeEachOther() {
        apartIsTogether("mistral", List.of(new int[] {5, 6, 7, 8, 9, 10, 11}, new int[] {20, 21, 22, 23}));
    }

    /// So many tokens that those of an expert pass in whole blocks and a rest; each sequence alone has fewer than a block.
    @ParameterizedTest
    @ValueSource(strings = {"mixtral", "qwen3-moe"})
    void expertsOfManyTokensHaveTheGradientsOfFew(String name) {
        apartIsTogether(name, IntStream.range(0, 30).mapToObj(s -> IntStream.range(0, 16).map(i -> (7 * s + 31 * i + s * i) % 400 + 3).toArray()).toList());
    }

    private static void apartIsTogether(String name, List<int[]> ids) {
        List<LossPass.Sequence> all = ids.stream().map(s -> LossPass.Sequence.of(s, s, false)).toList();
        float weight = 1f / all.stream().mapToInt(LossPass.Sequence::predicted).sum();
        try (Parameters together = open(Reference.of(name).checkpoint()); Parameters apart = open(Reference.of(name).checkpoint());
             LossPass one = new LossPass(together, 1); LossPass other = new LossPass(apart, 1)) {
            double packed = one.backward(all, weight, 0f, null, Progress.NONE).sum();
            double alone = 0;
            for (LossPass.Sequence s : all) {
                alone += other.backward(List.of(s), weight, 0f, null, Progress.NONE).sum();
            }
            assertEquals(alone, packed, 1e-5 * Math.max(1, alone));
            for (int i = 0; i < together.trained().size(); i++) {
                float[] g = together.trained().get(i).gradientToArray();
                float[] h = apart.trained().get(i).gradientToArray();
                double largest = IntStream.range(0, h.length).mapToDouble(k -> Math.abs(h[k])).max().orElse(0);
                for (int k = 0; k < g.length; k++) {
                    assertEquals(h[k], g[k], 1e-5 * Math.max(largest, 1e-3), together.trained().get(i).name());
                }
            }
        }
    }

    /// A batch whose tokens are filled up to a round number (71, so one more) has the loss and the gradients that its sequences, each too short to be filled, have one by one.
    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gpt2", "bert", "bloom"})
    void whatFillsABatchCountsForNothing(String name) throws IOException {
        Reference reference = Reference.of(name);
        try (Parameters together = open(reference.checkpoint()); LossPass batch = new LossPass(together, 1); Parameters apart = open(reference.checkpoint()); LossPass one = new LossPass(apart, 1)) {
            List<LossPass.Sequence> sequences = new ArrayList<>();
            for (int length : new int[] {31, 31, 9}) {
                int[] ids = IntStream.range(0, length).map(i -> 1 + (7 * i + length) % 29).toArray();
                sequences.add(LossPass.Sequence.of(ids, ids, together.spec().encoder()));
            }
            assertEquals(4, LossPass.grain(71));
            assertEquals(1, LossPass.grain(31));
            double sum = 0;
            for (LossPass.Sequence s : sequences) {
                sum += one.backward(List.of(s), 0.01f, 0f, null, Progress.NONE).sum();
            }
            LossPass.Loss all = batch.backward(sequences, 0.01f, 0f, null, Progress.NONE);
            assertEquals(sum, all.sum(), 1e-4 * sum);
            assertEquals(sequences.stream().mapToInt(LossPass.Sequence::predicted).sum(), all.predicted());
            assertEquals(sum, batch.evaluate(sequences, Progress.NONE).sum(), 1e-4 * sum);
            for (int p = 0; p < together.trained().size(); p++) {
                float[] want = apart.trained().get(p).gradientToArray();
                double largest = IntStream.range(0, want.length).mapToDouble(i -> Math.abs(want[i])).max().orElse(0);
                assertArrayEquals(want, together.trained().get(p).gradientToArray(), (float) (1e-4 * largest + 1e-7), together.trained().get(p).name());
            }
        }
    }
}
