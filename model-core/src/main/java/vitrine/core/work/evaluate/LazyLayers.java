package vitrine.core.work.evaluate;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import vitrine.core.analysis.attention.MeanMaps;
import vitrine.core.analysis.evaluate.Evaluation;
import vitrine.core.analysis.evaluate.LazyAttention;
import vitrine.core.analysis.routing.FinalStates;
import vitrine.core.analysis.routing.NextTokenShift;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.dataset.Sequences;
import vitrine.core.forward.Batch;
import vitrine.core.json.Json;
import vitrine.core.probe.Probe;
import vitrine.core.progress.Progress;
import vitrine.core.progress.Quiet;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.Task;
import vitrine.core.tensor.Matrix;
import vitrine.core.work.input.LoadedModel;
import vitrine.core.work.output.Figures;

/// How alike layers attend over texts, and what it costs where layers take over the queries or the attention weights of those that attend alike.
final class LazyLayers {

    /// Tokens over which layers are compared, and over which next tokens are.
    private static final int COMPARED_TOKENS = 4096;
    /// Bytes of attention weights that are held at once.
    private static final long MOST_BYTES = 2L << 30;
    private static final int LONGEST = 4;

    private final LoadedModel model;
    private final ModelSpec spec;
    private final Task.Lazy task;
    private final Progress progress;

    LazyLayers(LoadedModel model, Task.Lazy task, Progress progress) {
        this.model = model;
        spec = model.spec();
        this.task = task;
        this.progress = progress;
    }

    /// @param whole the loss of the model as it is
    ObjectNode measure(List<Sequences.Labelled> data, Evaluation.Result whole) {
        require(data);
        int longest = task.longest() == null ? LONGEST : task.longest();
        boolean withoutFirst = Boolean.TRUE.equals(task.withoutFirst());
        List<Sequences.Labelled> compared = first(data);
        double[][] divergence = divergence(compared, withoutFirst);
        ObjectNode out = Json.object().put("compared_tokens", compared.stream().mapToInt(s -> s.ids().length).sum()).put("longest", longest).put("without_first_key", withoutFirst)
                .put("recipe", "Jensen-Shannon divergence of the layers' mean attention, mean over queries, nats; queries are taken over after rotation, keys and values stay each layer's own");
        ArrayNode rows = out.putArray("divergence");
        for (double[] row : divergence) {
            ArrayNode list = rows.addArray();
            Arrays.stream(row).forEach(v -> Figures.add(list, v));
        }
        ArrayNode thresholds = out.putArray("thresholds");
        for (double threshold : task.thresholds()) {
            int[] anchors = LazyAttention.anchors(divergence, threshold, longest);
            int lazy = (int) IntStream.range(0, anchors.length).filter(l -> anchors[l] != l).count();
            ObjectNode n = thresholds.addObject().put("threshold", threshold).put("lazy_layers", lazy).put("lazy_share", (double) lazy / anchors.length);
            // A layer that takes weights over needs no keys: half of its part of the cache.
            n.put("spared_cache", lazy / (2.0 * anchors.length));
            ArrayNode list = n.putArray("anchors");
            Arrays.stream(anchors).forEach(list::add);
            for (LazyAttention.Reused what : LazyAttention.Reused.values()) {
                ObjectNode to = n.putObject(what.name());
                double loss = loss(data, anchors, what);
                Figures.put(to, "loss", loss);
                Figures.put(to, "perplexity", Math.exp(loss));
                Figures.put(to, "perplexity_change_percent", 100 * Math.expm1(loss - whole.loss()));
                shift(compared, anchors, what, to);
            }
        }
        return out;
    }

    private void require(List<Sequences.Labelled> data) {
        AttentionSpec first = spec.layers().getFirst().attention();
        spec.layers().forEach(l -> {
            AttentionSpec a = l.attention();
            if (a.window() != first.window() || a.chunk() != first.chunk()) {
                throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "its layers see different windows (layer %d another than layer 0), so that what they attend to is not comparable", l.index());
            }
            if (a.heads() != first.heads() || a.headDim() != first.headDim() || !Objects.equals(a.alibi(), first.alibi()) || (a.rope() == null) != (first.rope() == null)) {
                throw Refusal.of(Category.TASK_INVALID, model.checkpoint().path(), "its layers have queries of different kinds (layer %d others than layer 0), which cannot take each other's place", l.index());
            }
        });
        int longest = data.stream().mapToInt(s -> s.ids().length).max().orElse(0);
        long bytes = Math.max(MeanMaps.bytes(spec, longest), 4L * first.heads() * longest * longest);
        if (bytes > MOST_BYTES) {
            throw Refusal.of(Category.LIMIT_EXCEEDED, null, "attention weights of %,d tokens take %,d bytes; there is room for %,d", longest, bytes, MOST_BYTES).help("Cut texts shorter: --sequence-length.");
        }
    }

    private static List<Sequences.Labelled> first(List<Sequences.Labelled> data) {
        int tokens = 0;
        int pieces = 0;
        while (pieces < data.size() && (pieces == 0 || tokens + data.get(pieces).ids().length <= COMPARED_TOKENS)) {
            tokens += data.get(pieces++).ids().length;
        }
        return data.subList(0, pieces);
    }

    /// The divergence of every two layers, each query counting alike.
    private double[][] divergence(List<Sequences.Labelled> data, boolean withoutFirst) {
        int n = spec.layers().size();
        double[][] sum = new double[n][n];
        long queries = 0;
        for (int i = 0; i < data.size(); i++) {
            progress.checkCancelled();
            progress.step(i, data.size(), "texts compared");
            int[] ids = data.get(i).ids();
            // The first query sees the first key only.
            int own = withoutFirst ? ids.length - 1 : ids.length;
            try (MeanMaps maps = new MeanMaps(spec, ids.length)) {
                model.forward().run(Batch.of(ids), maps, new Quiet(progress));
                for (int l = 0; l < n && withoutFirst; l++) {
                    forgetFirstKey(maps.map(l));
                }
                double[][] d = maps.divergences(progress);
                for (int a = 0; a < n; a++) {
                    for (int b = 0; b < n; b++) {
                        sum[a][b] += d[a][b] * ids.length;
                    }
                }
            }
            queries += own;
        }
        for (double[] row : sum) {
            for (int b = 0; b < n; b++) {
                row[b] = queries == 0 ? 0 : row[b] / queries;
            }
        }
        return sum;
    }

    /// What is left of each row is 1 again.
    private static void forgetFirstKey(Matrix map) {
        for (int q = 0; q < map.rows(); q++) {
            float[] row = map.row(q);
            double rest = 0;
            for (int k = 1; k < row.length; k++) {
                rest += row[k];
            }
            map.set(q, 0, 0f);
            for (int k = 1; k < row.length; k++) {
                map.set(q, k, rest > 0 ? (float) (row[k] / rest) : 0f);
            }
        }
    }

    private double loss(List<Sequences.Labelled> data, int[] anchors, LazyAttention.Reused what) {
        double sum = 0;
        long predicted = 0;
        // One text at a time: what an anchor attended with is held for all of it.
        for (Sequences.Labelled text : data) {
            progress.checkCancelled();
            if (text.predicted() > 0) {
                try (LazyAttention lazy = new LazyAttention(anchors, what)) {
                    Evaluation.Result r = new Evaluation(model.forward()).run(List.of(text), lazy, new Quiet(progress)).all();
                    sum += r.loss() * r.predicted();
                    predicted += r.predicted();
                }
            }
        }
        return sum / predicted;
    }

    /// How far next-token distributions move.
    private void shift(List<Sequences.Labelled> compared, int[] anchors, LazyAttention.Reused what, ObjectNode to) {
        NextTokenShift shift = new NextTokenShift(model.forward(), 1, 0);
        for (Sequences.Labelled text : compared) {
            try (FinalStates states = new FinalStates(1); LazyAttention lazy = new LazyAttention(anchors, what)) {
                Batch batch = Batch.of(text.ids());
                model.forward().run(batch, states, new Quiet(progress));
                shift.begin(new int[][] {text.ids()}, new int[1], 0, states);
                model.forward().run(batch, Probe.all(List.of(lazy, shift)), new Quiet(progress));
            }
        }
        Figures.put(to, "kl", shift.mean());
        to.put("top1_agreement", 1 - shift.topChanged());
    }
}
