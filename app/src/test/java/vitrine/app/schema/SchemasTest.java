package vitrine.app.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.analysis.spectrum.Accuracy;
import vitrine.core.artifact.RankArtifact.Of;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.FinetuneSettings;
import vitrine.core.task.DroppedParts;
import vitrine.core.task.FinetuneSettingsBuilder;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.PruneSettingsBuilder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskAdapterBuilder;
import vitrine.core.task.TaskAdapterCutBuilder;
import vitrine.core.task.TaskCompareBuilder;
import vitrine.core.task.TaskConvertBuilder;
import vitrine.core.task.TaskEvaluateBuilder;
import vitrine.core.task.TaskRankBuilder;
import vitrine.core.task.TaskRoutingBuilder;

/// The schemas by themselves, and against the types that they describe.
class SchemasTest {

    private static final SchemaRegistry REGISTRY = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);

    static List<String> files() {
        return Schemas.FILES;
    }

    @ParameterizedTest
    @MethodSource("files")
    void isASchemaOfDraft202012(String file) {
        JsonNode text = Schemas.read(file);
        assertEquals("https://json-schema.org/draft/2020-12/schema", text.get("$schema").asText());
        Schema meta = REGISTRY.getSchema(SchemaLocation.of("https://json-schema.org/draft/2020-12/schema"));
        assertEquals(List.of(), meta.validate(Json.line(text), InputFormat.JSON));
    }

    // --- tasks

    private static final FinetuneSettings SETTINGS = FinetuneSettingsBuilder.builder().steps(100).batchSize(4).accumulate(2).sequenceLength(64).lr(1e-4).warmupSteps(10)
            .schedule(FinetuneSettings.ScheduleName.wsd).decaySteps(20).weightDecay(0.01).beta1(0.9).beta2(0.99).eps(1e-8).maxGradNorm(1.0).seed(7L)
            .order(FinetuneSettings.OrderName.sequential).pack(true).evalEvery(10).saveEvery(5).checkpointing(FinetuneSettings.Checkpointing.layer).balance(0.001)
            .optimiser(FinetuneSettings.OptimiserName.spam).cautious(true).gradientNoise(0.01).r(8).alpha(16.0).dropout(0.1).targetModules(List.of("q_proj"))
            .rslora(true).beamPeriod(10).beamEnd(50).beamTemperature(0.05).earlyStop(3).build();

    private static Task finetune(String method, String settings) {
        String json = String.format("{'kind': 'finetune', 'model': '/models/a', 'data': '/texts/a.jsonl', 'method': '%s', 'settings': {%s}}", method, settings).replace('\'', '"');
        try {
            return Task.fromJson((com.fasterxml.jackson.databind.node.ObjectNode) Json.mapper().readTree(json));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    static Stream<Task> tasks() {
        List<Task.What> all = List.of(Task.What.values());
        return Stream.of(
                new Task.Capture("/models/a", Task.Prompt.ofText("Once upon a time"), List.of(Task.What.attentions), null),
                new Task.Capture("/models/a", new Task.Prompt(null, "/texts/a.txt", null, null), all, new Task.LayerRange(0, 11)),
                new Task.Capture("/models/a", Task.Prompt.ofIds(List.of(1, 2, 3)), List.of(), null),
                new Task.Capture("/models/a", new Task.Prompt(null, null, List.of(1, 2), List.of(0, 1)), all, null),
                new Task.Capture("/models/a", Task.Prompt.ofText("a b"), List.of(Task.What.loss), null, null, new Task.Off(List.of(new Task.HeadAt(4, 7)), List.of(2))),
                new Task.Heads("/models/a", "/texts/a.jsonl", null), new Task.Heads("/models/a", "/texts/a.jsonl", 512),
                new Task.Evaluate("/models/a", "/texts/a.jsonl", null), new Task.Evaluate("/models/a", "/texts/a.jsonl", 2),
                TaskEvaluateBuilder.builder().model("/models/a").data("/texts/a.jsonl").maxTokens(1000)
                        .off(new Task.Off(null, List.of(1), java.util.Map.of("layers.0.q_proj", 4))).build(),
                Task.Rank.of("/models/a", "/texts/a.jsonl", Of.kv),
                TaskRankBuilder.builder().model("/models/a").data("/texts/a.jsonl").of(Of.kv).maxLength(64).maxTokens(1000).centred(true).growth(true).build(),
                TaskRankBuilder.builder().model("/models/a").data("/texts/a.jsonl").of(Of.hidden).centred(false).excludeMassive(true).build(),
                TaskRankBuilder.builder().model("/models/a").data("/texts/a.jsonl").of(Of.activations).ratio(0.6).alpha(1.0).tailError(0.2).perplexityRise(1.0)
                        .rankAwareSparsity(0.5).build(),
                Task.Routing.of("/models/a", List.of(new Task.Domain("text", "/texts/a.jsonl"))),
                TaskRoutingBuilder.builder().model("/models/a").data(List.of(new Task.Domain("a", "/texts/a.jsonl"), new Task.Domain("b", "/texts/b.txt")))
                        .maxLength(64).maxTokens(1000).expertsPerToken(List.of(1, 2, 4)).similarity(true).against(List.of("/models/b"))
                        .expertsPerTokenAt(List.of(new Task.LayerCount(0, 1))).mask(List.of(new Task.Mask(2, 3), new Task.Mask(2, 4, true)))
                        .force(List.of(new Task.Force(2, 17, List.of(1, 4)))).swap(List.of(new Task.Swap(1, 0, 5))).build(),
                new Task.Finetune("/models/a", "/texts/a.jsonl", FinetuneMethod.full, null, null, null),
                finetune("lora", "'targetModules': ['embed_tokens'], 'targetParameters': ['experts.down_proj']"), finetune("nola", "'bases': 8, 'r': 4"), finetune("multilora", "'parallel': 2"),
                finetune("svft", "'targetModules': ['q_proj']"), finetune("ilora", "'alpha': 4"), finetune("bone", "'r': 8"),
                new Task.Finetune("/models/a", "/texts/a.jsonl", FinetuneMethod.beamlora, "/texts/b.jsonl", "/adapters/a", SETTINGS),
                new Task.Evaluate("/models/a", "/texts/a.jsonl", null, List.of(Task.AdapterUse.of("/adapters/a"), new Task.AdapterUse("/adapters/b", -0.5))),
                Task.Adapter.alone("/adapters/a"),
                TaskAdapterBuilder.builder().adapter("/adapters/a").model("/models/a").alignment(Task.Alignment.full)
                        .data(List.of(new Task.Domain("a", "/texts/a.jsonl"))).ranks(List.of(0, 4)).order(Task.Order.activation).without(Task.Without.components)
                        .modules(List.of("*q_proj")).maxLength(64).maxTokens(1000).gradients(true).build(),
                new Task.AdapterCompare("/adapters/a", "/adapters/b"),
                TaskAdapterCutBuilder.builder().adapter("/adapters/a").rank(4).build(),
                Task.AdapterCut.without("/adapters/a", "/models/a", Task.Order.norm_product, List.of(new Task.AdapterCut.Components("layers.0.q_proj", List.of(0, 3))), List.of(new Task.Domain("a", "/texts/a.jsonl")), 1000),
                TaskAdapterCutBuilder.builder().adapter("/adapters/a").model("/models/a").energy(0.9).solar(new Task.AdapterCut.Solar(32, 0.1, 7L)).build(),
                TaskAdapterCutBuilder.builder().adapter("/adapters/a").model("/models/a").lossRise(0.1).order(Task.Order.norm_product)
                        .data(List.of(new Task.Domain("a", "/texts/a.jsonl"))).maxLength(64).maxTokens(1000).build(),
                new Task.Prune("/models/a", null, PruneMethod.magnitude, null, PruneSettingsBuilder.builder().sparsity(0.5).group(PruneSettings.Group.row).targetModules(List.of("q_proj")).calibrationSequences(64)
                        .sequenceLength(128).seed(3L).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.sparsegpt, List.of(new Task.Domain("a", "/texts/a.jsonl")),
                        PruneSettingsBuilder.builder().pattern("2:4").propagation(PruneSettings.Propagation.sequential).blockSize(64).damping(0.1)
                                .allocation(PruneSettings.AllocationName.owl).allocationSpread(0.1).outlierMultiple(5.0).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.whitened_svd, null, PruneSettingsBuilder.builder().rank(16).factorised(true).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.taylor, null, PruneSettingsBuilder.builder().sparsity(0.2).parts(PruneSettings.Parts.channels).secondOrder(true).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.experts, null, PruneSettingsBuilder.builder().experts(4).criterion(PruneSettings.Criterion.frequency).expertsPerToken(1).build()),
                TaskEvaluateBuilder.builder().model("/models/a").data("/texts/a.jsonl")
                        .cache(new Task.CacheBudget(List.of(0.5, 1.0), List.of(vitrine.core.analysis.evaluate.CachePolicy.nacl), 0.7, 3L))
                        .elastic(new Task.Elastic(List.of(2, 1), null, List.of(1), "/texts/b.txt")).lazy(new Task.Lazy(List.of(0.05, 0.1), 3, true))
                        .heterogeneity(new Task.Impact("/texts/b.txt")).build(),
                new Task.Prune("/models/a", null, PruneMethod.explicit, null, PruneSettingsBuilder.builder().drop(new DroppedParts(List.of(3), List.of("0.1", "12.30"), null)).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.contrastive, null, PruneSettingsBuilder.builder().sparsity(0.4).build().against("/texts/b.txt")),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.dha, null, PruneSettingsBuilder.builder().sparsity(0.5).factorised(true).even(false).build()),
                new Task.Prune("/models/a", null, PruneMethod.masa, null, PruneSettingsBuilder.builder().rank(2).targetModules(List.of("q_proj")).factorised(true).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.lorap, null, PruneSettingsBuilder.builder().sparsity(0.4).parts(PruneSettings.Parts.channels).lowestKept(0.02).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.swift_skip, null, PruneSettingsBuilder.builder().sparsity(0.4).seed(3L).build()),
                new Task.Prune("/models/a", null, PruneMethod.svd, null, PruneSettingsBuilder.builder().ranks(Map.of("q_proj", 4)).build()),
                new Task.Prune("/models/a", "/texts/a.txt", PruneMethod.shortgpt, null, PruneSettingsBuilder.builder().sparsity(0.5).build(), new Task.Recovery(FinetuneMethod.lora, "/texts/b.txt", null, true)),
                new Task.AdapterMerge("/models/a", List.of(new Task.AdapterUse("/adapters/a", 0.5))),
                new Task.AdapterExtract("/models/a", "/models/b", 8, List.of("*q_proj*")), new Task.AdapterExtract("/models/a", "/models/b", 1, null),
                TaskCompareBuilder.builder().model("/models/a").other("/models/b").build(),
                TaskCompareBuilder.builder().model("/models/a").other("/models/a").data(List.of(new Task.Domain("a", "/texts/a.jsonl")))
                        .prompt(Task.Prompt.ofText("The lantern")).maxLength(64).spectra(Accuracy.fast).adapters(List.of(Task.AdapterUse.of("/adapters/a")))
                        .otherAdapters(List.of(new Task.AdapterUse("/adapters/b", 0.5))).build(),
                new Task.Preview("/models/a", "/texts/a.jsonl", 64),
                new Task.Preview("/models/a", "/texts/a.jsonl", null, vitrine.core.task.PruneMethod.wanda, null),
                TaskConvertBuilder.builder().model("/models/a").how(Task.How.stack).times(2).interleave(true).build(),
                TaskConvertBuilder.builder().model("/models/a").how(Task.How.upcycle).experts(8).perToken(2).noise(0.0).seed(3L).build(),
                TaskConvertBuilder.builder().model("/models/a").how(Task.How.pool).group(2).build(),
                TaskConvertBuilder.builder().model("/models/a").how(Task.How.lines).other("/models/b").alpha(0.5).headScale(1.0).build(),
                TaskConvertBuilder.builder().model("/models/a").how(Task.How.interpolate).other("/models/b").share(0.25).build(),
                new Task.Statistics("/models/a", null, 64), new Task.Statistics("/models/a", List.of("model.norm.weight"), 1),
                new Task.Spectrum("/models/a", null, null, null, Accuracy.exact, null),
                new Task.Spectrum("/models/a", List.of("/models/b"), "/models/c", List.of("*q_proj*", "lm_head.weight"), Accuracy.estimate, true));
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void aTaskIsValidAndComesBackTheSame(Task task) throws JsonProcessingException {
        String json = Json.line(task.toJson());
        Schemas.TASK.accepts(json);
        assertEquals(task, Task.fromJson(Json.mapper().readTree(json)));
        assertEquals(task.kind(), task.toJson().get("kind").asText());
    }

    @Test
    void everyKindOfTaskIsTried() {
        assertEquals(Set.of(Task.class.getPermittedSubclasses()), tasks().map(Task::getClass).collect(Collectors.toSet()));
    }

    /// What no schema accepts and no program runs.
    @ParameterizedTest
    @ValueSource(strings = {
        "{}", "[]", "null", "3", "\"capture\"",
        "{\"kind\":\"anatomy\",\"model\":\"/m\"}",
        "{\"kind\":\"eval\",\"model\":\"/m\"}",
        "{\"kind\":\"eval\",\"data\":\"/d\"}",
        "{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\",\"maxLength\":1}",
        "{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\",\"maxLength\":\"64\"}",
        "{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\",\"maxLength\":64.5}",
        "{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\",\"length\":64}",
        "{\"kind\":\"eval\",\"model\":7,\"data\":\"/d\"}",
        "{\"kind\":\"heads\",\"model\":\"/m\",\"data\":[\"/d\"]}",
        "{\"kind\":\"statistics\",\"model\":\"/m\"}",
        "{\"kind\":\"routing\",\"model\":\"/m\"}",
        "{\"kind\":\"routing\",\"model\":\"/m\",\"data\":[]}",
        "{\"kind\":\"routing\",\"model\":\"/m\",\"data\":[{\"file\":\"/d\"}]}",
        "{\"kind\":\"routing\",\"model\":\"/m\",\"data\":[{\"name\":\" \",\"file\":\"/d\"}]}",
        "{\"kind\":\"routing\",\"model\":\"/m\",\"data\":[{\"name\":\"a\",\"file\":\"/d\"}],\"expertsPerToken\":[0]}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\"}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"magic\"}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"full\",\"initAdapter\":\"/a\"}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"full\",\"settings\":{\"r\":8}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"lora\",\"settings\":{\"rounds\":2}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"lora\",\"settings\":{\"steps\":0}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"svft\",\"settings\":{\"r\":8}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"nola\",\"initAdapter\":\"/a\"}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"dora\",\"settings\":{\"targetParameters\":[\"all-experts\"]}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"lora\",\"settings\":{\"steps\":1,\"epochs\":1}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"lora\",\"settings\":{\"lr\":-1}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"lora\",\"settings\":{\"dropout\":1}}",
        "{\"kind\":\"finetune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"beamlora\",\"settings\":{\"beamPeriod\":3}}",
        "{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\",\"adapters\":[\"/a\"]}",
        "{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\",\"adapters\":[{\"weight\":1}]}",
        "{\"kind\":\"adapter\",\"model\":\"/m\"}",
        "{\"kind\":\"adapter\",\"adapter\":\"/a\",\"ranks\":[1]}",
        "{\"kind\":\"adapter\",\"adapter\":\"/a\",\"alignment\":\"fast\"}",
        "{\"kind\":\"adapter\",\"adapter\":\"/a\",\"model\":\"/m\",\"data\":[{\"name\":\"d\",\"file\":\"/d\"}],\"modules\":[\"*\"]}",
        "{\"kind\":\"adapter-compare\",\"adapter\":\"/a\"}",
        "{\"kind\":\"adapter-cut\",\"adapter\":\"/a\"}",
        "{\"kind\":\"adapter-cut\",\"adapter\":\"/a\",\"rank\":2,\"solar\":{}}",
        "{\"kind\":\"adapter-cut\",\"adapter\":\"/a\",\"model\":\"/m\",\"rank\":2,\"solar\":{\"vectors\":65}}",
        "{\"kind\":\"adapter-cut\",\"adapter\":\"/a\",\"rank\":2,\"energy\":0.5}",
        "{\"kind\":\"adapter-cut\",\"adapter\":\"/a\",\"lossRise\":0.5}",
        "{\"kind\":\"adapter-merge\",\"model\":\"/m\",\"adapters\":[]}",
        "{\"kind\":\"convert\",\"model\":\"/m\",\"how\":\"stack\",\"times\":1}",
        "{\"kind\":\"convert\",\"model\":\"/m\",\"how\":\"stack\",\"times\":2,\"alpha\":0.5}",
        "{\"kind\":\"convert\",\"model\":\"/m\",\"how\":\"interpolate\",\"other\":\"/n\",\"share\":1.5}",
        "{\"kind\":\"adapter-extract\",\"model\":\"/m\",\"tuned\":\"/t\",\"rank\":0}",
        "{\"kind\":\"compare\",\"model\":\"/m\"}",
        "{\"kind\":\"compare\",\"model\":\"/m\",\"other\":\"/n\",\"maxLength\":64}",
        "{\"kind\":\"compare\",\"model\":\"/m\",\"other\":\"/n\",\"spectra\":\"none\"}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"magnitude\"}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"magic\",\"settings\":{\"sparsity\":0.5}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"wanda\",\"settings\":{\"sparsity\":0.5}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"magnitude\",\"settings\":{\"sparsity\":1}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"magnitude\",\"settings\":{\"rank\":4}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"magnitude\",\"settings\":{\"pattern\":\"half\"}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"magnitude\",\"settings\":{\"sparsity\":0.5,\"propagation\":\"dense\"}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"svd\",\"settings\":{\"sparsity\":0.5,\"rank\":4}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"method\":\"svd\",\"settings\":{\"sparsity\":0.5,\"damping\":0.1}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"shortgpt\",\"settings\":{\"sparsity\":0.5,\"layers\":2}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"heads\",\"settings\":{\"layers\":2}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"experts\",\"settings\":{}}",
        "{\"kind\":\"prune\",\"model\":\"/m\",\"data\":\"/d\",\"method\":\"taylor\",\"settings\":{\"sparsity\":0.5,\"even\":true}}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\"}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"weights\"}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"kv\",\"maxTokens\":1}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"kv\",\"ratio\":0.5}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"kv\",\"excludeMassive\":true}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"hidden\",\"growth\":true}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"activations\",\"centred\":true}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"activations\",\"ratio\":1}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"activations\",\"alpha\":0.5}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"activations\",\"ratio\":0.5,\"alpha\":1.5}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"activations\",\"tailError\":0}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"activations\",\"perplexityRise\":-1}",
        "{\"kind\":\"rank\",\"model\":\"/m\",\"data\":\"/d\",\"of\":\"activations\",\"rankAwareSparsity\":1}",
        "{\"kind\":\"statistics\",\"model\":\"/m\",\"bins\":0}",
        "{\"kind\":\"statistics\",\"model\":\"/m\",\"bins\":8,\"tensors\":[null]}",
        "{\"kind\":\"spectrum\",\"model\":\"/m\"}",
        "{\"kind\":\"spectrum\",\"model\":\"/m\",\"accuracy\":\"rough\"}",
        "{\"kind\":\"spectrum\",\"model\":\"/m\",\"accuracy\":0}",
        "{\"kind\":\"spectrum\",\"model\":\"/m\",\"accuracy\":\"exact\",\"series\":[null]}",
        "{\"kind\":\"spectrum\",\"model\":\"/m\",\"accuracy\":\"exact\",\"tensors\":\"*\"}",
        "{\"kind\":\"spectrum\",\"model\":\"/m\",\"accuracy\":\"exact\",\"heads\":\"yes\"}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"what\":[\"attentions\"]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"text\":\"a\"}}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"text\":\"a\"},\"what\":[\"attention\"]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"text\":\"a\"},\"what\":[0]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"text\":\"a\"},\"what\":[null]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":\"a\",\"what\":[]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{},\"what\":[]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"text\":\"a\",\"ids\":[1]},\"what\":[]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"text\":\"a\",\"segments\":[0]},\"what\":[]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"ids\":[1.5]},\"what\":[]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"ids\":[null]},\"what\":[]}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"ids\":[1]},\"what\":[],\"layers\":\"0-1\"}",
        "{\"kind\":\"capture\",\"model\":\"/m\",\"prompt\":{\"ids\":[1]},\"what\":[],\"layers\":{\"first\":1}}",
    })
    void aWrongTaskIsRefusedByBoth(String json) throws JsonProcessingException {
        Schemas.TASK.refuses(json);
        JsonNode node = Json.mapper().readTree(json);
        Refusal refusal = assertThrows(Refusal.class, () -> Task.fromJson(node));
        assertEquals(Category.TASK_INVALID, refusal.category());
        assertTrue(refusal.getMessage().lines().count() == 1 && !refusal.getMessage().contains("vitrine.core"), refusal.getMessage());
    }

    // --- lists that stand in both

    @Test
    void categoriesAndWhatsAreThoseOfTheCode() {
        assertEquals(Arrays.stream(Category.values()).map(Category::code).toList(), texts(Schemas.read("event.schema.json").at("/$defs/category/enum")));
        assertEquals(Arrays.stream(Accuracy.values()).map(Enum::name).toList(), texts(Schemas.read("task.schema.json").at("/$defs/accuracy/enum")));
        assertEquals(Arrays.stream(Task.What.values()).map(Enum::name).toList(), texts(Schemas.read("task.schema.json").at("/$defs/what/enum")));
    }

    private static List<String> texts(JsonNode list) {
        List<String> out = new ArrayList<>();
        list.forEach(e -> out.add(e.asText()));
        return out;
    }

    // --- requests, events and manifests that must not pass

    @ParameterizedTest
    @ValueSource(strings = {
        "{}", "{\"request\":\"run\"}", "{\"request\":\"pause\",\"id\":1}", "{\"request\":\"cancel\"}", "{\"request\":\"cancel\",\"id\":0}", "{\"request\":\"stop\",\"id\":1}",
        "{\"request\":\"run\",\"id\":1,\"artifact\":\"/a\",\"task\":{\"kind\":\"eval\",\"model\":\"/m\"}}",
        "{\"request\":\"run\",\"id\":1,\"artifact\":\"\",\"task\":{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\"}}",
        "{\"request\":\"run\",\"id\":\"1\",\"artifact\":\"/a\",\"task\":{\"kind\":\"eval\",\"model\":\"/m\",\"data\":\"/d\"}}",
    })
    void aWrongRequestIsRefused(String json) {
        Schemas.REQUEST.refuses(json);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{}", "{\"event\":\"progress\"}", "{\"event\":\"start\",\"id\":1}", "{\"event\":\"hello\",\"protocol\":2,\"engine\":\"e\",\"version\":\"1\"}",
        "{\"event\":\"hello\",\"engine\":\"e\",\"version\":\"1\"}", "{\"event\":\"heartbeat\",\"id\":1}",
        "{\"event\":\"progress\",\"done\":1,\"total\":2,\"unit\":\"layers\"}", "{\"event\":\"progress\",\"id\":1,\"done\":-1,\"total\":2,\"unit\":\"layers\"}",
        "{\"event\":\"progress\",\"id\":1,\"done\":1.5,\"total\":2,\"unit\":\"layers\"}", "{\"event\":\"warning\",\"id\":1,\"message\":\"\"}",
        "{\"event\":\"metric\",\"id\":1,\"loss\":[1]}", "{\"event\":\"metric\",\"loss\":1}",
        "{\"event\":\"error\",\"id\":1,\"category\":\"made-up\",\"message\":\"m\"}", "{\"event\":\"error\",\"id\":1,\"category\":\"truncated\"}",
        "{\"event\":\"error\",\"id\":1,\"category\":\"truncated\",\"message\":\"two\\nlines\"}", "{\"event\":\"error\",\"category\":\"truncated\",\"message\":\"m\"}",
        "{\"event\":\"result\",\"id\":1}", "{\"event\":\"cancelled\"}", "{\"event\":\"fault\",\"id\":1}",
    })
    void aWrongWorkerLineIsRefused(String json) {
        Schemas.WORKER_EVENT.refuses(json);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{}", "{\"event\":\"fault\"}", "{\"event\":\"heartbeat\"}", "{\"event\":\"hello\",\"protocol\":1,\"engine\":\"e\",\"version\":\"1\"}", "{\"event\":\"result\"}",
        "{\"event\":\"progress\",\"id\":1,\"done\":1,\"total\":2,\"unit\":\"layers\"}", "{\"event\":\"metric\",\"id\":1,\"loss\":2.5}",
        "{\"event\":\"error\",\"category\":\"made-up\",\"message\":\"m\"}", "{\"event\":\"error\",\"category\":\"truncated\",\"message\":\"\"}",
        "{\"event\":\"result\",\"engines\":[]}", "{\"event\":\"result\",\"engines\":[{\"name\":\"pytorch\",\"available\":false}]}",
        "{\"event\":\"result\",\"kind\":\"eval\",\"cached\":false,\"seconds\":1,\"model\":\"m\",\"family\":\"f\",\"loss\":\"NaN\",\"perplexity\":null,\"predicted_tokens\":1,\"sequences\":1,\"recipe\":\"r\"}",
        "{\"event\":\"result\",\"kind\":\"capture\",\"cached\":false,\"seconds\":1,\"model\":\"m\",\"family\":\"f\",\"tokens\":2,\"layers\":1,\"tensors\":{\"logits\":\"2 x 3\"},\"out\":\"o\"}",
    })
    void aWrongCommandLineIsRefused(String json) {
        Schemas.COMMAND_LINE_EVENT.refuses(json);
    }

    private static final String MANIFEST = """
            {"format":"vitrine-artifact","version":1,"kind":"eval","task":{"kind":"eval","model":"/m","data":"/d"},"inputs":{"/d":"absent"},
             "engine":{"name":"embedded","version":"2"},"created":"2026-11-01T00:00:00Z","seconds":0.5,"summary":{"loss":1.5},
             "provenance":{"loss":{"kind":"derived","source":"logits","dtype":"F32","method":"mean","samples":3}},"warnings":[]}""";

    static Stream<List<String>> breaks() {
        return Stream.of(List.of("vitrine-artifact", "vitrine-run"), List.of("\"version\":1,", "\"version\":2,"), List.of("\"version\":1,", ""),
                List.of("\"kind\":\"eval\",\"task\"", "\"kind\":\"heads\",\"task\""), List.of("\"data\":\"/d\"", "\"data\":7"), List.of("absent", "md5:0"),
                List.of("\"name\":\"embedded\",", ""), List.of("2026-11-01T00:00:00Z", "1 November"), List.of("0.5", "-0.5"), List.of("derived", "guessed"),
                List.of("\"samples\":3", "\"samples\":3,\"error\":-1"), List.of("\"method\":\"mean\",", ""), List.of("\"warnings\":[]", "\"warnings\":[\"\"]"),
                List.of("\"summary\":{\"loss\":1.5},", ""));
    }

    @Test
    void theManifestBelowIsValid() {
        Schemas.MANIFEST.accepts(MANIFEST);
    }

    @ParameterizedTest
    @MethodSource("breaks")
    void aWrongManifestIsRefused(List<String> change) {
        String broken = MANIFEST.replace(change.get(0), change.get(1));
        assertTrue(!broken.equals(MANIFEST), () -> "no such text: " + change);
        Schemas.MANIFEST.refuses(broken);
    }
}
