package vitrine.core.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.List;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Latent;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Layout;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.Norm;
import vitrine.core.forward.ForwardPass.Group;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Attend;
import vitrine.core.tensor.kernel.Elementwise;
import vitrine.core.tensor.kernel.Rotary;

/// One layer's attention over a group of sequences: project, normalise, rotate, attend, project back.
///
/// Legend: T queries, S keys, H query heads, K key/value heads, g = H/K heads of a group, d values per query and key, e per value (d but in
/// latent attention).
final class AttentionBlock {

    /// Scores of several heads are made at once, up to this many bytes.
    private static final long SCORE_BYTES = 32L << 20;

    private final int layer;
    private final AttentionSpec spec;
    private final Weights weights;
    private final Scratch scratch;
    /// By head, what linear biases give each key; null without.
    private Attend.Bias[] biases;

    AttentionBlock(int layer, AttentionSpec spec, Weights weights, Scratch scratch) {
        this.layer = layer;
        this.spec = spec;
        this.weights = weights;
        this.scratch = scratch;
    }

    /// `out = attention(h)`, both `[tokens, hidden]`.
    void run(Matrix h, Matrix out, Group group, Probe probe, RotaryTable.Shelf ropes, KeyValueCache cache) {
        run(h, out, group, probe, ropes, cache, null);
    }

    /// The same once more, unseen by probes.
    ///
    /// @param factors what each head's output is multiplied with, `[H]`
    void repeat(Matrix h, Matrix out, Group group, RotaryTable.Shelf ropes, float[] factors) {
        run(h, out, group, Probe.NONE, ropes, null, factors);
    }

    private void run(Matrix h, Matrix out, Group group, Probe probe, RotaryTable.Shelf ropes, KeyValueCache cache, float[] factors) {
        Projected p = project(h, group, probe);
        ForwardPass.announce(probe, layer, Site.QUERY_PROJECTED, group, p.q);
        ForwardPass.announce(probe, layer, Site.KEY_PROJECTED, group, p.k);
        normalise(p, false);
        clip(p);
        ForwardPass.announce(probe, layer, Site.QUERY, group, p.q);
        ForwardPass.announce(probe, layer, Site.KEY, group, p.k);
        int past = cache == null ? 0 : cache.length();
        for (int s = 0; s < group.sequences() && spec.rope() != null; s++) {
            RotaryTable table = ropes.get(spec.rope(), past, group.length(s));
            rotate(p.q.rows(group.offset(s), group.length(s)), spec.heads(), table);
            rotate(p.k.rows(group.offset(s), group.length(s)), spec.keyValueHeads(), table);
        }
        normalise(p, true);
        if (spec.temperature() != null) {
            temper(p.q, group, past);
        }
        ForwardPass.announce(probe, layer, Site.QUERY_ROTATED, group, p.q);
        ForwardPass.announce(probe, layer, Site.KEY_ROTATED, group, p.k);
        ForwardPass.announce(probe, layer, Site.VALUE, group, p.v);

        Matrix z = scratch.matrix(h.rows(), spec.heads() * spec.valueDim());
        biases = LinearBiases.of(spec, past + longest(group));
        for (int s = 0; s < group.sequences(); s++) {
            int from = group.offset(s);
            int length = group.length(s);
            Matrix k = p.k.rows(from, length);
            Matrix v = p.v.rows(from, length);
            if (cache != null) {
                cache.append(layer, k, v);
                k = cache.keys(layer, past + length);
                v = cache.values(layer, past + length);
            }
            attend(p.q.rows(from, length), k, v, z.rows(from, length), past, group.first() + s, probe);
        }
        ForwardPass.announce(probe, layer, Site.Z, group, z);
        for (int head = 0; factors != null && head < factors.length; head++) {
            Elementwise.scale(z.columns(head * spec.valueDim(), spec.valueDim()), factors[head]);
        }
        weights.multiply(z, spec.output(), out);
    }

    private static int longest(Group group) {
        int longest = 0;
        for (int s = 0; s < group.sequences(); s++) {
            longest = Math.max(longest, group.length(s));
        }
        return longest;
    }

    /// Queries `[tokens, H d]`, keys `[tokens, K d]`, values `[tokens, K e]`.
    private record Projected(Matrix q, Matrix k, Matrix v) {}

    private Projected project(Matrix h, Group group, Probe probe) {
        int qWidth = spec.heads() * spec.headDim();
        int kvWidth = spec.keyValueHeads() * spec.headDim();
        return switch (spec.projection()) {
            case Separate s -> {
                Matrix q = scratch.matrix(h.rows(), qWidth);
                Matrix k = scratch.matrix(h.rows(), kvWidth);
                Matrix v = scratch.matrix(h.rows(), kvWidth);
                weights.multiply(h, s.query(), q);
                weights.multiply(h, s.key(), k);
                weights.multiply(h, s.value(), v);
                yield new Projected(q, k, v);
            }
            case Fused f -> {
                Matrix all = scratch.matrix(h.rows(), qWidth + 2 * kvWidth);
                weights.multiply(h, f.all(), all);
                yield f.layout() == Layout.BLOCKS
                        ? new Projected(all.columns(0, qWidth), all.columns(qWidth, kvWidth), all.columns(qWidth + kvWidth, kvWidth))
                        : sortedByKind(all);
            }
            case Latent l -> latent(h, l, group, probe);
        };
    }

    /// Expands the latents into queries, keys and values of every head; a head is its plain values, then those that positions turn.
    private Projected latent(Matrix h, Latent l, Group group, Probe probe) {
        int heads = spec.heads();
        int d = spec.headDim();
        int turned = d - l.plain();
        Matrix q = scratch.matrix(h.rows(), heads * d);
        Matrix from = h;
        if (l.queryDown() != null) {
            from = scratch.matrix(h.rows(), l.queryDown().out());
            weights.multiply(h, l.queryDown(), from);
            ForwardPass.norm(l.queryNorm(), from, from, weights);
        }
        weights.multiply(from, l.query(), q);

        Matrix down = scratch.matrix(h.rows(), l.keyValueDown().out());
        weights.multiply(h, l.keyValueDown(), down);
        Matrix c = scratch.matrix(h.rows(), l.width());
        ForwardPass.norm(l.latentNorm(), down.columns(0, l.width()), c, weights);
        ForwardPass.announce(probe, layer, Site.LATENT, group, c);
        Matrix up = scratch.matrix(h.rows(), l.keyValueUp().out());
        weights.multiply(c, l.keyValueUp(), up);

        Matrix k = scratch.matrix(h.rows(), heads * d);
        Matrix v = scratch.matrix(h.rows(), heads * spec.valueDim());
        int both = l.plain() + spec.valueDim();
        for (int head = 0; head < heads; head++) {
            k.columns(head * d, l.plain()).copyFrom(up.columns(head * both, l.plain()));
            k.columns(head * d + l.plain(), turned).copyFrom(down.columns(l.width(), turned));
            v.columns(head * spec.valueDim(), spec.valueDim()).copyFrom(up.columns(head * both + l.plain(), spec.valueDim()));
        }
        return new Projected(q, k, v);
    }

    /// Takes apart rows laid out as queries, key and value of key/value head 0, then of head 1, and so on.
    private Projected sortedByKind(Matrix all) {
        int d = spec.headDim();
        int g = spec.groupSize();
        Matrix q = scratch.matrix(all.rows(), spec.heads() * d);
        Matrix k = scratch.matrix(all.rows(), spec.keyValueHeads() * d);
        Matrix v = scratch.matrix(all.rows(), spec.keyValueHeads() * d);
        for (int head = 0; head < spec.keyValueHeads(); head++) {
            int at = head * (g + 2) * d;
            q.columns(head * g * d, g * d).copyFrom(all.columns(at, g * d));
            k.columns(head * d, d).copyFrom(all.columns(at + g * d, d));
            v.columns(head * d, d).copyFrom(all.columns(at + (g + 1) * d, d));
        }
        return new Projected(q, k, v);
    }

    private void clip(Projected p) {
        if (spec.clip() != 0f) {
            Elementwise.clamp(p.q, -spec.clip(), spec.clip());
            Elementwise.clamp(p.k, -spec.clip(), spec.clip());
            Elementwise.clamp(p.v, -spec.clip(), spec.clip());
        }
    }

    private void normalise(Projected p, boolean rotated) {
        QueryKeyNorm n = spec.queryKeyNorm();
        if (n != null && n.afterRotation() == rotated) {
            normalise(p.q, spec.heads(), n.scope(), n.query());
            normalise(p.k, spec.keyValueHeads(), n.scope(), n.key());
        }
    }

    private void normalise(Matrix x, int heads, QueryKeyNorm.Scope scope, List<Norm> norms) {
        if (scope == QueryKeyNorm.Scope.PROJECTION) {
            ForwardPass.norm(norms.getFirst(), x, x, weights);
            return;
        }
        for (int head = 0; head < heads; head++) {
            Matrix part = x.columns(head * spec.headDim(), spec.headDim());
            ForwardPass.norm(norms.get(scope == QueryKeyNorm.Scope.PER_HEAD ? head : 0), scope == QueryKeyNorm.Scope.ROWS ? head : 0, part, part, weights);
        }
    }

    private void temper(Matrix q, Group group, int past) {
        float[] factors = new float[q.rows()];
        for (int s = 0; s < group.sequences(); s++) {
            for (int t = 0; t < group.length(s); t++) {
                factors[group.offset(s) + t] = spec.temperature().at(past + t);
            }
        }
        Elementwise.scaleRows(q, factors);
    }

    private void rotate(Matrix x, int heads, RotaryTable table) {
        int from = spec.rotatedFrom();
        Matrix turning = x.columns(from, x.columns() - from);
        if (spec.projection() instanceof Latent l && l.pairsToHalves()) {
            pairsToHalves(turning, heads, 2 * table.pairs());
        }
        Rotary.rotate(turning, heads, spec.headDim(), table.cos(), table.sin(), table.pairs(), spec.rope().interleaved());
    }

    /// The first `width` values of every head, stored as neighbouring pairs, stored as the pairs' first values and then their second ones.
    private void pairsToHalves(Matrix x, int heads, int width) {
        float[] sorted = new float[width];
        for (int t = 0; t < x.rows(); t++) {
            for (int head = 0; head < heads; head++) {
                int at = head * spec.headDim();
                for (int i = 0; i < width; i++) {
                    sorted[i % 2 * (width / 2) + i / 2] = x.get(t, at + i);
                }
                for (int i = 0; i < width; i++) {
                    x.set(t, at + i, sorted[i]);
                }
            }
        }
    }

    /// `z = softmax(q k^T) v` for one sequence; key/value heads in chunks, and queries in blocks where one head's scores are large.
    private void attend(Matrix q, Matrix k, Matrix v, Matrix z, int past, int sequence, Probe probe) {
        int g = spec.groupSize();
        long perGroup = 4L * g * k.rows();
        int block = (int) Math.clamp(SCORE_BYTES / perGroup, 1, q.rows());
        int chunk = (int) Math.clamp(SCORE_BYTES / (perGroup * block), 1, spec.keyValueHeads());
        try (Scratch.Frame ignored = scratch.frame()) {
            Matrix scores = scratch.matrix(chunk * g * block, k.rows());
            for (int from = 0; from < q.rows(); from += block) {
                int rows = Math.min(block, q.rows() - from);
                for (int kv = 0; kv < spec.keyValueHeads(); kv += chunk) {
                    int count = Math.min(chunk, spec.keyValueHeads() - kv);
                    attend(q.rows(from, rows), k, v, z.rows(from, rows), scores, kv, count, past + from, sequence, probe);
                }
            }
        }
    }

    private void attend(Matrix q, Matrix k, Matrix v, Matrix z, Matrix scores, int firstKv, int kvHeads, int firstQuery, int sequence, Probe probe) {
        int g = spec.groupSize();
        int d = spec.headDim();
        int e = spec.valueDim();
        int rows = q.rows();
        int keys = k.rows();
        long map = (long) rows * keys;
        Operand queries = heads(q.columns(firstKv * g * d, kvHeads * g * d), kvHeads, g, d);
        Operand keyRows = shared(k.columns(firstKv * d, kvHeads * d), kvHeads, d);
        Operand valueRows = shared(v.columns(firstKv * e, kvHeads * e), kvHeads, e);
        Operand weighted = heads(z.columns(firstKv * g * e, kvHeads * g * e), kvHeads, g, e);
        Operand pattern = new Operand(scores.data(), Operand.Element.F32, new long[] {kvHeads, g, rows, keys}, new long[] {g * map, map, keys, 1});

        weights.products().multiply(queries, keyRows.transposed(), pattern);
        MemorySegment sinks = weights.vector(spec.sinks());
        boolean wantsScores = probe.wants(layer, Site.ATTN_SCORES);
        boolean wantsPattern = probe.wants(layer, Site.PATTERN);
        for (int i = 0; i < kvHeads * g; i++) {
            int head = firstKv * g + i;
            float sink = sinks == null ? Float.NaN : sinks.getAtIndex(JAVA_FLOAT, head);
            Attend.Rule rule = new Attend.Rule(spec.scale(), spec.softCap(), spec.causal(), spec.window(), sink, spec.chunk(), biases == null ? null : biases[head]);
            Matrix one = scores.rows(i * rows, rows);
            if (wantsScores) {
                Attend.scores(one, rule, firstQuery);
                probe.at(new Place(layer, Site.ATTN_SCORES, sequence, head, firstQuery), one);
                Attend.softmax(one, rule.unscaled(), firstQuery);
            } else {
                Attend.softmax(one, rule, firstQuery);
            }
            if (wantsPattern) {
                probe.at(new Place(layer, Site.PATTERN, sequence, head, firstQuery), one);
            }
        }
        weights.products().multiply(pattern, valueRows, weighted);
    }

    /// `[T, K g d]` seen as `[K, g, T, d]`.
    private static Operand heads(Matrix m, int kvHeads, int g, int d) {
        return new Operand(m.data(), Operand.Element.F32, new long[] {kvHeads, g, m.rows(), d}, new long[] {(long) g * d, d, m.rowStride(), 1});
    }

    /// `[S, K d]` seen as `[K, 1, S, d]`, each key/value head shared by the heads of its group.
    private static Operand shared(Matrix m, int kvHeads, int d) {
        return new Operand(m.data(), Operand.Element.F32, new long[] {kvHeads, 1, m.rows(), d}, new long[] {d, d, m.rowStride(), 1});
    }
}
