package vitrine.core.tensor.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import vitrine.core.tensor.Matrix;

/// Rotary position embedding, in place.
///
/// Source: Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021; the half-split order of
/// dimensions is that of GPT-NeoX and Llama, the interleaved one that of the paper.
public final class Rotary {

    private static final Warmth WARMTH = new Warmth();

    private Rotary() {}

    /// Turns the first `2 * pairs` values of every head.
    ///
    /// @param x `[tokens, heads * headDim]`
    /// @param cos float32 `[tokens, pairs]`, dense, already scaled where a family scales it; `sin` likewise
    /// @param interleaved whether pair i is (2i, 2i+1) rather than (i, i + pairs)
    public static void rotate(Matrix x, int heads, int headDim, MemorySegment cos, MemorySegment sin, int pairs, boolean interleaved) {
        if (!interleaved && pairs % Lanes.N == 0 && WARMTH.takesVectors(x, rows -> vectors(rows, heads, headDim, rows.data(), rows.data(), pairs))) {
            vectors(x, heads, headDim, cos, sin, pairs);
        } else {
            plain(x, heads, headDim, cos, sin, pairs, interleaved);
        }
    }

    static void plain(Matrix x, int heads, int headDim, MemorySegment cos, MemorySegment sin, int pairs, boolean interleaved) {
        Plain.rows(x, 8, (v, t) -> {
            float[] c = Plain.values(cos.asSlice(4L * t * pairs), pairs);
            float[] s = Plain.values(sin.asSlice(4L * t * pairs), pairs);
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < pairs; i++) {
                    int first = h * headDim + (interleaved ? 2 * i : i);
                    int second = first + (interleaved ? 1 : pairs);
                    float a = v[first];
                    float b = v[second];
                    v[first] = a * c[i] - b * s[i];
                    v[second] = b * c[i] + a * s[i];
                }
            }
        });
    }

    static void vectors(Matrix x, int heads, int headDim, MemorySegment cos, MemorySegment sin, int pairs) {
        Parallel.over(x.rows(), 8, (from, to) -> {
            for (int t = from; t < to; t++) {
                for (int h = 0; h < heads; h++) {
                    halves(x.data(), x.rowOffset(t) + 4L * h * headDim, cos, sin, 4L * t * pairs, pairs);
                }
            }
        });
    }

    private static void halves(MemorySegment x, long at, MemorySegment cos, MemorySegment sin, long table, int pairs) {
        long other = at + 4L * pairs;
        for (int i = 0; i < pairs; i += Lanes.N) {
            FloatVector a = Lanes.load(x, at + 4L * i);
            FloatVector b = Lanes.load(x, other + 4L * i);
            FloatVector c = Lanes.load(cos, table + 4L * i);
            FloatVector s = Lanes.load(sin, table + 4L * i);
            a.mul(c).sub(b.mul(s)).intoMemorySegment(x, at + 4L * i, Lanes.ORDER);
            b.mul(c).add(a.mul(s)).intoMemorySegment(x, other + 4L * i, Lanes.ORDER);
        }
    }
}
