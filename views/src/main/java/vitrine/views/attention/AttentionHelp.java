package vitrine.views.attention;

import java.util.List;
import vitrine.resources.Guide;
import vitrine.views.view.HelpTopic;

/// What the figures of this view mean, by which formula, from where.
final class AttentionHelp {

    private AttentionHelp() {}

    static final List<HelpTopic> TOPICS = List.of(
            new HelpTopic("Attention weights", "Each row is a query, each column a key: how the value that a head writes at the query's position is mixed from the keys' values. "
                    + "Rows sum to 1; later keys are hidden from a decoder. Attention is not explanation: weights say where a head reads, not what the model uses it for.",
                    "A = softmax(q·k × scale), over the keys that the mask allows", "Vaswani et al., Attention Is All You Need, 2017", Guide.Section.formula("attention", "weights")),
            new HelpTopic("Entropy and distance", "How spread a head's weights are, from 0 (one key) to 1 (all keys alike), and how far back they lie on average.",
                    "Hn = mean over queries of −Σ A ln A ÷ ln(visible keys);  distance = mean over queries of Σ A·(query − key)", "Standard definitions; float64 sums over float32 weights", Guide.Section.formula("attention", "normalised entropy")),
            new HelpTopic("Previous token, first token, itself", "The mean weight on one place relative to the query. A head reads as a pattern from 0.4 on, on this prompt.",
                    "mean over queries of A[i, i−1], A[i, 0], A[i, i]; the first two from query 1 on", "Conventions of TransformerLens's head detector", Guide.Section.formula("attention", "first token")),
            new HelpTopic("Duplicate token and induction", "The share of all weight that falls on earlier copies of the query's token, and on the tokens after them. "
                    + "On ordinary text both are small: vitrine heads measures them on repeated random tokens.",
                    "Σ(A ∘ D) ÷ Σ A, D marking the cells of the pattern", "Olsson et al., In-context Learning and Induction Heads, 2022", Guide.Section.formula("attention", "duplicate token")),
            new HelpTopic("Layer similarity", "Whether a layer attends as another does, by the mean of its heads. A mean over heads is a summary that no part of the model uses. The first token takes much weight in most layers and makes them look alike.",
                    "cosine of the mean maps;  JS(p, q) = ½ Σ p ln(p/m) + ½ Σ q ln(q/m), m = (p + q)/2, mean over queries, nats",
                    "Zhuang et al., Q Cache, 2026, for the divergence", Guide.Section.formula("attention", "layer similarity")),
            new HelpTopic("ARank", "The numerical rank of a head's weights below the diagonal, mean over heads. Low rank marks layers whose attention is redundant. It depends on the number of tokens: compare prompts of one length.",
                    "#{σ > σmax · tokens · 2⁻²³}, at most tokens − 1", "Luo et al., γ-MoD, 2024", Guide.Section.formula("attention", "ARank")),
            new HelpTopic("Rollout", "How much of each input token reaches a position after a layer, counting the residual path as half. Causal rollout leans toward early tokens by construction; it ignores values and feed-forward blocks.",
                    "R₁ = (A₁ + I)/2, Rₗ = (Aₗ + I)/2 · Rₗ₋₁, A the mean over heads", "Abnar and Zuidema, Quantifying Attention Flow in Transformers, 2020", Guide.Section.formula("attention", "rollout")));
}
