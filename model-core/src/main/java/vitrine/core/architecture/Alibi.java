package vitrine.core.architecture;

import java.util.ArrayList;
import java.util.List;
import vitrine.core.tensor.StoredValues;

/// Attention with linear biases: the scaled product of query i and key j gets `slope (j - i)` more, so that keys count less the further back they lie.
///
/// Softmax is the same whatever all scores of a query have more: transformers adds `slope j`, or counts from the last key. What is added here is the paper's, so that far from
/// the beginning no digits are lost.
///
/// Source: Press, Smith, Lewis, *Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation*, 2022.
///
/// @param slopes of each query head
/// @param factor what the biases are multiplied with
/// @param rounded whether slopes, positions and their products are kept in bfloat16: from position 256 on neighbours may share one, and what counts is `r(j) - r(i)` of such products r
public record Alibi(List<Float> slopes, float factor, boolean rounded) {

    /// Slopes of BLOOM and Falcon: powers of one base; where the heads are no power of two, those of the next lower one, and behind them every other slope of the next higher one.
    public static Alibi lowerFirst(int heads) {
        int lower = Integer.highestOneBit(heads);
        List<Float> slopes = new ArrayList<>();
        for (int h = 0; h < lower; h++) {
            slopes.add((float) Math.pow(base(lower), 1 + h));
        }
        for (int h = 0; h < heads - lower; h++) {
            slopes.add((float) Math.pow(base(2 * lower), 1 + 2 * h));
        }
        return new Alibi(List.copyOf(slopes), 1f, false);
    }

    /// Slopes of MPT, from `2^(-8 / n)` down to `2^-8` for n heads; where they are no power of two, those of the next higher one: every other from the second on, then every other from
    /// the first on, as many as there are heads.
    public static Alibi everyOther(int heads) {
        int upper = Integer.bitCount(heads) == 1 ? heads : 2 * Integer.highestOneBit(heads);
        List<Float> slopes = new ArrayList<>();
        for (int h = 0; h < heads; h++) {
            int of = upper == heads ? h : h < upper / 2 ? 2 * h + 1 : 2 * (h - upper / 2);
            slopes.add(1f / (float) Math.pow(2, (of + 1) * (8.0 / upper)));
        }
        return new Alibi(List.copyOf(slopes), 1f, false);
    }

    /// The same biases kept in bfloat16 and then multiplied with a factor, as Falcon has them.
    public Alibi roundedTimes(double by) {
        return new Alibi(slopes, (float) by, true);
    }

    /// The first slope of so many heads, a power of two, in float32 as the reference keeps it.
    private static float base(int heads) {
        return (float) Math.pow(2, -8.0 / heads);
    }

    /// What one head's keys get: where biases are rounded `r(j)` of key j from 0 on, else by distance, `slope (j - keys + 1)`, the last being that of the query's own key.
    ///
    /// @param keys of the longest sequence
    public float[] values(int head, int keys) {
        float slope = slopes.get(head);
        float[] out = new float[keys];
        for (int j = 0; j < keys; j++) {
            out[j] = rounded ? StoredValues.bfloat16(StoredValues.bfloat16(slope) * StoredValues.bfloat16(j)) * factor : slope * (j - (keys - 1)) * factor;
        }
        return out;
    }
}
