package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import vitrine.core.tensor.Matrix;

/// Sums, scalings and activation functions of whole matrices.
public final class Elementwise {

    private static final int LEAST_ROWS = 4;
    private static final float SQRT_HALF = 0.70710678f;
    private static final float SQRT_2_OVER_PI = 0.79788456f;

    private Elementwise() {}

    /// Activation functions of feed-forward blocks, by what Hugging Face configs call them.
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
    }

    /// `x += b`, a row vector added to every row.
    public static void addBias(Matrix x, MemorySegment bias) {
        if (x.size() < Lanes.WORTHWHILE) {
            float[] b = Plain.values(bias, x.columns());
            plain(x, (v, r) -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] += b[i];
                }
            });
            return;
        }
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                long o = x.rowOffset(r);
                int i = 0;
                for (; i <= x.columns() - Lanes.N; i += Lanes.N) {
                    Lanes.load(x.data(), o + 4L * i).add(Lanes.load(bias, 4L * i)).intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER);
                }
                if (i < x.columns()) {
                    VectorMask<Float> m = Lanes.tail(i, x.columns());
                    Lanes.load(x.data(), o + 4L * i, m).add(Lanes.load(bias, 4L * i, m))
                            .intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER, m);
                }
            }
        });
    }

    /// `x += scale * y`.
    public static void add(Matrix x, Matrix y, float scale) {
        if (x.size() < Lanes.WORTHWHILE) {
            plain(x, (v, r) -> {
                float[] w = y.row(r);
                for (int i = 0; i < v.length; i++) {
                    v[i] += w[i] * scale;
                }
            });
            return;
        }
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                long xo = x.rowOffset(r);
                long yo = y.rowOffset(r);
                int i = 0;
                for (; i <= x.columns() - Lanes.N; i += Lanes.N) {
                    FloatVector a = Lanes.load(x.data(), xo + 4L * i);
                    FloatVector b = Lanes.load(y.data(), yo + 4L * i);
                    (scale == 1f ? a.add(b) : a.add(b.mul(scale))).intoMemorySegment(x.data(), xo + 4L * i, Lanes.ORDER);
                }
                if (i < x.columns()) {
                    VectorMask<Float> m = Lanes.tail(i, x.columns());
                    Lanes.load(x.data(), xo + 4L * i, m).add(Lanes.load(y.data(), yo + 4L * i, m).mul(scale))
                            .intoMemorySegment(x.data(), xo + 4L * i, Lanes.ORDER, m);
                }
            }
        });
    }

    /// `x *= scale`.
    public static void scale(Matrix x, float scale) {
        if (x.size() < Lanes.WORTHWHILE) {
            plain(x, (v, r) -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] *= scale;
                }
            });
            return;
        }
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                long o = x.rowOffset(r);
                int i = 0;
                for (; i <= x.columns() - Lanes.N; i += Lanes.N) {
                    Lanes.load(x.data(), o + 4L * i).mul(scale).intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER);
                }
                if (i < x.columns()) {
                    VectorMask<Float> m = Lanes.tail(i, x.columns());
                    Lanes.load(x.data(), o + 4L * i, m).mul(scale).intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER, m);
                }
            }
        });
    }

    /// `x = cap * tanh(x / cap)`, as Gemma 2 bounds its logits.
    public static void softCap(Matrix x, float cap) {
        if (x.size() < Lanes.WORTHWHILE) {
            plain(x, (v, r) -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] = (float) (cap * Math.tanh(v[i] / cap));
                }
            });
            return;
        }
        Parallel.over(x.rows(), 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                long o = x.rowOffset(r);
                int i = 0;
                for (; i <= x.columns() - Lanes.N; i += Lanes.N) {
                    Lanes.tanh(Lanes.load(x.data(), o + 4L * i).div(cap)).mul(cap).intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER);
                }
                if (i < x.columns()) {
                    VectorMask<Float> m = Lanes.tail(i, x.columns());
                    Lanes.tanh(Lanes.load(x.data(), o + 4L * i, m).div(cap)).mul(cap)
                            .intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER, m);
                }
            }
        });
    }

    /// `x = f(x)`.
    public static void activate(Matrix x, Activation f) {
        activate(x, f, null);
    }

    /// `x = f(x) * u`, the gated form.
    public static void activateGated(Matrix x, Activation f, Matrix u) {
        activate(x, f, u);
    }

    private static void activate(Matrix x, Activation f, Matrix u) {
        if (x.size() < Lanes.WORTHWHILE) {
            plain(x, (v, r) -> {
                float[] w = u == null ? null : u.row(r);
                for (int i = 0; i < v.length; i++) {
                    double y = value(f, v[i]);
                    v[i] = (float) (w == null ? y : y * w[i]);
                }
            });
            return;
        }
        Parallel.over(x.rows(), 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                switch (f) {
                    case SILU -> sigmoidRow(x, r, 1f, 0f, u);
                    case QUICK_GELU -> sigmoidRow(x, r, 1.702f, 0f, u);
                    // 0.5 (1 + tanh z) is sigmoid(2 z)
                    case GELU_TANH -> sigmoidRow(x, r, 2 * SQRT_2_OVER_PI, 2 * SQRT_2_OVER_PI * 0.044715f, u);
                    case GELU -> geluRow(x, r, u);
                    case RELU, RELU_SQUARED, TANH -> simpleRow(x, r, f, u);
                }
            }
        });
    }

    /// What one row of a small matrix becomes.
    @FunctionalInterface
    private interface RowChange {
        void apply(float[] values, int row);
    }

    private static void plain(Matrix x, RowChange change) {
        for (int r = 0; r < x.rows(); r++) {
            float[] v = x.row(r);
            change.apply(v, r);
            Plain.put(x, r, v);
        }
    }

    /// An activation function of one value, in float64 but for the error function.
    private static double value(Activation f, float x) {
        return switch (f) {
            case SILU -> x / (1 + Math.exp(-x));
            case QUICK_GELU -> x / (1 + Math.exp(-1.702 * x));
            case GELU_TANH -> 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
            case GELU -> 0.5 * x * (1 + erf(x / Math.sqrt(2)));
            case RELU -> Math.max(x, 0f);
            case RELU_SQUARED -> x > 0 ? x * x : 0;
            case TANH -> Math.tanh(x);
        };
    }

    private static double erf(double x) {
        return org.apache.commons.math3.special.Erf.erf(x);
    }

    /// `x = x sigmoid(a x + b x^3)`, which is SiLU, quick GELU or the tanh form of GELU.
    private static void sigmoidRow(Matrix x, int row, float a, float b, Matrix u) {
        MemorySegment s = x.data();
        long o = x.rowOffset(row);
        long uo = u == null ? 0 : u.rowOffset(row);
        int n = x.columns();
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            FloatVector v = Lanes.load(s, o + 4L * i);
            FloatVector y = v.mul(Lanes.sigmoid(v.mul(v).mul(b).add(a).mul(v)));
            if (u != null) {
                y = y.mul(Lanes.load(u.data(), uo + 4L * i));
            }
            y.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            FloatVector v = Lanes.load(s, o + 4L * i, m);
            FloatVector y = v.mul(Lanes.sigmoid(v.mul(v).mul(b).add(a).mul(v)));
            if (u != null) {
                y = y.mul(Lanes.load(u.data(), uo + 4L * i, m));
            }
            y.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
        }
    }

    private static void geluRow(Matrix x, int row, Matrix u) {
        MemorySegment s = x.data();
        long o = x.rowOffset(row);
        long uo = u == null ? 0 : u.rowOffset(row);
        int n = x.columns();
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            FloatVector v = Lanes.load(s, o + 4L * i);
            FloatVector y = v.mul(0.5f).mul(Lanes.erf(v.mul(SQRT_HALF)).add(1f));
            if (u != null) {
                y = y.mul(Lanes.load(u.data(), uo + 4L * i));
            }
            y.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            FloatVector v = Lanes.load(s, o + 4L * i, m);
            FloatVector y = v.mul(0.5f).mul(Lanes.erf(v.mul(SQRT_HALF)).add(1f));
            if (u != null) {
                y = y.mul(Lanes.load(u.data(), uo + 4L * i, m));
            }
            y.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
        }
    }

    private static void simpleRow(Matrix x, int row, Activation f, Matrix u) {
        for (int c = 0; c < x.columns(); c++) {
            float v = x.get(row, c);
            float y = switch (f) {
                case RELU -> Math.max(v, 0f);
                case RELU_SQUARED -> v > 0 ? v * v : 0f;
                default -> (float) Math.tanh(v);
            };
            x.set(row, c, u == null ? y : y * u.get(row, c));
        }
    }

    /// Per row: ln of the sum of e^x, and the value at `target[row]`; their difference is the loss in nats of that target.
    ///
    /// @param targets one column per row, -1 where a row has none (its loss is NaN)
    /// @return the losses, float64 `[rows]`
    public static double[] negativeLogLikelihood(Matrix logits, int[] targets) {
        double[] losses = new double[logits.rows()];
        Parallel.over(logits.rows(), 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                losses[r] = targets[r] < 0 ? Double.NaN : logSumExp(logits, r) - logits.get(r, targets[r]);
            }
        });
        return losses;
    }

    /// ln of the sum of e^x over a row, in float64 from float32 partial sums.
    public static double logSumExp(Matrix x, int row) {
        long o = x.rowOffset(row);
        int n = x.columns();
        FloatVector top = FloatVector.broadcast(Lanes.F, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            top = top.max(Lanes.load(x.data(), o + 4L * i));
        }
        float max = top.reduceLanes(VectorOperators.MAX);
        for (int t = i; t < n; t++) {
            max = Math.max(max, x.get(row, t));
        }
        if (n < Lanes.WORTHWHILE / 16) {
            double sum = 0;
            for (float v : x.row(row)) {
                sum += Math.exp(v - max);
            }
            return max + Math.log(sum);
        }
        double total = 0;
        FloatVector part = FloatVector.zero(Lanes.F);
        int flush = 0;
        for (i = 0; i <= n - Lanes.N; i += Lanes.N) {
            part = part.add(Lanes.exp(Lanes.load(x.data(), o + 4L * i).sub(max)));
            if (++flush == 256) {
                total += part.reduceLanes(VectorOperators.ADD);
                part = FloatVector.zero(Lanes.F);
                flush = 0;
            }
        }
        total += part.reduceLanes(VectorOperators.ADD);
        for (; i < n; i++) {
            total += Math.exp(x.get(row, i) - max);
        }
        return max + Math.log(total);
    }
}
