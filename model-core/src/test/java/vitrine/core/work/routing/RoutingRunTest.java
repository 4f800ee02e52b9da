package vitrine.core.work.routing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRoutingBuilder;
import vitrine.core.testing.Reference;
import vitrine.core.testing.SharedReference;
import vitrine.core.work.TaskRunner;

/// `vitrine routing` against the reference cases, and what it says of itself.
class RoutingRunTest {

    @TempDir
    Path folder;

    private static String model(String name) {
        return Reference.of(name).folder().toAbsolutePath().toString();
    }

    private RoutingArtifact run(Task.Routing task) throws IOException {
        return RoutingArtifact.of(TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, w -> { }));
    }

    /// Sequences as JSONL of ids, taken as they are.
    private String ids(int[] all, int length) throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < all.length; i += length) {
            lines.add("{\"input_ids\": " + Arrays.toString(Arrays.copyOfRange(all, i, i + length)) + "}");
        }
        return Files.write(folder.resolve("ids" + System.nanoTime() + ".jsonl"), lines).toString();
    }

    private static Task.Routing task(String model, String data) {
        return Task.Routing.of(model, List.of(new Task.Domain("text", data)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"an-moe-mixtral", "an-moe-qwen3", "an-moe-deepseek-v3"})
    void everyFigureOfTheReferenceCases(String name) throws IOException {
        Reference reference = Reference.of(name);
        try (SafetensorsFile expected = reference.expected()) {
            RoutingArtifact got = run(task(model(reference.golden().get("base_case").asText()), ids(expected.ints("input_ids"), 24)));
            assertEquals(reference.golden().get("tokens").asLong(), got.tokens());
            int compared = 0;
            try (SafetensorsFile file = got.artifact().tensors()) {
                for (String tensor : expected.tensors().keySet()) {
                    if (file.has(tensor) && !tensor.equals("input_ids")) {
                        compare(reference, expected, tensor, file.doubles(tensor));
                        compared++;
                    }
                }
            }
            String[][] figures = {{"router_entropy_mean", "router_entropy"}, {"load_entropy", "load_entropy"}, {"load_cv", "load_cv"}, {"balance_loss", "balance_loss"}};
            JsonNode rows = got.artifact().manifest().summary().get("rows");
            for (String[] figure : figures) {
                compare(reference, expected, figure[0], IntStream.range(0, rows.size()).mapToDouble(i -> rows.get(i).get(figure[1]).asDouble()).toArray());
                compared++;
            }
            assertEquals(expected.tensors().size() - 1, compared, "every tensor of the case but its input is compared");
        }
    }

    private static void compare(Reference reference, SafetensorsFile expected, String tensor, double[] actual) {
        double[] want = expected.doubles(tensor);
        assertEquals(want.length, actual.length, tensor);
        JsonNode rule = reference.golden().get("tensors").get(tensor).get("tolerance");
        for (int i = 0; i < want.length; i++) {
            double tol = rule.path("tol").asDouble(0);
            double allowed = switch (rule.get("kind").asText()) {
                case "exact" -> 0;
                case "absolute" -> tol;
                case "relative" -> tol * Math.max(rule.path("floor").asDouble(0), Math.abs(want[i]));
                default -> throw new IllegalArgumentException(rule.toString());
            };
            assertEquals(want[i], actual[i], allowed, tensor + " " + i);
        }
    }

    /// The trained model: load of each domain, within what near-ties may move, and the loss.
    @Test
    void theTrainedModelPartsItsDomains() throws IOException {
        Path moe = SharedReference.require("moe-mini");
        JsonNode golden = Reference.at(moe).golden();
        List<Task.Domain> domains = new ArrayList<>();
        for (String name : List.of("shakespeare", "math", "stories")) {
            List<String> lines = new ArrayList<>();
            for (JsonNode row : golden.at("/per_domain/" + name + "/token_ids_of_each_row")) {
                lines.add("{\"input_ids\": " + row + "}");
            }
            domains.add(new Task.Domain(name, Files.write(folder.resolve(name + ".jsonl"), lines).toString()));
        }
        RoutingArtifact got = run(Task.Routing.of(moe.toString(), domains));
        assertEquals(List.of(0, 1, 2, 3), got.moeLayers());
        double losses = 0;
        long predicted = 0;
        try (SafetensorsFile file = got.artifact().tensors()) {
            double[] load = file.doubles("domain_load");
            for (int d = 0; d < 3; d++) {
                JsonNode domain = golden.at("/per_domain/" + domains.get(d).name());
                assertEquals(domain.get("tokens").asLong(), got.domains().get(d).tokens());
                for (int l = 0; l < 4; l++) {
                    for (int e = 0; e < 8; e++) {
                        // Choices nearer to a tie than 1e-4 may fall either way; the case counts them.
                        assertEquals(domain.at("/expert_count/" + l + "/" + e).asDouble(), load[(l * 3 + d) * 8 + e],
                                golden.at("/routing_margin/layers/" + l + "/under_1e_4").asDouble(), domains.get(d).name() + " layer " + l + " expert " + e);
                    }
                }
                losses += domain.get("nll").asDouble() * domain.get("predicted_tokens").asLong();
                predicted += domain.get("predicted_tokens").asLong();
            }
        }
        assertEquals(losses / predicted, got.loss(), 1e-4);
        RoutingArtifact some = run(TaskRoutingBuilder.builder().model(moe.toString()).data(domains).maxTokens(400).expertsPerToken(List.of(1, 2, 3)).build());
        RoutingArtifact.Sweep sweep = some.sweep().orElseThrow();
        assertEquals(List.of(1, 2, 3), sweep.steps().stream().map(RoutingArtifact.Step::perToken).toList());
        assertEquals(some.loss(), sweep.steps().get(1).loss());
        assertTrue(sweep.steps().get(0).loss() > some.loss(), "one expert is worse than the two it was trained with");
        assertTrue(sweep.steps().get(0).kl() > sweep.steps().get(2).kl(), "and further from them than three");
        assertEquals(32, got.hotSet().used(), "every slot is used");
        assertTrue(!got.hotSet().hot() && got.hotSet().slotsFor90() > 16, "and no half of them would do");
        // Expert 3 of layer 2 is for arithmetic: what PyTorch finds on the first 6 rows when its logit is -infinity, and when its output is 0.
        List<String> rows = Files.readAllLines(Path.of(domains.get(1).file())).subList(0, 6);
        Task.Domain few = new Task.Domain("math", Files.write(folder.resolve("few.jsonl"), rows).toString());
        double[] rises = {0.015580, 0.008659};
        for (int i = 0; i < 2; i++) {
            RoutingArtifact.WhatIf off = run(TaskRoutingBuilder.builder().model(moe.toString()).data(List.of(few)).mask(List.of(new Task.Mask(2, 3, i == 1))).build()).whatIf().orElseThrow();
            assertEquals(2.322267, off.lossBefore(), 1e-4);
            assertEquals(rises[i], off.lossAfter() - off.lossBefore(), 5e-5);
        }
        // Layer 2 parts domains most, as the model's own description says.
        assertEquals(2, got.rows().stream().max(java.util.Comparator.comparingDouble(RoutingArtifact.Row::domainInformation)).orElseThrow().layer());
        assertEquals(0.502 * Math.log(2), got.rows().get(2).domainInformation(), 2e-3);
    }

    @Test
    void domainsOfOneRunAreThoseOfRunsAlone() throws IOException {
        int[] a = {5, 9, 12, 44, 71, 3, 8, 100};
        int[] b = {200, 31, 7, 7, 90, 14, 2, 66};
        String one = ids(a, 4);
        String other = ids(b, 8);
        RoutingArtifact both = run(Task.Routing.of(model("mixtral"), List.of(new Task.Domain("a", one), new Task.Domain("b", other))));
        RoutingArtifact alone = run(task(model("mixtral"), other));
        try (SafetensorsFile file = both.artifact().tensors()) {
            double[] load = file.doubles("domain_load");
            for (int l = 0; l < 3; l++) {
                assertArrayEquals(alone.load(l), Arrays.copyOfRange(load, (l * 2 + 1) * 8, (l * 2 + 2) * 8));
            }
        }
        assertEquals(List.of("a", "b"), both.domains().stream().map(RoutingArtifact.Domain::name).toList());
    }

    @Test
    void labelsOfLinesWinOverTheTextsName() throws IOException {
        Path file = Files.writeString(folder.resolve("labelled.jsonl"), "{\"input_ids\": [5, 9, 12], \"label\": \"x\"}\n{\"input_ids\": [7, 8, 9]}\n");
        assertEquals(List.of("x", "text"), run(task(model("olmoe"), file.toString())).domains().stream().map(RoutingArtifact.Domain::name).toList());
    }

    @Test
    void saysWhatCannotBe() throws IOException {
        String data = ids(new int[] {5, 9, 12, 44}, 4);
        assertTrue(assertThrows(Refusal.class, () -> run(task(model("llama-gqa"), data))).getMessage().contains("has no experts"));
        Refusal most = assertThrows(Refusal.class, () -> run(Task.Routing.of(model("deepseek-v3"), List.of(new Task.Domain("t", data)), List.of(9))));
        assertTrue(most.getMessage().contains("at most 8"), most.getMessage());
    }
}
