package vitrine.views.compare;

import java.util.List;
import vitrine.resources.Guide;
import vitrine.views.view.HelpTopic;

/// What the figures of this view mean, by which formula, from where.
final class CompareHelp {

    private CompareHelp() {}

    static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("A and B", "Two checkpoints, one with an adapter, or results of runs. A change is always B minus A. What cannot be compared, because tokenizers, depths or shapes differ, is left out and says so.",
                    "Δ = B − A", "Definition", Guide.Section.formula("compare", "change")),
            new HelpTopic("Perplexity", "Of every predicted token of a text, each weighing the same. Models with other tokenizers have other tokens, so bits per byte are compared instead.",
                    "exp(mean −ln p);  bits per byte = Σ −ln p / (ln 2 · bytes)", "Token-weighted mean, as vitrine eval; bits per byte: Gao et al., The Pile, 2020, arXiv 2101.00027", Guide.Section.formula("compare", "perplexity")),
            new HelpTopic("Next-token divergence", "How far the two distributions after the same tokens are apart. KL weighs by the first model's probabilities; Jensen-Shannon is symmetric and at most ln 2.",
                    "KL(P ‖ Q) = Σ P ln(P / Q);  JS = ½ KL(P ‖ M) + ½ KL(Q ‖ M), M = ½(P + Q)", "Kullback and Leibler, 1951; Lin, IEEE Trans. Inf. Theory 37, 1991", Guide.Section.formula("compare", "divergence")),
            new HelpTopic("Attention moved", "Half the sum of the changes of a query's weights, mean over queries: 0 where nothing moved, 1 where no key kept any weight. Attention is not explanation: weights may move and the output stay.",
                    "TV = mean_i ½ Σ_j |B_ij − A_ij|", "Total variation distance; Jain and Wallace, 2019, arXiv 1902.10186", Guide.Section.formula("compare", "attention moved")),
            new HelpTopic("Logit lens", "What the model would predict if it ended after a layer: the final norm and the head on the residual stream. Early layers of models that were not trained for it may say little.",
                    "softmax(W_U · norm(h_l));  KL(final ‖ layer)", "nostalgebraist, interpreting GPT: the logit lens, 2020; Belrose et al., Tuned Lens, 2023, arXiv 2303.08112", Guide.Section.formula("compare", "logit lens")),
            new HelpTopic("Expert load", "The share of all choices of a layer that each expert has, in units of the fair share. What moved is half the sum of the differences of shares.",
                    "load = c_e / (T k) · experts", "Fedus et al., Switch Transformers, JMLR 23, 2022", Guide.Section.formula("compare", "expert load")),
            new HelpTopic("‖ΔW‖ ÷ ‖W‖", "How far a weight moved in units of its own norm. Experts of a layer are taken together. Adapters are merged in float64 for it and never rounded.",
                    "‖B − A‖ / ‖A‖, Frobenius", "Definition", Guide.Section.formula("compare", "weight change")),
            new HelpTopic("Effective rank", "How evenly a matrix uses its directions, as a share of the smaller side; the map tells the change, times 1,000.",
                    "p = σ / Σσ;  exp(−Σ p ln p) / min(rows, columns)", "Roy and Vetterli, EUSIPCO 2007", Guide.Section.formula("compare", "effective rank")));
}
