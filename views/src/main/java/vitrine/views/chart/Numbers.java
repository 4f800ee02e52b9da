package vitrine.views.chart;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.function.DoubleFunction;

/// How numbers are written on screen: one method per kind of number.
///
/// A figure that is not finite is written [#MISSING], never `NaN` and never 0. The minus sign is the true one
/// (U+2212), value and unit are parted by a thin space, thousands by commas whatever the locale.
public final class Numbers {

    /// Stands where there is no number; say why beside it, see [#missing(String)].
    public static final String MISSING = "–";

    /// Between a value and its unit.
    public static final String THIN_SPACE = "\u2009";

    private static final char MINUS = '\u2212';
    private static final String[] SUPERSCRIPTS = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    private static final String[] IEC = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    private static final String[] SI = {"", "K", "M", "B", "T"};
    private static final String[] RATE = {"", "k", "M", "G"};

    private Numbers() {}

    /// A probability, weight or normalised rank in detail: `0.6673`.
    public static String probability(double value) {
        return fixed(value, 4);
    }

    /// The same in lists: `0.448`.
    public static String probabilityInList(double value) {
        return fixed(value, 3);
    }

    /// A value inside a cell of a map, as short as it can be: `.55`, `1`, `2.6`, `14`.
    public static String inCell(double value) {
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        double size = Math.abs(value);
        if (value == Math.rint(value) && size < 1000) {
            return fixed(value, 0);
        }
        if (size < 0.995) {
            return fixed(value, 2).replaceFirst("0\\.", ".");
        }
        return size < 9.95 ? fixed(value, 1) : size < 1000 ? fixed(value, 0) : si(value).replace(THIN_SPACE, "");
    }

    /// A share as a percentage with one decimal: `12.6 %`.
    public static String percent(double share) {
        return Double.isFinite(share) ? fixed(share * 100, 1) + THIN_SPACE + "%" : MISSING;
    }

    /// A share as a whole percentage: `68 %`.
    public static String wholePercent(double share) {
        return Double.isFinite(share) ? fixed(share * 100, 0) + THIN_SPACE + "%" : MISSING;
    }

    /// A loss in a read-out: `2.3348`.
    public static String loss(double value) {
        return fixed(value, 4);
    }

    /// A loss on a tile: `2.335`.
    public static String lossOnTile(double value) {
        return fixed(value, 3);
    }

    /// A perplexity, four significant digits, no decimals over 1,000: `13.61`, `159.5`, `1,234`.
    public static String perplexity(double value) {
        return Double.isFinite(value) && Math.abs(value) >= 999.95 ? fixed(value, 0) : significant(value, 4);
    }

    /// An exact count: `260,032`.
    public static String count(long value) {
        return group(Long.toString(Math.abs(value)), value < 0);
    }

    /// An exact count held in a floating-point number, for use as a method reference.
    public static String count(double value) {
        return fixed(value, 0);
    }

    /// A number of parameters or tokens, three digits: `1.38 M`. Show the exact count in a tooltip.
    public static String si(double value) {
        return prefixed(value, 1000, SI);
    }

    /// An amount per second, three digits: `15.8 k`.
    public static String rate(double perSecond) {
        return prefixed(perSecond, 1000, RATE);
    }

    /// Bytes in views, three significant digits: `640 KiB`, `0.997 MiB`.
    public static String bytes(double bytes) {
        return Math.abs(bytes) < 999.5 ? fixed(bytes, 0) + THIN_SPACE + "B" : prefixed(bytes, 1024, IEC);
    }

    /// Bytes in lists of files, as file managers show them: `2.8 MB`.
    public static String fileSize(double bytes) {
        if (!Double.isFinite(bytes)) {
            return MISSING;
        }
        double size = Math.abs(bytes);
        if (size < 999.5) {
            return fixed(bytes, 0) + THIN_SPACE + "B";
        }
        if (size < 99_950) {
            return fixed(bytes / 1e3, 1) + THIN_SPACE + "kB";
        }
        return size < 999.95e6 ? fixed(bytes / 1e6, 1) + THIN_SPACE + "MB" : fixed(bytes / 1e9, 1) + THIN_SPACE + "GB";
    }

    /// A time that has passed: `412 ms`, `13 s`, `4 min 10 s`, `3 h 20 min`.
    public static String duration(double seconds) {
        if (!Double.isFinite(seconds) || seconds < 0) {
            return MISSING;
        }
        if (seconds < 0.9995) {
            double millis = seconds * 1000;
            return (millis == 0 ? "0" : millis < 10 ? significant(millis, 2) : fixed(millis, 0)) + THIN_SPACE + "ms";
        }
        long whole = Math.round(seconds);
        if (whole < 60) {
            return unit(whole, "s");
        }
        return whole < 3600 ? unit(whole / 60, "min") + " " + unit(whole % 60, "s") : hours(whole);
    }

    /// A time that is left: to the second up to two minutes, then to the minute, because more would be false.
    public static String timeLeft(double seconds) {
        if (!Double.isFinite(seconds) || seconds < 0) {
            return MISSING;
        }
        long whole = Math.round(seconds);
        if (whole <= 120) {
            return whole < 1 ? unit(0, "s") : duration(whole);
        }
        long minutes = Math.round(seconds / 60);
        return minutes < 60 ? unit(minutes, "min") : hours(minutes * 60);
    }

    /// Scientific with up to three digits: `2e−3`, `1.04e7`.
    public static String scientific(double value) {
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        if (value == 0) {
            return "0";
        }
        BigDecimal rounded = new BigDecimal(value).round(new MathContext(3, RoundingMode.HALF_UP)).stripTrailingZeros();
        int exponent = rounded.precision() - rounded.scale() - 1;
        String digits = rounded.unscaledValue().abs().toString();
        String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        return (value < 0 ? MINUS + mantissa : mantissa) + "e" + (exponent < 0 ? MINUS + Integer.toString(-exponent) : exponent);
    }

    /// A number of unknown size: four significant digits; scientific below 1e−3 and from 1e6.
    public static String general(double value) {
        double size = Math.abs(value);
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        if (value == Math.rint(value) && size < 1e6) {
            return fixed(value, 0);
        }
        return size < 1e-3 || size >= 1e6 ? scientific(value) : withoutZeros(significant(value, 4));
    }

    /// A power of ten as an axis writes it: `10⁻³`. Set it in Inter: JetBrains Mono lacks the superscript minus.
    public static String decade(int exponent) {
        StringBuilder s = new StringBuilder(exponent < 0 ? "10⁻" : "10");
        for (char digit : Integer.toString(Math.abs(exponent)).toCharArray()) {
            s.append(SUPERSCRIPTS[digit - '0']);
        }
        return s.toString();
    }

    /// A change, always with its sign: `+3.50`, `−5.48`, and `±0.00` for none.
    public static String change(double value, int decimals) {
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        return value > 0 ? "+" + fixed(value, decimals) : value < 0 ? fixedWithSign(value, decimals) : "±" + fixed(0, decimals);
    }

    /// A ratio of two perplexities with the direction of the change: `0.085 ↓`, `6.47 ↑`.
    public static String ratio(double value) {
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        // Three decimals of less than a thousandth would tell of none at all.
        String digits = value != 0 && Math.abs(value) < 1e-3 ? general(value) : Math.abs(value) < 1 ? fixed(value, 3) : significant(value, 3);
        return value == 1 ? digits : digits + " " + (value < 1 ? "↓" : "↑");
    }

    /// What stands in place of a figure that is not there: `– (3 non-finite)`.
    public static String missing(String reason) {
        return reason.isEmpty() ? MISSING : MISSING + " (" + reason + ")";
    }

    /// A figure in a read-out: written as asked, or the dash and why there is none.
    public static String orReason(double value, DoubleFunction<String> format) {
        return Double.isFinite(value) ? format.apply(value) : missing(Double.isNaN(value) ? "not a number" : "infinite");
    }

    /// With full precision, as it is copied: plain ASCII that every program reads.
    public static String exact(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15 ? Long.toString((long) value) : Double.toString(value);
    }

    /// A number with so many decimals, rounded half up; `−0.00` never loses its meaning: it is written `0.00`.
    public static String fixed(double value, int decimals) {
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        String digits = digits(Math.abs(value), decimals);
        boolean zero = digits.chars().noneMatch(c -> c >= '1' && c <= '9');
        return group(digits, value < 0 && !zero);
    }

    /// As [#fixed], but a small negative number keeps its sign: `−0.00`.
    private static String fixedWithSign(double value, int decimals) {
        return group(digits(Math.abs(value), decimals), value < 0);
    }

    /// A number with so many significant digits, trailing zeros included, never scientific: `43.0` of three.
    static String significant(double value, int digits) {
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        if (value == 0) {
            return "0";
        }
        BigDecimal rounded = new BigDecimal(value).abs().round(new MathContext(digits, RoundingMode.HALF_UP));
        int decimals = Math.max(0, digits - rounded.precision() + rounded.scale());
        return group(rounded.setScale(decimals, RoundingMode.HALF_UP).toPlainString(), value < 0);
    }

    private static String digits(double size, int decimals) {
        long scale = 1;
        for (int i = 0; i < Math.min(decimals, 7); i++) {
            scale *= 10;
        }
        // Beyond this, the product's own rounding would show.
        if (size * scale < 1e9 && decimals <= 6) {
            long scaled = Math.round(size * scale);
            if (decimals == 0) {
                return Long.toString(scaled);
            }
            String fraction = Long.toString(scale + scaled % scale).substring(1);
            return scaled / scale + "." + fraction;
        }
        return new BigDecimal(size).setScale(decimals, RoundingMode.HALF_UP).toPlainString();
    }

    /// Three digits and a prefix; moves on to the next prefix as soon as rounding would need a fourth digit.
    private static String prefixed(double value, int base, String[] prefixes) {
        if (!Double.isFinite(value)) {
            return MISSING;
        }
        double size = Math.abs(value);
        int i = 0;
        while (size >= 999.5 && i < prefixes.length - 1) {
            size /= base;
            i++;
        }
        String digits = i == 0 && size == Math.rint(size) ? fixed(size, 0) : size >= 999.5 ? fixed(size, 0) : significant(size, 3);
        String sign = value < 0 ? String.valueOf(MINUS) : "";
        return prefixes[i].isEmpty() ? sign + digits : sign + digits + THIN_SPACE + prefixes[i];
    }

    private static String withoutZeros(String digits) {
        return digits.indexOf('.') < 0 ? digits : digits.replaceFirst("\\.?0+$", "");
    }

    private static String hours(long seconds) {
        long minutes = Math.round(seconds / 60.0);
        return unit(minutes / 60, "h") + " " + unit(minutes % 60, "min");
    }

    private static String unit(long value, String unit) {
        return value + THIN_SPACE + unit;
    }

    private static String group(String digits, boolean negative) {
        int point = digits.indexOf('.');
        int whole = point < 0 ? digits.length() : point;
        StringBuilder s = new StringBuilder(digits);
        for (int i = whole - 3; i > 0; i -= 3) {
            s.insert(i, ',');
        }
        return negative ? s.insert(0, MINUS).toString() : s.toString();
    }
}
