package vitrine.core.architecture;

/// Which layers have experts.
public final class SparseLayers {

    private final boolean[] sparse;

    private SparseLayers(boolean[] sparse) {
        this.sparse = sparse;
    }

    /// Qwen's rule: every `decoder_sparse_step`th layer, but for those in `mlp_only_layers`.
    public static SparseLayers qwen(Config c, int layers) {
        int step = c.positiveOr("decoder_sparse_step", 1);
        boolean[] sparse = new boolean[layers];
        for (int l = 0; l < layers; l++) {
            sparse[l] = (l + 1) % step == 0;
        }
        for (int l : c.wholes("mlp_only_layers")) {
            if (l < layers) {
                sparse[l] = false;
            }
        }
        return new SparseLayers(sparse);
    }

    public boolean has(int layer) {
        return sparse[layer];
    }
}
