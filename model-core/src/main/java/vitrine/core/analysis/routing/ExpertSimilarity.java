package vitrine.core.analysis.routing;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.architecture.Experts;
import vitrine.core.forward.ExpertOutputs;
import vitrine.core.forward.Weights;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// How alike the experts of a layer are: by their weights, by what their last matrix writes, by what they make of the same tokens.
///
/// Source: Li et al., *Sub-MoE*, 2025, for subspaces and outputs. Hidden units of two experts are in no order, so a cosine of weights sees copies and what grew from them, and no more; the
/// other two do not depend on that order.
public final class ExpertSimilarity {

    /// Values of all experts that are held together, in bytes.
    private static final long CHUNK_BYTES = 64L << 20;
    /// The most directions that a subspace has.
    private static final int MOST_RANK = 16;

    private final Experts experts;
    private final Weights weights;
    private final OpenBlas blas = OpenBlas.open();

    public ExpertSimilarity(Experts experts, Weights weights) {
        this.experts = experts;
        this.weights = weights;
    }

    /// The number of leading directions that subspaces have: 16, or a quarter of the smaller side of the down projection where that is less.
    public static int rank(Experts experts) {
        return Math.clamp(Math.min(experts.down().out(), experts.down().in()) / 4, 1, MOST_RANK);
    }

    /// The cosine of all weights (gate, up, down) of every two experts `[experts * experts]`; NaN beside an expert whose weights are all 0.
    public double[] weights() {
        int n = experts.count();
        double[] gram = new double[n * n];
        add(experts.gate(), gram);
        if (experts.up() != null) {
            add(experts.up(), gram);
        }
        add(experts.down(), gram);
        return cosines(gram, n);
    }

    /// Adds the products of every two experts' values of one matrix.
    private void add(Experts.Matrices m, double[] gram) {
        int n = experts.count();
        long size = (long) m.out() * m.in();
        int chunk = (int) Math.clamp(CHUNK_BYTES / (8L * n), 1, size);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment block = arena.allocate(8L * n * chunk, 64);
            MemorySegment products = arena.allocate(8L * n * n, 64);
            Matrix values = Matrix.allocate(arena, m.out(), m.in());
            for (long from = 0; from < size; from += chunk) {
                int count = (int) Math.min(chunk, size - from);
                for (int e = 0; e < n; e++) {
                    weights.widen(m, e, values);
                    for (int i = 0; i < count; i++) {
                        block.setAtIndex(JAVA_DOUBLE, (long) e * chunk + i, values.data().getAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, from + i));
                    }
                }
                blas.addOuter(block, n, count, chunk, from == 0 ? 0 : 1, products);
            }
            addTriangle(products, n, gram);
        }
    }

    /// `gram += G` for a symmetric G of which the triangle that OpenBLAS fills is taken.
    private static void addTriangle(MemorySegment products, int n, double[] gram) {
        for (int a = 0; a < n; a++) {
            for (int b = 0; b <= a; b++) {
                double v = products.getAtIndex(JAVA_DOUBLE, (long) a * n + b);
                gram[a * n + b] += v;
                gram[b * n + a] += a == b ? 0 : v;
            }
        }
    }

    private static double[] cosines(double[] gram, int n) {
        double[] out = new double[n * n];
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < n; b++) {
                out[a * n + b] = gram[a * n + b] / Math.sqrt(gram[a * n + a] * gram[b * n + b]);
            }
        }
        return out;
    }

    /// |U_a^T U_b|^2 / r of every two experts `[experts * experts]`, with U the [#rank] leading left singular vectors of the down projection: 1 where two
    /// experts write along the same directions, 0 where along none in common, r / hidden by chance.
    public double[] subspaces() {
        Experts.Matrices down = experts.down();
        int n = experts.count();
        int hidden = down.out();
        int r = rank(experts);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment all = arena.allocate(8L * n * r * hidden, 64);
            for (int e = 0; e < n; e++) {
                directions(down, e, r, all.asSlice(8L * e * r * hidden));
            }
            MemorySegment products = arena.allocate(8L * n * r * n * r, 64);
            blas.addOuter(all, n * r, hidden, hidden, 0, products);
            double[] gram = new double[n * r * n * r];
            addTriangle(products, n * r, gram);
            double[] out = new double[n * n];
            for (int a = 0; a < n * r; a++) {
                for (int b = 0; b < n * r; b++) {
                    double v = gram[a * n * r + b];
                    out[a / r * n + b / r] += v * v / r;
                }
            }
            return out;
        }
    }

    /// The leading left singular vectors of one expert's matrix, as rows `[r, hidden]`: eigenvectors of W W^T, or, where that is larger, W v / s of those of W^T W.
    private void directions(Experts.Matrices m, int expert, int r, MemorySegment out) {
        int hidden = m.out();
        int width = m.in();
        try (Arena arena = Arena.ofShared()) {
            Matrix stored = Matrix.allocate(arena, hidden, width);
            weights.widen(m, expert, stored);
            MemorySegment w = arena.allocate(8L * hidden * width, 64);
            for (long i = 0; i < (long) hidden * width; i++) {
                w.setAtIndex(JAVA_DOUBLE, i, stored.data().getAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i));
            }
            int n = Math.min(hidden, width);
            MemorySegment gram = arena.allocate(8L * n * n, 64);
            if (hidden <= width) {
                blas.addOuter(w, hidden, width, width, 0, gram);
            } else {
                blas.addInner(w, hidden, width, width, 0, gram);
            }
            double[] values = blas.eigenvectors(gram, n);
            if (hidden <= width) {
                for (int i = 0; i < r; i++) {
                    MemorySegment.copy(gram, 8L * (n - 1 - i) * n, out, 8L * i * hidden, 8L * hidden);
                }
                return;
            }
            MemorySegment leading = gram.asSlice(8L * (n - r) * n, 8L * r * n);
            MemorySegment projected = arena.allocate(8L * r * hidden, 64);
            blas.multiply(false, true, r, hidden, width, leading, width, w, width, 0, projected, hidden);
            for (int i = 0; i < r; i++) {
                double length = Math.sqrt(Math.max(0, values[n - r + i]));
                for (int h = 0; h < hidden; h++) {
                    out.setAtIndex(JAVA_DOUBLE, (long) i * hidden + h, projected.getAtIndex(JAVA_DOUBLE, (long) i * hidden + h) / length);
                }
            }
        }
    }

    /// The mean over tokens of the cosine of what every two experts make of the same token `[experts * experts]`.
    ///
    /// @param x what the layer's experts read `[tokens, hidden]`
    public double[] outputs(Matrix x) {
        int n = experts.count();
        ExpertOutputs outputs = new ExpertOutputs(experts, weights);
        double[] sum = new double[n * n];
        try (Arena arena = Arena.ofShared()) {
            Matrix[] y = new Matrix[n];
            for (int e = 0; e < n; e++) {
                y[e] = Matrix.allocate(arena, x.rows(), x.columns());
                outputs.of(e, x, y[e]);
            }
            MemorySegment block = arena.allocate(8L * n * x.columns(), 64);
            MemorySegment products = arena.allocate(8L * n * n, 64);
            for (int t = 0; t < x.rows(); t++) {
                for (int e = 0; e < n; e++) {
                    float[] row = y[e].row(t);
                    for (int h = 0; h < row.length; h++) {
                        block.setAtIndex(JAVA_DOUBLE, (long) e * row.length + h, row[h]);
                    }
                }
                blas.addOuter(block, n, x.columns(), x.columns(), 0, products);
                double[] gram = new double[n * n];
                addTriangle(products, n, gram);
                double[] cosines = cosines(gram, n);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += cosines[i] / x.rows();
                }
            }
        }
        return sum;
    }

    /// Tokens of which the outputs of all experts may be held at once.
    ///
    /// @param hidden values of one token
    public static int sample(Experts experts, int hidden) {
        return (int) Math.clamp((128L << 20) / (4L * experts.count() * hidden), 1, 256);
    }
}
