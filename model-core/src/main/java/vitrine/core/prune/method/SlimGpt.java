package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.Selection;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// Whole blocks of a matrix's inputs go, one round after the other, and the inputs that stay make up for them.
///
///     H = 2 X^T X + lambda I as for SparseGPT;   for a block S of inputs, D = (H^-1)_SS = C C^T
///     what it costs    sum over rows and j in S of W_j^2 / C_jj^2
///     without it       W -= W_S D^-1 (H^-1)_S,    H^-1 -= (H^-1)_:S D^-1 (H^-1)_S
///
/// Heads (blocks of several inputs) go one by one; channels (single inputs) in groups of 64 to 1024, large ones first. The update is the least-squares optimum for
/// the inputs that stay, whatever the order. Float64.
///
/// Source: Ling et al., *SlimGPT*, 2024, arXiv 2412.18110; group sizes by a public re-implementation.
public final class SlimGpt {

    private static final int LEAST_GROUP = 64;
    private static final int MOST_GROUP = 1024;
    private static final int SLOWER = 512;

    private final double damping;

    public SlimGpt(double damping) {
        this.damping = damping;
    }

    /// Prunes blocks of inputs.
    ///
    /// @param w `[out, in]`; updated, 0 where inputs have gone
    /// @param inputs with second moments
    /// @param width inputs of a block
    /// @param gone how many blocks go
    /// @return the blocks that stay, in order
    public int[] prune(Matrix w, InputStatistics inputs, int width, int gone) {
        int n = w.columns();
        int rows = w.rows();
        boolean[] left = new boolean[n / width];
        Arrays.fill(left, true);
        if (gone == 0) {
            return IntStream.range(0, left.length).toArray();
        }
        try (Arena arena = Arena.ofShared()) {
            MemorySegment values = Wide.of(w, arena);
            MemorySegment inverse = inverse(inputs, arena);
            int group = width > 1 ? 1 : Math.clamp((gone - SLOWER) / 2, LEAST_GROUP, MOST_GROUP);
            for (int done = 0; done < gone;) {
                int now = Math.min(group, gone - done);
                int[] blocks = cheapest(values, inverse, rows, n, width, left, now);
                eliminate(values, inverse, rows, n, Arrays.stream(blocks).flatMap(b -> IntStream.range(b * width, (b + 1) * width)).toArray());
                for (int b : blocks) {
                    left[b] = false;
                }
                done += now;
                group = width > 1 ? 1 : Math.clamp((group - SLOWER) / 2, LEAST_GROUP, MOST_GROUP);
            }
            Wide.narrow(values, w);
        }
        return IntStream.range(0, left.length).filter(b -> left[b]).toArray();
    }

    private MemorySegment inverse(InputStatistics inputs, Arena arena) {
        SparseGpt.InverseRoot root = SparseGpt.InverseRoot.of(inputs, damping, arena);
        int n = inputs.width();
        for (int i = 1; i < n; i++) {
            root.u().asSlice(8L * i * n, 8L * i).fill((byte) 0);
        }
        // H^-1 = U^T U
        MemorySegment inverse = arena.allocate(8L * n * n, 64);
        OpenBlas.open().multiply(true, false, n, n, n, root.u(), n, root.u(), n, 0, inverse, n);
        return inverse;
    }

    /// What each block costs; infinite for those that have gone.
    double[] costs(MemorySegment w, MemorySegment inverse, int rows, int n, int width, boolean[] left) {
        double[] squares = new double[n];
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                double v = w.getAtIndex(JAVA_DOUBLE, (long) r * n + j);
                squares[j] += v * v;
            }
        }
        double[] out = new double[left.length];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment d = arena.allocate(8L * width * width, 64);
            for (int b = 0; b < left.length; b++) {
                if (!left[b]) {
                    out[b] = Double.POSITIVE_INFINITY;
                    continue;
                }
                for (int i = 0; i < width; i++) {
                    for (int j = 0; j <= i; j++) {
                        d.setAtIndex(JAVA_DOUBLE, (long) i * width + j, inverse.getAtIndex(JAVA_DOUBLE, (long) (b * width + i) * n + b * width + j));
                    }
                }
                if (!OpenBlas.open().choleskyLower(d, width)) {
                    throw new IllegalStateException("a block of an inverse that is not positive definite");
                }
                for (int i = 0; i < width; i++) {
                    double c = d.getAtIndex(JAVA_DOUBLE, (long) i * width + i);
                    out[b] += squares[b * width + i] / (c * c);
                }
            }
        }
        return out;
    }

    private int[] cheapest(MemorySegment w, MemorySegment inverse, int rows, int n, int width, boolean[] left, int count) {
        double[] costs = costs(w, inverse, rows, n, width, left);
        byte[] kept = new byte[costs.length];
        Arrays.fill(kept, (byte) 1);
        Selection.dropSmallest(costs, count, kept, 0);
        List<Integer> out = new ArrayList<>();
        for (int b = 0; b < kept.length; b++) {
            if (kept[b] == 0) {
                out.add(b);
            }
        }
        return out.stream().mapToInt(Integer::intValue).toArray();
    }

    private static void eliminate(MemorySegment w, MemorySegment inverse, int rows, int n, int[] columns) {
        int s = columns.length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment d = arena.allocate(8L * s * s, 64);
            MemorySegment own = arena.allocate(8L * s * n, 64);
            for (int i = 0; i < s; i++) {
                MemorySegment.copy(inverse, 8L * columns[i] * n, own, 8L * i * n, 8L * n);
                for (int j = 0; j < s; j++) {
                    d.setAtIndex(JAVA_DOUBLE, (long) i * s + j, inverse.getAtIndex(JAVA_DOUBLE, (long) columns[i] * n + columns[j]));
                }
            }
            if (!OpenBlas.open().choleskyLower(d, s)) {
                throw new IllegalStateException("a block of an inverse that is not positive definite");
            }
            OpenBlas.open().inverseOfLower(d, s);
            InputStatistics.mirror(d, s);
            MemorySegment by = arena.allocate(8L * s * n, 64);
            OpenBlas.open().multiply(false, false, s, n, s, d, s, own, n, 0, by, n);
            subtract(w, rows, n, columns, by, arena);
            subtract(inverse, n, n, columns, by, arena);
            for (int c : columns) {
                for (int r = 0; r < rows; r++) {
                    w.setAtIndex(JAVA_DOUBLE, (long) r * n + c, 0);
                }
                // What has gone has no part in later rounds: alone, with an inverse of 1.
                for (int i = 0; i < n; i++) {
                    inverse.setAtIndex(JAVA_DOUBLE, (long) c * n + i, i == c ? 1 : 0);
                    inverse.setAtIndex(JAVA_DOUBLE, (long) i * n + c, i == c ? 1 : 0);
                }
            }
        }
    }

    /// `A -= A_:S by`.
    private static void subtract(MemorySegment a, int rows, int n, int[] columns, MemorySegment by, Arena arena) {
        int s = columns.length;
        MemorySegment part = arena.allocate(8L * rows * s, 64);
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < s; j++) {
                part.setAtIndex(JAVA_DOUBLE, (long) r * s + j, -a.getAtIndex(JAVA_DOUBLE, (long) r * n + columns[j]));
            }
        }
        OpenBlas.open().multiply(false, false, rows, n, s, part, s, by, n, 1, a, n);
    }
}
