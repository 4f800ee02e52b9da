package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;
import java.util.Arrays;

/// A delta as few coefficients in bases that are made from the base weight's singular vectors and a seed, after SOLAR.
///
///     P = orth([U_m, U_m + eps N(seed)]),  Q likewise on the right,  Z = P^T dW Q, its t largest coefficients kept
///
/// As P and Q are orthonormal, the largest coefficients are the best, and |dW - P Z_t Q^T|^2 = |dW|^2 - sum of the kept squares. Who has the base
/// rebuilds P and Q.
///
/// Derived from the abstract of *SOLAR*, 2026 (arXiv 2604.08368); not checked against the paper's text.
///
/// @param left P, `[out, p]`
/// @param right Q, `[in, q]`
public record SolarBasis(Dense left, Dense right) {

    /// How far the second half of a basis is moved from the first, unless another number is asked for.
    public static final double PERTURBATION = 0.05;
    /// Vectors of the base that a basis begins with, at most.
    public static final int MOST_VECTORS = 64;

    /// @param m singular vectors of the base to begin with
    public static SolarBasis of(LeadingVectors base, int m, double perturbation, long seed, Arena arena) {
        int k = Math.min(m, base.values().length);
        Gaussians random = new Gaussians(seed);
        Dense left = orthonormal(base.left().firstColumns(arena, k), perturbation, random, arena);
        Dense right = orthonormal(Subspaces.transposed(base.right().rows(0, k), arena), perturbation, random, arena);
        return new SolarBasis(left, right);
    }

    private static Dense orthonormal(Dense u, double perturbation, Gaussians random, Arena arena) {
        int k = u.columns();
        int width = Math.min(2 * k, u.rows());
        Dense both = Dense.allocate(arena, u.rows(), width);
        for (int r = 0; r < u.rows(); r++) {
            for (int c = 0; c < k; c++) {
                double n = random.next();
                both.set(r, c, u.get(r, c));
                if (k + c < width) {
                    both.set(r, k + c, u.get(r, c) + perturbation * n);
                }
            }
        }
        Dense triangle = Dense.allocate(arena, width, width);
        vitrine.core.tensor.openblas.OpenBlas.open().orthonormalColumns(both.data(), both.rows(), width, triangle.data());
        return both;
    }

    /// Z = P^T dW Q, `[p, q]`.
    public Dense coefficients(Factors delta, Arena arena) {
        Dense pb = left.times(arena, true, delta.b(), false);
        Dense aq = delta.a().times(arena, right);
        return pb.times(arena, aq).scale(delta.scaling());
    }

    /// |dW - P Z_t Q^T|_F / |dW|_F for t = 0 to all coefficients, the largest first; 0 for a delta of zeros.
    ///
    /// @return `[p q + 1]`
    public static double[] errors(Dense coefficients, double frobenius) {
        double[] squares = coefficients.toArray();
        for (int i = 0; i < squares.length; i++) {
            squares[i] *= squares[i];
        }
        Arrays.sort(squares);
        double total = frobenius * frobenius;
        double[] out = new double[squares.length + 1];
        double kept = 0;
        for (int t = 0; t <= squares.length; t++) {
            out[t] = total == 0 ? 0 : Math.sqrt(Math.max(0, total - kept) / total);
            kept += t < squares.length ? squares[squares.length - 1 - t] : 0;
        }
        return out;
    }

    /// P Z Q^T with the `count` largest coefficients.
    public Dense rebuild(Dense coefficients, int count, Arena arena) {
        double[] all = coefficients.toArray();
        Integer[] order = StoredComponents.order(Arrays.stream(all).map(Math::abs).toArray());
        Dense z = Dense.allocate(arena, coefficients.rows(), coefficients.columns());
        for (int t = 0; t < Math.min(count, order.length); t++) {
            z.set(order[t] / z.columns(), order[t] % z.columns(), all[order[t]]);
        }
        return left.times(arena, z).times(arena, false, right, true);
    }
}
