package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import vitrine.app.engines.Engines;
import vitrine.app.program.Folders;
import vitrine.core.engine.WorkerEngine;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.run.RunRecord;
import vitrine.core.run.RunStore;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.FinetuneSettings;
import vitrine.core.task.FinetuneSettingsBuilder;
import vitrine.core.task.Task;
import vitrine.core.task.TaskInputs;
import vitrine.core.task.TrainingSupport;
import vitrine.core.train.method.FirstFactors;

@Command(name = "finetune", description = {"A training run: a checkpoint, or a PEFT adapter.",
    "It lives in a folder of its own and can be stopped (Ctrl-C) and gone on with: see vitrine runs. Without --out the result is in the run's folder."},
        mixinStandardHelpOptions = true)
final class FinetuneCommand extends Subcommand {

    static final long MAX_TASK_BYTES = 1 << 20;

    @Option(names = "--task", paramLabel = "FILE", description = "the whole task as JSON, instead of the options below")
    Path taskFile;

    @Option(names = "--model", paramLabel = "MODEL", description = "a checkpoint")
    Path model;

    @Option(names = "--data", paramLabel = "FILE", description = "a text file or JSONL: text, prompt with completion, messages (with the checkpoint's chat template), or input_ids (with labels, -100 = not learned)")
    Path data;

    @Option(names = "--method", paramLabel = "NAME", description = "full, lora (default), beamlora, dora, layra, hft, apex, sgt, multilora, nola, svft, ilora or bone")
    String method;

    @Option(names = "--steps", paramLabel = "N", description = "optimiser steps; default as many as --epochs takes")
    Integer steps;

    @Option(names = "--epochs", paramLabel = "N", description = "passes over the data; default 1")
    Integer epochs;

    @Option(names = "--batch-size", paramLabel = "N", description = "samples of a pass; default 8")
    Integer batchSize;

    @Option(names = "--accumulate", paramLabel = "N", description = "passes of a step; default 1")
    Integer accumulate;

    @Option(names = "--sequence-length", paramLabel = "N", description = "cut texts to N tokens; default the model's own limit, at most 1,024")
    Integer sequenceLength;

    @Option(names = "--lr", paramLabel = "X", description = "peak learning rate; default 2e-4 for adapters, else 2e-5; with mezo 1e-4 and 1e-6")
    Double lr;

    @Option(names = "--warmup-steps", paramLabel = "N", description = "steps of a rising rate, the first with rate 0; default 3 %% of all")
    Integer warmupSteps;

    @Option(names = "--schedule", paramLabel = "NAME", description = "linear, cosine (default), constant or wsd")
    String schedule;

    @Option(names = "--decay-steps", paramLabel = "N", description = "the last steps of wsd; default a fifth of all")
    Integer decaySteps;

    @Option(names = "--weight-decay", paramLabel = "X", description = "of tensors with two dimensions or more; default 0")
    Double weightDecay;

    @Option(names = "--beta1", paramLabel = "X", description = "default 0.9")
    Double beta1;

    @Option(names = "--beta2", paramLabel = "X", description = "default 0.999")
    Double beta2;

    @Option(names = "--eps", paramLabel = "X", description = "default 1e-8")
    Double eps;

    @Option(names = "--max-grad-norm", paramLabel = "X", description = "scale gradients down to this norm; default 1, 0 for not")
    Double maxGradNorm;

    @Option(names = "--seed", paramLabel = "N", description = "default 0")
    Long seed;

    @Option(names = "--order", paramLabel = "NAME", description = "shuffled (default) or sequential")
    String order;

    @Option(names = "--pack", paramLabel = "on|off", description = "short sequences share a sample, each blind to the others; default off")
    String pack;

    @Option(names = "--eval-data", paramLabel = "FILE", description = "texts whose loss is measured before, after and with --eval-every on the way")
    Path evalData;

    @Option(names = "--eval-every", paramLabel = "N", description = "steps between validations")
    Integer evalEvery;

    @Option(names = "--save-every", paramLabel = "N", description = "steps between saved states; default a twentieth of all, at most 1,000")
    Integer saveEvery;

    @Option(names = "--checkpointing", paramLabel = "NAME", description = "layers computed twice to save memory: auto (default), layer (all) or none")
    String checkpointing;

    @Option(names = "--balance", paramLabel = "X", description = "coefficient of the loss that keeps experts evenly busy; default 0")
    Double balance;

    @Option(names = "--optimiser", paramLabel = "NAME", description = "adamw (default), spam, mezo (losses only: the memory of inference) or zosam")
    String optimiser;

    @Option(names = "--cautious", description = "weights decay only where the step moves them towards 0")
    boolean cautious;

    @Option(names = "--gradient-noise", paramLabel = "NU", description = "annealed noise on clipped gradients, variance NU / (1 + t)^0.55")
    Double gradientNoise;

    @Option(names = "--probes", paramLabel = "N", description = "mezo, zosam: random directions of a step; default 1")
    Integer probes;

    @Option(names = "--probe-eps", paramLabel = "X", description = "mezo, zosam: how far a probe goes; default 1e-3")
    Double probeEps;

    @Option(names = "--rho", paramLabel = "X", description = "zosam: how far up the gradient is taken; default 0.05")
    Double rho;

    @Option(names = "--init", paramLabel = "NAME", description = "lora, layra: what factors begin with: kaiming (default), gaussian, orthogonal, pissa, olora, loraga, loraxs or lorasb (a small matrix between fixed factors)")
    String init;

    @Option(names = "--init-adapter", paramLabel = "DIR", description = "begin with this PEFT adapter; r, alpha and modules are its own")
    Path initAdapter;

    @Option(names = "--r", paramLabel = "N", description = "rank of adapters; default 16")
    Integer r;

    @Option(names = "--alpha", paramLabel = "X", description = "scaling alpha / r; default 2 r")
    Double alpha;

    @Option(names = "--dropout", paramLabel = "X", description = "of an adapter's input; default 0")
    Double dropout;

    @Option(names = "--target-modules", split = ",", paramLabel = "LIST", description = "names such as q_proj,v_proj,embed_tokens,lm_head, or all-linear (default): all but embedding, head, routers and routed experts")
    List<String> targetModules;

    @Option(names = "--target-parameters", split = ",", paramLabel = "LIST", description = "parameters of routed experts: experts.gate_up_proj,experts.down_proj, or all-experts; alone, no modules are adapted")
    List<String> targetParameters;

    @Option(names = "--rslora", description = "scaling alpha / sqrt(r)")
    boolean rslora;

    @Option(names = "--first-layers", paramLabel = "N", description = "layra: adapted layers from the first on; default a quarter")
    Integer firstLayers;

    @Option(names = "--last-layers", paramLabel = "N", description = "layra: adapted layers up to the last; default a quarter")
    Integer lastLayers;

    @Option(names = "--beam-period", paramLabel = "N", description = "beamlora: steps between choices, even; default a tenth of all")
    Integer beamPeriod;

    @Option(names = "--beam-end", paramLabel = "N", description = "beamlora: the step from which nothing is given up; default two thirds of all")
    Integer beamEnd;

    @Option(names = "--beam-temperature", paramLabel = "X", description = "beamlora: default 0.05")
    Double beamTemperature;

    @Option(names = "--rounds", paramLabel = "N", description = "hft: how often another half is chosen; default 1")
    Integer rounds;

    @Option(names = "--stages", paramLabel = "N", description = "apex: how often strong and weak units are chosen; default 2")
    Integer stages;

    @Option(names = "--assessed", paramLabel = "N", description = "apex: samples that the first choice looks at; default 512")
    Integer assessed;

    @Option(names = "--bases", paramLabel = "N", description = "nola: fixed random factors of either kind; default 64")
    Integer bases;

    @Option(names = "--parallel", paramLabel = "N", description = "multilora: modules side by side; default 3")
    Integer parallel;

    @Option(names = "--grow-every", paramLabel = "N", description = "sgt: steps between choices; default a tenth of all, at most 250")
    Integer growEvery;

    @Option(names = "--grow-layers", paramLabel = "N", description = "sgt: layers that come to loop at most; default 3")
    Integer growLayers;

    @Option(names = "--grow-loops", paramLabel = "N", description = "sgt: how often a layer repeats its attention at most; default 1")
    Integer growLoops;

    @Option(names = "--grow-heads", paramLabel = "N", description = "sgt: heads of a layer that go on looping; default 2")
    Integer growHeads;

    @Option(names = "--preview", description = "run nothing; tell what a run would see of --data: token counts, what is learned, what is masked, what was cut")
    boolean preview;

    @Option(names = "--export-slurm", paramLabel = "FILE", description = "run nothing; write a batch script for a Slurm cluster, with the task and the Python package beside it")
    Path exportSlurm;

    @Option(names = "--nodes", paramLabel = "N", description = "of the batch script; default 1")
    int nodes = 1;

    @Option(names = "--gpus", paramLabel = "N", description = "of each node in the batch script; default 1")
    int gpus = 1;

    @Option(names = "--early-stop", paramLabel = "N", description = "end after N validations without a lower loss; the result is that of the lowest. Needs --eval-data and --eval-every")
    Integer earlyStop;

    @Override
    boolean runsOnEveryEngine() {
        return true;
    }

    @Override
    int run(Output output) throws IOException {
        Task.Finetune task = task();
        if (preview) {
            return new PreviewCommand(new Task.Preview(task.model(), task.data(), task.settings() == null ? null : task.settings().sequenceLength()), common).run(output);
        }
        TaskInputs.files(task);
        if (exportSlurm != null) {
            TrainingSupport.require(TrainingSupport.PYTORCH, task);
        }
        if (common.out != null) {
            requireFree(common.out);
        }
        if (exportSlurm != null) {
            return new SlurmExport(task, exportSlurm, common.choice(), nodes, gpus).write(output);
        }
        Engines.Choice choice = common.choice();
        TrainingSupport.require(choice.name(), task);
        // Before the run is entered: without an engine there is none.
        WorkerEngine engine = Engines.open(choice);
        try (RunStore store = RunStore.open(Folders.locate().runs())) {
            ObjectNode environment = Json.object().put("engine", choice.name()).put("version", choice.version()).put("device", choice.setting().device())
                    .put("dtype", choice.setting().precision().name()).put("threads", common.threadCount()).put("java", Runtime.version().toString()).put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
            RunRecord run = store.create(task.toJson(), environment);
            return new RunSession(store, run, output).run(engine, common.out == null ? null : common.out.toAbsolutePath().normalize());
        }
    }

    /// What a run is computed with, for people.
    static ObjectNode environment(int threads) {
        return RunStore.environment("embedded", TaskInputs.ENGINE_VERSION, threads);
    }

    /// Refuses a place for a result that is taken.
    static void requireFree(Path out) throws IOException {
        if (Files.isDirectory(out)) {
            try (var files = Files.list(out)) {
                if (files.findAny().isPresent()) {
                    throw Refusal.of(Category.TASK_INVALID, out, "--out names a folder that holds something; a result is a folder of its own");
                }
            }
            return;
        }
        if (Files.exists(out)) {
            throw Refusal.of(Category.TASK_INVALID, out, "--out names a file; the result is a folder");
        }
        Destination.of(out, List.of());
    }

    private Task.Finetune task() {
        if (taskFile != null) {
            if (model != null || data != null || method != null) {
                throw Refusal.of(Category.TASK_INVALID, null, "--task holds model, data and method: they do not stand beside it");
            }
            if (!Files.exists(taskFile)) {
                throw Refusal.of(Category.NOT_FOUND, taskFile, "there is no such file");
            }
            Task task = Task.fromJson(Json.readObject(taskFile, taskFile, MAX_TASK_BYTES, Category.TASK_INVALID));
            if (!(task instanceof Task.Finetune f)) {
                throw Refusal.of(Category.TASK_INVALID, taskFile, "it is a task of the kind %s; finetune runs tasks of the kind finetune", task.kind());
            }
            Path folder = taskFile.toAbsolutePath().normalize().getParent();
            return new Task.Finetune(folder.resolve(f.model()).normalize().toString(), folder.resolve(f.data()).normalize().toString(), f.method(), resolved(folder, f.evalData()),
                    resolved(folder, f.initAdapter()), f.settings());
        }
        if (model == null || data == null) {
            throw Refusal.of(Category.TASK_INVALID, null, "%s is missing", model == null ? "--model" : "--data").help("Say --task FILE, or --model MODEL --data FILE.");
        }
        return new Task.Finetune(EngineCommand.absolute(model), EngineCommand.absolute(data), choice("--method", method == null ? "lora" : method, FinetuneMethod.class),
                evalData == null ? null : EngineCommand.absolute(evalData), initAdapter == null ? null : EngineCommand.absolute(initAdapter), settings());
    }

    static String resolved(Path folder, String path) {
        return path == null ? null : folder.resolve(path).normalize().toString();
    }

    private FinetuneSettings settings() {
        Boolean packs = pack == null ? null : switch (pack) {
            case "on" -> Boolean.TRUE;
            case "off" -> Boolean.FALSE;
            default -> throw Refusal.of(Category.TASK_INVALID, null, "--pack %s: on or off belongs here", Visible.name(pack));
        };
        return FinetuneSettingsBuilder.builder().steps(steps).epochs(epochs).batchSize(batchSize).accumulate(accumulate)
                .sequenceLength(EngineCommand.sequenceLength(sequenceLength)).lr(lr).warmupSteps(warmupSteps)
                .schedule(choice("--schedule", schedule, FinetuneSettings.ScheduleName.class)).decaySteps(decaySteps).weightDecay(weightDecay).beta1(beta1)
                .beta2(beta2).eps(eps).maxGradNorm(maxGradNorm).seed(seed).order(choice("--order", order, FinetuneSettings.OrderName.class)).pack(packs)
                .evalEvery(evalEvery).saveEvery(saveEvery).checkpointing(choice("--checkpointing", checkpointing, FinetuneSettings.Checkpointing.class))
                .balance(balance).optimiser(choice("--optimiser", optimiser, FinetuneSettings.OptimiserName.class)).cautious(cautious ? true : null)
                .gradientNoise(gradientNoise).r(r).alpha(alpha).dropout(dropout).targetModules(targetModules).rslora(rslora ? true : null).firstLayers(firstLayers)
                .lastLayers(lastLayers).beamPeriod(beamPeriod).beamEnd(beamEnd).beamTemperature(beamTemperature).rounds(rounds).earlyStop(earlyStop)
                .init(choice("--init", init, FirstFactors.Kind.class)).probes(probes).probeEps(probeEps).rho(rho).stages(stages).assessed(assessed)
                .targetParameters(targetParameters).bases(bases).parallel(parallel).growEvery(growEvery).growLayers(growLayers).growLoops(growLoops)
                .growHeads(growHeads).build();
    }

    /// The constant that an option names; null for null.
    static <E extends Enum<E>> E choice(String option, String value, Class<E> of) {
        if (value == null) {
            return null;
        }
        return Arrays.stream(of.getEnumConstants()).filter(e -> e.name().equals(value)).findFirst()
                .orElseThrow(() -> Refusal.of(Category.TASK_INVALID, null, "%s %s is unknown; known are %s", option, Visible.name(value),
                        String.join(", ", Arrays.stream(of.getEnumConstants()).map(Enum::name).toList())));
    }
}
