package vitrine.core.analysis.compare;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import vitrine.core.architecture.ModelSpec;
import vitrine.core.forward.Batch;
import vitrine.core.forward.ForwardPass;
import vitrine.core.probe.Place;
import vitrine.core.probe.Probe;
import vitrine.core.probe.Site;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// One prompt through two models that take the same tokens, in turn layer by layer: of attention, one layer's weights of either are in memory at a time.
public final class PromptComparison {

    private static final long BLOCK_BYTES = 16L << 20;

    private final Side a;
    private final Side b;
    private final int[] ids;
    private final boolean heads;
    private final Maps maps;
    private final boolean lens;
    private HeadChange[][] changes;
    private NextToken[] next;
    private double[] lossA;
    private double[] lossB;
    private LogitLens lensA;
    private LogitLens lensB;

    /// A model as this comparison runs it.
    ///
    /// @param probe reads values of its pass as well, such as which experts are chosen
    public record Side(ForwardPass forward, ModelSpec spec, Probe probe) {}

    /// Takes attention weights.
    @FunctionalInterface
    public interface Maps {
        /// @param weights `[queries * keys]`
        void take(boolean second, int layer, int head, float[] weights) throws IOException;
    }

    /// @param heads whether the heads of the two stand for each other: the same layers, the same heads in each
    /// @param maps told each head's weights, or null; with `heads` only
    /// @param lens whether states are read through the head layer by layer; both models have one
    public PromptComparison(Side a, Side b, int[] ids, boolean heads, Maps maps, boolean lens) {
        this.a = a;
        this.b = b;
        this.ids = ids;
        this.heads = heads;
        this.maps = maps;
        this.lens = lens;
    }

    /// Bytes of residual streams that a lens keeps of a model.
    public static long lensBytes(ModelSpec spec, int tokens) {
        return 4L * (spec.layers().size() + 1) * tokens * spec.hiddenSize();
    }

    /// Runs both.
    public void run(Progress progress) throws IOException {
        Batch batch = new Batch(List.of(new Batch.Sequence(ids, null)));
        int layers = Math.max(a.spec.layers().size(), b.spec.layers().size());
        boolean logits = a.spec.head() != null && b.spec.head() != null;
        int lensSteps = lens ? a.spec.layers().size() + b.spec.layers().size() : 0;
        int total = layers + 1 + lensSteps;
        try (Arena arena = Arena.ofShared()) {
            Stream left = new Stream(a, batch, arena, lens);
            Stream right = new Stream(b, batch, arena, lens);
            changes = heads ? new HeadChange[layers][] : null;
            for (int l = 0; l < layers; l++) {
                progress.step(l, total, "layers");
                Patterns p = heads ? new Patterns(l, a.spec.layers().get(l).attention().heads()) : null;
                Patterns q = heads ? new Patterns(l, b.spec.layers().get(l).attention().heads()) : null;
                left.layer(l, p, progress);
                right.layer(l, q, progress);
                if (heads) {
                    compare(l, p, q);
                }
            }
            progress.step(layers, total, "layers");
            if (logits) {
                nextTokens(left, right, arena, progress);
            }
            if (lens) {
                lensA = LogitLens.of(a.forward, left.states, ids, a.spec.vocabSize(), part(progress, layers + 1, a.spec.layers().size(), total));
                lensB = LogitLens.of(b.forward, right.states, ids, b.spec.vocabSize(), part(progress, layers + 1 + a.spec.layers().size(), b.spec.layers().size(), total));
            }
            progress.step(total, total, "layers");
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static Progress part(Progress behind, int before, int steps, int total) {
        return new Progress() {
            @Override
            public void step(long done, long of, String unit) {
                behind.step(before + steps * done / Math.max(1, of), total, "layers");
            }

            @Override
            public void checkCancelled() {
                behind.checkCancelled();
            }
        };
    }

    /// A model's residual stream on its way.
    private static final class Stream {
        private final Side side;
        private final Batch batch;
        private final Matrix x;
        private final Matrix[] states;
        private final Arena arena;

        Stream(Side side, Batch batch, Arena arena, boolean keep) {
            this.side = side;
            this.batch = batch;
            this.arena = arena;
            x = Matrix.allocate(arena, batch.tokens(), side.spec.hiddenSize());
            states = keep ? new Matrix[side.spec.layers().size() + 1] : null;
            side.forward.embed(batch, x);
            keep(0);
        }

        void layer(int l, Patterns patterns, Progress progress) {
            if (l < side.spec.layers().size()) {
                side.forward.through(batch, x, l, l + 1, patterns == null ? side.probe : Probe.all(List.of(side.probe, patterns)), new Quiet(progress));
                keep(l + 1);
            }
        }

        private void keep(int index) {
            if (states != null) {
                states[index] = Matrix.allocate(arena, x.rows(), x.columns());
                states[index].copyFrom(x);
            }
        }
    }

    /// The attention weights of one layer.
    private final class Patterns implements Probe {
        private final int layer;
        private final float[][] of;

        Patterns(int layer, int heads) {
            this.layer = layer;
            of = new float[heads][];
        }

        @Override
        public boolean wants(int l, Site site) {
            return l == layer && site == Site.PATTERN;
        }

        @Override
        public void at(Place place, Matrix value) {
            int n = ids.length;
            if (of[place.head()] == null) {
                of[place.head()] = new float[n * n];
            }
            float[] rows = value.toArray();
            System.arraycopy(rows, 0, of[place.head()], place.firstPosition() * n, rows.length);
        }
    }

    private void compare(int l, Patterns p, Patterns q) throws IOException {
        changes[l] = new HeadChange[p.of.length];
        for (int h = 0; h < p.of.length; h++) {
            changes[l][h] = HeadChange.of(p.of[h], q.of[h], ids.length);
            if (maps != null) {
                maps.take(false, l, h, p.of[h]);
                maps.take(true, l, h, q.of[h]);
            }
        }
    }

    private void nextTokens(Stream left, Stream right, Arena arena, Progress progress) {
        int n = ids.length;
        int vocabulary = a.spec.vocabSize();
        next = new NextToken[n];
        lossA = new double[n - 1];
        lossB = new double[n - 1];
        int block = (int) Math.clamp(BLOCK_BYTES / (4L * vocabulary), 1, n);
        Matrix p = Matrix.allocate(arena, block, vocabulary);
        Matrix q = Matrix.allocate(arena, block, vocabulary);
        for (int from = 0; from < n; from += block) {
            progress.checkCancelled();
            int first = from;
            int count = Math.min(block, n - from);
            logits(left, from, count, p, arena);
            logits(right, from, count, q, arena);
            Parallel.over(count, 1, (begin, end) -> {
                for (int r = begin; r < end; r++) {
                    float[] u = p.row(r);
                    float[] v = q.row(r);
                    next[first + r] = NextToken.of(u, v);
                    if (first + r < n - 1) {
                        int target = ids[first + r + 1];
                        lossA[first + r] = NextToken.logPartition(u, u[NextToken.likeliest(u)]) - u[target];
                        lossB[first + r] = NextToken.logPartition(v, v[NextToken.likeliest(v)]) - v[target];
                    }
                }
            });
        }
    }

    private static void logits(Stream of, int from, int count, Matrix to, Arena arena) {
        Matrix h = Matrix.allocate(arena, count, of.x.columns());
        of.side.forward.finalNorm(of.x.rows(from, count), h);
        of.side.forward.head(h, to.rows(0, count));
    }

    private record Quiet(Progress behind) implements Progress {
        @Override
        public void step(long done, long total, String unit) {}

        @Override
        public void checkCancelled() {
            behind.checkCancelled();
        }
    }

    /// How far each head moved, `[layers][heads]`; null where heads do not stand for each other.
    public HeadChange[][] heads() {
        return changes;
    }

    /// The next-token distributions after each token, `[tokens]`; null where a model has no head.
    public NextToken[] next() {
        return next;
    }

    /// -ln p of each token but the first, `[tokens - 1]`, nats; null where a model has no head.
    public double[] losses(boolean second) {
        return second ? lossB : lossA;
    }

    /// Null where none was asked for.
    public LogitLens lens(boolean second) {
        return second ? lensB : lensA;
    }

    /// The share of positions after which both models have the same most likely token.
    public double agreement() {
        return Arrays.stream(next).filter(t -> t.topA() == t.topB()).count() / (double) next.length;
    }
}
