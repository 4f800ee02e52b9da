package vitrine.core.task;

/// Methods of fine-tuning; not every engine has every one ([TrainingSupport]).
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
    apex(false),
    /// Attention of some layers comes to run twice.
    sgt(false),
    /// Several LoRA modules side by side.
    multilora(true),
    /// Factors that are sums of fixed random ones.
    nola(true),
    /// The matrices' own singular vectors, weighted anew.
    svft(true),
    /// LoRA, and a slow copy that follows it.
    ilora(true),
    /// A change made of the matrices' own blocks.
    bone(true);

    private final boolean adapts;

    FinetuneMethod(boolean adapts) {
        this.adapts = adapts;
    }

    /// Whether r, alpha and dropout are its settings: an adapter of two factors of a rank that is chosen.
    public boolean ranked() {
        return adapts && this != svft && this != bone;
    }

    /// Whether its factors are made of something else, which is what is trained.
    public boolean composes() {
        return this == multilora || this == nola || this == svft;
    }

    /// Whether the model stays as it is and an adapter is trained.
    public boolean adapts() {
        return adapts;
    }
}
