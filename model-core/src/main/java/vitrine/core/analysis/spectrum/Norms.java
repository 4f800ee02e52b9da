package vitrine.core.analysis.spectrum;

/// Norms of a matrix that need no spectrum.
public final class Norms {

    private Norms() {}

    /// The root of the sum of squares; NaN where values are not finite.
    public static double frobenius(MatrixValues m, SpectrumSolver.Work work) {
        Extent extent = Extent.of(m, work);
        return extent.nonFinite() > 0 ? Double.NaN : Math.sqrt(extent.squares());
    }
}
