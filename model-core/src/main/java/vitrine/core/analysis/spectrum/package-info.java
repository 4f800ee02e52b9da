/// Spectra of weight matrices: singular values, what they say about rank, and how they are found.
///
/// Start with [vitrine.core.analysis.spectrum.SpectrumSolver], which turns a matrix ([vitrine.core.analysis.spectrum.MatrixValues]) into
/// singular values at one of three accuracies ([vitrine.core.analysis.spectrum.Accuracy]). The measures of a spectrum are pure functions
/// of its values: [vitrine.core.analysis.spectrum.SpectralMeasures] (effective ranks, norms, energy), [vitrine.core.analysis.spectrum.PowerLaw]
/// (alpha), [vitrine.core.analysis.spectrum.NoiseEdge] (Marchenko-Pastur), [vitrine.core.analysis.spectrum.RandomBaseline] (what a random matrix
/// of the same shape reaches), [vitrine.core.analysis.spectrum.LayerwiseScaling] (largest values across widths).
///
/// ## Conventions
///
/// A matrix is `[rows, columns]` as stored; its transpose has the same spectrum. r is the smaller side. Singular values s are float64,
/// largest first, all r of them. Entropies are in nats. A matrix with values that are not finite has no spectrum, and one of zeros has a
/// spectrum but no ranks: such figures are absent, never NaN.
///
/// This package reads no files and knows no checkpoint: which matrices a checkpoint has says [vitrine.core.architecture.WeightMatrices].
package vitrine.core.analysis.spectrum;
