package vitrine.core.tensor.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import vitrine.core.tensor.Matrix;

/// Rotary position embedding, in place.
///
/// Source: Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021; the half-split order of
/// dimensions is that of GPT-NeoX and Llama, the interleaved one that of the paper.
public final class Rotary {

    private Rotary() {}

    /// Turns the first `2 * pairs` values of every head.
    ///
    /// @param x `[tokens, heads * headDim]`
    /// @param cos float32 `[tokens, pairs]`, dense, already scaled where a family scales it; `sin` likewise
    /// @param interleaved whether pair i is (2i, 2i+1) rather than (i, i + pairs)
    public static void rotate(Matrix x, int heads, int headDim, MemorySegment cos, MemorySegment sin, int pairs, boolean interleaved) {
        if (x.size() < Lanes.WORTHWHILE) {
            plain(x, heads, headDim, cos, sin, pairs, interleaved);
            return;
        }
        Parallel.over(x.rows(), 8, (from, to) -> {
            for (int t = from; t < to; t++) {
                long table = 4L * t * pairs;
                for (int h = 0; h < heads; h++) {
                    long at = x.rowOffset(t) + 4L * h * headDim;
                    if (interleaved) {
                        interleaved(x.data(), at, cos, sin, table, pairs);
                    } else {
                        halves(x.data(), at, cos, sin, table, pairs);
                    }
                }
            }
        });
    }

    private static void plain(Matrix x, int heads, int headDim, MemorySegment cos, MemorySegment sin, int pairs, boolean interleaved) {
        float[] c = Plain.values(cos, x.rows() * pairs);
        float[] s = Plain.values(sin, x.rows() * pairs);
        for (int t = 0; t < x.rows(); t++) {
            float[] v = x.row(t);
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < pairs; i++) {
                    int first = h * headDim + (interleaved ? 2 * i : i);
                    int second = first + (interleaved ? 1 : pairs);
                    float a = v[first];
                    float b = v[second];
                    v[first] = a * c[t * pairs + i] - b * s[t * pairs + i];
                    v[second] = b * c[t * pairs + i] + a * s[t * pairs + i];
                }
            }
            Plain.put(x, t, v);
        }
    }

    private static void halves(MemorySegment x, long at, MemorySegment cos, MemorySegment sin, long table, int pairs) {
        long other = at + 4L * pairs;
        int i = 0;
        for (; i <= pairs - Lanes.N; i += Lanes.N) {
            FloatVector a = Lanes.load(x, at + 4L * i);
            FloatVector b = Lanes.load(x, other + 4L * i);
            FloatVector c = Lanes.load(cos, table + 4L * i);
            FloatVector s = Lanes.load(sin, table + 4L * i);
            a.mul(c).sub(b.mul(s)).intoMemorySegment(x, at + 4L * i, Lanes.ORDER);
            b.mul(c).add(a.mul(s)).intoMemorySegment(x, other + 4L * i, Lanes.ORDER);
        }
        for (; i < pairs; i++) {
            turn(x, at + 4L * i, other + 4L * i, cos, sin, table + 4L * i);
        }
    }

    private static void interleaved(MemorySegment x, long at, MemorySegment cos, MemorySegment sin, long table, int pairs) {
        for (int i = 0; i < pairs; i++) {
            turn(x, at + 8L * i, at + 8L * i + 4, cos, sin, table + 4L * i);
        }
    }

    private static void turn(MemorySegment x, long first, long second, MemorySegment cos, MemorySegment sin, long table) {
        float a = x.get(JAVA_FLOAT, first);
        float b = x.get(JAVA_FLOAT, second);
        float c = cos.get(JAVA_FLOAT, table);
        float s = sin.get(JAVA_FLOAT, table);
        x.set(JAVA_FLOAT, first, a * c - b * s);
        x.set(JAVA_FLOAT, second, b * c + a * s);
    }
}
