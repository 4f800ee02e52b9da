package vitrine.core.analysis.adapter;

import java.lang.foreign.Arena;
import vitrine.core.tensor.openblas.OpenBlas;

/// Factors that an adapter begins with where something is taken out of the base for them: W_rest = W - s B0 A0 is what the adapter then belongs to.
///
/// Sources: Meng et al., *PiSSA*, 2024 (2404.02948); Büyükakyüz, *OLoRA*, 2024 (2406.01775).
public final class StartFactors {

    private StartFactors() {}

    /// PiSSA: B0 = U_r sqrt(S_r / s), A0 = sqrt(S_r / s) V_r^T.
    public static Factors pissa(Dense w, int rank, double scaling, Arena arena) {
        return truncated(DeltaSpectrum.ofDense(w.copy(arena), arena), rank, scaling, arena);
    }

    /// OLoRA: the first columns of Q and the first rows of R of W = Q R.
    public static Factors olora(Dense w, int rank, double scaling, Arena arena) {
        int k = Math.min(w.rows(), w.columns());
        Dense q = w.copy(arena);
        Dense r = Dense.allocate(arena, k, w.columns());
        OpenBlas.open().orthonormalColumns(q.data(), w.rows(), w.columns(), r.data());
        return new Factors(r.rows(0, rank).copy(arena), q.firstColumns(arena, rank), scaling);
    }

    /// The best factors of a rank for a delta: each takes the root of the singular values, over the root of the scaling.
    public static Factors truncated(DeltaSpectrum d, int rank, double scaling, Arena arena) {
        Dense b = d.left().firstColumns(arena, rank);
        Dense a = d.right().rows(0, rank).copy(arena);
        for (int k = 0; k < rank; k++) {
            double root = Math.sqrt(d.values()[k] / scaling);
            a.rows(k, 1).scale(root);
            for (int o = 0; o < b.rows(); o++) {
                b.set(o, k, b.get(o, k) * root);
            }
        }
        return new Factors(a, b, scaling);
    }

    /// The delta on the original base of an adapter whose base was changed: s (B A - B0 A0), exact, of both ranks together.
    public static Factors onOriginal(Factors now, Factors start, Arena arena) {
        return now.and(start, 1, -1, arena);
    }
}
