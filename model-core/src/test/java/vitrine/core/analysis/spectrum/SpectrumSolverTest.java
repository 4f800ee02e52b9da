package vitrine.core.analysis.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.onednn.OneDnn;
import vitrine.core.tensor.openblas.OpenBlas;

/// Singular values against those of LAPACK's gesvd in float64, on spectra of many kinds.
class SpectrumSolverTest {

    private final SpectrumSolver solver = new SpectrumSolver(null, null);

    @AfterEach
    void close() {
        solver.close();
    }

    private static double[] spectrum(int r, IntToDoubleFunction f) {
        return IntStream.rangeClosed(1, r).mapToDouble(f).toArray();
    }

    /// The kinds of spectra that [ErrorBound] was calibrated on, and what they are stored as.
    static Stream<Named> kinds() {
        Map<String, Dense> kinds = new LinkedHashMap<>();
        for (int[] shape : new int[][] {{150, 150}, {400, 120}, {120, 400}}) {
            int m = shape[0];
            int n = shape[1];
            int r = Math.min(m, n);
            String of = " " + m + "x" + n;
            kinds.put("gaussian" + of, Dense.gaussian(m, n, 1));
            Dense shifted = Dense.gaussian(m, n, 2);
            kinds.put("gaussian with a mean" + of, Dense.of(Arrays.stream(shifted.values()).map(v -> v + 1).toArray(), m, n));
            for (double a : new double[] {0.5, 1, 1.5, 2, 3}) {
                kinds.put("power " + a + of, Dense.ofSpectrum(spectrum(r, k -> Math.pow(k, -a)), m, n, 3));
            }
            for (double d : new double[] {0.03, 0.1, 0.3}) {
                kinds.put("decay " + d + of, Dense.ofSpectrum(spectrum(r, k -> Math.exp(-d * k)), m, n, 4));
            }
            for (int k : new int[] {1, 8, r / 2}) {
                int rank = k;
                kinds.put("rank " + k + of, Dense.ofSpectrum(spectrum(r, i -> i <= rank ? 1 + 1.0 / i : 0), m, n, 5));
            }
            kinds.put("one large" + of, Dense.ofSpectrum(spectrum(r, k -> k == 1 ? 100 : 1), m, n, 6));
            kinds.put("one huge" + of, Dense.ofSpectrum(spectrum(r, k -> k == 1 ? 1e4 : 1), m, n, 7));
            for (double low : new double[] {1e-3, 3e-4, 1e-6, 1e-9}) {
                kinds.put("two levels " + low + of, Dense.ofSpectrum(spectrum(r, k -> k <= r / 2 ? 1 : low), m, n, 8));
            }
            Dense gaussian = Dense.gaussian(m, n, 9);
            double[] empty = gaussian.values().clone();
            for (int i = 0; i < empty.length; i++) {
                empty[i] = i % n % 3 == 0 || i / n % 4 == 1 ? 0 : empty[i];
            }
            kinds.put("empty rows and columns" + of, Dense.of(empty, m, n));
        }
        return kinds.entrySet().stream().flatMap(e -> Stream.of(DType.F64, DType.F32, DType.BF16, DType.F16).map(t -> new Named(e.getKey() + " " + t, e.getValue().as(t))));
    }

    record Named(String name, Dense matrix) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static double effectiveRank(double[] s) {
        return SpectralMeasures.of(s, s.length, s.length).effectiveRank();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void keepsItsPromise(Named kind) {
        double[] truth = kind.matrix.singularValues();
        double rank = effectiveRank(truth);
        Solved.Values exact = assertInstanceOf(Solved.Values.class, solver.solve(kind.matrix, Accuracy.exact, SpectrumSolver.Work.UNWATCHED));
        assertEquals(Accuracy.exact, exact.accuracy());
        assertNull(exact.note());
        assertEquals(rank, effectiveRank(exact.values()), 1e-6 * rank, exact.method());
        for (int i = 0; i < truth.length; i++) {
            assertEquals(truth[i], exact.values()[i], 2e-8 * truth[0], "value " + i + ", " + exact.method());
        }
        Solved.Values fast = assertInstanceOf(Solved.Values.class, solver.solve(kind.matrix, Accuracy.fast, SpectrumSolver.Work.UNWATCHED));
        assertEquals(rank, effectiveRank(fast.values()), 1e-3 * rank, fast.method());
        assertEquals(fast.accuracy() == Accuracy.fast, fast.note() == null, "a fall back says why");
    }

    @Test
    void fastIsFastOnOrdinaryWeightsAndFallsBackOnLowRank() {
        Dense ordinary = Dense.gaussian(300, 200, 1).as(DType.BF16);
        Solved.Values v = (Solved.Values) solver.solve(ordinary, Accuracy.fast, SpectrumSolver.Work.UNWATCHED);
        assertEquals(Accuracy.fast, v.accuracy());
        assertEquals(effectiveRank(ordinary.singularValues()), effectiveRank(v.values()), 2e-6 * 200);
        Dense low = Dense.ofSpectrum(spectrum(8, k -> 1), 300, 200, 2).as(DType.F32);
        Solved.Values fallen = (Solved.Values) solver.solve(low, Accuracy.fast, SpectrumSolver.Work.UNWATCHED);
        assertEquals(Accuracy.exact, fallen.accuracy());
        assertTrue(fallen.method().contains("decomposition"), fallen.method());
        assertNotNull(fallen.note());
        assertEquals(Accuracy.exact, ((Solved.Values) solver.solve(Dense.gaussian(50, 40, 1), Accuracy.fast, SpectrumSolver.Work.UNWATCHED)).accuracy(), "float64 values");
    }

    /// Products of stored bfloat16 values, tall and wide, against the same in float32.
    @ParameterizedTest
    @MethodSource("halfShapes")
    void bfloat16ProductsGiveTheSame(int[] shape) {
        OneDnn dnnl = OneDnn.openOrNull();
        if (dnnl == null) {
            return;
        }
        Dense values = Dense.gaussian(shape[0], shape[1], 12).as(DType.BF16);
        MatrixValues stored = Stored.of(values);
        try (SpectrumSolver halves = new SpectrumSolver(dnnl, null)) {
            Solved.Values v = (Solved.Values) halves.solve(stored, Accuracy.fast, SpectrumSolver.Work.UNWATCHED);
            assertEquals(Accuracy.fast, v.accuracy());
            double[] truth = values.singularValues();
            assertEquals(effectiveRank(truth), effectiveRank(v.values()), 1e-5 * effectiveRank(truth));
            for (int i = 0; i < truth.length; i++) {
                assertEquals(truth[i], v.values()[i], 1e-3 * truth[0], "value " + i);
            }
        }
    }

    static Stream<int[]> halfShapes() {
        return Stream.of(new int[] {600, 530}, new int[] {530, 600}, new int[] {64, 64}, new int[] {9000, 520}, new int[] {40, 9000});
    }

    @Test
    void transposingAndScalingAndTurningChangeNoRank() {
        Dense a = Dense.gaussian(90, 60, 3);
        double rank = effectiveRank(values(a));
        assertEquals(rank, effectiveRank(values(a.transposed())), 1e-10);
        for (double factor : new double[] {1e-180, 1e-120, 3, -7, 1e120, 1e180}) {
            assertEquals(rank, effectiveRank(values(a.times(factor))), 1e-10, "times " + factor);
            assertEquals(values(a)[0] * Math.abs(factor), values(a.times(factor))[0], 1e-10 * values(a)[0] * Math.abs(factor));
        }
        for (double factor : new double[] {1e-30, 1e-18, 1e18, 1e30}) {
            Dense f = a.times(factor).as(DType.F32);
            Solved.Values v = (Solved.Values) solver.solve(f, Accuracy.fast, SpectrumSolver.Work.UNWATCHED);
            assertEquals(rank, effectiveRank(v.values()), 1e-3 * rank, "float32 times " + factor + ": " + v.method());
        }
        // Q A with Q a reflection.
        double[] turned = a.values().clone();
        double[] u = Dense.gaussian(1, 90, 4).values();
        Vectors.scale(1 / Vectors.norm(u), u);
        for (int j = 0; j < 60; j++) {
            double along = 0;
            for (int i = 0; i < 90; i++) {
                along += u[i] * a.values()[i * 60 + j];
            }
            for (int i = 0; i < 90; i++) {
                turned[i * 60 + j] -= 2 * along * u[i];
            }
        }
        assertEquals(rank, effectiveRank(values(Dense.of(turned, 90, 60))), 1e-10);
    }

    private double[] values(MatrixValues m) {
        return ((Solved.Values) solver.solve(m, Accuracy.exact, SpectrumSolver.Work.UNWATCHED)).values();
    }

    /// The method page's demonstration of why a Gram matrix is taken in float64: five values from 1 to 1e-5 on cosine bases, stored as float32.
    @Test
    void smallValuesSurviveAFloat64GramMatrixOnly() {
        double[] values = new double[8 * 5];
        for (int k = 0; k < 5; k++) {
            for (int i = 0; i < 8; i++) {
                for (int j = 0; j < 5; j++) {
                    values[i * 5 + j] += Math.pow(10, k == 0 ? 0 : -1 - k) * cosine(8, i, k) * cosine(5, j, k);
                }
            }
        }
        Dense stored = Dense.of(values, 8, 5).as(DType.F32);
        double[] wanted = {1, 1e-2, 1e-3, 9.9999e-5, 9.994e-6};
        for (Accuracy accuracy : new Accuracy[] {Accuracy.exact, Accuracy.fast}) {
            Solved.Values solved = assertInstanceOf(Solved.Values.class, solver.solve(stored, accuracy, SpectrumSolver.Work.UNWATCHED));
            assertEquals(Accuracy.exact, solved.accuracy(), "fast sees that it would be wrong");
            for (int k = 0; k < 5; k++) {
                assertEquals(wanted[k], solved.values()[k], 1e-3 * wanted[k]);
            }
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment gram = arena.allocate(4 * 25);
            for (int a = 0; a < 5; a++) {
                for (int b = 0; b <= a; b++) {
                    float sum = 0;
                    for (int i = 0; i < 8; i++) {
                        sum += (float) values[i * 5 + a] * (float) values[i * 5 + b];
                    }
                    gram.setAtIndex(ValueLayout.JAVA_FLOAT, a * 5L + b, sum);
                }
            }
            double[] eigenvalues = OpenBlas.open().eigenvaluesFloat(gram, 5);
            double last = Math.sqrt(Math.max(0, eigenvalues[0]));
            assertTrue(Math.abs(last - 1e-5) > 5e-6, "in float32 the last one is noise: " + last);
        }
    }

    private static double cosine(int n, int i, int k) {
        return Math.sqrt((k == 0 ? 1.0 : 2.0) / n) * Math.cos(Math.PI * (2 * i + 1) * k / (2.0 * n));
    }

    @Test
    void productsOfLowRankHaveThatRank() {
        for (int k : new int[] {1, 2, 5, 20}) {
            Dense a = Dense.ofSpectrum(spectrum(k, i -> 1), 80, 50, k);
            double[] s = values(a);
            SpectralMeasures m = SpectralMeasures.of(s, 80, 50);
            assertEquals(k, m.effectiveRank(), 1e-6 * k);
            assertEquals(k, m.numericalRank());
            assertEquals(k, m.stableRank(), 1e-9);
        }
    }

    @Test
    void oddShapes() {
        assertEquals(5, values(Dense.of(new double[] {3, 0, -4}, 1, 3))[0], 1e-15);
        assertEquals(5, values(Dense.of(new double[] {3, 0, -4}, 3, 1))[0], 1e-15);
        assertEquals(2, values(Dense.of(new double[] {-2}, 1, 1))[0], 1e-15);
        assertEquals(0, Arrays.stream(values(Dense.of(new double[12], 4, 3))).sum());
        assertEquals("all values are 0", ((Solved.Values) solver.solve(Dense.of(new double[12], 4, 3), Accuracy.fast, SpectrumSolver.Work.UNWATCHED)).method());
        assertEquals(0, assertInstanceOf(Solved.Absent.class, solver.solve(Dense.of(new double[0], 0, 7), Accuracy.exact, SpectrumSolver.Work.UNWATCHED)).nonFinite());
        assertInstanceOf(Solved.Absent.class, solver.solve(Dense.of(new double[0], 7, 0), Accuracy.fast, SpectrumSolver.Work.UNWATCHED));
    }

    @Test
    void valuesThatAreNotFiniteAreCounted() {
        for (Accuracy accuracy : Accuracy.values()) {
            for (DType type : new DType[] {DType.F64, DType.F32}) {
                double[] v = Dense.gaussian(20, 10, 1).values();
                v[7] = Double.NaN;
                v[100] = Double.POSITIVE_INFINITY;
                v[199] = Double.NEGATIVE_INFINITY;
                Solved.Absent a = assertInstanceOf(Solved.Absent.class, solver.solve(new Dense(type, 20, 10, v), accuracy, SpectrumSolver.Work.UNWATCHED));
                assertEquals(3, a.nonFinite());
                assertTrue(a.reason().contains("3 of its values are not finite"), a.reason());
            }
        }
    }

    /// More rows, and more columns, than a block or a step of the factorisation holds.
    @Test
    void longMatricesAreSolvedInBlocks() {
        double[] s = spectrum(24, k -> Math.pow(10, -k / 2.0));
        Dense tall = Dense.ofSpectrum(s, 200_000, 24, 5);
        Solved.Values v = (Solved.Values) solver.solve(tall, Accuracy.exact, SpectrumSolver.Work.UNWATCHED);
        assertTrue(v.method().contains("decomposition"), v.method());
        for (int i = 0; i < s.length; i++) {
            assertEquals(s[i], v.values()[i], 1e-14 * s[0] + 1e-9 * s[i], "value " + i);
        }
        Solved.Values wide = (Solved.Values) solver.solve(tall.transposed(), Accuracy.exact, SpectrumSolver.Work.UNWATCHED);
        for (int i = 0; i < s.length; i++) {
            assertEquals(s[i], wide.values()[i], 1e-14 * s[0] + 1e-9 * s[i], "value " + i);
        }
        double[] plain = spectrum(24, k -> 1.0 / k);
        assertEquals(effectiveRank(plain), effectiveRank(values(Dense.ofSpectrum(plain, 200_000, 24, 6))), 1e-9);
        Solved.Values fast = (Solved.Values) solver.solve(Dense.ofSpectrum(plain, 400_000, 24, 6).as(DType.F32), Accuracy.fast, SpectrumSolver.Work.UNWATCHED);
        assertEquals(Accuracy.fast, fast.accuracy());
        assertEquals(effectiveRank(plain), effectiveRank(fast.values()), 1e-6 * effectiveRank(plain));
    }

    @Test
    void workAddsUp() {
        double[] done = {0};
        solver.solve(Dense.gaussian(4000, 300, 1), Accuracy.exact, units -> done[0] += units);
        double cost = SpectrumSolver.cost(4000, 300, Accuracy.exact);
        assertTrue(done[0] > 0.8 * cost && done[0] <= cost * 1.0001, done[0] + " of " + cost);
    }

    @Test
    void aDifferenceIsSolvedLikeAMatrix() {
        Dense a = Dense.gaussian(40, 30, 1);
        Dense delta = Dense.ofSpectrum(new double[] {3, 2, 1}, 40, 30, 2);
        double[] sum = a.values().clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += delta.values()[i];
        }
        double[] s = values(new MatrixDifference(Dense.of(sum, 40, 30), a));
        assertEquals(3, s[0], 1e-12);
        assertEquals(2, s[1], 1e-12);
        assertEquals(1, s[2], 1e-12);
        assertEquals(0, s[3], 1e-12);
        assertEquals(0, values(new MatrixDifference(a, a))[0]);
    }
}
