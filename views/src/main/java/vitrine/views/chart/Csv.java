package vitrine.views.chart;

import java.util.List;
import java.util.stream.Collectors;

/// Comma-separated values as RFC 4180 has them: lines end in CR LF, fields that need it are quoted.
final class Csv {

    private final StringBuilder text = new StringBuilder();

    /// Adds a line.
    Csv line(Object... fields) {
        return line(List.of(fields));
    }

    /// Adds a line.
    Csv line(List<?> fields) {
        text.append(fields.stream().map(f -> quoted(String.valueOf(f))).collect(Collectors.joining(","))).append("\r\n");
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
            text.append(',').append(quoted(c < columnLabels.size() ? columnLabels.get(c) : Integer.toString(c)));
        }
        text.append("\r\n");
        for (int r = 0; r < cells.rows(); r++) {
            text.append(quoted(r < rowLabels.size() ? rowLabels.get(r) : Integer.toString(r)));
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

    private static String quoted(String field) {
        boolean plain = field.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return plain ? field : '"' + field.replace("\"", "\"\"") + '"';
    }
}
