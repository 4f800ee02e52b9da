package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import vitrine.core.tensor.Matrix;

/// Root-mean-square and layer normalisation of rows. `x` and `y` may be the same matrix.
public final class Normalise {

    private static final int LEAST_ROWS = 8;
    private static final Warmth WARMTH = new Warmth();

    private Normalise() {}

    /// `y = x / sqrt(mean(x^2) + eps) * (weight + offset)`, row by row.
    ///
    /// @param weight float32 `[columns]`, or null for 1
    /// @param offset 1 where a family stores weights around 0 (Gemma), else 0
    ///
    /// Source: Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019.
    public static void rms(Matrix x, Matrix y, MemorySegment weight, float offset, float eps) {
        normalise(x, y, false, weight, offset, null, eps);
    }

    /// `y = (x - mean(x)) / sqrt(var(x) + eps) * (weight + offset) + bias`, row by row; the variance is the biased one.
    ///
    /// @param weight float32 `[columns]`, or null for 1
    /// @param offset 1 where a family stores weights around 0 (Nemotron), else 0
    /// @param bias float32 `[columns]`, or null for 0
    ///
    /// Source: Ba, Kiros and Hinton, *Layer Normalization*, 2016.
    public static void layer(Matrix x, Matrix y, MemorySegment weight, float offset, MemorySegment bias, float eps) {
        normalise(x, y, true, weight, offset, bias, eps);
    }

    private static void normalise(Matrix x, Matrix y, boolean centred, MemorySegment weight, float offset, MemorySegment bias, float eps) {
        if (WARMTH.takesVectors(x, rows -> vectors(rows, rows, centred, weight == null ? null : rows.data(), offset, bias == null ? null : rows.data(), eps))) {
            vectors(x, y, centred, weight, offset, bias, eps);
        } else {
            plain(x, y, centred, weight, offset, bias, eps);
        }
    }

    static void plain(Matrix x, Matrix y, boolean centred, MemorySegment weight, float offset, MemorySegment bias, float eps) {
        int n = x.columns();
        float[] w = Plain.values(weight, n);
        float[] b = Plain.values(bias, n);
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            float[] partial = new float[Lanes.N];
            for (int r = from; r < to; r++) {
                float[] v = x.row(r);
                float mean = centred ? (float) (plainSum(v, partial) / n) : 0f;
                float scale = (float) (1 / Math.sqrt(plainSquares(v, mean, partial) / n + eps));
                for (int i = 0; i < n; i++) {
                    float t = (v[i] - mean) * scale;
                    t = w == null ? t : t * (w[i] + offset);
                    v[i] = b == null ? t : t + b[i];
                }
                Plain.put(y, r, v);
            }
        });
    }

    private static double plainSum(float[] v, float[] partial) {
        java.util.Arrays.fill(partial, 0f);
        for (int i = 0; i < v.length; i++) {
            partial[i % Lanes.N] += v[i];
        }
        return Lanes.sum(partial);
    }

    private static double plainSquares(float[] v, float centre, float[] partial) {
        java.util.Arrays.fill(partial, 0f);
        for (int i = 0; i < v.length; i++) {
            float d = v[i] - centre;
            partial[i % Lanes.N] = Math.fma(d, d, partial[i % Lanes.N]);
        }
        return Lanes.sum(partial);
    }

    static void vectors(Matrix x, Matrix y, boolean centred, MemorySegment weight, float offset, MemorySegment bias, float eps) {
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                int n = x.columns();
                long xo = x.rowOffset(r);
                float mean = centred ? (float) (sum(x.data(), xo, n) / n) : 0f;
                float scale = (float) (1 / Math.sqrt(squares(x.data(), xo, n, mean) / n + eps));
                scale(x.data(), xo, y.data(), y.rowOffset(r), n, mean, scale, weight, offset, bias);
            }
        });
    }

    private static double sum(MemorySegment s, long at, int n) {
        FloatVector total = FloatVector.zero(Lanes.F);
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            total = total.add(Lanes.load(s, at + 4L * i));
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            total = total.add(Lanes.load(s, at + 4L * i, m), m);
        }
        return Lanes.sum(total);
    }

    private static double squares(MemorySegment s, long at, int n, float centre) {
        FloatVector total = FloatVector.zero(Lanes.F);
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            FloatVector v = Lanes.load(s, at + 4L * i).sub(centre);
            total = v.fma(v, total);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            FloatVector v = Lanes.load(s, at + 4L * i, m).sub(centre);
            total = total.blend(v.fma(v, total), m);
        }
        return Lanes.sum(total);
    }

    private static void scale(MemorySegment x, long xo, MemorySegment y, long yo, int n, float centre, float scale,
                              MemorySegment weight, float offset, MemorySegment bias) {
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            FloatVector v = Lanes.load(x, xo + 4L * i).sub(centre).mul(scale);
            if (weight != null) {
                v = v.mul(Lanes.load(weight, 4L * i).add(offset));
            }
            if (bias != null) {
                v = v.add(Lanes.load(bias, 4L * i));
            }
            v.intoMemorySegment(y, yo + 4L * i, Lanes.ORDER);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            FloatVector v = Lanes.load(x, xo + 4L * i, m).sub(centre).mul(scale);
            if (weight != null) {
                v = v.mul(Lanes.load(weight, 4L * i, m).add(offset));
            }
            if (bias != null) {
                v = v.add(Lanes.load(bias, 4L * i, m));
            }
            v.intoMemorySegment(y, yo + 4L * i, Lanes.ORDER, m);
        }
    }
}
