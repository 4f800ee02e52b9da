package vitrine.views.lora;

import java.util.List;
import vitrine.resources.Guide;
import vitrine.views.view.HelpTopic;

/// What the figures of this view mean, by which formula, from where.
final class LoraHelp {

    private LoraHelp() {}

    static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("Delta", "What an adapter adds to a weight. Its singular values come from its two thin factors and an r × r core; the delta itself is never formed. With DoRA they are those of s B A; "
                    + "the whole change W' − W is of full rank.",
                    "ΔW = s B A;  s = α / r, with rsLoRA α / √r", "Hu et al., LoRA, 2021, arXiv 2106.09685; Kalajdzievski, rsLoRA, 2023, arXiv 2312.03732; Liu et al., DoRA, 2024, arXiv 2402.09353", Guide.Section.formula("lora", "delta")),
            new HelpTopic("Importance of the delta's directions", "Singular values and their energy belong to the delta: no choice of factors changes them. They stand strongest first.",
                    "σ_k;  energy σ_k² / Σσ²", "Eckart and Young, Psychometrika 1, 1936", Guide.Section.formula("lora", "singular value")),
            new HelpTopic("Importance of stored components", "A column of B with its row of A. The factors are not unique: (B G)(G⁻¹ A) is the same delta with other components, so these tell of the factors as trained. "
                    + "Shares sum to 1 and may be negative. Activation weighs a component by what the text sends through it.",
                    "norm product s ‖bᵢ‖ ‖aᵢ‖;  share s bᵢ·(ΔW aᵢ) / ‖ΔW‖²;  activation s ‖bᵢ‖ √mean (aᵢ·x)²", "Norm product: as motivates BeamLoRA, Gu et al., ACL 2025, arXiv 2502.13604; share: derived from the definition of the delta", Guide.Section.formula("lora", "norm product")),
            new HelpTopic("Effective rank", "How many directions a delta really uses, between 1 and r. The energy version counts large values more.",
                    "p = σ / Σσ;  effective rank = exp(−Σ p ln p);  stable rank Σσ² / σ₁²", "Roy and Vetterli, EUSIPCO 2007", Guide.Section.formula("lora", "effective rank")),
            new HelpTopic("Knee", "The rank at which cumulative energy lies farthest above the straight line of equal directions. It says where the spectrum bends, not how the loss answers.",
                    "argmax_k (Σ_{i≤k} σᵢ² / Σσ² − k / r)", "Standard construction", Guide.Section.formula("lora", "knee")),
            new HelpTopic("Cut", "Every module keeps its strongest singular directions: the same rank in all, or in each the fewest with a share of its energy. Size and relative error are exact before anything is written. "
                    + "The loss is measured at the marked ranks; between them, and for ranks by module, it is read off the curve and marked ≈.",
                    "‖ΔW − ΔW_k‖ / ‖ΔW‖ = √(Σ_{i>k} σᵢ² / Σσᵢ²)", "Eckart and Young, Psychometrika 1, 1936", Guide.Section.formula("lora", "relative error of a cut")),
            new HelpTopic("Noise edge", "Singular values of the base's weight below it are what random entries of its bulk's spread would give. Directions of the delta below it are no stronger than the base's noise.",
                    "s₊ = s (√m + √n), s the spread of the bulk alone", "Marchenko and Pastur, 1967", Guide.Section.formula("lora", "noise edge")),
            new HelpTopic("Alignment", "Amplification: how much stronger the delta is than the base in the delta's own directions. Subspace similarity: how far the delta's first i directions lie in the base's first j; "
                    + "by chance max(i, j) / n. Intruder dimensions: leading directions of the tuned weight that are like none of the base's.",
                    "‖ΔW‖ / ‖Uᵀ W V‖;  φ = ‖X_iᵀ Y_j‖² / min(i, j);  intruder: max |cos| < 0.5 among 10",
                    "Hu et al., 2021, arXiv 2106.09685, section 7; Shuttleworth et al., An Illusion of Equivalence, 2024, arXiv 2410.21228", Guide.Section.formula("lora", "amplification")),
            new HelpTopic("Two adapters", "Cosine and overlap compare deltas, never factors. Sign conflict counts entries of opposite sign; after trimming, only among the largest 20 % of both.",
                    "cos = ⟨ΔW₁, ΔW₂⟩ / (‖ΔW₁‖ ‖ΔW₂‖);  angles acos σ(U₁ᵀ U₂)", "Björck and Golub, 1973; Yadav et al., TIES-Merging, 2023, arXiv 2306.01708", Guide.Section.formula("lora", "two adapters")),
            new HelpTopic("Without a module", "The loss of the first text when one module's delta is left out and all others stay. High: the module is needed. Modules answer for each other, so these do not add up.",
                    "L(all but m)", "Measured", Guide.Section.formula("lora", "without a module")));
}
