package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import vitrine.core.architecture.Linear;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.tensor.Shape;
import vitrine.core.train.Randomness;

/// LoRA between fixed factors: only a matrix R `[r, r]` per module is trained, and the change is `s B R A`. The result is an ordinary adapter with A' = R A.
///
/// - LoRA-XS: B = U_r S_r and A = V_r^T of the layer's matrix, R normal with deviation 1e-5.
/// - LoRA-SB: U_r S_r V_r^T of the first Adam step, `-rate sign(gradient)`; B = U_r, A = V_r^T, R = S_r / s: the run begins behind that step's best approximation.
///
/// Source: Bałazy et al., *LoRA-XS*, 2024 (arXiv 2405.17604); Singhal et al., *LoRA-SB*, 2024 (arXiv 2411.19557).
public final class InnerLora extends ComposedLora {

    private static final double DEVIATION = 1e-5;

    private record Module(LowRank low, Parameter r, float[] right, int rank, int in) implements Composed {

        /// A' = R A.
        @Override
        public void apply() {
            float[] inner = r.toArray();
            for (int i = 0; i < rank; i++) {
                for (int j = 0; j < in; j++) {
                    double sum = 0;
                    for (int k = 0; k < rank; k++) {
                        sum += inner[i * rank + k] * (double) right[k * in + j];
                    }
                    low.a().data().setAtIndex(JAVA_FLOAT, (long) i * in + j, (float) sum);
                }
            }
        }

        /// dR = dA' A^T.
        @Override
        public void gradient() {
            float[] d = low.a().gradientToArray();
            r.clear();
            for (int i = 0; i < rank; i++) {
                for (int k = 0; k < rank; k++) {
                    double sum = 0;
                    for (int j = 0; j < in; j++) {
                        sum += d[i * in + j] * (double) right[k * in + j];
                    }
                    r.gradient().setAtIndex(JAVA_FLOAT, (long) i * rank + k, (float) sum);
                }
            }
        }
    }

    private final double rate;

    /// @param rate the learning rate of the step that LoRA-SB looks at
    public InnerLora(Settings settings, double rate) {
        super(settings);
        this.rate = rate;
    }

    @Override
    String called() {
        return "the initialisation " + settings().first().name();
    }

    @Override
    Composed compose(Parameters parameters, Target t, int number, Randomness randomness) {
        Settings s = settings();
        boolean own = s.first() == FirstFactors.Kind.loraxs;
        Linear l = t.linear();
        double[] of = rows(own ? parameters.values(l) : s.gradients().get(l.weight()), l);
        if (!own) {
            for (int i = 0; i < of.length; i++) {
                of[i] = -rate * Math.signum(of[i]);
            }
        }
        FirstFactors.Largest top = FirstFactors.Largest.of(of, l.out(), l.in(), s.rank());
        Parameter a = Parameter.zeros(t.path() + ".lora_A.weight", Shape.of(s.rank(), l.in()), parameters.arena());
        Parameter b = Parameter.zeros(t.path() + ".lora_B.weight", Shape.of(l.out(), s.rank()), parameters.arena());
        Parameter r = Parameter.zeros(t.path() + ".inner", Shape.of(s.rank(), s.rank()), parameters.arena());
        float[] left = FirstFactors.floats(top.left());
        float[] inner = new float[s.rank() * s.rank()];
        for (int i = 0; own && i < left.length; i++) {
            left[i] *= (float) top.values()[i % s.rank()];
        }
        for (int i = 0; i < inner.length; i++) {
            inner[i] = own ? (float) (DEVIATION * randomness.normal(Randomness.Stream.INITIAL, number, i))
                    : i % (s.rank() + 1) == 0 ? (float) (top.values()[i / (s.rank() + 1)] / s.scaling()) : 0f;
        }
        b.set(left);
        r.set(inner);
        parameters.train(r);
        return new Module(LowRank.of(a, b, (float) s.scaling(), s.dropout(), number), r, FirstFactors.floats(top.right()), s.rank(), l.in());
    }
}
