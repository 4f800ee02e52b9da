package vitrine.views.chart;

import java.util.ArrayList;
import java.util.List;
import javafx.scene.paint.Color;

/// Turns a value into a place from 0 to 1, and that into a colour.
///
/// @param kind how values are spread between the ends
/// @param low the value at place 0
/// @param high the value at place 1
public record Scale(Kind kind, double low, double high) {

    /// How values are spread between the ends.
    public enum Kind {
        LINEAR("linear"),
        /// Square root: shows small weights; the default for attention.
        SQRT("√ scale"),
        /// Logarithmic from a floor; values below it take the first colour.
        LOG("log"),
        /// Linear and symmetric about its middle, mostly 0, drawn with the diverging colours.
        DIVERGING("linear"),
        /// Logarithmic and symmetric about 1, from 1/8 to 8: load against a fair share.
        LOAD("log₂");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /// As a legend writes it.
        public String label() {
            return label;
        }
    }

    /// Below this, a logarithmic scale of probabilities makes no difference.
    public static final double LOG_FLOOR = 1e-4;

    /// Values that differ by less than this share of their size are the same: float32 has seven digits.
    private static final double ALIKE = 1e-9;

    public Scale {
        if (!(low < high)) {
            throw new IllegalArgumentException("a scale needs low < high, not " + low + " and " + high);
        }
        if (kind == Kind.LOG && low <= 0) {
            throw new IllegalArgumentException("a logarithmic scale needs a floor above 0, not " + low);
        }
        if (kind == Kind.SQRT && low < 0) {
            throw new IllegalArgumentException("a square-root scale needs a low end of 0 or more, not " + low);
        }
    }

    public static Scale linear(double low, double high) {
        return new Scale(Kind.LINEAR, low, high);
    }

    public static Scale sqrt(double low, double high) {
        return new Scale(Kind.SQRT, low, high);
    }

    /// Logarithmic from [#LOG_FLOOR].
    public static Scale log(double high) {
        return new Scale(Kind.LOG, LOG_FLOOR, high);
    }

    /// Symmetric about 0, so that equal changes up and down look equally strong.
    public static Scale diverging(double limit) {
        return new Scale(Kind.DIVERGING, -limit, limit);
    }

    /// Symmetric about a value that is neither much nor little, such as 1 for a share against the fair one.
    public static Scale around(double middle, double limit) {
        return new Scale(Kind.DIVERGING, middle - limit, middle + limit);
    }

    /// Load against a fair share, from an eighth to eight times.
    public static Scale load() {
        return new Scale(Kind.LOAD, 1.0 / 8, 8);
    }

    /// The same kind of scale over the values that are there, its ends rounded outwards to a 1-2-5 step.
    ///
    /// Diverging scales stay symmetric, shares and loads keep their ends; without any finite value nothing changes.
    public Scale fittedTo(Cells cells) {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (int r = 0; r < cells.rows(); r++) {
            for (int c = 0; c < cells.columns(); c++) {
                float v = cells.at(r, c);
                if (Float.isFinite(v)) {
                    least = Math.min(least, v);
                    most = Math.max(most, v);
                }
            }
        }
        return least > most ? this : fittedTo(least, most);
    }

    /// The same kind of scale over a range, its ends rounded outwards to a 1-2-5 step.
    ///
    /// Where all values are the same, a linear scale reaches from 0 to them.
    public Scale fittedTo(double least, double most) {
        return switch (kind) {
            case LINEAR -> {
                if (most - least <= ALIKE * Math.max(Math.abs(least), Math.abs(most)) && least != 0) {
                    yield fittedTo(Math.min(least, 0), Math.max(most, 0));
                }
                double step = Ticks.step(least, Math.nextUp(most), 8);
                double from = Math.floor(least / step) * step;
                yield linear(from, Math.max(Math.ceil(most / step) * step, from + step));
            }
            case SQRT -> sqrt(0, roundedUp(most));
            case LOG -> new Scale(Kind.LOG, low, Math.max(roundedUp(most), low * 10));
            case DIVERGING -> {
                double middle = low + (high - low) / 2;
                yield around(middle, roundedUp(Math.max(Math.abs(least - middle), Math.abs(most - middle))));
            }
            case LOAD -> this;
        };
    }

    private static double roundedUp(double value) {
        if (value <= 0) {
            return 1;
        }
        double step = Ticks.step(0, value, 8);
        return Math.max(Math.ceil(value / step - 1e-9), 1) * step;
    }

    /// The place of a value, held between 0 and 1; NaN for what is not a number.
    public double place(double value) {
        double place = switch (kind) {
            case LINEAR, DIVERGING -> (value - low) / (high - low);
            case SQRT -> (Math.sqrt(Math.max(value, 0)) - Math.sqrt(low)) / (Math.sqrt(high) - Math.sqrt(low));
            case LOG, LOAD -> value <= low ? 0 : Math.log(value / low) / Math.log(high / low);
        };
        return Double.isNaN(value) ? Double.NaN : Math.clamp(place, 0, 1);
    }

    /// The value at a place from 0 to 1.
    public double value(double place) {
        return switch (kind) {
            case LINEAR, DIVERGING -> low + place * (high - low);
            case SQRT -> {
                double root = Math.sqrt(low) + place * (Math.sqrt(high) - Math.sqrt(low));
                yield root * root;
            }
            case LOG, LOAD -> low * Math.pow(high / low, place);
        };
    }

    /// Whether a value lies beyond an end and so takes that end's colour.
    public boolean clips(double value) {
        return value > high || value < low && kind != Kind.LOG;
    }

    /// Whether the diverging colours belong to this scale.
    public boolean diverges() {
        return kind == Kind.DIVERGING || kind == Kind.LOAD;
    }

    /// The colour of a finite value.
    public Color colour(double value, Palette palette) {
        double place = place(value);
        return diverges() ? palette.diverging(place) : palette.sequential(place);
    }

    /// The colour for text on a cell of this value.
    public Color textOn(double value, Palette palette) {
        return diverges() ? Palette.textOn(colour(value, palette)) : Palette.textOnSequential(place(value));
    }

    /// The values that a legend marks: both ends and a few between.
    public List<Double> ticks() {
        return switch (kind) {
            case LINEAR -> List.of(low, (low + high) / 2, high);
            case SQRT -> List.of(low, value(0.5), high);
            case DIVERGING -> List.of(low, low + (high - low) / 2, high);
            case LOAD -> List.of(low, 1.0, high);
            case LOG -> {
                List<Double> decades = new ArrayList<>();
                for (int e = (int) Math.ceil(Math.log10(low) - 1e-9); e <= Math.floor(Math.log10(high) + 1e-9); e++) {
                    decades.add(Math.pow(10, e));
                }
                yield decades;
            }
        };
    }
}
