package vitrine.core.analysis.adapter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The check numbers of the method page, computed there with numpy, and laws that hold beside them.
class AdapterNumbersTest {

    private static final double TOLERANCE = 1e-5;

    private Arena arena;

    @BeforeEach
    void open() {
        arena = Arena.ofConfined();
    }

    @AfterEach
    void close() {
        arena.close();
    }

    /// S(m, n, o)[i][j] = sin(o + i n + j).
    private Dense s(int m, int n, double o) {
        Dense d = Dense.allocate(arena, m, n);
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                d.set(i, j, Math.sin(o + i * n + j));
            }
        }
        return d;
    }

    /// C(m, n, f)[i][j] = cos(f (i + 1)(j + 1)).
    private Dense c(int m, int n, double f) {
        Dense d = Dense.allocate(arena, m, n);
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                d.set(i, j, Math.cos(f * (i + 1) * (j + 1)));
            }
        }
        return d;
    }

    private Factors random(int out, int in, int rank, double scaling) {
        RandomGenerator g = RandomGenerator.of("L64X128MixRandom");
        double[] a = g.doubles((long) rank * in, -1, 1).toArray();
        double[] b = g.doubles((long) out * rank, -1, 1).toArray();
        return new Factors(Dense.of(arena, a, rank, in), Dense.of(arena, b, out, rank), scaling);
    }

    private static void near(double want, double got) {
        assertEquals(want, got, TOLERANCE * Math.max(1, Math.abs(want)));
    }

    private static void near(double[] want, double[] got, int count) {
        assertArrayEquals(want, Arrays.copyOf(got, count), TOLERANCE * 10);
    }

    // --- section 1: DoRA

    @Test
    void magnitudesOfDora() {
        Dense w = s(3, 4, 1);
        double[] m = new double[3];
        for (int o = 0; o < 3; o++) {
            m[o] = Math.sqrt(w.rows(o, 1).squares());
        }
        near(new double[] {1.458616, 1.551796, 1.324270}, m, 3);
        Dense v = w.copy(arena).add(new Factors(s(1, 4, 9), s(3, 1, 5), 0.5).delta(arena), 1);
        Magnitudes.apply(v.rows(0, 2), 0, m);
        Magnitudes.apply(v.rows(2, 1), 2, m);
        near(new double[] {0.603914, 1.097511, 0.582061, -0.468533}, v.row(0), 4);
        near(new double[] {-0.935661, -0.187235, 0.733334, 0.979679}, v.row(1), 4);
        // A is parallel to W's last row: its direction stays, and so, by m, its length.
        assertArrayEquals(w.row(2), v.row(2), 1e-12);
    }

    // --- section 2: spectra

    @Test
    void spectrumThroughTheCore() {
        Factors f = new Factors(s(2, 5, 20), s(6, 2, 1), 2);
        DeltaSpectrum d = DeltaSpectrum.of(f, arena);
        near(new double[] {8.366148, 2.803659}, d.values(), 2);
        DeltaSpectrum.Measures m = d.measures();
        near(8.823431, m.frobenius());
        near(1.756696, m.effectiveRank());
        near(1.387079, m.energyEffectiveRank());
        near(1.112305, m.stableRank());
        near(1.221813, m.participationRatio());
        double[] dense = f.delta(arena).decompose(arena).values();
        assertEquals(dense[0], d.values()[0], 1e-10);
        assertEquals(dense[1], d.values()[1], 1e-10);
    }

    @Test
    void measuresOfGivenSpectra() {
        double[][] spectra = {{4, 3, 2, 1}, {1, 1, 0, 0}, {10, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1}, {1, 1e-9, 0, 0}};
        double[][] want = {{3.596115, 2.940198, 1.875, 3}, {2, 2, 2, 2}, {2.211631, 1.177849, 1.03, 1}, {8, 8, 8, 8}, {1.0000000217, 1, 1, 1}};
        for (int i = 0; i < spectra.length; i++) {
            DeltaSpectrum.Measures m = DeltaSpectrum.Measures.of(spectra[i]);
            near(want[i], new double[] {m.effectiveRank(), m.energyEffectiveRank(), m.stableRank(), m.rank90()}, 4);
        }
        assertEquals(1.0000000217, DeltaSpectrum.Measures.of(spectra[4]).effectiveRank(), 1e-10);
        assertEquals(new DeltaSpectrum.Measures(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), DeltaSpectrum.Measures.of(new double[3]));
    }

    /// Wide, tall, square, and of more ranks than the layer has rows: U diag(sigma) V^T is the delta, and vectors are orthonormal.
    @Test
    void vectorsRebuildTheDelta() {
        for (int[] shape : new int[][] {{9, 31, 4}, {31, 9, 4}, {12, 12, 12}, {5, 30, 8}, {30, 5, 8}, {4, 3, 9}, {1, 7, 1}}) {
            Factors f = random(shape[0], shape[1], shape[2], 0.7);
            DeltaSpectrum d = DeltaSpectrum.of(f, arena);
            int k = Math.min(shape[2], Math.min(shape[0], shape[1]));
            assertEquals(k, d.values().length);
            Dense scaled = d.right().copy(arena);
            for (int i = 0; i < k; i++) {
                scaled.rows(i, 1).scale(d.values()[i]);
                assertTrue(i == 0 || d.values()[i] <= d.values()[i - 1]);
            }
            assertArrayEquals(f.delta(arena).toArray(), d.left().times(arena, scaled).toArray(), 1e-12, Arrays.toString(shape));
            Dense gram = d.left().times(arena, true, d.left(), false);
            for (int i = 0; i < k; i++) {
                for (int j = 0; j < k; j++) {
                    assertEquals(i == j ? 1 : 0, gram.get(i, j), 1e-12);
                }
                double largest = 0;
                for (int o = 0; o < shape[0]; o++) {
                    largest = Math.abs(d.left().get(o, i)) > Math.abs(largest) + 1e-9 ? d.left().get(o, i) : largest;
                }
                assertTrue(largest > 0, "the largest entry of a left vector is positive");
            }
        }
    }

    @Test
    void aDeltaOfZerosHasNoRank() {
        DeltaSpectrum d = DeltaSpectrum.of(new Factors(s(3, 8, 1), Dense.allocate(arena, 6, 3), 2), arena);
        assertArrayEquals(new double[3], d.values());
        assertEquals(0, d.numericalRank());
        StoredComponents c = StoredComponents.of(new Factors(s(3, 8, 1), Dense.allocate(arena, 6, 3), 2), arena);
        assertArrayEquals(new double[3], c.share());
    }

    // --- section 3: components

    @Test
    void normProductsAndShares() {
        Factors f = new Factors(s(2, 5, 20), s(6, 2, 1), 2);
        StoredComponents c = StoredComponents.of(f, arena);
        near(new double[] {6.316135, 4.965560}, c.normProduct(), 2);
        near(64.550351, c.normProduct()[0] * c.normProduct()[0] + c.normProduct()[1] * c.normProduct()[1]);
        near(1.206081, c.interference());
        assertEquals(1, c.share()[0] + c.share()[1], 1e-12);
        // share_i = s b_i . (dW a_i) / |dW|^2, by the delta itself.
        Dense delta = f.delta(arena);
        for (int i = 0; i < 2; i++) {
            double sum = 0;
            for (int o = 0; o < 6; o++) {
                for (int j = 0; j < 5; j++) {
                    sum += f.scaling() * f.b().get(o, i) * delta.get(o, j) * f.a().get(i, j);
                }
            }
            assertEquals(sum / delta.squares(), c.share()[i], 1e-12);
        }
    }

    @Test
    void spearmanOfRanks() {
        assertEquals(1, StoredComponents.spearman(new double[] {1, 2, 3}, new double[] {10, 20, 40}), 1e-12);
        assertEquals(-1, StoredComponents.spearman(new double[] {1, 2, 3}, new double[] {3, 2, 1}), 1e-12);
        // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 4]) = 0.9486832980505138
        assertEquals(0.9486832980505138, StoredComponents.spearman(new double[] {1, 2, 2, 4}, new double[] {1, 3, 2, 4}), 1e-12);
        assertTrue(Double.isNaN(StoredComponents.spearman(new double[] {1, 1}, new double[] {1, 2})));
    }

    @Test
    void beamGates() {
        double[] g = {0, 0.01, -0.02, 0.03};
        near(new double[] {0.848565, 1.036439, 0.568810, 1.546186}, BeamGates.weights(g, 0.05), 4);
        near(new double[] {0.710819, 0.992028, 0.364947, 1.932206}, BeamGates.weights(g, 0.03), 4);
        long[] steps = {0, 3000, 6000, 9000, 12344, 18000, 24000, 24688};
        double[] thresholds = {0.95, 0.951800, 0.956940, 0.964680, 0.975, 0.991480, 0.999904, 1.0};
        for (int i = 0; i < steps.length; i++) {
            near(thresholds[i], BeamGates.threshold(steps[i], 24688));
        }
        double[][] w = {BeamGates.weights(new double[] {0.05, 0, -0.05, -0.20}, 0.05), BeamGates.weights(new double[4], 0.05)};
        near(new double[] {2.649090, 0.974546, 0.358515, 0.017849}, w[0], 4);
        boolean[][] none = new boolean[2][4];
        boolean[][] twoLast = {{false, false, true, true}, new boolean[4]};
        // Three would go; at most half of a module's may.
        assertArrayEquals(twoLast, BeamGates.pruned(w, 0.95));
        assertArrayEquals(twoLast, BeamGates.pruned(w, 0.975));
        assertArrayEquals(twoLast, BeamGates.pruned(w, 0.99));
        assertArrayEquals(none, BeamGates.pruned(w, 1));
    }

    @Test
    void adaLoraSensitivity() {
        Sensitivity s = new Sensitivity();
        Sensitivities all = new Sensitivities(3, arena);
        double[][] steps = {{0.5, 0.2, 0.015, 0.01275, 1.9125e-4}, {0.48, -0.1, 0.01995, 0.015045, 3.001477e-4}, {0.5, 0.3, 0.0394575, 0.029369625, 1.158852e-3}};
        for (double[] step : steps) {
            s.step(step[0], step[1]);
            assertEquals(step[2], s.mean(), 1e-9);
            assertEquals(step[3], s.uncertainty(), 1e-9);
            assertEquals(step[4], s.score(), 1e-9);
            all.step(1, step[0], step[1]);
            assertEquals(step[4], all.score(1), 1e-9);
        }
        assertEquals(0, all.score(0));
        assertEquals(0, all.score(2));
        double[][] budgets = {{0, 12}, {199, 12}, {300, 10.048}, {450, 8.5}, {600, 8.032}, {700, 8}, {999, 8}};
        for (double[] b : budgets) {
            assertEquals(b[1], Sensitivity.budget(12, 8, (long) b[0], 200, 300, 1000), 1e-9, "step " + b[0]);
        }
        assertEquals(0.5 + 2 + 1, Sensitivity.triplet(0.5, new double[] {1, 3}, new double[] {1, 1, 1}), 1e-12);
    }

    // --- section 4: alignment

    @Test
    void amplificationAndSimilarity() {
        Dense w = c(8, 6, 0.7);
        Factors f = new Factors(s(2, 6, 11), s(8, 2, 3), 1);
        DeltaSpectrum d = DeltaSpectrum.of(f, arena);
        LeadingVectors leading = LeadingVectors.of(BaseWeight.of(w), 2, arena);
        near(new double[] {2.993827, 2.633238, 2.118411, 0.803996, 0.113018, 0.112985}, leading.values(), 6);
        near(4.588742, leading.frobenius());
        near(5.969414, d.measures().frobenius());
        Alignment a = Alignment.of(d, BaseWeight.of(w), leading, arena);
        near(0.765982, a.projection());
        near(7.793148, a.amplification());
        near(5.969414 / 3.987097, a.ownAmplification());
        double[][] left = Subspaces.similarity(d.left(), leading.left(), arena);
        assertArrayEquals(new double[] {0.3214, 0.7605, 0.7621, 0.7755}, Arrays.copyOf(left[0], 4), 5e-5);
        assertArrayEquals(new double[] {0.4149, 0.4917, 0.4929, 0.5002}, Arrays.copyOf(left[1], 4), 5e-5);
        near(0.491735, a.left()[1][1]);
        near(0.455822, a.right()[1][1]);
        double[] angles = Subspaces.angles(d.left(), leading.left().firstColumns(arena, 2), arena);
        near(7.387519, angles[0]);
        near(89.920413, angles[1]);
        // The profile, by the delta itself.
        Dense delta = f.delta(arena);
        Dense y = delta.times(arena, false, leading.right(), true);
        Dense x = leading.left().times(arena, true, delta, false);
        double inside = 0;
        for (int k = 0; k < 6; k++) {
            double in = 0;
            double response = 0;
            for (int o = 0; o < 8; o++) {
                in += y.get(o, k) * y.get(o, k);
                response += leading.left().get(o, k) * y.get(o, k);
            }
            inside += x.rows(k, 1).squares();
            assertEquals(in, a.injected()[k], 1e-12);
            assertEquals(response, a.response()[k], 1e-12);
            assertEquals(1 - inside / delta.squares(), a.tail()[k + 1], 1e-12);
        }
    }

    @Test
    void intruderDimensions() {
        Dense w = c(8, 6, 0.7);
        LeadingVectors base = LeadingVectors.of(BaseWeight.of(w), 6, arena);
        // e_8 less its projection on the column space of W, of length 1.
        double[] e = new double[8];
        e[7] = 1;
        for (int k = 0; k < 6; k++) {
            for (int o = 0; o < 8; o++) {
                e[o] -= base.left().get(o, k) * base.left().get(7, k);
            }
        }
        double norm = Math.sqrt(Arrays.stream(e).map(v -> v * v).sum());
        double[] strengths = {0.5, 6, 2};
        double[][] values = {{2.993827, 2.639879, 2.118412, 0.928089}, {6.135420, 2.993826, 2.436560, 2.118410}, null};
        for (int i = 0; i < strengths.length; i++) {
            Dense tuned = w.copy(arena);
            for (int o = 0; o < 8; o++) {
                for (int j = 0; j < 6; j++) {
                    tuned.set(o, j, tuned.get(o, j) + strengths[i] * e[o] / norm / Math.sqrt(6));
                }
            }
            Intruders found = Intruders.of(tuned, base, 6, arena);
            if (values[i] != null) {
                near(values[i], found.values(), 4);
            }
            switch (i) {
                case 0 -> assertEquals(0, found.count(3, 0.5));
                case 1 -> {
                    near(new double[] {0.184622, 1.000000, 0.975617}, found.best(), 3);
                    assertEquals(1, found.count(3, 0.5));
                }
                default -> {
                    near(0.462849, found.best()[3]);
                    assertEquals(0, found.count(3, 0.5));
                    assertEquals(1, found.count(4, 0.5));
                }
            }
        }
    }

    /// A weight too large to be decomposed at once: the streamed vectors are those of the dense decomposition.
    @Test
    void streamedLeadingVectors() {
        RandomGenerator g = RandomGenerator.of("L64X128MixRandom");
        int out = 560;
        int in = 600;
        Factors strong = random(out, in, 5, 1);
        Dense w = strong.delta(arena);
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                w.set(o, i, w.get(o, i) + 1e-3 * g.nextGaussian());
            }
        }
        LeadingVectors streamed = LeadingVectors.of(BaseWeight.of(w), 4, arena);
        assertEquals(4, streamed.values().length);
        assertEquals(Math.sqrt(w.squares()), streamed.frobenius(), 1e-9);
        Dense.Decomposed dense = w.copy(arena).decompose(arena);
        Dense cross = streamed.left().times(arena, true, dense.left(), false);
        for (int k = 0; k < 4; k++) {
            assertEquals(dense.values()[k], streamed.values()[k], 1e-8 * dense.values()[0]);
            assertEquals(1, Math.abs(cross.get(k, k)), 1e-8);
        }
    }

    // --- section 5: two adapters

    @Test
    void twoAdapters() {
        Factors one = new Factors(s(2, 6, 11), s(8, 2, 3), 1);
        Factors two = new Factors(s(2, 6, 15), s(8, 2, 6), 1);
        ModuleComparison c = ModuleComparison.of(one, two, arena);
        near(0.639906, c.cosine());
        Dense d1 = one.delta(arena);
        Dense d2 = two.delta(arena);
        double inner = 0;
        for (int i = 0; i < 48; i++) {
            inner += d1.toArray()[i] * d2.toArray()[i];
        }
        assertEquals(inner / Math.sqrt(d1.squares() * d2.squares()), c.cosine(), 1e-10);
        assertEquals(0.25, c.signConflict(), 1e-12);
        assertEquals(4, c.shared());
        assertEquals(0, c.trimmedConflict(), 1e-12);
        ModuleComparison self = ModuleComparison.of(one, new Factors(one.a(), one.b(), -3), arena);
        assertEquals(-1, self.cosine(), 1e-12);
        assertEquals(1, self.overlap(), 1e-12);
        assertEquals(1, self.signConflict(), 1e-12);
        // An angle comes from its cosine, so near 0 half the digits are lost.
        assertEquals(0, self.leftAngles()[1], 1e-5);
    }

    // --- section 6: initialisations

    @Test
    void pissaTakesTheLargestValues() {
        Dense w = c(8, 6, 0.7);
        Factors start = StartFactors.pissa(w, 2, 1, arena);
        near(3.987097, Math.sqrt(start.delta(arena).squares()));
        double[] rest = w.copy(arena).add(start.delta(arena), -1).decompose(arena).values();
        near(new double[] {2.118411, 0.803996, 0.113018, 0.112985, 0}, rest, 5);
        Factors scaled = StartFactors.pissa(w, 2, 4, arena);
        assertArrayEquals(start.delta(arena).toArray(), scaled.delta(arena).toArray(), 1e-12);
    }

    @Test
    void oloraTakesTheFirstRowsOfR() {
        Dense w = c(8, 6, 0.7);
        Factors whole = StartFactors.olora(w, 6, 1, arena);
        assertArrayEquals(w.toArray(), whole.delta(arena).toArray(), 1e-12);
        // What is left has nothing in the space of the first columns of Q, nor of W.
        Dense rest = w.copy(arena).add(StartFactors.olora(w, 2, 1, arena).delta(arena), -1);
        assertEquals(0, rest.times(arena, true, w.firstColumns(arena, 2), false).squares(), 1e-20);
    }

    @Test
    void whatWasTakenFromTheBaseIsGivenBack() {
        Factors now = random(7, 9, 3, 2);
        Factors start = new Factors(s(3, 9, 1), s(7, 3, 2), 2);
        Factors both = StartFactors.onOriginal(now, start, arena);
        assertEquals(6, both.rank());
        assertArrayEquals(now.delta(arena).add(start.delta(arena), -1).toArray(), both.delta(arena).toArray(), 1e-12);
    }

    // --- section 7: compression

    @Test
    void truncation() {
        double[][] spectrum = {{5, 3, 1, 0.5}};
        near(0.188311, RankBudget.error(spectrum, new int[] {2}));
        near(0.964539, DeltaSpectrum.Measures.energy(spectrum[0])[2]);
        Factors f = random(9, 12, 4, 1.5);
        DeltaSpectrum d = DeltaSpectrum.of(f, arena);
        assertArrayEquals(f.delta(arena).toArray(), StartFactors.truncated(d, 4, 3, arena).delta(arena).toArray(), 1e-12);
        double lost = Math.sqrt(f.delta(arena).add(StartFactors.truncated(d, 2, 3, arena).delta(arena), -1).squares());
        assertEquals(Math.hypot(d.values()[2], d.values()[3]), lost, 1e-12);
    }

    @Test
    void budgetsTakeTheCheapestFirst() {
        double[][] spectra = {{5, 3, 1}, {4, 0.5}};
        long[] cost = {10, 1};
        int[] removals = RankBudget.removals(spectra, cost);
        // Energy per parameter: module 0 has 2.5, 0.9, 0.1, module 1 has 16 and 0.25.
        assertArrayEquals(new int[] {0, 1, 0, 0, 1}, removals);
        assertArrayEquals(new int[] {1, 1}, RankBudget.after(spectra, removals, 3));
        assertArrayEquals(new int[] {2, 2}, RankBudget.uniform(spectra, 2));
        assertArrayEquals(new int[] {2, 1}, RankBudget.energy(spectra, 0.95));
    }

    @Test
    void solarCoefficients() {
        Dense w = c(8, 6, 0.7);
        Factors f = new Factors(s(2, 6, 11), s(8, 2, 3), 1);
        LeadingVectors leading = LeadingVectors.of(BaseWeight.of(w), 6, arena);
        SolarBasis basis = SolarBasis.of(leading, 4, 0.05, 7, arena);
        // 8 and 6 vectors span everything: all coefficients give the delta back.
        Dense z = basis.coefficients(f, arena);
        assertEquals(8, z.rows());
        assertEquals(6, z.columns());
        Dense delta = f.delta(arena);
        double[] errors = SolarBasis.errors(z, Math.sqrt(delta.squares()));
        assertEquals(1, errors[0], 1e-12);
        assertEquals(0, errors[48], 1e-7);
        for (int t = 0; t < 48; t++) {
            assertTrue(errors[t + 1] <= errors[t]);
        }
        assertArrayEquals(delta.toArray(), basis.rebuild(z, 48, arena).toArray(), 1e-12);
        double off = Math.sqrt(delta.copy(arena).add(basis.rebuild(z, 9, arena), -1).squares() / delta.squares());
        assertEquals(errors[9], off, 1e-10);
        assertArrayEquals(z.toArray(), SolarBasis.of(leading, 4, 0.05, 7, arena).coefficients(f, arena).toArray());
    }

    /// SplitMix64 from its published test vector (seed 1234567: first output 6457827717110365317), then Box-Muller by hand.
    @Test
    void gaussiansAreTheSameEverywhere() {
        Gaussians g = new Gaussians(1234567);
        double u = ((6457827717110365317L >>> 11) + 1) * 0x1.0p-53;
        double v = (3203168211198807973L >>> 11) * 0x1.0p-53;
        assertEquals(Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v), g.next(), 1e-12);
        assertEquals(Math.sqrt(-2 * Math.log(u)) * Math.sin(2 * Math.PI * v), g.next(), 1e-12);
    }
}
