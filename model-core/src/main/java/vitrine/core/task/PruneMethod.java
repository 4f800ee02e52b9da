package vitrine.core.task;

/// Methods of pruning and compression that this engine has.
public enum PruneMethod {
    /// Weights of smallest magnitude go.
    magnitude(Form.MASK, false),
    /// Weights of smallest magnitude times input norm go, row by row.
    wanda(Form.MASK, true),
    /// Column by column, and the weights to the right make up for what goes.
    sparsegpt(Form.MASK, true),
    /// Weights go whose inputs do not speak for the texts and against others.
    contrastive(Form.MASK, true),
    /// The best matrix of a lower rank.
    svd(Form.RANK, false),
    /// The matrix of a lower rank whose outputs over the calibration texts are closest (SVD-LLM).
    whitened_svd(Form.RANK, true),
    /// The same optimum by the outputs' second moments, with ranks shared out among layers where asked for (Swift-SVD).
    swift_svd(Form.RANK, true),
    /// The layers that turn the residual stream least go (ShortGPT).
    shortgpt(Form.STRUCTURE, true),
    /// Sub-layers go without which the model still says what it says next, by search (SWIFT).
    swift_skip(Form.STRUCTURE, true),
    /// Heads go whose gates the loss feels least (Michel).
    heads(Form.STRUCTURE, true),
    /// Heads and feed-forward channels go whose weights the loss would miss least, by its expansion (LLM-Pruner).
    taylor(Form.STRUCTURE, true),
    /// Heads and channels go one group after the other, and those that stay make up for them (SlimGPT).
    slimgpt(Form.STRUCTURE, true),
    /// Attention's matrices lose rank, feed-forward blocks channels (LoRAP).
    lorap(Form.STRUCTURE, true),
    /// Key heads become one with others, and value heads do; layers may differ (DHA).
    dha(Form.STRUCTURE, true),
    /// Matrices of attention become sums of fewer ones that layers share (MASA).
    masa(Form.STRUCTURE, false),
    /// Routed experts go that are visited least, or whose outputs count least.
    experts(Form.STRUCTURE, true),
    /// Routed experts that do alike become one (Sub-MoE).
    submoe(Form.STRUCTURE, true),
    /// Layers, heads and experts go that are named.
    explicit(Form.STRUCTURE, false);

    /// What becomes of a model.
    public enum Form {
        /// The same shapes, with zeros; masks beside it.
        MASK,
        /// The same shapes, each matrix of a lower rank.
        RANK,
        /// Whole parts are gone.
        STRUCTURE
    }

    private final Form form;
    private final boolean needsData;

    PruneMethod(Form form, boolean needsData) {
        this.form = form;
        this.needsData = needsData;
    }

    public Form form() {
        return form;
    }

    /// Whether it works by calibration texts.
    public boolean needsData() {
        return needsData;
    }

    /// Whether it writes masks.
    public boolean masks() {
        return form == Form.MASK;
    }
}
