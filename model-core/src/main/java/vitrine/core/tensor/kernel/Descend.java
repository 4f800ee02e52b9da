package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/// Steps of optimisers over float32 values in native memory. Values are independent of each other, so any number of threads gives the same bits.
public final class Descend {

    private static final int CHUNK = 4096;

    private Descend() {}

    /// The numbers of one Adam step.
    ///
    /// @param rate the learning rate
    /// @param decay weight decay
    /// @param correction1 `1 - beta1^t`; `correction2` likewise
    /// @param cautious whether weights decay only where the step itself moves them towards 0
    /// @param decayAfter whether the decay follows the step (SPAM) rather than comes before it
    /// @param spike where positive: gradients whose square is more than this times v are cut to that
    public record Adam(double rate, double beta1, double beta2, double eps, double decay, double correction1, double correction2, boolean cautious,
                       boolean decayAfter, double spike) {}

    /// One step; returns how many gradients were cut as spikes.
    ///
    /// @param factor what gradients are multiplied with first (clipping)
    public static long adam(MemorySegment theta, MemorySegment gradient, MemorySegment m, MemorySegment v, long count, float factor, Adam a) {
        int chunks = Math.toIntExact(Math.ceilDiv(count, CHUNK));
        long[] spikes = new long[chunks];
        Parallel.over(chunks, 4, (from, to) -> {
            float[] t = new float[CHUNK];
            float[] g = new float[CHUNK];
            float[] mm = new float[CHUNK];
            float[] vv = new float[CHUNK];
            for (int c = from; c < to; c++) {
                long at = (long) c * CHUNK;
                int n = (int) Math.min(CHUNK, count - at);
                load(theta, at, t, n);
                load(gradient, at, g, n);
                load(m, at, mm, n);
                load(v, at, vv, n);
                for (int i = 0; i < n; i++) {
                    g[i] *= factor;
                }
                if (a.spike > 0) {
                    spikes[c] = cutSpikes(g, vv, n, a.spike);
                }
                step(t, g, mm, vv, n, a);
                store(theta, at, t, n);
                store(m, at, mm, n);
                store(v, at, vv, n);
            }
        });
        long total = 0;
        for (long s : spikes) {
            total += s;
        }
        return total;
    }

    private static long cutSpikes(float[] g, float[] v, int n, double spike) {
        long cut = 0;
        for (int i = 0; i < n; i++) {
            // With v = 0 there is nothing to measure a spike by.
            double limit = spike * v[i];
            if (v[i] > 0 && (double) g[i] * g[i] > limit) {
                g[i] = (float) (Math.signum(g[i]) * Math.sqrt(limit));
                cut++;
            }
        }
        return cut;
    }

    private static void step(float[] t, float[] g, float[] m, float[] v, int n, Adam a) {
        float b1 = (float) a.beta1;
        float c1 = (float) (1 - a.beta1);
        float b2 = (float) a.beta2;
        float c2 = (float) (1 - a.beta2);
        float size = (float) (a.rate / a.correction1);
        float root = (float) Math.sqrt(a.correction2);
        float eps = (float) a.eps;
        float keep = (float) (1 - a.rate * a.decay);
        float lose = (float) (a.rate * a.decay);
        boolean before = a.decay != 0 && !a.cautious && !a.decayAfter;
        boolean after = a.decay != 0 && !a.cautious && a.decayAfter;
        boolean cautious = a.decay != 0 && a.cautious;
        for (int i = 0; i < n; i++) {
            m[i] = b1 * m[i] + c1 * g[i];
            v[i] = b2 * v[i] + c2 * g[i] * g[i];
            float u = m[i] / ((float) Math.sqrt(v[i]) / root + eps);
            float old = t[i];
            float kept = before ? old * keep : old;
            float next = kept - size * u;
            if (after) {
                next = next * keep;
            } else if (cautious && u * old >= 0) {
                next -= lose * old;
            }
            t[i] = next;
        }
    }

    /// The sum of squares, in float64, chunk by chunk from the first.
    public static double squares(MemorySegment values, long count) {
        int chunks = Math.toIntExact(Math.ceilDiv(count, CHUNK));
        double[] sums = new double[chunks];
        Parallel.over(chunks, 4, (from, to) -> {
            float[] g = new float[CHUNK];
            for (int c = from; c < to; c++) {
                long at = (long) c * CHUNK;
                int n = (int) Math.min(CHUNK, count - at);
                load(values, at, g, n);
                double sum = 0;
                for (int i = 0; i < n; i++) {
                    sum += (double) g[i] * g[i];
                }
                sums[c] = sum;
            }
        });
        double total = 0;
        for (double s : sums) {
            total += s;
        }
        return total;
    }

    private static void load(MemorySegment from, long at, float[] to, int n) {
        MemorySegment.copy(from, JAVA_FLOAT, 4 * at, to, 0, n);
    }

    private static void store(MemorySegment to, long at, float[] from, int n) {
        MemorySegment.copy(from, 0, to, JAVA_FLOAT, 4 * at, n);
    }
}
