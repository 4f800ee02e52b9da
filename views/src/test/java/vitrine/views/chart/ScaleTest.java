package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import javafx.scene.paint.Color;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScaleTest {

    private static final Palette DARK = Palette.of(Theme.DARK);

    @ParameterizedTest
    @CsvSource({"0, 0", "0.25, 0.25", "1, 1", "-1, 0", "7, 1"})
    void linear(double value, double place) {
        assertEquals(place, Scale.linear(0, 1).place(value), 1e-12);
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "0.01, 0.1", "0.25, 0.5", "0.49, 0.7", "1, 1", "-0.5, 0", "2, 1"})
    void squareRoot(double value, double place) {
        assertEquals(place, Scale.sqrt(0, 1).place(value), 1e-12);
    }

    /// The floor is 1e-4: four decades from there to 1.
    @ParameterizedTest
    @CsvSource({"0, 0", "1e-9, 0", "1e-4, 0", "1e-3, 0.25", "1e-2, 0.5", "0.1, 0.75", "1, 1", "5, 1"})
    void logarithmicFromTheFloor(double value, double place) {
        assertEquals(place, Scale.log(1).place(value), 1e-12);
    }

    @Test
    void differencesAreSymmetric() {
        Scale scale = Scale.diverging(0.4);
        assertEquals(0.5, scale.place(0));
        assertEquals(0.75, scale.place(0.2), 1e-12);
        assertEquals(0, scale.place(-0.4));
        assertEquals(1, scale.place(0.4));
        Random random = new Random(5);
        for (int i = 0; i < 100; i++) {
            double v = random.nextDouble() - 0.5;
            assertEquals(1, scale.place(v) + scale.place(-v), 1e-12, "at " + v);
        }
    }

    /// log₂ from 1/8 to 8: six doublings, a fair share in the middle.
    @ParameterizedTest
    @CsvSource({"0.125, 0", "0.25, 0.16666666666666666", "0.5, 0.3333333333333333", "1, 0.5", "2, 0.6666666666666666", "8, 1", "0, 0", "100, 1"})
    void load(double value, double place) {
        assertEquals(place, Scale.load().place(value), 1e-12);
    }

    @ParameterizedTest
    @EnumSource(Scale.Kind.class)
    void whatIsNotANumberHasNoPlace(Scale.Kind kind) {
        assertTrue(Double.isNaN(of(kind).place(Double.NaN)));
    }

    @ParameterizedTest
    @EnumSource(Scale.Kind.class)
    void valueUndoesPlace(Scale.Kind kind) {
        Scale scale = of(kind);
        for (double place : new double[] {0, 0.1, 0.5, 0.9, 1}) {
            assertEquals(place, scale.place(scale.value(place)), 1e-9, kind + " at " + place);
        }
        assertEquals(scale.low(), scale.value(0), 1e-12);
        assertEquals(scale.high(), scale.value(1), 1e-12);
    }

    private static Scale of(Scale.Kind kind) {
        return switch (kind) {
            case LINEAR -> Scale.linear(-2, 6);
            case SQRT -> Scale.sqrt(0.04, 1);
            case LOG -> Scale.log(1);
            case DIVERGING -> Scale.diverging(3);
            case LOAD -> Scale.load();
        };
    }

    @Test
    void coloursAreThoseOfThePlace() {
        assertEquals(Color.web("#21918c"), Scale.sqrt(0, 1).colour(0.25, DARK));
        assertEquals(Color.web("#fde725"), Scale.linear(0, 1).colour(1, DARK));
        assertEquals(Color.web("#1b2530"), Scale.diverging(1).colour(0, DARK));
        assertEquals(Color.web("#6ec2ff"), Scale.diverging(1).colour(-1, DARK));
        assertEquals(Color.web("#8a4300"), Scale.diverging(1).colour(1, Palette.of(Theme.LIGHT)));
        assertEquals(Color.web("#f6f8fa"), Scale.load().colour(1, Palette.of(Theme.LIGHT)));
    }

    @Test
    void textOnACellSwitchesAtItsPlaceAndNotAtItsValue() {
        Scale sqrt = Scale.sqrt(0, 1);
        // The place of 0.2025 is 0.45.
        assertEquals(Color.WHITE, sqrt.textOn(0.2024, DARK));
        assertEquals(Color.web("#0d1117"), sqrt.textOn(0.2026, DARK));
    }

    @Test
    void clippedIsWhatLiesBeyondAnEnd() {
        assertTrue(Scale.linear(0, 1).clips(1.01));
        assertTrue(Scale.linear(0, 1).clips(-0.01));
        assertFalse(Scale.linear(0, 1).clips(1));
        assertTrue(Scale.diverging(0.2).clips(-0.3));
        // Below the floor a logarithmic scale of probabilities makes no difference.
        assertFalse(Scale.log(1).clips(1e-7));
        assertTrue(Scale.log(1).clips(1.5));
    }

    @Test
    void endsMustMakeSense() {
        assertThrows(IllegalArgumentException.class, () -> Scale.linear(1, 1));
        assertThrows(IllegalArgumentException.class, () -> Scale.linear(2, 1));
        assertThrows(IllegalArgumentException.class, () -> Scale.linear(0, Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> new Scale(Scale.Kind.LOG, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> Scale.sqrt(-0.1, 1));
    }

    // --- fitting

    @Test
    void fittedEndsAreRoundedOutwards() {
        Scale linear = Scale.linear(0, 1).fittedTo(0.13, 0.87);
        assertEquals(0.1, linear.low(), 1e-12);
        assertEquals(0.9, linear.high(), 1e-12);
        assertEquals(Scale.sqrt(0, 0.4), Scale.sqrt(0, 1).fittedTo(0.001, 0.37));
        assertEquals(0.5, Scale.diverging(1).fittedTo(-0.47, 0.12).high(), 1e-12);
        assertEquals(-0.5, Scale.diverging(1).fittedTo(-0.47, 0.12).low(), 1e-12);
        assertEquals(Scale.load(), Scale.load().fittedTo(0.5, 2));
        assertEquals(1e-4, Scale.log(1).fittedTo(0, 0.3).low());
    }

    /// All values alike happens: one token attends to itself with 1 in every head, a sparse measure is 0 everywhere.
    @ParameterizedTest
    @ValueSource(doubles = {0, 1, 0.3, -5, 1e-30, -1e30, 1e30, 4.9e-324, 123456789})
    void fittedToOneValueThereIsStillARange(double value) {
        for (Scale.Kind kind : Scale.Kind.values()) {
            Scale fitted = of(kind).fittedTo(value, value);
            assertTrue(fitted.low() < fitted.high(), kind + ": " + fitted);
            double slack = 1e-12 * Math.abs(value);
            if (kind == Scale.Kind.LINEAR || kind == Scale.Kind.DIVERGING) {
                assertTrue(fitted.low() <= value + slack, kind + " holds its value: " + fitted);
            }
            if (kind != Scale.Kind.LOAD) {
                assertTrue(fitted.high() >= value - slack, kind + " holds its value: " + fitted);
            }
        }
    }

    @Test
    void fittedRangesHoldTheirValues() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            double size = Math.pow(10, random.nextInt(20) - 10);
            double a = (random.nextDouble() - 0.5) * size;
            double b = a + random.nextDouble() * size;
            for (Scale.Kind kind : List.of(Scale.Kind.LINEAR, Scale.Kind.DIVERGING)) {
                Scale fitted = of(kind).fittedTo(a, b);
                double slack = 1e-9 * Math.max(Math.abs(a), Math.abs(b));
                assertTrue(fitted.low() <= a + slack && fitted.high() >= b - slack, "seed " + seed + ": " + fitted + " for " + a + " to " + b);
                if (kind == Scale.Kind.DIVERGING) {
                    assertEquals(-fitted.low(), fitted.high(), "seed " + seed);
                } else {
                    // Rounded outwards by one step at each end, of at most eight or nine.
                    assertTrue(fitted.high() - fitted.low() <= (b - a) * 1.8 + 1e-300, "seed " + seed + ": " + fitted + " for " + a + " to " + b);
                }
            }
        }
    }

    @Test
    void fittingSeesFiniteCellsOnly() {
        Cells cells = Cells.of(2, 2, new float[] {Cells.NONE, 0.25f, Float.NaN, 0.5f});
        Scale fitted = Scale.linear(0, 1).fittedTo(cells);
        assertEquals(0.25, fitted.low(), 1e-9);
        assertEquals(0.5, fitted.high(), 1e-9);
        Scale scale = Scale.linear(0, 1);
        assertEquals(scale, scale.fittedTo(Cells.of(1, 2, new float[] {Cells.NONE, Float.NaN})));
    }

    // --- the legend

    @Test
    void legendMarksEndsAndWhatLiesBetween() {
        assertEquals(List.of(0.0, 0.5, 1.0), Scale.linear(0, 1).ticks());
        assertEquals(List.of(0.0, 0.25, 1.0), Scale.sqrt(0, 1).ticks());
        assertEquals(List.of(-2.0, 0.0, 2.0), Scale.diverging(2).ticks());
        assertEquals(List.of(0.125, 1.0, 8.0), Scale.load().ticks());
        assertEquals(5, Scale.log(1).ticks().size());
        assertEquals(1e-4, Scale.log(1).ticks().getFirst(), 1e-12);
        assertEquals(1, Scale.log(1).ticks().getLast(), 1e-12);
    }
}
