package vitrine.views.runs;

import vitrine.core.task.FinetuneMethod;

/// How methods are called on screen.
final class Methods {

    private Methods() {}

    static String label(String method) {
        return switch (method) {
            case "full" -> "Full fine-tune";
            case "lora" -> "LoRA";
            case "beamlora" -> "BeamLoRA";
            case "dora" -> "DoRA";
            case "layra" -> "LayRA";
            case "hft" -> "HFT";
            case "apex" -> "APEX";
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
            case multilora -> "Several LoRA modules side by side, scaled output by output. The result is a PEFT adapter of all their ranks.";
            case nola -> "Sums of fixed random factors: only their coefficients are trained. The result is a PEFT adapter.";
            case svft -> "The matrices’ own singular vectors, weighted anew: one trained value for each. The result is a PEFT adapter as large as the matrices.";
            case ilora -> "LoRA and a slow copy that follows it; the copy is the result, a PEFT adapter.";
            case bone -> "A change made of the matrices’ own blocks, by peft. The result is a PEFT adapter of its own kind.";
            case hft -> "Half of the tensors are trained, chosen anew each round. The result is a checkpoint.";
        };
    }
}
