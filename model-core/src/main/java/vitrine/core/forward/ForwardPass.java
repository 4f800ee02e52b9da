package vitrine.core.forward;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import vitrine.core.architecture.Embedding;
import vitrine.core.architecture.Experts;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.Head;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.architecture.Norm;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Activate;
import vitrine.core.tensor.kernel.Elementwise;
import vitrine.core.tensor.kernel.Normalise;

/// Runs a model over a batch of sequences, announcing named places to a [Probe] on the way.
///
/// Locals are the paper's letters: x the residual stream `[tokens, hidden]`, rows of all sequences one after the other;
/// h a block's input, y its output. Convention: row vectors, `y = x W^T`.
public final class ForwardPass {

    /// Sequences pass a layer together in groups of about this many tokens, which bounds the scratch memory.
    private static final int GROUP_TOKENS = 1024;
    /// Logits are made in blocks of rows of about this many bytes.
    private static final long LOGIT_BYTES = 32L << 20;

    private final ModelSpec spec;
    private final Weights weights;

    /// @param spec checked against the weights' checkpoint ([vitrine.core.architecture.SpecCheck])
    public ForwardPass(ModelSpec spec, Weights weights) {
        this.spec = spec;
        this.weights = weights;
    }

    /// Which positions get logits, where a probe wants them.
    public enum LogitRows {
        ALL, LAST
    }

    /// Passes all sequences through all layers.
    public void run(Batch batch, Probe probe, Progress progress) {
        run(batch, probe, LogitRows.ALL, null, progress);
    }

    /// Passes sequences through all layers.
    ///
    /// @param cache the one sequence's earlier positions, or null; it takes in the new ones
    /// @throws Progress.CancelledException between layers and between groups
    public void run(Batch batch, Probe probe, LogitRows logitRows, KeyValueCache cache, Progress progress) {
        if (probe.wants(-1, Site.LOGITS) && spec.head() == null) {
            throw new IllegalArgumentException("the model has no head to make logits");
        }
        if (cache != null && batch.sequences().size() != 1) {
            throw new IllegalArgumentException("a cache belongs to one sequence");
        }
        if (cache != null && !spec.loopingLayers().isEmpty()) {
            throw new IllegalArgumentException("a cache holds the keys and values of one run of attention, and layers " + spec.loopingLayers() + " repeat theirs");
        }
        try (Arena arena = Arena.ofShared(); Scratch scratch = new Scratch()) {
            Matrix x = Matrix.allocate(arena, batch.tokens(), spec.hiddenSize());
            embed(batch, x, cache, scratch);
            pass(batch, x, 0, spec.layers().size(), true, probe, logitRows, cache, scratch, progress);
        }
    }

    /// The residual stream of a batch before the first layer.
    ///
    /// @param x `[tokens, hidden]`, written
    public void embed(Batch batch, Matrix x) {
        try (Scratch scratch = new Scratch()) {
            embed(batch, x, null, scratch);
            weights.release();
        }
    }

    /// Passes a residual stream through layers `[from, to)`, in place: what comes before `from` need not be computed again.
    ///
    /// @param x the residual stream before layer `from`, `[tokens, hidden]`; that before layer `to` afterwards
    public void through(Batch batch, Matrix x, int from, int to, Progress progress) {
        through(batch, x, from, to, Probe.NONE, progress);
    }

    /// [#through(Batch, Matrix, int, int, Progress)] with a probe, which must not want less than the last of these layers.
    public void through(Batch batch, Matrix x, int from, int to, Probe probe, Progress progress) {
        try (Scratch scratch = new Scratch()) {
            pass(batch, x, from, to, false, probe, LogitRows.ALL, null, scratch, progress);
        }
    }

    /// Tells [Weights#observe]'s listener what a layer's matrices read, and no more: products whose results only leave the layer are left out.
    ///
    /// @param x the residual stream before the layer, `[tokens, hidden]`; destroyed
    public void look(Batch batch, Matrix x, int layer, Progress progress) {
        weights.leaveOut(leaving(spec.layers().get(layer).feedForward()));
        try {
            through(batch, x, layer, layer + 1, progress);
        } finally {
            weights.leaveOut(Set.of());
        }
    }

    /// The stored weights whose products leave a layer. Blocks of four-bit floats are no single weights, and their products stay.
    private static Set<String> leaving(FeedForward f) {
        return switch (f) {
            case FeedForward.Gated g -> Set.of(g.down().weight());
            case FeedForward.FusedGated g -> Set.of(g.down().weight());
            case FeedForward.Plain p -> Set.of(p.down().weight());
            case FeedForward.Mixture m -> {
                Set<String> own = m.shared() == null ? new HashSet<>() : new HashSet<>(leaving(m.shared()));
                switch (m.experts().down()) {
                    case Experts.Each each -> each.linears().forEach(l -> own.add(l.weight()));
                    case Experts.Stack s -> own.add(s.weight());
                    case Experts.Blocks ignored -> { }
                }
                yield own;
            }
        };
    }

    /// The final norm of a residual stream, as [Site#FINAL_NORM] announces it; a copy where the model has none.
    ///
    /// @param h `[rows, hidden]`, written; may not be x
    public void finalNorm(Matrix x, Matrix h) {
        normOrCopy(spec.finalNorm(), x, h);
    }

    /// Passes a residual stream through the layers from `from` on and what follows them, in place.
    ///
    /// @param x the residual stream before layer `from`, `[tokens, hidden]`; destroyed
    public void resume(Batch batch, Matrix x, int from, Probe probe, Progress progress) {
        try (Scratch scratch = new Scratch()) {
            pass(batch, x, from, spec.layers().size(), true, probe, LogitRows.ALL, null, scratch, progress);
        }
    }

    private void pass(Batch batch, Matrix x, int from, int to, boolean toTheEnd, Probe probe, LogitRows logitRows, KeyValueCache cache, Scratch scratch, Progress progress) {
        try (Arena arena = Arena.ofShared()) {
            List<Group> groups = groups(batch);
            int steps = spec.layers().size() + (probe.wants(-1, Site.LOGITS) ? 1 : 0);
            RotaryTable.Shelf ropes = new RotaryTable.Shelf(arena);
            int last = toTheEnd ? lastWantedLayer(probe) : Integer.MAX_VALUE;
            for (LayerSpec layer : spec.layers().subList(from, to)) {
                if (layer.index() > last) {
                    break;
                }
                progress.step(layer.index(), steps, "layers");
                for (Group group : groups) {
                    progress.checkCancelled();
                    layer(layer, x, group, probe, ropes, cache, scratch);
                }
                weights.release();
            }
            if (toTheEnd && last == Integer.MAX_VALUE) {
                finish(x, groups, probe, logitRows, scratch, progress);
            }
            weights.release();
            if (cache != null) {
                cache.advance(batch.tokens());
            }
            progress.step(toTheEnd ? steps : to, steps, "layers");
        }
    }

    /// The last layer that must be computed for what the probe wants; none is left out where it wants what follows the layers.
    private int lastWantedLayer(Probe probe) {
        if (probe.wants(-1, Site.FINAL_NORM) || probe.wants(-1, Site.LOGITS) || probe == Probe.NONE) {
            return Integer.MAX_VALUE;
        }
        int last = -1;
        for (LayerSpec layer : spec.layers()) {
            for (Site site : Site.values()) {
                if (site.perLayer() && probe.wants(layer.index(), site)) {
                    last = layer.index();
                }
            }
        }
        return last;
    }

    /// Sequences that pass a layer together.
    ///
    /// @param first the first sequence's number; `starts` are the sequences' first rows in x, with the end behind them
    record Group(int first, int[] starts) {
        int from() {
            return starts[0];
        }

        int tokens() {
            return starts[starts.length - 1] - starts[0];
        }

        int sequences() {
            return starts.length - 1;
        }

        int length(int i) {
            return starts[i + 1] - starts[i];
        }

        /// The first row of sequence `i` within the group's own rows.
        int offset(int i) {
            return starts[i] - starts[0];
        }
    }

    private static List<Group> groups(Batch batch) {
        List<Group> groups = new ArrayList<>();
        List<Integer> starts = new ArrayList<>(List.of(0));
        int first = 0;
        int row = 0;
        for (int s = 0; s < batch.sequences().size(); s++) {
            int length = batch.sequences().get(s).length();
            if (starts.size() > 1 && row + length - starts.getFirst() > GROUP_TOKENS) {
                groups.add(new Group(first, starts.stream().mapToInt(Integer::intValue).toArray()));
                first = s;
                starts = new ArrayList<>(List.of(row));
            }
            row += length;
            starts.add(row);
        }
        groups.add(new Group(first, starts.stream().mapToInt(Integer::intValue).toArray()));
        return groups;
    }

    // --- embedding

    private void embed(Batch batch, Matrix x, KeyValueCache cache, Scratch scratch) {
        Embedding e = spec.embedding();
        int row = 0;
        for (Batch.Sequence sequence : batch.sequences()) {
            int[] ids = sequence.ids();
            Matrix rows = x.rows(row, ids.length);
            row += ids.length;
            if (e.projection() == null) {
                embedInto(rows, sequence, cache, scratch);
            } else {
                // OPT with a narrow table: positions are added after the projection.
                try (Scratch.Frame ignored = scratch.frame()) {
                    Matrix narrow = scratch.matrix(ids.length, e.width());
                    weights.lookUp(e.tokens(), ids, narrow);
                    weights.multiply(narrow, e.projection(), rows);
                    addPositions(rows, ids, cache, scratch);
                }
            }
        }
    }

    private void embedInto(Matrix x, Batch.Sequence sequence, KeyValueCache cache, Scratch scratch) {
        Embedding e = spec.embedding();
        int[] ids = sequence.ids();
        weights.lookUp(e.tokens(), ids, x);
        if (e.multiplier() != 1f) {
            Elementwise.scale(x, e.multiplier());
        }
        addPositions(x, ids, cache, scratch);
        if (e.segments() != null) {
            addRows(x, e.segments().table(), sequence.segments() == null ? new int[ids.length] : sequence.segments(), scratch);
        }
        if (e.norm() != null) {
            norm(e.norm(), x, x);
        }
    }

    private void addPositions(Matrix x, int[] ids, KeyValueCache cache, Scratch scratch) {
        Embedding.Learned p = spec.embedding().positions();
        if (p == null) {
            return;
        }
        int[] rows = new int[ids.length];
        int next = (cache == null ? 0 : cache.length()) + p.offset();
        for (int i = 0; i < ids.length; i++) {
            boolean padding = p.paddingId() >= 0 && ids[i] == p.paddingId();
            rows[i] = padding ? p.offset() - 1 : next++;
        }
        addRows(x, p.table(), rows, scratch);
    }

    private void addRows(Matrix x, String table, int[] rows, Scratch scratch) {
        try (Scratch.Frame ignored = scratch.frame()) {
            Matrix looked = scratch.matrix(rows.length, x.columns());
            weights.lookUp(table, rows, looked);
            Elementwise.add(x, looked, 1f);
        }
    }

    // --- layers

    private void layer(LayerSpec l, Matrix all, Group group, Probe probe, RotaryTable.Shelf ropes, KeyValueCache cache,
                       Scratch scratch) {
        try (Scratch.Frame ignored = scratch.frame()) {
            Matrix x = all.rows(group.from(), group.tokens());
            announce(probe, l.index(), Site.RESID_PRE, group, x);

            Matrix h = scratch.matrix(x.rows(), spec.hiddenSize());
            Matrix a = scratch.matrix(x.rows(), spec.hiddenSize());
            normOrCopy(l.attentionInput(), x, h);
            announce(probe, l.index(), Site.ATTN_IN, group, h);
            new AttentionBlock(l.index(), l.attention(), weights, scratch).run(h, a, group, probe, ropes, cache);
            announce(probe, l.index(), Site.ATTN_OUT, group, a);
            if (l.attentionOutput() != null) {
                norm(l.attentionOutput(), a, a);
            }

            if (!l.parallel()) {
                addToResidual(x, a, l.residual(), l.afterAttention());
                repeatAttention(l, x, h, a, group, ropes, scratch);
                announce(probe, l.index(), Site.RESID_MID, group, x);
            }
            normOrCopy(l.feedForwardInput(), x, h);
            announce(probe, l.index(), Site.MLP_IN, group, h);
            Matrix m = scratch.matrix(x.rows(), spec.hiddenSize());
            feedForward(l, h, m, group, probe, scratch);
            announce(probe, l.index(), Site.MLP_OUT, group, m);
            if (l.feedForwardOutput() != null) {
                norm(l.feedForwardOutput(), m, m);
            }
            if (l.parallel()) {
                Elementwise.add(x, a, l.residual());
            }
            addToResidual(x, m, l.residual(), l.afterFeedForward());
            announce(probe, l.index(), Site.RESID_POST, group, x);
        }
    }

    /// Attention of a layer that loops, again and again with the same weights; places are announced for its first run only.
    ///
    /// @param h and `a`: room of x's shape
    private void repeatAttention(LayerSpec l, Matrix x, Matrix h, Matrix a, Group group, RotaryTable.Shelf ropes, Scratch scratch) {
        int count = l.loops() == null ? 0 : l.loops().count();
        for (int i = 0; i < count; i++) {
            try (Scratch.Frame ignored = scratch.frame()) {
                norm(l.attentionInput(), x, h);
                new AttentionBlock(l.index(), l.attention(), weights, scratch).repeat(h, a, group, ropes, l.loops().toArray());
                if (l.attentionOutput() != null) {
                    norm(l.attentionOutput(), a, a);
                }
                Elementwise.add(x, a, l.residual());
            }
        }
    }

    private void addToResidual(Matrix x, Matrix branch, float scale, Norm after) {
        Elementwise.add(x, branch, scale);
        if (after != null) {
            norm(after, x, x);
        }
    }

    private void feedForward(LayerSpec l, Matrix h, Matrix out, Group group, Probe probe, Scratch scratch) {
        if (l.feedForward() instanceof FeedForward.Mixture m) {
            new MixtureBlock(l.index(), m, weights, scratch).run(h, out, group, probe);
        } else {
            dense(l.feedForward(), h, out, weights, scratch, mid -> announce(probe, l.index(), Site.MLP_MID, group, mid));
        }
    }

    /// `out = f(h)` for a block without experts; `mid` is told the values before the last matrix.
    static void dense(FeedForward f, Matrix h, Matrix out, Weights weights, Scratch scratch, Consumer<Matrix> onMid) {
        Matrix mid;
        Linear down;
        switch (f) {
            case FeedForward.Gated g -> {
                mid = scratch.matrix(h.rows(), g.width());
                Matrix up = scratch.matrix(h.rows(), g.width());
                weights.multiply(h, g.gate(), mid);
                weights.multiply(h, g.up(), up);
                Activate.applyGated(g.activation(), mid, up);
                down = g.down();
            }
            case FeedForward.FusedGated g -> {
                Matrix both = scratch.matrix(h.rows(), 2 * g.width());
                weights.multiply(h, g.gateUp(), both);
                mid = both.columns(0, g.width());
                Activate.applyGated(g.activation(), mid, both.columns(g.width(), g.width()));
                down = g.down();
            }
            case FeedForward.Plain p -> {
                mid = scratch.matrix(h.rows(), p.width());
                weights.multiply(h, p.up(), mid);
                Activate.apply(p.activation(), mid);
                down = p.down();
            }
            case FeedForward.Mixture ignored -> throw new IllegalArgumentException("experts within experts");
        }
        onMid.accept(mid);
        weights.multiply(mid, down, out);
    }

    // --- after the layers

    private void finish(Matrix all, List<Group> groups, Probe probe, LogitRows logitRows, Scratch scratch, Progress progress) {
        for (Group group : groups) {
            progress.checkCancelled();
            try (Scratch.Frame ignored = scratch.frame()) {
                Matrix x = all.rows(group.from(), group.tokens());
                Matrix h = scratch.matrix(x.rows(), spec.hiddenSize());
                normOrCopy(spec.finalNorm(), x, h);
                announce(probe, -1, Site.FINAL_NORM, group, h);
                if (probe.wants(-1, Site.LOGITS)) {
                    for (int s = 0; s < group.sequences(); s++) {
                        Matrix rows = h.rows(group.offset(s), group.length(s));
                        logits(rows, group.first() + s, probe, logitRows, scratch, progress);
                    }
                }
            }
        }
    }

    private void logits(Matrix h, int sequence, Probe probe, LogitRows which, Scratch scratch, Progress progress) {
        int block = (int) Math.clamp(LOGIT_BYTES / (4L * spec.vocabSize()), 1, h.rows());
        int start = which == LogitRows.LAST ? h.rows() - 1 : 0;
        for (int from = start; from < h.rows(); from += block) {
            progress.checkCancelled();
            int count = Math.min(block, h.rows() - from);
            try (Scratch.Frame ignored = scratch.frame()) {
                Matrix logits = scratch.matrix(count, spec.vocabSize());
                head(h.rows(from, count), logits, scratch);
                probe.at(new Place(-1, Site.LOGITS, sequence, -1, from), logits);
            }
        }
    }

    /// The logits of rows that [Site#FINAL_NORM] announced, as a pass makes them.
    ///
    /// @param h `[rows, hidden]`
    /// @param logits `[rows, vocabulary]`, filled
    public void head(Matrix h, Matrix logits) {
        try (Scratch scratch = new Scratch()) {
            head(h, logits, scratch);
        }
    }

    private void head(Matrix h, Matrix logits, Scratch scratch) {
        Head head = spec.head();
        weights.multiply(headInput(head, h, scratch), head.weight(), spec.vocabSize(), head.width(), false, logits);
        if (head.bias() != null) {
            Elementwise.addBias(logits, weights.vector(head.bias()));
        }
        if (head.multiplier() != 1f) {
            Elementwise.scale(logits, head.multiplier());
        }
        if (head.softCap() != 0f) {
            Elementwise.softCap(logits, head.softCap());
        }
    }

    private Matrix headInput(Head head, Matrix h, Scratch scratch) {
        Matrix in = h;
        if (head.transform() != null) {
            in = scratch.matrix(h.rows(), h.columns());
            weights.multiply(h, head.transform().dense(), in);
            Activate.apply(head.transform().activation(), in);
            norm(head.transform().norm(), in, in);
        }
        if (head.inputProjection() != null) {
            Matrix narrow = scratch.matrix(h.rows(), head.width());
            weights.multiply(in, head.inputProjection(), narrow);
            in = narrow;
        }
        return in;
    }

    // --- small parts

    private void normOrCopy(Norm norm, Matrix x, Matrix y) {
        if (norm == null) {
            y.copyFrom(x);
        } else {
            norm(norm, x, y);
        }
    }

    private void norm(Norm n, Matrix x, Matrix y) {
        norm(n, x, y, weights);
    }

    static void norm(Norm n, Matrix x, Matrix y, Weights weights) {
        norm(n, 0, x, y, weights);
    }

    /// A norm with row `row` of weights `[rows, width]`.
    static void norm(Norm n, int row, Matrix x, Matrix y, Weights weights) {
        MemorySegment all = weights.vector(n.weight());
        MemorySegment weight = all == null ? null : all.asSlice(4L * row * n.width(), 4L * n.width());
        switch (n.kind()) {
            case RMS -> Normalise.rms(x, y, weight, n.weightOffset(), n.eps());
            case LAYER -> Normalise.layer(x, y, weight, n.weightOffset(), weights.vector(n.bias()), n.eps());
        }
    }

    /// Tells the probe each sequence's rows of a value that all sequences of the group share.
    static void announce(Probe probe, int layer, Site site, Group group, Matrix value) {
        if (!probe.wants(layer, site)) {
            return;
        }
        for (int s = 0; s < group.sequences(); s++) {
            probe.at(new Place(layer, site, group.first() + s, -1, 0), value.rows(group.offset(s), group.length(s)));
        }
    }
}
