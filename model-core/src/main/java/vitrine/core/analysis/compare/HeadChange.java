package vitrine.core.analysis.compare;

/// How far a head's attention weights moved on one prompt, from those of A, `P [queries, keys]`, to those of B, `Q`.
///
/// @param totalVariation the mean over queries of half the sum over keys of |Q - P|: 0 where nothing moved, 1 where no key kept any weight. The first
///     query, which has one key only in a causal model, is counted like the others
/// @param firstA first-token mass of A, the mean over queries from the second on of the weight of the first key; NaN for a prompt of one token.
///     `firstB` likewise
public record HeadChange(double totalVariation, double firstA, double firstB) {

    /// @param p row by row, `[n * n]`, and `q` likewise
    public static HeadChange of(float[] p, float[] q, int n) {
        double moved = 0;
        double firstA = 0;
        double firstB = 0;
        for (int i = 0; i < n; i++) {
            double row = 0;
            for (int j = 0; j < n; j++) {
                row += Math.abs((double) q[i * n + j] - p[i * n + j]);
            }
            moved += row / 2;
            firstA += i == 0 ? 0 : p[i * n];
            firstB += i == 0 ? 0 : q[i * n];
        }
        return new HeadChange(moved / n, n > 1 ? firstA / (n - 1) : Double.NaN, n > 1 ? firstB / (n - 1) : Double.NaN);
    }
}
