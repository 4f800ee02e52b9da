package vitrine.views.rank;

import java.util.List;
import vitrine.resources.Guide;
import vitrine.views.view.HelpTopic;

/// What the figures of this view mean, by which formula, from where.
final class RankHelp {

    private RankHelp() {}

    static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("Effective rank", "How many directions a matrix really uses. It lies between 1 (one direction) and the smaller side (all equally strong), and does not change when the matrix is scaled or turned. "
                    + "Compare equal shapes, or each with the random line of its shape: the tail of small values counts much.",
                    "p = σ / Σσ;  effective rank = exp(−Σ p ln p);  normalised: ÷ min(m, n)", "Roy and Vetterli, The effective rank: a measure of effective dimensionality, EUSIPCO 2007", Guide.Section.formula("rank", "effective rank")),
            new HelpTopic("Other ranks", "By energy, large singular values count more and noise less. In order: stable rank ≤ participation ratio ≤ effective rank of energy ≤ effective rank.",
                    "energy: p = σ² / Σσ²;  participation ratio (Σσ²)² / Σσ⁴;  stable rank Σσ² / σ₁²;  nuclear rank Σσ / σ₁", "Standard definitions", Guide.Section.formula("rank", "participation ratio")),
            new HelpTopic("Random line", "What a large matrix of independent random entries of the same shape reaches. A trained matrix far below has learned a few directions.",
                    "limits of the Marchenko-Pastur law with n/m kept", "Marchenko and Pastur, 1967", Guide.Section.formula("rank", "random line")),
            new HelpTopic("Noise edge", "Singular values below it are what random entries of the bulk's spread would give; those above, with a margin, are counted as spikes.",
                    "s₊ = s (√m + √n), s the spread of the bulk alone", "Marchenko and Pastur, 1967; Martin and Mahoney, JMLR 22, 2021", Guide.Section.formula("rank", "noise edge")),
            new HelpTopic("Power law", "The tail of the eigenvalues λ = σ² is fitted by a power law from the xmin at which the fit is best. Smaller α means a heavier tail. On fewer than 50 values or a tail below 20 it says little.",
                    "density ∝ λ^−α for λ ≥ xmin, maximum likelihood, least Kolmogorov-Smirnov distance;  α̂ = α log₁₀ λ₁",
                    "Martin, Peng and Mahoney, Nature Communications 12, 2021 (WeightWatcher); Clauset, Shalizi and Newman, 2009", Guide.Section.formula("rank", "power law α")),
            new HelpTopic("Truncation", "What is lost when only the k largest singular values stay: no matrix of rank k is nearer. Kept as two factors it has k·(m + n) numbers instead of m·n, so it is smaller only up to k = m·n / (m + n). "
                    + "In all, matrices that would grow stay whole. Energy is not importance: how the loss answers must be measured.",
                    "‖M − M_k‖ / ‖M‖ = √(Σ_{i>k} σᵢ² / Σσᵢ²)", "Eckart and Young, Psychometrika 1, 1936", Guide.Section.formula("rank", "truncation to k")),
            new HelpTopic("KV cache", "Ranks of the keys and values that a text leaves in the cache, per layer and head. Rotary embedding turns keys with their position and raises their rank: both are told. The mean over tokens is not taken away.",
                    "effective rank of the rows [tokens, width], ÷ min(tokens, width)", "Chen et al., KV-CoRE, 2026, arXiv 2602.05929", Guide.Section.formula("rank", "keys and values")),
            new HelpTopic("Hidden states and linear layers", "How many directions the residual stream and the outputs of the linear layers use over a text. With fewer than ten tokens per dimension the participation ratio is too low.",
                    "the same measures of the rows [tokens, width], from streamed second moments", "Qi et al., Swift-SVD, 2026, arXiv 2604.01609, for outputs of linear layers", Guide.Section.formula("rank", "hidden states")),
            new HelpTopic("Series", "Checkpoints of one run, or before and after: two are drawn solid and dashed, more as one curve each. Spectra of a change are those of the difference of two checkpoints' matrices.",
                    "spectra of W_b − W_a", "Gu et al., Advantageous Parameter Expansion Training, 2025, arXiv 2505.24241; Fan et al., Robust Layerwise Scaling Rules, 2025, arXiv 2510.15262, for σ₁ over training", Guide.Section.formula("rank", "change")));
}
