package vitrine.core.work.prune.structure;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import vitrine.core.forward.Batch;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.prune.SkipSearch;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.CalibrationTexts;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.KeptSums;

/// How well a model that skips sub-layers says what the whole model says next: texts are continued greedily by the whole model, and one pass over each continuation tells at how many of
/// its places the likeliest token of the skipping model is that token.
///
/// Units: the attention of layer 1, its feed-forward block, the attention of layer 2 and so on; the first and the last layer are never skipped.
final class SkipMatch {

    /// Tokens that each text is continued by.
    static final int CONTINUED = 32;
    private static final int PROMPT = 32;
    private static final int TEXTS = 8;

    private final LoadedModel model;
    private final Progress progress;
    private final List<int[]> sequences = new ArrayList<>();
    private final List<Integer> prompts = new ArrayList<>();
    /// How well each set did, in the order in which they were asked for.
    private final double[] matchness = new double[SkipSearch.MOST];
    /// Null where nothing is kept.
    private final KeptSums.Sums found;
    private int asked;

    /// @param kept where what the model says and how well sets do is kept as it is found
    SkipMatch(LoadedModel model, CalibrationTexts texts, KeptSums kept, Progress progress) throws IOException {
        this.model = model;
        this.progress = progress;
        int most = model.spec().maxPositions();
        int continued = Math.min(CONTINUED, most / 2);
        for (int[] ids : texts.ids()) {
            if (sequences.size() < TEXTS) {
                int prompt = Math.min(ids.length, Math.min(PROMPT, most - continued));
                sequences.add(Arrays.copyOf(ids, prompt));
                prompts.add(prompt);
            }
        }
        List<double[]> said = sequences.stream().map(q -> new double[continued]).toList();
        KeptSums.Sums continuation = kept.of("continuation", said);
        for (int i = 0; i < continued; i++) {
            if (i >= continuation.done()) {
                progress.step(i, continued, "tokens continued");
                progress.checkCancelled();
                int[][] next = likeliest(new BitSet());
                for (int t = 0; t < next.length; t++) {
                    said.get(t)[i] = next[t][next[t].length - 1];
                }
                continuation.added(i + 1, passed());
            }
            for (int t = 0; t < sequences.size(); t++) {
                int[] longer = Arrays.copyOf(sequences.get(t), sequences.get(t).length + 1);
                longer[longer.length - 1] = (int) said.get(t)[i];
                sequences.set(t, longer);
            }
        }
        continuation.keep(continued);
        found = kept == KeptSums.NONE ? null : kept.of("matchness", List.of(matchness));
    }

    /// Tokens of a pass.
    private int passed() {
        return sequences.stream().mapToInt(q -> q.length).sum();
    }

    /// How many sub-layers may be skipped.
    int units() {
        return Math.max(0, 2 * (model.spec().layers().size() - 2));
    }

    /// Tokens that are compared.
    int tokens() {
        int sum = 0;
        for (int t = 0; t < sequences.size(); t++) {
            sum += sequences.get(t).length - prompts.get(t);
        }
        return sum;
    }

    /// How well a set does. What an earlier session of the run has found is not looked for again: the search asks for the same sets in the same order.
    double of(BitSet skipped) throws IOException {
        if (found == null) {
            progress.checkCancelled();
            return measured(skipped);
        }
        int number = asked++;
        if (number >= found.done()) {
            progress.checkCancelled();
            matchness[number] = measured(skipped);
            found.added(number + 1, passed());
        }
        return matchness[number];
    }

    /// Tells that no more sets come.
    void end() throws IOException {
        if (found != null) {
            found.keep(asked);
        }
    }

    private double measured(BitSet skipped) {
        int[][] said = likeliest(skipped);
        int same = 0;
        for (int t = 0; t < said.length; t++) {
            int[] ids = sequences.get(t);
            for (int i = prompts.get(t); i < ids.length; i++) {
                same += said[t][i - 1] == ids[i] ? 1 : 0;
            }
        }
        return (double) same / tokens();
    }

    /// The likeliest next token at every place of every sequence; of equal ones the smaller.
    private int[][] likeliest(BitSet skipped) {
        int[][] out = new int[sequences.size()][];
        for (int t = 0; t < out.length; t++) {
            out[t] = new int[sequences.get(t).length];
        }
        Probe reading = new Probe() {
            @Override
            public boolean wants(int layer, Site site) {
                return site == Site.LOGITS;
            }

            @Override
            public void at(Place place, Matrix logits) {
                for (int r = 0; r < logits.rows(); r++) {
                    float[] row = logits.row(r);
                    int best = 0;
                    for (int i = 1; i < row.length; i++) {
                        best = row[i] > row[best] ? i : best;
                    }
                    out[place.sequence()][place.firstPosition() + r] = best;
                }
            }
        };
        model.forward().run(Batch.of(sequences.toArray(int[][]::new)), Probe.all(List.of(new Skip(skipped), reading)), new Quiet(progress));
        return out;
    }

    /// What sub-layers that are skipped give to the residual stream is 0.
    private record Skip(BitSet skipped) implements Probe {
        @Override
        public boolean wants(int layer, Site site) {
            return layer > 0 && (site == Site.ATTN_OUT && skipped.get(2 * (layer - 1)) || site == Site.MLP_OUT && skipped.get(2 * (layer - 1) + 1));
        }

        @Override
        public void at(Place place, Matrix value) {
            for (int r = 0; r < value.rows(); r++) {
                for (int c = 0; c < value.columns(); c++) {
                    value.set(r, c, 0f);
                }
            }
        }
    }
}
