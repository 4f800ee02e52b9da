package vitrine.core.tensor.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.tensor.Activation;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.StoredValues;

/// Each kernel against float64 arithmetic, and its two forms against each other: they must agree to the bit.
class KernelsTest {

    private final Arena arena = Arena.ofAuto();
    private final Random random = new Random(7);

    private Matrix random(int rows, int columns, double scale) {
        Matrix m = Matrix.allocate(arena, rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                m.set(r, c, (float) (random.nextGaussian() * scale));
            }
        }
        return m;
    }

    private Matrix copy(Matrix m) {
        Matrix c = Matrix.allocate(arena, m.rows(), m.columns());
        c.copyFrom(m);
        return c;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33, 48, 160, 517})
    void normsAgreeWithFloat64AndWithEachOther(int columns) {
        Matrix x = random(9, columns, 3);
        Matrix weight = random(1, columns, 1);
        Matrix bias = random(1, columns, 1);
        for (boolean centred : new boolean[] {false, true}) {
            MemorySegment b = centred ? bias.data() : null;
            Matrix plain = Matrix.allocate(arena, 9, columns);
            Matrix vectors = Matrix.allocate(arena, 9, columns);
            Normalise.plain(x, plain, centred, weight.data(), 1f, b, 1e-5f);
            Normalise.vectors(x, vectors, centred, weight.data(), 1f, b, 1e-5f);
            assertArrayEquals(plain.toArray(), vectors.toArray());
            for (int r = 0; r < 9; r++) {
                double mean = 0;
                for (int c = 0; centred && c < columns; c++) {
                    mean += x.get(r, c) / (double) columns;
                }
                double variance = 0;
                for (int c = 0; c < columns; c++) {
                    variance += Math.pow(x.get(r, c) - mean, 2) / columns;
                }
                for (int c = 0; c < columns; c++) {
                    double want = (x.get(r, c) - mean) / Math.sqrt(variance + 1e-5f) * (weight.get(0, c) + 1.0) + (centred ? bias.get(0, c) : 0);
                    assertEquals(want, plain.get(r, c), 2e-5 * Math.max(1, Math.abs(want)));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void activationsAgreeWithFloat64(Activation f) {
        DoubleUnaryOperator want = switch (f) {
            case SILU -> v -> v / (1 + Math.exp(-v));
            case QUICK_GELU -> v -> v / (1 + Math.exp(-1.702 * v));
            case GELU_TANH -> v -> 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
            case GELU -> v -> 0.5 * v * (1 + erf(v / Math.sqrt(2)));
            case RELU -> v -> Math.max(v, 0);
            case RELU_SQUARED -> v -> v > 0 ? v * v : 0;
            case TANH -> Math::tanh;
        };
        Matrix x = random(5, 333, 3);
        Matrix u = random(5, 333, 1);
        Matrix plain = copy(x);
        Activate.plain(f, plain, u);
        for (int r = 0; r < 5; r++) {
            for (int c = 0; c < 333; c++) {
                double exact = want.applyAsDouble(x.get(r, c)) * u.get(r, c);
                assertEquals(exact, plain.get(r, c), 2e-6 * Math.max(1, Math.abs(exact)), f + " at " + x.get(r, c));
            }
        }
        if (f != Activation.RELU && f != Activation.RELU_SQUARED && f != Activation.TANH) {
            Matrix vectors = copy(x);
            Activate.vectors(f, vectors, u);
            assertArrayEquals(plain.toArray(), vectors.toArray());
        }
    }

    /// The error function by its Maclaurin series, exact to float64 for |x| below 6 as used here.
    private static double erf(double x) {
        if (Math.abs(x) > 5) {
            return Math.signum(x);
        }
        double term = x;
        double sum = x;
        for (int n = 1; n < 200; n++) {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }
        return 2 / Math.sqrt(Math.PI) * sum;
    }

    @Test
    void softmaxRowsSumToOneAndMaskedEntriesAreZero() {
        for (Attend.Rule rule : new Attend.Rule[] {
            new Attend.Rule(0.3f, 0f, true, 0, Float.NaN), new Attend.Rule(0.3f, 5f, true, 7, Float.NaN),
            new Attend.Rule(1f, 0f, false, 0, Float.NaN), new Attend.Rule(0.3f, 0f, true, 0, 0.5f),
            new Attend.Rule(0.3f, 0f, true, 0, Float.NaN, 0, new Attend.Bias(biases(45), true)), new Attend.Rule(0.3f, 0f, true, 7, 0.5f, 0, new Attend.Bias(biases(60), true)),
            new Attend.Rule(0.3f, 0f, true, 0, Float.NaN, 0, new Attend.Bias(biases(45), false)), new Attend.Rule(0.3f, 0f, true, 0, Float.NaN, 10, new Attend.Bias(biases(49), false).from(4))}) {
            Matrix x = random(45, 45, 6);
            Matrix plain = copy(x);
            Matrix vectors = copy(x);
            Attend.plain(plain, rule, 0);
            Attend.vectors(vectors, rule, 0);
            assertArrayEquals(plain.toArray(), vectors.toArray());
            for (int i = 0; i < 45; i++) {
                double total = 0;
                for (int j = rule.firstKey(i); j < rule.endKey(i, 45); j++) {
                    total += Math.exp(score(x.get(i, j), rule) + bias(rule, i, j));
                }
                total += Float.isNaN(rule.sink()) ? 0 : Math.exp(rule.sink());
                double sum = 0;
                for (int j = 0; j < 45; j++) {
                    boolean visible = j >= rule.firstKey(i) && j < rule.endKey(i, 45);
                    double want = visible ? Math.exp(score(x.get(i, j), rule) + bias(rule, i, j)) / total : 0;
                    assertEquals(want, plain.get(i, j), visible ? 2e-6 : 0);
                    sum += plain.get(i, j);
                }
                if (Float.isNaN(rule.sink())) {
                    assertEquals(1, sum, 1e-5);
                } else {
                    assertTrue(sum < 1);
                }
            }
        }
    }

    /// Falls by a half a step, with kinks, so that shifted by a place it gives other weights.
    private static float[] biases(int n) {
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = 0.5f * (i - n + 1) + 0.4f * (float) Math.sin(i);
        }
        return out;
    }

    private static double bias(Attend.Rule rule, int query, int key) {
        if (rule.bias() == null) {
            return 0;
        }
        float[] values = rule.bias().values();
        return rule.bias().byDistance() ? values[values.length - 1 - (query - key)] : values[key] - values[query];
    }

    private static double score(double raw, Attend.Rule rule) {
        double s = raw * rule.scale();
        return rule.softCap() == 0 ? s : rule.softCap() * Math.tanh(s / rule.softCap());
    }

    @Test
    void scoresThenUnscaledSoftmaxIsSoftmax() {
        scoresThenUnscaledSoftmax(new Attend.Rule(0.3f, 5f, true, 9, Float.NaN));
        scoresThenUnscaledSoftmax(new Attend.Rule(0.3f, 0f, true, 9, Float.NaN, 0, new Attend.Bias(biases(40), true)));
    }

    private void scoresThenUnscaledSoftmax(Attend.Rule rule) {
        Matrix x = random(40, 40, 6);
        Matrix once = copy(x);
        Attend.plain(once, rule, 0);
        Matrix twice = copy(x);
        Attend.scores(twice, rule, 0);
        assertEquals(Float.NEGATIVE_INFINITY, twice.get(3, 4));
        Attend.plain(twice, rule.unscaled(), 0);
        assertArrayEquals(once.toArray(), twice.toArray());
    }

    @Test
    void likelihoodIsLogSumExpMinusTarget() {
        Matrix x = random(4, 10_007, 4);
        int[] targets = {0, 10_006, -1, 512};
        double[] got = Likelihood.negativeLog(x, targets);
        for (int r = 0; r < 4; r++) {
            if (targets[r] < 0) {
                assertTrue(Double.isNaN(got[r]));
                continue;
            }
            double sum = 0;
            for (int c = 0; c < x.columns(); c++) {
                sum += Math.exp(x.get(r, c));
            }
            assertEquals(Math.log(sum) - x.get(r, targets[r]), got[r], 1e-5);
            assertEquals(Likelihood.plainLogSumExp(x.row(r)), Likelihood.vectorLogSumExp(x, r));
        }
    }

    @Test
    void rotationKeepsLengthsAndBothFormsAgree() {
        Matrix x = random(6, 3 * 40, 1);
        Matrix cos = Matrix.allocate(arena, 6, 16);
        Matrix sin = Matrix.allocate(arena, 6, 16);
        for (int t = 0; t < 6; t++) {
            for (int i = 0; i < 16; i++) {
                cos.set(t, i, (float) Math.cos(t * Math.pow(10, -i / 8.0)));
                sin.set(t, i, (float) Math.sin(t * Math.pow(10, -i / 8.0)));
            }
        }
        Matrix plain = copy(x);
        Rotary.plain(plain, 3, 40, cos.data(), sin.data(), 16, false);
        if (16 % Lanes.N == 0) {
            Matrix vectors = copy(x);
            Rotary.vectors(vectors, 3, 40, cos.data(), sin.data(), 16);
            assertArrayEquals(plain.toArray(), vectors.toArray());
        }
        assertArrayEquals(x.row(0), plain.row(0), "position 0 does not turn");
        for (int h = 0; h < 3; h++) {
            assertEquals(x.get(5, h * 40 + 35), plain.get(5, h * 40 + 35), "values past the rotated ones stay");
            for (int i = 0; i < 16; i++) {
                double before = Math.hypot(x.get(5, h * 40 + i), x.get(5, h * 40 + 16 + i));
                double after = Math.hypot(plain.get(5, h * 40 + i), plain.get(5, h * 40 + 16 + i));
                assertEquals(before, after, 1e-6);
            }
        }
    }

    @Test
    void elementwiseFormsAgree() {
        Matrix x = random(8, 45, 2);
        Matrix y = random(8, 45, 2);
        Matrix sum = copy(x);
        Elementwise.add(sum, y, 0.25f);
        assertEquals(x.get(3, 4) + y.get(3, 4) * 0.25f, sum.get(3, 4));
        Matrix vectors = copy(x);
        Elementwise.addVectors(vectors, y, 0.25f);
        assertArrayEquals(sum.toArray(), vectors.toArray());
    }

    @Test
    void exponentialIsWithinTwoUlps() {
        for (float x = -87; x < 88; x += 0.0137f) {
            double exact = Math.exp(x);
            assertEquals(exact, Lanes.exp(x), 2 * Math.ulp((float) exact), "exp " + x);
        }
    }

    @Test
    void storedTypesWiden() {
        assertEquals(1.5, widened(DType.BF16, new byte[] {(byte) 0xC0, 0x3F}));
        assertEquals(-2.5, widened(DType.F16, new byte[] {0x00, (byte) 0xC1}));
        assertEquals(448, widened(DType.F8_E4M3, new byte[] {0x7E}));
        assertEquals(Math.scalb(1, -9), widened(DType.F8_E4M3, new byte[] {0x01}));
        assertTrue(Double.isNaN(widened(DType.F8_E4M3, new byte[] {(byte) 0xFF})));
        assertEquals(57344, widened(DType.F8_E5M2, new byte[] {0x7B}));
        assertEquals(Double.NEGATIVE_INFINITY, widened(DType.F8_E5M2, new byte[] {(byte) 0xFC}));
        assertEquals(255, widened(DType.U8, new byte[] {-1}));
        assertEquals(-1, widened(DType.I8, new byte[] {-1}));
        assertEquals(4294967295.0, widened(DType.U32, new byte[] {-1, -1, -1, -1}));
        assertEquals(0.1, widened(DType.F64, java.nio.ByteBuffer.allocate(8).order(java.nio.ByteOrder.LITTLE_ENDIAN).putDouble(0.1).array()));
    }

    private static double widened(DType t, byte[] bytes) {
        return StoredValues.at(t, MemorySegment.ofArray(bytes), 0);
    }

    @Test
    void bfloat16WidensExactlyInAnyPlace() {
        int n = 70_001;
        MemorySegment s = arena.allocate(2L * n + 2, 2);
        byte[] raw = new byte[2 * n + 2];
        random.nextBytes(raw);
        MemorySegment.copy(raw, 0, s, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, raw.length);
        Matrix parallel = Matrix.allocate(arena, 1, n);
        Matrix plain = Matrix.allocate(arena, 1, n);
        Matrix vectors = Matrix.allocate(arena, 1, n);
        Widen.toFloat(DType.BF16, s, 1, n, parallel.data());
        Widen.plain(s, 1, 0, n, plain.data());
        Widen.vectors(s, 1, 0, n, vectors.data());
        for (int i = 0; i < n; i++) {
            float want = (float) StoredValues.at(DType.BF16, s, i + 1);
            for (Matrix got : new Matrix[] {parallel, plain, vectors}) {
                assertEquals(want, got.get(0, i), "value " + i);
            }
        }
    }
}
