package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TicksTest {

    @ParameterizedTest
    @CsvSource({"0, 1, 5, 0.2", "0, 10, 5, 2", "0, 7, 5, 2", "0, 12, 5, 5", "0, 100, 4, 50", "0, 3, 3, 1", "-1, 1, 4, 0.5", "2.31, 2.35, 4, 0.01",
        "0, 600, 6, 100", "0, 1e-3, 5, 2e-4", "5, 5, 5, 1", "3, 1, 5, 1"})
    void steps(double low, double high, int atMost, double step) {
        assertEquals(step, Ticks.step(low, high, atMost), step * 1e-9);
    }

    @Test
    void everyStepIsTheSmallestOf125ThatFits() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 5000; i++) {
            double low = (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(12) - 6);
            double high = low + random.nextDouble() * Math.pow(10, random.nextInt(12) - 6) + 1e-9;
            int atMost = 2 + random.nextInt(7);
            double step = Ticks.step(low, high, atMost);
            String where = "seed " + seed + ": " + low + " to " + high + ", " + atMost + ": " + step;
            double mantissa = step / Math.pow(10, Math.floor(Math.log10(step) + 1e-9));
            assertTrue(near(mantissa, 1) || near(mantissa, 2) || near(mantissa, 5), where);
            assertTrue((high - low) / step <= atMost + 1e-6, where);
            double finer = near(mantissa, 5) ? step / 2.5 : step / 2;
            assertTrue((high - low) / finer > atMost - 1e-6, where + ": " + finer + " would do");
        }
    }

    private static boolean near(double a, double b) {
        return Math.abs(a - b) < 1e-6;
    }

    @Test
    void ticksLieInTheRangeOnWholeSteps() {
        assertDoubles(List.of(0.0, 0.2, 0.4, 0.6, 0.8, 1.0), Ticks.linear(0, 1, 5));
        assertDoubles(List.of(0.0, 5.0, 10.0), Ticks.linear(0, 12, 5));
        assertDoubles(List.of(2.35, 2.4, 2.45), Ticks.linear(2.33, 2.46, 3));
        assertDoubles(List.of(-1.0, -0.5, 0.0, 0.5, 1.0), Ticks.linear(-1, 1, 4));
    }

    /// An axis whose ends are ticks, as fitted axes have them, shows from three ticks to six.
    @Test
    void fittedAxesHaveThreeToSixTicks() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (double height : new double[] {60, 90, 140, 200, 300, 600, 1200}) {
            for (int i = 0; i < 500; i++) {
                double low = (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(8) - 4);
                Axis axis = Axis.of("").fittedTo(low, low + random.nextDouble() * Math.pow(10, random.nextInt(8) - 4) + 1e-6, true, Plot.ticksDown(height));
                int ticks = axis.ticks(Plot.ticksDown(height)).size();
                assertTrue(ticks >= 3 && ticks <= 6, "seed " + seed + ": " + ticks + " ticks at height " + height + " on " + axis);
            }
        }
    }

    @Test
    void sharesHaveThreeToSixTicksAtEverySize() {
        for (double height : new double[] {60, 90, 140, 200, 300, 600, 1200}) {
            int ticks = Axis.of("").between(0, 1).ticks(Plot.ticksDown(height)).size();
            assertTrue(ticks >= 3 && ticks <= 6, ticks + " at " + height);
        }
    }

    @Test
    void logarithmicTicks() {
        assertDoubles(List.of(1e-3, 1e-2, 1e-1, 1.0), Ticks.log(1e-3, 1, 6));
        assertDoubles(List.of(10.0, 20.0, 50.0), Ticks.log(10, 60, 6));
        assertDoubles(List.of(1.0, 3.0, 10.0, 30.0, 100.0), Ticks.log(1, 100, 6));
        assertDoubles(List.of(1e-9, 1e-6, 1e-3, 1.0), Ticks.log(1e-9, 1, 4));
        // Ranks: whole powers of two at both ends.
        assertDoubles(List.of(1.0, 2.0, 4.0, 8.0, 16.0), Ticks.log(1, 16, 6));
        assertDoubles(List.of(1.0, 16.0, 256.0, 4096.0), Ticks.log(1, 4096, 3));
    }

    // --- labels

    @Test
    void labelsHaveTheDecimalsOfTheirStep() {
        assertEquals(List.of("0.0", "0.2", "0.4"), Ticks.labels(List.of(0.0, 0.2, 0.4)));
        assertEquals(List.of("0", "5", "10"), Ticks.labels(List.of(0.0, 5.0, 10.0)));
        assertEquals(List.of("−1.0", "−0.5", "0.0"), Ticks.labels(List.of(-1.0, -0.5, 0.0)));
        assertEquals(List.of("2.35", "2.40", "2.45"), Ticks.labels(List.of(2.35, 2.4, 2.45)));
        assertEquals(List.of("0", "2e−4", "4e−4"), Ticks.labels(List.of(0.0, 2e-4, 4e-4)));
        assertEquals(List.of("0", "5\u2009k", "10\u2009k"), Ticks.labels(List.of(0.0, 5000.0, 10000.0)));
        assertEquals(List.of("0", "500\u2009k", "1\u2009M"), Ticks.labels(List.of(0.0, 5e5, 1e6)));
        assertEquals(List.of("9,000", "9,500"), Ticks.labels(List.of(9000.0, 9500.0)));
    }

    @Test
    void logarithmicLabels() {
        assertEquals(List.of("10⁻³", "10⁻²", "10⁻¹", "1"), Ticks.logLabels(List.of(1e-3, 1e-2, 0.1, 1.0)));
        assertEquals(List.of("1", "10", "100", "1,000"), Ticks.logLabels(List.of(1.0, 10.0, 100.0, 1000.0)));
        assertEquals(List.of("10", "20", "50"), Ticks.logLabels(List.of(10.0, 20.0, 50.0)));
        assertEquals(List.of("1", "16", "256"), Ticks.logLabels(List.of(1.0, 16.0, 256.0)));
    }

    /// Wherever one zooms to: what is written at a tick is the tick, to a hundredth of a step, so that no two are written alike.
    @Test
    void everyLabelTellsItsTick() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 5000; i++) {
            double low = random.nextDouble() * Math.pow(10, random.nextInt(10) - 4);
            double high = low + Math.max(low * 1e-6, random.nextDouble() * Math.pow(10, random.nextInt(10) - 4));
            List<Double> ticks = Ticks.linear(low, high, 5);
            List<String> labels = Ticks.labels(ticks);
            String where = "seed " + seed + ": " + ticks + " as " + labels;
            assertEquals(labels.size(), new HashSet<>(labels).size(), where);
            for (int k = 0; k < ticks.size() && ticks.size() > 1; k++) {
                assertEquals(ticks.get(k), read(labels.get(k)), (ticks.get(1) - ticks.get(0)) / 100, where);
            }
        }
    }

    private static double read(String label) {
        String[] parts = label.replace('\u2212', '-').replace(",", "").split("\u2009");
        double factor = parts.length == 1 ? 1 : Map.of("k", 1e3, "M", 1e6, "G", 1e9).get(parts[1]);
        return Double.parseDouble(parts[0]) * factor;
    }

    private static void assertDoubles(List<Double> wanted, List<Double> actual) {
        assertEquals(wanted.size(), actual.size(), actual.toString());
        for (int i = 0; i < wanted.size(); i++) {
            assertEquals(wanted.get(i), actual.get(i), Math.abs(wanted.get(i)) * 1e-9, actual.toString());
        }
    }
}
