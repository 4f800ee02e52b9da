package vitrine.views.runs;

import java.util.List;
import java.util.Set;
import vitrine.core.task.PruneAmount;
import vitrine.core.task.PruneMethod;
import vitrine.core.task.PruneMethod.Form;
import vitrine.views.runs.Setting.Kind;

/// The settings of a pruning run as the form asks for them.
final class PruneFields {

    private PruneFields() {}

    private static Setting field(String key, String label, Kind kind, String fallback, String about, boolean first, String... choices) {
        return new Setting(key, label, kind, fallback, about, first, Set.of(), List.of(choices));
    }

    private static Setting on(String key, String label, String fallback, String about) {
        return field(key, label, Kind.SWITCH, fallback, about, false, "off", "on");
    }

    /// All of them, in the order of the form.
    static final List<Setting> LIST = List.of(
            field("sparsity", "Share that goes", Kind.NUMBER, "0 to below 1", "Of the weights; for methods of rank, of the parameters; of layers, heads, channels or experts.", true),
            field("pattern", "Pattern N:M", Kind.CHOICE, "none", "Of every M consecutive inputs of a row N stay, in place of a share.", true, "none", "2:4", "4:8", "1:4"),
            field("rank", "Rank", Kind.WHOLE, "as the share says", "Of every matrix, in place of a share; of merged experts, of the side that they share; of MASA, how many matrices of each kind layers share.", true),
            field("layers", "Layers that go", Kind.WHOLE, "as the share says", "How many, in place of a share.", true),
            field("experts", "Experts that stay", Kind.WHOLE, "as the share says", "Of each layer, in place of a share.", true),
            field("expertsPerToken", "Experts per token", Kind.WHOLE, "as before", "How many a token visits afterwards; alone, all experts stay.", true),
            field("dropLayers", "Layers", Kind.NAMES, "none", "Numbers of layers that go, from 0: 3, 5.", true),
            field("dropHeads", "Heads", Kind.NAMES, "none", "Query heads that go, LAYER.HEAD: 0.1, 2.7.", true),
            field("dropExperts", "Experts", Kind.NAMES, "none", "Experts that go, LAYER.EXPERT: 1.0, 2.4.", true),
            field("ranks", "Ranks of matrices", Kind.NAMES, "none", "Ranks of single matrices, NAME=R: layers.1.mlp.up_proj=8; alone, only these change.", true),
            field("against", "Texts against", Kind.NAMES, "a text file or JSONL", "Texts that stand against those of calibration; the losses of both are measured before and after.", true),
            field("criterion", "Experts’ worth", Kind.CHOICE, "saliency", "Saliency: routing weight times the norm of the output; frequency: how many tokens visit it.", true, "saliency", "frequency"),
            field("parts", "What goes", Kind.CHOICE, "both", "Heads, channels or both; of LoRAP, heads lose rank.", true, "both", "heads", "channels"),
            field("allocation", "Allocation", Kind.CHOICE, "uniform", "How much of each layer goes: the same of all; by outliers of the scores (owl) or their medians (dlp); ranks by importance and energy (dynamic); more of later layers (incremental).", true,
                    "uniform", "owl", "dlp", "dynamic", "incremental"),
            field("targetModules", "Target modules", Kind.NAMES, "all linear layers of decoder layers", "Endings of names such as q_proj, down_proj, or patterns; of MASA, where none is named, those of attention.", true),
            on("factorised", "Thin matrices", "off", "Written too, as factors.safetensors; of DHA, every fused head once; of MASA, what layers share."),
            field("allocationSpread", "Allocation spread", Kind.NUMBER, "owl 0.08, dlp 0.15, else the share", "How far layers are from each other at most.", false),
            field("outlierMultiple", "Outlier multiple", Kind.NUMBER, "3", "Times the mean above which owl counts an outlier.", false),
            field("alpha", "Alpha", Kind.NUMBER, "0.5", "How much the dynamic allocation weighs importance against energy.", false),
            field("group", "Compared in", Kind.CHOICE, "matrix", "What magnitudes are compared in.", false, "matrix", "row"),
            field("propagation", "Propagation", Kind.CHOICE, "dense", "Layers are calibrated with what they read in the model as it was, or once the layers before are pruned.", false, "dense", "sequential"),
            field("blockSize", "Block size", Kind.WHOLE, "128", "Columns whose mask is chosen at once.", false),
            field("damping", "Damping", Kind.NUMBER, "0.01", "Lambda as a share of the mean diagonal.", false),
            field("lowestKept", "Lowest kept", Kind.NUMBER, "0.01", "The share of the channels of least norm that stays.", false),
            on("even", "Same in every layer", "on", "Every layer loses the same number of heads, as a config needs it; of DHA, keys and values are then grouped alike."),
            on("secondOrder", "Second order", "off", "The expansion has its Fisher term."),
            field("calibrationSequences", "Calibration pieces", Kind.WHOLE, "128", "How many pieces of the calibration texts are used.", false),
            field("sequenceLength", "Sequence length", Kind.WHOLE, "the model’s, at most 2,048", "Where texts are cut, in tokens.", false),
            field("seed", "Seed", Kind.WHOLE, "0", "Which pieces, where there are more.", false));

    /// What says which training follows.
    static final String RECOVER = "recover";
    static final String RECOVER_MERGE = "recoverMerge";
    /// Training of what is left, in the same run; their keys are those of the options.
    static final List<Setting> RECOVERY = List.of(
            field(RECOVER, "Recover by", Kind.CHOICE, "none", "Trains what is left in the same run: an adapter beside the pruned checkpoint, or all weights, of which those that were set to 0 stay 0.", false,
                    "none", "lora", "dora", "layra", "beamlora", "full"),
            field("recoverSteps", "Recovery steps", Kind.WHOLE, "one pass over the text", "Steps of the training.", false),
            field("recoverLr", "Recovery rate", Kind.NUMBER, "2e-4, or 2e-5 for all weights", "Its peak learning rate.", false),
            field("recoverBatchSize", "Recovery batch", Kind.WHOLE, "8", "Samples of a step.", false),
            field("recoverR", "Recovery rank r", Kind.WHOLE, "16", "The adapter's rank.", false),
            on(RECOVER_MERGE, "Merge it", "off", "Into the pruned checkpoint, with its zeros kept, rather than written beside it."));

    /// Those of the training that follows.
    ///
    /// @param by as it is typed; empty or `none` for no training
    static List<Setting> recovery(String by) {
        return switch (by) {
            case "", "none" -> RECOVERY.subList(0, 1);
            case "full" -> RECOVERY.subList(0, 4);
            default -> RECOVERY;
        };
    }

    /// What a setting of the training is called in its task.
    static String trained(Setting s) {
        String key = s.key().substring(RECOVER.length());
        return Character.toLowerCase(key.charAt(0)) + key.substring(1);
    }

    /// Steps, rate, batch and rank.
    static List<Setting> trained() {
        return RECOVERY.subList(1, 5);
    }

    /// Those that a method has.
    static List<Setting> of(PruneMethod m) {
        return LIST.stream().filter(s -> has(m, s.key())).toList();
    }

    private static boolean has(PruneMethod m, String key) {
        return switch (key) {
            case "pattern" -> m.masks();
            case "dropLayers", "dropHeads", "dropExperts" -> m == PruneMethod.explicit;
            case "sparsity" -> m != PruneMethod.explicit;
            case "calibrationSequences", "seed" -> m.needsData();
            case "factorised" -> m.form() == Form.RANK || m == PruneMethod.dha || m == PruneMethod.masa;
            case "ranks" -> m.form() == Form.RANK;
            case "rank" -> m.form() == Form.RANK || m == PruneMethod.submoe || m == PruneMethod.masa;
            case "layers" -> m == PruneMethod.shortgpt;
            case "criterion" -> m == PruneMethod.experts;
            case "experts" -> m == PruneMethod.experts || m == PruneMethod.submoe;
            case "expertsPerToken" -> m == PruneMethod.experts || m == PruneMethod.submoe || m == PruneMethod.explicit;
            case "parts" -> m == PruneMethod.taylor || m == PruneMethod.slimgpt || m == PruneMethod.lorap;
            case "secondOrder" -> m == PruneMethod.taylor;
            case "even" -> m == PruneMethod.heads || m == PruneMethod.dha;
            case "allocation" -> m.masks() || m == PruneMethod.swift_svd || m == PruneMethod.slimgpt;
            case "allocationSpread" -> m.masks() || m == PruneMethod.slimgpt;
            case "outlierMultiple" -> m.masks();
            case "alpha" -> m == PruneMethod.swift_svd;
            case "lowestKept" -> m == PruneMethod.lorap;
            case "against" -> m == PruneMethod.contrastive;
            case "group" -> m == PruneMethod.magnitude;
            case "propagation" -> m.needsData() && m.form() != Form.STRUCTURE && m != PruneMethod.contrastive;
            case "blockSize" -> m == PruneMethod.sparsegpt;
            case "damping" -> m == PruneMethod.sparsegpt || m == PruneMethod.slimgpt;
            case "targetModules" -> m.form() != Form.STRUCTURE || m == PruneMethod.masa;
            default -> true;
        };
    }

    /// What of a method may be dragged.
    static List<PruneAmount> amounts(PruneMethod m) {
        return switch (m) {
            case svd, whitened_svd, swift_svd, masa -> List.of(PruneAmount.sparsity, PruneAmount.rank);
            case shortgpt -> List.of(PruneAmount.sparsity, PruneAmount.layers);
            case experts, submoe -> List.of(PruneAmount.sparsity, PruneAmount.experts);
            case explicit -> List.of(PruneAmount.named);
            default -> List.of(PruneAmount.sparsity);
        };
    }

    static String label(PruneAmount a) {
        return switch (a) {
            case sparsity, pattern -> "Share that goes";
            case named -> "Parts that go";
            case rank -> "Rank";
            case layers -> "Layers that go";
            case experts -> "Experts that stay";
            case expertsPerToken -> "Experts per token";
        };
    }

    /// The option of `vitrine prune`.
    static String option(Setting s) {
        return s.key().equals("even") ? "--uneven" : s.option();
    }
}
