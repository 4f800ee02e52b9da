package vitrine.core.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;
import vitrine.core.backward.Parameter;

/// Slopes from losses alone: along random directions z that are drawn again whenever they are needed and never stored.
///
/// MeZO, one step: `theta += eps z; l+ = L; theta -= 2 eps z; l- = L; theta += eps z; g = (l+ - l-) / (2 eps); theta -= rate g z`, which takes the memory of
/// inference. With several probes the mean of their steps. ZO-SAM goes `rho` up along the estimated slope `sum g z / |sum g z|` and takes the ordinary
/// gradient there.
///
/// Source: Malladi et al., *Fine-Tuning Language Models with Just Forward Passes*, 2023 (arXiv 2305.17333); ZO-SAM: arXiv 2603.13115, as in a summary of it.
///
/// @param kind what is done with the slope
/// @param eps how far a probe goes
/// @param probes directions of a step
/// @param rho how far ZO-SAM goes up
public record ZerothOrder(Kind kind, double eps, int probes, double rho) {

    /// What is done with the slope.
    public enum Kind {
        /// The step goes along it; no gradient is computed.
        MEZO,
        /// The gradient is taken a little way up along it.
        SAM
    }

    /// Normal numbers: the value of direction `probe` for value `index` of the `tensor`-th tensor.
    public interface Normal {
        double at(int probe, int tensor, long index);
    }

    /// The slopes along all directions; the tensors are as they were, up to rounding.
    public double[] slopes(List<Parameter> tensors, DoubleSupplier loss, Normal z) {
        double[] out = new double[probes];
        for (int p = 0; p < probes; p++) {
            move(tensors, z, p, eps);
            double above = loss.getAsDouble();
            move(tensors, z, p, -2 * eps);
            double below = loss.getAsDouble();
            move(tensors, z, p, eps);
            out[p] = (above - below) / (2 * eps);
        }
        return out;
    }

    private static void move(List<Parameter> tensors, Normal z, int probe, double by) {
        for (int t = 0; t < tensors.size(); t++) {
            MemorySegment values = tensors.get(t).data();
            int tensor = t;
            vitrine.core.tensor.kernel.Parallel.over((int) Math.ceilDiv(tensors.get(t).elements(), PART), 1, (from, to) -> {
                long end = Math.min((long) to * PART, tensors.get(tensor).elements());
                for (long i = (long) from * PART; i < end; i++) {
                    values.setAtIndex(JAVA_FLOAT, i, (float) (values.getAtIndex(JAVA_FLOAT, i) + by * z.at(probe, tensor, i)));
                }
            });
        }
    }

    private static final int PART = 1 << 14;

    /// MeZO's step down the slopes.
    public void descend(List<Parameter> tensors, double[] slopes, double rate, Normal z) {
        for (int p = 0; p < slopes.length; p++) {
            move(tensors, z, p, -rate * slopes[p] / slopes.length);
        }
    }

    /// Goes `rho` up along the slopes; returns the values as they were, to be put back.
    public List<float[]> climb(List<Parameter> tensors, double[] slopes, Normal z) {
        List<float[]> before = new ArrayList<>();
        double squares = 0;
        for (int t = 0; t < tensors.size(); t++) {
            before.add(tensors.get(t).toArray());
            for (long i = 0; i < tensors.get(t).elements(); i++) {
                double g = along(slopes, z, t, i);
                squares += g * g;
            }
        }
        double factor = squares == 0 ? 0 : rho / Math.sqrt(squares);
        for (int t = 0; t < tensors.size(); t++) {
            MemorySegment values = tensors.get(t).data();
            float[] old = before.get(t);
            for (int i = 0; i < old.length; i++) {
                values.setAtIndex(JAVA_FLOAT, i, (float) (old[i] + factor * along(slopes, z, t, i)));
            }
        }
        return before;
    }

    private static double along(double[] slopes, Normal z, int tensor, long i) {
        double g = 0;
        for (int p = 0; p < slopes.length; p++) {
            g += slopes[p] * z.at(p, tensor, i);
        }
        return g;
    }
}
