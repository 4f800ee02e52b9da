package vitrine.core.analysis.routing;

import java.util.Arrays;

/// How differently groups of tokens (domains, ids, labels) use the experts of a layer.
public final class Specialisation {

    private Specialisation() {}

    /// DS(e, D): the share of a group's tokens that visit each expert; chance is k / N.
    ///
    /// @param counts visits `[experts]` of the group's tokens
    public static double[] shares(long[] counts, long tokens) {
        return Arrays.stream(counts).mapToDouble(c -> (double) c / tokens).toArray();
    }

    /// Jensen-Shannon divergence of the groups' loads, each group with the same weight, nats; 0 where all are alike, at most ln of their number.
    ///
    /// @param counts `[groups][experts]`
    public static double divergence(long[][] counts) {
        double[] mean = new double[counts[0].length];
        double own = 0;
        for (long[] group : counts) {
            double[] f = new Load(group).shares();
            own += Confidence.entropy(f) / counts.length;
            for (int e = 0; e < f.length; e++) {
                mean[e] += f[e] / counts.length;
            }
        }
        return Math.max(0, Confidence.entropy(mean) - own);
    }

    /// Mutual information of group and expert with groups as large as they are, nats.
    public static double mutualInformation(long[][] counts) {
        double all = 0;
        double[] ofExpert = new double[counts[0].length];
        for (long[] group : counts) {
            for (int e = 0; e < group.length; e++) {
                ofExpert[e] += group[e];
                all += group[e];
            }
        }
        double sum = 0;
        for (long[] group : counts) {
            double ofGroup = Arrays.stream(group).sum();
            for (int e = 0; e < group.length; e++) {
                if (group[e] > 0) {
                    sum += group[e] / all * Math.log(group[e] * all / (ofGroup * ofExpert[e]));
                }
            }
        }
        return Math.max(0, sum);
    }

    /// sum over experts of the smaller share: 1 where two groups use experts alike, 0 where they share none.
    public static double sharing(long[] a, long[] b) {
        double[] f = new Load(a).shares();
        double[] g = new Load(b).shares();
        double sum = 0;
        for (int e = 0; e < f.length; e++) {
            sum += Math.min(f[e], g[e]);
        }
        return sum;
    }

    /// Entropy over groups of each expert's visitors, every group with the same weight, nats `[experts]`: 0 where one group only visits it, ln of their
    /// number where all do alike. NaN for an expert that nobody visits.
    ///
    /// @param counts `[groups][experts]`
    /// @param tokens of each group
    public static double[] groupEntropy(long[][] counts, long[] tokens) {
        double[] out = new double[counts[0].length];
        for (int e = 0; e < out.length; e++) {
            double[] p = new double[counts.length];
            double sum = 0;
            for (int g = 0; g < p.length; g++) {
                p[g] = (double) counts[g][e] / tokens[g];
                sum += p[g];
            }
            for (int g = 0; g < p.length; g++) {
                p[g] /= sum;
            }
            out[e] = sum == 0 ? Double.NaN : Confidence.entropy(p);
        }
        return out;
    }

    /// [#sharing] of every two groups `[groups][groups]`.
    ///
    /// @param counts `[groups][experts]`
    public static double[][] sharing(long[][] counts) {
        double[][] out = new double[counts.length][counts.length];
        for (int a = 0; a < counts.length; a++) {
            for (int b = 0; b < counts.length; b++) {
                out[a][b] = sharing(counts[a], counts[b]);
            }
        }
        return out;
    }
}
