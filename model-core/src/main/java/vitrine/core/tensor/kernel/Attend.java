package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import vitrine.core.tensor.Matrix;

/// From attention scores to attention weights.
///
/// Source: Vaswani et al., *Attention Is All You Need*, 2017; the soft cap is Gemma 2's, the sink gpt-oss's, biases by position are those of Press et al., 2022.
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
    /// @param bias what is added to a score by where key and query stand, after the cap; null for nothing
    public record Rule(float scale, float softCap, boolean causal, int window, float sink, int chunk, Bias bias) {

        public Rule(float scale, float softCap, boolean causal, int window, float sink) {
            this(scale, softCap, causal, window, sink, 0, null);
        }

        /// The same rule for scores that are already scaled, capped and biased.
        public Rule unscaled() {
            return new Rule(1f, 0f, causal, window, sink, chunk, null);
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

    /// What one head adds to the scores of a query's keys.
    ///
    /// @param values by distance: of the keys before and at the query, `values[n - 1]` that of its own and `values[n - 1 - t]` that of the key t before it; else of every key, less that
    ///               of the query's own position
    public record Bias(float[] values, boolean byDistance) {

        /// The same for keys counted from key `first` on, as queries are.
        public Bias from(int first) {
            return byDistance || first == 0 ? this : new Bias(Arrays.copyOfRange(values, first, values.length), false);
        }

        /// Where in the values that of key 0 stands for query `i`; negative where the query does not see so far.
        private int offset(int i) {
            return byDistance ? values.length - 1 - i : 0;
        }

        /// What is taken from every value for query `i`.
        private float base(int i) {
            return byDistance ? 0f : values[i];
        }
    }

    /// Scales, caps, biases and masks raw products `[queries, keys]` in place; hidden entries become −∞. Followed by [#softmax] with the
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
            bias(v, rule.bias, firstQuery + r, first, end);
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
            }
            bias(v, rule.bias, firstQuery + r, first, end);
            for (int i = first; i < end; i++) {
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

    private static void bias(float[] v, Bias bias, int query, int first, int end) {
        if (bias != null) {
            int at = bias.offset(query);
            float base = bias.base(query);
            for (int i = first; i < end; i++) {
                v[i] += bias.values[at + i] - base;
            }
        }
    }

    private static float inverse(double total, float max, Rule rule) {
        return (float) (1 / (Float.isNaN(rule.sink) ? total : total + Math.exp(rule.sink - max)));
    }

    static void vectors(Matrix scores, Rule rule, int firstQuery) {
        Parallel.over(scores.rows(), LEAST_ROWS, (from, to) -> {
            for (int r = from; r < to; r++) {
                int position = firstQuery + r;
                softmaxRow(scores.data(), scores.rowOffset(r), scores.columns(), rule.firstKey(position), rule.endKey(position, scores.columns()), position, rule);
            }
        });
    }

    private static void softmaxRow(MemorySegment s, long o, int keys, int first, int end, int query, Rule rule) {
        float max = rule.bias == null ? scoreRow(s, o, first, end, rule) : biasedRow(s, o, first, end, query, rule);
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

    private static float biasedRow(MemorySegment s, long o, int first, int end, int query, Rule rule) {
        float[] values = rule.bias.values;
        int at = rule.bias.offset(query);
        float base = rule.bias.base(query);
        FloatVector top = FloatVector.broadcast(Lanes.F, Float.isNaN(rule.sink) ? Float.NEGATIVE_INFINITY : rule.sink);
        int i = first;
        for (; i <= end - Lanes.N; i += Lanes.N) {
            FloatVector v = rule.score(Lanes.load(s, o + 4L * i)).add(FloatVector.fromArray(Lanes.F, values, at + i).sub(base));
            v.intoMemorySegment(s, o + 4L * i, Lanes.ORDER);
            top = top.max(v);
        }
        if (i < end) {
            VectorMask<Float> m = Lanes.tail(i, end);
            FloatVector v = rule.score(Lanes.load(s, o + 4L * i, m)).add(FloatVector.fromArray(Lanes.F, values, at + i, m).sub(base));
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
