package vitrine.core.work.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.adapter.AdapterFit;
import vitrine.core.analysis.adapter.DeltaSpectrum;
import vitrine.core.analysis.adapter.Dense;
import vitrine.core.analysis.adapter.Factors;
import vitrine.core.artifact.Artifact;
import vitrine.core.checkpoint.TensorEntry;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterCutBuilder;
import vitrine.core.tensor.StoredValues;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.AdapterWeights;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.input.SiteWeight;

/// Adapters against PEFT: deltas, their singular values, and the forward pass with the adapter active and not merged.
class AdapterReferenceTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"lora-all-linear", "lora-dora", "lora-llama", "lora-mixtral", "lora-patterns", "lora-rslora", "lora-own-odd-ranks", "lora-own-layers",
        "lora-own-embedding-tied", "lora-own-embedding-saved-tied", "lora-own-adalora", "lora-own-conv1d", "lora-own-conv1d-dora", "lora-own-regex", "lora-own-dora-rslora",
        "lora-own-bias", "lora-own-mla", "lora-own-moe", "lora-own-rows", "lora-own-rows-tied", "lora-own-experts"})
    void meetsTheCase(String name) throws IOException {
        Reference reference = Reference.of(name);
        Path base = reference.folder().resolveSibling(reference.golden().get("base_case").asText());
        Set<String> compared = new HashSet<>();
        deltas(reference, base, compared);
        String path = base.toAbsolutePath().toString();
        List<Task.AdapterUse> adapters = List.of(Task.AdapterUse.of(reference.folder().toAbsolutePath().toString()));
        try (SafetensorsFile expected = reference.expected()) {
            for (String prompt : List.of("p0.", "p1.")) {
                if (!expected.has(prompt + "logits")) {
                    continue;
                }
                List<Integer> ids = Arrays.stream(expected.ints(prompt + "input_ids")).boxed().toList();
                Task.Capture task = new Task.Capture(path, Task.Prompt.ofIds(ids), List.of(Task.What.logits, Task.What.attentions), null, adapters);
                Artifact got = TaskRunner.run(task, folder.resolve(prompt + "capture"), Progress.NONE, w -> { });
                compared.add(prompt + "input_ids");
                try (SafetensorsFile file = got.tensors()) {
                    for (String tensor : List.of("logits", "attentions")) {
                        if (!expected.has(prompt + tensor)) {
                            continue;
                        }
                        reference.compare(expected, prompt + tensor, file.floats(tensor));
                        compared.add(prompt + tensor);
                    }
                }
            }
            assertEquals(expected.tensors().keySet(), compared, "every tensor of the case is compared");
            // The merged checkpoint, and the adapter written anew with all its ranks, do the same.
            List<Integer> ids = Arrays.stream(expected.ints("p0.input_ids")).boxed().toList();
            Artifact merged = TaskRunner.run(new Task.AdapterMerge(path, adapters), folder.resolve("merged"), Progress.NONE, w -> { });
            reference.compare(expected, "p0.logits", logits(merged.folder().toString(), ids, null));
            for (Task.Order order : name.contains("rows") || name.equals("lora-own-experts") ? List.<Task.Order>of() : List.of(Task.Order.singular, Task.Order.norm_product)) {
                Artifact again = TaskRunner.run(TaskAdapterCutBuilder.builder().adapter(adapters.getFirst().path()).rank(99).order(order).build(), folder.resolve("again-" + order), Progress.NONE,
                        w -> { });
                reference.compare(expected, "p0.logits", logits(path, ids, List.of(Task.AdapterUse.of(again.folder().toString()))));
            }
        }
    }

    private float[] logits(String model, List<Integer> ids, List<Task.AdapterUse> adapters) throws IOException {
        Task.Capture task = new Task.Capture(model, Task.Prompt.ofIds(ids), List.of(Task.What.logits), null, adapters);
        try (SafetensorsFile file = TaskRunner.run(task, folder.resolve("c" + System.nanoTime()), Progress.NONE, w -> { }).tensors()) {
            return file.floats("logits");
        }
    }

    /// Every `delta.*` and `sv.*` of a case.
    private static void deltas(Reference reference, Path base, Set<String> compared) {
        try (SafetensorsFile expected = reference.expected();
             LoadedModel model = LoadedModel.open(base.toString(), List.of(Task.AdapterUse.of(reference.folder().toString())))) {
            AdapterWeights adapters = model.adapters();
            for (AdapterFit.Site site : adapters.fit().sites()) {
                try (Arena arena = Arena.ofConfined()) {
                    Factors f = adapters.factors(site, arena);
                    SiteWeight w = adapters.weight(site);
                    Dense own = w.whole(arena);
                    Dense merged = own.copy(arena);
                    adapters.merge(site, f, 0, merged, arena);
                    Dense delta = merged.add(own, -1);
                    boolean turned = site.linear() != null && site.linear().inputMajor();
                    double[] stored = (turned ? transposed(delta, arena) : delta).toArray();
                    String name = expected.has("delta." + site.weight()) || expected.has("sv." + site.weight()) ? site.weight() : site.module().path() + ".weight";
                    // The copies of the cases keep the deltas of two modules, and the singular values of all.
                    if (expected.has("delta." + name)) {
                        compare(reference, expected, "delta." + name, stored, compared);
                    }
                    String values = "sv." + name;
                    if (expected.has(values)) {
                        double[] got = site.module().magnitude() == null ? DeltaSpectrum.of(f, arena).values() : delta.decompose(arena).values();
                        // The case has noise beyond the rank, where the core has nothing.
                        compare(reference, expected, values, Arrays.copyOf(got, expected.doubles(values).length), compared);
                    }
                }
            }
            adapters.fit().replaced().forEach((name, tensor) -> {
                TensorEntry own = base(model, name);
                double[] delta = new double[(int) tensor.elements()];
                try (vitrine.core.checkpoint.MappedWeights a = new vitrine.core.checkpoint.MappedWeights(adapters.fit().adapter().checkpoint());
                     vitrine.core.checkpoint.MappedWeights b = new vitrine.core.checkpoint.MappedWeights(model.checkpoint())) {
                    for (int i = 0; i < delta.length; i++) {
                        delta[i] = StoredValues.at(tensor.dtype(), a.data(tensor), i) - StoredValues.at(own.dtype(), b.data(own), i);
                    }
                }
                // The cases made here have deltas of low rank only: what is saved whole is tested by its logits.
                if (expected.has("delta." + name)) {
                    compare(reference, expected, "delta." + name, delta, compared);
                }
            });
        }
    }

    private static TensorEntry base(LoadedModel model, String name) {
        return model.checkpoint().tensor(name).orElseThrow();
    }

    private static Dense transposed(Dense d, Arena arena) {
        return vitrine.core.analysis.adapter.Subspaces.transposed(d, arena);
    }

    static void compare(Reference reference, SafetensorsFile expected, String tensor, double[] got, Set<String> compared) {
        double[] want = expected.doubles(tensor);
        assertEquals(want.length, got.length, tensor);
        double tol = reference.golden().at("/tensors").get(tensor).at("/tolerance/tol").asDouble();
        assertEquals("scaled", reference.golden().at("/tensors").get(tensor).at("/tolerance/kind").asText());
        double allowed = tol * Math.max(1, Arrays.stream(want).map(Math::abs).max().orElse(0));
        for (int i = 0; i < want.length; i++) {
            assertEquals(want[i], got[i], allowed, reference.name() + " " + tensor + " " + i);
        }
        compared.add(tensor);
    }

    /// Half of an adapter and half of it again is the adapter; one and minus one is the base.
    @Test
    void weightsAddUp() throws IOException {
        Reference reference = Reference.of("lora-llama");
        String base = Reference.of("llama-gqa").folder().toAbsolutePath().toString();
        String adapter = reference.folder().toAbsolutePath().toString();
        float[] none = logits(base, List.of());
        float[] whole = logits(base, List.of(Task.AdapterUse.of(adapter)));
        float[] halves = logits(base, List.of(new Task.AdapterUse(adapter, 0.5), new Task.AdapterUse(adapter, 0.5)));
        float[] undone = logits(base, List.of(new Task.AdapterUse(adapter, 1.0), new Task.AdapterUse(adapter, -1.0)));
        float[] dora = logits(base, List.of(new Task.AdapterUse(Reference.of("lora-dora").folder().toAbsolutePath().toString(), 0.0)));
        double moved = 0;
        for (int i = 0; i < none.length; i++) {
            assertEquals(whole[i], halves[i], 1e-3);
            assertEquals(none[i], undone[i], 1e-3);
            assertEquals(none[i], dora[i], 1e-3);
            moved = Math.max(moved, Math.abs(none[i] - whole[i]));
        }
        assertTrue(moved > 1, "the adapter moves the logits");
    }

    /// Several adapters merged with weights do what they do while they run, DoRA's rows and biases among them.
    @Test
    void severalAreMerged() throws IOException {
        String base = Reference.of("llama-gqa").folder().toAbsolutePath().toString();
        List<Task.AdapterUse> uses = List.of(new Task.AdapterUse(Reference.of("lora-llama").folder().toAbsolutePath().toString(), 0.7), new Task.AdapterUse(Reference.of("lora-dora").folder()
                .toAbsolutePath().toString(), 0.4), new Task.AdapterUse(Reference.of("lora-rslora").folder().toAbsolutePath().toString(), -0.3));
        Artifact merged = TaskRunner.run(new Task.AdapterMerge(base, uses), folder.resolve("several"), Progress.NONE, w -> { });
        float[] running = logits(base, uses);
        float[] written = logits(merged.folder().toString(), List.of());
        float[] first = logits(base, List.of(uses.getFirst()));
        double largest = 0;
        double moved = 0;
        for (int i = 0; i < running.length; i++) {
            largest = Math.max(largest, Math.abs(running[i]));
            moved = Math.max(moved, Math.abs(running[i] - first[i]));
        }
        for (int i = 0; i < running.length; i++) {
            assertEquals(running[i], written[i], 2e-4 * Math.max(1, largest));
        }
        assertTrue(moved > 0.5, "the others move the logits too");
    }

    private float[] logits(String base, List<Task.AdapterUse> adapters) throws IOException {
        return logits(base, List.of(1, 5, 9, 30, 200), adapters);
    }
}
