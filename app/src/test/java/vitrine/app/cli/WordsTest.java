package vitrine.app.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Numbers are written as `ui.md`, section 6, says; the expected texts are worked by hand.
class WordsTest {

    @ParameterizedTest
    @CsvSource({"0,0 B", "999,999 B", "1000,0.977 KiB", "1024,1.00 KiB", "655360,640 KiB", "1040128,0.992 MiB", "1045430,0.997 MiB", "1048576,1.00 MiB",
        "10485760,10.0 MiB", "20220821504,18.8 GiB", "1098437885952,0.999 TiB", "9223372036854775807,8.00 EiB"})
    void memoryHasThreeSignificantDigits(long bytes, String text) {
        assertEquals(text, Words.memory(bytes));
    }

    @ParameterizedTest
    @CsvSource({"0,0 B", "999,999 B", "1000,1.0 kB", "2800000,2.8 MB", "140000000000,140.0 GB"})
    void fileSizesAreDecimal(long bytes, String text) {
        assertEquals(text, Words.bytes(bytes));
    }

    @ParameterizedTest
    @CsvSource({"0.4,0 s", "13,13 s", "250,4 min 10 s", "12000,3 h 20 min"})
    void durations(double seconds, String text) {
        assertEquals(text, Words.duration(seconds));
    }
}
