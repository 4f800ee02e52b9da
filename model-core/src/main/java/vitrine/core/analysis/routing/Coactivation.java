package vitrine.core.analysis.routing;

import java.util.Arrays;

/// Which experts of a layer see the same tokens.
///
/// Source: Muennighoff et al., *OLMoE*, 2024, for P(b | a); all pairs of a token's experts count, not neighbours in its list only, as that
/// paper's released script has it.
///
/// @param together n_ab, tokens that visit both, `[experts][experts]`; the diagonal holds c_a, the tokens that visit one
/// @param tokens T
public record Coactivation(long[][] together, long tokens) {

    private interface Figure {
        double of(double n, double a, double b);
    }

    /// P(b | a) = n / c_a; 0 on the diagonal and where a is never visited.
    public double[][] conditional() {
        return each(0, (n, a, b) -> a == 0 ? 0 : n / a);
    }

    /// n T / (c_a c_b), 1 for independent experts; NaN on the diagonal and where one is never visited.
    public double[][] lift() {
        return each(Double.NaN, (n, a, b) -> n * tokens / (a * b));
    }

    /// n / (c_a + c_b - n); NaN as for [#lift].
    public double[][] jaccard() {
        return each(Double.NaN, (n, a, b) -> a == 0 || b == 0 ? Double.NaN : n / (a + b - n));
    }

    /// ln lift / -ln (n / T): -1 where never together, 0 where independent, 1 where always; NaN as for [#lift].
    public double[][] pointwiseInformation() {
        return each(Double.NaN, (n, a, b) -> {
            if (a == 0 || b == 0) {
                return Double.NaN;
            }
            // Two experts that see every token: the limit of always together.
            return n == 0 ? -1 : n == tokens ? 1 : Math.log(n * tokens / (a * b)) / -Math.log(n / tokens);
        });
    }

    private double[][] each(double diagonal, Figure figure) {
        int experts = together.length;
        double[][] out = new double[experts][experts];
        for (int a = 0; a < experts; a++) {
            for (int b = 0; b < experts; b++) {
                out[a][b] = a == b ? diagonal : figure.of(together[a][b], together[a][a], together[b][b]);
            }
        }
        return out;
    }

    /// The share of pairs of experts that see at least so many tokens together.
    public double coverage(int least) {
        int experts = together.length;
        long covered = 0;
        for (int a = 0; a < experts; a++) {
            for (int b = a + 1; b < experts; b++) {
                covered += together[a][b] >= least ? 1 : 0;
            }
        }
        return covered / (experts * (experts - 1) / 2.0);
    }

    /// Rows one after the other.
    public static double[] flat(double[][] rows) {
        return Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray();
    }
}
