package vitrine.core.analysis.adapter;

/// DoRA's weight: row o of V = W + s B A, brought to the length m_o.
///
/// Source: Liu et al., *DoRA: Weight-Decomposed Low-Rank Adaptation*, ICML 2024.
public final class Magnitudes {

    private Magnitudes() {}

    /// `W'_o = m_o V_o / |V_o|`, in place.
    ///
    /// @param v rows of V from row `first` on, `[rows, in]`
    /// @param magnitude m, `[out]`
    public static void apply(Dense v, int first, double[] magnitude) {
        for (int r = 0; r < v.rows(); r++) {
            Dense row = v.rows(r, 1);
            row.scale(magnitude[first + r] / Math.sqrt(row.squares()));
        }
    }
}
