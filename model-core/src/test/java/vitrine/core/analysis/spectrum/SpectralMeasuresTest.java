package vitrine.core.analysis.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// The measures against the written-out figures of the method page (sections 1 and 2), and the laws that hold between them.
class SpectralMeasuresTest {

    /// The fixture M64 of the method page: sin(0.7 i + 1.3 j + 0.1 i j), 6 x 4.
    static double[] m64() {
        double[] m = new double[24];
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < 4; j++) {
                m[i * 4 + j] = Math.sin(0.7 * i + 1.3 * j + 0.1 * i * j);
            }
        }
        return m;
    }

    private static double[] centred(double[] m, int rows, int columns) {
        double[] out = m.clone();
        for (int j = 0; j < columns; j++) {
            double mean = 0;
            for (int i = 0; i < rows; i++) {
                mean += m[i * columns + j] / rows;
            }
            for (int i = 0; i < rows; i++) {
                out[i * columns + j] -= mean;
            }
        }
        return out;
    }

    static Stream<Arguments> table() {
        double[] powers = IntStream.range(0, 8).mapToDouble(i -> Math.scalb(1.0, -i)).toArray();
        double[] harmonic = IntStream.rangeClosed(1, 100).mapToDouble(i -> 1.0 / i).toArray();
        return Stream.of(
                Arguments.of("1,1,1,1", new double[] {1, 1, 1, 1}, new double[] {4, 4, 4, 4, 4, 4, 4, 4, 4}),
                Arguments.of("1,1,0,0", new double[] {1, 1, 0, 0}, new double[] {2, 2, 2, 2, 2, 2, 2, 2, 2}),
                Arguments.of("4,3,2,1", new double[] {4, 3, 2, 1}, new double[] {3.596115, 2.940198, 2.542373, 3.333333, 1.875, 2.5, 3, 3, 4}),
                Arguments.of("10,1,1,1", new double[] {10, 1, 1, 1}, new double[] {2.211631, 1.177849, 1.060582, 1.640777, 1.03, 1.3, 1, 1, 3}),
                Arguments.of("2^-i", powers, new double[] {3.898667, 2.116144, 1.666616, 2.976654, 1.333313, 1.992188, 2, 3, 4}),
                Arguments.of("1/i", harmonic, new double[] {39.677241, 4.807646, 2.469847, 16.458196, 1.634984, 5.187378, 6, 11, 38}),
                Arguments.of("M64", Dense.of(m64(), 6, 4).singularValues(), new double[] {3.026064, 2.249448, 2.047267, 2.654341, 1.718143, 2.135542, 2, 2, 3}),
                Arguments.of("M64 centred", Dense.of(centred(m64(), 6, 4), 6, 4).singularValues(),
                        new double[] {2.528309, 2.003404, 1.863558, 2.260657, 1.545387, 1.869115, 2, 2, 2}));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("table")
    void theTableOfTheMethodPage(String name, double[] s, double[] expected) {
        SpectralMeasures m = SpectralMeasures.of(s, s.length, s.length);
        assertEquals(expected[0], m.effectiveRank(), 6e-7, "effective rank");
        assertEquals(expected[1], m.effectiveRankSquared(), 6e-7, "of energy");
        assertEquals(expected[2], m.participationRatio(), 6e-7);
        assertEquals(expected[3], m.participationRatioSigma(), 6e-7);
        assertEquals(expected[4], m.stableRank(), 6e-7);
        assertEquals(expected[5], m.nuclearRank(), 6e-7);
        assertEquals(expected[6], m.energyRank90());
        assertEquals(expected[7], m.energyRank95());
        assertEquals(expected[8], m.energyRank99());
        assertEquals(Math.log(m.effectiveRank()), m.entropy(), 1e-12);
        assertEquals(m.effectiveRank() / s.length, m.normalisedEffectiveRank(), 1e-12);
    }

    @Test
    void valuesAndNormsOfTheFixture() {
        double[] s = Dense.of(m64(), 6, 4).singularValues();
        assertArrayEquals(new double[] {2.610999, 2.126645, 0.523665, 0.314588}, s, 6e-7);
        SpectralMeasures m = SpectralMeasures.of(s, 6, 4);
        assertEquals(0.756516, m.normalisedEffectiveRank(), 6e-7);
        assertEquals(11.713123, m.frobeniusNorm() * m.frobeniusNorm(), 6e-7);
        double fourths = Arrays.stream(s).map(v -> v * v * v * v).sum();
        assertEquals(67.014844, fourths, 6e-7, "|M^T M|_F^2");
        assertEquals(s[0], m.spectralNorm());
        assertEquals(Arrays.stream(s).sum(), m.nuclearNorm(), 1e-12);
        assertEquals(s[0] / s[3], m.conditionNumber(), 1e-12);
        assertEquals(4, m.numericalRank());
    }

    @Test
    void lawsHoldForAllKindsOfSpectra() {
        Random random = new Random(7);
        for (int trial = 0; trial < 500; trial++) {
            double power = random.nextDouble() * 4;
            int r = 1 + random.nextInt(60);
            double[] s = new double[r];
            for (int i = 0; i < r; i++) {
                s[i] = random.nextInt(10) == 0 ? 0 : Math.pow(random.nextDouble(), power) * Math.pow(10, random.nextInt(5) - 2);
            }
            s[0] += 1e-3;
            Arrays.sort(s);
            double[] falling = IntStream.range(0, r).mapToDouble(i -> s[r - 1 - i]).toArray();
            SpectralMeasures m = SpectralMeasures.of(falling, r, r + trial % 7);
            double slack = 1 + 1e-12;
            long positive = Arrays.stream(s).filter(v -> v > 0).count();
            assertTrue(1 <= m.stableRank() * slack && m.stableRank() <= m.participationRatio() * slack, m.toString());
            assertTrue(m.participationRatio() <= m.effectiveRankSquared() * slack && m.effectiveRankSquared() <= m.effectiveRank() * slack, m.toString());
            assertTrue(m.effectiveRank() <= positive * slack, m.toString());
            assertTrue(m.nuclearRank() <= m.participationRatioSigma() * slack && m.participationRatioSigma() <= m.effectiveRank() * slack, m.toString());
            assertTrue(m.energyRank90() <= m.energyRank95() && m.energyRank95() <= m.energyRank99() && m.energyRank99() <= positive, m.toString());
            double factor = Math.pow(10, random.nextInt(400) - 200);
            SpectralMeasures scaled = SpectralMeasures.of(Arrays.stream(falling).map(v -> v * factor).toArray(), r, r + trial % 7);
            assertEquals(m.effectiveRank(), scaled.effectiveRank(), 1e-12 * r);
            assertEquals(m.effectiveRankSquared(), scaled.effectiveRankSquared(), 1e-12 * r);
            assertEquals(m.participationRatio(), scaled.participationRatio(), 1e-12 * r);
            assertEquals(m.numericalRank(), scaled.numericalRank());
            assertEquals(m.frobeniusNorm(), scaled.frobeniusNorm() / factor, 1e-12 * m.frobeniusNorm());
        }
    }

    @Test
    void zerosChangeOnlyTheNormalisedRank() {
        SpectralMeasures few = SpectralMeasures.of(new double[] {3, 2, 1}, 3, 3);
        SpectralMeasures more = SpectralMeasures.of(new double[] {3, 2, 1, 0, 0, 0}, 6, 6);
        assertEquals(few.effectiveRank(), more.effectiveRank(), 1e-15);
        assertEquals(few.normalisedEffectiveRank() / 2, more.normalisedEffectiveRank(), 1e-15);
        assertEquals(3, more.numericalRank());
        assertEquals(Double.POSITIVE_INFINITY, more.conditionNumber());
    }

    @Test
    void theRenyiFamilyFallsThroughTheNamedRanks() {
        double[] s = {4, 3, 2, 1};
        SpectralMeasures m = SpectralMeasures.of(s, 4, 4);
        assertEquals(m.effectiveRank(), SpectralMeasures.renyi(s, 1), 1e-12);
        assertEquals(m.participationRatioSigma(), SpectralMeasures.renyi(s, 2), 1e-12);
        assertEquals(m.nuclearRank(), SpectralMeasures.renyi(s, Double.POSITIVE_INFINITY), 1e-12);
        double[] energy = Arrays.stream(s).map(v -> v * v).toArray();
        assertEquals(m.participationRatio(), SpectralMeasures.renyi(energy, 2), 1e-12);
        double before = Double.POSITIVE_INFINITY;
        for (double q : new double[] {0.25, 0.5, 1, 1.5, 2, 4, 8, Double.POSITIVE_INFINITY}) {
            double rank = SpectralMeasures.renyi(s, q);
            assertTrue(rank < before, "falls in q");
            before = rank;
        }
    }

    @Test
    void truncationErrorsAreThoseOfTheTail() {
        double[] s = Dense.of(m64(), 6, 4).singularValues();
        double[] errors = SpectralMeasures.truncationErrors(s);
        assertEquals(5, errors.length);
        assertEquals(1, errors[0], 1e-15);
        assertEquals(0, errors[4]);
        // Section 4 of the method page: error(2) = 0.610893 in absolute terms.
        assertEquals(0.610893, errors[2] * SpectralMeasures.of(s, 6, 4).frobeniusNorm(), 6e-7);
        assertArrayEquals(new double[4], SpectralMeasures.truncationErrors(new double[3]));
    }

    @Test
    void aSpectrumOfZerosHasNoRanks() {
        assertThrows(IllegalArgumentException.class, () -> SpectralMeasures.of(new double[3], 3, 3));
        assertThrows(IllegalArgumentException.class, () -> SpectralMeasures.of(new double[0], 0, 3));
        assertThrows(IllegalArgumentException.class, () -> SpectralMeasures.of(new double[] {Double.NaN}, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> SpectralMeasures.of(new double[] {Double.POSITIVE_INFINITY, 1}, 2, 2));
    }
}
