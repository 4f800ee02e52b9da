package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import vitrine.core.tensor.Matrix;

/// From attention scores to attention weights.
///
/// Source: Vaswani et al., *Attention Is All You Need*, 2017; the soft cap is Gemma 2's, the sink gpt-oss's.
public final class Attend {

    private static final int LEAST_ROWS = 16;
    private static final Warmth WARMTH = new Warmth();

    private Attend() {}

    /// Which keys a query sees and how its scores are treated.
    ///
    /// @param scale multiplied with the raw products
    /// @param softCap `score = cap tanh(score / cap)` before masking; 0 for none
    /// @param causal whether keys after the query are hidden
    /// @param window how many keys up to and including its own a query sees; 0 for all
    /// @param sink a logit that joins the denominator only; NaN for none
    /// @param chunk a query sees keys of its own stretch of so many positions only; 0 for all
    public record Rule(float scale, float softCap, boolean causal, int window, float sink, int chunk) {

        public Rule(float scale, float softCap, boolean causal, int window, float sink) {
            this(scale, softCap, causal, window, sink, 0);
        }

        /// The same rule for scores that are already scaled and capped.
        public Rule unscaled() {
            return new Rule(1f, 0f, causal, window, sink, chunk);
        }

        /// The first key that query `i` of a whole sequence sees.
        public int firstKey(int i) {
            return Math.max(window > 0 ? Math.max(0, i - window + 1) : 0, chunk > 0 ? i / chunk * chunk : 0);
        }

        /// The key after the last one that query `i` of `keys` sees.
        public int endKey(int i, int keys) {
            return causal ? Math.min(keys, i + 1) : keys;
        }

        float score(float raw) {
            float v = raw * scale;
            return softCap == 0f ? v : Lanes.tanh(v / softCap) * softCap;
        }

        FloatVector score(FloatVector raw) {
            FloatVector v = raw.mul(scale);
            return softCap == 0f ? v : Lanes.tanh(v.div(softCap)).mul(softCap);
        }
    }

    /// Scales, caps and masks raw products `[queries, keys]` in place; hidden entries become −∞. Followed by [#softmax] with the
    /// [Rule#unscaled] rule it gives the same bits as [#softmax] alone.
    ///
    /// @param firstQuery the position of row 0 among the keys
    public static void scores(Matrix products, Rule rule, int firstQuery) {
        Plain.rows(products, LEAST_ROWS, (v, r) -> {
            int first = rule.firstKey(firstQuery + r);
            int end = rule.endKey(firstQuery + r, v.length);
            for (int i = first; i < end; i++) {
                v[i] = rule.score(v[i]);
            }
            Arrays.fill(v, 0, first, Float.NEGATIVE_INFINITY);
            Arrays.fill(v, end, v.length, Float.NEGATIVE_INFINITY);
        });
    }

    /// Softmax of every row of raw products `[queries, keys]`, in place; hidden entries become 0.
    ///
    /// @param firstQuery the position of row 0 among the keys
    public static void softmax(Matrix scores, Rule rule, int firstQuery) {
        if (WARMTH.takesVectors(scores, rows -> vectors(rows, rule, scores.columns()))) {
            vectors(scores, rule, firstQuery);
        } else {
            plain(scores, rule, firstQuery);
        }
    }

    static void plain(Matrix scores, Rule rule, int firstQuery) {
        Plain.rows(scores, LEAST_ROWS, (v, r) -> {
            int first = rule.firstKey(firstQuery + r);
            int end = rule.endKey(firstQuery + r, v.length);
            float max = Float.isNaN(rule.sink) ? Float.NEGATIVE_INFINITY : rule.sink;
            for (int i = first; i < end; i++) {
                v[i] = rule.score(v[i]);
                max = Math.max(max, v[i]);
            }
            float[] partial = new float[Lanes.N];
            for (int i = first; i < end; i++) {
                v[i] = Lanes.exp(v[i] - max);
                partial[(i - first) % Lanes.N] += v[i];
            }
            float inverse = inverse(Lanes.sum(partial), max, rule);
            for (int i = first; i < end; i++) {
                v[i] *= inverse;
            }
            Arrays.fill(v, 0, first, 0f);
            Arrays.fill(v, end, v.length, 0f);
        });
    }

    private static float inverse(double total, float max, Rule rule) {
        return (float) (1 / (Float.isNaN(rule.sink) ? total : total + Math.exp(rule.sink - max)));
    }

    static void vectors(Matrix scores, Rule rule, int firstQuery) {
        Parallel.over(scores.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                int position = firstQuery + r;
                softmaxRow(scores.data(), scores.rowOffset(r), scores.columns(), rule.firstKey(position), rule.endKey(position, scores.columns()), rule);
            }
        });
    }

    private static void softmaxRow(MemorySegment s, long o, int keys, int first, int end, Rule rule) {
        float max = scoreRow(s, o, first, end, rule);
        float inverse = inverse(expRow(s, o, first, end, max), max, rule);
        int i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            Lanes.load(s, o + 4L * i).mul(inverse).intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
        }
        if (i < end) {
            VectorMask<Float> m = Lanes.tail(i, end);
            Lanes.load(s, o + 4L * i, m).mul(inverse).intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
        }
        s.asSlice(o, 4L * first).fill((byte) 0);
        s.asSlice(o + 4L * end, 4L * (keys - end)).fill((byte) 0);
    }

    private static float scoreRow(MemorySegment s, long o, int first, int end, Rule rule) {
        FloatVector top = FloatVector.broadcast(Lanes.F, Float.isNaN(rule.sink) ? Float.NEGATIVE_INFINITY : rule.sink);
        int i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            FloatVector v = rule.score(Lanes.load(s, o + 4L * i));
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
            top = top.max(v);
        }
        if (i < end) {
            VectorMask<Float> m = Lanes.tail(i, end);
            FloatVector v = rule.score(Lanes.load(s, o + 4L * i, m));
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
            top = top.lanewise(VectorOperators.MAX, v, m);
        }
        return top.reduceLanes(VectorOperators.MAX);
    }

    private static double expRow(MemorySegment s, long o, int first, int end, float max) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        int i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            FloatVector e = Lanes.exp(Lanes.load(s, o + 4L * i).sub(max));
            e.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
            sum = sum.add(e);
        }
        if (i < end) {
            VectorMask<Float> m = Lanes.tail(i, end);
            FloatVector e = Lanes.exp(Lanes.load(s, o + 4L * i, m).sub(max));
            e.intoMemorySegment(s, o + 4L * i, Lanes.ORDER, m);
            sum = sum.add(e, m);
        }
        return Lanes.sum(sum);
    }
}
