package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.tensor.Shape;
import vitrine.core.train.Randomness;

/// The change has the singular vectors of the matrix itself, W = U S V^T: dW = U diag(m) V^T, and only m is trained, one value per singular vector (SVFT's plain form).
/// m begins with 0. The change has full rank, so that the result, an ordinary adapter with A = V^T and B = U diag(m), is as large as the matrices and a little more.
///
/// Source: Lingam et al., *SVFT: Parameter-Efficient Fine-Tuning with Singular Vectors*, 2024 (arXiv 2405.19597).
public final class Svft extends ComposedLora {

    public Svft(Settings settings) {
        super(settings);
    }

    /// @param left U `[out, k]`
    private record Module(LowRank low, Parameter m, float[] left) implements Composed {
        @Override
        public void apply() {
            float[] v = m.toArray();
            float[] b = left.clone();
            for (int i = 0; i < b.length; i++) {
                b[i] *= v[i % v.length];
            }
            low.b().set(b);
        }

        /// dm_i = u_i . db_i.
        @Override
        public void gradient() {
            float[] d = low.b().gradientToArray();
            double[] sum = new double[(int) m.elements()];
            for (int i = 0; i < d.length; i++) {
                sum[i % sum.length] += (double) d[i] * left[i];
            }
            m.clear();
            for (int i = 0; i < sum.length; i++) {
                m.gradient().setAtIndex(JAVA_FLOAT, i, (float) sum[i]);
            }
        }
    }

    @Override
    String called() {
        return "svft";
    }

    @Override
    Composed compose(Parameters parameters, Target t, int number, Randomness randomness) {
        int k = Math.min(t.in(), t.out());
        FirstFactors.Largest all = FirstFactors.Largest.of(rows(parameters.values(t.linear()), t.linear()), t.out(), t.in(), k);
        Parameter a = Parameter.zeros(t.path() + ".lora_A.weight", Shape.of(k, t.in()), parameters.arena());
        Parameter b = Parameter.zeros(t.path() + ".lora_B.weight", Shape.of(t.out(), k), parameters.arena());
        Parameter m = Parameter.zeros(t.path() + ".svft_m", Shape.of(k), parameters.arena());
        a.set(FirstFactors.floats(all.right()));
        parameters.train(m);
        return new Module(LowRank.of(a, b, 1f, settings().dropout(), number), m, FirstFactors.floats(all.left()));
    }

    /// Every module has a rank of its own, and a scaling of 1.
    @Override
    void patterns(Parameters parameters, Map<String, Target> of, ObjectNode ranks, ObjectNode alphas) {
        of.forEach((path, t) -> {
            int k = Math.min(t.in(), t.out());
            ranks.put("^" + path.replace(".", "\\."), k);
            alphas.put("^" + path.replace(".", "\\."), k);
        });
    }
}
