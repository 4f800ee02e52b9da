/// What an adapter's factors say: spectra of deltas, the worth of each rank component, alignment with the base, comparison of two adapters,
/// cutting to fewer ranks.
///
/// Start with [vitrine.core.analysis.adapter.Factors], the two factors of one module in float64, and [vitrine.core.analysis.adapter.DeltaSpectrum],
/// their delta's singular values and vectors through the small core, without the delta itself.
///
/// Legend, everywhere: W the base's weight `[out, in]`, A `[r, in]`, B `[out, r]`, s the scaling, dW = s B A; a_i row i of A, b_i column i of B; U, V
/// left and right singular vectors of dW, sigma its singular values. Everything is float64.
///
/// The factorisation of a delta is not unique: (B G)(G^-1 A) = B A. What is said of *stored* components (norm products, shares, gates,
/// sensitivities) depends on it; singular values do not.
///
/// Sources: Hu et al., *LoRA*, 2021; Gu et al., *BeamLoRA*, 2025; Zhang et al., *AdaLoRA*, 2023; Shuttleworth et al., *LoRA vs Full Fine-tuning*, 2024;
/// Yadav et al., *TIES-Merging*, 2023; Björck and Golub 1973 for angles; Roy and Vetterli 2007 for effective ranks.
package vitrine.core.analysis.adapter;
