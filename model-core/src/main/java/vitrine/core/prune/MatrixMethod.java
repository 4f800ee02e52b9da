package vitrine.core.prune;

import vitrine.core.tensor.Matrix;

/// A way of pruning or compressing one weight matrix, given what it reads.
public interface MatrixMethod {

    /// What a method has to know of a matrix's inputs.
    enum Needs {
        NOTHING, NORMS, MOMENTS
    }

    Needs needs();

    /// Prunes a matrix.
    ///
    /// @param w `[out, in]`, widened; what becomes of it is written in its place
    /// @param inputs what it reads; null where the method needs nothing
    /// @param sparsity the share of its weights (or of its parameters) that goes
    Pruned prune(Matrix w, InputStatistics inputs, double sparsity);

    /// What became of a matrix.
    ///
    /// @param kept a mask `[out, in]`, 1 where a weight is kept; null where weights are not taken one by one
    /// @param changed whether weights that stay have other values than before
    /// @param factors two thin matrices whose product it is now, or null
    /// @param predictedError `||X (W - W')^T||_F` as the method knows it, NaN where it does not
    /// @param note what a reader of the report should know, or null
    record Pruned(byte[] kept, boolean changed, Factors factors, double predictedError, String note) {

        /// Weights that are set to 0.
        public static Pruned masked(byte[] kept) {
            return new Pruned(kept, false, null, Double.NaN, null);
        }

        /// A matrix that stays as it is.
        public static Pruned untouched(String why) {
            return new Pruned(null, false, null, Double.NaN, why);
        }
    }

    /// `W' = A B`, A `[out, rank]` and B `[rank, in]`.
    record Factors(float[] a, float[] b, int rank) {}
}
