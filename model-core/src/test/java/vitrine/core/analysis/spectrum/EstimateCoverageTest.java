package vitrine.core.analysis.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.analysis.spectrum.SpectralEstimate.Figure;

/// Whether the 95 % intervals of estimates cover the truth as often as they say, over seeds and shapes of spectra whose values are known
/// exactly. Same seeds, same outcome: nothing here is left to chance from run to run.
class EstimateCoverageTest {

    private static final int N = 1024;
    private static final int SEEDS = 40;
    /// Of 40 intervals of 95 %, fewer than 34 cover the truth three times in a thousand (binomial).
    private static final int FEWEST = 34;

    record Shape(String name, double[] s) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Shape> shapes() {
        Map<String, double[]> all = new LinkedHashMap<>();
        all.put("noise, square", noise(N, 1));
        all.put("noise, 4 to 1", noise(N, 0.25));
        all.put("k^-0.5", of(i -> Math.pow(i + 1, -0.5)));
        all.put("k^-1", of(i -> 1.0 / (i + 1)));
        all.put("exponential", of(i -> Math.exp(-5.0 * i / N)));
        double[] spikes = noise(N, 1);
        for (int i = 0; i < 20; i++) {
            spikes[i] += 5.0 / (i + 1);
        }
        all.put("noise with spikes", falling(spikes));
        double[] huge = noise(N, 1);
        huge[0] = 60;
        all.put("noise with one huge value", huge);
        all.put("two levels", of(i -> i < N / 2 ? 1.0 : 0.01));
        all.put("all equal", of(i -> 1));
        return all.entrySet().stream().map(e -> new Shape(e.getKey(), e.getValue()));
    }

    private static double[] of(IntToDoubleFunction f) {
        double[] s = new double[N];
        Arrays.setAll(s, f);
        return s;
    }

    private static double[] falling(double[] s) {
        double[] sorted = s.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < s.length / 2; i++) {
            double t = sorted[i];
            sorted[i] = sorted[s.length - 1 - i];
            sorted[s.length - 1 - i] = t;
        }
        return sorted;
    }

    /// Quantiles of the Marchenko-Pastur law with smaller / larger side c.
    private static double[] noise(int n, double c) {
        int cells = 200_000;
        double[] x = new double[cells];
        double[] below = new double[cells];
        double total = 0;
        for (int i = 0; i < cells; i++) {
            double phi = Math.PI * (1 - (i + 0.5) / cells);
            x[i] = 1 + c + 2 * Math.sqrt(c) * Math.cos(phi);
            total += 2 * Math.sin(phi) * Math.sin(phi) / (Math.PI * x[i]);
            below[i] = total;
        }
        double[] s = new double[n];
        int at = 0;
        for (int k = 0; k < n; k++) {
            while (at < cells - 1 && below[at] < (k + 0.5) / n * total) {
                at++;
            }
            s[n - 1 - k] = Math.sqrt(x[at]);
        }
        return s;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("shapes")
    void intervalsCoverTheTruthAtTheirLevel(Shape shape) {
        SpectralMeasures truth = SpectralMeasures.of(shape.s, N, N);
        double trace = truth.frobeniusNorm() * truth.frobeniusNorm();
        Map<String, Integer> covered = new LinkedHashMap<>();
        double width = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            SpectralEstimate e = SpectralEstimate.of(new HadamardOperator(shape.s, seed), trace, 77L * seed + 1);
            count(covered, "effective rank", e.effectiveRank(), truth.effectiveRank());
            count(covered, "effective rank of energy", e.effectiveRankSquared(), truth.effectiveRankSquared());
            count(covered, "participation ratio", e.participationRatio(), truth.participationRatio());
            count(covered, "participation ratio of sigma", e.participationRatioSigma(), truth.participationRatioSigma());
            count(covered, "nuclear norm", e.nuclearNorm(), truth.nuclearNorm());
            count(covered, "nuclear rank", e.nuclearRank(), truth.nuclearRank());
            count(covered, "spectral norm", e.spectralNorm(), truth.spectralNorm());
            count(covered, "stable rank", e.stableRank(), truth.stableRank());
            width += e.effectiveRank().error() / truth.effectiveRank() / SEEDS;
        }
        covered.forEach((figure, n) -> assertTrue(n >= FEWEST, figure + " was covered " + n + " times of " + SEEDS));
        assertTrue(width < 0.05, "an interval of everything would cover everything: " + width);
    }

    /// An exact value is met up to rounding, whatever the width of the interval.
    private static void count(Map<String, Integer> covered, String figure, Figure f, double truth) {
        covered.merge(figure, Math.abs(truth - f.value()) <= f.error() + 1e-9 * truth ? 1 : 0, Integer::sum);
    }

    @Test
    void theSameSeedGivesTheSame() {
        double[] s = of(i -> 1.0 / (i + 1));
        double trace = Arrays.stream(s).map(v -> v * v).sum();
        SpectralEstimate a = SpectralEstimate.of(new HadamardOperator(s, 3), trace, 5);
        SpectralEstimate b = SpectralEstimate.of(new HadamardOperator(s, 3), trace, 5);
        assertEquals(a.effectiveRank(), b.effectiveRank());
        assertEquals(5, a.seed());
    }
}
