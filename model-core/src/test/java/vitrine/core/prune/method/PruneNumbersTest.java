package vitrine.core.prune.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import vitrine.core.prune.InputStatistics;
import vitrine.core.prune.MatrixMethod.Pruned;
import vitrine.core.prune.NofM;
import vitrine.core.prune.OutputError;
import vitrine.core.prune.Selection;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;
import vitrine.core.tensor.openblas.OpenBlas;

/// The check numbers of the methods' definitions, and what must hold of them.
class PruneNumbersTest {

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    private Matrix matrix(double[]... rows) {
        Matrix m = Matrix.allocate(arena, rows.length, rows[0].length);
        for (int r = 0; r < rows.length; r++) {
            for (int c = 0; c < rows[r].length; c++) {
                m.set(r, c, (float) rows[r][c]);
            }
        }
        return m;
    }

    private static InputStatistics inputs(Matrix x, boolean moments) {
        InputStatistics s = new InputStatistics(x.columns(), moments, x.rows(), x.rows());
        s.add(x);
        return s;
    }

    /// Inputs whose norms are these: one token each.
    private InputStatistics ofNorms(double... norms) {
        double[][] x = new double[norms.length][norms.length];
        for (int j = 0; j < norms.length; j++) {
            x[j][j] = norms[j];
        }
        return inputs(matrix(x), false);
    }

    private static byte[] mask(int... bits) {
        byte[] out = new byte[bits.length];
        for (int i = 0; i < bits.length; i++) {
            out[i] = (byte) bits[i];
        }
        return out;
    }

    // --- magnitude and Wanda

    private static final double[][] W = {{4, .2, 1, 1}, {3, -2, -1, -3}, {-3, 1, .5, 2}};

    @Test
    void magnitudeWandaAndGroupsDiffer() {
        try (InputStatistics x = ofNorms(1, 8, 3, 2)) {
            assertArrayEquals(mask(1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1), new Wanda(null).prune(matrix(W), x, 0.5).kept());
        }
        assertArrayEquals(mask(1, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 1), new Magnitude(false, null).prune(matrix(W), null, 0.5).kept());
        // Row 0: 0.2 and the first 1; row 1: 1 and 2; row 2: 0.5 and 1.
        assertArrayEquals(mask(1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1), new Magnitude(true, null).prune(matrix(W), null, 0.5).kept());
        Matrix w = matrix(W);
        new Magnitude(true, null).prune(w, null, 0.5);
        assertArrayEquals(new float[] {4, 0, 0, 1, 3, 0, 0, -3, -3, 0, 0, 2}, w.toArray());
    }

    @Test
    void wandaWithEqualNormsIsMagnitudeByRowAndKnowsNoScaleOfRows() {
        Matrix w = random(6, 40, 1);
        try (InputStatistics equal = ofNorms(filled(40, 2.5)); InputStatistics own = inputs(random(50, 40, 2), false)) {
            byte[] byMagnitude = new Magnitude(true, null).prune(copy(w), null, 0.3).kept();
            assertArrayEquals(byMagnitude, new Wanda(null).prune(copy(w), equal, 0.3).kept());
            byte[] before = new Wanda(null).prune(copy(w), own, 0.3).kept();
            Matrix scaled = copy(w);
            for (int j = 0; j < 40; j++) {
                scaled.set(3, j, scaled.get(3, j) * -64);
            }
            assertArrayEquals(before, new Wanda(null).prune(scaled, own, 0.3).kept());
            for (int r = 0; r < 6; r++) {
                assertEquals(28, kept(before, r, 40), "every row loses int(0.3 * 40)");
            }
        }
    }

    @Test
    void patternsHoldInEveryGroup() {
        Matrix w = random(5, 24, 3);
        try (InputStatistics x = inputs(random(60, 24, 4), true)) {
            for (byte[] kept : new byte[][] {new Magnitude(false, NofM.of("2:4")).prune(copy(w), null, 0).kept(), new Wanda(NofM.of("2:4")).prune(copy(w), x, 0).kept(),
                new SparseGpt(10, 0.01, NofM.of("2:4")).prune(copy(w), x, 0).kept()}) {
                for (int g = 0; g < kept.length; g += 4) {
                    assertEquals(2, kept[g] + kept[g + 1] + kept[g + 2] + kept[g + 3]);
                }
            }
        }
    }

    @Test
    void ofEqualScoresTheSmallerIndexGoesFirst() {
        byte[] kept = mask(1, 1, 1, 1, 1);
        Selection.dropSmallest(new double[] {2, 1, 1, 1, 3}, 2, kept, 0);
        assertArrayEquals(mask(1, 0, 0, 1, 1), kept);
        assertArrayEquals(mask(0, 0, 0, 1, 1, 1), Selection.withoutSmallestMagnitudes(matrix(new double[] {1, -1, 1, -1, 1, 2}), 3));
        assertArrayEquals(mask(1, 1), Selection.withoutSmallestMagnitudes(matrix(new double[] {0, 0}), 0));
        double[] many = new Random(7).doubles(999).toArray();
        double[] sorted = many.clone();
        java.util.Arrays.sort(sorted);
        for (int i : new int[] {0, 1, 500, 998}) {
            assertEquals(sorted[i], Selection.smallest(many.clone(), i));
        }
    }

    // --- SparseGPT

    /// X[i][t] = sin(0.3 + 10 i + t) with rows scaled by 1, 2, 1/2 and 3/2, and 0.8 of row 0 added to row 1; the row [1, -.5, .8, .3].
    @Test
    void sparseGptsTrace() {
        double[] scale = {1, 2, .5, 1.5};
        double[][] x = new double[10][4];
        for (int t = 0; t < 10; t++) {
            for (int i = 0; i < 4; i++) {
                x[t][i] = scale[i] * Math.sin(0.3 + 10 * i + t);
            }
            x[t][1] += 0.8 * x[t][0];
        }
        double[] w = {1, -.5, .8, .3};
        try (InputStatistics s = inputs(matrix(x), true)) {
            SparseGpt.InverseRoot root = SparseGpt.InverseRoot.of(s, 0.01, arena);
            double[] diagonal = {5.527630, 2.335661, 3.434601, 0.646489};
            double[] scores = {0.032728, 0.045827, 0.054253, 0.215338};
            for (int j = 0; j < 4; j++) {
                // The page divides H by the ten tokens, so its root of the inverse is larger by the root of ten.
                double u = root.u().getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 5L * j) * Math.sqrt(10);
                assertEquals(diagonal[j], u, 2e-5);
                assertEquals(scores[j], w[j] * w[j] / u / u, 2e-6);
            }
            Matrix row = matrix(w);
            assertArrayEquals(mask(0, 0, 1, 1), new SparseGpt(128, 0.01, null).prune(row, s, 0.5).kept());
            assertArrayEquals(new float[] {0, 0, 5.362282f, 1.354456f}, row.toArray(), 3e-5f);
        }
    }

    @Test
    void sparseGptWithColumnsInOrderIsLeastSquares() {
        // Whatever goes first of a row is made up for by all that follows, so with a mask of the first columns the result is the optimum.
        Matrix x = random(40, 6, 11);
        try (InputStatistics s = inputs(x, true)) {
            SparseGpt.InverseRoot root = SparseGpt.InverseRoot.of(s, 0.01, arena);
            double[] h = new double[36];
            var moments = s.moments(arena);
            double mean = 0;
            for (int i = 0; i < 36; i++) {
                h[i] = 2 * moments.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, i);
                mean += i % 7 == 0 ? h[i] / 6 : 0;
            }
            for (int i = 0; i < 6; i++) {
                h[7 * i] += 0.01 * mean;
            }
            // Weights 0 and 1 are tiny beside the others, so that they are the ones that go.
            double[] tiny = {1e-3, -1e-3, .8, .3, 0.4, -0.9};
            Matrix row = matrix(tiny);
            byte[] kept = new SparseGpt(6, 0.01, null).prune(row, s, 0.34).kept();
            assertArrayEquals(mask(0, 0, 1, 1, 1, 1), kept);
            double[] best = leastSquares(h, tiny, new int[] {0, 1});
            for (int j = 0; j < 6; j++) {
                assertEquals(best[j], row.get(0, j), 1e-6);
            }
            assertNull(root.note());
        }
    }

    /// The w' with zeros at `gone` that is least in (w' - w)^T H (w' - w): H_kk (w'_k - w_k) = H_kg w_g, by elimination.
    private static double[] leastSquares(double[] h, double[] w, int[] gone) {
        int n = w.length;
        int[] stay = java.util.stream.IntStream.range(0, n).filter(i -> java.util.Arrays.stream(gone).noneMatch(g -> g == i)).toArray();
        int m = stay.length;
        double[][] a = new double[m][m + 1];
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < m; j++) {
                a[i][j] = h[stay[i] * n + stay[j]];
            }
            for (int g : gone) {
                a[i][m] += h[stay[i] * n + g] * w[g];
            }
        }
        for (int p = 0; p < m; p++) {
            for (int i = 0; i < m; i++) {
                if (i != p) {
                    double f = a[i][p] / a[p][p];
                    for (int j = p; j <= m; j++) {
                        a[i][j] -= f * a[p][j];
                    }
                }
            }
        }
        double[] out = new double[n];
        for (int i = 0; i < m; i++) {
            out[stay[i]] = w[stay[i]] + a[i][m] / a[i][i];
        }
        return out;
    }

    @Test
    void sparseGptPrunesDeadInputsAndRaisesItsDamping() {
        Matrix x = random(3, 8, 5);
        for (int t = 0; t < 3; t++) {
            x.set(t, 4, 0);
        }
        try (InputStatistics s = inputs(x, true)) {
            Matrix w = random(4, 8, 6);
            Pruned p = new SparseGpt(128, 0, null).prune(w, s, 0.25);
            for (int r = 0; r < 4; r++) {
                assertEquals(0, w.get(r, 4), "an input that is always 0");
                assertEquals(0, p.kept()[r * 8 + 4]);
            }
            assertTrue(p.note().startsWith("damping was raised"), "fewer tokens than inputs: the moments are singular");
        }
    }

    // --- SlimGPT

    /// The inputs of SparseGPT's trace; two rows, two heads of two inputs.
    @Test
    void slimGptsExample() {
        double[] scale = {1, 2, .5, 1.5};
        double[][] x = new double[10][4];
        for (int t = 0; t < 10; t++) {
            for (int i = 0; i < 4; i++) {
                x[t][i] = scale[i] * Math.sin(0.3 + 10 * i + t);
            }
            x[t][1] += 0.8 * x[t][0];
        }
        try (InputStatistics s = inputs(matrix(x), true)) {
            SlimGpt method = new SlimGpt(0.01);
            Matrix w = matrix(new double[] {1, -.5, .8, .3}, new double[] {.2, .9, -.4, .6});
            SparseGpt.InverseRoot root = SparseGpt.InverseRoot.of(s, 0.01, arena);
            var inverse = arena.allocate(128, 64);
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) {
                    double sum = 0;
                    for (int k = 0; k <= Math.min(i, j); k++) {
                        sum += root.u().getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 4L * k + i) * root.u().getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 4L * k + j);
                    }
                    inverse.setAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 4L * i + j, sum);
                }
            }
            double[] costs = method.costs(Wide.of(w, arena), inverse, 2, 4, 2, new boolean[] {true, true});
            // The page divides H by the ten tokens.
            assertEquals(0.228343, costs[0] / 10, 2e-6);
            assertEquals(0.042007, costs[1] / 10, 2e-6);
            Matrix same = copy(w);
            assertArrayEquals(new int[] {0, 1}, method.prune(same, s, 2, 0));
            assertArrayEquals(w.toArray(), same.toArray(), "nothing goes and nothing changes");
            assertArrayEquals(new int[] {0}, method.prune(w, s, 2, 1));
            assertArrayEquals(new float[] {1.289218f, -0.430617f, 0, 0, 1.091590f, 1.865583f, 0, 0}, w.toArray(), 2e-5f);
        }
    }

    @Test
    void slimGptIsNoWorseThanDeletion() {
        try (InputStatistics s = inputs(random(200, 150, 21), true)) {
            Matrix w = random(20, 150, 22);
            int[] kept = new SlimGpt(1e-6).prune(w, s, 1, 90);
            assertEquals(60, kept.length);
            Matrix deleted = random(20, 150, 22);
            for (int r = 0; r < 20; r++) {
                for (int c = 0; c < 150; c++) {
                    if (java.util.Arrays.binarySearch(kept, c) < 0) {
                        assertEquals(0, w.get(r, c));
                        deleted.set(r, c, 0);
                    }
                }
            }
            double compensated = OutputError.of(s.sample(), random(20, 150, 22), w, new PlainProducts()).relative();
            double plain = OutputError.of(s.sample(), random(20, 150, 22), deleted, new PlainProducts()).relative();
            assertTrue(compensated < 0.9 * plain, compensated + " and " + plain);
        }
    }

    // --- lower rank

    /// W[i][j] = cos(0.7 (i + 1) (j + 1)), X[i][t] = (i + 1) cos(0.9 (i + 1) (t + 1)).
    private Matrix w45() {
        double[][] w = new double[4][5];
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 5; j++) {
                w[i][j] = Math.cos(0.7 * (i + 1) * (j + 1));
            }
        }
        return matrix(w);
    }

    private Matrix x12() {
        double[][] x = new double[12][5];
        for (int t = 0; t < 12; t++) {
            for (int i = 0; i < 5; i++) {
                x[t][i] = (i + 1) * Math.cos(0.9 * (i + 1) * (t + 1));
            }
        }
        return matrix(x);
    }

    @Test
    void whitenedAndSwiftReachTheSameErrorAndKnowItBefore() {
        double[] known = {9.877512, 2.716072, 0.540334};
        double[] plain = {11.616735, 8.211144, 3.867159};
        double[] scaled = {11.552573, 6.422234, 1.794885};
        try (InputStatistics s = inputs(x12(), true)) {
            assertArrayEquals(new double[] {16.166647, 9.496747, 2.661783, 0.540334}, new LowRank(LowRank.Way.WHITENED, 1).spectrum(w45(), s), 2e-5);
            assertArrayEquals(new double[] {16.166647, 9.496747, 2.661783, 0.540334}, new LowRank(LowRank.Way.SWIFT, 1).spectrum(w45(), s), 2e-5);
            for (int k = 1; k <= 3; k++) {
                for (LowRank.Way way : LowRank.Way.values()) {
                    Matrix w = w45();
                    Pruned p = new LowRank(way, k).prune(w, s, 0);
                    double measured = Math.sqrt(OutputError.of(s.sample(), w45(), w, new PlainProducts()).squaredError());
                    assertEquals((way == LowRank.Way.SVD ? plain : way == LowRank.Way.SCALED ? scaled : known)[k - 1], measured, 3e-5, way + " " + k);
                    if (way != LowRank.Way.SVD && way != LowRank.Way.SCALED) {
                        assertEquals(known[k - 1], p.predictedError(), 2e-5);
                    }
                    assertEquals(k, p.factors().rank());
                    for (int o = 0; o < 4; o++) {
                        for (int i = 0; i < 5; i++) {
                            double v = 0;
                            for (int r = 0; r < k; r++) {
                                v += p.factors().a()[o * k + r] * p.factors().b()[r * 5 + i];
                            }
                            assertEquals(v, w.get(o, i), 1e-5, "the factors' product is the matrix");
                        }
                    }
                }
            }
            assertEquals(18.945335, Math.sqrt(OutputError.of(s.sample(), w45(), matrix(new double[4][5]), new PlainProducts()).squaredError()), 2e-5);
        }
    }

    /// X[i][j] = sin(.5 i + .9 j + .2 i j) (10 x 4), W[i][j] = cos(.4 i + .8 j + .3 i j) (4 x 3), inputs in rows.
    @Test
    void swiftSvdsExample() {
        double[][] x = new double[10][4];
        for (int i = 0; i < 10; i++) {
            for (int j = 0; j < 4; j++) {
                x[i][j] = Math.sin(.5 * i + .9 * j + .2 * i * j);
            }
        }
        double[][] w = new double[3][4];
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 3; j++) {
                w[j][i] = Math.cos(.4 * i + .8 * j + .3 * i * j);
            }
        }
        try (InputStatistics s = inputs(matrix(x), true)) {
            assertArrayEquals(new double[] {3.148664, 3.006854, 1.419208}, new LowRank(LowRank.Way.SWIFT, 1).spectrum(matrix(w), s), 1e-6);
            double[] best = {3.324954, 1.419208};
            double[] plain = {3.410269, 1.533907};
            for (int k = 1; k <= 2; k++) {
                Matrix a = matrix(w);
                new LowRank(LowRank.Way.SWIFT, k).prune(a, s, 0);
                assertEquals(best[k - 1], Math.sqrt(OutputError.of(s.sample(), matrix(w), a, new PlainProducts()).squaredError()), 1e-5);
                Matrix b = matrix(w);
                new LowRank(LowRank.Way.SVD, k).prune(b, null, 0);
                assertEquals(plain[k - 1], Math.sqrt(OutputError.of(s.sample(), matrix(w), b, new PlainProducts()).squaredError()), 1e-5);
            }
        }
    }

    @Test
    void ranksForAShareOfParameters() {
        assertEquals(1638, LowRank.rankFor(4096, 4096, 0.8));
        assertEquals(2388, LowRank.rankFor(11008, 4096, 0.8));
        assertEquals(2048, LowRank.breakEven(4096, 4096));
        assertEquals(2985, (int) LowRank.breakEven(11008, 4096));
        assertEquals(819, (int) LowRank.breakEven(1024, 4096));
        Matrix w = w45();
        assertEquals("rank 4 is all that it has", new LowRank(LowRank.Way.SVD, 4).prune(w, null, 0).note());
        assertArrayEquals(w45().toArray(), w.toArray(), "a matrix of full rank stays as it is, bit for bit");
    }

    @Test
    void momentsOfTooFewTokensAreShifted() {
        try (InputStatistics s = inputs(random(3, 8, 12), true)) {
            Matrix w = random(6, 8, 13);
            Pruned p = new LowRank(LowRank.Way.WHITENED, 4).prune(w, s, 0);
            assertTrue(p.note().contains("added to the diagonal"), p.note());
            double error = OutputError.of(s.sample(), random(6, 8, 13), w, new PlainProducts()).relative();
            assertTrue(error < 1e-3, "three tokens span three directions, which rank 4 holds: " + error);
        }
    }

    // --- what the methods read

    @Test
    void statisticsAreThoseOfAllRows() {
        Matrix x = random(1500, 7, 8);
        try (InputStatistics s = new InputStatistics(7, true, 100, 1500); InputStatistics norms = new InputStatistics(7, false, 100, 1500)) {
            for (int from = 0; from < 1500; from += 300) {
                s.add(x.rows(from, 300));
                norms.add(x.rows(from, 300));
            }
            assertEquals(1500, s.tokens());
            assertEquals(100, s.sample().rows());
            assertEquals(x.get(15, 3), s.sample().get(1, 3), "every fifteenth row");
            assertArrayEquals(s.squares(), norms.squares(), 1e-9);
            var g = s.moments(arena);
            double direct = 0;
            for (int t = 0; t < 1500; t++) {
                direct += (double) x.get(t, 2) * x.get(t, 5);
            }
            assertEquals(direct, g.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 2 * 7 + 5), 1e-9);
            assertEquals(direct, g.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 5 * 7 + 2), 1e-9);
        }
    }

    @Test
    void choleskyAndInverse() {
        double[] a = {4, 2, 0.6, 2, 5, 1, 0.6, 1, 3};
        var lower = arena.allocate(72, 64);
        for (int i = 0; i < 9; i++) {
            lower.setAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, i, a[i]);
        }
        assertTrue(OpenBlas.open().choleskyLower(lower, 3));
        assertEquals(2, lower.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 0));
        assertEquals(1, lower.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 3));
        assertEquals(2, lower.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, 4));
        OpenBlas.open().inverseOfLower(lower, 3);
        InputStatistics.mirror(lower, 3);
        for (int i = 0; i < 3; i++) {
            double sum = 0;
            for (int k = 0; k < 3; k++) {
                sum += a[i * 3 + k] * lower.getAtIndex(java.lang.foreign.ValueLayout.JAVA_DOUBLE, k * 3L + 1);
            }
            assertEquals(i == 1 ? 1 : 0, sum, 1e-14);
        }
    }

    // --- made for these tests

    private Matrix random(int rows, int columns, long seed) {
        Random random = new Random(seed);
        double[][] m = new double[rows][columns];
        for (double[] row : m) {
            for (int j = 0; j < columns; j++) {
                row[j] = random.nextGaussian();
            }
        }
        return matrix(m);
    }

    private Matrix copy(Matrix m) {
        Matrix out = Matrix.allocate(arena, m.rows(), m.columns());
        out.copyFrom(m);
        return out;
    }

    private static double[] filled(int n, double v) {
        double[] out = new double[n];
        java.util.Arrays.fill(out, v);
        return out;
    }

    private static int kept(byte[] mask, int row, int columns) {
        int n = 0;
        for (int j = 0; j < columns; j++) {
            n += mask[row * columns + j];
        }
        return n;
    }

    /// Products by the definition.
    static final class PlainProducts implements Products {
        @Override
        public void multiply(Operand a, Operand b, Operand c) {
            for (int i = 0; i < c.sizes()[0]; i++) {
                for (int j = 0; j < c.sizes()[1]; j++) {
                    double sum = 0;
                    for (int k = 0; k < a.sizes()[1]; k++) {
                        sum += (double) at(a, i, k) * at(b, k, j);
                    }
                    c.data().setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i * c.strides()[0] + j * c.strides()[1], (float) sum);
                }
            }
        }

        private static float at(Operand m, long i, long j) {
            return m.data().getAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i * m.strides()[0] + j * m.strides()[1]);
        }

        @Override
        public boolean reads(Operand.Element element) {
            return element == Operand.Element.F32;
        }

        @Override
        public String name() {
            return "plain";
        }
    }
}
