package vitrine.core.analysis.rank;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Latent;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Layout;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.FeedForward;
import vitrine.core.architecture.LayerSpec;
import vitrine.core.architecture.Linear;
import vitrine.core.forward.Weights;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;

/// A linear layer within the pass: what it reads, what it makes, and which rows of the stored weight it is.
///
/// @param kind which of a layer's matrices
/// @param linear the stored layer, which may hold others too where projections are fused
/// @param rows of the stored `[out, in]` weight that belong to this one, in order of its outputs
/// @param input where its input is announced
/// @param output where its output is announced (with the bias), or null where it is not
record LinearSite(Kind kind, Linear linear, int[] rows, Site input, Site output) {

    /// The matrices of a layer.
    enum Kind {
        Q, K, V, O, GATE, UP, DOWN
    }

    int out() {
        return rows.length;
    }

    int in() {
        return linear.in();
    }

    /// The matrices of a layer that every token passes, in the order of the pass: no experts, and of latent attention what is not within the latents.
    static List<LinearSite> of(LayerSpec layer) {
        List<LinearSite> out = new ArrayList<>();
        int d = layer.attention().headDim();
        int q = layer.attention().heads() * d;
        int kv = layer.attention().keyValueHeads() * d;
        // Bounded values are not what the projection made.
        Site values = layer.attention().clip() == 0f ? Site.VALUE : null;
        switch (layer.attention().projection()) {
            case Separate s -> {
                out.add(whole(Kind.Q, s.query(), Site.ATTN_IN, Site.QUERY_PROJECTED));
                out.add(whole(Kind.K, s.key(), Site.ATTN_IN, Site.KEY_PROJECTED));
                out.add(whole(Kind.V, s.value(), Site.ATTN_IN, values));
            }
            case Fused f when f.layout() == Layout.BLOCKS -> {
                out.add(new LinearSite(Kind.Q, f.all(), range(0, q), Site.ATTN_IN, Site.QUERY_PROJECTED));
                out.add(new LinearSite(Kind.K, f.all(), range(q, kv), Site.ATTN_IN, Site.KEY_PROJECTED));
                out.add(new LinearSite(Kind.V, f.all(), range(q + kv, kv), Site.ATTN_IN, values));
            }
            case Latent l -> {
                if (l.queryDown() == null) {
                    out.add(whole(Kind.Q, l.query(), Site.ATTN_IN, Site.QUERY_PROJECTED));
                }
            }
            case Fused f -> {
                int queries = layer.attention().groupSize() * d;
                out.add(new LinearSite(Kind.Q, f.all(), inTurn(q, queries + 2 * d, 0, queries), Site.ATTN_IN, Site.QUERY_PROJECTED));
                out.add(new LinearSite(Kind.K, f.all(), inTurn(kv, queries + 2 * d, queries, d), Site.ATTN_IN, Site.KEY_PROJECTED));
                out.add(new LinearSite(Kind.V, f.all(), inTurn(kv, queries + 2 * d, queries + d, d), Site.ATTN_IN, values));
            }
        }
        out.add(whole(Kind.O, layer.attention().output(), Site.Z, Site.ATTN_OUT));
        switch (layer.feedForward()) {
            case FeedForward.Gated g -> {
                out.add(whole(Kind.GATE, g.gate(), Site.MLP_IN, null));
                out.add(whole(Kind.UP, g.up(), Site.MLP_IN, null));
            }
            case FeedForward.FusedGated g -> {
                out.add(new LinearSite(Kind.GATE, g.gateUp(), range(0, g.width()), Site.MLP_IN, null));
                out.add(new LinearSite(Kind.UP, g.gateUp(), range(g.width(), g.width()), Site.MLP_IN, null));
            }
            case FeedForward.Plain p -> out.add(whole(Kind.UP, p.up(), Site.MLP_IN, null));
            case FeedForward.Mixture ignored -> { }
        }
        if (down(layer) != null) {
            out.add(whole(Kind.DOWN, down(layer), Site.MLP_MID, Site.MLP_OUT));
        }
        return out;
    }

    /// The matrix that leads back from the MLP, or null where experts do.
    static Linear down(LayerSpec layer) {
        return switch (layer.feedForward()) {
            case FeedForward.Gated g -> g.down();
            case FeedForward.FusedGated g -> g.down();
            case FeedForward.Plain p -> p.down();
            case FeedForward.Mixture ignored -> null;
        };
    }

    private static LinearSite whole(Kind kind, Linear linear, Site input, Site output) {
        return new LinearSite(kind, linear, range(0, linear.out()), input, output);
    }

    private static int[] range(int from, int count) {
        return StreamingCovariance.columns(from, count);
    }

    /// Rows of a weight in which queries, key and value of a head take turns: of each `period` rows the `width` from `first` on.
    private static int[] inTurn(int count, int period, int first, int width) {
        int[] rows = new int[count];
        for (int i = 0; i < count; i++) {
            rows[i] = i / width * period + first + i % width;
        }
        return rows;
    }

    /// The bias of these rows, or null.
    float[] bias(Weights weights) {
        MemorySegment stored = weights.vector(linear.bias());
        if (stored == null) {
            return null;
        }
        float[] out = new float[rows.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = stored.getAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, rows[i]);
        }
        return out;
    }

    /// The weight, widened: float64 `[out, in]`.
    MemorySegment weight(Weights weights, Arena into) {
        int in = linear.in();
        MemorySegment w = into.allocate(8L * rows.length * in, 64);
        try (Arena scratch = Arena.ofConfined()) {
            if (linear.inputMajor()) {
                Matrix row = Matrix.allocate(scratch, 1, linear.out());
                for (int j = 0; j < in; j++) {
                    weights.lookUp(linear.weight(), new int[] {j}, row);
                    for (int o = 0; o < rows.length; o++) {
                        w.setAtIndex(JAVA_DOUBLE, (long) o * in + j, row.get(0, rows[o]));
                    }
                }
            } else {
                Matrix row = Matrix.allocate(scratch, 1, in);
                for (int o = 0; o < rows.length; o++) {
                    weights.row(linear, rows[o], row);
                    float[] values = row.row(0);
                    for (int j = 0; j < in; j++) {
                        w.setAtIndex(JAVA_DOUBLE, (long) o * in + j, values[j]);
                    }
                }
            }
        }
        return w;
    }

    /// Whether every value of a weight is a number.
    static boolean finite(MemorySegment weight) {
        for (long i = 0; i < weight.byteSize() / 8; i++) {
            if (!Double.isFinite(weight.getAtIndex(JAVA_DOUBLE, i))) {
                return false;
            }
        }
        return true;
    }

    /// The norm of every column of a weight `[out, in]`: how much one unit of each input moves the output.
    static double[] columnNorms(MemorySegment weight, int out, int in) {
        double[] squares = new double[in];
        for (int o = 0; o < out; o++) {
            for (int j = 0; j < in; j++) {
                double v = weight.getAtIndex(JAVA_DOUBLE, (long) o * in + j);
                squares[j] += v * v;
            }
        }
        for (int j = 0; j < in; j++) {
            squares[j] = Math.sqrt(squares[j]);
        }
        return squares;
    }
}
