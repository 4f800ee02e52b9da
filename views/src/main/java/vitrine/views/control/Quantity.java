package vitrine.views.control;

import java.util.Objects;
import java.util.function.DoubleFunction;
import vitrine.core.artifact.Provenance;
import vitrine.views.chart.Numbers;

/// A figure to be shown: its value, how it is written, its unit, and how it came about. A figure that is not there
/// says why.
///
/// @param unit written behind the value, parted by a thin space; empty for none
/// @param reason why there is no value; empty where there is one
public record Quantity(double value, DoubleFunction<String> format, String unit, Provenance provenance, String reason) {

    public Quantity {
        Objects.requireNonNull(format, "format");
        Objects.requireNonNull(provenance, "provenance");
    }

    /// A figure without a unit: `Quantity.of(0.448, Numbers::probabilityInList, provenance)`.
    public static Quantity of(double value, DoubleFunction<String> format, Provenance provenance) {
        return new Quantity(value, format, "", provenance, "");
    }

    /// What stands where a figure would be: `– (3 non-finite)`.
    public static Quantity missing(String reason, Provenance provenance) {
        return new Quantity(Double.NaN, Numbers::general, "", provenance, reason);
    }

    /// The same with a unit.
    public Quantity in(String newUnit) {
        return new Quantity(value, format, newUnit, provenance, reason);
    }

    /// Whether there is a value to show.
    public boolean present() {
        return Double.isFinite(value);
    }

    /// The value as written, without its unit; the dash and the reason where there is none.
    public String text() {
        return present() ? format.apply(value) : Numbers.missing(reason);
    }

    /// Value and unit in full precision, as copied and as told in the tooltip.
    public String exact() {
        return present() ? Numbers.exact(value) + (unit.isEmpty() ? "" : " " + unit) : Numbers.missing(reason);
    }
}
