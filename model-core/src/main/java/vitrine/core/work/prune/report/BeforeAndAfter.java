package vitrine.core.work.prune.report;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.analysis.routing.FinalStates;
import vitrine.core.analysis.routing.NextTokenShift;
import vitrine.core.artifact.Fingerprint;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;

/// Two checkpoints on the same texts: the one that was pruned and what became of it. Both are measured here and now, with the same pieces, in float32.
public final class BeforeAndAfter {

    /// Tokens of a text on which next-token distributions are compared.
    private static final int COMPARED_TOKENS = 2048;
    /// Tokens by which the speed is measured, how often at least and at most, and for how long where that is more.
    private static final int TIMED_TOKENS = 512;
    private static final int LEAST_ROUNDS = 2;
    private static final int MOST_ROUNDS = 200;
    private static final double TIMED_SECONDS = 0.2;

    private final LoadedModel before;
    private final LoadedModel after;
    private final Progress progress;

    public BeforeAndAfter(LoadedModel before, LoadedModel after, Progress progress) {
        this.before = before;
        this.after = after;
        this.progress = progress;
    }

    /// A named text.
    ///
    /// @param file where it came from
    public record Named(String name, String file, List<Sequences.Labelled> pieces, int length) {}

    /// Loss and perplexity of a text before and after, the mean divergence of the next-token distributions and how often the likeliest token is the same.
    public ObjectNode of(Named text) {
        return of(text, null);
    }

    /// The same, while what experts the compared tokens choose is counted.
    ///
    /// @param routes or null
    public ObjectNode of(Named text, RoutesBeforeAndAfter routes) {
        Evaluation.Result dense = new Evaluation(before.forward()).run(text.pieces(), progress).all();
        Evaluation.Result pruned = new Evaluation(after.forward()).run(text.pieces(), progress).all();
        ObjectNode n = Json.object().put("name", text.name()).put("file", text.file()).put("text_hash", Fingerprint.of(Path.of(text.file()))).put("sequence_length", text.length())
                .put("sequences", dense.sequences()).put("predicted_tokens", dense.predicted());
        put(n.putObject("dense"), dense);
        put(n.putObject("pruned"), pruned);
        Figures.put(n, "perplexity_change_percent", 100 * (pruned.perplexity() / dense.perplexity() - 1));
        List<int[]> compared = new ArrayList<>();
        int tokens = 0;
        for (Sequences.Labelled p : text.pieces()) {
            if (tokens == 0 || tokens + p.ids().length <= COMPARED_TOKENS) {
                compared.add(p.ids());
                tokens += p.ids().length;
            }
        }
        NextTokenShift shift = new NextTokenShift(before.forward(), 1, 0);
        for (int[] ids : compared) {
            try (FinalStates states = new FinalStates(1)) {
                Batch batch = Batch.of(ids);
                before.forward().run(batch, routes == null ? states : Probe.all(List.of(states, routes.before())), new Quiet(progress));
                shift.begin(new int[][] {ids}, new int[1], 0, states);
                after.forward().run(batch, routes == null ? shift : Probe.all(List.of(shift, routes.after())), new Quiet(progress));
            }
        }
        Figures.put(n, "kl", shift.mean());
        n.put("top1_agreement", 1 - shift.topChanged()).put("compared_tokens", tokens);
        return n;
    }

    private static void put(ObjectNode to, Evaluation.Result r) {
        Figures.put(to, "loss", r.loss());
        Figures.put(to, "perplexity", r.perplexity());
    }

    /// Tokens per second of a pass with logits, before and after, in turn; the best of each.
    public ObjectNode speed(List<Sequences.Labelled> pieces) {
        List<int[]> timed = new ArrayList<>();
        int tokens = 0;
        for (Sequences.Labelled p : pieces) {
            if (tokens < TIMED_TOKENS) {
                int[] ids = java.util.Arrays.copyOf(p.ids(), Math.min(p.ids().length, TIMED_TOKENS - tokens));
                timed.add(ids);
                tokens += ids.length;
            }
        }
        Batch batch = Batch.of(timed.toArray(int[][]::new));
        double dense = Double.POSITIVE_INFINITY;
        double pruned = Double.POSITIVE_INFINITY;
        double spent = 0;
        int rounds = 0;
        while (rounds < LEAST_ROUNDS || spent < TIMED_SECONDS && rounds < MOST_ROUNDS) {
            double a = seconds(before, batch);
            double b = seconds(after, batch);
            dense = Math.min(dense, a);
            pruned = Math.min(pruned, b);
            spent += a + b;
            rounds++;
        }
        return Json.object().put("tokens", tokens).put("rounds", rounds).put("dense_tokens_per_second", tokens / dense).put("pruned_tokens_per_second", tokens / pruned);
    }

    private double seconds(LoadedModel model, Batch batch) {
        long start = System.nanoTime();
        model.forward().run(batch, Logits.INSTANCE, new Quiet(progress));
        return Math.max(1e-9, (System.nanoTime() - start) / 1e9);
    }

    /// Wants logits and does nothing with them.
    private enum Logits implements Probe {
        INSTANCE;

        @Override
        public boolean wants(int layer, vitrine.core.probe.Site site) {
            return site == vitrine.core.probe.Site.LOGITS;
        }

        @Override
        public void at(vitrine.core.probe.Place place, vitrine.core.tensor.Matrix value) {}
    }

    /// The largest difference between two rows of logits, and the largest logit.
    ///
    /// @return `[2]`
    static double[] largestDifference(float[] x, float[] y) {
        double worst = x.length == y.length ? 0 : Double.POSITIVE_INFINITY;
        double largest = 0;
        for (int i = 0; i < Math.min(x.length, y.length); i++) {
            boolean same = Float.floatToIntBits(x[i]) == Float.floatToIntBits(y[i]);
            double d = same ? 0 : Math.abs((double) x[i] - y[i]);
            worst = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(worst, d);
            largest = Math.max(largest, Math.abs(x[i]));
        }
        return new double[] {worst, largest};
    }

    /// The logits of every position.
    public static float[] logits(LoadedModel model, int[] ids) {
        return logits(model, ids, Probe.NONE);
    }

    /// The logits of every position while another probe changes values on the way.
    public static float[] logits(LoadedModel model, int[] ids, Probe also) {
        List<float[]> rows = new ArrayList<>();
        Probe keeping = new Probe() {
            @Override
            public boolean wants(int layer, vitrine.core.probe.Site site) {
                return site == vitrine.core.probe.Site.LOGITS;
            }

            @Override
            public void at(vitrine.core.probe.Place place, vitrine.core.tensor.Matrix value) {
                rows.add(value.toArray());
            }
        };
        model.forward().run(Batch.of(ids), Probe.all(List.of(also, keeping)), Progress.NONE);
        float[] all = new float[rows.stream().mapToInt(r -> r.length).sum()];
        int at = 0;
        for (float[] r : rows) {
            System.arraycopy(r, 0, all, at, r.length);
            at += r.length;
        }
        return all;
    }
}
