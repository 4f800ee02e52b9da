package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;
import vitrine.core.tensor.openblas.OpenBlas;

/// The largest singular values of a weight and their vectors.
///
/// Small weights are decomposed as they are. Of a large one the space of the largest values is found from a Gaussian block of `count + 10` vectors and
/// four power steps, streaming the weight, with a fixed seed: the same weight has the same vectors.
///
/// Source: Halko, Martinsson, Tropp, *Finding structure with randomness*, SIAM Review 53, 2011.
///
/// @param values largest first, `[k]`
/// @param left `[out, k]`
/// @param right `[k, in]`
/// @param frobenius of the whole weight
public record LeadingVectors(double[] values, Dense left, Dense right, double frobenius) {

    /// Weights whose smaller side is at most this are decomposed as a whole.
    public static final int DENSE_UP_TO = 512;

    private static final int ONE_THREAD_UP_TO = 256;
    private static final int OVERSAMPLING = 10;
    private static final int POWER_STEPS = 4;
    private static final long SEED = 0x5eed;

    /// At least the first `count` of a weight; all of a small one.
    public static LeadingVectors of(BaseWeight w, int count, Arena arena) {
        int n = Math.min(w.rows(), w.columns());
        if (n <= DENSE_UP_TO || n <= count + OVERSAMPLING) {
            Dense whole = w.whole(arena);
            double squares = whole.squares();
            // As in [DeltaSpectrum]: on so few values threads wait for each other more than they work.
            DeltaSpectrum d = n <= ONE_THREAD_UP_TO ? OpenBlas.open().inThreads(1, () -> DeltaSpectrum.ofDense(whole, arena)) : DeltaSpectrum.ofDense(whole, arena);
            return new LeadingVectors(d.values(), d.left(), d.right(), Math.sqrt(squares));
        }
        int block = count + OVERSAMPLING;
        OpenBlas blas = OpenBlas.open();
        // Rows of `right` span the space: y = W right^T, right = y^T W, made orthonormal in between.
        Dense right = new Gaussians(SEED).fill(Dense.allocate(arena, block, w.columns()));
        Dense triangle = Dense.allocate(arena, block, block);
        blas.orthonormalRows(right.data(), block, w.columns(), triangle.data());
        double[] squares = new double[1];
        for (int step = 0; step <= POWER_STEPS; step++) {
            try (Arena scratch = Arena.ofConfined()) {
                Dense q = right;
                Dense next = Dense.allocate(scratch, block, w.columns());
                boolean last = step == POWER_STEPS;
                w.eachBlock((first, rows) -> {
                    try (Arena inner = Arena.ofConfined()) {
                        Dense y = rows.times(inner, false, q, true);
                        OpenBlas.open().multiply(true, false, block, rows.columns(), rows.rows(), y.data(), block, rows.data(), rows.columns(), 1, next.data(), rows.columns());
                        squares[0] += last ? rows.squares() : 0;
                    }
                });
                blas.orthonormalRows(next.data(), block, w.columns(), triangle.data());
                java.lang.foreign.MemorySegment.copy(next.data(), 0, right.data(), 0, 8L * block * w.columns());
            }
        }
        Dense y = Dense.allocate(arena, w.rows(), block);
        Dense q = right;
        w.eachBlock((first, rows) -> {
            try (Arena inner = Arena.ofConfined()) {
                Dense part = rows.times(inner, false, q, true);
                java.lang.foreign.MemorySegment.copy(part.data(), 0, y.data(), 8L * first * block, 8L * rows.rows() * block);
            }
        });
        Dense.Decomposed d = y.decompose(arena);
        Dense vectors = d.right().times(arena, q);
        DeltaSpectrum.fixSigns(d.left(), vectors);
        return new LeadingVectors(java.util.Arrays.copyOf(d.values(), count), d.left().firstColumns(arena, count), vectors.rows(0, count), Math.sqrt(squares[0]));
    }

    /// Whether all singular values are here.
    public boolean whole() {
        return values.length == Math.min(left.rows(), right.columns());
    }
}
