package vitrine.views.routing;

import java.util.List;
import vitrine.resources.Guide;
import vitrine.views.view.HelpTopic;

/// What the figures of this view mean, by which formula, from where.
final class RoutingHelp {

    private RoutingHelp() {}

    static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("Load", "How much of the work an expert does: 1 is its fair share, 2 twice that. Even perfectly even routing scatters a little over few tokens; the inspector tells how much. Weight and Probability "
                    + "say the same of the weights that experts receive and of the router's mean probability.",
                    "load = c_e / (T k) · N,  c_e tokens that visit expert e, T tokens, k of N experts per token;  scatter √((1 − k/N) · N / (T k))",
                    "Fedus et al., Switch Transformers, 2021, arXiv 2101.03961; Wang et al., Auxiliary-Loss-Free Load Balancing, 2024, arXiv 2408.15664", Guide.Section.formula("routing", "load")),
            new HelpTopic("Difference", "Load of one text less that of another, or of one checkpoint less another over the same tokens: what fine-tuning moved. Saturation is the share of a token's experts that both choose.",
                    "saturation = mean over tokens |S ∩ S′| / k;  by chance k / N", "Muennighoff et al., OLMoE, 2024, arXiv 2409.02060", Guide.Section.formula("routing", "saturation")),
            new HelpTopic("Token paths", "A token's experts in every layer, the heaviest on top, as high as its weight. Numbers of experts mean nothing across layers: expert 3 of layer 1 has nothing to do with expert 3 of layer 2. "
                    + "Where columns are narrower than a pixel, one shows the most frequent first expert below it.",
                    "softmax routers: p = softmax(logits), the k largest; weights p or p / Σp over the chosen;  sigmoid routers: s = sigmoid(logits), chosen by s + correction", "The checkpoint's own family", Guide.Section.formula("routing", "routes")),
            new HelpTopic("Specialisation", "Division: where an expert's tokens come from, every text counting the same. Visits: the share of a text's tokens that visit the expert; chance is k / N. Short texts give extreme shares, and templates of "
                    + "documents look like specialisation.",
                    "DS(e, D) = tokens of D that visit e / tokens of D;  division = DS(e, D) / Σ_D DS(e, D)", "Muennighoff et al., OLMoE, 2024, arXiv 2409.02060", Guide.Section.formula("routing", "specialisation")),
            new HelpTopic("Domain information", "How many bits the expert of a choice tells about the text that the token is from. 0: all texts use the experts alike.",
                    "I = Σ P(D, e) log₂ (P(D, e) / (P(D) P(e))), at most log₂ of the number of texts", "Standard definition", Guide.Section.formula("routing", "domain information")),
            new HelpTopic("Co-activation", "Experts that see the same tokens. P(column | row) is not symmetric: a rare expert may always come with a common one. The order is that of a hierarchical clustering (average linkage). The released OLMoE script "
                    + "counts neighbouring pairs only; here all pairs count.",
                    "P(b | a) = n_ab / c_a, by chance (k − 1) / (N − 1);  lift n_ab T / (c_a c_b);  Jaccard n_ab / (c_a + c_b − n_ab);  NPMI ln lift / −ln(n_ab / T)",
                    "Muennighoff et al., OLMoE, 2024, arXiv 2409.02060", Guide.Section.formula("routing", "co-activation")),
            new HelpTopic("Expert similarity", "Which experts could be merged. Cosine of their weights; overlap of the directions that they write to; cosine of what they make of the same tokens.",
                    "⟨W_a, W_b⟩ / ‖W_a‖‖W_b‖;  ‖U_aᵀ U_b‖² / r;  mean over tokens of cos(E_a(x), E_b(x))", "Li et al., Sub-MoE, 2025, arXiv 2506.23266", Guide.Section.formula("routing", "expert similarity")),
            new HelpTopic("Path flow", "How many tokens go from which first expert to which in the next layer: only the largest streams are drawn, and the card says how many. The line below tells how much of the next layer's expert the present one predicts, "
                    + "corrected for few tokens.",
                    "M[a, b] = tokens with first expert a here and b next;  I = Σ P(a, b) ln (P(a, b) / (P(a) P(b))) − (N − 1)² / (2T), ÷ the smaller entropy", "Miller and Madow, 1955, for the correction", Guide.Section.formula("routing", "what one layer tells of the next")),
            new HelpTopic("Active experts", "Loss when every token visits k′ experts instead of the trained k. More help only in a narrow range, since experts never learned to work together beyond it.",
                    "range: the largest k′ with loss ≤ loss(k) + 0.005 nats", "Gu et al., Elastic MoE, 2025", Guide.Section.formula("routing", "active experts")),
            new HelpTopic("Loss when off, what if", "The same texts pass again with changed routes: an expert that adds nothing (switched off), or whose place goes to the next best (others take over), two experts that see each other's tokens, or one token sent elsewhere. Told are the loss, the mean divergence of the "
                    + "next-token distribution, and where it moves most. The loss of an expert that is off is not its importance in every text: measure over the texts that matter.",
                    "Δ loss = loss after − loss before;  KL(before ‖ after), nats", "Standard definitions", Guide.Section.formula("routing", "what if")),
            new HelpTopic("Hot set", "Whether the texts live on few experts: at most half of all layer-expert slots serve 90 % of the choices.",
                    "fewest slots per layer, busiest first, whose load adds up to 90 %", "Yi et al., EdgeMoE, 2023, arXiv 2308.14352, for hotness", Guide.Section.formula("routing", "hot set")));
}
