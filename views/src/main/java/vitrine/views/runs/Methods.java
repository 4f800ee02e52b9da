package vitrine.views.runs;

import java.util.Arrays;
import java.util.Optional;
import vitrine.core.task.FinetuneMethod;
import vitrine.core.task.PruneMethod;

/// How methods are called on screen.
final class Methods {

    private Methods() {}

    /// Whether a method of training leaves an adapter; one that is not known, of a later version, is taken for one that does.
    static boolean adapts(String method) {
        return known(method).map(FinetuneMethod::adapts).orElse(true);
    }

    /// Whether it has a rank.
    static boolean ranked(String method) {
        return known(method).map(m -> m.ranked() || m == FinetuneMethod.bone).orElse(true);
    }

    private static Optional<FinetuneMethod> known(String method) {
        return Arrays.stream(FinetuneMethod.values()).filter(m -> m.name().equals(method)).findFirst();
    }

    static String label(String method) {
        return switch (method) {
            case "full" -> "Full fine-tune";
            case "lora" -> "LoRA";
            case "beamlora" -> "BeamLoRA";
            case "dora" -> "DoRA";
            case "layra" -> "LayRA";
            case "hft" -> "HFT";
            case "apex" -> "APEX";
            case "sgt" -> "SGT";
            case "magnitude" -> "Magnitude";
            case "wanda" -> "Wanda";
            case "sparsegpt" -> "SparseGPT";
            case "contrastive" -> "Contrastive";
            case "svd" -> "SVD";
            case "whitened_svd" -> "SVD-LLM";
            case "swift_svd" -> "Swift-SVD";
            case "shortgpt" -> "Drop layers";
            case "swift_skip" -> "Skip sub-layers";
            case "heads" -> "Drop heads";
            case "taylor" -> "Taylor";
            case "slimgpt" -> "SlimGPT";
            case "lorap" -> "LoRAP";
            case "dha" -> "DHA";
            case "masa" -> "MASA";
            case "experts" -> "Drop experts";
            case "submoe" -> "Sub-MoE";
            case "explicit" -> "Drop named parts";
            case "multilora" -> "MultiLoRA";
            case "nola" -> "NOLA";
            case "svft" -> "SVFT";
            case "ilora" -> "I-LoRA";
            case "bone" -> "Bone";
            default -> method;
        };
    }

    static String label(FinetuneMethod method) {
        return label(method.name());
    }

    /// What a method does, in a sentence.
    static String about(FinetuneMethod method) {
        return switch (method) {
            case full -> "Every tensor is trained. The result is a checkpoint.";
            case lora -> "Low-rank additions to linear layers; the model stays as it is. The result is a PEFT adapter.";
            case beamlora -> "LoRA whose ranks compete: those that earn little give their place to others. The result is a PEFT adapter.";
            case dora -> "LoRA that trains direction and magnitude apart. The result is a PEFT adapter.";
            case layra -> "LoRA on some first and some last layers only. The result is a PEFT adapter.";
            case apex -> "Strong heads and channels are mixed into weak ones, stage by stage. The result is a checkpoint.";
            case sgt -> "Attention of some layers comes to run twice, with the heads that look widest. The result is a checkpoint that needs a runtime with such loops.";
            case multilora -> "Several LoRA modules side by side, scaled output by output. The result is a PEFT adapter of all their ranks.";
            case nola -> "Sums of fixed random factors: only their coefficients are trained. The result is a PEFT adapter.";
            case svft -> "The matrices’ own singular vectors, weighted anew: one trained value for each. The result is a PEFT adapter as large as the matrices.";
            case ilora -> "LoRA and a slow copy that follows it; the copy is the result, a PEFT adapter.";
            case bone -> "A change made of the matrices’ own blocks. The result is a PEFT adapter of its own kind.";
            case hft -> "Half of the tensors are trained, chosen anew each round. The result is a checkpoint.";
        };
    }

    /// What a method of pruning does, in a sentence.
    static String about(PruneMethod method) {
        return switch (method) {
            case magnitude -> "Weights of smallest magnitude become 0. Needs no text. Shapes stay.";
            case wanda -> "Weights of smallest magnitude times input norm become 0, row by row. Shapes stay.";
            case sparsegpt -> "Column by column, weights become 0 and those that stay make up for them. Shapes stay.";
            case contrastive -> "Weights become 0, row by row, whose inputs do not speak for the texts and against others. Shapes stay.";
            case svd -> "Every matrix becomes the best one of a lower rank. Needs no text. Shapes stay.";
            case whitened_svd -> "Every matrix becomes the one of a lower rank whose outputs over the texts are closest (SVD-LLM). Shapes stay.";
            case swift_svd -> "The same optimum by the outputs’ second moments; ranks may be shared out among layers. Shapes stay.";
            case shortgpt -> "The layers that turn the residual stream least go (ShortGPT). The checkpoint is smaller.";
            case swift_skip -> "Attention or feed-forward blocks are skipped without which the model still says what it says next (SWIFT). Layers that are skipped whole leave the checkpoint where its config can say so.";
            case heads -> "Heads go whose gates the loss feels least (Michel). The checkpoint is smaller where its config can say so.";
            case taylor -> "Heads and channels go that the loss would miss least, by its expansion (LLM-Pruner). The checkpoint is smaller where its config can say so.";
            case slimgpt -> "Heads and channels go one after the other, and those that stay make up for them. The checkpoint is smaller where its config can say so.";
            case lorap -> "Attention’s matrices lose rank by what they read, feed-forward blocks lose channels of small norm (LoRAP). The checkpoint is smaller where its config can say so.";
            case dha -> "Key heads become one with others, and value heads do (DHA). The checkpoint is smaller where its config can say so.";
            case masa -> "Matrices of attention become sums of fewer that layers share (MASA), fitted to the weights. Needs no text. Shapes stay.";
            case experts -> "Experts go that are visited least, or whose outputs count least. The checkpoint is smaller.";
            case submoe -> "Experts that do alike become one (Sub-MoE). The checkpoint is smaller.";
            case explicit -> "Layers, heads and experts go that you name. Needs no text. The checkpoint is smaller where its config can say so.";
            default -> "What it takes away is told in the guide to pruning.";
        };
    }
}
