package vitrine.core.tensor.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import vitrine.core.tensor.Activation;
import vitrine.core.tensor.Matrix;

/// The plain and the vector form of each kernel over a matrix `[512, 1024]`, per value.
///
/// The difference decides from how many values on compiling the vector form pays ([Warmth]).
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@OperationsPerInvocation(KernelBench.VALUES)
public class KernelBench {

    static final int ROWS = 512;
    static final int COLUMNS = 1024;
    static final int VALUES = ROWS * COLUMNS;

    @Param({"plain", "vectors"})
    String form;

    private Matrix x;
    private Matrix y;
    private MemorySegment weight;
    private boolean vectors;
    private final Attend.Rule causal = new Attend.Rule(0.125f, 0f, true, 0, Float.NaN);

    @Setup
    public void fill() {
        Random random = new Random(1);
        x = Matrix.allocate(Arena.global(), ROWS, COLUMNS);
        y = Matrix.allocate(Arena.global(), ROWS, COLUMNS);
        weight = Matrix.allocate(Arena.global(), 1, COLUMNS).data();
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < COLUMNS; c++) {
                x.set(r, c, (float) random.nextGaussian());
            }
        }
        vectors = form.equals("vectors");
    }

    /// All keys are seen: the rows are the last of the prompt.
    @Benchmark
    public void softmax() {
        if (vectors) {
            Attend.vectors(x, causal, COLUMNS);
        } else {
            Attend.plain(x, causal, COLUMNS);
        }
    }

    @Benchmark
    public void silu() {
        if (vectors) {
            Activate.vectors(Activation.SILU, x, y);
        } else {
            Activate.plain(Activation.SILU, x, y);
        }
    }

    @Benchmark
    public void rootMeanSquareNorm() {
        if (vectors) {
            Normalise.vectors(x, y, false, weight, 0f, null, 1e-6f);
        } else {
            Normalise.plain(x, y, false, weight, 0f, null, 1e-6f);
        }
    }

    /// One thread.
    @Benchmark
    public void widenBfloat16() {
        if (vectors) {
            Widen.vectors(x.data(), 0, 0, VALUES, y.data());
        } else {
            Widen.plain(x.data(), 0, 0, VALUES, y.data());
        }
    }
}
