package vitrine.core.analysis.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.nd4j.Nd4jProducts;
import vitrine.core.tensor.onednn.OneDnn;

/// The check numbers of the method page for Gram matrices, randomised decompositions and Lanczos quadrature (sections 12 to 14), and
/// estimates of stored matrices.
class EstimatorNumbersTest {

    /// `diag(d)`.
    private record Diagonal(double... d) implements GramOperator {
        @Override
        public int size() {
            return d.length;
        }

        @Override
        public void apply(double[][] x, double[][] y) {
            for (int l = 0; l < x.length; l++) {
                for (int i = 0; i < d.length; i++) {
                    y[l][i] = d[i] * x[l][i];
                }
            }
        }
    }

    private static LanczosQuadrature quadrature(int steps, long seed, double... d) {
        return LanczosQuadrature.of(new Diagonal(d), 1, steps, new double[0][], new SplittableRandom(seed));
    }

    @Test
    void lanczosQuadratureOfTheDiagonal() {
        for (long seed = 1; seed < 6; seed++) {
            LanczosQuadrature one = quadrature(1, seed, 16, 9, 4, 1);
            assertArrayEquals(new double[] {7.5}, one.rules()[0].nodes(), 1e-12);
            assertTraces(one, 10.954451, 60.447091);
            LanczosQuadrature two = quadrature(2, seed, 16, 9, 4, 1);
            assertArrayEquals(new double[] {2.866060, 14.459521}, two.rules()[0].nodes(), 1e-6);
            assertArrayEquals(new double[] {0.600297, 0.399703}, two.rules()[0].weights(), 1e-6);
            assertTraces(two, 10.144667, 69.002742);
            assertTraces(quadrature(3, seed, 16, 9, 4, 1), 10.025778, 69.595328);
            LanczosQuadrature all = quadrature(4, seed, 16, 9, 4, 1);
            assertArrayEquals(new double[] {1, 4, 9, 16}, all.rules()[0].nodes(), 1e-10);
            assertTraces(all, 10, 69.681618);
            assertEquals(10.227309, all.traces(x -> Math.sqrt(x) * Math.log(x) / 2)[0], 1e-6);
        }
    }

    private static void assertTraces(LanczosQuadrature q, double root, double entropy) {
        assertEquals(root, q.traces(Math::sqrt)[0], 1e-6);
        assertEquals(entropy, q.traces(x -> x * Math.log(x))[0], 1e-6);
    }

    @Test
    void anOrthogonalMatrixNeedsOneStep() {
        double[] ones = new double[30];
        Arrays.fill(ones, 1);
        assertEquals(30, quadrature(1, 3, ones).traces(Math::sqrt)[0], 1e-12);
    }

    @Test
    void anEstimateOfASmallDiagonalIsExact() {
        SpectralEstimate e = SpectralEstimate.of(new Diagonal(16, 9, 4, 1), 30, 7);
        assertEquals(3.596115, e.effectiveRank().value(), 1e-6);
        assertEquals(2.940198, e.effectiveRankSquared().value(), 1e-6);
        SpectralEstimate scaled = SpectralEstimate.of(new Diagonal(1600, 900, 400, 100), 3000, 7);
        assertEquals(e.effectiveRank().value(), scaled.effectiveRank().value(), 1e-12);
    }

    @Test
    void aRandomisedSubspaceKeepsItsBounds() {
        double[] s = IntStream.range(0, 20).mapToDouble(i -> Math.pow(2, -i - 1)).toArray();
        double[] squares = Arrays.stream(s).map(v -> v * v).toArray();
        for (long seed = 0; seed < 10; seed++) {
            RandomisedSubspace r = RandomisedSubspace.of(new Diagonal(squares), 4, new SplittableRandom(seed));
            for (int k = 0; k < 4; k++) {
                assertEquals(squares[k], r.eigenvalues()[k], 1e-8 * squares[0]);
                for (int l = 0; l <= k; l++) {
                    assertEquals(k == l ? 1 : 0, Vectors.dot(r.vectors()[k], r.vectors()[l]), 1e-12);
                }
            }
            double left = Math.sqrt(Arrays.stream(squares).sum() - Arrays.stream(r.eigenvalues()).sum());
            // sqrt(sum of squares after the fourth), and no more than the bound without power steps.
            double tail = Math.sqrt(Arrays.stream(squares).skip(4).sum());
            assertEquals(tail, left, 1e-6);
            assertTrue(left <= tail * Math.sqrt(1 + 4 / 3.0));
            RandomisedSubspace again = RandomisedSubspace.of(new Diagonal(squares), 4, new SplittableRandom(seed));
            assertArrayEquals(r.eigenvalues(), again.eigenvalues());
        }
        double[] low = new double[40];
        low[3] = 9;
        low[17] = 4;
        low[30] = 1;
        RandomisedSubspace rank3 = RandomisedSubspace.of(new Diagonal(low), 5, new SplittableRandom(1));
        assertArrayEquals(new double[] {9, 4, 1, 0, 0}, rank3.eigenvalues(), 1e-10);
    }

    /// Section 12: values below the root of the rounding unit are noise in a Gram matrix; `exact` gets them right all the same.
    @Test
    void smallValuesSurvive() {
        double[] s = {1, 1e-2, 1e-3, 1e-4, 1e-5};
        try (SpectrumSolver solver = new SpectrumSolver(null, null)) {
            Solved.Values v = assertInstanceOf(Solved.Values.class, solver.solve(Dense.ofSpectrum(s, 8, 5, 3), Accuracy.exact, SpectrumSolver.Work.UNWATCHED));
            assertArrayEquals(s, v.values(), 1e-11);
            Solved.Values data = assertInstanceOf(Solved.Values.class, solver.solve(Dense.ofSpectrum(s, 8, 5, 3).as(DType.F32), Accuracy.fast, SpectrumSolver.Work.UNWATCHED));
            assertEquals(1e-4, data.values()[3], 1e-7);
            assertEquals(1e-5, data.values()[4], 1e-7);
        }
    }

    static Stream<Dense> stored() {
        return Stream.of(DType.F32, DType.BF16, DType.F16).flatMap(t -> Stream.of(Dense.gaussian(500, 200, 1), Dense.gaussian(200, 500, 2)).map(d -> d.as(t)));
    }

    @ParameterizedTest
    @MethodSource("stored")
    void estimatesOfStoredMatricesCoverTheTruth(Dense matrix) {
        OneDnn oneDnn = OneDnn.openOrNull();
        double squares = Arrays.stream(matrix.values()).map(v -> v * v).sum();
        try (SpectrumSolver solver = new SpectrumSolver(null, null)) {
            double[] s = assertInstanceOf(Solved.Values.class, solver.solve(matrix, Accuracy.exact, SpectrumSolver.Work.UNWATCHED)).values();
            SpectralMeasures truth = SpectralMeasures.of(s, matrix.rows(), matrix.columns());
            Products products = oneDnn == null ? new Nd4jProducts() : oneDnn;
            SpectralEstimate e = StreamedGram.estimate(Stored.of(matrix), products, squares, SpectrumSolver.Work.UNWATCHED);
            assertTrue(e.effectiveRank().covers(truth.effectiveRank()), e.effectiveRank() + " and " + truth.effectiveRank());
            assertTrue(e.effectiveRankSquared().covers(truth.effectiveRankSquared()), e.effectiveRankSquared() + " and " + truth.effectiveRankSquared());
            assertTrue(e.nuclearNorm().covers(truth.nuclearNorm()), e.nuclearNorm() + " and " + truth.nuclearNorm());
            assertTrue(e.spectralNorm().covers(truth.spectralNorm()), e.spectralNorm() + " and " + truth.spectralNorm());
            assertEquals(truth.frobeniusNorm(), e.frobeniusNorm(), 1e-9 * truth.frobeniusNorm());
            assertTrue(e.effectiveRank().error() < 0.05 * truth.effectiveRank(), "no interval of everything");
        }
    }
}
