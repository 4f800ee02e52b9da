package vitrine.core.analysis.spectrum;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Products;

/// Products with `W^T W` (or `W W^T`, whichever is smaller) in float32, the matrix read block by block, once for each product.
final class StreamedGram implements GramOperator {

    private static final long BLOCK_BYTES = 32L << 20;

    private final MatrixValues m;
    private final Products products;
    private final SpectrumSolver.Work work;
    private final double share;

    private StreamedGram(MatrixValues m, Products products, SpectrumSolver.Work work) {
        this.m = m;
        this.products = products;
        this.work = work;
        // About three products with the random block and one for each Lanczos step.
        share = SpectrumSolver.cost(m.rows(), m.columns(), Accuracy.estimate) / (SpectralEstimate.STEPS + 6);
    }

    static SpectralEstimate estimate(MatrixValues m, Products products, double squares, SpectrumSolver.Work work) {
        return SpectralEstimate.of(new StreamedGram(m, products, work), squares, SpectralEstimate.SEED);
    }

    @Override
    public int size() {
        return Math.min(m.rows(), m.columns());
    }

    @Override
    public void apply(double[][] x, double[][] y) {
        boolean tall = m.rows() >= m.columns();
        int p = x.length;
        int n = size();
        try (Arena scratch = Arena.ofShared()) {
            Matrix in = Matrix.allocate(scratch, p, n);
            for (int i = 0; i < p; i++) {
                for (int k = 0; k < n; k++) {
                    in.set(i, k, (float) x[i][k]);
                }
                java.util.Arrays.fill(y[i], 0);
            }
            Matrix part = Matrix.allocate(scratch, p, n);
            int length = Math.max(m.rows(), m.columns());
            int most = (int) Math.clamp(BLOCK_BYTES / 4 / n, 1, length);
            Matrix between = Matrix.allocate(scratch, p, most);
            Optional<Operand> stored = m.stored().filter(o -> products.reads(o.element()));
            MemorySegment block = stored.isPresent() ? MemorySegment.NULL : scratch.allocate(4L * most * n, 64);
            for (int from = 0; from < length; from += most) {
                int count = Math.min(most, length - from);
                Operand b = stored.isPresent() ? slice(stored.get(), tall, from, count) : read(block, tall, from, count);
                // W_b: rows of a tall matrix, or columns of a wide one; either way x W_b^T and back.
                Operand forth = tall ? b.transposed() : b;
                Operand back = tall ? b : b.transposed();
                Matrix middle = new Matrix(between.data(), p, count, most);
                products.multiply(Operand.of(in), forth, Operand.of(middle));
                products.multiply(Operand.of(middle), back, Operand.of(part));
                for (int i = 0; i < p; i++) {
                    float[] row = part.row(i);
                    for (int k = 0; k < n; k++) {
                        y[i][k] += row[k];
                    }
                }
                if (tall) {
                    m.release(from, count);
                }
            }
            m.release(0, m.rows());
        }
        work.done(share);
    }

    private static Operand slice(Operand all, boolean tall, int from, int count) {
        long stride = all.strides()[0];
        long size = all.element() == Operand.Element.F32 ? 4 : 2;
        return tall ? Operand.matrix(all.data().asSlice(size * from * stride), all.element(), count, all.sizes()[1], stride)
                : Operand.matrix(all.data().asSlice(size * from), all.element(), all.sizes()[0], count, stride);
    }

    private Operand read(MemorySegment block, boolean tall, int from, int count) {
        if (tall) {
            m.readFloat(from, count, 0, m.columns(), block, m.columns());
            return Operand.matrix(block, Operand.Element.F32, count, m.columns(), m.columns());
        }
        m.readFloat(0, m.rows(), from, count, block, count);
        return Operand.matrix(block, Operand.Element.F32, m.rows(), count, count);
    }
}
