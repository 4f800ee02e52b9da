package vitrine.core.prune.method;

import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod;
import vitrine.core.prune.NofM;
import vitrine.core.prune.Selection;
import vitrine.core.tensor.Matrix;

/// The weights of smallest magnitude go: `|W_ij|`, of a whole matrix, of each row, or of each group of a pattern. No data.
public final class Magnitude implements MatrixMethod {

    private final boolean byRow;
    private final NofM pattern;

    /// @param byRow whether every row loses the same share, rather than the matrix as a whole
    /// @param pattern kept of every group, or null for a share
    public Magnitude(boolean byRow, NofM pattern) {
        this.byRow = byRow;
        this.pattern = pattern;
    }

    @Override
    public Needs needs() {
        return Needs.NOTHING;
    }

    @Override
    public Pruned prune(Matrix w, InputStatistics inputs, double sparsity) {
        byte[] kept;
        if (pattern != null) {
            kept = Selection.byPattern(w.rows(), w.columns(), pattern, (r, s) -> scores(w, r, s));
        } else if (byRow) {
            kept = Selection.byRow(w.rows(), w.columns(), (int) (sparsity * w.columns()), (r, s) -> scores(w, r, s));
        } else {
            kept = Selection.withoutSmallestMagnitudes(w, (long) (sparsity * w.size()));
        }
        Masks.apply(kept, w);
        return Pruned.masked(kept);
    }

    private static void scores(Matrix w, int row, double[] out) {
        float[] values = w.row(row);
        for (int j = 0; j < out.length; j++) {
            out[j] = Math.abs(values[j]);
        }
    }
}
