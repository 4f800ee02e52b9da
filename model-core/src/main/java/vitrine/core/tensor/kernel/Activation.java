package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import vitrine.core.tensor.Matrix;

/// Activation functions of feed-forward blocks.
public enum Activation {
    /// x sigmoid(x), also called swish.
    SILU,
    /// x Phi(x) with the error function.
    GELU,
    /// The tanh approximation of GELU (`gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`).
    GELU_TANH,
    /// x sigmoid(1.702 x).
    QUICK_GELU,
    RELU,
    /// relu(x)^2.
    RELU_SQUARED,
    TANH;

    private static final float SQRT_HALF = 0.70710678f;
    private static final float SQRT_2_OVER_PI = 0.79788456f;
    private static final Warmth WARMTH = new Warmth();

    /// `x = f(x)`.
    public void apply(Matrix x) {
        applyGated(x, null);
    }

    /// `x = f(x) * u`, the gated form; `u` may be null.
    public void applyGated(Matrix x, Matrix u) {
        boolean hasVectors = this == SILU || this == GELU || this == GELU_TANH || this == QUICK_GELU;
        if (hasVectors && WARMTH.takesVectors(x.size())) {
            vectors(x, u);
        } else {
            plain(x, u);
        }
    }

    void plain(Matrix x, Matrix u) {
        Plain.rows(x, 1, (v, r) -> {
            switch (this) {
                case SILU, QUICK_GELU, GELU_TANH -> {
                    float a = linear();
                    float b = cubic();
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
                        v[i] = this == TANH ? (float) Math.tanh(v[i]) : this == RELU ? t : t * t;
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

    void vectors(Matrix x, Matrix u) {
        Parallel.over(x.rows(), 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                MemorySegment gate = u == null ? null : u.data();
                long gateAt = u == null ? 0 : u.rowOffset(r);
                if (this == GELU) {
                    geluRow(x.data(), x.rowOffset(r), x.columns(), gate, gateAt);
                } else {
                    sigmoidRow(x.data(), x.rowOffset(r), x.columns(), linear(), cubic(), gate, gateAt);
                }
            }
        });
    }

    /// SiLU and both approximations of GELU are x sigmoid(a x + b x^3), since 0.5 (1 + tanh z) is sigmoid(2 z). This is a.
    private float linear() {
        return this == SILU ? 1f : this == QUICK_GELU ? 1.702f : 2 * SQRT_2_OVER_PI;
    }

    private float cubic() {
        return this == GELU_TANH ? 2 * SQRT_2_OVER_PI * 0.044715f : 0f;
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
