package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import vitrine.app.engines.Engines;
import vitrine.app.program.Folders;
import vitrine.core.engine.WorkerEngine;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.DroppedParts;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneSettings;
import vitrine.core.task.PruneSettingsBuilder;
import vitrine.core.task.PruneSupport;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;

@Command(name = "prune", description = {"A pruning or compression run: a checkpoint that transformers loads, a report (pruning_report.json), and masks.safetensors for methods that take single weights.",
    "It lives in a folder of its own and can be stopped (Ctrl-C) and gone on with: see vitrine runs. Without --out the result is in the run's folder."},
        mixinStandardHelpOptions = true)
final class PruneCommand extends Subcommand {

    /// Other names that methods go by.
    private static final Map<String, String> ALIASES = Map.of("svd_llm", "whitened_svd");

    @Option(names = "--task", paramLabel = "FILE", description = "the whole task as JSON, instead of the options below")
    Path taskFile;

    @Option(names = "--model", paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @Option(names = "--method", paramLabel = "NAME", description = "magnitude, wanda, sparsegpt, contrastive (masks); svd, whitened_svd, swift_svd (lower rank); shortgpt (layers), swift_skip (attention or feed-forward blocks of layers), heads, taylor and slimgpt (heads and channels), lorap (ranks of attention, channels), dha (key and value heads that become one with others), masa (matrices of attention as sums of fewer that layers share), experts, submoe (experts that do alike become one); explicit (what --drop-... name; the default beside them)")
    String method;

    @Option(names = "--sparsity", paramLabel = "S", description = "the share of the weights that goes, from 0 to below 1; for methods of rank, of the parameters")
    Double sparsity;

    @Option(names = "--pattern", paramLabel = "N:M", description = "of every M consecutive inputs of a row N stay, such as 2:4")
    String pattern;

    @Option(names = "--rank", paramLabel = "R", description = "of every matrix, instead of --sparsity; submoe: of the side that merged experts share; masa: how many matrices of each kind layers share")
    Integer rank;

    @Option(names = "--data", paramLabel = "FILE", description = "calibration texts: a text file or JSONL. magnitude, svd and masa need none, and measure on them where they are given")
    Path data;

    @Option(names = "--eval-data", paramLabel = "[NAME=]FILE", description = "a text whose perplexity is measured before and after; may be given several times; default the calibration texts")
    List<String> evalData;

    @Option(names = "--against", paramLabel = "FILE", description = "contrastive: texts that stand against --data; the losses of both are measured before and after")
    Path against;

    @Option(names = "--propagation", paramLabel = "NAME", description = "dense (default): layers are calibrated with what they read in the model as it was; sequential: once the layers before are pruned")
    String propagation;

    @Option(names = "--group", paramLabel = "NAME", description = "magnitude: what is compared, matrix (default) or row")
    String group;

    @Option(names = "--block-size", paramLabel = "N", description = "sparsegpt: columns whose mask is chosen at once; default 128")
    Integer blockSize;

    @Option(names = "--damping", paramLabel = "X", description = "sparsegpt, slimgpt: lambda as a share of the mean diagonal; default 0.01")
    Double damping;

    @Option(names = "--target-modules", split = ",", paramLabel = "LIST", description = "matrices that are pruned, by the ending of their names (q_proj,down_proj, layers.1.mlp.up_proj) or patterns (*.mlp.*); default all linear layers of decoder layers, with masa those of attention")
    List<String> targetModules;

    @Option(names = "--calibration-sequences", paramLabel = "N", description = "how many pieces of the calibration texts; default 128")
    Integer calibrationSequences;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 2,048")
    Integer sequenceLength;

    @Option(names = "--seed", paramLabel = "N", description = "which pieces, where there are more; default 0")
    Long seed;

    @Option(names = "--allocation", paramLabel = "NAME", description = "how much of each layer goes: uniform (default); owl or dlp with masks; dynamic with swift_svd; incremental (more of later layers) with slimgpt. All but uniform need --data")
    String allocation;

    @Option(names = "--allocation-spread", paramLabel = "X", description = "owl, dlp, incremental: how far layers are from each other at most; default 0.08, 0.15, and the sparsity but at most 0.2")
    Double allocationSpread;

    @Option(names = "--outlier-multiple", paramLabel = "X", description = "owl: times the mean above which a score is an outlier; default 3")
    Double outlierMultiple;

    @Option(names = "--alpha", paramLabel = "X", description = "dynamic: how much importance weighs against energy, 0 to 1; default 0.5")
    Double alpha;

    @Option(names = "--layers", paramLabel = "N", description = "shortgpt: how many layers go, instead of --sparsity")
    Integer layers;

    @Option(names = "--uneven", description = "heads: layers may lose different numbers of heads; a config cannot say so, and they are set to 0 in their place. dha: keys and values are grouped by themselves, layers share the number out, and every head that was fused keeps its place")
    boolean uneven;

    @Option(names = "--parts", paramLabel = "NAME", description = "taylor, slimgpt, lorap (whose heads lose rank): heads, channels or both (default)")
    String parts;

    @Option(names = "--lowest-kept", paramLabel = "X", description = "lorap: the share of the channels of least norm that stays; default 0.01")
    Double lowestKept;

    @Option(names = "--second-order", description = "taylor: with the Fisher term")
    boolean secondOrder;

    @Option(names = "--experts", paramLabel = "N", description = "experts, submoe: how many of a layer stay, instead of --sparsity")
    Integer experts;

    @Option(names = "--experts-per-token", paramLabel = "K", description = "experts, submoe, explicit: how many a token visits afterwards; alone, all experts stay")
    Integer expertsPerToken;

    @Option(names = "--criterion", paramLabel = "NAME", description = "experts: frequency, or saliency (default): routing weight times the output's norm")
    String criterion;

    @Option(names = "--drop-layers", split = ",", paramLabel = "L,...", description = "explicit: layers that go, by number from 0")
    List<Integer> dropLayers;

    @Option(names = "--drop-heads", split = ",", paramLabel = "L.H,...", description = "explicit: query heads that go, LAYER.HEAD from 0. Whole key/value groups, as many of every layer, leave the matrices; others are set to 0")
    List<String> dropHeads;

    @Option(names = "--drop-experts", split = ",", paramLabel = "L.E,...", description = "explicit: routed experts that go, LAYER.EXPERT from 0; as many of every layer with experts")
    List<String> dropExperts;

    @Option(names = "--ranks", split = ",", paramLabel = "NAME=R,...", description = "methods of rank: ranks of single matrices, by names as of --target-modules; alone, only these change")
    Map<String, Integer> ranks;

    @Option(names = "--factorised", description = "methods of rank: write the thin matrices too, factors.safetensors; dha: fused heads once each; masa: the shared matrices and coefficients")
    boolean factorised;

    @Option(names = "--preview", description = "write nothing; tell what runs would come to: size, speed and a predicted loss on the first 2,048 tokens of --data, for the amount that is asked for and others around it")
    boolean preview;

    @Option(names = "--recover", paramLabel = "NAME", description = "train what is left in the same run: lora, dora, layra or beamlora (an adapter beside the pruned checkpoint), or full (weights that were set to 0 stay 0)")
    String recover;

    @Option(names = "--recover-data", paramLabel = "FILE", description = "recover: texts to learn; default --data")
    Path recoverData;

    @Option(names = "--recover-steps", paramLabel = "N", description = "recover: steps; default one pass over the texts")
    Integer recoverSteps;

    @Option(names = "--recover-lr", paramLabel = "X", description = "recover: the peak learning rate; default 2e-4 for adapters, 2e-5 for full")
    Double recoverRate;

    @Option(names = "--recover-batch-size", paramLabel = "N", description = "recover: samples of a step; default 8")
    Integer recoverBatch;

    @Option(names = "--recover-r", paramLabel = "R", description = "recover: the adapter's rank; default 16")
    Integer recoverRank;

    @Option(names = "--recover-merge", description = "recover: merge the adapter into the pruned checkpoint, with its zeros kept, rather than write it beside")
    boolean recoverMerge;

    @Override
    boolean runsOnEveryEngine() {
        return true;
    }

    @Override
    int run(Output output) throws IOException {
        if (preview) {
            return new PrunePreviewCommand(previewed(), common).run(output);
        }
        Task.Prune task = task();
        TaskInputs.files(task);
        if (common.out != null) {
            FinetuneCommand.requireFree(common.out);
        }
        Engines.Choice choice = common.choice();
        PruneSupport.require(choice.name(), task);
        WorkerEngine engine = Engines.open(choice);
        try (RunStore store = RunStore.open(Folders.locate().runs())) {
            ObjectNode environment = RunStore.environment(choice.name(), choice.version(), common.threadCount()).put("device", choice.setting().device()).put("dtype", choice.setting().precision().name());
            RunRecord run = store.create(task.toJson(), environment);
            return new RunSession(store, run, output).run(engine, common.out == null ? null : common.out.toAbsolutePath().normalize());
        }
    }

    /// What is asked for need not say how much goes, and needs a text.
    private Task.Preview previewed() {
        if (taskFile != null) {
            Task.Prune t = task();
            return previewed(t.model(), t.data() == null && t.evalData() != null ? t.evalData().getFirst().file() : t.data(), t.method(), t.settings());
        }
        nameMethod();
        if (model == null || method == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is missing", model == null ? "--model" : "--method").help("Say --task FILE, or --model MODEL --method NAME --data FILE.");
        }
        return previewed(EngineCommand.absolute(model), data == null ? null : EngineCommand.absolute(data), chosen(), settings());
    }

    private static Task.Preview previewed(String model, String data, PruneMethod method, PruneSettings settings) {
        if (data == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--data is missing: losses are predicted on a text").help("A text file or JSONL.");
        }
        return new Task.Preview(model, data, null, method, settings);
    }

    private PruneMethod chosen() {
        String name = method.replace('-', '_');
        return FinetuneCommand.choice("--method", ALIASES.getOrDefault(name, name), PruneMethod.class);
    }

    private Task.Prune task() {
        if (taskFile != null) {
            if (model != null || data != null || method != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "--task holds model, data and method: they do not stand beside it");
            }
            return read(taskFile);
        }
        nameMethod();
        if (model == null || method == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is missing", model == null ? "--model" : "--method").help("Say --task FILE, or --model MODEL --method NAME --sparsity S.");
        }
        PruneMethod chosen = chosen();
        if (chosen.needsData() && data == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "--data is missing: %s works by calibration texts", chosen.name()).help("A text file or JSONL.");
        }
        Task.Prune alone = new Task.Prune(EngineCommand.absolute(model), data == null ? null : EngineCommand.absolute(data), chosen,
                evalData == null ? null : evalData.stream().map(RoutingCommand::domain).toList(), settings());
        ObjectNode after = recovery();
        return after == null ? alone : (Task.Prune) Task.fromJson(alone.toJson().<ObjectNode>set("recovery", after));
    }

    /// Parts that are named are a method of their own.
    private void nameMethod() {
        if (method == null && drop() != null) {
            method = PruneMethod.explicit.name();
        }
    }

    private PruneSettings settings() {
        return PruneSettingsBuilder.builder().sparsity(sparsity).pattern(pattern).rank(rank)
                .group(FinetuneCommand.choice("--group", group, PruneSettings.Group.class))
                .propagation(FinetuneCommand.choice("--propagation", propagation, PruneSettings.Propagation.class)).blockSize(blockSize).damping(damping)
                .targetModules(targetModules).calibrationSequences(calibrationSequences).sequenceLength(EngineCommand.sequenceLength(sequenceLength)).seed(seed)
                .allocation(FinetuneCommand.choice("--allocation", allocation, PruneSettings.AllocationName.class)).allocationSpread(allocationSpread)
                .outlierMultiple(outlierMultiple).alpha(alpha).factorised(factorised ? true : null).layers(layers).even(uneven ? false : null)
                .parts(FinetuneCommand.choice("--parts", parts, PruneSettings.Parts.class)).secondOrder(secondOrder ? true : null).experts(experts)
                .criterion(FinetuneCommand.choice("--criterion", criterion, PruneSettings.Criterion.class)).expertsPerToken(expertsPerToken).drop(drop()).ranks(ranks)
                .against(against == null ? null : EngineCommand.absolute(against)).lowestKept(lowestKept).build();
    }

    private DroppedParts drop() {
        return dropLayers == null && dropHeads == null && dropExperts == null ? null : new DroppedParts(dropLayers, dropHeads, dropExperts);
    }

    /// What `--recover...` say, as JSON; null where nothing follows.
    private ObjectNode recovery() {
        if (recover == null) {
            String without = recoverData != null ? "--recover-data" : recoverSteps != null ? "--recover-steps" : recoverRate != null ? "--recover-lr" : recoverBatch != null ? "--recover-batch-size"
                    : recoverRank != null ? "--recover-r" : recoverMerge ? "--recover-merge" : null;
            if (without != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "%s goes with --recover only", without);
            }
            return null;
        }
        ObjectNode numbers = Json.object();
        numbers.put("steps", recoverSteps).put("lr", recoverRate).put("batchSize", recoverBatch).put("r", recoverRank).put("sequenceLength", EngineCommand.sequenceLength(sequenceLength)).put("seed", seed);
        numbers.properties().removeIf(e -> e.getValue().isNull());
        ObjectNode out = Json.object().put("method", FinetuneCommand.choice("--recover", recover, FinetuneMethod.class).name());
        if (recoverData != null) {
            out.put("data", EngineCommand.absolute(recoverData));
        }
        if (!numbers.isEmpty()) {
            out.set("settings", numbers);
        }
        return recoverMerge ? out.put("merge", true) : out;
    }

    /// A task from a file; a run's own `task.json`, which holds it, will do.
    private static Task.Prune read(Path file) {
        if (!Files.exists(file)) {
            throw Refusal.of(Category.NOT_FOUND, file, "there is no such file");
        }
        JsonNode json = Json.readObject(file, file, FinetuneCommand.MAX_TASK_BYTES, Category.TASK_INVALID);
        Task task = Task.fromJson(json.has("environment") && json.path("task").isObject() ? json.get("task") : json);
        if (!(task instanceof Task.Prune p)) {
            throw Refusal.of(Category.TASK_INVALID, file, "it is a task of the kind %s; prune runs tasks of the kind prune", task.kind());
        }
        Path folder = file.toAbsolutePath().normalize().getParent();
        List<Task.Domain> texts = p.evalData() == null ? null : p.evalData().stream().map(d -> new Task.Domain(d.name(), FinetuneCommand.resolved(folder, d.file()))).toList();
        Task.Recovery r = p.recovery();
        return new Task.Prune(FinetuneCommand.resolved(folder, p.model()), FinetuneCommand.resolved(folder, p.data()), p.method(), texts, p.settings() == null || p.settings().against() == null ? p.settings() : p.settings().against(FinetuneCommand.resolved(folder, p.settings().against())),
                r == null ? null : new Task.Recovery(r.method(), FinetuneCommand.resolved(folder, r.data()), r.settings(), r.merge()));
    }
}
