/// Ranks of what a model computes over texts: keys and values, hidden states, outputs of linear layers, and the sparsity of activations.
///
/// Start with [vitrine.core.analysis.rank.StreamingCovariance]: rows of any number of tokens in, singular values out, in memory that
/// depends on the width only. The probes [vitrine.core.analysis.rank.CacheSpectra], [vitrine.core.analysis.rank.HiddenSpectra] and
/// [vitrine.core.analysis.rank.OutputSpectra] feed it while texts pass. What is made of singular values (effective ranks, norms) is the
/// business of `vitrine.core.analysis.spectrum`; this package ends at the values themselves.
///
/// ## Conventions
///
/// Rows are tokens: a matrix is `[tokens, width]`, float32 as the model makes it, summed in float64. Singular values are those of that
/// matrix, largest first; they grow with the square root of the number of tokens, the ranks do not. Centred means that the mean over all
/// tokens is taken away. Where a value is not finite there is no spectrum: such results are empty, never NaN.
///
/// Sources: KV-CoRE (arXiv 2602.05929), Swift-SVD (arXiv 2604.01609), Sparsing Law (arXiv 2411.02335), R-Sparse (ICLR 2025), read 2026-11.
package vitrine.core.analysis.rank;
