package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import vitrine.core.tensor.Activation;
import vitrine.core.tensor.Matrix;

/// Gradients of the kernels of the forward pass.
///
/// Legend: L the loss; for a value x, dx is dL/dx. Rows are shared among threads; sums over rows are shared by columns, each from the first row
/// to the last: the order of additions, and so every bit, is the same with any number of threads.
public final class Derivatives {

    /// Fewer values are not worth sharing among threads.
    private static final int LEAST_VALUES = 32_768;
    private static final int LANES = 16;
    private static final float SQRT_HALF = 0.70710678f;
    private static final float INV_SQRT_2_PI = 0.39894228f;
    private static final float SQRT_2_OVER_PI = 0.79788456f;

    private Derivatives() {}

    /// How many rows (or columns) of so many values are worth a thread.
    private static int least(int values) {
        return Math.max(4, LEAST_VALUES / Math.max(1, values));
    }

    // --- norms

    /// dx of [Normalise#rms] and [Normalise#layer].
    ///
    /// @param x what was normalised; `dy` the gradient of the result; `dx` is written
    /// @param centred whether the mean was taken away
    public static void norm(Matrix x, Matrix dy, Matrix dx, boolean centred, MemorySegment weight, float offset, float eps) {
        int n = x.columns();
        float[] w = Plain.values(weight, n);
        Parallel.over(x.rows(), least(x.columns()), (from, to) -> {
            for (int r = from; r < to; r++) {
                float[] v = x.row(r);
                float[] g = dy.row(r);
                float mean = centred ? (float) (sum(v) / n) : 0f;
                float scale = scale(v, mean, eps);
                for (int i = 0; i < n; i++) {
                    v[i] = (v[i] - mean) * scale;
                    g[i] = w == null ? g[i] : g[i] * (w[i] + offset);
                }
                float along = (float) (dot(g, v) / n);
                float level = centred ? (float) (sum(g) / n) : 0f;
                for (int i = 0; i < n; i++) {
                    g[i] = (g[i] - level - v[i] * along) * scale;
                }
                Plain.put(dx, r, g);
            }
        });
    }

    /// Adds to dweight and dbias of a norm, float32 `[columns]`; either may be null.
    public static void normWeights(Matrix x, Matrix dy, boolean centred, float eps, MemorySegment dWeight, MemorySegment dBias) {
        int n = x.columns();
        float[] means = new float[x.rows()];
        float[] scales = new float[x.rows()];
        Parallel.over(x.rows(), least(x.columns()), (from, to) -> {
            for (int r = from; r < to; r++) {
                float[] v = x.row(r);
                means[r] = centred ? (float) (sum(v) / n) : 0f;
                scales[r] = scale(v, means[r], eps);
            }
        });
        Parallel.over(n, least(x.rows()), (from, to) -> {
            double[] w = new double[to - from];
            double[] b = new double[to - from];
            float[] v = new float[to - from];
            float[] g = new float[to - from];
            for (int r = 0; r < x.rows(); r++) {
                MemorySegment.copy(x.data(), JAVA_FLOAT, x.rowOffset(r) + 4L * from, v, 0, v.length);
                MemorySegment.copy(dy.data(), JAVA_FLOAT, dy.rowOffset(r) + 4L * from, g, 0, g.length);
                for (int i = 0; i < v.length; i++) {
                    w[i] += g[i] * ((v[i] - means[r]) * scales[r]);
                    b[i] += g[i];
                }
            }
            add(dWeight, from, w);
            add(dBias, from, b);
        });
    }

    private static float scale(float[] v, float mean, float eps) {
        float[] partial = new float[LANES];
        int i = 0;
        for (; i <= v.length - LANES; i += LANES) {
            for (int l = 0; l < LANES; l++) {
                float d = v[i + l] - mean;
                partial[l] += d * d;
            }
        }
        double total = Lanes.sum(partial);
        for (; i < v.length; i++) {
            float d = v[i] - mean;
            total += d * d;
        }
        return (float) (1 / Math.sqrt(total / v.length + eps));
    }

    private static double sum(float[] v) {
        float[] partial = new float[LANES];
        int i = 0;
        for (; i <= v.length - LANES; i += LANES) {
            for (int l = 0; l < LANES; l++) {
                partial[l] += v[i + l];
            }
        }
        double total = Lanes.sum(partial);
        for (; i < v.length; i++) {
            total += v[i];
        }
        return total;
    }

    private static double dot(float[] a, float[] b) {
        float[] partial = new float[LANES];
        int i = 0;
        for (; i <= a.length - LANES; i += LANES) {
            for (int l = 0; l < LANES; l++) {
                partial[l] += a[i + l] * b[i + l];
            }
        }
        double total = Lanes.sum(partial);
        for (; i < a.length; i++) {
            total += a[i] * b[i];
        }
        return total;
    }

    private static void add(MemorySegment to, int from, double[] values) {
        for (int i = 0; i < values.length && to != null; i++) {
            to.setAtIndex(JAVA_FLOAT, from + i, (float) (to.getAtIndex(JAVA_FLOAT, from + i) + values[i]));
        }
    }

    // --- sums

    /// `sums += the sum of dy's rows`, float32 `[columns]`: the gradient of a bias.
    public static void addColumnSums(Matrix dy, MemorySegment sums) {
        Parallel.over(dy.columns(), least(dy.rows()), (from, to) -> {
            double[] total = new double[to - from];
            float[] g = new float[to - from];
            for (int r = 0; r < dy.rows(); r++) {
                MemorySegment.copy(dy.data(), JAVA_FLOAT, dy.rowOffset(r) + 4L * from, g, 0, g.length);
                for (int i = 0; i < g.length; i++) {
                    total[i] += g[i];
                }
            }
            add(sums, from, total);
        });
    }

    /// `sums[j] += sum over rows of a[r, j] b[r, j]`.
    public static void addColumnProducts(Matrix a, Matrix b, float factor, MemorySegment sums) {
        Parallel.over(a.columns(), least(a.rows()), (from, to) -> {
            double[] total = new double[to - from];
            for (int r = 0; r < a.rows(); r++) {
                for (int i = from; i < to; i++) {
                    total[i - from] += (double) a.get(r, i) * b.get(r, i) * factor;
                }
            }
            add(sums, from, total);
        });
    }

    /// The inner product of each row of `a` with the same row of `b`.
    public static double[] rowProducts(Matrix a, Matrix b) {
        double[] out = new double[a.rows()];
        Parallel.over(a.rows(), least(a.columns()), (from, to) -> {
            for (int r = from; r < to; r++) {
                out[r] = dot(a.row(r), b.row(r));
            }
        });
        return out;
    }

    /// `x[r, j] *= factors[j]`.
    public static void scaleColumns(Matrix x, float[] factors) {
        Plain.rows(x, least(x.columns()), (v, r) -> {
            for (int i = 0; i < v.length; i++) {
                v[i] *= factors[i];
            }
        });
    }

    // --- activations

    /// `dx = dy f'(x)`; `dx` may be `dy`.
    public static void activation(Activation f, Matrix x, Matrix dy, Matrix dx) {
        Parallel.over(x.rows(), least(x.columns()) / 4, (from, to) -> {
            float[] slope = new float[x.columns()];
            for (int r = from; r < to; r++) {
                float[] v = x.row(r);
                float[] g = dy.row(r);
                valueAndSlope(f, v, slope);
                for (int i = 0; i < g.length; i++) {
                    g[i] *= slope[i];
                }
                Plain.put(dx, r, g);
            }
        });
    }

    /// Gradients of `f(gate) up`: `dGate = dy up f'(gate)`, `dUp = dy f(gate)`; they may be strided.
    public static void gated(Activation f, Matrix gate, Matrix up, Matrix dy, Matrix dGate, Matrix dUp) {
        Parallel.over(gate.rows(), least(gate.columns()) / 4, (from, to) -> {
            float[] slope = new float[gate.columns()];
            for (int r = from; r < to; r++) {
                float[] v = gate.row(r);
                float[] u = up.row(r);
                float[] g = dy.row(r);
                valueAndSlope(f, v, slope);
                for (int i = 0; i < g.length; i++) {
                    float d = g[i];
                    slope[i] = d * u[i] * slope[i];
                    v[i] = d * v[i];
                }
                Plain.put(dGate, r, slope);
                Plain.put(dUp, r, v);
            }
        });
    }

    /// `v = f(v)` and `slope = f'(v)`.
    private static void valueAndSlope(Activation f, float[] v, float[] slope) {
        switch (f) {
            case SILU, QUICK_GELU, GELU_TANH -> {
                float a = f == Activation.SILU ? 1f : f == Activation.QUICK_GELU ? 1.702f : 2 * SQRT_2_OVER_PI;
                float b = f == Activation.GELU_TANH ? 2 * SQRT_2_OVER_PI * 0.044715f : 0f;
                for (int i = 0; i < v.length; i++) {
                    float x = v[i];
                    float s = Lanes.sigmoid((x * x * b + a) * x);
                    v[i] = x * s;
                    slope[i] = s + x * s * (1f - s) * (a + 3f * b * x * x);
                }
            }
            case GELU -> {
                for (int i = 0; i < v.length; i++) {
                    float x = v[i];
                    float half = 0.5f * (Lanes.erf(x * SQRT_HALF) + 1f);
                    v[i] = x * half;
                    slope[i] = half + x * INV_SQRT_2_PI * Lanes.exp(-0.5f * x * x);
                }
            }
            case RELU -> {
                for (int i = 0; i < v.length; i++) {
                    slope[i] = v[i] > 0f ? 1f : 0f;
                    v[i] = Math.max(v[i], 0f);
                }
            }
            case RELU_SQUARED -> {
                for (int i = 0; i < v.length; i++) {
                    float t = Math.max(v[i], 0f);
                    slope[i] = 2 * t;
                    v[i] = t * t;
                }
            }
            case TANH -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] = (float) Math.tanh(v[i]);
                    slope[i] = 1 - v[i] * v[i];
                }
            }
        }
    }

    /// `dx = dx` where `x` lies between `least` and `most`, else 0: the gradient of a clamp.
    public static void clamp(Matrix x, Matrix dx, float least, float most) {
        Plain.rows(dx, least(dx.columns()), (g, r) -> {
            float[] v = x.row(r);
            for (int i = 0; i < g.length; i++) {
                g[i] = v[i] < least || v[i] > most ? 0f : g[i];
            }
        });
    }

    // --- attention

    /// Gradients of raw products from those of attention weights, in place: `dS = scale P (dP - sum over keys of P dP)`.
    ///
    /// @param p attention weights `[queries, keys]`
    /// @param dp gradients of them, which become those of the raw products; what is hidden gets 0
    /// @param capped scores after the soft cap, or null where there is none
    /// @return per row the sum of P dP, for the gradient of a sink
    public static float[] attention(Matrix p, Matrix dp, Attend.Rule rule, int firstQuery, Matrix capped) {
        float[] sums = new float[p.rows()];
        Parallel.over(p.rows(), least(p.columns()), (from, to) -> {
            for (int r = from; r < to; r++) {
                float[] weights = p.row(r);
                float[] g = dp.row(r);
                float along = (float) dot(weights, g);
                for (int i = 0; i < g.length; i++) {
                    g[i] = weights[i] * (g[i] - along) * rule.scale();
                }
                if (capped != null) {
                    float[] c = capped.row(r);
                    int first = rule.firstKey(firstQuery + r);
                    int end = rule.endKey(firstQuery + r, g.length);
                    for (int i = first; i < end; i++) {
                        float t = c[i] / rule.softCap();
                        g[i] *= 1f - t * t;
                    }
                }
                Plain.put(dp, r, g);
                sums[r] = along;
            }
        });
        return sums;
    }

    // --- the loss

    /// Cross entropies of targets from rows of logits; rows become gradients of the weighted sum of the losses where `weight` is not 0.
    ///
    /// @param logits `[rows, vocabulary]`; becomes `weight (softmax(logits) - onehot(target))`
    /// @param targets one column per row
    /// @return -ln p of each target, nats
    public static double[] crossEntropy(Matrix logits, int[] targets, float weight) {
        double[] losses = new double[logits.rows()];
        Parallel.over(logits.rows(), least(logits.columns()) / 4, (from, to) -> {
            for (int r = from; r < to; r++) {
                float[] x = logits.row(r);
                float max = Float.NEGATIVE_INFINITY;
                for (float v : x) {
                    max = Math.max(max, v);
                }
                float target = x[targets[r]];
                for (int i = 0; i < x.length; i++) {
                    x[i] = Lanes.exp(x[i] - max);
                }
                double total = sumInParts(x);
                losses[r] = max + Math.log(total) - target;
                if (weight != 0f) {
                    float factor = (float) (weight / total);
                    for (int i = 0; i < x.length; i++) {
                        x[i] *= factor;
                    }
                    x[targets[r]] -= weight;
                    Plain.put(logits, r, x);
                }
            }
        });
        return losses;
    }

    /// As [#sum], with the partial sums moved to float64 often.
    private static double sumInParts(float[] v) {
        double total = 0;
        float[] partial = new float[LANES];
        int part = 256 * LANES;
        for (int from = 0; from < v.length; from += part) {
            java.util.Arrays.fill(partial, 0f);
            int to = Math.min(v.length, from + part);
            int i = from;
            for (; i <= to - LANES; i += LANES) {
                for (int l = 0; l < LANES; l++) {
                    partial[l] += v[i + l];
                }
            }
            total += Lanes.sum(partial);
            for (; i < to; i++) {
                total += v[i];
            }
        }
        return total;
    }

    /// `dx *= 1 - (y / cap)^2`, the gradient of `y = cap tanh(x / cap)`.
    public static void softCap(Matrix y, Matrix dx, float cap) {
        Plain.rows(dx, least(dx.columns()), (g, r) -> {
            float[] v = y.row(r);
            for (int i = 0; i < g.length; i++) {
                float t = v[i] / cap;
                g[i] *= 1f - t * t;
            }
        });
    }

    /// `rows[ids[r]] += factor * x[r]`, row by row in order; a row may occur several times.
    public static void addToTable(MemorySegment rows, int[] ids, Matrix x, float factor) {
        int n = x.columns();
        Parallel.over(n, least(ids.length), (from, to) -> {
            for (int r = 0; r < ids.length; r++) {
                long at = (long) ids[r] * n;
                for (int i = from; i < to; i++) {
                    rows.setAtIndex(JAVA_FLOAT, at + i, rows.getAtIndex(JAVA_FLOAT, at + i) + factor * x.get(r, i));
                }
            }
        });
    }
}
