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
            case hft -> "Half of the tensors are trained, chosen anew each round. The result is a checkpoint.";
        };
    }
}
