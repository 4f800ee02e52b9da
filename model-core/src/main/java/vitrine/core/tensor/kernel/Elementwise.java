package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import vitrine.core.tensor.Matrix;

/// Sums, scalings and the soft cap of whole matrices.
public final class Elementwise {

    private static final int LEAST_ROWS = 4;
    private static final Warmth BIAS = new Warmth();
    private static final Warmth ADD = new Warmth();
    private static final Warmth SCALE = new Warmth();
    private static final Warmth CAP = new Warmth();

    private Elementwise() {}

    /// `x += b`, a row vector added to every row.
    public static void addBias(Matrix x, MemorySegment bias) {
        if (!BIAS.takesVectors(x, rows -> biasVectors(rows, rows.data()))) {
            float[] b = Plain.values(bias, x.columns());
            Plain.rows(x, LEAST_ROWS, (v, r) -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] += b[i];
                }
            });
            return;
        }
        biasVectors(x, bias);
    }

    private static void biasVectors(Matrix x, MemorySegment bias) {
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                addRow(x.data(), x.rowOffset(r), bias, 0, x.columns(), 1f);
            }
        });
    }

    /// `x += scale * y`.
    public static void add(Matrix x, Matrix y, float scale) {
        if (!ADD.takesVectors(x, rows -> addVectors(rows, rows, scale))) {
            Plain.rows(x, LEAST_ROWS, (v, r) -> {
                float[] w = y.row(r);
                for (int i = 0; i < v.length; i++) {
                    v[i] += w[i] * scale;
                }
            });
            return;
        }
        addVectors(x, y, scale);
    }

    static void addVectors(Matrix x, Matrix y, float scale) {
        Parallel.over(x.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                addRow(x.data(), x.rowOffset(r), y.data(), y.rowOffset(r), x.columns(), scale);
            }
        });
    }

    private static void addRow(MemorySegment x, long xo, MemorySegment y, long yo, int n, float scale) {
        int i = 0;
        for (; i <= n - Lanes.N; i += Lanes.N) {
            Lanes.load(x, xo + 4L * i).add(Lanes.load(y, yo + 4L * i).mul(scale)).intoMemorySegment(x, xo + 4L * i, Lanes.ORDER);
        }
        if (i < n) {
            VectorMask<Float> m = Lanes.tail(i, n);
            Lanes.load(x, xo + 4L * i, m).add(Lanes.load(y, yo + 4L * i, m).mul(scale)).intoMemorySegment(x, xo + 4L * i, Lanes.ORDER, m);
        }
    }

    /// `x *= scale`.
    public static void scale(Matrix x, float scale) {
        if (!SCALE.takesVectors(x, rows -> scaleVectors(rows, scale))) {
            Plain.rows(x, LEAST_ROWS, (v, r) -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] *= scale;
                }
            });
            return;
        }
        scaleVectors(x, scale);
    }

    private static void scaleVectors(Matrix x, float scale) {
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

    /// Column j of `x` times `factors[j]`.
    ///
    /// @param factors `[columns]`
    public static void scaleColumns(Matrix x, float[] factors) {
        Plain.rows(x, LEAST_ROWS, (v, r) -> {
            for (int i = 0; i < v.length; i++) {
                v[i] *= factors[i];
            }
        });
    }

    /// Every value cut to between `least` and `most`.
    public static void clamp(Matrix x, float least, float most) {
        Plain.rows(x, LEAST_ROWS, (v, r) -> {
            for (int i = 0; i < v.length; i++) {
                v[i] = Math.clamp(v[i], least, most);
            }
        });
    }

    /// `x += offset`.
    public static void shift(Matrix x, float offset) {
        Plain.rows(x, LEAST_ROWS, (v, r) -> {
            for (int i = 0; i < v.length; i++) {
                v[i] += offset;
            }
        });
    }

    /// Takes apart columns that take turns: even ones to `x`, odd ones to `y`.
    public static void takeTurns(Matrix both, Matrix x, Matrix y) {
        Parallel.over(both.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                float[] v = both.row(r);
                float[] even = new float[x.columns()];
                float[] odd = new float[y.columns()];
                for (int i = 0; i < even.length; i++) {
                    even[i] = v[2 * i];
                    odd[i] = v[2 * i + 1];
                }
                Plain.put(x, r, even);
                Plain.put(y, r, odd);
            }
        });
    }

    /// `x[r] *= factors[r]`, a factor for every row.
    public static void scaleRows(Matrix x, float[] factors) {
        Plain.rows(x, LEAST_ROWS, (v, r) -> {
            for (int i = 0; i < v.length; i++) {
                v[i] *= factors[r];
            }
        });
    }

    /// `x[rows[r]] += factors[r] * y[r]`; no row twice.
    public static void addToRows(Matrix x, int[] rows, Matrix y, float[] factors) {
        Parallel.over(rows.length, LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                addRow(x.data(), x.rowOffset(rows[r]), y.data(), y.rowOffset(r), x.columns(), factors[r]);
            }
        });
    }

    /// `y[r] = x[rows[r]]`.
    public static void gatherRows(Matrix x, int[] rows, Matrix y) {
        Parallel.over(rows.length, LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                MemorySegment.copy(x.data(), x.rowOffset(rows[r]), y.data(), y.rowOffset(r), 4L * x.columns());
            }
        });
    }

    /// `x = cap * tanh(x / cap)`, as Gemma 2 bounds its logits.
    public static void softCap(Matrix x, float cap) {
        if (!CAP.takesVectors(x, rows -> capVectors(rows, cap))) {
            Plain.rows(x, 1, (v, r) -> {
                for (int i = 0; i < v.length; i++) {
                    v[i] = Lanes.tanh(v[i] / cap) * cap;
                }
            });
            return;
        }
        capVectors(x, cap);
    }

    private static void capVectors(Matrix x, float cap) {
        Parallel.over(x.rows(), 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                long o = x.rowOffset(r);
                int i = 0;
                for (; i <= x.columns() - Lanes.N; i += Lanes.N) {
                    cap(Lanes.load(x.data(), o + 4L * i), cap).intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER);
                }
                if (i < x.columns()) {
                    VectorMask<Float> m = Lanes.tail(i, x.columns());
                    cap(Lanes.load(x.data(), o + 4L * i, m), cap).intoMemorySegment(x.data(), o + 4L * i, Lanes.ORDER, m);
                }
            }
        });
    }

    private static FloatVector cap(FloatVector v, float cap) {
        return Lanes.tanh(v.div(cap)).mul(cap);
    }
}
