package vitrine.core.prune.method;

import java.util.Arrays;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod;
import vitrine.core.prune.NofM;
import vitrine.core.prune.Selection;
import vitrine.core.tensor.Matrix;

/// In every row the weights stay whose inputs speak for one set of texts and against another: of largest `|W_ij| max(0, z_j)`, with z how far the texts are apart at input j
/// ([vitrine.core.prune.TextNorms#contrast]). Weights of no score, which are many, are told apart by `|W_ij|`. No weight that stays is changed. With -z the mask is that of the other texts.
///
/// Source: Ye et al., 2026, arXiv 2602.07164.
public final class Contrastive implements MatrixMethod {

    private final NofM pattern;
    private final double[] z;

    /// @param pattern kept of every group, or null for a share of each row
    /// @param z `[in]`; null for a method that is told by [#with]
    public Contrastive(NofM pattern, double[] z) {
        this.pattern = pattern;
        this.z = z;
    }

    /// The same for a matrix that reads other inputs.
    public Contrastive with(double[] z) {
        return new Contrastive(pattern, z);
    }

    @Override
    public Needs needs() {
        return Needs.NORMS;
    }

    /// How many of a row's weights stay: the share, rounded down, but one.
    public static int kept(double sparsity, int in) {
        return Math.max(1, (int) ((1 - sparsity) * in));
    }

    @Override
    public Pruned prune(Matrix w, InputStatistics inputs, double sparsity) {
        byte[] kept = mask(w, sparsity);
        Masks.apply(kept, w);
        return Pruned.masked(kept);
    }

    /// What would be kept, `[out, in]`.
    public byte[] mask(Matrix w, double sparsity) {
        Selection.RowScores scores = (r, s) -> scores(w.row(r), s);
        return pattern != null ? Selection.byPattern(w.rows(), w.columns(), pattern, scores)
                : Selection.byRow(w.rows(), w.columns(), w.columns() - kept(sparsity, w.columns()), scores);
    }

    /// Scores above 0 as they are; below them, where there is none, values that grow with `|W|`.
    private void scores(float[] row, double[] out) {
        for (int j = 0; j < out.length; j++) {
            double size = Math.abs(row[j]);
            out[j] = z[j] > 0 && size > 0 ? size * z[j] : -1 / size;
        }
    }

    /// The share of the weights kept by either mask that both keep (Jaccard); 1 where neither keeps any.
    public double overlap(Matrix w, double sparsity) {
        byte[] own = mask(w, sparsity);
        byte[] other = with(Arrays.stream(z).map(v -> -v).toArray()).mask(w, sparsity);
        long both = 0;
        long either = 0;
        for (int i = 0; i < own.length; i++) {
            both += own[i] & other[i];
            either += own[i] | other[i];
        }
        return either == 0 ? 1 : (double) both / either;
    }
}
