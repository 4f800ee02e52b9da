package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import vitrine.core.tensor.Matrix;

/// Root-mean-square and layer normalisation of rows. `x` and `y` may be the same matrix.
public final class Normalise {

    private static final int LEAST_ROWS = 8;

    private Normalise() {}

    /// `y = x / sqrt(mean(x^2) + eps) * (weight + offset)`, row by row.
    ///
    /// @param weight float32 `[columns]`, or null for 1
    /// @param offset 1 where a family stores weights around 0 (Gemma), else 0
    ///
    /// Source: Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019.
    public static void rms(Matrix x, Matrix y, MemorySegment weight, float offset, float eps) {
        if (x.size() < Lanes.WORTHWHILE) {
            plain(x, y, false, weight, offset, null, eps);
            return;
        }
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                long xo = x.rowOffset(r);
                double scale = 1 / Math.sqrt(sumOfSquares(x.data(), xo, x.columns(), 0f) / x.columns() + eps);
                scale(x.data(), xo, y.data(), y.rowOffset(r), x.columns(), 0f, (float) scale, weight, offset, null);
            }
        });
    }

    /// `y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, row by row; the variance is the biased one.
    ///
    /// @param weight float32 `[columns]`, or null for 1
    /// @param bias float32 `[columns]`, or null for 0
    ///
    /// Source: Ba, Kiros and Hinton, *Layer Normalization*, 2016.
    public static void layer(Matrix x, Matrix y, MemorySegment weight, MemorySegment bias, float eps) {
        if (x.size() < Lanes.WORTHWHILE) {
            plain(x, y, true, weight, 0f, bias, eps);
            return;
        }
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                long xo = x.rowOffset(r);
                int n = x.columns();
                float mean = (float) (sum(x.data(), xo, n) / n);
                double scale = 1 / Math.sqrt(sumOfSquares(x.data(), xo, n, mean) / n + eps);
                scale(x.data(), xo, y.data(), y.rowOffset(r), n, mean, (float) scale, weight, 0f, bias);
            }
        });
    }

    private static void plain(Matrix x, Matrix y, boolean centred, MemorySegment weight, float offset, MemorySegment bias, float eps) {
        int n = x.columns();
        float[] w = weight == null ? null : Plain.values(weight, n);
        float[] b = bias == null ? null : Plain.values(bias, n);
        for (int r = 0; r < x.rows(); r++) {
            float[] v = x.row(r);
            double mean = 0;
            for (int i = 0; centred && i < n; i++) {
                mean += v[i];
            }
            mean /= n;
            double squares = 0;
            for (int i = 0; i < n; i++) {
                squares += (v[i] - mean) * (v[i] - mean);
            }
            double scale = 1 / Math.sqrt(squares / n + eps);
            for (int i = 0; i < n; i++) {
                double t = (v[i] - mean) * scale;
                t = w == null ? t : t * (w[i] + offset);
                v[i] = (float) (b == null ? t : t + b[i]);
            }
            Plain.put(y, r, v);
        }
    }

    private static double sum(MemorySegment s, long at, int n) {
        FloatVector total = FloatVector.zero(Lanes.F);
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            total = total.add(Lanes.load(s, at + 4L * i));
        }
        if (i < n) {
            total = total.add(Lanes.load(s, at + 4L * i, Lanes.tail(i, n)));
        }
        return total.reduceLanes(VectorOperators.ADD);
    }

    private static double sumOfSquares(MemorySegment s, long at, int n, float centre) {
        FloatVector total = FloatVector.zero(Lanes.F);
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            FloatVector v = Lanes.load(s, at + 4L * i).sub(centre);
            total = v.fma(v, total);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            FloatVector v = Lanes.load(s, at + 4L * i, m).sub(centre, m);
            total = v.fma(v, total);
        }
        return total.reduceLanes(VectorOperators.ADD);
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
