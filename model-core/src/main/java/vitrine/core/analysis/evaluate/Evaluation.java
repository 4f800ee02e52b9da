package vitrine.core.analysis.evaluate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Likelihood;

/// Token-weighted loss over sequences: the mean of -ln p(target | tokens before) over every target that counts, in nats.
///
/// Every target weighs the same, whatever the length of its sequence. Perplexity is exp(loss).
public final class Evaluation {

    /// Sequences pass together up to this many tokens.
    private static final int BATCH_TOKENS = 8192;

    private final ForwardPass forward;

    public Evaluation(ForwardPass forward) {
        this.forward = forward;
    }

    /// The loss over some sequences.
    ///
    /// @param loss nats per predicted token
    /// @param predicted targets that counted
    public record Result(double loss, long predicted, int sequences) {
        public double perplexity() {
            return Math.exp(loss);
        }
    }

    /// All sequences together, and those of each label.
    public record Results(Result all, Map<String, Result> byLabel) {}

    /// Measures sequences in the order given; progress counts tokens.
    public Results run(List<Sequences.Labelled> data, Progress progress) {
        return run(data, Probe.NONE, progress);
    }

    /// Measures sequences while another probe reads or changes values on the way.
    public Results run(List<Sequences.Labelled> data, Probe also, Progress progress) {
        long total = data.stream().mapToLong(s -> s.ids().length).sum();
        long done = 0;
        Map<String, Sum> sums = new LinkedHashMap<>();
        Sum all = new Sum();
        for (List<Sequences.Labelled> batch : batches(data)) {
            progress.step(done, total, "tokens");
            TargetLosses losses = new TargetLosses(batch);
            forward.run(new Batch(batch.stream().map(s -> new Batch.Sequence(s.ids(), null)).toList()), Probe.all(List.of(also, losses)), new Unannounced(progress));
            for (int i = 0; i < batch.size(); i++) {
                all.add(losses.sum[i], batch.get(i).predicted());
                if (batch.get(i).label() != null) {
                    sums.computeIfAbsent(batch.get(i).label(), l -> new Sum()).add(losses.sum[i], batch.get(i).predicted());
                }
                done += batch.get(i).ids().length;
            }
        }
        progress.step(total, total, "tokens");
        Map<String, Result> byLabel = new LinkedHashMap<>();
        sums.forEach((label, sum) -> byLabel.put(label, sum.result()));
        return new Results(all.result(), byLabel);
    }

    /// The sum of -ln p over the targets of each sequence of a batch, from the residual stream before a layer: what comes before need not be
    /// computed again.
    ///
    /// @param x the residual stream before layer `from`, `[tokens, hidden]`; destroyed
    /// @return nats, `[sequences]`
    public double[] sums(List<Sequences.Labelled> batch, Matrix x, int from, Progress progress) {
        TargetLosses losses = new TargetLosses(batch);
        forward.resume(new Batch(batch.stream().map(s -> new Batch.Sequence(s.ids(), null)).toList()), x, from, losses, new Unannounced(progress));
        return losses.sum;
    }

    /// Sequences in groups of at most [#BATCH_TOKENS] tokens (or one longer sequence).
    public static List<List<Sequences.Labelled>> batches(List<Sequences.Labelled> data) {
        List<List<Sequences.Labelled>> out = new ArrayList<>();
        List<Sequences.Labelled> batch = new ArrayList<>();
        int tokens = 0;
        for (Sequences.Labelled s : data) {
            if (!batch.isEmpty() && tokens + s.ids().length > BATCH_TOKENS) {
                out.add(batch);
                batch = new ArrayList<>();
                tokens = 0;
            }
            batch.add(s);
            tokens += s.ids().length;
        }
        out.add(batch);
        return out;
    }

    private static final class Sum {
        private double loss;
        private long predicted;
        private int sequences;

        void add(double sum, long count) {
            loss += sum;
            predicted += count;
            sequences++;
        }

        Result result() {
            return new Result(loss / predicted, predicted, sequences);
        }
    }

    /// Cancels like the progress behind it, and leaves counting to the caller.
    private record Unannounced(Progress behind) implements Progress {
        @Override
        public void step(long done, long total, String unit) {}

        @Override
        public void checkCancelled() {
            behind.checkCancelled();
        }
    }

    /// Adds up -ln p of the targets while logits pass.
    private static final class TargetLosses implements Probe {
        private final List<Sequences.Labelled> batch;
        private final double[] sum;

        TargetLosses(List<Sequences.Labelled> batch) {
            this.batch = batch;
            sum = new double[batch.size()];
        }

        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.LOGITS;
        }

        @Override
        public void at(Place place, Matrix logits) {
            int[] labels = batch.get(place.sequence()).labels();
            int[] targets = new int[logits.rows()];
            for (int r = 0; r < targets.length; r++) {
                int t = place.firstPosition() + r + 1;
                targets[r] = t < labels.length && labels[t] != Sequences.IGNORED ? labels[t] : -1;
            }
            double[] losses = Likelihood.negativeLog(logits, targets);
            for (int r = 0; r < targets.length; r++) {
                if (targets[r] >= 0) {
                    sum[place.sequence()] += losses[r];
                }
            }
        }
    }
}
