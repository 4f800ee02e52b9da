package vitrine.core.analysis.rank;

import java.util.Arrays;
import java.util.BitSet;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// How few dimensions of the residual stream hold most of a token's energy, and whether the same ones do for the next tokens.
///
/// Legend: h a token's hidden state after a layer, d its width; K_t the smallest set of dimensions with `sum h_i^2 >= 0.9 |h|^2`.
///
/// | figure | |
/// |---|---|
/// | density | mean of `|K_t| / d` |
/// | overlap | mean of `|K_t and K_(t-1)| / |K_t or K_(t-1)|` within sequences |
/// | shared | of the dimensions that are in any K_t, the share that is in it for 5 tokens running somewhere |
/// | sharedByMost | the share that is in more than half of all K_t |
///
/// Source: Mixture of Hidden-Dimensions Transformer (2024) for the two kinds of dimensions; the figures are made from its description.
public final class HiddenDensity implements Probe {

    private static final double ENERGY = 0.9;
    private static final int RUNNING = 5;

    private final State[] layers;

    /// One layer's figures so far.
    private static final class State {
        private final long[] kept;
        private final BitSet shared = new BitSet();
        private long size;
        private long tokens;
        private double overlap;
        private long pairs;

        State(int width) {
            kept = new long[width];
        }
    }

    public HiddenDensity(ModelSpec spec) {
        this(spec.layers().size(), spec.hiddenSize());
    }

    HiddenDensity(int layers, int width) {
        this.layers = new State[layers];
        Arrays.setAll(this.layers, l -> new State(width));
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.RESID_POST;
    }

    @Override
    public void at(Place place, Matrix value) {
        BitSet[] sets = new BitSet[value.rows()];
        Parallel.over(sets.length, 8, (from, to) -> {
            for (int t = from; t < to; t++) {
                sets[t] = kept(value.row(t));
            }
        });
        add(layers[place.layer()], sets);
    }

    /// The smallest set of dimensions with 0.9 of the energy; of equal ones the first.
    static BitSet kept(float[] h) {
        double[] energies = new double[h.length];
        double total = 0;
        for (int i = 0; i < h.length; i++) {
            energies[i] = (double) h[i] * h[i];
            total += energies[i];
        }
        double[] sorted = energies.clone();
        Arrays.sort(sorted);
        double sum = 0;
        int count = 0;
        while (count < sorted.length && sum < (ENERGY - 1e-12) * total) {
            sum += sorted[sorted.length - 1 - count++];
        }
        BitSet set = new BitSet(h.length);
        if (count == 0) {
            return set;
        }
        double least = sorted[sorted.length - count];
        for (int i = 0; i < h.length; i++) {
            if (energies[i] > least) {
                set.set(i);
                count--;
            }
        }
        for (int i = 0; i < h.length && count > 0; i++) {
            if (energies[i] == least) {
                set.set(i);
                count--;
            }
        }
        return set;
    }

    private static void add(State s, BitSet[] sequence) {
        int[] running = new int[s.kept.length];
        for (int t = 0; t < sequence.length; t++) {
            BitSet k = sequence[t];
            s.size += k.cardinality();
            s.tokens++;
            for (int i = 0; i < running.length; i++) {
                running[i] = k.get(i) ? running[i] + 1 : 0;
                s.kept[i] += k.get(i) ? 1 : 0;
                if (running[i] >= RUNNING) {
                    s.shared.set(i);
                }
            }
            if (t > 0) {
                BitSet both = (BitSet) k.clone();
                both.and(sequence[t - 1]);
                int either = k.cardinality() + sequence[t - 1].cardinality() - both.cardinality();
                if (either > 0) {
                    s.overlap += (double) both.cardinality() / either;
                    s.pairs++;
                }
            }
        }
    }

    /// One layer's figures.
    ///
    /// @param overlap NaN where no sequence has two tokens
    public record Result(double density, double overlap, double shared, double sharedByMost) {}

    public Result result(int layer) {
        State s = layers[layer];
        long used = Arrays.stream(s.kept).filter(n -> n > 0).count();
        long most = Arrays.stream(s.kept).filter(n -> 2 * n > s.tokens).count();
        return new Result((double) s.size / s.tokens / s.kept.length, s.overlap / s.pairs, (double) s.shared.cardinality() / used, (double) most / used);
    }
}
