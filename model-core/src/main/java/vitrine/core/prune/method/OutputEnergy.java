package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import vitrine.core.prune.InputStatistics;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.openblas.OpenBlas;

/// The Frobenius norm of a matrix's outputs without bias, `||X W^T||_F = sqrt(tr(W G W^T))`, from second moments.
public final class OutputEnergy {

    private OutputEnergy() {}

    /// @param w `[out, in]`
    /// @param inputs with second moments
    public static double of(Matrix w, InputStatistics inputs) {
        int out = w.rows();
        int in = w.columns();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment values = Wide.of(w, arena);
            MemorySegment half = arena.allocate(8L * out * in, 64);
            OpenBlas.open().multiply(false, false, out, in, in, values, in, inputs.moments(arena), in, 0, half, in);
            double sum = 0;
            for (long i = 0; i < (long) out * in; i++) {
                sum += values.getAtIndex(JAVA_DOUBLE, i) * half.getAtIndex(JAVA_DOUBLE, i);
            }
            return Math.sqrt(Math.max(0, sum));
        }
    }
}
