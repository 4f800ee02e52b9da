package vitrine.core.analysis.attention;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.forward.Batch;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// Finds induction and duplicate-token heads on sequences of random tokens said twice, `[BOS] r r`.
///
/// On natural text such heads have little to do; on repeated random tokens nothing else explains the weight. For a query i
/// in the second copy, S after its first occurrence: induction is A[i, i-S+1], duplicate token is A[i, i-S].
///
/// Source: Olsson et al., *In-context Learning and Induction Heads*, 2022; protocol as in TransformerLens.
public final class RepeatedTokens implements Probe {

    /// Tokens of one copy, where the model has room for two.
    public static final int SEGMENT = 50;
    /// Sequences measured.
    public static final int SEQUENCES = 4;
    private static final int LEAST_SEGMENT = 4;
    private static final long SEED = 20220308;

    private final ModelSpec spec;
    private final int segment;
    private final int lead;
    private final Batch batch;
    private final double[][][] induction;
    private final double[][][] duplicate;

    private RepeatedTokens(ModelSpec spec, int segment, int lead, Batch batch) {
        this.spec = spec;
        this.segment = segment;
        this.lead = lead;
        this.batch = batch;
        induction = new double[batch.sequences().size()][spec.layers().size()][spec.maxHeads()];
        duplicate = new double[batch.sequences().size()][spec.layers().size()][spec.maxHeads()];
    }

    /// Makes the sequences, or null for a model that reads in both directions or has no room for them.
    ///
    /// @param bos the begin-of-text token, or -1 for a model without one
    /// @param usable which ids may be drawn: no special tokens
    public static RepeatedTokens ofOrNull(ModelSpec spec, int bos, java.util.function.IntPredicate usable) {
        int lead = bos >= 0 ? 1 : 0;
        int segment = Math.min(SEGMENT, (spec.maxPositions() - lead) / 2);
        int[] ids = java.util.stream.IntStream.range(0, spec.vocabSize()).filter(usable).toArray();
        if (spec.encoder() || segment < LEAST_SEGMENT || ids.length < 2 * LEAST_SEGMENT) {
            return null;
        }
        Random random = new Random(SEED);
        List<Batch.Sequence> sequences = new ArrayList<>();
        for (int s = 0; s < SEQUENCES; s++) {
            int[] tokens = new int[lead + 2 * segment];
            if (lead == 1) {
                tokens[0] = bos;
            }
            for (int i = 0; i < segment; i++) {
                tokens[lead + i] = tokens[lead + segment + i] = ids[random.nextInt(ids.length)];
            }
            sequences.add(new Batch.Sequence(tokens, null));
        }
        return new RepeatedTokens(spec, segment, lead, new Batch(sequences));
    }

    /// The sequences to pass.
    public Batch batch() {
        return batch;
    }

    /// Tokens of one copy in these sequences.
    public int segment() {
        return segment;
    }

    @Override
    public boolean wants(int layer, Site site) {
        return site == Site.PATTERN;
    }

    @Override
    public void at(Place place, Matrix pattern) {
        double[] ind = induction[place.sequence()][place.layer()];
        double[] dup = duplicate[place.sequence()][place.layer()];
        for (int r = 0; r < pattern.rows(); r++) {
            int i = place.firstPosition() + r;
            if (i >= lead + segment) {
                ind[place.head()] += pattern.get(r, i - segment + 1) / segment;
                dup[place.head()] += pattern.get(r, i - segment) / segment;
            }
        }
    }

    /// Mean over queries and sequences, `[layers, heads]`.
    public double[][] induction() {
        return mean(induction);
    }

    /// Mean over queries and sequences, `[layers, heads]`.
    public double[][] duplicate() {
        return mean(duplicate);
    }

    /// The standard error over sequences of [#induction], `[layers, heads]`.
    public double[][] inductionError() {
        return standardError(induction);
    }

    /// The standard error over sequences of [#duplicate], `[layers, heads]`.
    public double[][] duplicateError() {
        return standardError(duplicate);
    }

    private double[][] standardError(double[][][] bySequence) {
        double[][] mean = mean(bySequence);
        double[][] out = new double[mean.length][];
        int n = bySequence.length;
        for (int l = 0; l < out.length; l++) {
            out[l] = new double[mean[l].length];
            for (int h = 0; h < out[l].length; h++) {
                double squares = 0;
                for (double[][] s : bySequence) {
                    squares += (s[l][h] - mean[l][h]) * (s[l][h] - mean[l][h]);
                }
                out[l][h] = Math.sqrt(squares / (n - 1) / n);
            }
        }
        return out;
    }

    private double[][] mean(double[][][] bySequence) {
        double[][] out = new double[spec.layers().size()][spec.maxHeads()];
        for (int l = 0; l < out.length; l++) {
            for (int h = 0; h < out[l].length; h++) {
                for (double[][] s : bySequence) {
                    out[l][h] += s[l][h] / bySequence.length;
                }
                if (h >= spec.layers().get(l).attention().heads()) {
                    out[l][h] = Double.NaN;
                }
            }
        }
        return out;
    }
}
