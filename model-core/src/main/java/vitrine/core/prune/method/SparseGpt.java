package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod;
import vitrine.core.prune.NofM;
import vitrine.core.prune.Selection;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.tensor.openblas.OpenBlas;

/// Weights go column by column, and those to the right make up for each.
///
///     H = 2 X^T X + lambda I, lambda = damping * mean(diag(2 X^T X));    H^-1 = U^T U, U upper
///     per block of columns: what goes, by W_ij^2 / U_jj^2; per column j: e = (W_j - q) / U_jj, q = W_j without what goes,
///     W_{j+1..} -= e U_{j,j+1..}
///
/// Float64 throughout. Inputs that are always 0 count as if their moment were 1, and their weights go first. Where H is not positive
/// definite, lambda is raised tenfold until it is, and that is noted.
///
/// Source: Frantar and Alistarh, *SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot*, 2023, arXiv 2301.00774.
public final class SparseGpt implements MatrixMethod {

    private static final int MOST_RAISES = 12;

    private final int blockSize;
    private final double damping;
    private final NofM pattern;

    /// @param blockSize columns whose mask is chosen at once; a multiple of the pattern's group
    /// @param damping lambda as a share of the mean diagonal
    /// @param pattern kept of every group, or null for a share of each block
    public SparseGpt(int blockSize, double damping, NofM pattern) {
        this.blockSize = pattern == null ? blockSize : Math.max(1, blockSize / pattern.of()) * pattern.of();
        this.damping = damping;
        this.pattern = pattern;
    }

    @Override
    public Needs needs() {
        return Needs.MOMENTS;
    }

    @Override
    public Pruned prune(Matrix w, InputStatistics inputs, double sparsity) {
        int n = w.columns();
        try (Arena arena = Arena.ofShared()) {
            InverseRoot root = InverseRoot.of(inputs, damping, arena);
            MemorySegment values = Wide.of(w, arena);
            byte[] kept = solve(values, root.u(), w.rows(), n, sparsity, root.dead(), arena);
            Wide.narrow(values, w);
            // Rounding to float32 leaves zeros as they are; a weight that is kept may be 0 by itself.
            return new Pruned(kept, true, null, Double.NaN, root.note());
        }
    }

    /// The upper root U of the inverse of H.
    ///
    /// @param u float64 `[in, in]`, on and right of the diagonal
    /// @param dead inputs that are always 0
    /// @param note of a raised damping, or null
    record InverseRoot(MemorySegment u, boolean[] dead, String note) {

        static InverseRoot of(InputStatistics inputs, double damping, Arena arena) {
            int n = inputs.width();
            MemorySegment h = inputs.moments(arena);
            boolean[] dead = new boolean[n];
            double trace = 0;
            for (int j = 0; j < n; j++) {
                trace += 2 * h.getAtIndex(JAVA_DOUBLE, (long) j * n + j);
            }
            double mean = trace / n;
            double lambda = damping * mean;
            MemorySegment root = arena.allocate(8L * n * n, 64);
            for (int raise = 0; raise <= MOST_RAISES; raise++) {
                fill(h, n, lambda, dead, root);
                if (OpenBlas.open().choleskyLower(root, n)) {
                    OpenBlas.open().inverseOfLower(root, n);
                    InputStatistics.mirror(root, n);
                    if (OpenBlas.open().choleskyUpper(root, n)) {
                        return new InverseRoot(root, dead, raise == 0 ? null
                                : String.format(java.util.Locale.ROOT, "damping was raised to %.3g: with less, the second moments of its inputs were not positive definite", lambda / mean));
                    }
                }
                lambda = lambda == 0 ? 1e-8 * (mean > 0 ? mean : 1) : 10 * lambda;
            }
            throw new IllegalStateException("second moments that no damping makes positive definite: values are not finite");
        }

        private static void fill(MemorySegment moments, int n, double lambda, boolean[] dead, MemorySegment to) {
            Parallel.over(n, 64, (from, end) -> {
                for (int i = from; i < end; i++) {
                    long row = (long) i * n;
                    for (int j = 0; j <= i; j++) {
                        to.setAtIndex(JAVA_DOUBLE, row + j, 2 * moments.getAtIndex(JAVA_DOUBLE, row + j));
                    }
                    double own = to.getAtIndex(JAVA_DOUBLE, row + i);
                    dead[i] = own == 0;
                    to.setAtIndex(JAVA_DOUBLE, row + i, (dead[i] ? 1 : own) + lambda);
                }
            });
        }
    }

    /// Prunes in place.
    ///
    /// @param w float64 `[rows, n]`
    /// @param u float64 `[n, n]`
    /// @return the mask `[rows, n]`
    byte[] solve(MemorySegment w, MemorySegment u, int rows, int n, double sparsity, boolean[] dead, Arena arena) {
        byte[] kept = new byte[Math.multiplyExact(rows, n)];
        Arrays.fill(kept, (byte) 1);
        MemorySegment errors = arena.allocate(8L * rows * blockSize, 64);
        for (int j = 0; j < n; j++) {
            if (dead[j]) {
                for (int r = 0; r < rows; r++) {
                    w.setAtIndex(JAVA_DOUBLE, (long) r * n + j, 0);
                }
            }
        }
        for (int from = 0; from < n; from += blockSize) {
            int width = Math.min(blockSize, n - from);
            int start = from;
            if (pattern == null) {
                choose(w, u, rows, n, start, width, sparsity, kept);
            }
            double[][] root = new double[width][width];
            for (int j = 0; j < width; j++) {
                for (int k = j; k < width; k++) {
                    root[j][k] = u.getAtIndex(JAVA_DOUBLE, (long) (start + j) * n + start + k);
                }
            }
            Parallel.over(rows, 8, (a, b) -> {
                double[] row = new double[width];
                double[] error = new double[width];
                for (int r = a; r < b; r++) {
                    MemorySegment.copy(w, JAVA_DOUBLE, 8 * ((long) r * n + start), row, 0, width);
                    row(row, error, root, kept, r * n + start);
                    MemorySegment.copy(row, 0, w, JAVA_DOUBLE, 8 * ((long) r * n + start), width);
                    MemorySegment.copy(error, 0, errors, JAVA_DOUBLE, 8L * r * blockSize, width);
                }
            });
            int rest = n - start - width;
            if (rest > 0) {
                // W_rest -= E U: BLAS adds a product, so the errors are kept with their sign turned.
                OpenBlas.open().multiply(false, false, rows, rest, width, errors, blockSize, u.asSlice(8 * ((long) start * n + start + width)), n, 1,
                        w.asSlice(8L * (start + width)), n);
            }
        }
        return kept;
    }

    /// What goes of a block, over all rows.
    private static void choose(MemorySegment w, MemorySegment u, int rows, int n, int start, int width, double sparsity, byte[] kept) {
        double[] scores = new double[rows * width];
        for (int j = 0; j < width; j++) {
            double d = u.getAtIndex(JAVA_DOUBLE, (long) (start + j) * n + start + j);
            for (int r = 0; r < rows; r++) {
                double v = w.getAtIndex(JAVA_DOUBLE, (long) r * n + start + j) / d;
                scores[r * width + j] = v * v;
            }
        }
        byte[] of = new byte[scores.length];
        Arrays.fill(of, (byte) 1);
        Selection.dropSmallest(scores, (int) (sparsity * scores.length), of, 0);
        for (int r = 0; r < rows; r++) {
            System.arraycopy(of, r * width, kept, r * n + start, width);
        }
    }

    /// One row's way through a block; `error` is filled with minus the errors of its columns.
    private void row(double[] row, double[] error, double[][] root, byte[] kept, int at) {
        int width = row.length;
        for (int j = 0; j < width; j++) {
            double[] u = root[j];
            if (pattern != null && j % pattern.of() == 0) {
                double[] scores = new double[pattern.of()];
                for (int k = 0; k < scores.length; k++) {
                    double v = row[j + k] / root[j + k][j + k];
                    scores[k] = v * v;
                }
                Selection.dropSmallest(scores, pattern.of() - pattern.kept(), kept, at + j);
            }
            if (kept[at + j] != 0) {
                error[j] = 0;
                continue;
            }
            double e = row[j] / u[j];
            row[j] = 0;
            error[j] = -e;
            for (int k = j + 1; k < width; k++) {
                row[k] -= e * u[k];
            }
        }
    }
}
