package vitrine.views.chart;

import java.util.List;
import java.util.function.DoubleFunction;

/// One axis of a plot: what it measures, between which ends, and how its ticks are written.
///
/// @param name with its unit, such as `mean distance, tokens`; a logarithmic axis says so: `perplexity (log)`
/// @param low the lower end; NaN to fit the data
/// @param high the upper end; NaN to fit the data
/// @param format how a tick is written; null for as many decimals as the step needs
public record Axis(String name, boolean log, double low, double high, DoubleFunction<String> format) {

    /// Linear and fitted to the data.
    public static Axis of(String name) {
        return new Axis(name, false, Double.NaN, Double.NaN, null);
    }

    /// Logarithmic and fitted to the data, which must be above 0.
    public static Axis log(String name) {
        return new Axis(name, true, Double.NaN, Double.NaN, null);
    }

    /// The same between fixed ends, as shares and normalised ranks have them.
    public Axis between(double from, double to) {
        return new Axis(name, log, from, to, format);
    }

    /// The same with ticks written in another way, such as [Numbers#rate].
    public Axis written(DoubleFunction<String> writer) {
        return new Axis(name, log, low, high, writer);
    }

    boolean fits() {
        return Double.isNaN(low) || Double.isNaN(high);
    }

    /// The axis between ends that hold the data; `widened` rounds them outwards to a tick.
    Axis fittedTo(double least, double most, boolean widened, int ticks) {
        double from = Double.isNaN(low) ? least : low;
        double to = Double.isNaN(high) ? most : high;
        if (!(from <= to)) {
            return between(log ? 1 : 0, log ? 10 : 1);
        }
        if (log) {
            return between(from, to > from ? to : from * 10);
        }
        if (from == to) {
            double half = from == 0 ? 1 : Math.abs(from) * 0.1;
            from = Double.isNaN(low) ? from - half : from;
            to = Double.isNaN(high) ? to + half : to;
        }
        if (widened) {
            double step = 0;
            // A range that grew to whole steps may need larger ones: the ends are to be ticks.
            for (double wanted = Ticks.step(from, to, ticks); wanted > step; wanted = Ticks.step(from, to, ticks)) {
                step = wanted;
                from = Double.isNaN(low) ? Math.floor(from / step + 1e-9) * step : from;
                to = Double.isNaN(high) ? Math.ceil(to / step - 1e-9) * step : to;
            }
        }
        return between(from, to);
    }

    double place(double value) {
        return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    }

    double value(double place) {
        return log ? low * Math.pow(high / low, place) : low + place * (high - low);
    }

    /// An axis that is cut, such as one of shares from 0.5, has a tick at either end where one or two steps more make that possible.
    List<Double> ticks(int atMost) {
        if (!log && !endsOnStep(atMost)) {
            for (int more = atMost + 1; more <= atMost + 2; more++) {
                if (endsOnStep(more)) {
                    return Ticks.linear(low, high, more);
                }
            }
        }
        return log ? Ticks.log(low, high, atMost) : Ticks.linear(low, high, atMost);
    }

    private boolean endsOnStep(int atMost) {
        double step = Ticks.step(low, high, atMost);
        return Math.abs(low / step - Math.rint(low / step)) < 1e-9 && Math.abs(high / step - Math.rint(high / step)) < 1e-9;
    }

    List<String> labels(List<Double> ticks) {
        return format != null ? ticks.stream().map(format::apply).toList() : log ? Ticks.logLabels(ticks) : Ticks.labels(ticks);
    }
}
