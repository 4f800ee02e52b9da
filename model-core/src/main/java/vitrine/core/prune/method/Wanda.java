package vitrine.core.prune.method;

import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod;
import vitrine.core.prune.NofM;
import vitrine.core.prune.Selection;
import vitrine.core.tensor.Matrix;

/// In every row the weights of smallest `|W_ij| ||X_j||` go, with `||X_j||` the norm of input j over all calibration tokens. No weight that
/// stays is changed.
///
/// Source: Sun et al., *A Simple and Effective Pruning Approach for Large Language Models*, 2023, arXiv 2306.11695.
public final class Wanda implements MatrixMethod {

    private final NofM pattern;

    /// @param pattern kept of every group, or null for a share of each row
    public Wanda(NofM pattern) {
        this.pattern = pattern;
    }

    @Override
    public Needs needs() {
        return Needs.NORMS;
    }

    @Override
    public Pruned prune(Matrix w, InputStatistics inputs, double sparsity) {
        double[] norms = inputs.norms();
        Selection.RowScores scores = (r, s) -> scores(w, r, norms, s);
        byte[] kept = pattern != null ? Selection.byPattern(w.rows(), w.columns(), pattern, scores)
                : Selection.byRow(w.rows(), w.columns(), (int) (sparsity * w.columns()), scores);
        Masks.apply(kept, w);
        return Pruned.masked(kept);
    }

    /// `|W_ij| ||X_j||` of a row.
    ///
    /// @param out `[in]`, filled
    public static void scores(Matrix w, int row, double[] norms, double[] out) {
        float[] values = w.row(row);
        for (int j = 0; j < out.length; j++) {
            out[j] = Math.abs(values[j]) * norms[j];
        }
    }
}
