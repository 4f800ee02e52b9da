package vitrine.core.analysis.evaluate;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;

/// Losses after a prompt of which only part of the keys and values are kept. The prompt passes whole; the tokens after it see the keys that stay, each with the position that it had, and each other.
///
/// A key/value head's keys stay or go together; attention received is summed over the query heads that share it.
public final class CacheEviction {

    private final ModelSpec spec;
    private final ForwardPass forward;
    private final double prompt;
    private final long seed;

    /// @param prompt the share of each text that is the prompt, between 0 and 1
    public CacheEviction(ModelSpec spec, ForwardPass forward, double prompt, long seed) {
        this.spec = spec;
        this.forward = forward;
        this.prompt = prompt;
        this.seed = seed;
    }

    /// @param loss nats per token after the prompt's next one, which the whole prompt predicts
    /// @param keptShare of the prompt's keys, over all texts, layers and heads
    public record Measured(double loss, long predicted, int sequences, double keptShare) {}

    /// @param policy null for all keys
    public Measured measure(List<Sequences.Labelled> data, CachePolicy policy, double keep, Progress progress) {
        double sum = 0;
        long predicted = 0;
        int sequences = 0;
        double kept = 0;
        double keys = 0;
        for (int i = 0; i < data.size(); i++) {
            progress.checkCancelled();
            progress.step(i, data.size(), "texts");
            int[] ids = data.get(i).ids();
            int n = (int) (prompt * ids.length);
            int[] labels = data.get(i).labels().clone();
            Arrays.fill(labels, 0, Math.min(labels.length, n + 1), Sequences.IGNORED);
            Sequences.Labelled after = new Sequences.Labelled(ids, labels, null);
            if (n < 1 || after.predicted() == 0) {
                continue;
            }
            Probe masks = Probe.NONE;
            if (policy != null) {
                BitSet[][] stays = stays(ids, n, policy, keep, i, progress);
                masks = hiding(stays, n);
                for (BitSet[] layer : stays) {
                    for (BitSet head : layer) {
                        kept += head.cardinality();
                        keys += n;
                    }
                }
            }
            Evaluation.Result r = new Evaluation(forward).run(List.of(after), masks, new Still(progress)).all();
            sum += r.loss() * r.predicted();
            predicted += r.predicted();
            sequences++;
        }
        progress.step(data.size(), data.size(), "texts");
        return new Measured(sum / predicted, predicted, sequences, keys == 0 ? 1 : kept / keys);
    }

    /// The prompt's keys that stay, `[layers][key/value heads]`.
    public BitSet[][] stays(int[] ids, int n, CachePolicy policy, double keep, int text, Progress progress) {
        Received received = new Received(spec, n);
        forward.run(Batch.of(Arrays.copyOf(ids, n)), received, new Still(progress));
        BitSet[][] out = new BitSet[spec.layers().size()][];
        for (int l = 0; l < out.length; l++) {
            out[l] = new BitSet[spec.layers().get(l).attention().keyValueHeads()];
            for (int g = 0; g < out[l].length; g++) {
                // Every text, layer and head draws by itself, whatever is measured before it.
                SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + ((long) text << 32 | (long) l << 16 | g));
                out[l][g] = policy.kept(received.byProxies[l][g], received.byAll[l][g], keep, random);
            }
        }
        return out;
    }

    /// Hides the keys of a prompt of n tokens that do not stay from the tokens after it.
    public Probe hiding(BitSet[][] stays, int n) {
        return new Evicted(stays, n);
    }

    /// Adds up the attention that keys receive.
    private static final class Received implements Probe {
        private final ModelSpec spec;
        private final int firstProxy;
        private final double[][][] byProxies;
        private final double[][][] byAll;

        Received(ModelSpec spec, int n) {
            this.spec = spec;
            firstProxy = n - CachePolicy.proxies(n);
            byProxies = new double[spec.layers().size()][][];
            byAll = new double[spec.layers().size()][][];
            for (int l = 0; l < byAll.length; l++) {
                byAll[l] = new double[spec.layers().get(l).attention().keyValueHeads()][n];
                byProxies[l] = new double[byAll[l].length][n];
            }
        }

        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.PATTERN;
        }

        @Override
        public void at(Place place, Matrix pattern) {
            int group = place.head() / spec.layers().get(place.layer()).attention().groupSize();
            for (int r = 0; r < pattern.rows(); r++) {
                float[] row = pattern.row(r);
                for (int j = 0; j < row.length; j++) {
                    byAll[place.layer()][group][j] += row[j];
                    if (place.firstPosition() + r >= firstProxy) {
                        byProxies[place.layer()][group][j] += row[j];
                    }
                }
            }
        }
    }

    /// Hides keys that have gone from the tokens after the prompt.
    private final class Evicted implements Probe {
        private final BitSet[][] stays;
        private final int n;

        Evicted(BitSet[][] stays, int n) {
            this.stays = stays;
            this.n = n;
        }

        @Override
        public boolean wants(int layer, Site site) {
            return site == Site.ATTN_SCORES;
        }

        @Override
        public void at(Place place, Matrix scores) {
            BitSet kept = stays[place.layer()][place.head() / spec.layers().get(place.layer()).attention().groupSize()];
            for (int r = Math.max(0, n - place.firstPosition()); r < scores.rows(); r++) {
                for (int j = kept.nextClearBit(0); j < n; j = kept.nextClearBit(j + 1)) {
                    scores.data().set(JAVA_FLOAT, scores.rowOffset(r) + 4L * j, Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    /// Cancels like the progress behind it, and counts nothing.
    private record Still(Progress behind) implements Progress {
        @Override
        public void step(long done, long total, String unit) {}

        @Override
        public void checkCancelled() {
            behind.checkCancelled();
        }
    }
}
