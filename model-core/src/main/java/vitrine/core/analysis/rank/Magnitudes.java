package vitrine.core.analysis.rank;

import java.util.Arrays;
import vitrine.core.tensor.Matrix;

/// How large the values of a site are: the largest of every dimension, and the median of all.
///
/// The median is read off a histogram whose bins are the leading 12 bits of a float32's magnitude, a sixteenth of an octave: it is within
/// 3 % of the truth, and the same whatever the batches.
final class Magnitudes {

    /// A dimension is massive where a value of it exceeds this many medians.
    static final double MASSIVE = 100;
    private static final int SHIFT = 19;

    private final float[] largest;
    private final long[] bins = new long[1 << (31 - SHIFT)];
    private long count;

    Magnitudes(int width) {
        largest = new float[width];
    }

    void add(Matrix rows) {
        for (int r = 0; r < rows.rows(); r++) {
            float[] values = rows.row(r);
            for (int i = 0; i < values.length; i++) {
                float a = Math.abs(values[i]);
                largest[i] = Math.max(largest[i], a);
                bins[Float.floatToRawIntBits(a) >>> SHIFT]++;
            }
        }
        count += rows.size();
    }

    /// The median magnitude.
    double median() {
        long half = (count + 1) / 2;
        long below = 0;
        for (int b = 0; b < bins.length; b++) {
            below += bins[b];
            if (below >= half) {
                float low = Float.intBitsToFloat(b << SHIFT);
                float high = Float.intBitsToFloat((b + 1) << SHIFT);
                return 0.5 * ((double) low + high);
            }
        }
        return 0;
    }

    /// Dimensions with a value above 100 medians, rising.
    int[] massive() {
        double limit = MASSIVE * median();
        return java.util.stream.IntStream.range(0, largest.length).filter(i -> largest[i] > limit).toArray();
    }

    /// All dimensions but the massive ones.
    int[] others() {
        int[] massive = massive();
        return java.util.stream.IntStream.range(0, largest.length).filter(i -> Arrays.binarySearch(massive, i) < 0).toArray();
    }
}
