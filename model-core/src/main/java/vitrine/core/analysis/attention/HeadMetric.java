package vitrine.core.analysis.attention;

/// One number per attention head. Averages run over queries first, then over sequences.
///
/// Legend: A the head's weights `[queries, keys]`, i a query, j a key, n_i the keys that query i sees.
public enum HeadMetric {
    /// mean over i of -sum_j A ln A, nats.
    ENTROPY("entropy", "nats", "mean over queries of −Σ A ln A"),
    /// mean over i with n_i > 1 of the entropy divided by ln n_i, 0 to 1.
    NORMALISED_ENTROPY("normalised_entropy", "", "mean over queries of entropy ÷ ln(visible keys)"),
    /// mean over i of sum_j A |i - j|, tokens.
    DISTANCE("distance", "tokens", "mean over queries of Σ A·(query − key)"),
    /// mean over i >= 1 of A[i, 0].
    FIRST_TOKEN_MASS("first_token_mass", "", "mean over queries from 1 of A[query, 0]"),
    /// mean over i >= 4 of the sum of A over the first four keys.
    SINK_MASS("sink_mass", "", "mean over queries from 4 of Σ A over the first 4 keys"),
    /// mean over i >= 1 of A[i, i-1].
    PREVIOUS_TOKEN("previous_token", "", "mean over queries from 1 of A[query, query − 1]"),
    /// mean over i of A[i, i].
    SELF_ATTENTION("self_attention", "", "mean over queries of A[query, query]"),
    /// mean over i of max_j A.
    MAX_WEIGHT("max_weight", "", "mean over queries of max A"),
    /// mean over i of exp(entropy), tokens.
    EFFECTIVE_CONTEXT("effective_context", "tokens", "mean over queries of exp(entropy)"),
    /// The share of all weight that falls on the previous token.
    PREVIOUS_TOKEN_SHARE("previous_token_share", "", "share of all weight on the previous token"),
    /// The share of all weight that falls on earlier copies of the query's token.
    DUPLICATE_TOKEN_SHARE("duplicate_token_share", "", "share of all weight on earlier copies of the same token"),
    /// The share of all weight that falls on tokens after earlier copies of the query's token.
    INDUCTION_SHARE("induction_share", "", "share of all weight on the tokens after earlier copies");

    private final String tensor;
    private final String unit;
    private final String formula;

    HeadMetric(String tensor, String unit, String formula) {
        this.tensor = tensor;
        this.unit = unit;
        this.formula = formula;
    }

    /// The name of its tensor `[layers, heads]`.
    public String tensor() {
        return tensor;
    }

    /// Its unit, empty for a share.
    public String unit() {
        return unit;
    }

    /// The definition, in one line.
    public String formula() {
        return formula;
    }
}
