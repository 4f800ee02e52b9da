package vitrine.core.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import vitrine.core.backward.Parameter;
import vitrine.core.tensor.kernel.Descend;

/// Adam with decoupled weight decay, and its relatives that change one line of it.
///
/// One step, in this order: `theta *= 1 - rate decay; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// theta -= rate (m / (1 - b1^t)) / (sqrt(v) / sqrt(1 - b2^t) + eps)`. Biases and norms, tensors of one dimension, do not decay.
///
/// Source: Loshchilov and Hutter, 2019, in the order of torch 2.13. Cautious decay: where the step moves a weight towards 0 only. Spikes: Huang et al.,
/// *SPAM: Spike-Aware Adam with Momentum Reset*, 2025.
public final class AdamW implements AutoCloseable {

    /// What may be set.
    ///
    /// @param cautious whether decay is cautious
    /// @param spam spike-aware Adam, or null
    public record Settings(double beta1, double beta2, double eps, double weightDecay, boolean cautious, Spam spam) {
        public static final Settings DEFAULT = new Settings(0.9, 0.999, 1e-8, 0, false, null);
    }

    /// Gradients that stand out are cut, and moments are forgotten now and then.
    ///
    /// @param threshold a squared gradient above this times v is a spike; infinite for none
    /// @param interval steps between resets of m and v; 0 for none
    /// @param warmup steps after a reset in which steps are smaller
    public record Spam(double threshold, long interval, long warmup) {

        /// What the step is multiplied with in the k-th step after a reset.
        public double scale(long k) {
            return k >= warmup ? 1 : 1 - 0.99 * (1 + Math.cos(Math.PI * k / (warmup + 1))) / 2;
        }

        private static final long SETTLED = 20;

        boolean cuts(long step) {
            return Double.isFinite(threshold) && step >= SETTLED && (interval == 0 || step % interval >= SETTLED);
        }
    }

    /// m, v and the number of steps of one tensor.
    public static final class Moments {
        private final MemorySegment m;
        private final MemorySegment v;
        private long steps;

        private Moments(MemorySegment m, MemorySegment v) {
            this.m = m;
            this.v = v;
        }

        public MemorySegment m() {
            return m;
        }

        public MemorySegment v() {
            return v;
        }

        public long steps() {
            return steps;
        }

        void steps(long n) {
            steps = n;
        }

        /// Begins anew.
        public void clear() {
            m.fill((byte) 0);
            v.fill((byte) 0);
            steps = 0;
        }
    }

    private final Settings settings;
    private final Arena arena = Arena.ofShared();
    private final Map<Parameter, Moments> moments = new LinkedHashMap<>();
    private long spikes;

    public AdamW(Settings settings) {
        this.settings = settings;
    }

    /// The moments of a tensor; zeros at first.
    public Moments moments(Parameter p) {
        return moments.computeIfAbsent(p, q -> {
            long bytes = Math.max(64, 4 * p.elements());
            return new Moments(arena.allocate(bytes, 64), arena.allocate(bytes, 64));
        });
    }

    /// Changes a tensor by its gradient.
    ///
    /// @param rate the learning rate of the step
    /// @param factor what the gradient is multiplied with first
    /// @param step the run's step, from 1
    public void step(Parameter p, double rate, float factor, long step) {
        Moments s = moments(p);
        Spam spam = settings.spam;
        double scale = 1;
        boolean cuts = false;
        if (spam != null) {
            if (spam.interval > 0 && step % spam.interval == 0) {
                // The count for the bias correction goes on, as in the published code; the small scale hides the larger first step.
                s.m.fill((byte) 0);
                s.v.fill((byte) 0);
            }
            scale = spam.interval > 0 && step >= spam.interval ? spam.scale(step % spam.interval) : 1;
            cuts = spam.cuts(step);
        }
        s.steps++;
        double decay = p.shape().rank() < 2 ? 0 : settings.weightDecay;
        spikes += Descend.adam(p.data(), p.gradient(), s.m, s.v, p.elements(), factor, new Descend.Adam(rate * scale, settings.beta1, settings.beta2, settings.eps,
                spam != null && scale != 0 ? decay / scale : decay, 1 - Math.pow(settings.beta1, s.steps), 1 - Math.pow(settings.beta2, s.steps), settings.cautious, spam != null,
                cuts ? spam.threshold : 0));
    }

    /// Gradients cut as spikes so far.
    public long spikes() {
        return spikes;
    }

    @Override
    public void close() {
        arena.close();
    }
}
