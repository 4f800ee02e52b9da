package vitrine.core.train.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.backward.LowRank;
import vitrine.core.backward.Parameter;
import vitrine.core.backward.Parameters;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.train.Randomness;

/// Factors that are sums of fixed random ones: A = sum_i alpha_i A_i, B = sum_j beta_j B_j. Only the coefficients are trained, `k` for either factor; the bases are numbers of
/// the run's seed, made anew whenever they are needed and never kept. beta begins with 0, so that the change is 0.
///
/// A_i is even in ±1/sqrt(in), B_j in ±1/sqrt(r), alpha normal with deviation 1/sqrt(k), so that A begins as wide as LoRA's: our choice, for want of the paper's.
/// The result is an ordinary adapter, with the coefficients beside it (`coefficients.safetensors`).
///
/// Source: Koohpayegani et al., *NOLA: Compressing LoRA using Linear Combination of Random Basis*, 2023 (arXiv 2310.02556), from its abstract.
public final class Nola extends ComposedLora {

    private final int bases;

    /// @param bases k
    public Nola(Settings settings, int bases) {
        super(settings);
        this.bases = bases;
    }

    /// @param stream tells the numbers of A's bases from all others; those of B's follow it
    private record Module(LowRank low, Parameter alpha, Parameter beta, double boundA, double boundB, long stream, Randomness randomness) implements Composed {
        @Override
        public void apply() {
            low.a().set(sum(alpha.toArray(), (int) low.a().elements(), boundA, stream));
            low.b().set(sum(beta.toArray(), (int) low.b().elements(), boundB, stream + 1));
        }

        private double basis(long of, int i, int size, int at) {
            return 2 * randomness.uniform(Randomness.Stream.INITIAL, of, (long) i * size + at) - 1;
        }

        private float[] sum(float[] c, int size, double bound, long of) {
            float[] out = new float[size];
            Parallel.over(size, 256, (from, to) -> {
                for (int at = from; at < to; at++) {
                    double v = 0;
                    for (int i = 0; i < c.length; i++) {
                        v += c[i] == 0f ? 0 : c[i] * basis(of, i, size, at);
                    }
                    out[at] = (float) (bound * v);
                }
            });
            return out;
        }

        /// dalpha_i = <dA, A_i>, dbeta_j = <dB, B_j>.
        @Override
        public void gradient() {
            along(alpha, low.a().gradientToArray(), boundA, stream);
            along(beta, low.b().gradientToArray(), boundB, stream + 1);
        }

        private void along(Parameter c, float[] d, double bound, long of) {
            c.clear();
            double[] out = new double[(int) c.elements()];
            Parallel.over(out.length, 1, (from, to) -> {
                for (int i = from; i < to; i++) {
                    for (int at = 0; at < d.length; at++) {
                        out[i] += d[at] * basis(of, i, d.length, at);
                    }
                }
            });
            for (int i = 0; i < out.length; i++) {
                c.gradient().setAtIndex(JAVA_FLOAT, i, (float) (bound * out[i]));
            }
        }
    }

    @Override
    String called() {
        return "nola";
    }

    @Override
    Composed compose(Parameters parameters, Target t, int number, Randomness randomness) {
        int rank = settings().rank();
        Parameter a = Parameter.zeros(t.path() + ".lora_A.weight", Shape.of(rank, t.in()), parameters.arena());
        Parameter b = Parameter.zeros(t.path() + ".lora_B.weight", Shape.of(t.out(), rank), parameters.arena());
        Parameter alpha = Parameter.zeros(t.path() + ".nola_alpha", Shape.of(bases), parameters.arena());
        Parameter beta = Parameter.zeros(t.path() + ".nola_beta", Shape.of(bases), parameters.arena());
        float[] first = new float[bases];
        for (int i = 0; i < bases; i++) {
            first[i] = (float) (randomness.normal(Randomness.Stream.INITIAL, 3L * number + 2, i) / Math.sqrt(bases));
        }
        alpha.set(first);
        parameters.train(alpha);
        parameters.train(beta);
        return new Module(LowRank.of(a, b, (float) settings().scaling(), settings().dropout(), number), alpha, beta, 1 / Math.sqrt(t.in()), 1 / Math.sqrt(rank), 3L * number, randomness);
    }

    @Override
    public void write(Parameters parameters, Path folder, ObjectNode summary) throws IOException {
        super.write(parameters, folder, summary);
        Map<String, Declared> declared = new LinkedHashMap<>();
        parameters.trained().forEach(p -> declared.put(p.name(), new Declared(DType.F32, p.shape())));
        try (SafetensorsWriter out = new SafetensorsWriter(folder.resolve("coefficients.safetensors"), declared, Map.of())) {
            for (Parameter p : parameters.trained()) {
                out.write(p.name(), 0, p.toArray());
            }
        }
    }
}
