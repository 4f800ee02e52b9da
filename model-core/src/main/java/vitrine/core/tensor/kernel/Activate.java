package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import vitrine.core.tensor.Activation;
import vitrine.core.tensor.Matrix;

/// Applies activation functions to whole matrices.
public final class Activate {

    private static final float SQRT_HALF = 0.70710678f;
    private static final float SQRT_2_OVER_PI = 0.79788456f;
    private static final Warmth WARMTH = new Warmth();

    private Activate() {}

    /// `x = f(x)`.
    public static void apply(Activation f, Matrix x) {
        applyGated(f, x, null);
    }

    /// `x = f(x) * u`, the gated form; `u` may be null.
    public static void applyGated(Activation f, Matrix x, Matrix u) {
        boolean hasVectors = switch (f) {
            case SILU, GELU, GELU_TANH, QUICK_GELU -> true;
            case RELU, RELU_SQUARED, TANH -> false;
        };
        if (hasVectors && WARMTH.takesVectors(x, rows -> vectors(f, rows, u == null ? null : rows))) {
            vectors(f, x, u);
        } else {
            plain(f, x, u);
        }
    }

    static void plain(Activation f, Matrix x, Matrix u) {
        Plain.rows(x, 1, (v, r) -> {
            switch (f) {
                case SILU, QUICK_GELU, GELU_TANH -> {
                    float a = linear(f);
                    float b = cubic(f);
                    for (int i = 0; i < v.length; i++) {
                        v[i] = v[i] * Lanes.sigmoid((v[i] * v[i] * b + a) * v[i]);
                    }
                }
                case GELU -> {
                    for (int i = 0; i < v.length; i++) {
                        v[i] = v[i] * 0.5f * (Lanes.erf(v[i] * SQRT_HALF) + 1f);
                    }
                }
                case RELU, RELU_SQUARED, TANH -> {
                    for (int i = 0; i < v.length; i++) {
                        float t = Math.max(v[i], 0f);
                        v[i] = f == Activation.TANH ? (float) Math.tanh(v[i]) : f == Activation.RELU ? t : t * t;
                    }
                }
            }
            if (u != null) {
                float[] w = u.row(r);
                for (int i = 0; i < v.length; i++) {
                    v[i] *= w[i];
                }
            }
        });
    }

    static void vectors(Activation f, Matrix x, Matrix u) {
        Parallel.over(x.rows(), 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                MemorySegment gate = u == null ? null : u.data();
                long gateAt = u == null ? 0 : u.rowOffset(r);
                if (f == Activation.GELU) {
                    geluRow(x.data(), x.rowOffset(r), x.columns(), gate, gateAt);
                } else {
                    sigmoidRow(x.data(), x.rowOffset(r), x.columns(), linear(f), cubic(f), gate, gateAt);
                }
            }
        });
    }

    /// SiLU and both approximations of GELU are x sigmoid(a x + b x^3), since 0.5 (1 + tanh z) is sigmoid(2 z). This is a.
    private static float linear(Activation f) {
        return f == Activation.SILU ? 1f : f == Activation.QUICK_GELU ? 1.702f : 2 * SQRT_2_OVER_PI;
    }

    private static float cubic(Activation f) {
        return f == Activation.GELU_TANH ? 2 * SQRT_2_OVER_PI * 0.044715f : 0f;
    }

    private static void sigmoidRow(MemorySegment s, long o, int n, float a, float b, MemorySegment u, long uo) {
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            FloatVector v = Lanes.load(s, o + 4L * i);
            v = v.mul(Lanes.sigmoid(v.mul(v).mul(b).add(a).mul(v)));
            if (u != null) {
                v = v.mul(Lanes.load(u, uo + 4L * i));
            }
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            FloatVector v = Lanes.load(s, o + 4L * i, m);
            v = v.mul(Lanes.sigmoid(v.mul(v).mul(b).add(a).mul(v)));
            if (u != null) {
                v = v.mul(Lanes.load(u, uo + 4L * i, m));
            }
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
        }
    }

    private static void geluRow(MemorySegment s, long o, int n, MemorySegment u, long uo) {
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            FloatVector v = Lanes.load(s, o + 4L * i);
            v = v.mul(0.5f).mul(Lanes.erf(v.mul(SQRT_HALF)).add(1f));
            if (u != null) {
                v = v.mul(Lanes.load(u, uo + 4L * i));
            }
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            FloatVector v = Lanes.load(s, o + 4L * i, m);
            v = v.mul(0.5f).mul(Lanes.erf(v.mul(SQRT_HALF)).add(1f));
            if (u != null) {
                v = v.mul(Lanes.load(u, uo + 4L * i, m));
            }
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
        }
    }
}
