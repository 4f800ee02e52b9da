package vitrine.views.runs;

import java.util.Arrays;
import java.util.SortedMap;

/// A figure of a run over its steps.
///
/// @param steps ascending
/// @param values one for each step; NaN where it was not finite
public record Curve(double[] steps, double[] values) {

    static final Curve NONE = new Curve(new double[0], new double[0]);
    /// How much of the smoothed value before stays.
    static final double SMOOTHING = 0.95;

    static Curve of(SortedMap<Long, Double> figures) {
        return new Curve(figures.keySet().stream().mapToDouble(Long::doubleValue).toArray(), figures.values().stream().mapToDouble(Double::doubleValue).toArray());
    }

    boolean isEmpty() {
        return steps.length == 0;
    }

    double last() {
        return isEmpty() ? Double.NaN : values[values.length - 1];
    }

    double lastStep() {
        return isEmpty() ? Double.NaN : steps[steps.length - 1];
    }

    double first() {
        return isEmpty() ? Double.NaN : values[0];
    }

    /// The value at a step, or NaN.
    double at(double step) {
        int i = Arrays.binarySearch(steps, step);
        return i < 0 ? Double.NaN : values[i];
    }

    /// This up to before the first step of the newer one, then that.
    Curve then(Curve newer) {
        if (newer.isEmpty()) {
            return this;
        }
        int at = Arrays.binarySearch(steps, newer.steps[0]);
        int kept = at >= 0 ? at : -at - 1;
        double[] s = Arrays.copyOf(steps, kept + newer.steps.length);
        double[] v = Arrays.copyOf(values, kept + newer.steps.length);
        System.arraycopy(newer.steps, 0, s, kept, newer.steps.length);
        System.arraycopy(newer.values, 0, v, kept, newer.values.length);
        return new Curve(s, v);
    }

    /// The exponential moving average, corrected for its start: each value counts 0.95 times as much as the next. What is not finite leaves it as it is.
    Curve smoothed() {
        double[] out = new double[values.length];
        double mean = 0;
        double weight = 0;
        for (int i = 0; i < out.length; i++) {
            if (Double.isFinite(values[i])) {
                weight = SMOOTHING * weight + (1 - SMOOTHING);
                // In this form the first value comes out as it is, to the last bit.
                mean += (1 - SMOOTHING) / weight * (values[i] - mean);
            }
            out[i] = weight == 0 ? Double.NaN : mean;
        }
        return new Curve(steps, out);
    }

    /// The index of the least finite value, or -1.
    int lowest() {
        int least = -1;
        for (int i = 0; i < values.length; i++) {
            if (Double.isFinite(values[i]) && (least < 0 || values[i] < values[least])) {
                least = i;
            }
        }
        return least;
    }

    /// So many means of neighbours, for a sparkline.
    double[] thinned(int count) {
        if (values.length <= count) {
            return values;
        }
        double[] out = new double[count];
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) i * values.length / count);
            int to = (int) ((long) (i + 1) * values.length / count);
            out[i] = Arrays.stream(values, from, to).filter(Double::isFinite).average().orElse(Double.NaN);
        }
        return out;
    }

    /// The middle of the last so many values, or NaN.
    double median(int count) {
        double[] last = Arrays.stream(values, Math.max(0, values.length - count), values.length).filter(Double::isFinite).sorted().toArray();
        return last.length == 0 ? Double.NaN : last[last.length / 2];
    }
}
