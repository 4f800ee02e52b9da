package vitrine.views.runs;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import vitrine.core.task.FinetuneMethod;

/// One parameter of a run as the form asks for it; left empty it has its default.
///
/// @param key in the task's settings, such as `lr`
/// @param fallback what stands in the empty field: the default
/// @param about a sentence for the tooltip
/// @param first whether it is shown at once, rather than under Advanced
/// @param methods that have it
/// @param choices what may be chosen; empty for numbers, texts and switches
record Setting(String key, String label, Kind kind, String fallback, String about, boolean first, Set<FinetuneMethod> methods, List<String> choices) {

    /// What is typed.
    enum Kind { WHOLE, NUMBER, SWITCH, CHOICE, NAMES }

    private static final Set<FinetuneMethod> ALL = EnumSet.allOf(FinetuneMethod.class);
    private static final Set<FinetuneMethod> ADAPTERS = of(FinetuneMethod::adapts);
    private static final Set<FinetuneMethod> RANKED = of(FinetuneMethod::ranked);

    private static Set<FinetuneMethod> of(Predicate<FinetuneMethod> which) {
        return EnumSet.allOf(FinetuneMethod.class).stream().filter(which).collect(Collectors.toCollection(() -> EnumSet.noneOf(FinetuneMethod.class)));
    }

    private static Setting whole(String key, String label, String fallback, String about, boolean first, Set<FinetuneMethod> methods) {
        return new Setting(key, label, Kind.WHOLE, fallback, about, first, methods, List.of());
    }

    private static Setting number(String key, String label, String fallback, String about, boolean first, Set<FinetuneMethod> methods) {
        return new Setting(key, label, Kind.NUMBER, fallback, about, first, methods, List.of());
    }

    private static Setting choice(String key, String label, String about, String... choices) {
        return new Setting(key, label, Kind.CHOICE, choices[0], about, false, ALL, List.of(choices));
    }

    private static Setting on(String key, String label, String about, Set<FinetuneMethod> methods) {
        return new Setting(key, label, Kind.SWITCH, "off", about, false, methods, List.of("off", "on"));
    }

    /// All parameters, in the order of the form.
    static final List<Setting> LIST = List.of(
            whole("steps", "Steps", "as many as the epochs take", "Optimiser steps.", true, ALL),
            whole("batchSize", "Batch size", "8", "Samples of a pass.", true, ALL),
            whole("sequenceLength", "Sequence length", "the model’s, at most 1,024", "Where texts are cut, in tokens.", true, ALL),
            number("lr", "Learning rate", "2e-4, or 2e-5 for checkpoints", "The peak rate.", true, ALL),
            whole("r", "Rank r", "16", "Rank of the adapters.", true, RANKED),
            number("alpha", "Alpha", "2 r", "The change is scaled by alpha / r.", true, RANKED),
            new Setting("targetModules", "Target modules", Kind.NAMES, "all-linear", "Names such as q_proj, v_proj, embed_tokens, lm_head; all-linear is all but embedding, head, routers and routed experts.", true, ADAPTERS, List.of()),
            new Setting("targetParameters", "Target parameters", Kind.NAMES, "none", "Of routed experts: experts.gate_up_proj, experts.down_proj, or all-experts. Without target modules beside them these alone are adapted.", false,
                    EnumSet.of(FinetuneMethod.lora, FinetuneMethod.layra, FinetuneMethod.ilora), List.of()),
            whole("bases", "Bases", "64", "Fixed random factors of either kind.", true, EnumSet.of(FinetuneMethod.nola)),
            whole("parallel", "Parallel modules", "3", "Modules side by side; the result has all their ranks.", true, EnumSet.of(FinetuneMethod.multilora)),
            whole("firstLayers", "First layers", "a quarter", "Adapted layers from the first on.", true, EnumSet.of(FinetuneMethod.layra)),
            whole("lastLayers", "Last layers", "a quarter", "Adapted layers up to the last.", true, EnumSet.of(FinetuneMethod.layra)),
            whole("beamPeriod", "Beam period", "a tenth of all steps", "Steps between choices of ranks, even.", true, EnumSet.of(FinetuneMethod.beamlora)),
            whole("beamEnd", "Beam end", "two thirds of all steps", "The step from which no rank is given up.", true, EnumSet.of(FinetuneMethod.beamlora)),
            number("beamTemperature", "Beam temperature", "0.05", "Of the softmax over ranks.", false, EnumSet.of(FinetuneMethod.beamlora)),
            whole("rounds", "Rounds", "1", "How often another half of the tensors is chosen.", true, EnumSet.of(FinetuneMethod.hft)),
            whole("stages", "Stages", "2", "How often strong and weak units are chosen.", true, EnumSet.of(FinetuneMethod.apex)),
            whole("assessed", "Assessed samples", "512", "Samples that the first choice looks at.", false, EnumSet.of(FinetuneMethod.apex)),
            whole("growEvery", "Grow every", "a tenth of all steps, at most 250", "Steps between choices of a layer.", true, EnumSet.of(FinetuneMethod.sgt)),
            whole("growLayers", "Looping layers", "3", "Layers that come to loop at most.", true, EnumSet.of(FinetuneMethod.sgt)),
            whole("growLoops", "Loops", "1", "How often a layer repeats its attention at most.", false, EnumSet.of(FinetuneMethod.sgt)),
            whole("growHeads", "Looping heads", "2", "Heads of a layer that go on looping.", true, EnumSet.of(FinetuneMethod.sgt)),
            whole("evalEvery", "Validate every", "at the start and the end", "Steps between losses over the validation text.", true, ALL),
            whole("earlyStop", "Early stop after", "never", "Validations in a row without a lower loss that end the run; the result is that of the lowest.", true, ALL),
            whole("epochs", "Epochs", "1", "Passes over the data, in place of steps.", false, ALL),
            whole("accumulate", "Accumulate", "1", "Passes of a step.", false, ALL),
            whole("warmupSteps", "Warm-up", "3 % of all steps", "Steps of a rising rate.", false, ALL),
            choice("schedule", "Schedule", "What follows the warm-up.", "cosine", "linear", "constant", "wsd"),
            whole("decaySteps", "Decay steps", "a fifth of all steps", "The last steps of a wsd schedule.", false, ALL),
            choice("optimiser", "Optimiser", "AdamW; SPAM resets its momentum and cuts spikes; MeZO knows losses only and takes the memory of inference; ZO-SAM takes gradients a little way up.", "adamw", "spam", "mezo", "zosam"),
            whole("probes", "Probes", "1", "MeZO, ZO-SAM: random directions of a step.", false, ALL),
            number("probeEps", "Probe distance", "1e-3", "MeZO, ZO-SAM: how far a probe goes.", false, ALL),
            number("rho", "Rho", "0.05", "ZO-SAM: how far up the gradient is taken.", false, ALL),
            new Setting("init", "First values", Kind.CHOICE, "kaiming", "What the factors begin with. PiSSA, OLoRA and LoRA-GA take theirs out of the matrix, and the result has twice the rank; LoRA-XS and LoRA-SB train a small matrix between fixed factors.", false,
                    EnumSet.of(FinetuneMethod.lora, FinetuneMethod.layra), List.of("kaiming", "gaussian", "orthogonal", "pissa", "olora", "loraga", "loraxs", "lorasb")),
            number("weightDecay", "Weight decay", "0", "Of tensors with two dimensions or more.", false, ALL),
            on("cautious", "Cautious decay", "Weights decay only where the step moves them towards 0.", ALL),
            number("beta1", "Beta 1", "0.9", "Of the optimiser.", false, ALL),
            number("beta2", "Beta 2", "0.999", "Of the optimiser.", false, ALL),
            number("eps", "Epsilon", "1e-8", "Of the optimiser.", false, ALL),
            number("maxGradNorm", "Max gradient norm", "1", "Gradients are scaled down to this norm; 0 for not.", false, ALL),
            number("gradientNoise", "Gradient noise", "0", "Annealed noise, variance ν / (1 + t)^0.55.", false, ALL),
            number("balance", "Balance loss", "0", "Coefficient of the loss that keeps experts evenly busy.", false, ALL),
            number("dropout", "Dropout", "0", "Of an adapter's input.", false, RANKED),
            on("rslora", "rsLoRA scaling", "alpha / √r in place of alpha / r.", RANKED),
            choice("order", "Order", "Of samples.", "shuffled", "sequential"),
            on("pack", "Pack", "Short sequences share a sample, each blind to the others.", ALL),
            choice("checkpointing", "Checkpointing", "Layers that are computed twice to save memory.", "auto", "layer", "none"),
            whole("saveEvery", "Save every", "a twentieth of all steps", "Steps between saved states.", false, ALL),
            whole("seed", "Seed", "0", "Of order, initial values and noise.", false, ALL));

    /// The option of `vitrine finetune`.
    String option() {
        return "--" + key.replaceAll("([A-Z])", "-$1").toLowerCase(java.util.Locale.ROOT);
    }

    static Setting of(String key) {
        return LIST.stream().filter(s -> s.key.equals(key)).findFirst().orElse(null);
    }
}
