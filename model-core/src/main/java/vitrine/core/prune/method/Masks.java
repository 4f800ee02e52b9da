package vitrine.core.prune.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// Masks on matrices.
final class Masks {

    private Masks() {}

    /// Sets what is not kept to 0.
    static void apply(byte[] kept, Matrix w) {
        int in = w.columns();
        Parallel.over(w.rows(), 64, (from, to) -> {
            for (int r = from; r < to; r++) {
                for (int j = 0; j < in; j++) {
                    if (kept[r * in + j] == 0) {
                        w.data().set(JAVA_FLOAT, w.rowOffset(r) + 4L * j, 0f);
                    }
                }
            }
        });
    }
}
