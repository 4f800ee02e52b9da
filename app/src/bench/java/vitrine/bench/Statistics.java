package vitrine.bench;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/// Numbers of several rounds, as tables give them.
final class Statistics {

    private Statistics() {}

    static <T> double median(List<T> values, ToDoubleFunction<T> number) {
        double[] sorted = values.stream().mapToDouble(number).sorted().toArray();
        int n = sorted.length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    static double median(List<Double> values) {
        return median(values, v -> v);
    }

    static double least(List<Double> values) {
        return values.stream().mapToDouble(v -> v).min().orElseThrow();
    }

    static String seconds(double s) {
        return String.format(Locale.ROOT, s < 1 ? "%.3f" : "%.2f", s);
    }

    /// A median with the range that it comes from.
    static String secondsWithRange(List<Double> values) {
        return seconds(median(values)) + " (" + seconds(least(values)) + " to " + seconds(values.stream().mapToDouble(v -> v).max().orElseThrow()) + ")";
    }

    static String mebibytes(double bytes) {
        return bytes == 0 ? "not measured here" : String.format(Locale.ROOT, "%,.0f", bytes / (1 << 20));
    }

    static String ratio(double r) {
        return String.format(Locale.ROOT, "%.2f", r);
    }
}
