package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.tensor.openblas.OpenBlas;
import vitrine.core.train.Randomness;

/// What the factors A `[r, in]` and B `[out, r]` of a layer begin with, and whether the layer's own matrix W gives up `s B A` for it.
///
/// | name | A | B | W |
/// | --- | --- | --- | --- |
/// | [Kind#kaiming] | even in (-1/sqrt(in), 1/sqrt(in)) | 0 | stays |
/// | [Kind#gaussian] | normal, deviation 1/r | 0 | stays |
/// | [Kind#orthogonal] | random, its rows' space through every other row of a random rotation | random, through the others: B A = 0 | stays |
/// | [Kind#pissa] | sqrt(S_r / s) V_r^T of W = U S V^T | U_r sqrt(S_r / s) | W - s B A |
/// | [Kind#olora] | the first r rows of R, W = Q R | the first r columns of Q | W - s B A |
/// | [Kind#loraga] | c V_{1..r}^T of the first step's gradient G = U S V^T | c U_{r+1..2r}, c = out^(1/4) / 4 | W - s B A |
///
/// Source: PEFT 0.21 (gaussian, orthogonal); Meng et al., *PiSSA*, 2024; Büyükakyüz, *OLoRA*, 2024; Wang et al., *LoRA-GA*, 2024, with the rule of the paper (gamma
/// 16), from which PEFT's differs.
///
/// @param a `[r, in]`, rows behind each other
/// @param b `[out, r]`
/// @param taken `s B A`, what W gives up, `[out, in]`; null where W stays
public record FirstFactors(double[] a, double[] b, double[] taken) {

    /// The ways to begin.
    public enum Kind {
        kaiming, gaussian, orthogonal, pissa, olora, loraga,
        /// See [InnerLora].
        loraxs,
        /// See [InnerLora].
        lorasb;

        /// Whether the factors rest and a small matrix between them is trained.
        public boolean inner() {
            return this == loraxs || this == lorasb;
        }

        /// Whether the first gradient is needed.
        public boolean looksAtGradient() {
            return this == loraga || this == lorasb;
        }

        /// Whether the layer's matrix changes.
        public boolean changesBase() {
            return this == pissa || this == olora || this == loraga;
        }
    }

    private static final double GAMMA = 16;

    /// Factors that do not depend on the layer's matrix.
    static FirstFactors random(Kind kind, int rank, int out, int in, Randomness randomness, int number) {
        double[] a = new double[rank * in];
        double[] b = new double[out * rank];
        switch (kind) {
            case kaiming -> {
                double bound = 1 / Math.sqrt(in);
                for (int i = 0; i < a.length; i++) {
                    a[i] = (2 * randomness.uniform(Randomness.Stream.INITIAL, number, i) - 1) * bound;
                }
            }
            case gaussian -> {
                for (int i = 0; i < a.length; i++) {
                    a[i] = randomness.normal(Randomness.Stream.INITIAL, number, i) / rank;
                }
            }
            case orthogonal -> orthogonal(a, b, rank, out, in, randomness, number);
            default -> throw new IllegalArgumentException(kind.name());
        }
        return new FirstFactors(a, b, null);
    }

    private static void orthogonal(double[] a, double[] b, int rank, int out, int in, Randomness randomness, int number) {
        if (rank % 2 != 0) {
            throw Refusal.of(Category.TASK_INVALID, null, "r is %d; the orthogonal initialisation needs an even one", rank);
        }
        double[] x = new double[rank * rank];
        long at = 0;
        for (int i = 0; i < x.length; i++) {
            x[i] = randomness.normal(Randomness.Stream.INITIAL, number, at++);
        }
        double[] q = columns(x, rank, rank).q;
        int half = rank / 2;
        for (int h = 0; h < half; h++) {
            for (int i = 0; i < in; i++) {
                double z = randomness.normal(Randomness.Stream.INITIAL, number, at++) / 10;
                for (int k = 0; k < rank; k++) {
                    a[k * in + i] += z * q[2 * h * rank + k];
                }
            }
            for (int o = 0; o < out; o++) {
                double z = randomness.normal(Randomness.Stream.INITIAL, number, at++) / 10;
                for (int k = 0; k < rank; k++) {
                    b[o * rank + k] += z * q[(2 * h + 1) * rank + k];
                }
            }
        }
    }

    /// Factors from a matrix `[out, in]`: the layer's own, or for [Kind#loraga] its gradient.
    ///
    /// @throws Refusal where the matrix has fewer directions than that
    public static FirstFactors of(Kind kind, double[] matrix, int out, int in, int rank, double scaling) {
        int least = kind == Kind.loraga ? 2 * rank : rank;
        if (least > Math.min(out, in)) {
            throw Refusal.of(Category.TASK_INVALID, null, "r is %d; the initialisation %s takes %d directions, and a layer of the model has %d", rank, kind.name(), least, Math.min(out, in));
        }
        double[] a = new double[rank * in];
        double[] b = new double[out * rank];
        if (kind == Kind.olora) {
            Columns c = columns(matrix, out, in);
            int k = Math.min(out, in);
            for (int r = 0; r < rank; r++) {
                System.arraycopy(c.r, r * in, a, r * in, in);
                for (int o = 0; o < out; o++) {
                    b[o * rank + r] = c.q[o * k + r];
                }
            }
        } else {
            singular(kind, matrix, out, in, rank, scaling, a, b);
        }
        double[] taken = new double[out * in];
        for (int o = 0; o < out; o++) {
            for (int r = 0; r < rank; r++) {
                double f = scaling * b[o * rank + r];
                for (int i = 0; i < in; i++) {
                    taken[o * in + i] += f * a[r * in + i];
                }
            }
        }
        return new FirstFactors(a, b, taken);
    }

    private static void singular(Kind kind, double[] matrix, int out, int in, int rank, double scaling, double[] a, double[] b) {
        int k = Math.min(out, in);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocateFrom(JAVA_DOUBLE, matrix);
            MemorySegment left = arena.allocate(8L * out * k, 64);
            MemorySegment right = arena.allocate(8L * k * in, 64);
            double[] s = OpenBlas.open().decompose(m, out, in, in, left, right);
            settle(left, right, out, in, k);
            double c = Math.pow(out, 0.25) / Math.sqrt(GAMMA);
            for (int r = 0; r < rank; r++) {
                double root = kind == Kind.pissa ? Math.sqrt(s[r] / scaling) : c;
                int from = kind == Kind.pissa ? r : rank + r;
                for (int i = 0; i < in; i++) {
                    a[r * in + i] = root * right.getAtIndex(JAVA_DOUBLE, (long) r * in + i);
                }
                for (int o = 0; o < out; o++) {
                    b[o * rank + r] = root * left.getAtIndex(JAVA_DOUBLE, (long) o * k + from);
                }
            }
        }
    }

    /// Gives pairs of singular vectors the sign with which the largest entry of the left one is positive: otherwise it would depend on the library that found them.
    private static void settle(MemorySegment left, MemorySegment right, int out, int in, int k) {
        for (int j = 0; j < k; j++) {
            double largest = 0;
            for (int o = 0; o < out; o++) {
                double v = left.getAtIndex(JAVA_DOUBLE, (long) o * k + j);
                largest = Math.abs(v) > Math.abs(largest) ? v : largest;
            }
            if (largest < 0) {
                for (int o = 0; o < out; o++) {
                    left.setAtIndex(JAVA_DOUBLE, (long) o * k + j, -left.getAtIndex(JAVA_DOUBLE, (long) o * k + j));
                }
                for (int i = 0; i < in; i++) {
                    right.setAtIndex(JAVA_DOUBLE, (long) j * in + i, -right.getAtIndex(JAVA_DOUBLE, (long) j * in + i));
                }
            }
        }
    }

    /// The r largest singular values of a matrix `[out, in]` with their vectors.
    ///
    /// @param left `[out, r]`
    /// @param values `[r]`
    /// @param right `[r, in]`
    record Largest(double[] left, double[] values, double[] right) {

        static Largest of(double[] matrix, int out, int in, int rank) {
            int k = Math.min(out, in);
            if (rank > k) {
                throw Refusal.of(Category.TASK_INVALID, null, "r is %d, and a layer of the model has %d directions", rank, k);
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment m = arena.allocateFrom(JAVA_DOUBLE, matrix);
                MemorySegment left = arena.allocate(8L * out * k, 64);
                MemorySegment right = arena.allocate(8L * k * in, 64);
                double[] s = OpenBlas.open().decompose(m, out, in, in, left, right);
                settle(left, right, out, in, k);
                double[] u = new double[out * rank];
                double[] v = new double[rank * in];
                for (int r = 0; r < rank; r++) {
                    for (int o = 0; o < out; o++) {
                        u[o * rank + r] = left.getAtIndex(JAVA_DOUBLE, (long) o * k + r);
                    }
                    for (int i = 0; i < in; i++) {
                        v[r * in + i] = right.getAtIndex(JAVA_DOUBLE, (long) r * in + i);
                    }
                }
                return new Largest(u, java.util.Arrays.copyOf(s, rank), v);
            }
        }
    }

    private record Columns(double[] q, double[] r) {}

    /// `A = Q R`, Q `[rows, k]` with orthonormal columns, R `[k, n]`.
    private static Columns columns(double[] matrix, int rows, int n) {
        int k = Math.min(rows, n);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment q = arena.allocateFrom(JAVA_DOUBLE, matrix);
            MemorySegment r = arena.allocate(8L * k * n, 64);
            OpenBlas.open().orthonormalColumns(q, rows, n, r);
            double[] all = q.toArray(JAVA_DOUBLE);
            double[] first = new double[rows * k];
            for (int i = 0; i < rows; i++) {
                System.arraycopy(all, i * n, first, i * k, k);
            }
            return new Columns(first, r.toArray(JAVA_DOUBLE));
        }
    }

    static float[] floats(double[] values) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) values[i];
        }
        return out;
    }
}
