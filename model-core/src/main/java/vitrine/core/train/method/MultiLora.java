package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.tensor.Shape;
import vitrine.core.train.Randomness;

/// Several LoRA modules side by side, `s sum_k diag(c_k) B_k A_k`: A_k and B_k begin evenly in ±1/sqrt(in) and ±1/sqrt(r), the scales c_k `[out]` with 0, so that the
/// change is 0. The result is an ordinary adapter of n times the rank, A' the A_k over each other and B' the diag(c_k) B_k side by side.
///
/// Source: Wang et al., *MultiLoRA: Democratizing LoRA for Better Multi-Task Learning*, 2023 (arXiv 2311.11501), from its abstract; the scale per output is our reading.
public final class MultiLora extends ComposedLora {

    private final int parallel;

    /// @param parallel n, how many modules stand side by side
    public MultiLora(Settings settings, int parallel) {
        super(settings);
        this.parallel = parallel;
    }

    /// A is trained itself; B' `[out, n r]` is made of own `[out, n r]` and scales `[n, out]`.
    private record Module(LowRank low, Parameter own, Parameter scales, int parallel, int rank, int out) implements Composed {
        @Override
        public void apply() {
            float[] b = own.toArray();
            float[] c = scales.toArray();
            int across = parallel * rank;
            for (int i = 0; i < b.length; i++) {
                b[i] *= c[i % across / rank * out + i / across];
            }
            low.b().set(b);
        }

        /// dB = diag(c) dB', dc_k = the sums of the rows of dB'_k .* B_k.
        @Override
        public void gradient() {
            float[] d = low.b().gradientToArray();
            float[] b = own.toArray();
            float[] c = scales.toArray();
            int across = parallel * rank;
            double[] dc = new double[c.length];
            own.clear();
            scales.clear();
            for (int i = 0; i < d.length; i++) {
                int at = i % across / rank * out + i / across;
                dc[at] += (double) d[i] * b[i];
                own.gradient().setAtIndex(JAVA_FLOAT, i, d[i] * c[at]);
            }
            for (int i = 0; i < dc.length; i++) {
                scales.gradient().setAtIndex(JAVA_FLOAT, i, (float) dc[i]);
            }
        }
    }

    @Override
    String called() {
        return "multilora";
    }

    @Override
    int ranks() {
        return parallel;
    }

    @Override
    Composed compose(Parameters parameters, Target t, int number, Randomness randomness) {
        int across = parallel * settings().rank();
        Parameter a = Parameter.zeros(t.path() + ".lora_A.weight", Shape.of(across, t.in()), parameters.arena());
        Parameter b = Parameter.zeros(t.path() + ".lora_B.weight", Shape.of(t.out(), across), parameters.arena());
        Parameter own = Parameter.zeros(t.path() + ".multilora_B", Shape.of(t.out(), across), parameters.arena());
        Parameter scales = Parameter.zeros(t.path() + ".multilora_scale", Shape.of(parallel, t.out()), parameters.arena());
        even(a, 1 / Math.sqrt(t.in()), 2L * number, randomness);
        even(own, 1 / Math.sqrt(settings().rank()), 2L * number + 1, randomness);
        parameters.train(a);
        parameters.train(own);
        parameters.train(scales);
        return new Module(LowRank.of(a, b, (float) settings().scaling(), settings().dropout(), number), own, scales, parallel, settings().rank(), t.out());
    }

    static void even(Parameter p, double bound, long place, Randomness randomness) {
        float[] v = new float[(int) p.elements()];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) ((2 * randomness.uniform(Randomness.Stream.INITIAL, place, i) - 1) * bound);
        }
        p.set(v);
    }
}
