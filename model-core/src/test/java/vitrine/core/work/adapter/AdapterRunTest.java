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
import vitrine.core.artifact.AdapterArtifact;
import vitrine.core.artifact.Artifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;
import vitrine.core.task.TaskAdapterCutBuilder;
import vitrine.core.testing.Reference;
import vitrine.core.testing.SharedReference;
import vitrine.core.work.Edited;
import vitrine.core.work.TaskRunner;

/// `vitrine adapter` and its kin: the trained adapter's published figures, and the folders that they write.
class AdapterRunTest {

    private static final String TRAINED = "stories260k-lora-shakespeare";

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private Artifact run(Task task) throws IOException {
        return TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, warnings::add);
    }

    private static String reference(String name) {
        return Reference.of(name).folder().toAbsolutePath().toString();
    }

    private static void relative(double want, double got, double tolerance, String what) {
        assertEquals(want, got, tolerance * Math.abs(want), what);
    }

    // --- the trained adapter

    @Test
    void theTrainedAdapterHasItsFigures() throws IOException {
        Path adapter = SharedReference.require(TRAINED);
        Path base = SharedReference.require("stories260k");
        JsonNode golden = Reference.at(adapter).golden();
        List<Task.Domain> texts = List.of(new Task.Domain("shakespeare", adapter.resolve("eval/shakespeare.jsonl").toString()),
                new Task.Domain("stories", adapter.resolve("eval/stories.jsonl").toString()));
        AdapterArtifact got = AdapterArtifact.of(run(TaskAdapterBuilder.builder().adapter(adapter.toString()).model(base.toString()).data(texts).ranks(List.of(2, 8)).build()));
        assertEquals(List.of(), warnings);
        assertEquals(35, got.rows().size());
        assertEquals(92_480, got.parameters());
        for (JsonNode want : golden.get("modules")) {
            AdapterArtifact.Row row = got.row(want.get("module").asText()).orElseThrow();
            assertEquals(want.at("/shape/0").asInt(), row.out());
            double[] sv = got.values("sv", row);
            double[] norms = got.values("norm_product", row);
            for (int i = 0; i < 16; i++) {
                relative(want.at("/singular_values/" + i).asDouble(), sv[i], 1e-5, row.module());
                relative(want.at("/norm_product_of_each_component/" + i).asDouble(), norms[i], 1e-5, row.module());
            }
            String[][] figures = {{"frobenius", "frobenius_norm"}, {"relative_to_weight", "relative_norm"}, {"effective_rank_entropy", "effective_rank"}, {"stable_rank", "stable_rank"}};
            for (String[] f : figures) {
                relative(want.get(f[0]).asDouble(), row.figure(f[1]).orElseThrow(), 1e-5, row.module() + " " + f[0]);
            }
            assertEquals(want.get("rank_for_90").asDouble(), row.figure("rank_90").orElseThrow());
            assertEquals(want.get("rank_for_99").asDouble(), row.figure("rank_99").orElseThrow());
            assertEquals(1, Arrays.stream(got.values("share", row)).sum(), 1e-9);
            assertTrue(row.figure("intruders").isPresent() && row.figure("amplification").isPresent());
        }
        for (int d = 0; d < 2; d++) {
            AdapterArtifact.Domain domain = got.domains().get(d);
            JsonNode before = golden.at("/before/" + domain.name());
            assertEquals(before.get("predicted_tokens").asLong(), domain.predictedTokens());
            relative(before.get("perplexity").asDouble(), domain.before().perplexity(), 1e-3, "before");
            relative(golden.at("/after/" + domain.name() + "/perplexity").asDouble(), domain.after().perplexity(), 1e-3, "after");
            for (AdapterArtifact.Point p : got.curve().orElseThrow().points()) {
                relative(golden.at("/truncated/" + p.rank() + "/" + domain.name()).asDouble(), p.losses().get(d).perplexity(), 1e-3, domain.name() + " at rank " + p.rank());
            }
        }
        // Rank 8 of 16: half of the parameters.
        assertEquals(46_240, got.curve().orElseThrow().points().getLast().parameters());
    }

    @Test
    void leavingOutOneModule() throws IOException {
        Path adapter = SharedReference.require(TRAINED);
        JsonNode golden = Reference.at(adapter).golden();
        Path first = Files.write(folder.resolve("first.jsonl"), Files.readAllLines(adapter.resolve("eval/shakespeare.jsonl")).subList(0, 8));
        List<Task.Domain> texts = List.of(new Task.Domain("first rows", first.toString()));
        AdapterArtifact got = AdapterArtifact.of(run(TaskAdapterBuilder.builder().adapter(adapter.toString()).model(SharedReference.require("stories260k").toString()).alignment(Task.Alignment.none)
                .data(texts).ranks(List.of(0)).without(Task.Without.modules)
                .modules(List.of("*layers.4.mlp.*", "*layers.3.self_attn.q_proj", "*layers.0.mlp.up_proj")).build()));
        relative(golden.at("/without_one/all_deltas").asDouble(), got.domains().getFirst().after().perplexity(), 1e-3, "all");
        int compared = 0;
        for (JsonNode want : golden.at("/without_one/modules")) {
            if (got.row(want.get("module").asText()).orElseThrow().lossWithout().isEmpty()) {
                continue;
            }
            compared++;
            double loss = got.row(want.get("module").asText()).orElseThrow().lossWithout().getFirst();
            relative(want.get("perplexity").asDouble(), Math.exp(loss), 1e-3, want.get("module").asText());
        }
        JsonNode s = got.artifact().manifest().summary();
        assertEquals(5, compared, "of the 35, those that a test has time for");
        // Without and with the adapter, and the curve's one point, 5 layers each; of modules of layers 0, 3, 4, 4, 4 the 5, 2, 1, 1, 1 layers from there, and once
        // the 4 that lead to the last.
        assertEquals(15 + 10 + 4, s.get("layer_passes").asInt());
        assertEquals(40, s.get("layer_passes_plainly").asInt());
    }

    /// What is left out one at a time, found by runs of its own: a component gone from the file must change the loss as its gate does.
    @Test
    void componentsOneAtATime() throws IOException {
        String base = reference("llama-gqa");
        String adapter = reference("lora-dora");
        String data = ids();
        for (Task.Order order : List.of(Task.Order.singular, Task.Order.norm_product)) {
            AdapterArtifact got = AdapterArtifact.of(run(TaskAdapterBuilder.builder().adapter(adapter).model(base).alignment(Task.Alignment.none).data(List.of(new Task.Domain("ids", data))).ranks(List.of(0))
                    .order(order).without(Task.Without.components).modules(List.of("*layers.1.self_attn.v_proj")).build()));
            AdapterArtifact.Row row = got.rows().stream().filter(r -> r.module().equals("model.layers.1.self_attn.v_proj")).findFirst().orElseThrow();
            double[] change = got.values("loss_without", row);
            assertEquals(row.rank(), change.length);
            assertEquals(order == Task.Order.singular ? "singular" : "stored", got.components());
            // By hand: the adapter without the component, merged into nothing, run as a whole.
            Path cut = folder.resolve("without" + order);
            Files.createDirectories(cut);
            Edited.withoutComponent(Path.of(adapter), cut, row.module(), order == Task.Order.singular, 1);
            double after = got.domains().getFirst().after().loss();
            JsonNode eval = run(new Task.Evaluate(base, data, null, List.of(Task.AdapterUse.of(cut.toString())))).manifest().summary();
            assertEquals(eval.get("loss").asDouble() - after, change[1], 2e-4);
            assertTrue(Math.abs(change[1]) > 1e-3, "it matters: " + change[1]);
        }
    }

    private String ids() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            int[] ids = new int[20];
            for (int t = 0; t < ids.length; t++) {
                ids[t] = 3 + (i * 97 + t * t * 31 + t * 7) % 400;
            }
            lines.add("{\"input_ids\": " + Arrays.toString(ids) + "}");
        }
        return Files.write(folder.resolve("ids.jsonl"), lines).toString();
    }

    // --- an adapter by itself

    @Test
    void withoutABaseEverythingElseWorks() throws IOException {
        AdapterArtifact got = AdapterArtifact.of(run(Task.Adapter.alone(reference("lora-patterns"))));
        assertEquals(null, got.model());
        assertTrue(got.rows().stream().map(AdapterArtifact.Row::rank).distinct().count() > 1, "patterns give modules ranks of their own");
        assertTrue(got.rows().stream().allMatch(r -> r.figure("effective_rank").isPresent() && r.figure("amplification").isEmpty()));
        assertEquals(got.rows().stream().mapToLong(AdapterArtifact.Row::parameters).sum(), got.parameters());
    }

    @Test
    void aWrongBaseIsRefusedWithWhatDoesNotFit() {
        Refusal r = assertThrows(Refusal.class, () -> run(TaskAdapterBuilder.builder().adapter(reference("lora-llama")).model(reference("llama-tied")).build()));
        assertEquals(Category.ADAPTER_MISMATCH, r.category());
        assertTrue(r.getMessage().contains("q_proj") && r.getMessage().contains("64") && r.getMessage().contains("48"), r.getMessage());
        Refusal gpt = assertThrows(Refusal.class, () -> run(new Task.Evaluate(reference("gpt2"), ids(), null, List.of(Task.AdapterUse.of(reference("lora-llama"))))));
        assertEquals(Category.ADAPTER_MISMATCH, gpt.category());
        assertTrue(gpt.getMessage().length() <= Refusal.MAX_CHARACTERS);
        Refusal model = assertThrows(Refusal.class, () -> run(Task.Adapter.alone(reference("llama-gqa"))));
        assertEquals(Category.ADAPTER_INVALID, model.category());
    }

    // --- two adapters

    @Test
    void anAdapterAgainstItself() throws IOException {
        Artifact got = run(new Task.AdapterCompare(reference("lora-llama"), reference("lora-llama")));
        assertEquals(1, got.manifest().summary().get("cosine").asDouble(), 1e-12);
        JsonNode rows = vitrine.core.json.Json.mapper().readTree(got.folder().resolve(AdapterArtifact.ROWS).toFile()).get("modules");
        for (JsonNode row : rows) {
            assertEquals(0, row.get("sign_conflict").asDouble());
            assertEquals(1, row.get("overlap_left").asDouble(), 1e-9);
        }
        Artifact other = run(new Task.AdapterCompare(reference("lora-llama"), reference("lora-patterns")));
        assertTrue(Math.abs(other.manifest().summary().get("cosine").asDouble()) < 0.9);
        assertThrows(Refusal.class, () -> run(new Task.AdapterCompare(reference("lora-llama"), reference("lora-all-linear"))));
    }

    // --- cutting

    @Test
    void aCutAdapterIsWhatTheCurvePromised() throws IOException {
        String base = reference("llama-gqa");
        String adapter = reference("lora-patterns");
        List<Task.Domain> texts = List.of(new Task.Domain("ids", ids()));
        AdapterArtifact promised = AdapterArtifact.of(run(TaskAdapterBuilder.builder().adapter(adapter).model(base).alignment(Task.Alignment.none).data(texts).ranks(List.of(2)).build()));
        Artifact cut = run(TaskAdapterCutBuilder.builder().adapter(adapter).model(base).rank(2).data(texts).build());
        JsonNode s = cut.manifest().summary();
        double measured = s.at("/domains/0/after/loss").asDouble();
        assertEquals(promised.curve().orElseThrow().points().getFirst().losses().getFirst().loss(), measured, 1e-5);
        assertEquals(promised.curve().orElseThrow().points().getFirst().energy(), s.get("energy").asDouble(), 1e-12);
        // The folder, run as any adapter.
        JsonNode eval = run(new Task.Evaluate(base, ids(), null, List.of(Task.AdapterUse.of(cut.folder().toString())))).manifest().summary();
        assertEquals(measured, eval.get("loss").asDouble(), 1e-5);
        assertTrue(Files.readString(cut.folder().resolve("README.md")).contains("| share of the squared norm of all deltas | 1 |"));
        // Nothing cut: the same logits.
        Artifact whole = run(TaskAdapterCutBuilder.builder().adapter(adapter).rank(64).build());
        assertEquals(0, whole.manifest().summary().get("relative_error").asDouble());
        assertArrayEquals(logits(base, adapter), logits(base, whole.folder().toString()), 2e-4f);
        Artifact stored = run(TaskAdapterCutBuilder.builder().adapter(adapter).rank(64).order(Task.Order.norm_product).build());
        assertArrayEquals(logits(base, adapter), logits(base, stored.folder().toString()), 2e-4f);
    }

    /// One component gone changes the loss as its gate does when it is left out alone; several leave the others as they were; singular and stored ones, DoRA too.
    @Test
    void singleComponentsAreCut() throws IOException {
        String base = reference("llama-gqa");
        List<Task.Domain> texts = List.of(new Task.Domain("ids", ids()));
        for (Task.Order order : List.of(Task.Order.singular, Task.Order.norm_product)) {
            for (String adapter : List.of(reference("lora-patterns"), reference("lora-dora"))) {
                AdapterArtifact alone = AdapterArtifact.of(run(TaskAdapterBuilder.builder().adapter(adapter).model(base).alignment(Task.Alignment.none).data(texts).ranks(List.of(0)).order(order)
                        .without(Task.Without.components).build()));
                AdapterArtifact.Row first = alone.rows().getFirst();
                AdapterArtifact.Row last = alone.rows().getLast();
                Artifact one = run(Task.AdapterCut.without(adapter, base, order, List.of(new Task.AdapterCut.Components(first.module(), List.of(1))), texts, null));
                JsonNode s = one.manifest().summary();
                double change = alone.values("loss_without", first)[1];
                assertEquals(change, s.at("/domains/0/after/loss").asDouble() - s.at("/domains/0/before/loss").asDouble(), 2e-6, order + " " + adapter);
                assertTrue(Math.abs(change) > 1e-5, "it does something");
                assertEquals(first.rank() - 1, s.at("/ranks/" + first.module().replace("/", "~1")).asInt());
                assertEquals(last.rank(), s.at("/ranks/" + last.module().replace("/", "~1")).asInt());
                // The folder, run as any adapter.
                assertEquals(s.at("/domains/0/after/loss").asDouble(), run(new Task.Evaluate(base, ids(), null, List.of(Task.AdapterUse.of(one.folder().toString())))).manifest().summary().get("loss").asDouble(), 1e-5);

                Artifact several = run(Task.AdapterCut.without(adapter, null, order, List.of(new Task.AdapterCut.Components(first.module(), List.of(2, 0)),
                        new Task.AdapterCut.Components(last.module(), List.of(1))), null, null));
                AdapterArtifact after = AdapterArtifact.of(run(Task.Adapter.alone(several.folder().toString())));
                String values = order == Task.Order.singular ? "sv" : "norm_product";
                double[] before = alone.values(values, first);
                assertArrayEquals(java.util.stream.IntStream.range(0, before.length).filter(i -> i != 0 && i != 2).mapToDouble(i -> before[i]).toArray(),
                        after.values(values, after.row(first.module()).orElseThrow()), 1e-5 * before[0], "the others stay, in their order");
                double lost = 0;
                double all = 0;
                for (AdapterArtifact.Row r : alone.rows()) {
                    double[] sv = alone.values("sv", r);
                    all += Arrays.stream(sv).map(v -> v * v).sum();
                    lost += r == first ? sv[0] * sv[0] + sv[2] * sv[2] : r == last ? sv[1] * sv[1] : 0;
                }
                if (order == Task.Order.singular) {
                    assertEquals(Math.sqrt(lost / all), several.manifest().summary().get("relative_error").asDouble(), 1e-9);
                }
            }
        }
        Refusal r = assertThrows(Refusal.class, () -> run(Task.AdapterCut.without(reference("lora-patterns"), null, null, List.of(new Task.AdapterCut.Components("nothing.here", List.of(0))), null, null)));
        assertEquals("it has no module nothing.here", r.problem());
        assertThrows(Refusal.class, () -> new Task.AdapterCut.Components("a", List.of(1, 1)));
        assertThrows(Refusal.class, () -> Task.AdapterCut.without("a", null, null, List.of(), null, null));
    }

    @Test
    void ranksPerModuleAndBudgets() throws IOException {
        String base = reference("llama-gqa");
        for (String adapter : List.of(reference("lora-rslora"), reference("lora-dora"))) {
            Artifact energy = run(TaskAdapterCutBuilder.builder().adapter(adapter).energy(0.8).build());
            AdapterArtifact before = AdapterArtifact.of(run(Task.Adapter.alone(adapter)));
            AdapterArtifact after = AdapterArtifact.of(run(Task.Adapter.alone(energy.folder().toString())));
            for (AdapterArtifact.Row row : before.rows()) {
                double[] sv = before.values("sv", row);
                AdapterArtifact.Row cut = after.row(row.module()).orElseThrow();
                assertEquals(vitrine.core.analysis.adapter.DeltaSpectrum.Measures.rank(sv, 0.8), cut.rank());
                assertArrayEquals(Arrays.copyOf(sv, cut.rank()), after.values("sv", cut), 1e-5 * sv[0]);
                assertEquals(row.dora(), cut.dora());
            }
            Artifact parameters = run(TaskAdapterCutBuilder.builder().adapter(adapter).parameters(0.4).build());
            assertTrue(parameters.manifest().summary().get("parameters").asLong() < before.parameters() * 0.45 + 1000);
            logits(base, parameters.folder().toString());
        }
        List<Task.Domain> texts = List.of(new Task.Domain("ids", ids()));
        JsonNode loss = run(TaskAdapterCutBuilder.builder().adapter(reference("lora-llama")).model(base).lossRise(0.05).data(texts).build()).manifest().summary();
        assertTrue(loss.at("/domains/0/after/loss").asDouble() <= loss.at("/domains/0/before/loss").asDouble() + 0.05 + 1e-9);
        assertTrue(loss.get("parameters").asLong() < loss.get("parameters_before").asLong());
        assertThrows(Refusal.class, () -> TaskAdapterCutBuilder.builder().adapter("a").rank(2).energy(0.5).build());
    }

    private float[] logits(String base, String adapter) throws IOException {
        Task.Capture task = new Task.Capture(base, Task.Prompt.ofIds(List.of(1, 5, 9, 30, 200, 17)), List.of(Task.What.logits), null,
                adapter == null ? null : List.of(Task.AdapterUse.of(adapter)));
        try (SafetensorsFile file = run(task).tensors()) {
            return file.floats("logits");
        }
    }

    // --- merging and extracting

    private static String baseOf(String name) {
        return Path.of("src/test/resources/reference/lora-base-" + name).toAbsolutePath().toString();
    }

    @Test
    void aMergedCheckpointDoesWhatTheAdapterDid() throws IOException {
        for (String name : List.of("lora-all-linear", "lora-dora", "lora-mixtral")) {
            String base = reference(Reference.of(name).golden().get("base_case").asText());
            Artifact merged = run(new Task.AdapterMerge(base, List.of(Task.AdapterUse.of(reference(name)))));
            float[] want = logits(base, reference(name));
            float[] got = logits(merged.folder().toString(), null);
            double largest = 1;
            for (float v : want) {
                largest = Math.max(largest, Math.abs(v));
            }
            assertArrayEquals(want, got, (float) (2e-4 * largest), name);
            assertTrue(Files.exists(merged.folder().resolve("tokenizer.json")) && Files.exists(merged.folder().resolve("config.json")));
        }
        // A weight of 0 is the base, bit for bit.
        String base = reference("llama-gqa");
        Artifact nothing = run(new Task.AdapterMerge(base, List.of(new Task.AdapterUse(reference("lora-llama"), 0.0))));
        assertArrayEquals(logits(base, null), logits(nothing.folder().toString(), null));
    }

    @Test
    void whatWasMergedIsExtractedAgain() throws IOException {
        String base = reference("llama-gqa");
        Artifact merged = run(new Task.AdapterMerge(base, List.of(Task.AdapterUse.of(reference("lora-llama")))));
        Artifact extracted = run(new Task.AdapterExtract(base, merged.folder().toString(), 8, null));
        assertTrue(extracted.manifest().summary().get("energy").asDouble() > 1 - 1e-6);
        assertEquals(0, extracted.manifest().summary().get("not_carried").asInt());
        AdapterArtifact before = AdapterArtifact.of(run(Task.Adapter.alone(reference("lora-llama"))));
        AdapterArtifact after = AdapterArtifact.of(run(Task.Adapter.alone(extracted.folder().toString())));
        assertEquals(before.rows().size(), after.rows().size());
        for (AdapterArtifact.Row row : before.rows()) {
            assertArrayEquals(before.values("sv", row), Arrays.copyOf(after.values("sv", after.row(row.module()).orElseThrow()), 8), 1e-4);
        }
        assertArrayEquals(logits(base, reference("lora-llama")), logits(base, extracted.folder().toString()), 2e-3f);
        // The head is a layer as any other where it has a weight of its own.
        String odd = reference("lora-own-odd-ranks");
        Artifact headToo = run(new Task.AdapterMerge(baseOf("llama"), List.of(Task.AdapterUse.of(odd))));
        Artifact extractedToo = run(new Task.AdapterExtract(baseOf("llama"), headToo.folder().toString(), 7, null));
        assertEquals(7, extractedToo.manifest().summary().at("/rows/model.layers.0.self_attn.v_proj/rank").asInt());
        assertEquals(0, extractedToo.manifest().summary().get("not_carried").asInt());
        assertTrue(extractedToo.manifest().summary().at("/rows/lm_head").isObject());
        Artifact one = run(new Task.AdapterExtract(base, merged.folder().toString(), 1, List.of("*layers.0*v_proj*")));
        assertEquals(1, one.manifest().summary().get("modules").asInt());
        assertTrue(one.manifest().summary().get("not_carried").asInt() > 0);
        assertThrows(Refusal.class, () -> run(new Task.AdapterExtract(base, base, 4, null)));
        assertFalse(warnings.isEmpty());
    }
}
