package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;
import java.util.Arrays;
import vitrine.core.adapter.AdapterModule;
import vitrine.core.checkpoint.MappedWeights;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.StoredValues;
import vitrine.core.tensor.openblas.OpenBlas;

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

    private static final double SAME_NORM = 1e-9;
    private static final double ROUNDING = 1e-6;

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
        return OpenBlas.open().inThreads(1, () -> {
            OpenBlas.open().orthonormalColumns(both.data(), both.rows(), width, triangle.data());
            return both;
        });
    }

    /// The bases of a module that is stored as coefficients.
    ///
    /// @throws vitrine.core.refusal.Refusal where the base's weight is another than the one that the coefficients were found with
    static SolarBasis of(AdapterModule module, BaseWeight base, Arena arena) {
        AdapterModule.Solar s = module.solar();
        LeadingVectors leading = LeadingVectors.of(base, Math.min(s.vectors(), Math.min(base.rows(), base.columns())), arena);
        if (!(Math.abs(leading.frobenius() - s.baseNorm()) <= SAME_NORM * s.baseNorm())) {
            throw Refusal.of(Category.ADAPTER_MISMATCH, module.a().file(), "its coefficients belong to a base whose %s has the norm %.7g, and here it is %.7g", module.path(), s.baseNorm(),
                    leading.frobenius()).help("Open the base that it was cut with.");
        }
        return of(leading, s.vectors(), s.perturbation(), s.seed(), arena);
    }

    /// The factors of a delta that is stored as coefficients, with the base's weight as [BaseWeight] has it (a table: `[vocabulary, width]`).
    public static Factors factors(AdapterModule module, MappedWeights map, BaseWeight base, Arena arena) {
        SolarBasis bases = of(module, base, arena);
        Factors z = coordinates(module, map, arena);
        Factors f = bases.placed(module.embedding() ? z.ofTable(arena) : z, arena);
        return module.embedding() ? f.ofTable(arena) : f;
    }

    /// Factors in the bases' coordinates as factors of the delta.
    Factors placed(Factors z, Arena arena) {
        return new Factors(z.a().times(arena, false, right, true), left.times(arena, z.b()), z.scaling());
    }

    /// Z as factors of its rank: B `[p, rank]`, A `[rank, q]`; of a table the other way round, as its factors are.
    static Factors coordinates(AdapterModule module, MappedWeights map, Arena arena) {
        int out = module.embedding() ? module.in() : module.out();
        int in = module.embedding() ? module.out() : module.in();
        int p = module.solar().width(out, in, out);
        int q = module.solar().width(in, in, out);
        Dense z = Dense.allocate(arena, p, q);
        for (int i = 0; i < module.a().elements(); i++) {
            int place = (int) StoredValues.at(module.b().dtype(), map.data(module.b()), i);
            if (place < 0 || place >= p * q) {
                throw Refusal.of(Category.ADAPTER_INVALID, module.b().file(), "coefficient %,d has the place %,d; there are %,d", i, place, p * q).where("tensor " + module.b().name());
            }
            z.set(place / q, place % q, StoredValues.at(module.a().dtype(), map.data(module.a()), i));
        }
        Factors f = factored(z, module.rank(), arena);
        return module.embedding() ? f.ofTable(arena) : f;
    }

    /// A matrix as factors of a rank; its own values are destroyed.
    static Factors factored(Dense z, int rank, Arena arena) {
        if (!Double.isFinite(z.squares())) {
            // No decomposition of such values: they are told by whoever looks for values that are not finite.
            Dense one = Dense.allocate(arena, z.columns(), z.columns());
            for (int i = 0; i < z.columns(); i++) {
                one.set(i, i, 1);
            }
            return new Factors(one, z, 1);
        }
        // So few values are decomposed by one thread, as in [DeltaSpectrum].
        return OpenBlas.open().inThreads(1, () -> StartFactors.truncated(DeltaSpectrum.ofDense(z, arena), rank, 1, arena));
    }

    /// How many factors a matrix of coefficients in float32 takes: singular values above their rounding; at least 1.
    public static int rank(Dense z, Arena arena) {
        double[] s = OpenBlas.open().inThreads(1, () -> z.copy(arena).decompose(arena).values());
        int n = 0;
        while (n < s.length && s[n] > ROUNDING * s[0]) {
            n++;
        }
        return Math.max(1, n);
    }

    /// The coefficients at some places as they are stored, in float32, and 0 elsewhere: `[p, q]`.
    public static Dense kept(double[] coefficients, Integer[] order, int count, int p, int q, Arena arena) {
        Dense z = Dense.allocate(arena, p, q);
        for (int t = 0; t < count; t++) {
            z.set(order[t] / q, order[t] % q, (float) coefficients[order[t]]);
        }
        return z;
    }

    /// The delta of some coefficients, as factors of as many ranks as they take.
    public Factors factors(Dense z, Arena arena) {
        return placed(factored(z.copy(arena), rank(z, arena), arena), arena);
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
