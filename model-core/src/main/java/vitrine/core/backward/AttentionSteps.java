package vitrine.core.backward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import vitrine.core.architecture.AttentionSpec;
import vitrine.core.architecture.AttentionSpec.QueryKeyNorm;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Fused;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Latent;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Layout;
import vitrine.core.architecture.AttentionSpec.QueryKeyValue.Separate;
import vitrine.core.architecture.Norm;
import vitrine.core.forward.LinearBiases;
import vitrine.core.forward.RotaryTable;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.Operand;
import vitrine.core.tensor.Scratch;
import vitrine.core.tensor.kernel.Attend;
import vitrine.core.tensor.kernel.Derivatives;
import vitrine.core.tensor.kernel.Elementwise;

/// One layer's attention on a tape.
///
/// Legend: T queries, S keys, H query heads, K key/value heads, g = H/K, d values per query and key, e per value. Attention weights are not kept:
/// going back they are made again, block of queries by block, so that memory grows with T and not with its square.
final class AttentionSteps {

    /// Queries of a block see keys up to the block's last one only, so small blocks waste little on what causality hides.
    private static final int BLOCK = 128;
    private static final long SCORE_BYTES = 32L << 20;

    private final Tape tape;
    private final Scratch pool;
    private final AttentionSpec spec;
    private final int[] starts;
    private final RotaryTable[] tables;
    /// By head, what linear biases give each key of the longest sequence; null without.
    private final Attend.Bias[] biases;

    AttentionSteps(Tape tape, AttentionSpec spec, int[] starts, RotaryTable.Shelf ropes) {
        this.tape = tape;
        pool = tape.pool;
        this.spec = spec;
        this.starts = starts;
        tables = new RotaryTable[spec.rope() == null ? 0 : starts.length - 1];
        for (int s = 0; s < tables.length; s++) {
            tables[s] = ropes.get(spec.rope(), 0, starts[s + 1] - starts[s]);
        }
        int longest = 0;
        for (int s = 0; s + 1 < starts.length; s++) {
            longest = Math.max(longest, starts[s + 1] - starts[s]);
        }
        biases = LinearBiases.of(spec, longest);
    }

    private record Projected(Variable q, Variable k, Variable v) {}

    Variable run(Variable h) {
        return run(h, null, null);
    }

    /// @param factors what each head's output is multiplied with, or null for 1
    /// @param entropies takes the last queries' entropies, or null
    Variable run(Variable h, float[] factors, LastQueries entropies) {
        Projected p = clipped(normalised(project(h), false));
        if (spec.rope() != null) {
            boolean sorted = spec.projection() instanceof Latent l && l.pairsToHalves();
            tape.rotate(p.q, spec.heads(), spec.headDim(), spec.rotatedFrom(), starts, tables, spec.rope().interleaved(), sorted);
            tape.rotate(p.k, spec.keyValueHeads(), spec.headDim(), spec.rotatedFrom(), starts, tables, spec.rope().interleaved(), sorted);
        }
        p = normalised(p, true);
        if (spec.temperature() != null) {
            p = new Projected(tempered(p.q), p.k, p.v);
        }
        Variable z = attend(p, entropies);
        tape.tellHeads(z);
        z = factors == null ? z : tape.scaleHeads(z, factors);
        return tape.linear(z, tape.parameters.projection(spec.output()));
    }

    private Projected project(Variable h) {
        int qWidth = spec.heads() * spec.headDim();
        int kvWidth = spec.keyValueHeads() * spec.headDim();
        return switch (spec.projection()) {
            case Separate s -> new Projected(tape.linear(h, tape.parameters.projection(s.query())), tape.linear(h, tape.parameters.projection(s.key())),
                    tape.linear(h, tape.parameters.projection(s.value())));
            case Fused f -> {
                Variable all = tape.linear(h, tape.parameters.projection(f.all()));
                if (f.layout() == Layout.BLOCKS) {
                    yield new Projected(tape.columns(all, 0, qWidth), tape.columns(all, qWidth, kvWidth), tape.columns(all, qWidth + kvWidth, kvWidth));
                }
                int d = spec.headDim();
                int queries = spec.groupSize() * d;
                yield new Projected(ofEach(all, 0, queries), ofEach(all, queries, d), ofEach(all, queries + d, d));
            }
            case Latent l -> latent(h, l);
        };
    }

    /// Of rows laid out as queries, key and value of key/value head 0, then of head 1, and so on, `width` values of each from `first` on.
    private Variable ofEach(Variable all, int first, int width) {
        int[] from = new int[spec.keyValueHeads()];
        for (int head = 0; head < from.length; head++) {
            from[head] = head * (spec.groupSize() + 2) * spec.headDim() + first;
        }
        return tape.gatherColumns(all, from, width);
    }

    private Projected latent(Variable h, Latent l) {
        int heads = spec.heads();
        int turned = spec.headDim() - l.plain();
        Variable from = l.queryDown() == null ? h : tape.norm(tape.linear(h, tape.parameters.projection(l.queryDown())), l.queryNorm());
        Variable q = tape.linear(from, tape.parameters.projection(l.query()));
        Variable down = tape.linear(h, tape.parameters.projection(l.keyValueDown()));
        Variable c = tape.norm(tape.columns(down, 0, l.width()), l.latentNorm());
        Variable up = tape.linear(c, tape.parameters.projection(l.keyValueUp()));
        int both = l.plain() + spec.valueDim();
        int[] keys = new int[heads];
        int[] values = new int[heads];
        for (int head = 0; head < heads; head++) {
            keys[head] = head * both;
            values[head] = head * both + l.plain();
        }
        Variable k = tape.joinHeads(tape.gatherColumns(up, keys, l.plain()), tape.columns(down, l.width(), turned), heads, l.plain(), turned);
        return new Projected(q, k, tape.gatherColumns(up, values, spec.valueDim()));
    }

    private Projected normalised(Projected p, boolean rotated) {
        QueryKeyNorm n = spec.queryKeyNorm();
        return n == null || n.afterRotation() != rotated ? p : new Projected(normalised(p.q, spec.heads(), n.scope(), n.query()), normalised(p.k, spec.keyValueHeads(), n.scope(), n.key()), p.v);
    }

    private Variable normalised(Variable x, int heads, QueryKeyNorm.Scope scope, List<Norm> norms) {
        return switch (scope) {
            case PROJECTION -> tape.norm(x, norms.getFirst());
            case HEAD -> tape.normParts(x, spec.headDim(), norms.getFirst());
            case PER_HEAD, ROWS -> {
                List<Variable> parts = new ArrayList<>();
                for (int head = 0; head < heads; head++) {
                    Variable part = tape.columns(x, head * spec.headDim(), spec.headDim());
                    parts.add(scope == QueryKeyNorm.Scope.ROWS ? tape.norm(part, norms.getFirst(), head) : tape.norm(part, norms.get(head)));
                }
                yield tape.join(parts);
            }
        };
    }

    /// Queries that grow with their position in their sequence.
    private Variable tempered(Variable q) {
        float[] factors = new float[q.rows()];
        for (int s = 0; s + 1 < starts.length; s++) {
            for (int t = 0; t < starts[s + 1] - starts[s]; t++) {
                factors[starts[s] + t] = spec.temperature().at(t);
            }
        }
        return tape.scaleRows(q, factors);
    }

    private Projected clipped(Projected p) {
        if (spec.clip() == 0f) {
            return p;
        }
        return new Projected(tape.clamp(p.q, -spec.clip(), spec.clip()), tape.clamp(p.k, -spec.clip(), spec.clip()), tape.clamp(p.v, -spec.clip(), spec.clip()));
    }

    // --- softmax(q k^T) v

    private Variable attend(Projected p, LastQueries entropies) {
        Parameter sinks = tape.parameters.vector(spec.sinks());
        boolean tracked = p.q.tracked || p.k.tracked || p.v.tracked || sinks != null && sinks.trained();
        Variable z = tape.result(pool.matrix(p.q.rows(), spec.heads() * spec.valueDim()), tracked);
        eachBlock((s, from, rows, lo, hi, kv, count) -> {
            try (Scratch.Frame ignored = pool.frame()) {
                Block b = new Block(p, s, from, rows, lo, hi, kv, count);
                Matrix pattern = b.pattern(null);
                if (entropies != null && from + rows == starts[s + 1] - starts[s]) {
                    for (int h = 0; h < count * b.g; h++) {
                        entropies.add(kv * b.g + h, pattern.row(h * rows + rows - 1));
                    }
                }
                Matrix out = pool.matrix(count * b.g * rows, spec.valueDim());
                tape.multiply(b.three(pattern, b.g * rows, hi - lo), b.keys(p.v.value, spec.valueDim()), b.three(out, b.g * rows, spec.valueDim()));
                b.scatter(out, z.value, spec.valueDim());
            }
        });
        tape.step(z, () -> {
            Matrix dq = p.q.tracked ? tape.gradient(p.q) : null;
            Matrix dk = p.k.tracked ? tape.gradient(p.k) : null;
            Matrix dv = p.v.tracked ? tape.gradient(p.v) : null;
            eachBlock((s, from, rows, lo, hi, kv, count) -> {
                try (Scratch.Frame ignored = pool.frame()) {
                    new Block(p, s, from, rows, lo, hi, kv, count).back(z.gradient, dq, dk, dv, sinks);
                }
            });
        });
        return z;
    }

    private interface BlockWork {
        void run(int sequence, int from, int rows, int lo, int hi, int firstKv, int kvHeads);
    }

    /// All sequences, blocks of queries `[from, from + rows)` with the keys `[lo, hi)` that any of them sees, and chunks of key/value heads.
    private void eachBlock(BlockWork work) {
        int g = spec.groupSize();
        for (int s = 0; s + 1 < starts.length; s++) {
            int length = starts[s + 1] - starts[s];
            for (int from = 0; from < length; from += BLOCK) {
                int rows = Math.min(BLOCK, length - from);
                int hi = spec.causal() ? from + rows : length;
                // Stretches are counted from key 0, so that a block's keys begin where a stretch does.
                int lo = spec.chunk() > 0 ? from / spec.chunk() * spec.chunk() : spec.window() > 0 ? Math.max(0, from - spec.window() + 1) : 0;
                int chunk = (int) Math.clamp(SCORE_BYTES / (4L * g * rows * (hi - lo)), 1, spec.keyValueHeads());
                for (int kv = 0; kv < spec.keyValueHeads(); kv += chunk) {
                    work.run(s, from, rows, lo, hi, kv, Math.min(chunk, spec.keyValueHeads() - kv));
                }
            }
        }
    }

    /// One block of one sequence: `count` key/value heads from `kv` on. Queries of a group's heads lie behind each other, `[count, g rows, d]`.
    private final class Block {
        private final Projected p;
        private final int g = spec.groupSize();
        private final int d = spec.headDim();
        private final int first;
        private final int from;
        private final int rows;
        private final int lo;
        private final int hi;
        private final int kv;
        private final int count;
        private final Matrix q;

        Block(Projected p, int sequence, int from, int rows, int lo, int hi, int kv, int count) {
            this.p = p;
            first = starts[sequence];
            this.from = from;
            this.rows = rows;
            this.lo = lo;
            this.hi = hi;
            this.kv = kv;
            this.count = count;
            q = gather(p.q.value, d);
        }

        /// Rows of the block's query heads, head by head: `[count g rows, width]`.
        private Matrix gather(Matrix x, int width) {
            Matrix out = pool.matrix(count * g * rows, width);
            for (int h = 0; h < count * g; h++) {
                out.rows(h * rows, rows).copyFrom(x.rows(first + from, rows).columns((kv * g + h) * width, width));
            }
            return out;
        }

        private void scatter(Matrix part, Matrix x, int width) {
            for (int h = 0; h < count * g; h++) {
                x.rows(first + from, rows).columns((kv * g + h) * width, width).copyFrom(part.rows(h * rows, rows));
            }
        }

        /// Dense `[count n, columns]` as `[count, n, columns]`.
        private Operand three(Matrix m, int n, int columns) {
            return new Operand(m.data(), Operand.Element.F32, new long[] {count, n, columns}, new long[] {(long) n * columns, columns, 1});
        }

        /// The block's keys or values `[tokens, K width]` as `[count, keys, width]`.
        private Operand keys(Matrix m, int width) {
            Matrix part = m.rows(first + lo, hi - lo).columns(kv * width, count * width);
            return new Operand(part.data(), Operand.Element.F32, new long[] {count, hi - lo, width}, new long[] {width, part.rowStride(), 1});
        }

        private Attend.Rule rule(int head) {
            MemorySegment sinks = spec.sinks() == null ? null : tape.parameters.vector(spec.sinks()).data();
            float sink = sinks == null ? Float.NaN : sinks.getAtIndex(JAVA_FLOAT, head);
            return new Attend.Rule(spec.scale(), spec.softCap(), spec.causal(), spec.window(), sink, spec.chunk(), biases == null ? null : biases[head].from(lo));
        }

        /// Attention weights `[count g rows, keys]`.
        ///
        /// @param capped takes the scores after the soft cap where there is one; or null
        Matrix pattern(Matrix capped) {
            Matrix scores = pool.matrix(count * g * rows, hi - lo);
            tape.multiply(three(q, g * rows, d), keys(p.k.value, d).transposed(), three(scores, g * rows, hi - lo));
            for (int h = 0; h < count * g; h++) {
                Attend.Rule rule = rule(kv * g + h);
                Matrix one = scores.rows(h * rows, rows);
                if (capped == null) {
                    Attend.softmax(one, rule, from - lo);
                } else {
                    Attend.scores(one, rule, from - lo);
                    capped.rows(h * rows, rows).copyFrom(one);
                    Attend.softmax(one, rule.unscaled(), from - lo);
                }
            }
            return scores;
        }

        void back(Matrix dz, Matrix dq, Matrix dk, Matrix dv, Parameter sinks) {
            int e = spec.valueDim();
            Matrix capped = spec.softCap() == 0f ? null : pool.matrix(count * g * rows, hi - lo);
            Matrix pattern = pattern(capped);
            Matrix dOut = gather(dz, e);
            if (dv != null) {
                Matrix part = pool.matrix(count * (hi - lo), e);
                tape.multiply(three(pattern, g * rows, hi - lo).transposed(), three(dOut, g * rows, e), three(part, hi - lo, e));
                addKeys(part, dv, e);
            }
            if (dq == null && dk == null && (sinks == null || !sinks.trained())) {
                return;
            }
            Matrix ds = pool.matrix(count * g * rows, hi - lo);
            tape.multiply(three(dOut, g * rows, e), keys(p.v.value, e).transposed(), three(ds, g * rows, hi - lo));
            for (int h = 0; h < count * g; h++) {
                Matrix one = pattern.rows(h * rows, rows);
                float[] along = Derivatives.attention(one, ds.rows(h * rows, rows), rule(kv * g + h), from - lo, capped == null ? null : capped.rows(h * rows, rows));
                if (sinks != null && sinks.trained()) {
                    addSink(sinks, kv * g + h, one, along);
                }
            }
            if (dq != null) {
                Matrix part = pool.matrix(count * g * rows, d);
                tape.multiply(three(ds, g * rows, hi - lo), keys(p.k.value, d), three(part, g * rows, d));
                for (int h = 0; h < count * g; h++) {
                    Elementwise.add(dq.rows(first + from, rows).columns((kv * g + h) * d, d), part.rows(h * rows, rows), 1f);
                }
            }
            if (dk != null) {
                Matrix part = pool.matrix(count * (hi - lo), d);
                tape.multiply(three(ds, g * rows, hi - lo).transposed(), three(q, g * rows, d), three(part, hi - lo, d));
                addKeys(part, dk, d);
            }
        }

        private void addKeys(Matrix part, Matrix to, int width) {
            for (int k = 0; k < count; k++) {
                Elementwise.add(to.rows(first + lo, hi - lo).columns((kv + k) * width, width), part.rows(k * (hi - lo), hi - lo), 1f);
            }
        }

        /// The sink's weight is what the keys leave of 1, and its value counts nothing: dsink = -sum over queries of that weight times P dP.
        private static void addSink(Parameter sinks, int head, Matrix pattern, float[] along) {
            double sum = 0;
            for (int r = 0; r < along.length; r++) {
                double kept = 0;
                for (float w : pattern.row(r)) {
                    kept += w;
                }
                sum -= (1 - kept) * along[r];
            }
            MemorySegment g = sinks.gradient();
            g.setAtIndex(JAVA_FLOAT, head, (float) (g.getAtIndex(JAVA_FLOAT, head) + sum));
        }
    }
}
