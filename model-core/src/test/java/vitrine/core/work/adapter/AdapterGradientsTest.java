package vitrine.core.work.adapter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.forward.Adaptation;
import vitrine.core.forward.LowRankUpdate;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;

/// Importance by gradients: against torch and peft (`make_adapter_gradient_cases.py`), and gates against the loss of the forward pass with a component
/// made larger and smaller.
class AdapterGradientsTest {

    private static final Path CASES = Path.of("src/test/resources/training/adapter-gradients.json");

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private Artifact run(Task task) throws IOException {
        return TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, warnings::add);
    }

    private static String reference(String name) {
        return Reference.of(name).folder().toAbsolutePath().toString();
    }

    private static Task.Adapter task(String adapter, String base, String data) {
        return TaskAdapterBuilder.builder().adapter(adapter).model(base).alignment(Task.Alignment.none).data(List.of(new Task.Domain("text", data)))
                .ranks(List.of(0)).gradients(true).build();
    }

    private String written(JsonNode sequences) throws IOException {
        List<String> lines = new ArrayList<>();
        sequences.forEach(s -> lines.add("{\"input_ids\": " + s + "}"));
        return Files.write(folder.resolve("ids.jsonl"), lines).toString();
    }

    private static double[] doubles(JsonNode list) {
        double[] out = new double[list.size()];
        Arrays.setAll(out, i -> list.get(i).asDouble());
        return out;
    }

    private static double largest(double[] of) {
        return Arrays.stream(of).map(Math::abs).max().orElse(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"lora-dora", "lora-mixtral", "lora-own-adalora", "lora-own-conv1d-dora", "lora-own-mla"})
    void agreesWithTorchAndPeft(String name) throws IOException {
        JsonNode want = Json.mapper().readTree(CASES.toFile()).get(name);
        String base = Path.of(reference(name)).resolveSibling(want.get("base_case").asText()).toString();
        AdapterArtifact got = AdapterArtifact.of(run(task(reference(name), base, written(want.get("sequences")))));
        assertEquals(List.of("norm_product", "share", "activation", "gate", "sensitivity"), got.importance());
        assertEquals(3, got.artifact().manifest().summary().get("gradient_steps").asInt());
        assertEquals(want.get("loss").asDouble(), got.domains().getFirst().after().loss(), 1e-4);
        assertEquals(want.get("gate").size(), got.rows().size());
        double most = 0;
        for (AdapterArtifact.Row row : got.rows()) {
            double[] gate = doubles(want.get("gate").get(row.module()));
            double[] sensitivity = doubles(want.get("sensitivity").get(row.module()));
            assertTrue(largest(sensitivity) > 0, row.module());
            assertArrayEquals(gate, got.values("gate", row), 1e-4 * largest(gate), row.module());
            assertArrayEquals(sensitivity, got.values("sensitivity", row), 5e-4 * largest(sensitivity), row.module());
            most = Math.max(most, largest(gate));
        }
        assertTrue(most > 1e-3, "the gates matter: " + most);
    }

    /// The loss with one component times 1 + h and times 1 - h, by the forward pass, which knows nothing of gradients.
    @ParameterizedTest
    @CsvSource({"lora-llama, llama-gqa, model.layers.0.self_attn.v_proj", "lora-rslora, llama-gqa, model.layers.1.self_attn.v_proj", "lora-dora, llama-gqa, model.layers.1.mlp.down_proj"})
    void gatesAreTheSlopesOfTheLoss(String name, String base, String module) throws IOException {
        JsonNode sequences = Json.mapper().readTree(CASES.toFile()).get("lora-dora").get("sequences");
        List<Task.Domain> texts = List.of(new Task.Domain("text", written(sequences)));
        try (LoadedModel model = LoadedModel.open(reference(base), List.of(Task.AdapterUse.of(reference(name))))) {
            AdapterLosses losses = new AdapterLosses(model, texts, null, null, Progress.NONE);
            List<AdapterFit.Site> sites = model.adapters().fit().sites();
            AdapterFit.Site site = sites.stream().filter(s -> s.module().path().equals(module)).findFirst().orElseThrow();
            Adaptation whole = model.weights().adaptation();
            LowRankUpdate all = whole.linears().get(site.weight()).getFirst();
            List<AdapterLosses.Variation> variations = new ArrayList<>();
            float h = 0.03f;
            for (int i = 0; i < all.rank(); i++) {
                for (float by : new float[] {1 + h, 1 - h}) {
                    float[] gates = new float[all.rank()];
                    Arrays.fill(gates, 1f);
                    gates[i] = by;
                    variations.add(new AdapterLosses.Variation(site.layer(), own -> model.adapters().with(whole, site, List.of(all.gated(gates)))));
                }
            }
            double[][] found = losses.losses(whole, variations);
            try (AdapterGradients gradients = new AdapterGradients(model, sites)) {
                assertEquals(null, gradients.run(losses.data(), Progress.NONE));
                double[] got = gradients.gates(site);
                double[] slopes = new double[all.rank()];
                Arrays.setAll(slopes, i -> -(found[2 * i][0] - found[2 * i + 1][0]) / (2 * h));
                assertTrue(largest(slopes) > 0.02, "there are slopes to compare with: " + Arrays.toString(slopes));
                assertArrayEquals(slopes, got, 0.01 * largest(slopes));
                assertEquals(losses.losses(whole, List.of(new AdapterLosses.Variation(-1, own -> whole)))[0][0], gradients.loss(), 1e-5);
            }
        }
    }

    @Test
    void twiceTheSameBits() throws IOException {
        JsonNode sequences = Json.mapper().readTree(CASES.toFile()).get("lora-dora").get("sequences");
        String data = written(sequences);
        AdapterArtifact one = AdapterArtifact.of(run(task(reference("lora-mixtral"), reference("mixtral"), data)));
        AdapterArtifact other = AdapterArtifact.of(run(task(reference("lora-mixtral"), reference("mixtral"), data)));
        for (AdapterArtifact.Row row : one.rows()) {
            assertArrayEquals(one.values("gate", row), other.values("gate", row));
            assertArrayEquals(one.values("sensitivity", row), other.values("sensitivity", row));
        }
    }

    @Test
    void whatTheBackwardPassDoesNotKnowIsRefused() throws IOException {
        String data = Files.write(folder.resolve("few.jsonl"), List.of("{\"input_ids\": [1, 2, 3, 4]}")).toString();
        for (String[] c : new String[][] {{"lora-own-odd-ranks", "lora-base-llama", "lm_head"}, {"lora-own-bias", "lora-base-llama-biases", "bias of B"},
            {"lora-own-embedding-tied", "lora-base-llama-tied", "embed_tokens"}, {"lora-own-embedding-saved-tied", "lora-base-llama-tied", "whole"}}) {
            String base = Path.of(reference(c[0])).resolveSibling(c[1]).toString();
            Refusal r = assertThrows(Refusal.class, () -> run(task(reference(c[0]), base, data)), c[0]);
            assertEquals(Category.TASK_INVALID, r.category());
            assertTrue(r.getMessage().contains(c[2]), r.getMessage());
        }
        assertEquals(Category.TASK_INVALID, assertThrows(Refusal.class, () -> TaskAdapterBuilder.builder().adapter("a").model("b").gradients(true).build()).category());
    }

    @Test
    void stopsWhenItIsCancelled() throws IOException {
        String data = written(Json.mapper().readTree(CASES.toFile()).get("lora-dora").get("sequences"));
        List<String> units = new ArrayList<>();
        Progress cancelling = new Progress() {
            @Override
            public void step(long done, long total, String unit) {
                units.add(unit);
            }

            @Override
            public void checkCancelled() {
                if (!units.isEmpty() && units.getLast().equals("tokens of gradients")) {
                    throw new CancelledException();
                }
            }
        };
        Path out = folder.resolve("cancelled");
        assertThrows(Progress.CancelledException.class, () -> TaskRunner.run(task(reference("lora-llama"), reference("llama-gqa"), data), out, cancelling, warnings::add));
        assertEquals(1, units.stream().filter("tokens of gradients"::equals).count());
        assertFalse(Files.exists(out.resolve(Artifact.TENSORS)));
    }
}
