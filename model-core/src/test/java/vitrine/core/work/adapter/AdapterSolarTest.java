package vitrine.core.work.adapter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.adapter.Adapter;
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;
import vitrine.core.task.TaskAdapterCutBuilder;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;

/// SOLAR's storage: coefficients in bases of the base's singular vectors, written, read as an adapter, and written back as factors. Errors are those that
/// `src/test/python/solar_figures.py` finds with numpy.
class AdapterSolarTest {

    private static final int KEPT = 1248;
    private static final double ERROR = 0.9468958018169449;
    private static final double ALL_ERROR = 0.9467207458446987;

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private Artifact run(Task task) throws IOException {
        return TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, warnings::add);
    }

    private static String reference(String name) {
        return Reference.of(name).folder().toAbsolutePath().toString();
    }

    private static Task.AdapterCut cut(String adapter, String base, Integer rank, Double energy, Double parameters, Task.AdapterCut.Solar solar) {
        return TaskAdapterCutBuilder.builder().adapter(adapter).model(base).rank(rank).energy(energy).parameters(parameters).solar(solar).build();
    }

    private float[] logits(String base, String adapter) throws IOException {
        Task.Capture task = new Task.Capture(base, Task.Prompt.ofIds(List.of(1, 5, 9, 3, 20, 17)), List.of(Task.What.logits), null, List.of(Task.AdapterUse.of(adapter)));
        try (SafetensorsFile file = run(task).tensors()) {
            return file.floats("logits");
        }
    }

    @Test
    void errorsAreThoseOfAnIndependentComputation() throws IOException {
        Artifact some = run(cut(reference("lora-llama"), reference("llama-gqa"), null, null, 0.25, new Task.AdapterCut.Solar(8, 0.1, 7L)));
        JsonNode s = some.manifest().summary();
        assertEquals(KEPT, s.get("parameters").asLong());
        assertEquals(ERROR, s.get("relative_error").asDouble(), 1e-6);
        assertEquals(6L * KEPT, s.get("bytes").asLong(), 4000, "4 bytes a value, 2 a place, and the header");
        // What the bases cannot hold is told.
        Artifact all = run(cut(reference("lora-llama"), reference("llama-gqa"), null, 1.0, null, new Task.AdapterCut.Solar(8, 0.1, 7L)));
        assertEquals(ALL_ERROR, all.manifest().summary().get("relative_error").asDouble(), 1e-6);
        assertTrue(warnings.getLast().contains("lies outside of bases that begin with 8 vectors"), warnings.toString());
        String card = Files.readString(some.folder().resolve("README.md"));
        assertTrue(card.contains("| relative error of all deltas together |") && card.contains("| bytes of tensors |") && card.contains("seed 7"), card);
        // Read again, the deltas have the norm that is left of them, with the base and without.
        double left = Math.sqrt(1 - ERROR * ERROR);
        double whole = norm(run(Task.Adapter.alone(reference("lora-llama"))));
        assertEquals(left * whole, norm(run(Task.Adapter.alone(some.folder().toString()))), 1e-6 * whole);
        assertEquals(left * whole, norm(run(TaskAdapterBuilder.builder().adapter(some.folder().toString()).model(reference("llama-gqa")).build())), 1e-6 * whole);
        assertEquals(KEPT, Adapter.open(some.folder().toString()).parameters());
    }

    private static double norm(Artifact of) {
        return Math.sqrt(AdapterArtifact.of(of).rows().stream().mapToDouble(r -> Math.pow(r.figure("frobenius_norm").orElseThrow(), 2)).sum());
    }

    /// Bases as wide as the layers hold every delta; of wider layers what is stored is the projection, whose cosine with the delta its error tells.
    @Test
    void whatIsStoredIsTheAdapterOrItsProjection() throws IOException {
        String[][] cases = {{"lora-llama", "llama-gqa"}, {"lora-dora", "llama-gqa"}, {"lora-own-embedding-tied", "lora-base-llama-tied"}, {"lora-own-conv1d", "lora-base-gpt2"}};
        for (String[] c : cases) {
            Path own = Path.of("src/test/resources/reference/" + c[1]).toAbsolutePath();
            String base = Files.exists(own) ? own.toString() : reference(c[1]);
            String adapter = reference(c[0]);
            Artifact solar = run(cut(adapter, base, null, 1.0, null, new Task.AdapterCut.Solar(null, null, null)));
            double error = solar.manifest().summary().get("relative_error").asDouble();
            Artifact back = run(cut(solar.folder().toString(), base, null, 1.0, null, null));
            float[] stored = logits(base, solar.folder().toString());
            assertArrayEquals(stored, logits(base, back.folder().toString()), 2e-3f, c[0]);
            JsonNode compared = run(new Task.AdapterCompare(adapter, back.folder().toString())).manifest().summary();
            assertEquals(Math.sqrt(1 - error * error), compared.get("cosine").asDouble(), 1e-6, c[0]);
            assertEquals(compared.get("cosine").asDouble() * compared.get("frobenius_norm").asDouble(), compared.get("other_frobenius_norm").asDouble(), 1e-5, c[0]);
            Adapter before = Adapter.open(adapter);
            Adapter after = Adapter.open(back.folder().toString());
            assertEquals("LORA", after.config().json().get("peft_type").asText());
            assertTrue(after.config().json().path("solar").isMissingNode());
            before.modules().forEach(m -> assertEquals(m.rank(), after.module(m.path()).orElseThrow().rank(), m.path()));
            if (c[0].equals("lora-llama")) {
                // Of a square layer of 64 both bases are the whole space.
                AdapterArtifact was = AdapterArtifact.of(run(Task.Adapter.alone(adapter)));
                AdapterArtifact is = AdapterArtifact.of(run(Task.Adapter.alone(solar.folder().toString())));
                AdapterArtifact.Row square = was.rows().stream().filter(r -> r.module().endsWith("q_proj")).findFirst().orElseThrow();
                assertEquals(square.in(), square.out());
                assertArrayEquals(was.values("sv", square), is.values("sv", is.row(square.module()).orElseThrow()), 1e-5);
                // Merged as any adapter.
                Artifact merged = run(new Task.AdapterMerge(base, List.of(Task.AdapterUse.of(solar.folder().toString()))));
                Task.Capture plain = new Task.Capture(merged.folder().toString(), Task.Prompt.ofIds(List.of(1, 5, 9, 3, 20, 17)), List.of(Task.What.logits), null, null);
                try (SafetensorsFile file = run(plain).tensors()) {
                    assertArrayEquals(stored, file.floats("logits"), 5e-3f);
                }
            }
            // The embedding's 24 rows of 32 values fit into the bases.
            assertEquals(!c[0].equals("lora-own-embedding-tied"), error > 0.01, c[0] + ": " + error);
        }
    }

    @Test
    void whatDoesNotFitIsRefused() throws IOException {
        String base = reference("llama-gqa");
        Path solar = run(cut(reference("lora-llama"), base, 2, null, null, new Task.AdapterCut.Solar(8, null, null))).folder();
        assertEquals(Category.TASK_INVALID, assertThrows(Refusal.class, () -> run(cut(solar.toString(), null, 2, null, null, null))).category());
        assertThrows(Refusal.class, () -> run(new Task.AdapterCompare(solar.toString(), reference("lora-llama"))));
        assertThrows(Refusal.class, () -> cut("a", null, 2, null, null, new Task.AdapterCut.Solar(null, null, null)));
        assertThrows(Refusal.class, () -> new Task.AdapterCut.Solar(65, null, null));
        // Another base has other singular vectors: that must not pass in silence.
        Path config = solar.resolve("adapter_config.json");
        var json = Json.readObject(Files.readAllBytes(config), config, Category.CONFIG_INVALID);
        String first = json.at("/solar/modules").properties().iterator().next().getKey();
        ((com.fasterxml.jackson.databind.node.ObjectNode) json.at("/solar/modules").get(first)).put("base_norm", 1.0);
        Files.write(config, Json.pretty(json).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        Refusal other = assertThrows(Refusal.class, () -> logits(base, solar.toString()));
        assertTrue(other.getMessage().contains("belong to a base whose " + first), other.getMessage());
        ((com.fasterxml.jackson.databind.node.ObjectNode) json.at("/solar/modules").get(first)).put("rank", -1);
        Files.write(config, Json.pretty(json).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        assertEquals(Category.ADAPTER_INVALID, assertThrows(Refusal.class, () -> Adapter.open(solar.toString())).category());
    }
}
