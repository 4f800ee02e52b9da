package vitrine.core.analysis.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Power law, noise edge, random baseline and scaling across widths, against the written-out figures of the method page (sections 2, 7, 8, 9).
class SpectrumLawsTest {

    private static double[] pareto(double a) {
        return IntStream.rangeClosed(1, 200).mapToDouble(j -> Math.pow(1 - (j - 0.5) / 200, -1 / (a - 1))).toArray();
    }

    @Test
    void powerLawOfExactTails() {
        PowerLaw p = PowerLaw.ofOrNull(pareto(2.5));
        assertEquals(2.506379, p.alpha(), 6e-7);
        assertEquals(0.106517, p.sigma(), 6e-7);
        assertEquals(0.003365, p.distance(), 6e-7);
        assertEquals(4.347833, p.alphaHat(), 6e-7);
        p = PowerLaw.ofOrNull(pareto(3));
        assertEquals(3.008506, p.alpha(), 6e-7);
        assertEquals(0.142023, p.sigma(), 6e-7);
        assertEquals(0.003365, p.distance(), 6e-7);
        assertEquals(3.914156, p.alphaHat(), 6e-7);
        assertEquals(4.126987, p.logAlphaNorm(), 6e-7);
        p = PowerLaw.ofOrNull(pareto(4));
        assertEquals(4.012759, p.alpha(), 6e-7);
        assertEquals(0.213034, p.sigma(), 6e-7);
        assertEquals(3.480480, p.alphaHat(), 6e-7);
        assertTrue(p.reliable());
    }

    @Test
    void powerLawChoosesWhereTheTailBegins() {
        PowerLaw p = PowerLaw.ofOrNull(new double[] {1, 2, 3, 4, 6, 8, 12, 16, 32, 64});
        assertEquals(3, p.xMin());
        assertEquals(1.765600, p.alpha(), 6e-7);
        assertEquals(0.270680, p.sigma(), 6e-7);
        assertEquals(0.161791, p.distance(), 6e-7);
        assertEquals(8, p.tail());
        assertEquals(10, p.count());
        assertFalse(p.reliable(), "10 values are few");
    }

    /// The early end of a start's distance must not change which start is taken: all distances in full, by the formula.
    @Test
    void powerLawTakesTheSmallestOfAllDistances() {
        for (long seed = 0; seed < 20; seed++) {
            double[] s = Dense.gaussian(120, 60, seed).singularValues();
            double[] x = IntStream.range(0, 60).mapToDouble(i -> s[59 - i] * s[59 - i]).toArray();
            double best = Double.POSITIVE_INFINITY;
            int start = -1;
            double alphaThere = 0;
            for (int i = 0; i < x.length - 1; i++) {
                int n = x.length - i;
                double sum = 0;
                for (int j = i; j < x.length; j++) {
                    sum += Math.log(x[j] / x[i]);
                }
                double alpha = 1 + n / sum;
                double d = 0;
                for (int k = 0; k < n; k++) {
                    d = Math.max(d, Math.abs(1 - Math.pow(x[i + k] / x[i], 1 - alpha) - (double) k / n));
                }
                if (d < best) {
                    best = d;
                    start = i;
                    alphaThere = alpha;
                }
            }
            PowerLaw p = PowerLaw.ofSingularValuesOrNull(s);
            assertEquals(x[start], p.xMin(), 1e-9 * x[start]);
            assertEquals(alphaThere, p.alpha(), 1e-9 * alphaThere);
            assertEquals(best, p.distance(), 1e-9);
        }
    }

    @Test
    void powerLawNeedsValues() {
        assertNull(PowerLaw.ofOrNull(new double[] {1, 2, 3}));
        assertNull(PowerLaw.ofOrNull(IntStream.range(0, 40).mapToDouble(i -> 1).toArray()), "equal values have no tail");
        double[] withZeros = new double[30];
        for (int i = 0; i < 12; i++) {
            withZeros[i] = 12 - i;
        }
        assertEquals(12, PowerLaw.ofSingularValuesOrNull(withZeros).count(), "zeros are left out");
    }

    @Test
    void noiseEdgesOfTheLaw() {
        // The edges follow from sigma; with all eigenvalues equal to their mean, sigma is the root of that mean.
        assertEdges(1024, 1024, 1, 0, 64);
        assertEdges(2048, 512, 1, 22.627417, 67.882251);
        assertEdges(4096, 1024, 0.02, Double.NaN, 1.92);
        assertEquals(Math.pow(4, -0.25), NoiseEdge.detectionThreshold(2048, 512), 1e-12);
    }

    private static void assertEdges(int rows, int columns, double sigma, double lower, double upper) {
        double[] s = new double[columns];
        java.util.Arrays.fill(s, sigma * Math.sqrt(rows));
        NoiseEdge e = NoiseEdge.ofOrNull(s, rows, columns);
        assertEquals(sigma, e.sigma(), 1e-9);
        assertEquals(upper, e.upper(), 1e-6);
        if (!Double.isNaN(lower)) {
            assertEquals(lower, e.lower(), 1e-6);
        }
        assertEquals(0, e.spikes());
    }

    @Test
    void noiseIsAllBulkAndSignalsAreSpikes() {
        Dense noise = Dense.gaussian(512, 128, 3);
        NoiseEdge e = NoiseEdge.ofOrNull(noise.singularValues(), 512, 128);
        assertEquals(1, e.sigma(), 0.02);
        assertEquals(33.94, e.upper(), 0.6);
        assertEquals(11.31, e.lower(), 0.3);
        assertEquals(0, e.spikes());
        double[] three = {80, 60, 50};
        Dense signal = Dense.ofSpectrum(three, 512, 128, 11);
        double[] sum = noise.values().clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += signal.values()[i];
        }
        NoiseEdge with = NoiseEdge.ofOrNull(Dense.of(sum, 512, 128).singularValues(), 512, 128);
        assertEquals(3, with.spikes());
        assertEquals(1, with.sigma(), 0.03, "the spikes do not count as noise");
        assertTrue(with.softRank() < 0.25 && with.softRank() > 0.1, with.toString());
        assertEquals(125, with.kept());
        assertNull(NoiseEdge.ofOrNull(new double[4], 4, 4));
    }

    @Test
    void randomBaselines() {
        RandomBaseline square = RandomBaseline.of(900, 900);
        assertEquals(0.805041, square.effectiveRank(), 1e-6);
        assertEquals(0.606531, square.effectiveRankSquared(), 1e-6);
        assertEquals(0.5, square.participationRatio(), 1e-12);
        assertEquals(0.25, square.stableRank(), 1e-12);
        assertEquals(0.720506, square.participationRatioSigma(), 1e-6, "(8 / (3 pi))^2");
        RandomBaseline two = RandomBaseline.of(100, 200);
        assertEquals(0.92605, two.effectiveRank(), 1e-5);
        assertEquals(0.778801, two.effectiveRankSquared(), 1e-6);
        assertEquals(0.666667, two.participationRatio(), 1e-6);
        assertEquals(0.343146, two.stableRank(), 1e-6);
        RandomBaseline four = RandomBaseline.of(512, 128);
        assertEquals(0.96622, four.effectiveRank(), 1e-5);
        assertEquals(0.882497, four.effectiveRankSquared(), 1e-6);
        assertEquals(0.8, four.participationRatio(), 1e-12);
        assertEquals(0.444444, four.stableRank(), 1e-6);
        SpectralMeasures gaussian = SpectralMeasures.of(Dense.gaussian(512, 128, 5).singularValues(), 512, 128);
        assertEquals(four.effectiveRank(), gaussian.normalisedEffectiveRank(), 2e-3);
        assertEquals(four.effectiveRankSquared(), gaussian.effectiveRankSquared() / 128, 4e-3);
        assertEquals(four.participationRatio(), gaussian.participationRatio() / 128, 6e-3);
    }

    @Test
    void settingsForAnotherWidthKeepTheGain() {
        LayerwiseScaling.Setting proxy = new LayerwiseScaling.Setting(0.01, 0.1);
        LayerwiseScaling.Setting wider = LayerwiseScaling.transfer(proxy, 4);
        assertEquals(0.0025, wider.rate(), 1e-15);
        assertEquals(0.2, wider.decay(), 1e-15);
        assertEquals(1, LayerwiseScaling.topGrowth(proxy, wider, 4), 1e-12);
        LayerwiseScaling.Setting widest = LayerwiseScaling.transfer(proxy, 8);
        assertEquals(0.125, widest.rate() / proxy.rate(), 1e-12);
        assertEquals(2.828427, widest.decay() / proxy.decay(), 1e-6);
        assertEquals(1, LayerwiseScaling.topGrowth(proxy, widest, 8), 1e-12);
        assertEquals(Math.pow(4, 0.75), LayerwiseScaling.topGrowth(proxy, proxy, 4), 1e-12);
        assertTrue(LayerwiseScaling.matches(1.05, 1) && !LayerwiseScaling.matches(1, 1.2));
    }

    @Test
    void shapesAndExponents() {
        double[] widths = {256, 512, 1024, 4096};
        double[] tops = java.util.Arrays.stream(widths).map(d -> 3 * Math.pow(d, 0.75)).toArray();
        assertEquals(0.75, LayerwiseScaling.widthExponent(widths, tops), 1e-12);
        double[] s = {8, 4, 2, 1};
        assertEquals(0, LayerwiseScaling.shapeDistance(s, new double[] {4, 2, 1, 0.5}), "only the scale differs");
        assertEquals(0, LayerwiseScaling.shapeDistance(s, new double[] {8, 8, 4, 4, 2, 2, 1, 1}));
        assertEquals(0.5, LayerwiseScaling.shapeDistance(new double[] {1, 1, 0.1, 0.1}, new double[] {1, 1, 1, 1}));
        assertEquals(0.25, LayerwiseScaling.shapeDistance(new double[] {1, 0.5, 0.5, 0.5}, new double[] {1, 1, 0.5, 0.5}));
    }
}
