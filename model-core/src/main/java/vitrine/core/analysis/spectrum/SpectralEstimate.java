package vitrine.core.analysis.spectrum;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;

/// Figures of a spectrum too large to compute, from products with random vectors; each with half the width of its 95 % interval.
///
/// The largest singular values that stand out come from a random block ([RandomisedSubspace]) and are taken out of the matrix; the rest
/// is seen by random probes ([LanczosQuadrature]). With S = sum s, P = sum s ln s (both of lambda = s^2 in the formulas of the method: the
/// entropy of sigma shares is `ln S - P / S`) the effective rank is `exp(ln S - P/S)`; its error follows from the spread of S and P over the
/// probes. The Frobenius norm is exact.
///
/// What a probe sees of the trace itself, `z^T A z`, is compared with the exact trace: a probe that sees too much of it sees too much of the others as
/// well, and is set right by the covariance over the spectrum (a control variate). Without it the entropy of energy would have an error of several
/// percents.
///
/// An interval is Student's t for the spread over probes, plus what the quadrature may still be off: a third of the change that the second half of
/// the steps made (its error falls at least with the square of the number of steps).
///
/// The same matrix and seed give the same figures.
///
/// Source: Ubaru, Chen, Saad 2017; Halko, Martinsson, Tropp 2011; the delta method for the entropy.
///
/// @param rank r, the smaller side
/// @param effectiveRank exp(H(s / sum s)); `effectiveRankSquared` the same of s^2
/// @param top singular values that stand out, largest first, each accurate to 1e-3 or better
/// @param densityValues singular values at which the density of the rest was seen, smallest first
/// @param densityWeights how many singular values each of them stands for
/// @param floorShare share of the nuclear norm from singular values below 1e-3 of the largest that does not stand out, where float32 products
/// begin to see noise
/// @param seed of the random numbers
public record SpectralEstimate(int rank, Figure effectiveRank, Figure effectiveRankSquared, Figure participationRatio, Figure participationRatioSigma,
                               Figure stableRank, Figure nuclearRank, Figure spectralNorm, Figure nuclearNorm, double frobeniusNorm, double[] top,
                               double[] densityValues, double[] densityWeights, double floorShare, int probes, int steps, long seed) {

    /// An estimated figure.
    ///
    /// @param error half the width of the 95 % interval
    public record Figure(double value, double error) {
        public boolean covers(double truth) {
            return Math.abs(truth - value) <= error;
        }
    }

    static final int PROBES = 10;
    static final int STEPS = 40;
    static final int TOP = 54;
    static final long SEED = 20260101L;
    /// The 97.5 % point of Student's t with PROBES - 2 degrees of freedom: one for the mean, one for the ratio of two sums.
    private static final double STUDENT = 2.3060;
    /// A value stands out when its vector is an eigenvector this closely.
    private static final double CONVERGED = 1e-3;
    private static final double FLOOR = 1e-6;

    /// Estimates from products.
    ///
    /// @param trace of A, the squared Frobenius norm of the matrix, exact
    public static SpectralEstimate of(GramOperator a, double trace, long seed) {
        return of(a, trace, seed, Math.min(TOP, a.size() / 8), STEPS);
    }

    static SpectralEstimate of(GramOperator a, double trace, long seed, int count, int steps) {
        SplittableRandom random = new SplittableRandom(seed);
        RandomisedSubspace head = RandomisedSubspace.of(a, count, random);
        int kept = 0;
        while (kept < count && head.residuals()[kept] <= CONVERGED * head.eigenvalues()[kept]) {
            kept++;
        }
        double[][] outside = Arrays.copyOf(head.vectors(), kept);
        LanczosQuadrature rest = LanczosQuadrature.of(a, PROBES, steps, outside, random);
        return new Sums(a.size(), trace, Arrays.copyOf(head.eigenvalues(), kept), rest, seed, steps).figures();
    }

    /// Sums over the whole spectrum, one per probe: what stands out exactly, the rest as the probe sees it.
    private static final class Sums {
        private final int n;
        private final double trace;
        private final double[] head;
        private final LanczosQuadrature rest;
        private final long seed;
        private final int steps;
        private final double largest;

        Sums(int n, double trace, double[] head, LanczosQuadrature rest, long seed, int steps) {
            this.n = n;
            this.trace = trace;
            this.head = head;
            this.rest = rest;
            this.seed = seed;
            this.steps = steps;
            largest = Math.max(head.length > 0 ? head[0] : 0, rest.largest());
        }

        /// The sum of f over the spectrum, one value per probe.
        private double[] all(DoubleUnaryOperator f, boolean half) {
            double h = Arrays.stream(head).map(f).sum();
            double restTrace = trace - Arrays.stream(head).sum();
            double[] t = half ? rest.tracesOfHalf(f) : rest.traces(f);
            double[] seen = rest.traces(x -> x);
            double slope = slope(f);
            for (int l = 0; l < t.length; l++) {
                t[l] += h - slope * (seen[l] - restTrace);
            }
            return t;
        }

        /// How f goes with lambda over the rest of the spectrum: covariance by variance.
        private double slope(DoubleUnaryOperator f) {
            double count = mean(rest.lengths());
            double meanX = mean(rest.traces(x -> x)) / count;
            double meanF = mean(rest.traces(f)) / count;
            double xx = mean(rest.traces(x -> x * x)) / count - meanX * meanX;
            double xf = mean(rest.traces(x -> x * f.applyAsDouble(x))) / count - meanX * meanF;
            return xx > 1e-12 * meanX * meanX ? xf / xx : 0;
        }

        SpectralEstimate figures() {
            DoubleUnaryOperator root = Math::sqrt;
            DoubleUnaryOperator rootLog = x -> Math.sqrt(x) * Math.log(x) / 2;
            double[] s = all(root, false);
            double[] p = all(rootLog, false);
            double[] q = all(x -> x * Math.log(x), false);
            double[] f = all(x -> x * x, false);
            double bigS = mean(s);
            double bigP = mean(p);
            double halfS = mean(all(root, true));
            double halfP = mean(all(rootLog, true));

            // exp(ln S - P/S): the gradient of the entropy is (1/S + P/S^2, -1/S).
            double[] linear = new double[s.length];
            for (int l = 0; l < s.length; l++) {
                linear[l] = (1 / bigS + bigP / (bigS * bigS)) * s[l] - p[l] / bigS;
            }
            double er1 = Math.exp(Math.log(bigS) - bigP / bigS);
            double er1Half = Math.exp(Math.log(halfS) - halfP / halfS);
            Figure effectiveRank = new Figure(er1, er1 * STUDENT * error(linear) + moved(er1, er1Half));

            double t2 = mean(q);
            double er2 = Math.exp(Math.log(trace) - t2 / trace);
            double er2Half = Math.exp(Math.log(trace) - mean(all(x -> x * Math.log(x), true)) / trace);
            Figure effectiveRankSquared = new Figure(er2, er2 * STUDENT * error(q) / trace + moved(er2, er2Half));

            double fourth = mean(f);
            double pr = trace * trace / fourth;
            Figure participation = new Figure(pr, pr * STUDENT * error(f) / fourth);
            Figure nuclear = new Figure(bigS, STUDENT * error(s) + moved(bigS, halfS));
            double relative = nuclear.error / bigS;
            double prs = bigS * bigS / trace;
            Figure participationSigma = new Figure(prs, prs * 2 * relative);

            double topHalf = Math.max(head.length > 0 ? head[0] : 0, rest.largestOfHalf());
            double norm = Math.sqrt(largest);
            // Both sides of the same bar, although the truth lies above: what more steps would still add.
            double normError = head.length > 0 && head[0] >= rest.largest() ? CONVERGED * CONVERGED * norm : Math.sqrt(largest) - Math.sqrt(topHalf) + 1e-6 * norm;
            Figure spectral = new Figure(norm, normError);
            double stable = trace / largest;
            Figure stableRank = new Figure(stable, stable * 2 * normError / norm);
            double nr = bigS / norm;
            Figure nuclearRank = new Figure(nr, nr * (relative + normError / norm));
            Density density = density();
            return new SpectralEstimate(n, effectiveRank, effectiveRankSquared, participation, participationSigma, stableRank, nuclearRank, spectral, nuclear,
                    Math.sqrt(trace), Arrays.stream(head).map(Math::sqrt).toArray(), density.values, density.weights, floorShare(bigS), PROBES, steps, seed);
        }

        private double floorShare(double bigS) {
            // What stands out is not in the way: its directions are taken out of every product.
            double top = rest.largest();
            return mean(rest.traces(x -> x < FLOOR * top ? Math.sqrt(x) : 0)) / bigS;
        }

        private record Density(double[] values, double[] weights) {}

        private Density density() {
            record Node(double value, double weight) {}
            java.util.List<Node> nodes = new java.util.ArrayList<>();
            for (int l = 0; l < rest.rules().length; l++) {
                Tridiagonal rule = rest.rules()[l];
                for (int k = 0; k < rule.nodes().length; k++) {
                    nodes.add(new Node(Math.sqrt(Math.max(0, rule.nodes()[k])), rule.weights()[k] * rest.lengths()[l] / rest.rules().length));
                }
            }
            nodes.sort(java.util.Comparator.comparingDouble(Node::value));
            return new Density(nodes.stream().mapToDouble(Node::value).toArray(), nodes.stream().mapToDouble(Node::weight).toArray());
        }

        private static double moved(double all, double half) {
            return Math.abs(all - half) / 3;
        }

        private static double mean(double[] x) {
            return Arrays.stream(x).sum() / x.length;
        }

        /// The standard error of the mean.
        private static double error(double[] x) {
            double mean = mean(x);
            double squares = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum();
            return Math.sqrt(squares / (x.length - 1) / x.length);
        }
    }
}
