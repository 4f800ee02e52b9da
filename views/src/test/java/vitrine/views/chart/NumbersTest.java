package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.DoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// How numbers are written, row by row of the design's table.
///
/// In the tables here a blank stands for the thin space and `-` for the true minus.
class NumbersTest {

    private static String wanted(String text) {
        return text.replace(' ', '\u2009').replace('-', '\u2212');
    }

    // --- probabilities, weights, ranks

    @ParameterizedTest
    @CsvSource({"0.66731, 0.6673", "1, 1.0000", "0, 0.0000", "-0.5, -0.5000", "0.00004, 0.0000", "0.99996, 1.0000"})
    void probabilityInDetail(double value, String text) {
        assertEquals(wanted(text), Numbers.probability(value));
    }

    @ParameterizedTest
    @CsvSource({"0.448, 0.448", "0.9996, 1.000", "0.0004, 0.000"})
    void probabilityInLists(double value, String text) {
        assertEquals(wanted(text), Numbers.probabilityInList(value));
    }

    @ParameterizedTest
    @CsvSource({"0.55, .55", "0.554, .55", "0.004, .00", "1, 1", "0, 0", "-0.55, -.55", "0.9949, .99", "2.61, 2.6", "14.2, 14", "999, 999", "1234, 1.23K",
        "-3.14, -3.1", "1380000, 1.38M"})
    void inCells(double value, String text) {
        assertEquals(wanted(text), Numbers.inCell(value));
    }

    @ParameterizedTest
    @CsvSource({"0.126, 12.6 %", "0.99996, 100.0 %", "0, 0.0 %"})
    void percentages(double share, String text) {
        assertEquals(wanted(text), Numbers.percent(share));
    }

    @Test
    void wholePercentages() {
        assertEquals("68\u2009%", Numbers.wholePercent(0.683));
    }

    // --- loss and perplexity

    @ParameterizedTest
    @CsvSource({"2.33479, 2.3348, 2.335", "0, 0.0000, 0.000", "1234.5, '1,234.5000', '1,234.500'"})
    void losses(double value, String detail, String tile) {
        assertEquals(detail, Numbers.loss(value));
        assertEquals(tile, Numbers.lossOnTile(value));
    }

    @ParameterizedTest
    @CsvSource({"13.612, 13.61", "159.48, 159.5", "999.94, 999.9", "999.96, '1,000'", "1234.4, '1,234'", "123456.7, '123,457'", "1.00004, 1.000", "3.1, 3.100"})
    void perplexities(double value, String text) {
        assertEquals(text, Numbers.perplexity(value));
    }

    // --- counts

    @ParameterizedTest
    @CsvSource({"0, 0", "999, 999", "1000, '1,000'", "260032, '260,032'", "-1234567, '-1,234,567'", "9223372036854775807, '9,223,372,036,854,775,807'"})
    void exactCounts(long value, String text) {
        assertEquals(wanted(text), Numbers.count(value));
    }

    @ParameterizedTest
    @CsvSource({"1380000, 1.38 M", "999, 999", "999.6, 1.00 K", "1000, 1.00 K", "260032, 260 K", "999499, 999 K", "999500, 1.00 M", "7.07e10, 70.7 B", "1.4e12, 1.40 T",
        "1e15, '1,000 T'", "-260032, -260 K", "0, 0", "12.5, 12.5"})
    void parametersAndTokens(double value, String text) {
        assertEquals(wanted(text), Numbers.si(value));
    }

    @ParameterizedTest
    @CsvSource({"15812, 15.8 k", "812, 812", "1.2e6, 1.20 M"})
    void rates(double value, String text) {
        assertEquals(wanted(text), Numbers.rate(value));
    }

    // --- bytes

    @ParameterizedTest
    @CsvSource({"655360, 640 KiB", "1045430, 0.997 MiB", "0, 0 B", "999, 999 B", "1023, 0.999 KiB", "1024, 1.00 KiB", "1073741824, 1.00 GiB", "2899102924, 2.70 GiB"})
    void bytesInViews(double value, String text) {
        assertEquals(wanted(text), Numbers.bytes(value));
    }

    @ParameterizedTest
    @CsvSource({"2800000, 2.8 MB", "999, 999 B", "1000, 1.0 kB", "99949, 99.9 kB", "99950, 0.1 MB", "140000000000, 140.0 GB", "999950000, 1.0 GB"})
    void bytesInLists(double value, String text) {
        assertEquals(wanted(text), Numbers.fileSize(value));
    }

    // --- time

    @ParameterizedTest
    @CsvSource({"0, 0_ms", "0.412, 412_ms", "0.0042, 4.2_ms", "0.9996, 1_s", "13, 13_s", "59.4, 59_s", "59.6, 1_min 0_s", "250, 4_min 10_s", "3599.4, 59_min 59_s",
        "3599.6, 1_h 0_min", "12000, 3_h 20_min", "360000, 100_h 0_min"})
    void timesThatPassed(double seconds, String text) {
        assertEquals(text.replace('_', '\u2009'), Numbers.duration(seconds));
    }

    /// Never to a false second beyond two minutes.
    @ParameterizedTest
    @CsvSource({"0.2, 0_s", "13.4, 13_s", "119.6, 2_min 0_s", "130, 2_min", "169, 3_min", "3570, 1_h 0_min", "5400, 1_h 30_min"})
    void timesThatAreLeft(double seconds, String text) {
        assertEquals(text.replace('_', '\u2009'), Numbers.timeLeft(seconds));
    }

    @Test
    void beyondTwoMinutesNoSecondsAreLeft() {
        for (double s = 121; s < 100_000; s *= 1.01) {
            assertFalse(Numbers.timeLeft(s).contains("\u2009s"), s + " s left: " + Numbers.timeLeft(s));
        }
    }

    // --- small and large

    @ParameterizedTest
    @CsvSource({"0.002, 2e-3", "10400000, 1.04e7", "1.23456e-5, 1.23e-5", "-0.00045, -4.5e-4", "9.996e-4, 1e-3", "0, 0"})
    void scientific(double value, String text) {
        assertEquals(wanted(text), Numbers.scientific(value));
    }

    @ParameterizedTest
    @CsvSource({"0.0009, 9e-4", "0.001, 0.001", "0.12345, 0.1235", "12.5, 12.5", "3, 3", "999999, '999,999'", "1000000, 1e6", "1234567, 1.23e6", "-0.25, -0.25", "1234.56, '1,235'"})
    void numbersOfUnknownSize(double value, String text) {
        assertEquals(wanted(text), Numbers.general(value));
    }

    @Test
    void decades() {
        assertEquals("10⁻³", Numbers.decade(-3));
        assertEquals("10¹²", Numbers.decade(12));
    }

    // --- changes

    @Test
    void changesAlwaysHaveASign() {
        assertEquals("+3.50", Numbers.change(3.5, 2));
        assertEquals("\u22125.48", Numbers.change(-5.481, 2));
        assertEquals("\u22120.00", Numbers.change(-0.001, 2));
        assertEquals("+0.00", Numbers.change(0.001, 2));
        assertEquals("±0.00", Numbers.change(0, 2));
    }

    @Test
    void ratiosHaveADirection() {
        assertEquals("0.085 ↓", Numbers.ratio(0.085));
        assertEquals("6.47 ↑", Numbers.ratio(6.4712));
        assertEquals("1.00", Numbers.ratio(1));
        assertEquals("2.83e−4 ↓", Numbers.ratio(1.885 / 6650));
    }

    // --- not a number

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void whatIsNotFiniteIsADashAndNeverNaN(double value) {
        List<DoubleFunction<String>> all = List.of(Numbers::probability, Numbers::probabilityInList, Numbers::inCell, Numbers::percent, Numbers::wholePercent,
                Numbers::loss, Numbers::lossOnTile, Numbers::perplexity, Numbers::count, Numbers::si, Numbers::rate, Numbers::bytes, Numbers::fileSize,
                Numbers::duration, Numbers::timeLeft, Numbers::scientific, Numbers::general, v -> Numbers.change(v, 2), Numbers::ratio,
                v -> Numbers.fixed(v, 3), v -> Numbers.significant(v, 3));
        for (int i = 0; i < all.size(); i++) {
            String text = all.get(i).apply(value);
            // A dash alone: no unit and no sign behind or before it.
            assertEquals("–", text, "writer " + i);
        }
    }

    @Test
    void theReasonStandsBesideTheDash() {
        assertEquals("– (3 non-finite)", Numbers.missing("3 non-finite"));
        assertEquals("–", Numbers.missing(""));
    }

    // --- laws

    @Test
    void zeroLosesItsSignWhereNothingIsLeftOfIt() {
        assertEquals("0.00", Numbers.fixed(-0.001, 2));
        assertEquals("0.00", Numbers.fixed(-0.0, 2));
        assertEquals("0", Numbers.exact(-0.0));
    }

    /// Against the arithmetic of exact decimals.
    @Test
    void roundingIsRight() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            double value = (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(14) - 4);
            int decimals = random.nextInt(7);
            String shown = Numbers.fixed(value, decimals).replace('\u2212', '-').replace(",", "");
            double off = new BigDecimal(shown).subtract(new BigDecimal(value)).abs().doubleValue();
            assertTrue(off <= 0.5 * Math.pow(10, -decimals) * (1 + 1e-9), "seed " + seed + ": " + value + " as " + shown);
            assertEquals(decimals, shown.contains(".") ? shown.length() - shown.indexOf('.') - 1 : 0, "seed " + seed + ": " + shown);
            BigDecimal three = new BigDecimal(value).round(new MathContext(3, RoundingMode.HALF_UP));
            assertEquals(0, three.compareTo(new BigDecimal(Numbers.scientific(value).replace('\u2212', '-'))), "seed " + seed + ": " + value);
        }
    }

    @Test
    void whatIsCopiedIsTheNumberItself() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 5000; i++) {
            double value = Double.longBitsToDouble(random.nextLong());
            if (Double.isFinite(value)) {
                assertEquals(value, Double.parseDouble(Numbers.exact(value)), "seed " + seed);
            }
        }
        assertEquals("260032", Numbers.exact(260032));
        assertEquals("0.1", Numbers.exact(0.1));
    }

    @Test
    void theLocaleOfTheMachineDoesNotMatter() {
        Locale before = Locale.getDefault();
        try {
            for (Locale locale : List.of(Locale.GERMANY, Locale.forLanguageTag("ar-EG"), Locale.forLanguageTag("hi-IN-u-nu-deva"))) {
                Locale.setDefault(locale);
                assertEquals("1,234.50", Numbers.fixed(1234.5, 2));
                assertEquals("1.38\u2009M", Numbers.si(1_380_000));
                assertEquals("1.04e7", Numbers.scientific(10_400_000));
                assertEquals("4\u2009min 10\u2009s", Numbers.duration(250));
                assertEquals("10⁻³", Numbers.decade(-3));
            }
        } finally {
            Locale.setDefault(before);
        }
    }
}
