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

    /// Scales, caps and masks raw products `[queries, keys]` in place; hidden entries become −∞. Followed by [#softmax] with the
    /// [Rule#unscaled] rule it gives the same bits as [#softmax] alone.
    ///
    /// @param firstQuery the position of row 0 among the keys
    public static void scores(Matrix products, Rule rule, int firstQuery) {
        for (int r = 0; r < products.rows(); r++) {
            int first = rule.firstKey(firstQuery + r);
            int end = rule.endKey(firstQuery + r, products.columns());
            if (products.size() >= Lanes.WORTHWHILE) {
                scoreRow(products.data(), products.rowOffset(r), first, end, rule);
            }
            float[] v = products.row(r);
            for (int i = first; i < end && products.size() < Lanes.WORTHWHILE; i++) {
                v[i] = plainScore(v[i], rule);
            }
            java.util.Arrays.fill(v, 0, first, Float.NEGATIVE_INFINITY);
            java.util.Arrays.fill(v, end, v.length, Float.NEGATIVE_INFINITY);
            Plain.put(products, r, v);
        }
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

    /// Softmax of every row of raw products `[queries, keys]`, in place; hidden entries become 0.
    ///
    /// @param firstQuery the position of row 0 among the keys
    public static void softmax(Matrix scores, Rule rule, int firstQuery) {
        if (scores.size() < Lanes.WORTHWHILE) {
            plainSoftmax(scores, rule, firstQuery);
            return;
        }
        Parallel.over(scores.rows(), 16, (from, to) -> {
            for (int r = from; r < to; r++) {
                int position = firstQuery + r;
                softmaxRow(scores, r, rule.firstKey(position), rule.endKey(position, scores.columns()), rule);
            }
        });
    }

    private static void plainSoftmax(Matrix scores, Rule rule, int firstQuery) {
        for (int r = 0; r < scores.rows(); r++) {
            float[] v = scores.row(r);
            int first = rule.firstKey(firstQuery + r);
            int end = rule.endKey(firstQuery + r, v.length);
            float max = Float.isNaN(rule.sink) ? Float.NEGATIVE_INFINITY : rule.sink;
            for (int i = first; i < end; i++) {
                v[i] = plainScore(v[i], rule);
                max = Math.max(max, v[i]);
            }
            double total = Float.isNaN(rule.sink) ? 0 : Math.exp(rule.sink - max);
            for (int i = first; i < end; i++) {
                v[i] = (float) Math.exp(v[i] - max);
                total += v[i];
            }
            for (int i = first; i < end; i++) {
                v[i] = (float) (v[i] / total);
            }
            java.util.Arrays.fill(v, 0, first, 0f);
            java.util.Arrays.fill(v, end, v.length, 0f);
            Plain.put(scores, r, v);
        }
    }

    private static float plainScore(float raw, Rule rule) {
        float v = raw * rule.scale;
        return rule.softCap == 0f ? v : (float) (Math.tanh(v / rule.softCap) * rule.softCap);
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
