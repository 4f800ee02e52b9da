package vitrine.core.analysis.spectrum;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;

/// Figures of a spectrum too large to compute, from products with random vectors; each with half the width of its 95 % interval.
///
/// The largest singular values that stand out come from a random block ([RandomisedSubspace]) and are taken out of the matrix; the rest
/// is seen by random probes ([LanczosQuadrature]). With S = sum s, P = sum s ln s (both of lambda = s^2 in the formulas of the method: the
/// entropy of sigma shares is `ln S - P / S`) the effective rank is `exp(ln S - P/S)`. The Frobenius norm is exact.
///
/// What a probe sees of the trace itself, `z^T A z`, is compared with the exact trace: a probe that sees too much of it sees too much of the others as
/// well, and is set right by the covariance over the spectrum (a control variate). Without it the entropy of energy would have an error of several
/// percents.
///
/// An interval is Student's t for the spread over the probes (a jackknife, which also takes out the bias of order 1 / probes; never less than
/// what the spectrum makes likely), plus what the quadrature may still be off: a third of the change that the second half of the steps made
/// (its error falls at least with the square of the number of steps).
///
/// The same matrix and seed give the same figures.
///
/// Source: Ubaru, Chen, Saad 2017; Halko, Martinsson, Tropp 2011; Efron and Stein 1981 for the jackknife.
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

        /// What follows from means over the probes, one probe left out or none.
        private record Means(double effectiveRank, double effectiveRankSquared, double participation, double nuclear, double weighted, double fourth) {}

        private Means means(boolean half) {
            double s = mean(all(Math::sqrt, half));
            double p = mean(all(x -> Math.sqrt(x) * Math.log(x) / 2, half));
            double q = mean(all(x -> x * Math.log(x), half));
            double f = mean(all(x -> x * x, half));
            return new Means(Math.exp(Math.log(s) - p / s), Math.exp(Math.log(trace) - q / trace), trace * trace / f, s, p, f);
        }

        SpectralEstimate figures() {
            Means whole = means(false);
            Means halved = means(true);
            Means[] left = new Means[rest.rules().length];
            for (int l = 0; l < left.length; l++) {
                left[l] = new Sums(n, trace, head, rest.without(l), seed, steps).means(false);
            }
            double bs = whole.nuclear;
            double bp = whole.weighted;
            // The derivatives of the figures by the spectrum: of the entropy ln S - P/S it is (1/S + P/S^2) dS - dP/S.
            Figure effectiveRank = figure(whole, halved, left, Means::effectiveRank,
                    whole.effectiveRank * spread(x -> (1 / bs + bp / (bs * bs)) * Math.sqrt(x) - Math.sqrt(x) * Math.log(x) / 2 / bs));
            Figure effectiveRankSquared = figure(whole, halved, left, Means::effectiveRankSquared, whole.effectiveRankSquared * spread(x -> x * Math.log(x) / trace));
            Figure participation = figure(whole, halved, left, Means::participation, whole.participation * spread(x -> x * x / whole.fourth));
            Figure nuclear = figure(whole, halved, left, Means::nuclear, spread(Math::sqrt));
            double bigS = nuclear.value;
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

        /// The standard error that the mean of f over the probes has if no direction is special: a quadratic form of a random sign vector
        /// has the variance `2 n Var(f)`, the variance over the spectrum, less what the control variate takes away.
        private double spread(DoubleUnaryOperator f) {
            double count = mean(rest.lengths());
            double meanX = mean(rest.traces(x -> x)) / count;
            double slope = slope(f);
            double meanF = mean(rest.traces(f)) / count;
            double variance = mean(rest.traces(x -> {
                double d = f.applyAsDouble(x) - meanF - slope * (x - meanX);
                return d * d;
            })) / count;
            return Math.sqrt(2 * count * variance / rest.rules().length);
        }

        /// Value and error by leaving out one probe at a time, which takes the curvature of a figure and the fitting of the control variate
        /// into account. Few probes may by chance agree too well, and do so just where they are all on the same side of the truth: an error
        /// below what the spectrum itself makes likely is not believed.
        private static Figure figure(Means whole, Means halved, Means[] left, ToDoubleFunction<Means> figure, double likely) {
            double n = left.length;
            double all = figure.applyAsDouble(whole);
            double[] x = Arrays.stream(left).mapToDouble(figure).toArray();
            double mean = mean(x);
            double squares = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum();
            double value = n * all - (n - 1) * mean;
            return new Figure(value, STUDENT * Math.max(likely, Math.sqrt((n - 1) / n * squares)) + moved(all, figure.applyAsDouble(halved)));
        }
    }
}
