package vitrine.core.analysis.anatomy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import vitrine.core.progress.Progress;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.kernel.Parallel;
import vitrine.core.tensor.kernel.Widen;

/// The values of a tensor in a few figures and a histogram. NaN and infinities are counted apart; every other figure is of
/// the finite values.
///
/// @param mean float64 sum over all finite values, divided by their number; NaN where there is none
/// @param standardDeviation the root of the mean squared distance from the mean
/// @param histogram counts in equal bins from `min` to `max`; the last bin holds `max` itself
public record TensorStatistics(long count, double min, double max, double mean, double standardDeviation, long zeros,
                               long nan, long infinite, long[] histogram) {

    private static final int CHUNK = 1 << 18;

    /// Values that are NaN or infinite.
    public long nonFinite() {
        return nan + infinite;
    }

    /// Reads all values of a tensor, in chunks, twice: once for sums and ends, once for the histogram and the distances from the mean
    /// (whose squares cannot be had from a sum of squares where the mean is large: a constant tensor would get a deviation above 0).
    public static TensorStatistics of(DType dtype, MemorySegment data, long count, int bins, Progress progress) {
        int chunks = Math.toIntExact((count + CHUNK - 1) / CHUNK);
        Sums all = new Sums();
        long[] histogram = new long[bins];
        double mean = Double.NaN;
        double deviations = 0;
        for (int pass = 0; pass < 2; pass++) {
            boolean figures = pass == 0;
            for (int c = 0; c < chunks; c += Parallel.threads()) {
                progress.checkCancelled();
                int first = c;
                int parts = Math.min(Parallel.threads(), chunks - c);
                Sums[] sums = IntStream.range(0, parts).mapToObj(i -> new Sums()).toArray(Sums[]::new);
                long[][] counts = new long[parts][bins];
                double[] squares = new double[parts];
                double centre = mean;
                Parallel.over(parts, 1, (from, to) -> {
                    for (int i = from; i < to; i++) {
                        float[] values = chunk(dtype, data, first + i, count);
                        if (figures) {
                            sums[i].add(values);
                        } else {
                            squares[i] = fill(values, all.min, all.max, centre, counts[i]);
                        }
                    }
                });
                for (int i = 0; i < parts; i++) {
                    if (figures) {
                        all.merge(sums[i]);
                    } else {
                        deviations += squares[i];
                        for (int b = 0; b < bins; b++) {
                            histogram[b] += counts[i][b];
                        }
                    }
                }
            }
            mean = all.finite == 0 ? Double.NaN : all.sum / all.finite;
        }
        double variance = all.finite == 0 ? Double.NaN : deviations / all.finite;
        return new TensorStatistics(count, all.finite == 0 ? Double.NaN : all.min, all.finite == 0 ? Double.NaN : all.max, mean,
                Math.sqrt(variance), all.zeros, all.nan, all.infinite, histogram);
    }

    private static float[] chunk(DType dtype, MemorySegment data, int chunk, long count) {
        long first = (long) chunk * CHUNK;
        int n = (int) Math.min(CHUNK, count - first);
        float[] out = new float[n];
        if (dtype == DType.F32) {
            MemorySegment.copy(data, java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * first, out, 0, n);
            return out;
        }
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment wide = scratch.allocate(4L * n, 64);
            for (int from = 0; from < n; from += 1 << 16) {
                Widen.toFloat(dtype, data, first + from, Math.min(1 << 16, n - from), wide.asSlice(4L * from));
            }
            MemorySegment.copy(wide, JAVA_FLOAT, 0, out, 0, n);
        }
        return out;
    }

    /// Counts values and returns the sum of their squared distances from the mean.
    private static double fill(float[] values, double min, double max, double mean, long[] histogram) {
        double perBin = max > min ? histogram.length / (max - min) : 0;
        double squares = 0;
        for (float v : values) {
            if (Float.isFinite(v)) {
                histogram[Math.min(histogram.length - 1, (int) ((v - min) * perBin))]++;
                squares += (v - mean) * (v - mean);
            }
        }
        return squares;
    }

    private static final class Sums {
        private double min = Double.POSITIVE_INFINITY;
        private double max = Double.NEGATIVE_INFINITY;
        private double sum;
        private long finite;
        private long zeros;
        private long nan;
        private long infinite;

        void add(float[] values) {
            for (float v : values) {
                if (!Float.isFinite(v)) {
                    nan += Float.isNaN(v) ? 1 : 0;
                    infinite += Float.isInfinite(v) ? 1 : 0;
                    continue;
                }
                min = Math.min(min, v);
                max = Math.max(max, v);
                sum += v;
                zeros += v == 0 ? 1 : 0;
                finite++;
            }
        }

        void merge(Sums o) {
            min = Math.min(min, o.min);
            max = Math.max(max, o.max);
            sum += o.sum;
            finite += o.finite;
            zeros += o.zeros;
            nan += o.nan;
            infinite += o.infinite;
        }
    }
}
