package vitrine.core.work.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.analysis.rank.ActivationSample;
import vitrine.core.analysis.rank.SmallActivations;
import vitrine.core.artifact.RankArtifact.Of;
import vitrine.core.artifact.RankArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRankBuilder;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;

/// Hidden states and activations of families whose projections are separate, fused in blocks, fused by head, stored transposed, gated or
/// not, against transformers and numpy (`make_rank_cases.py`).
class RankReferenceTest {

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    private static int[][] sequences(SafetensorsFile golden) {
        int[] all = golden.ints("input_ids");
        int[][] out = new int[24][];
        Arrays.setAll(out, s -> Arrays.copyOfRange(all, 16 * s, 16 * s + 16));
        return out;
    }

    private RankArtifact run(Reference reference, SafetensorsFile golden, Of of, Boolean centred, Boolean exclude, Double ratio, Double target, Double rise, Double sparsity)
            throws IOException {
        Path data = Files.write(Files.createTempFile(folder, "ids", ".jsonl"),
                Arrays.stream(sequences(golden)).map(s -> "{\"input_ids\":" + Arrays.toString(s) + "}").toList());
        Task.Rank task = TaskRankBuilder.builder().model(model(reference)).data(data.toString()).of(of).centred(centred).excludeMassive(exclude).ratio(ratio).tailError(target)
                .perplexityRise(rise).rankAwareSparsity(sparsity).build();
        return RankArtifact.of(TaskRunner.run(task, folder.resolve("artifact-" + Files.list(folder).count()), Progress.NONE, warnings::add));
    }

    private static String model(Reference reference) {
        return Reference.of(reference.golden().get("base_case").asText()).checkpoint().toString();
    }

    /// Compares every golden tensor that is there under a name.
    private static int compare(Reference reference, SafetensorsFile golden, RankArtifact found, String prefix) {
        int compared = 0;
        try (SafetensorsFile got = found.artifact().tensors()) {
            for (String tensor : golden.tensors().keySet()) {
                if (tensor.startsWith(prefix) && got.has(tensor.substring(prefix.length()))) {
                    String name = tensor.substring(prefix.length());
                    assertEquals(golden.tensors().get(tensor).shape(), got.tensors().get(name).shape(), tensor);
                    reference.compare(golden, tensor, got.floats(name));
                    compared++;
                }
            }
        }
        return compared;
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gpt2", "phi3", "gpt-neox", "opt"})
    void hiddenStatesAgree(String base) throws IOException {
        Reference reference = Reference.of("an-rank-" + base);
        try (SafetensorsFile golden = reference.expected()) {
            assertEquals(6, compare(reference, golden, run(reference, golden, Of.hidden, null, null, null, null, null, null), ""));
            assertEquals(3, compare(reference, golden, run(reference, golden, Of.hidden, true, null, null, null, null, null), "centred."));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gpt2", "phi3", "gpt-neox", "opt"})
    void activationsAgree(String base) throws IOException {
        Reference reference = Reference.of("an-rank-" + base);
        try (SafetensorsFile golden = reference.expected()) {
            RankArtifact found = run(reference, golden, Of.activations, null, null, null, null, null, 0.5);
            boolean gated = golden.has("gate_out.sv");
            // Spectra and splits of 6 or 7 matrices, influence, four figures of density, threshold, error, sparsity, curve.
            assertEquals(2 * (gated ? 7 : 6) + 9, compare(reference, golden, found, ""));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa", "gpt2", "gpt-neox"})
    void droppingActivationsHasTheSameLoss(String base) {
        Reference reference = Reference.of("an-rank-" + base);
        try (SafetensorsFile golden = reference.expected(); LoadedModel model = LoadedModel.open(model(reference))) {
            int[][] ids = sequences(golden);
            ActivationSample sample = new ActivationSample(model.spec(), model.weights(), ids.length, 0.2, null, Progress.NONE);
            model.forward().run(Batch.of(ids), sample, Progress.NONE);
            double[][] norms = new double[model.spec().layers().size()][];
            Arrays.setAll(norms, l -> sample.tail(l).norms());
            SmallActivations drop = new SmallActivations(norms, golden.doubles("tail_threshold"), true);
            List<Sequences.Labelled> data = Arrays.stream(ids).map(s -> new Sequences.Labelled(s, s, null)).toList();
            Evaluation evaluation = new Evaluation(model.forward());
            reference.compare(golden, "loss", new float[] {(float) evaluation.run(data, Progress.NONE).all().loss()});
            reference.compare(golden, "dropped_loss", new float[] {(float) evaluation.run(data, drop, Progress.NONE).all().loss()});
        }
    }

    /// A copy of a model with one weight that is no number.
    private Path broken(String tensor) throws IOException {
        Path copy = Files.createDirectory(folder.resolve("broken"));
        try (var files = Files.list(Reference.of("llama-gqa").folder())) {
            for (Path f : files.toList()) {
                Files.copy(f, copy.resolve(f.getFileName()));
            }
        }
        Path weights = copy.resolve("model.safetensors");
        long offset;
        try (SafetensorsFile file = SafetensorsFile.open(weights)) {
            offset = file.tensors().get(tensor).offset();
        }
        byte[] bytes = Files.readAllBytes(weights);
        java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).putFloat((int) offset, Float.NaN);
        Files.write(weights, bytes);
        return copy;
    }

    @Test
    void whatIsNoNumberIsAbsentFromThereOn() throws IOException {
        Path model = broken("model.layers.1.mlp.up_proj.weight");
        Path data = Files.writeString(folder.resolve("ids.jsonl"), "{\"input_ids\":[1,2,3,4,5,6,7,8]}\n{\"input_ids\":[9,8,7,6,5]}\n");
        for (Of of : Of.values()) {
            boolean activations = of == Of.activations;
            Task.Rank task = TaskRankBuilder.builder().model(model.toString()).data(data.toString()).of(of).growth(of == Of.kv ? true : null).ratio(activations ? 0.5 : null)
                    .perplexityRise(activations ? 1.0 : null).rankAwareSparsity(activations ? 0.5 : null).build();
            RankArtifact found = RankArtifact.of(TaskRunner.run(task, folder.resolve("nan-" + of), Progress.NONE, warnings::add));
            assertTrue(warnings.stream().anyMatch(w -> w.startsWith("After layer 1,")), warnings::toString);
            for (RankArtifact.Row row : found.rows()) {
                boolean lost = row.layer() == 2 || row.layer() == 1 && List.of("resid", "mlp_out", "up_out", "down_out").contains(row.site());
                assertEquals(lost, row.measures().isEmpty(), () -> of + " " + row);
                assertEquals(lost ? 0 : row.values(), found.values(row).length);
            }
            if (activations) {
                assertEquals(List.of(false, true, true), Arrays.stream(found.figures("sparsity")).mapToObj(Double::isNaN).toList());
                assertEquals(List.of(false, true, true), Arrays.stream(found.figures("hidden_density")).mapToObj(Double::isNaN).toList());
            }
        }
    }

    @ParameterizedTest
    @org.junit.jupiter.params.provider.EnumSource(Of.class)
    void layersInGroupsGiveTheSame(Of of) throws IOException {
        Reference reference = Reference.of("an-rank-llama-gqa");
        try (SafetensorsFile golden = reference.expected()) {
            Path data = Files.write(folder.resolve("ids.jsonl"), Arrays.stream(sequences(golden)).map(s -> "{\"input_ids\":" + Arrays.toString(s) + "}").toList());
            Task.Rank task = TaskRankBuilder.builder().model(model(reference)).data(data.toString()).of(of).growth(of == Of.kv ? true : null).build();
            RankRun.run(task, folder.resolve("one"), 1L << 30, Progress.NONE, warnings::add);
            RankRun.run(task, folder.resolve("many"), 1, Progress.NONE, warnings::add);
            try (SafetensorsFile one = SafetensorsFile.open(folder.resolve("one")); SafetensorsFile many = SafetensorsFile.open(folder.resolve("many"))) {
                assertEquals(one.tensors().keySet(), many.tensors().keySet());
                for (String tensor : one.tensors().keySet()) {
                    org.junit.jupiter.api.Assertions.assertArrayEquals(one.doubles(tensor), many.doubles(tensor), 1e-9, tensor);
                }
            }
        }
    }

    @Test
    void ranksAreSharedOutWithinTheBudget() throws IOException {
        Reference reference = Reference.of("an-rank-llama-gqa");
        try (SafetensorsFile golden = reference.expected()) {
            RankArtifact found = run(reference, golden, Of.activations, null, null, 0.5, 0.1, 2.0, null);
            for (RankArtifact.Site site : found.sites()) {
                double[] ranks = found.figures(site.name() + ".ranks");
                assertEquals(found.artifact().manifest().summary().at("/allocation/kinds/" + site.name() + "/budget").asDouble(), Arrays.stream(ranks).sum());
                for (int l = 0; l < found.layers(); l++) {
                    double[] s = found.values(site.row(l, -1));
                    double dropped = 0;
                    double all = 0;
                    for (int i = 0; i < s.length; i++) {
                        all += s[i] * s[i];
                        dropped += i >= ranks[l] ? s[i] * s[i] : 0;
                    }
                    assertEquals(Math.sqrt(dropped / all), found.figures(site.name() + ".loss")[l], 1e-9);
                }
            }
            var search = found.artifact().manifest().summary().path("perplexity_search");
            assertTrue(search.path("measured_rise_percent").asDouble() <= 2, search::toString);
            assertTrue(search.path("sparsity").asDouble() > 0.3, search::toString);
            assertEquals(Math.exp(golden.doubles("loss")[0]), search.path("dense_perplexity").asDouble(), 1e-3 * Math.exp(golden.doubles("loss")[0]));
            for (double error : found.figures("tail_error")) {
                assertTrue(error <= 0.1);
            }
        }
    }

    @Test
    void fewTokensAreSaid() throws IOException {
        Reference reference = Reference.of("an-rank-llama-gqa");
        try (SafetensorsFile golden = reference.expected()) {
            RankArtifact found = run(reference, golden, Of.hidden, true, true, null, null, null, null);
            assertTrue(warnings.stream().anyMatch(w -> w.contains("384 tokens for 64 dimensions")), warnings::toString);
            assertEquals(0, found.massiveDimensions("resid", 0).length);
            assertEquals(64, found.site("resid").orElseThrow().row(0, -1).values());
        }
    }
}
