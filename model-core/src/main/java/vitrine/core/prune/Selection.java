package vitrine.core.prune;

import java.util.Arrays;
import vitrine.core.tensor.Matrix;
import vitrine.core.tensor.kernel.Parallel;

/// Finds the smallest of many scores. Of equal ones the smaller index goes first.
public final class Selection {

    private static final int HALF = 1 << 16;

    private Selection() {}

    /// Clears `kept[at + i]` for the `count` smallest of `scores`.
    ///
    /// @param scores not NaN; not changed
    public static void dropSmallest(double[] scores, int count, byte[] kept, int at) {
        if (count <= 0) {
            return;
        }
        if (count >= scores.length) {
            Arrays.fill(kept, at, at + scores.length, (byte) 0);
            return;
        }
        double threshold = smallest(scores.clone(), count - 1);
        int left = count;
        for (int i = 0; i < scores.length; i++) {
            if (scores[i] < threshold) {
                kept[at + i] = 0;
                left--;
            }
        }
        for (int i = 0; i < scores.length && left > 0; i++) {
            if (scores[i] == threshold) {
                kept[at + i] = 0;
                left--;
            }
        }
    }

    /// The value that would stand at `index` if `values` were sorted; they are moved about.
    public static double smallest(double[] values, int index) {
        int from = 0;
        int to = values.length - 1;
        while (from < to) {
            double pivot = median(values[from], values[(from + to) >>> 1], values[to]);
            int i = from;
            int j = to;
            while (i <= j) {
                while (values[i] < pivot) {
                    i++;
                }
                while (values[j] > pivot) {
                    j--;
                }
                if (i <= j) {
                    double v = values[i];
                    values[i++] = values[j];
                    values[j--] = v;
                }
            }
            if (index <= j) {
                to = j;
            } else if (index >= i) {
                from = i;
            } else {
                return values[index];
            }
        }
        return values[index];
    }

    private static double median(double a, double b, double c) {
        return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    }

    /// A mask `[out, in]` in which the `count` values of smallest magnitude are 0 and all others 1.
    ///
    /// Magnitudes of floats are ordered as their bits are: two histograms of half the bits each find the border, however many values there are.
    public static byte[] withoutSmallestMagnitudes(Matrix w, long count) {
        byte[] kept = new byte[Math.toIntExact(w.size())];
        Arrays.fill(kept, (byte) 1);
        if (count <= 0) {
            return kept;
        }
        long[] high = new long[HALF];
        for (int r = 0; r < w.rows(); r++) {
            for (float v : w.row(r)) {
                high[bits(v) >>> 16]++;
            }
        }
        int top = 0;
        long below = 0;
        while (below + high[top] < count) {
            below += high[top++];
        }
        long[] low = new long[HALF];
        for (int r = 0; r < w.rows(); r++) {
            for (float v : w.row(r)) {
                int b = bits(v);
                if (b >>> 16 == top) {
                    low[b & 0xffff]++;
                }
            }
        }
        int bottom = 0;
        while (below + low[bottom] < count) {
            below += low[bottom++];
        }
        int border = top << 16 | bottom;
        long equal = count - below;
        int at = 0;
        for (int r = 0; r < w.rows(); r++) {
            for (float v : w.row(r)) {
                int b = bits(v);
                if (b < border || b == border && equal-- > 0) {
                    kept[at] = 0;
                }
                at++;
            }
        }
        return kept;
    }

    private static int bits(float v) {
        return Float.floatToRawIntBits(v) & 0x7fffffff;
    }

    /// Scores of a row of a matrix.
    @FunctionalInterface
    public interface RowScores {
        /// @param out `[in]`, filled
        void of(int row, double[] out);
    }

    /// A mask `[out, in]` in which every row loses its `count` smallest scores.
    public static byte[] byRow(int out, int in, int count, RowScores scores) {
        byte[] kept = new byte[Math.multiplyExact(out, in)];
        Arrays.fill(kept, (byte) 1);
        Parallel.over(out, 8, (from, to) -> {
            double[] s = new double[in];
            for (int r = from; r < to; r++) {
                scores.of(r, s);
                dropSmallest(s, count, kept, r * in);
            }
        });
        return kept;
    }

    /// A mask `[out, in]` in which every group of consecutive inputs of a row keeps its `pattern.kept()` largest scores.
    ///
    /// @param in a multiple of the pattern's group
    public static byte[] byPattern(int out, int in, NofM pattern, RowScores scores) {
        byte[] kept = new byte[Math.multiplyExact(out, in)];
        Arrays.fill(kept, (byte) 1);
        Parallel.over(out, 8, (from, to) -> {
            double[] s = new double[in];
            for (int r = from; r < to; r++) {
                scores.of(r, s);
                for (int g = 0; g < in; g += pattern.of()) {
                    dropSmallest(Arrays.copyOfRange(s, g, g + pattern.of()), pattern.of() - pattern.kept(), kept, r * in + g);
                }
            }
        });
        return kept;
    }
}
