package vitrine.core.work.routing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Router;
import vitrine.core.artifact.Artifact;
import vitrine.core.artifact.Manifest;
import vitrine.core.artifact.RoutingArtifact;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.json.Json;
import vitrine.core.progress.Progress;
import vitrine.core.task.Task;
import vitrine.core.task.TaskRoutingBuilder;
import vitrine.core.tensor.DType;
import vitrine.core.testing.Reference;
import vitrine.core.work.TaskRunner;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Outcome;

/// What a routing artifact holds of tokens, of vocabularies, of layers that differ, and of how alike experts are.
class RoutingArtifactTest {

    private static final int[] IDS = {5, 9, 12, 44, 71, 3, 8, 100, 200, 31, 7, 7, 90, 14, 2, 66};

    @TempDir
    Path folder;
    private String data;

    @BeforeEach
    void texts() throws IOException {
        data = Files.writeString(folder.resolve("ids.jsonl"), "{\"input_ids\": " + Arrays.toString(IDS) + "}\n").toString();
    }

    private static String model(String name) {
        return Reference.of(name).folder().toAbsolutePath().toString();
    }

    private RoutingArtifact run(Task.Routing task) throws IOException {
        return RoutingArtifact.of(TaskRunner.run(task, folder.resolve("out" + System.nanoTime()), Progress.NONE, w -> { }));
    }

    private Task.Routing similar(String model) {
        return TaskRoutingBuilder.builder().model(model).data(List.of(new Task.Domain("text", data))).similarity(true).build();
    }

    private RoutingArtifact plain(String model) throws IOException {
        return run(Task.Routing.of(model(model), List.of(new Task.Domain("text", data))));
    }

    @Test
    void wholeDistributionsOfTheFirstTokens() throws IOException {
        RoutingArtifact got = plain("mixtral");
        assertEquals(IDS.length, got.window());
        try (SafetensorsFile captured = TaskRunner.run(new Task.Capture(model("mixtral"), Task.Prompt.ofIds(Arrays.stream(IDS).boxed().toList()), List.of(Task.What.router), null),
                folder.resolve("capture"), Progress.NONE, w -> { }).tensors()) {
            for (int i = 0; i < 3; i++) {
                for (int t = 0; t < IDS.length; t++) {
                    double[] logits = captured.doubles("router_logits", (long) (i * IDS.length + t) * 8, 8);
                    double sum = Arrays.stream(logits).map(Math::exp).sum();
                    double[] score = got.score(i, t);
                    for (int e = 0; e < 8; e++) {
                        assertEquals(Math.exp(logits[e]) / sum, score[e], 1e-6);
                    }
                    assertEquals(Arrays.stream(score).max().orElseThrow(), score[got.expertIds(i)[2 * t]]);
                }
            }
        }
        assertTrue(got.choiceScore(0, 0).isEmpty(), "Mixtral chooses by the score itself");
    }

    @Test
    void whatABiasedChoiceWasMadeBy() throws IOException {
        RoutingArtifact got = plain("deepseek-v3");
        int k = got.perToken();
        boolean biased = false;
        for (int t = 0; t < IDS.length; t++) {
            double[] choice = got.choiceScore(0, t).orElseThrow();
            double[] score = got.score(0, t);
            int[] ids = Arrays.copyOfRange(got.expertIds(0), k * t, k * (t + 1));
            double least = Arrays.stream(ids).mapToDouble(e -> choice[e]).min().orElseThrow();
            for (int e = 0; e < choice.length; e++) {
                int expert = e;
                boolean chosen = Arrays.stream(ids).anyMatch(c -> c == expert);
                assertTrue(chosen || choice[e] <= least);
                assertTrue(score[e] > 0 && score[e] < 1, "a sigmoid");
                biased |= !chosen && score[e] > Arrays.stream(ids).mapToDouble(c -> score[c]).min().orElseThrow();
            }
            assertEquals(8, Arrays.stream(choice).filter(v -> v == Double.NEGATIVE_INFINITY).count(), "two of four groups of four are left out");
            assertEquals(least - Arrays.stream(choice).sorted().skip(choice.length - k - 1).findFirst().orElseThrow(), got.selectionMargin(0)[t], 1e-6);
        }
        assertTrue(biased, "some expert with a larger score is not chosen");
    }

    @Test
    void tokensHaveTheirTextsSequencesAndDomains() throws IOException {
        Path two = Files.writeString(folder.resolve("two.jsonl"), "{\"input_ids\": [5, 9, 12]}\n{\"input_ids\": [7, 8], \"label\": \"other\"}\n");
        RoutingArtifact.Tokens tokens = run(Task.Routing.of(model("mixtral"), List.of(new Task.Domain("text", two.toString())))).keptTokens();
        assertArrayEquals(new int[] {5, 9, 12, 7, 8}, tokens.ids());
        assertArrayEquals(new int[] {0, 0, 0, 1, 1}, tokens.sequence());
        assertArrayEquals(new int[] {0, 0, 0, 1, 1}, tokens.domain());
        assertEquals(5, tokens.texts().size());
    }

    @Test
    void wordsOfAnExpert() throws IOException {
        // Id 7 stands 12 times, always behind id 9: few enough routes to count by hand from the experts themselves.
        int[] ids = new int[24];
        for (int i = 0; i < 12; i++) {
            ids[2 * i] = 9;
            ids[2 * i + 1] = 7;
        }
        Path file = Files.writeString(folder.resolve("words.jsonl"), "{\"input_ids\": " + Arrays.toString(ids) + "}\n");
        RoutingArtifact got = run(Task.Routing.of(model("mixtral"), List.of(new Task.Domain("text", file.toString()))));
        int[] experts = got.expertIds(1);
        for (int e = 0; e < 8; e++) {
            int of7 = 0;
            int before7 = 0;
            for (int t = 0; t < 24; t++) {
                boolean visits = experts[2 * t] == e || experts[2 * t + 1] == e;
                of7 += ids[t] == 7 && visits ? 1 : 0;
                before7 += ids[t] == 9 && visits ? 1 : 0;
            }
            assertEquals(of7 / 12.0, share(got.vocabulary(1, RoutingArtifact.Grouping.input, e), 7, 12), 1e-12);
            assertEquals(before7 / 12.0, share(got.vocabulary(1, RoutingArtifact.Grouping.next, e), 7, 12), 1e-12);
        }
        long predicted = 0;
        for (int e = 0; e < 8; e++) {
            for (RoutingArtifact.Word w : got.vocabulary(1, RoutingArtifact.Grouping.predicted, e)) {
                predicted += Math.round(w.share() * w.tokens());
                assertTrue(w.tokens() >= 10 && w.tokens() <= 24);
            }
        }
        assertTrue(predicted > 0 && predicted <= 48, predicted + " visits of tokens whose likeliest next token is frequent");
    }

    private static double share(List<RoutingArtifact.Word> words, int id, long tokens) {
        return words.stream().filter(w -> w.id() == id).peek(w -> assertEquals(tokens, w.tokens())).mapToDouble(RoutingArtifact.Word::share).sum();
    }

    /// Layers with 8, 5 and 8 experts, of which a token visits 2, 2 and 3: a tensor for each.
    @Test
    void layersThatDifferHaveTensorsOfTheirOwn() throws IOException {
        try (LoadedModel model = LoadedModel.open(model("mixtral"))) {
            ModelSpec s = model.spec();
            List<LayerSpec> layers = new ArrayList<>(s.layers());
            FeedForward.Mixture m = s.experts(1);
            Linear l = m.router().logits();
            Router narrow = Router.of(new Linear(l.weight(), l.bias(), 5, l.in(), l.inputMajor(), l.scales()), 2, m.router().score(), m.router().weighting());
            layers.set(1, layers.get(1).with(new FeedForward.Mixture(narrow, m.experts(), m.shared(), m.sharedGate())));
            ModelSpec differing = new ModelSpec(s.modelType(), s.family(), s.encoder(), s.hiddenSize(), s.vocabSize(), s.maxPositions(), s.positionsAreHard(), s.embedding(), layers,
                    s.finalNorm(), s.head(), s.ignoredSuffixes()).choosing(Map.of(2, 3));
            Path out = Files.createDirectory(folder.resolve("differing"));
            Task.Routing task = TaskRoutingBuilder.builder().model(model("mixtral")).data(List.of(new Task.Domain("text", data))).expertsPerToken(List.of(1, 2))
                    .against(List.of(model("mixtral"))).mask(List.of(new Task.Mask(1, 4))).build();
            Outcome outcome = RoutingRun.run(task, model.as(differing), List.of(model.as(differing)), out.resolve(Artifact.TENSORS), Progress.NONE, w -> { });
            new Manifest("routing", task.toJson(), Map.of(), Json.object(), "2026-01-01T00:00:00Z", 0, outcome.summary(), outcome.provenance(), List.of()).write(out);
            RoutingArtifact got = RoutingArtifact.of(Artifact.open(out));
            assertEquals(8, got.experts());
            assertEquals(3, got.perToken());
            assertEquals(List.of(8, 5, 8), got.rows().stream().map(RoutingArtifact.Row::experts).toList());
            assertEquals(List.of(2, 2, 3), got.rows().stream().map(RoutingArtifact.Row::perToken).toList());
            int[] n = {8, 5, 8};
            int[] k = {2, 2, 3};
            for (int i = 0; i < 3; i++) {
                assertEquals(n[i], got.load(i).length);
                assertEquals(k[i] * IDS.length, Arrays.stream(got.load(i)).sum());
                assertEquals(k[i] * IDS.length, got.expertIds(i).length);
                assertEquals(n[i] * n[i], got.lift(i).length);
                assertEquals(1, Arrays.stream(got.score(i, 3)).sum(), 1e-5);
                assertEquals(IDS.length, Arrays.stream(got.sweepLoad(0, i)).sum(), "one expert per token");
                assertEquals(2 * IDS.length, Arrays.stream(got.sweepLoad(1, i)).sum());
                assertArrayEquals(got.domainLoad(i), got.againstLoad(0, i));
                assertEquals(k[i] * IDS.length, Arrays.stream(got.whatIfLoad(i)).sum());
            }
            assertEquals(0, got.whatIfLoad(1)[4]);
            assertEquals(40, got.transitions(0).length);
            assertEquals(40, got.softTransitions(1).length);
            assertEquals(IDS.length, Arrays.stream(got.transitions(1)).sum());
            assertArrayEquals(new double[] {2.0 / 8, 2.0 / 5, 3.0 / 8}, got.against().getFirst().chance(), 1e-12);
            try (SafetensorsFile file = got.artifact().tensors()) {
                assertTrue(file.has("expert_load.1") && !file.has("expert_load"));
                assertTrue(file.has("router_entropy"), "what has the same shape in all layers is one tensor");
                assertEquals("[2, 5]", file.shape("sweep_load.1").orElseThrow().toString());
            }
        }
    }

    /// The figures of PyTorch in float64 on the same weights and tokens, layer 1 (singular vectors by torch.linalg.svd, outputs of the layer's own input).
    @Test
    void similarityAsPyTorchFindsIt() throws IOException {
        RoutingArtifact got = run(similar(model("mixtral")));
        assertSimilar(got, RoutingArtifact.Similarity.weights, -0.00914991, 0.00459842, 0.02327615);
        assertSimilar(got, RoutingArtifact.Similarity.subspace, 0.26027929, 0.25876768, 0.19518887);
        assertSimilar(got, RoutingArtifact.Similarity.outputs, -0.02125901, 0.0815025, 0.03826435);
        assertEquals("{\"rank\":12,\"chance_overlap\":0.25,\"tokens\":16}", got.artifact().manifest().summary().get("similarity").toString());
    }

    private static void assertSimilar(RoutingArtifact got, RoutingArtifact.Similarity by, double of01, double of25, double of73) {
        double[] s = got.similarity(by, 1).orElseThrow();
        assertArrayEquals(new double[] {of01, of25, of73, 1}, new double[] {s[1], s[2 * 8 + 5], s[7 * 8 + 3], s[4 * 8 + 4]}, 2e-5, by.name());
        assertEquals(s[1], s[8], by.name() + " has no direction");
    }

    /// Stored one by one, stacked, transposed or as blocks: an expert is as like another as before. And experts that are copies are copies.
    @Test
    void copiesAreAlikeInEveryStorage() throws IOException {
        for (String name : List.of("qwen3-moe-stacked", "dbrx", "gpt-oss-mxfp4", "granitemoe", "deepseek-v3-fp8")) {
            RoutingArtifact got = run(similar(model(name)));
            for (RoutingArtifact.Similarity by : RoutingArtifact.Similarity.values()) {
                double[] s = got.similarity(by, 0).orElseThrow();
                int n = got.experts();
                for (int e = 0; e < n; e++) {
                    assertEquals(1, s[e * n + e], 1e-5, name + " " + by + ": an expert and itself");
                }
                assertTrue(Math.abs(s[1]) < 0.95, name + " " + by + ": two of random weights");
            }
        }
        Path copy = Files.createDirectory(folder.resolve("copy"));
        for (String file : List.of("config.json", "tokenizer.json")) {
            Files.copy(Path.of(model("mixtral")).resolve(file), copy.resolve(file));
        }
        // Expert 1 becomes a copy of expert 0; expert 2 the same with its last matrix turned round.
        try (SafetensorsFile from = SafetensorsFile.open(Path.of(model("mixtral")).resolve("model.safetensors"))) {
            Map<String, SafetensorsWriter.Declared> declared = new LinkedHashMap<>();
            from.tensors().forEach((n, t) -> declared.put(n, new SafetensorsWriter.Declared(DType.F32, t.shape())));
            try (SafetensorsWriter to = new SafetensorsWriter(copy.resolve("model.safetensors"), declared, Map.of())) {
                for (String n : declared.keySet()) {
                    float[] v = from.floats(n.replaceAll("experts\\.[12]\\.", "experts.0."));
                    if (n.contains("experts.2.w2")) {
                        for (int i = 0; i < v.length; i++) {
                            v[i] = -v[i];
                        }
                    }
                    to.write(n, 0, v);
                }
            }
        }
        RoutingArtifact got = run(similar(copy.toString()));
        for (int i = 0; i < 3; i++) {
            double[] weights = got.similarity(RoutingArtifact.Similarity.weights, i).orElseThrow();
            double[] subspace = got.similarity(RoutingArtifact.Similarity.subspace, i).orElseThrow();
            double[] outputs = got.similarity(RoutingArtifact.Similarity.outputs, i).orElseThrow();
            assertArrayEquals(new double[] {1, 1, 1}, new double[] {weights[1], subspace[1], outputs[1]}, 1e-5);
            assertEquals(-1, outputs[2], 1e-5, "turned round");
            assertEquals(1, subspace[2], 1e-5, "the same directions");
            assertTrue(weights[2] > 0 && weights[2] < 0.9, "two matrices of three are the same");
        }
    }
}
