package vitrine.views.chart;

import java.util.List;
import java.util.stream.Collectors;
import vitrine.core.refusal.Visible;

/// Comma-separated values as RFC 4180 has them: lines end in CR LF, fields that need it are quoted.
///
/// Numbers are written in full. Texts may come from files: what a spreadsheet would take for a formula gets an apostrophe,
/// and control characters are written as escapes, so that a record is always one line.
public final class Csv {

    private final StringBuilder text = new StringBuilder();

    /// Adds a line.
    public Csv line(Object... fields) {
        return line(List.of(fields));
    }

    /// Adds a line.
    public Csv line(List<?> fields) {
        text.append(fields.stream().map(f -> f instanceof Number ? f.toString() : Visible.csv(String.valueOf(f))).collect(Collectors.joining(","))).append("\r\n");
        return this;
    }

    @Override
    public String toString() {
        return text.toString();
    }

    /// A matrix with its labels; empty cells are empty fields.
    static String matrix(Cells cells, List<String> rowLabels, List<String> columnLabels) {
        StringBuilder text = new StringBuilder();
        for (int c = 0; c < cells.columns(); c++) {
            text.append(',').append(Visible.csv(c < columnLabels.size() ? columnLabels.get(c) : Integer.toString(c)));
        }
        text.append("\r\n");
        for (int r = 0; r < cells.rows(); r++) {
            text.append(Visible.csv(r < rowLabels.size() ? rowLabels.get(r) : Integer.toString(r)));
            for (int c = 0; c < cells.columns(); c++) {
                float value = cells.at(r, c);
                text.append(',');
                if (value != Cells.NONE) {
                    text.append(value);
                }
            }
            text.append("\r\n");
        }
        return text.toString();
    }
}
