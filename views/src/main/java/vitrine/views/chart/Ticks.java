package vitrine.views.chart;

import java.util.ArrayList;
import java.util.List;

/// Places along an axis where numbers stand: steps of 1, 2 or 5 times a power of ten.
public final class Ticks {

    private Ticks() {}

    /// The smallest 1-2-5 step with which at most so many steps fit into a range.
    public static double step(double low, double high, int atMost) {
        double rough = (high - low) / Math.max(1, atMost);
        if (!(rough > 0) || Double.isInfinite(rough)) {
            return 1;
        }
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        for (double factor : new double[] {1, 2, 5}) {
            if (factor * power >= rough * (1 - 1e-9)) {
                return factor * power;
            }
        }
        return 10 * power;
    }

    /// Even ticks within a range, ends included where they are on a step.
    public static List<Double> linear(double low, double high, int atMost) {
        double step = step(low, high, atMost);
        List<Double> ticks = new ArrayList<>();
        for (long i = (long) Math.ceil(low / step - 1e-6); i <= Math.floor(high / step + 1e-6); i++) {
            ticks.add(i * step);
        }
        return ticks;
    }

    /// Ticks of a logarithmic axis: decades where there are enough, else 1-2-5, or halvings where whole powers of two
    /// fill the range, as ranks do.
    public static List<Double> log(double low, double high, int atMost) {
        double decades = Math.log10(high / low);
        if (low >= 1 && isPowerOfTwo(low) && isPowerOfTwo(high)) {
            return powersOfTwo(low, high, atMost);
        }
        List<Double> ticks = new ArrayList<>();
        double[] factors = decades >= 2.5 ? new double[] {1} : decades >= 1 ? new double[] {1, 3} : new double[] {1, 2, 5};
        int every = (int) Math.max(1, Math.ceil(decades * factors.length / atMost));
        for (int e = (int) Math.floor(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e++) {
            if (Math.floorMod(e, factors.length == 1 ? every : 1) != 0) {
                continue;
            }
            for (double f : factors) {
                double tick = f * Math.pow(10, e);
                if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) {
                    ticks.add(tick);
                }
            }
        }
        return ticks;
    }

    private static List<Double> powersOfTwo(double low, double high, int atMost) {
        int from = Math.getExponent(low);
        int to = Math.getExponent(high);
        int every = Math.max(1, (int) Math.ceil((to - from) / (double) atMost));
        List<Double> ticks = new ArrayList<>();
        for (int e = from; e <= to; e += every) {
            ticks.add(Math.scalb(1.0, e));
        }
        return ticks;
    }

    private static boolean isPowerOfTwo(double value) {
        return value == Math.rint(value) && Math.scalb(1.0, Math.getExponent(value)) == value;
    }

    /// Labels for even ticks, all with the decimals that their step needs.
    static List<String> labels(List<Double> ticks) {
        if (ticks.size() < 2) {
            return ticks.stream().map(Numbers::general).toList();
        }
        double step = ticks.get(1) - ticks.get(0);
        double largest = Math.max(Math.abs(ticks.getFirst()), Math.abs(ticks.getLast()));
        // Prefixes and powers of ten leave three digits, which tell ticks apart only while the range starts near 0.
        boolean threeDigitsDo = decade(step) >= decade(largest) - 2;
        if (largest >= 1e4 && threeDigitsDo) {
            return ticks.stream().map(Ticks::large).toList();
        }
        if (step < 1e-3 && threeDigitsDo) {
            return ticks.stream().map(Numbers::scientific).toList();
        }
        int decimals = (int) Math.max(0, Math.ceil(-Math.log10(step) - 1e-6));
        return ticks.stream().map(t -> Numbers.fixed(t, decimals)).toList();
    }

    private static int decade(double size) {
        return (int) Math.floor(Math.log10(size) + 1e-9);
    }

    private static String large(double value) {
        String prefixed = Numbers.rate(value);
        return value == 0 ? "0" : prefixed.replaceFirst("(\\.\\d*?)0+(?=\\D|$)", "$1").replaceFirst("\\.(?=\\D|$)", "");
    }

    /// Labels for the ticks of a logarithmic axis.
    static List<String> logLabels(List<Double> ticks) {
        boolean decades = ticks.size() > 2 && ticks.stream().allMatch(t -> Math.abs(Math.log10(t) - Math.rint(Math.log10(t))) < 1e-9);
        boolean small = ticks.stream().anyMatch(t -> t < 0.01 || t >= 1e5);
        return ticks.stream().map(t -> t == 1 ? "1" : decades && small ? Numbers.decade((int) Math.rint(Math.log10(t))) : Numbers.general(t))
                .toList();
    }
}
