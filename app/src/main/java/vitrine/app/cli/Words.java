package vitrine.app.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;

/// Numbers as the command line writes them.
final class Words {

    private Words() {}

    /// Bytes in decimal units, as file managers show them: `2.8 MB`.
    static String bytes(long bytes) {
        String[] units = {"B", "kB", "MB", "GB", "TB", "PB"};
        double v = bytes;
        int u = 0;
        while (v >= 1000 && u < units.length - 1) {
            v /= 1000;
            u++;
        }
        return u == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", v, units[u]);
    }

    /// Memory in binary units, three significant digits: `0.997 MiB`. Four digits before the point never stand: 1,016 KiB is 0.992 MiB.
    static String memory(long bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        double v = bytes;
        int u = 0;
        while (v >= 999.5 && u < units.length - 1) {
            v /= 1024;
            u++;
        }
        if (u == 0) {
            return bytes + " B";
        }
        int decimals = v >= 99.95 ? 0 : v >= 9.995 ? 1 : v >= 0.9995 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + decimals + "f %s", v, units[u]);
    }

    /// A figure of a result, or – where there is none: never 0, never NaN.
    static String figure(JsonNode value, String format) {
        return value.isNumber() ? String.format(Locale.ROOT, format, value.doubleValue()) : "–";
    }

    static String duration(double seconds) {
        long s = Math.round(seconds);
        return s < 60 ? s + " s" : s < 3600 ? s / 60 + " min " + s % 60 + " s" : s / 3600 + " h " + s % 3600 / 60 + " min";
    }
}
