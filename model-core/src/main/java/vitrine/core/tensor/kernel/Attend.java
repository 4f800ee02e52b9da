package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import vitrine.core.tensor.Matrix;

/// From attention scores to attention weights.
///
/// Source: Vaswani et al., *Attention Is All You Need*, 2017; the soft cap is Gemma 2's, the sink gpt-oss's.
public final class Attend {

    private Attend() {}

    /// Which keys a query sees and how its scores are treated.
    ///
    /// @param scale multiplied with the raw products
    /// @param softCap `score = cap tanh(score / cap)` before masking; 0 for none
    /// @param causal whether keys after the query are hidden
    /// @param window how many keys up to and including its own a query sees; 0 for all
    /// @param sink a logit that joins the denominator only; NaN for none
    public record Rule(float scale, float softCap, boolean causal, int window, float sink) {
        /// The same rule for scores that are already scaled and capped.
        public Rule unscaled() {
            return new Rule(1f, 0f, causal, window, sink);
        }

        /// The first key that query `i` of a whole sequence sees.
        public int firstKey(int i) {
            return window > 0 ? Math.max(0, i - window + 1) : 0;
        }

        /// The key after the last one that query `i` of `keys` sees.
        public int endKey(int i, int keys) {
            return causal ? Math.min(keys, i + 1) : keys;
        }
    }

    /// Scales, caps and masks raw products `[queries, keys]` in place; hidden entries become −∞.
    ///
    /// @param firstQuery the position of row 0 among the keys
    public static void scores(Matrix products, Rule rule, int firstQuery) {
        Parallel.over(products.rows(), 16, (from, to) -> {
            for (int r = from; r < to; r++) {
                int first = rule.firstKey(firstQuery + r);
                int end = rule.endKey(firstQuery + r, products.columns());
                scoreRow(products.data(), products.rowOffset(r), first, end, rule);
                fill(products.data(), products.rowOffset(r), 0, first, Float.NEGATIVE_INFINITY);
                fill(products.data(), products.rowOffset(r), end, products.columns(), Float.NEGATIVE_INFINITY);
            }
        });
    }

    private static void scoreRow(MemorySegment s, long o, int first, int end, Rule rule) {
        int i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            score(Lanes.load(s, o + 4L * i), rule).intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
        }
        if (i < end) {
            VectorMask<Float> m = Lanes.tail(i, end);
            score(Lanes.load(s, o + 4L * i, m), rule).intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
        }
    }

    private static void fill(MemorySegment s, long o, int from, int to, float value) {
        for (int i = from; i < to; i++) {
            s.set(JAVA_FLOAT, o + 4L * i, value);
        }
    }

    /// Softmax of every row of raw products `[queries, keys]`, in place; hidden entries become 0.
    ///
    /// @param firstQuery the position of row 0 among the keys
    public static void softmax(Matrix scores, Rule rule, int firstQuery) {
        Parallel.over(scores.rows(), 16, (from, to) -> {
            for (int r = from; r < to; r++) {
                int position = firstQuery + r;
                softmaxRow(scores, r, rule.firstKey(position), rule.endKey(position, scores.columns()), rule);
            }
        });
    }

    private static void softmaxRow(Matrix scores, int row, int first, int end, Rule rule) {
        MemorySegment s = scores.data();
        long o = scores.rowOffset(row);
        float max = Float.isNaN(rule.sink) ? Float.NEGATIVE_INFINITY : rule.sink;
        FloatVector top = FloatVector.broadcast(Lanes.F, max);
        int i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            FloatVector v = score(Lanes.load(s, o + 4L * i), rule);
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
            top = top.max(v);
        }
        max = top.reduceLanes(VectorOperators.MAX);
        if (i < end) {
            VectorMask<Float> m = Lanes.tail(i, end);
            FloatVector v = score(Lanes.load(s, o + 4L * i, m), rule);
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
            max = Math.max(max, v.reduceLanes(VectorOperators.MAX, m));
        }
        FloatVector sum = FloatVector.zero(Lanes.F);
        i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            FloatVector e = Lanes.exp(Lanes.load(s, o + 4L * i).sub(max));
            e.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
            sum = sum.add(e);
        }
        float total = sum.reduceLanes(VectorOperators.ADD);
        if (i < end) {
            VectorMask<Float> m = Lanes.tail(i, end);
            FloatVector e = Lanes.exp(Lanes.load(s, o + 4L * i, m).sub(max));
            e.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
            total += e.reduceLanes(VectorOperators.ADD, m);
        }
        if (!Float.isNaN(rule.sink)) {
            total += (float) Math.exp(rule.sink - max);
        }
        float inverse = 1f / total;
        i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            Lanes.load(s, o + 4L * i).mul(inverse).intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
        }
        for (; i < end; i++) {
            s.set(JAVA_FLOAT, o + 4L * i, s.get(JAVA_FLOAT, o + 4L * i) * inverse);
        }
        s.asSlice(o, 4L * first).fill((byte) 0);
        s.asSlice(o + 4L * end, 4L * (scores.columns() - end)).fill((byte) 0);
    }

    private static FloatVector score(FloatVector raw, Rule rule) {
        FloatVector v = raw.mul(rule.scale);
        return rule.softCap == 0f ? v : Lanes.tanh(v.div(rule.softCap)).mul(rule.softCap);
    }
}
