package vitrine.views.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import vitrine.core.refusal.Visible;

/// Comma-separated values as RFC 4180 has them, and as spreadsheets must not misread them.
class CsvTest {

    @Test
    void fieldsThatNeedItAreQuoted() {
        assertEquals("plain,\"with, comma\",\"with \"\"quotes\"\"\"\r\n", new Csv().line("plain", "with, comma", "with \"quotes\"").toString());
    }

    @Test
    void everyRecordIsOneLine() {
        assertEquals("a\\nb,c\\rd,e\\tf\r\n", new Csv().line("a\nb", "c\rd", "e\tf").toString());
    }

    /// A spreadsheet takes what starts so for a formula.
    @Test
    void formulasAreDisarmed() {
        assertEquals("'=1+1,'+x,'-x,'@SUM(A1)\r\n", new Csv().line("=1+1", "+x", "-x", "@SUM(A1)").toString());
        assertEquals("\"'=HYPERLINK(\"\"http://x\"\", 1)\"\r\n", new Csv().line("=HYPERLINK(\"http://x\", 1)").toString());
    }

    @Test
    void numbersStayNumbers() {
        assertEquals("-0.5,-3,1.0E-7,NaN,-3,+0.25\r\n", new Csv().line(-0.5, -3, 1e-7, Double.NaN, "-3", "+0.25").toString());
    }

    /// Names from files may hold anything: the same rule as everywhere else in the program.
    @ParameterizedTest
    @ValueSource(strings = {"plain", "", " leading", "trailing ", "a,b", "say \"hi\"", "=cmd", "-", "+1", "-1.5e3", "@", "\u202edesrever", "\u2066x\u2069", "bell\u0007",
        "nul\u0000", "half \ud83d", "whole \ud83d\ude00", "line\u2028end", "−0.5"})
    void textsAreMadeSafeAsInTheCore(String text) {
        assertEquals(Visible.csv(text) + "\r\n", new Csv().line(text).toString());
    }

    @Test
    void aMatrixHasItsLabelsAndLeavesEmptyCellsEmpty() {
        Cells cells = Cells.of(2, 3, new float[] {1, Cells.NONE, Cells.NONE, 0.1f, -0.25f, Float.NaN});
        assertEquals(",a,\"b,c\",2\r\n'=x,1.0,,\r\n1,0.1,-0.25,NaN\r\n", Csv.matrix(cells, List.of("=x"), List.of("a", "b,c")));
    }
}
