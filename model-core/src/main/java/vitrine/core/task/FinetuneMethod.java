package vitrine.core.task;

/// Methods of fine-tuning that this engine has.
public enum FinetuneMethod {
    /// Every tensor is trained.
    full(false),
    /// Low-rank additions to linear layers.
    lora(true),
    /// LoRA whose ranks compete.
    beamlora(true),
    /// LoRA with a magnitude per output.
    dora(true),
    /// LoRA on some first and some last layers.
    layra(true),
    /// Half of the tensors, chosen anew each round.
    hft(false),
    /// Strong heads and channels mixed into weak ones.
    apex(false);

    private final boolean adapts;

    FinetuneMethod(boolean adapts) {
        this.adapts = adapts;
    }

    /// Whether the model stays as it is and an adapter is trained.
    public boolean adapts() {
        return adapts;
    }
}
